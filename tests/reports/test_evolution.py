"""How a net came about, in a report: the strip of snapshots, the events in words and on the curves."""

import re
from dataclasses import replace

import numpy as np
import pytest

from interp.detectors import Event
from interp.events import tell
from reports.content import make_page
from reports.figures.axes import Frame, Scale
from reports.figures.curves import draw_training, event_marks
from reports.figures.drawing import Disc, Lines, Words
from reports.figures.filmstrip import choose_frames, draw_strip
from reports.html import to_html
from reports.markdown import to_markdown
from reports.report import build_report
from tests.nets import mlp
from tests.reports.checkpoints import small_checkpoint, small_task
from tests.reports.test_report import check_page
from tests.snapshots import checkpoint_of


def event(frame, kind="split", title="2 parts") -> Event:
    return Event(kind, frame, 100 * frame, 100 * (frame - 1), title, "what happened", {})


@pytest.fixture(scope="module")
def splitting():
    """A net that falls into two parts at step 600, and its story."""
    nets = [mlp([[[1.0, 0.5 if frame < 6 else 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]]]) for frame in range(12)]
    checkpoint = checkpoint_of(nets)
    return checkpoint, tell(checkpoint, 0)


# Which snapshots


def test_snapshots_with_events_are_chosen():
    assert choose_frames([event(3), event(17)], np.full(21, 9)) == [0, 3, 6, 10, 17, 20]


def test_too_many_events_are_chosen_by_kind():
    events = [event(frame, "jump") for frame in range(1, 9)] + [event(15, "dropped output"), event(12)]
    assert choose_frames(events, np.full(21, 9)) == [0, 1, 2, 12, 15, 20]


def test_between_events_the_snapshots_lie_where_much_changes():
    connections = np.concatenate([np.geomspace(400, 20, 10), np.full(90, 20)]).astype(int)
    assert sum(0 < frame < 10 for frame in choose_frames([], connections)) >= 2


@pytest.mark.parametrize("count", [2, 3, 5, 6])
def test_few_snapshots_are_all_shown(count):
    assert choose_frames([event(1)], np.full(count, 9)) == list(range(count))


@pytest.mark.parametrize("connections", [np.zeros(9, dtype=int), np.arange(9), np.full(40, 3)])
def test_six_are_chosen_once_each(connections):
    chosen = choose_frames([event(1), event(2), event(3), event(4), event(5)], connections)
    assert len(set(chosen)) == len(chosen) == 6
    assert chosen[0] == 0
    assert chosen[-1] == len(connections) - 1


# The strip


def test_the_strip_shows_its_snapshots(splitting):
    figure = draw_strip(*splitting, {"in": ["module0", "module1"], "h1": ["muted"] * 2, "out": ["muted"] * 2})
    words = [mark.text for mark in figure.drawing.marks if isinstance(mark, Words)]
    steps = [text for text in words if text.startswith("step")]
    assert steps[0] == "step 0"
    assert steps[-1] == "step 1,100"
    assert "step 600" in steps
    assert len(steps) == 6
    assert words.count("1") == 1, "the event's number"
    assert words.count("2 parts") == 1
    ends = sum(len(mark.ends) for mark in figure.drawing.marks if isinstance(mark, Lines))
    before = sum(int(step.replace(",", "").split()[1]) < 600 for step in steps)
    assert ends == 5 * before + 4 * (6 - before)
    assert "steps 0, " in figure.alt
    for mark in figure.drawing.marks:
        if isinstance(mark, Lines):
            assert (mark.ends >= 0).all()
            assert (mark.ends[:, ::2] <= figure.drawing.width).all()
            assert (mark.ends[:, 1::2] <= figure.drawing.height).all()


# The curves


def test_events_are_numbered_on_the_curves():
    x, frame = Scale(0.0, 2000.0, 0.0, 400.0), Frame(0.0, 0.0, 400.0, 100.0)
    marks = event_marks(x, frame, [event(1), event(10), event(10), event(11)])
    assert [mark.text for mark in marks if isinstance(mark, Words)] == ["1", "2", "3", "4"]
    discs = [mark for mark in marks if isinstance(mark, Disc)]
    assert [round(disc.x) for disc in discs] == [20, 200, 200, 220]
    for one in discs:
        for other in discs:
            assert one is other or (one.x - other.x) ** 2 + (one.y - other.y) ** 2 >= (2 * one.radius) ** 2
    assert discs[0].title == "step 100: 2 parts"


def test_the_curves_say_what_the_numbers_are(splitting):
    checkpoint, story = splitting
    values = {"label": 0, "strength": [(0, 0.001)]}
    with_events, without = (draw_training(checkpoint.history, **values, events=events) for events in (story.events, ()))
    for figure, bare in zip(with_events, without, strict=True):
        assert "Numbers: the events listed under Evolution." in figure.caption
        assert "Numbers" not in bare.caption
        assert len(figure.drawing.marks) == len(bare.drawing.marks) + 3


# The report


def test_a_report_tells_the_events(splitting):
    report = build_report(splitting[0])
    page = make_page(report)
    assert page.events == ("Step 600: the net falls into 2 parts (before: 1).",)
    assert [figure.name for figure in page.figures].count("evolution") == 1
    html, markdown = to_html(page), to_markdown(page, "figures")
    read = check_page(html)
    assert read.all("ol")
    assert "Step 600: the net falls into 2 parts (before: 1)." in "".join(read.text)
    assert re.search(r"^1\. Step 600: ", markdown, re.MULTILINE)
    assert "Every seed" not in html, "there is one only"


@pytest.fixture(scope="module")
def page():
    """The report of two seeds that are trained for a moment."""
    return make_page(build_report(small_checkpoint(small_task())))


def test_a_report_lists_the_events_of_every_seed(page):
    assert [row[0] for row in page.stories.rows] == ["0", "1"]
    assert len(page.stories.marked) == 1
    check_page(to_html(page))
    assert "### Every seed" in to_markdown(page, "figures")


def test_of_very_many_snapshots_only_those_of_the_explained_seed_are_looked_at(monkeypatch):
    monkeypatch.setattr("reports.report.MOST_SNAPSHOTS", 9)  # two seeds of five snapshots each
    built = build_report(small_checkpoint(small_task()), label=1)
    assert [story.evolution.label for story in built.stories] == [1]
    page = make_page(built)
    assert page.stories.rows == ()
    assert page.stories_note == "What happened in the other seeds, the command bimt events says."
    for text in (to_html(page), to_markdown(page, "figures")):
        assert page.stories_note in text
    check_page(to_html(page))


def test_without_snapshots_a_report_has_no_evolution():
    checkpoint = small_checkpoint(small_task(), seeds=1)
    last = {name: tensor[-1:] for name, tensor in checkpoint.snapshots.items()}
    page = make_page(build_report(replace(checkpoint, snapshots=last)))
    assert (page.evolution, page.events, page.stories.rows) == ((), (), ())
    html, markdown = to_html(page), to_markdown(page, "figures")
    check_page(html)
    assert "volution" not in html
    assert "volution" not in markdown


def test_a_report_without_events_says_so(page):
    quiet = replace(page, events=())
    assert "Nothing that counts as an event happened" in to_html(quiet)
    assert "Nothing that counts as an event happened" in to_markdown(quiet, "figures")
