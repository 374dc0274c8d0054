"""Workers that are processes of this machine: one that dies loses nothing but its block, which another does again."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import wait

from bimt.cores import CORES, available_cores
from bimt.messages import printable
from bimt.sweep.blocks import Block, Work
from bimt.sweep.engine import ATTEMPTS, Begun, Ended, Event, Halted, Lost, Reached
from bimt.sweep.worker import Order, Result, Stop
from bimt.train import Moment

_POLL = 0.2
"""Seconds between two questions whether to stop."""
_GRACE = 5.0
"""Seconds that a worker has to end by itself."""
_SERVE = """
import json, sys
sys.path[:] = json.loads(sys.argv[2])
from multiprocessing.connection import Connection
from bimt.sweep.worker import serve
serve(Connection(int(sys.argv[1])))
"""


class Processes:
    """The engine of one machine."""

    def __init__(self, work: Work, *, workers: int | None = None) -> None:
        """Starts nothing yet.

        Args:
            work: What is done with a block.
            workers: How many processes, at least 1, sharing the cores; None takes one for every core.

        Raises:
            ValueError: If there is to be no worker.
        """
        if workers is not None and workers < 1:
            raise ValueError(f"`workers` must be at least 1, got {workers}")
        self._work = work
        self._workers = available_cores() if workers is None else workers

    @property
    def workers(self) -> int:
        """How many processes there are at most."""
        return self._workers

    def run(self, blocks: Sequence[Block], *, should_stop: Callable[[], bool]) -> Iterator[Event]:
        """Does every block; as in `Engine`."""
        waiting = deque((block, 1) for block in blocks)
        crew: dict[int, _Process] = {}
        size = min(self.workers, len(blocks))
        is_stopping = False
        try:
            while waiting or any(process.block for process in crew.values()):
                if not is_stopping and should_stop():
                    is_stopping = True
                    waiting.clear()
                    for process in crew.values():
                        process.ask_to_stop()
                yield from self._hand_out(waiting, crew, size)
                busy = {process.connection: rank for rank, process in crew.items() if process.block}
                for connection in wait(list(busy), timeout=_POLL):
                    rank = busy[connection]  # type: ignore[index]
                    yield from _heard(rank, crew, waiting, is_stopping=is_stopping)
        finally:
            for process in crew.values():
                process.end()

    def _hand_out(self, waiting: deque[tuple[Block, int]], crew: dict[int, "_Process"], size: int) -> Iterator[Event]:
        """Gives every idle worker a block, starting workers that are not there (yet, or any more)."""
        for rank in range(size):
            if not waiting:
                return
            if rank not in crew:
                crew[rank] = _Process(cores=max(available_cores() // size, 1))
            if crew[rank].block is None:
                block, tries = waiting.popleft()
                crew[rank].begin(self._work, block, tries)
                yield Begun(rank, block)


def _heard(
    rank: int, crew: dict[int, "_Process"], waiting: deque[tuple[Block, int]], *, is_stopping: bool
) -> Iterator[Event]:
    """Takes one message of a worker, or its death, as what it means."""
    process = crew[rank]
    block = process.block
    if block is None:
        return
    message = process.heard()
    if isinstance(message, Moment):
        yield Reached(rank, block, message)
        return
    process.block = None
    if isinstance(message, Result):
        yield Halted(rank, block) if message.is_halted else Ended(rank, block, message.failure)
        return
    reason = crew.pop(rank).end()
    if is_stopping:
        yield Halted(rank, block)
    elif process.tries < ATTEMPTS:
        waiting.appendleft((block, process.tries + 1))
        yield Lost(rank, block, reason)
    else:
        yield Ended(rank, block, f"{process.tries} workers died of it; the last {reason}")


class _Process:
    """One worker: its process, the pipe to it and what it is busy with."""

    def __init__(self, *, cores: int) -> None:
        self.connection, theirs = Pipe()
        self.block: Block | None = None
        self.tries = 0
        # it outlives this function; what the worker says when it dies is read from it
        self._words = tempfile.TemporaryFile()  # noqa: SIM115
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _SERVE, str(theirs.fileno()), json.dumps(sys.path)],
                stdin=subprocess.DEVNULL,
                stdout=self._words,
                stderr=self._words,
                pass_fds=[theirs.fileno()],
                process_group=0,  # Ctrl-C is for the parent, which passes it on in order
                env={**os.environ, CORES: str(cores)},
            )
        finally:
            theirs.close()

    def begin(self, work: Work, block: Block, tries: int) -> None:
        """Hands over a block; a worker that is dead already is noticed when it is listened to."""
        self.block, self.tries = block, tries
        self._send(Order(work, block))

    def ask_to_stop(self) -> None:
        """Has it save and stop."""
        self._send(Stop())

    def heard(self) -> Moment | Result | None:
        """Returns the next message; None if the worker is dead."""
        try:
            message: Moment | Result = self.connection.recv()
        except (EOFError, OSError):
            return None
        return message

    def end(self) -> str:
        """Makes sure that the process has ended; returns how it did."""
        self.connection.close()
        try:
            status = self._process.wait(timeout=_GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        self._words.seek(0)
        lines = self._words.read().decode(errors="replace").split("\n")
        self._words.close()
        said = next((line for line in reversed(lines) if line.strip()), "")
        how = f"was killed by {_signal(-status)}" if status < 0 else f"ended with status {status}"
        return how + (f": {printable(said, limit=300)}" if said else "")

    def _send(self, message: Order | Stop) -> None:
        with suppress(OSError):
            self.connection.send(message)


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
