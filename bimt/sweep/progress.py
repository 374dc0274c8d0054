"""What a sweep shows on stderr: one bar per worker and one for all, or plain lines where there is no terminal."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column

from bimt.messages import printable
from bimt.sweep.engine import Begun, Ended, Event, Halted, Lost, Reached

_NAME = 100


@contextmanager
def shown(console: Console, *, blocks: int, done: int, workers: int, quiet: bool) -> Iterator[Callable[[Event], None]]:
    """Lends a function that shows the events of a sweep; what was lost is told even if quiet.

    Args:
        console: On stderr.
        blocks: How many there are in all.
        done: How many of them were finished before.
        workers: For how many there is a bar from the beginning.
        quiet: No progress.
    """
    if quiet:
        yield lambda event: _tell_trouble(console, event)
    elif console.is_terminal:
        with _bars(console, blocks=blocks, done=done, workers=workers) as watch:
            yield watch
    else:
        yield _lines(console, blocks=blocks, done=done)


@contextmanager
def _bars(console: Console, *, blocks: int, done: int, workers: int) -> Iterator[Callable[[Event], None]]:
    name = TextColumn("{task.description}", table_column=Column(no_wrap=True, overflow="ellipsis"))
    columns = TextColumn("{task.fields[who]}"), BarColumn(20), MofNCompleteColumn(), TimeElapsedColumn(), name
    with Progress(*columns, console=console, transient=True) as progress:
        total = progress.add_task("", who="all blocks", total=blocks, completed=done)
        bars = {rank: progress.add_task("", who=f"worker {rank + 1}", total=None) for rank in range(workers)}

        def watch(event: Event) -> None:
            rank = event.worker
            if rank not in bars:
                bars[rank] = progress.add_task("", who=f"worker {rank + 1}", total=None)
            title = printable(event.block.name, limit=_NAME)
            if isinstance(event, Begun):
                progress.reset(bars[rank], description=title, total=event.block.config.steps)
            elif isinstance(event, Reached):
                is_trained = event.moment.step == event.moment.steps
                state = "measuring " if is_trained else ""
                progress.update(bars[rank], completed=event.moment.step, description=state + title)
            else:
                progress.update(bars[rank], description="idle")
                progress.advance(total, isinstance(event, Ended))
            _tell_trouble(console, event)

        yield watch


def _lines(console: Console, *, blocks: int, done: int) -> Callable[[Event], None]:
    begun: dict[str, float] = {}
    count = done

    def watch(event: Event) -> None:
        nonlocal count
        if isinstance(event, Begun):
            begun[event.block.name] = time.monotonic()
        elif isinstance(event, Ended) and not event.failure:
            count += 1
            seconds = time.monotonic() - begun[event.block.name]
            name = printable(event.block.name)
            console.print(f"{count:,} of {blocks:,}: {name} in {seconds:.1f} s by worker {event.worker + 1}")
        _tell_trouble(console, event)

    return watch


def _tell_trouble(console: Console, event: Event) -> None:
    name = printable(event.block.name)
    if isinstance(event, Lost):
        console.print(f"worker {event.worker + 1} {printable(event.reason, limit=500)}; {name} is begun again")
    elif isinstance(event, Ended) and event.failure:
        console.print(f"failed: {name}: {printable(event.failure, limit=500)}")
    elif isinstance(event, Halted):
        console.print(f"stopped and saved: {name}")
    elif isinstance(event, Reached):
        for line in event.moment.news:
            console.print(printable(f"{name}: {line}", limit=500))
