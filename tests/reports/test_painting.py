"""A process that paints beside this one."""

import os
import signal

import pytest

from reports import painting
from reports.figures.drawing import Box, Drawing, Words
from reports.figures.png import to_png
from reports.painting import paint_here, painting_aside

DRAWINGS = [Drawing(40, 30 + count, (Box(1, 2, 30, 9, "positive"), Words(4, 20, "h1[3]"))) for count in range(3)]
FILES = [to_png(drawing) for drawing in DRAWINGS]


def test_another_process_paints_the_same_bytes_in_order(monkeypatch):
    monkeypatch.setattr(painting, "available_cores", lambda: 2)
    monkeypatch.setattr(painting, "paint_here", None)
    with painting_aside() as paint:
        assert paint(DRAWINGS)() == FILES


def test_on_one_core_this_process_paints(monkeypatch):
    monkeypatch.setattr(painting, "available_cores", lambda: 1)
    monkeypatch.setattr(painting, "ProcessPoolExecutor", None)
    with painting_aside() as paint:
        assert paint is paint_here
        assert paint(DRAWINGS)() == FILES


def test_if_the_other_process_is_ended_this_one_paints(monkeypatch):
    monkeypatch.setattr(painting, "available_cores", lambda: 2)
    started = []
    pool = painting.ProcessPoolExecutor
    monkeypatch.setattr(painting, "ProcessPoolExecutor", lambda *given: started.append(pool(*given)) or started[0])
    with painting_aside() as paint:
        files = paint(DRAWINGS)
        for process in list(started[0]._processes.values()):
            os.kill(process.pid, signal.SIGKILL)
        assert files() == FILES


def test_what_goes_wrong_while_painting_is_told(monkeypatch):
    monkeypatch.setattr(painting, "available_cores", lambda: 2)
    with painting_aside() as paint, pytest.raises(KeyError, match="no such tone"):
        paint([Drawing(10, 10, (Words(1, 1, "a", tone="no such tone"),))])()
