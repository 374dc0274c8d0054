"""Pictures painted by a process of its own while this one computes."""

import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context

from bimt.cores import available_cores
from reports.figures.drawing import Drawing

Paint = Callable[[Sequence[Drawing]], Callable[[], list[bytes]]]
"""Takes drawings and returns at once; what it returns waits for the PNG files, in order."""


def paint_here(drawings: Sequence[Drawing]) -> Callable[[], list[bytes]]:
    """Paints in this process, when the files are asked for."""
    from reports.figures.png import to_png  # only who paints imports a renderer

    return lambda: [to_png(drawing) for drawing in drawings]


@contextmanager
def painting_aside() -> Iterator[Paint]:
    """Lends a function that paints on another core, in a process that gets ready at once; here where there is no other.

    The files are the same. Only for commands: scripts that start processes must run under `if __name__ == "__main__"`.

    Example:
        with painting_aside() as paint:
            write_report(build_report("runs/ind"), Path("runs/ind"), paint=paint)
    """
    if available_cores() < 2:
        yield paint_here
        return
    pool = ProcessPoolExecutor(1, get_context("spawn"), _begin)
    pool.submit(_paint)

    def paint(drawings: Sequence[Drawing]) -> Callable[[], list[bytes]]:
        try:
            waiting = pool.map(_paint, drawings)
        except BrokenProcessPool:  # somebody ended it
            return paint_here(drawings)

        def files() -> list[bytes]:
            try:
                return list(waiting)
            except BrokenProcessPool:
                return paint_here(drawings)()

        return files

    try:
        yield paint
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _begin() -> None:
    """Makes a worker of this process: Ctrl-C is for the one that started it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _paint(drawing: Drawing | None = None) -> bytes:
    """Paints; without a drawing it only imports what paints."""
    from reports.figures.png import to_png

    return b"" if drawing is None else to_png(drawing)
