"""Runs a generator in a process of its own, which is ended when its time is up; what it had yielded by then stays.

Time is the processor's, so that a busy machine takes nothing from anyone.
"""

import math
import multiprocessing
import resource
import signal
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any, NamedTuple

_IMPORTING = 300.0
"""Seconds of wall time that imports may take."""
_PATIENCE = 4
"""So many times its processor time a process may take by the clock on the wall."""


class Outcome(NamedTuple):
    """What came of it."""

    values: list[Any]
    """All that was yielded, in order."""
    seconds: float
    """Processor time since the work began, imports not counted; all that was allowed if it did not end."""
    wall_seconds: float
    """The same by the clock on the wall."""
    problem: str
    """Empty if it ended by itself; else why not, in one line."""


def run_apart(work: Callable[..., Iterator[Any]], *arguments: Any, seconds: float, prepare: str = "") -> Outcome:
    """Collects what a generator yields until it ends or its time is up.

    Args:
        work: A function of a module, called with the arguments; what it yields is sent home by pickle.
        arguments: Sent there by pickle.
        seconds: Processor time that it may take after its imports, rounded up to whole seconds; the process is killed
            then, or when four times as much has passed on the wall.
        prepare: A module that takes long to import, so that this is not counted.
    """
    processes = multiprocessing.get_context("spawn")
    here, there = processes.Pipe(duplex=False)
    child = processes.Process(target=_work, args=(there, seconds, prepare, work, arguments))
    child.start()
    there.close()
    try:
        return _collect(here, child, seconds)
    finally:
        child.kill()
        child.join()
        here.close()


def _collect(here: Connection, child: SpawnProcess, seconds: float) -> Outcome:
    values: list[Any] = []
    begun, until = time.monotonic(), time.monotonic() + _IMPORTING
    while here.poll(max(0.0, until - time.monotonic())):
        try:
            kind, value, processor = here.recv()
        except EOFError:
            child.join()
            is_over = child.exitcode == -signal.SIGXCPU
            problem = "time is up" if is_over else "the process died"
            return Outcome(values, seconds, time.monotonic() - begun, problem)
        if kind == "ready":
            begun, until = time.monotonic(), time.monotonic() + _PATIENCE * seconds
        elif kind == "value":
            values.append(value)
        else:
            return Outcome(values, processor, time.monotonic() - begun, value)
    return Outcome(values, seconds, time.monotonic() - begun, "time is up")


def _work(
    there: Connection,
    seconds: float,
    prepare: str,
    work: Callable[..., Iterator[Any]],
    arguments: tuple[Any, ...],
) -> None:
    begun = time.process_time()
    try:
        if prepare:
            __import__(prepare)
        begun = time.process_time()
        most = math.ceil(begun + seconds)
        resource.setrlimit(resource.RLIMIT_CPU, (most, most + 5))
        there.send(("ready", None, 0.0))
        for value in work(*arguments):
            there.send(("value", value, time.process_time() - begun))
        there.send(("end", "", time.process_time() - begun))
    except Exception as error:  # noqa: BLE001  whatever a method stumbles over is its result
        lines = str(error).strip().splitlines()
        problem = f"{type(error).__name__}: {lines[-1] if lines else ''}".strip()
        there.send(("end", problem, time.process_time() - begun))
