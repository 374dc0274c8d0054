"""The section of a net on sheets: the stack, features, signs and ranks."""

import re

import numpy as np
import pytest
import torch

from bimt.tasks.base import Scaling, Split, Task
from bimt.train import train
from interp.features import find_features, find_feeds
from interp.graph import crossings, graph_table, to_graph
from interp.signs import find_signs
from interp.sparse import Neuron
from reports.content import make_page
from reports.figures import stack
from reports.figures.drawing import Area, Dots, Lines, Words
from reports.figures.maps import draw_features, draw_feeds
from reports.figures.net import Groups
from reports.figures.palette import module_tone
from reports.figures.png import to_png
from reports.figures.ranks import draw_ranks
from reports.figures.stack import Projection, draw_stack
from reports.figures.svg import to_svg
from reports.html import to_html
from reports.report import build_report, write_report
from tests.bimt.images import quick_config
from tests.reports.checkpoints import HOSTILE
from tests.reports.test_report import check_markdown, check_page
from tests.sheets import sheet_sparse


def sheet_task(names=("a", "b", "c")):
    split = Split(torch.rand(5, 4, dtype=torch.float64), torch.tensor([0, 1, 2, 0, 1]))
    inputs = tuple(f"pixel {index}" for index in range(4))
    return Task("t", "classification", inputs, tuple(names), split, split, Scaling.none(4, 3), tuple(names), True)


def drawn(names=("a", "b", "c"), **options):
    graph = to_graph(sheet_sparse(), sheet_task(names))
    brightness = dict.fromkeys(graph.graph["inputs"], 0.5)
    usual = {"everyone": graph, "groups": Groups({}, ()), "brightness": brightness, "name": "net", "title": "t"}
    return draw_stack(graph, caption="c", **{**usual, **options})


def marks(figure, kind):
    return [mark for mark in figure.drawing.marks if isinstance(mark, kind)]


def test_every_kept_connection_is_one_line_of_its_sign():
    lines = marks(drawn(), Lines)
    counts = {tone: sum(len(mark.ends) for mark in lines if mark.tone == tone) for tone in ("positive", "negative")}
    assert counts == {"positive": 3 + 1 + 3, "negative": 1 + 3}


def test_of_many_connections_the_strongest_are_drawn(monkeypatch):
    monkeypatch.setattr(stack, "MOST_LINES", 3)
    lines = marks(drawn(), Lines)
    assert sum(len(mark.ends) for mark in lines) == 3
    assert {mark.tone for mark in lines} == {"positive", "negative"}  # -4, 3 and one of 2 and -2


def test_sheets_lie_above_each_other_and_pixels_row_by_row():
    project = Projection(bottom=300.0, rise=200.0)
    low, high = project(np.array([[0.5, 0.5, 0.0], [0.5, 0.5, 1.0]]))
    assert low[0] == high[0]
    assert low[1] - high[1] == 200
    top_left, top_right, bottom_left = project(np.array([[0, 0, 0], [0, 1, 0], [1, 0, 0]], dtype=float))
    assert top_right[0] > top_left[0]
    assert bottom_left[1] > top_left[1]


def test_everything_lies_on_the_drawing():
    figure = drawn()
    ends = np.concatenate([mark.ends.reshape(-1, 2) for mark in marks(figure, Lines)])
    rings = np.concatenate([ring for mark in marks(figure, Area) for ring in mark.rings])
    for points in (ends, rings):
        assert (points >= 0).all()
        assert (points <= [figure.drawing.width, figure.drawing.height]).all()


def test_bright_pixels_are_painted_on_the_lowest_sheet_only():
    tiles = [ring for mark in marks(drawn(), Area) if mark.tone == "ink" for ring in mark.rings]
    assert len(tiles) == 4
    assert not [mark for mark in marks(drawn(brightness={}), Area) if mark.tone == "ink"]


def test_outputs_are_named_and_neurons_have_the_hues_of_their_modules():
    figure = drawn(groups=Groups({Neuron("h1", 0): 0, Neuron("out", 2): 0, Neuron("h2", 1): 1}, ("A", "B")))
    assert {"a", "b", "c"} <= {mark.text for mark in marks(figure, Words)}
    counts = {module_tone(0): 0, module_tone(1): 0, "faint": 0, "muted": 0}
    for mark in marks(figure, Dots):
        if mark.tone != "paper":
            counts[mark.tone] += len(mark.centres)
    assert counts == {module_tone(0): 2, module_tone(1): 1, "faint": 8 - 3, "muted": 4}
    assert "data-" not in to_svg(figure)


@pytest.mark.parametrize("start", range(0, len(HOSTILE), 3))
def test_hostile_labels_are_escaped(start):
    names = (*HOSTILE, "x", "y")[start : start + 3]
    figure = drawn(names)
    assert all(len(mark.text) < 50 for mark in marks(figure, Words))
    feeds = draw_feeds(
        find_feeds(sheet_sparse()),
        dict(zip(to_graph(sheet_sparse(), sheet_task()).graph["outputs"], names, strict=True)),
    )
    for drawing in (figure, feeds):
        text = str(to_svg(drawing))
        assert not re.search(r"<(script|img)|</title></style|[\x00\u202e]", text)
        assert to_png(drawing.drawing).startswith(b"\x89PNG")


def test_features_are_painted_cell_by_cell():
    features = find_features(sheet_sparse())
    figure = draw_features(features)
    cells = [(mark.tone, len(mark.rings)) for mark in marks(figure, Area)]
    assert cells == [("negative", 1), ("positive", 1), ("positive", 1), ("positive", 1)]
    negative = next(mark for mark in marks(figure, Area) if mark.tone == "negative")
    positive = next(mark for mark in marks(figure, Area) if mark.tone == "positive")
    assert negative.opacity > positive.opacity  # -2 against 1
    assert negative.rings[0][:, 1].min() > positive.rings[0][:, 1].min()  # the pixel below
    assert [mark.text for mark in marks(figure, Words)] == ["h1[0]", "h1[2]", "h1[1]"]


def test_ranks_are_drawn_for_either_sign_and_for_links_without_one():
    for link in find_signs(sheet_sparse()).links:
        figure = draw_ranks(link, threshold=0.1, name="ranks-1")
        assert f"{len(link.positive):,} positive" in figure.alt
        assert to_png(figure.drawing)
    captions = [draw_ranks(link, threshold=cut, name="ranks-1").caption for cut in (0.0, 0.1, float("inf"))]
    ends = ("none of those drawn.", "those below the dashed line.", "them all.")
    assert all(caption.endswith(end) for caption, end in zip(captions, ends, strict=True))
    nothing = torch.zeros(0, dtype=torch.float64)
    empty = link._replace(positive=nothing, negative=nothing)
    assert "0 positive, 0 negative" in draw_ranks(empty, threshold=float("inf"), name="ranks-1").alt


def test_crossings_are_not_counted_between_sheets():
    graph = to_graph(sheet_sparse(), sheet_task())
    assert crossings(graph) is None
    assert graph_table(graph).title == "11 connections"


def test_the_report_of_an_image_net_has_its_section(tmp_path):
    report = build_report(train(quick_config("steps=300", "net.hidden=[16,9]", "log_every=300")))
    page = make_page(report)
    assert [figure.name for figure in page.sheets.figures] == ["features", "feeds", "ranks-1", "ranks-2", "ranks-3"]
    assert [row[0] for row in page.sheets.signs.rows] == ["h1<-in", "h2<-h1", "out<-h2"]
    assert re.fullmatch(r"Pruning left .+ pixels of 64 with a connection; of the \d+ pixels .*\.", page.sheets.reads)
    assert sum(len(mark.ends) for mark in marks(page.pictures[1], Lines)) == report.scores.connections
    check_page(to_html(page))
    paths = write_report(report, tmp_path)
    check_markdown((tmp_path / "report.md").read_text(encoding="utf-8"), tmp_path)
    assert tmp_path / "figures" / "features.png" in paths
