"""Runs a generator in a process of its own, which is ended when its time is up; what it had yielded by then stays."""

import multiprocessing
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any, NamedTuple


class Outcome(NamedTuple):
    """What came of it."""

    values: list[Any]
    """All that was yielded, in order."""
    seconds: float
    """Since the work began, imports not counted."""
    processor_seconds: float
    """What it computed until its last word: less than `seconds` where others use the machine, or it was killed."""
    problem: str
    """Empty if it ended by itself; else why not, in one line."""


def run_apart(work: Callable[..., Iterator[Any]], *arguments: Any, seconds: float, prepare: str = "") -> Outcome:
    """Collects what a generator yields until it ends or its time is up.

    Args:
        work: A function of a module, called with the arguments; what it yields is sent home by pickle.
        arguments: Sent there by pickle.
        seconds: How long it may take after its imports; the process is killed then.
        prepare: A module that takes long to import, so that this is not counted.
    """
    processes = multiprocessing.get_context("spawn")
    here, there = processes.Pipe(duplex=False)
    child = processes.Process(target=_work, args=(there, prepare, work, arguments), daemon=False)
    child.start()
    there.close()
    try:
        return _collect(here, seconds)
    finally:
        child.kill()
        child.join()
        here.close()


_IMPORTING = 120.0
"""Seconds that imports may take."""


def _collect(here: Connection, seconds: float) -> Outcome:
    values: list[Any] = []
    processor = 0.0
    begun, until = time.monotonic(), time.monotonic() + _IMPORTING
    while here.poll(max(0.0, until - time.monotonic())):
        try:
            kind, value, processor = here.recv()
        except EOFError:
            return Outcome(values, time.monotonic() - begun, processor, "the process died")
        if kind == "ready":
            begun, until = time.monotonic(), time.monotonic() + seconds
        elif kind == "value":
            values.append(value)
        else:
            return Outcome(values, time.monotonic() - begun, processor, value)
    return Outcome(values, time.monotonic() - begun, processor, "time is up")


def _work(there: Connection, prepare: str, work: Callable[..., Iterator[Any]], arguments: tuple[Any, ...]) -> None:
    try:
        if prepare:
            __import__(prepare)
        begun = time.process_time()
        there.send(("ready", None, 0.0))
        for value in work(*arguments):
            there.send(("value", value, time.process_time() - begun))
        there.send(("end", "", time.process_time() - begun))
    except Exception as error:  # noqa: BLE001  whatever a method stumbles over is its result
        lines = str(error).strip().splitlines()
        there.send(("end", f"{type(error).__name__}: {lines[-1] if lines else ''}".strip(), 0.0))
