"""What a sweep shows while it runs."""

import io

import pytest
from rich.console import Console

from bimt.sweep.engine import Begun, Ended, Halted, Lost, Reached
from bimt.sweep.progress import shown
from bimt.train import Moment
from tests.bimt.sweep.works import block_at


@pytest.fixture
def events(tmp_path):
    first, second = (block_at(tmp_path / f"cell-{rank}" / "seeds-0-0") for rank in (1, 2))
    return [
        Begun(0, first),
        Begun(1, second),
        Reached(0, first, Moment(20, 60, 0.5, 2.0, 7.0, news=("seed 0: loss became nan; it is left out",))),
        Reached(0, first, Moment(60, 60, 0.5, 2.0, 7.0)),
        Ended(0, first),
        Lost(1, second, "was killed by SIGKILL"),
        Begun(5, second),
        Ended(5, second, "ValueError: no\x1b[31m"),
        Halted(0, first),
    ]


def text_of(events, *, quiet=False, is_terminal=False):
    stream = io.StringIO()
    console = Console(file=stream, width=200, force_terminal=is_terminal, highlight=False)
    with shown(console, blocks=3, done=1, workers=2, quiet=quiet) as watch:
        for event in events:
            watch(event)
    return stream.getvalue()


def test_plain_lines_where_there_is_no_terminal(events):
    lines = text_of(events).splitlines()
    assert lines[0] == "cell-1/seeds-0-0: seed 0: loss became nan; it is left out"
    assert lines[1].startswith("2 of 3: cell-1/seeds-0-0 in ")
    assert lines[1].endswith(" s by worker 1")
    assert lines[2:] == [
        "worker 2 was killed by SIGKILL; cell-2/seeds-0-0 is begun again",
        "failed: cell-2/seeds-0-0: ValueError: no\\x1b[31m",
        "stopped and saved: cell-1/seeds-0-0",
    ]


def test_quiet_still_tells_of_trouble(events):
    lines = text_of(events, quiet=True).splitlines()
    assert [line.split()[0] for line in lines] == ["cell-1/seeds-0-0:", "worker", "failed:", "stopped"]


def test_one_bar_for_every_worker_and_one_for_all(events):
    text = text_of(events, is_terminal=True)
    for part in ("all blocks", "worker 1", "worker 2", "worker 6", "3/3", "failed: cell-2"):
        assert part in text
    assert "measuring cell-1/seeds-0-0" in text_of(events[:4], is_terminal=True)
