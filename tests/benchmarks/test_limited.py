import os
import time
from collections.abc import Iterator

from benchmarks.formulas.limited import run_apart


def counting(upto: int) -> Iterator[int]:
    yield from range(upto)


def hanging() -> Iterator[str]:
    yield "so far"
    time.sleep(60)


def failing() -> Iterator[int]:
    yield 1
    raise ValueError("first line\nno such column")


def dying() -> Iterator[int]:
    yield 1
    os._exit(1)


def computing() -> Iterator[str]:
    yield "so far"
    while True:
        pass


def test_what_was_found_stays_however_it_ends():
    begun = time.monotonic()
    ended, failed, died = (run_apart(*work, seconds=20) for work in ((counting, 3), (failing,), (dying,)))
    hung = run_apart(hanging, seconds=0.3)
    assert (ended.values, ended.problem) == ([0, 1, 2], "")
    assert (hung.values, hung.problem) == (["so far"], "time is up")
    assert 1.2 <= hung.wall_seconds < 5  # four times what it may compute
    assert hung.seconds == 0.3
    assert (failed.values, failed.problem) == ([1], "ValueError: no such column")
    assert (died.values, died.problem) == ([1], "the process died")
    assert time.monotonic() - begun < 40


def test_what_computes_too_long_is_ended_by_its_processor_time():
    outcome = run_apart(computing, seconds=0.5)
    assert (outcome.values, outcome.problem, outcome.seconds) == (["so far"], "time is up", 0.5)
