"""Drawings: scales and ticks, SVG and PNG from one description, the picture of a net."""

import re

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interp.graph import to_graph
from interp.sparse import Neuron, whole
from reports.experiments.arms import MEASURES
from reports.figures.axes import Frame, Scale, span, tick_text
from reports.figures.bars import Bar, draw_bars
from reports.figures.bends import BENDS, bent_ticks
from reports.figures.boundary import draw_regions
from reports.figures.drawing import Box, Curve, Disc, Dots, Drawing, Figure, Lines, Words, fitted
from reports.figures.front import Cloud, draw_front
from reports.figures.net import MOST_LINES, Groups, draw_net, largest_weight
from reports.figures.palette import PALETTE, module_tone, style_sheet
from reports.figures.png import to_png
from reports.figures.small_nets import Panel, draw_nets
from reports.figures.strips import Measure, draw_strips
from reports.figures.svg import to_svg
from reports.figures.trends import draw_trends
from tests.families import made
from tests.nets import random_mlp, task_of, two_parts

FINITE = st.floats(-1e12, 1e12)


@given(low=FINITE, high=FINITE, is_log=st.booleans())
def test_ticks_lie_on_the_scale(low, high, is_log):
    low, high = sorted((abs(low) + 1e-9, abs(high) + 1e-9)) if is_log else sorted((low, high))
    scale = Frame(0.0, 0.0, 100.0, 100.0).x(low, high, is_log=is_log)
    ticks = scale.ticks()
    assert len(ticks) <= 12
    assert all(-1e-6 <= scale.at(tick) <= 100 + 1e-6 for tick in ticks)


def test_scales_map_ends_to_ends():
    scale = Scale(1.0, 100.0, 10.0, 20.0, is_log=True)
    np.testing.assert_allclose(scale(np.array([1.0, 10.0, 100.0, 1e9])), [10, 15, 20, 20])


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (-0.5, "−0.5"), (1e-5, "10⁻⁵"), (20_000.0, "20,000"), (1234567.0, "1.23e+06")]
)
def test_tick_text(value, text):
    assert tick_text(value) == text


def test_span_ignores_what_is_no_number():
    assert span(np.array([np.nan, 1.0, np.inf, 3.0]), margin=0.0) == (1.0, 3.0)
    assert span(np.array([np.nan])) == (0.0, 1.0)


def test_fitted_text_fits():
    assert fitted("short", 100.0, 12.0) == "short"
    assert fitted("x" * 100, 70.0, 12.0) == "x" * 9 + "…"


def test_svg_escapes_and_has_no_style():
    marks = (
        Words(1.0, 2.0, "<b>&", 12.0),
        Disc(1.0, 1.0, 1.0, "ink", title="</title><script>"),
        Box(1.0, 1.0, 1.0, 1.0, "ink", title='"><script>'),
        Lines(np.zeros((2, 4)), "positive", np.array([1.0, 2.0]), np.array([0.1, 1.0])),
    )
    text = to_svg(Figure("name", "<title>", "", "a & b", Drawing(10.0, 10.0, marks)), "page")
    assert "<script" not in text
    assert "style=" not in text
    assert 'id="page-name-title"' in text
    assert text.count("<title") == 3
    assert "&lt;b&gt;&amp;" in text


def test_every_tone_is_in_the_style_sheet():
    sheet = style_sheet()
    for name in PALETTE:
        assert f"--{name}:" in sheet
        assert f".f-{name}{{" in sheet


def test_names_are_no_formulas_in_png():
    drawing = Drawing(80.0, 30.0, (Words(2.0, 20.0, "$\\frac{", 12.0),))
    assert to_png(drawing).startswith(b"\x89PNG")


def drawn(net, task=None, **values):
    task = task or task_of(net)
    graph = to_graph(whole(net, task), task)
    shown = {"groups": Groups({}, ()), "largest": largest_weight(graph), "name": "net", "title": "t", "caption": "c"}
    return graph, draw_net(graph, everyone=graph, **{**shown, **values})


def neurons(figure):
    """Where neurons with a connection are drawn, and in which hue, from the lowest layer up and from left to right."""
    dots = [mark for mark in figure.drawing.marks if isinstance(mark, Dots) and mark.tone != "paper"]
    places = [(-y, x, mark.tone) for mark in dots for x, y in mark.centres.tolist()]
    return [(x, -up, tone) for up, x, tone in sorted(places)]


def in_order(graph):
    """The neurons of a net on lines, in the same order."""
    return sorted(graph, key=lambda neuron: (graph.nodes[neuron]["position"][2], graph.nodes[neuron]["position"][0]))


def test_neurons_stand_at_their_places():
    graph, figure = drawn(random_mlp([2, 5, 3]))
    shown = neurons(figure)
    heights = sorted({y for _, y, _ in shown}, reverse=True)
    assert [sum(y == height for _, y, _ in shown) for height in heights] == [2, 5, 3], "inputs are at the bottom"
    assert len(set(np.diff(heights).round(9))) == 1, "layers are equally far apart"
    x = np.array([x for x, _, _ in shown])
    wanted = np.array([graph.nodes[neuron]["position"][0] for neuron in in_order(graph)])
    np.testing.assert_allclose((x - x[0]) / (x[-1] - x[0]), (wanted - wanted[0]) / (wanted[-1] - wanted[0]), atol=1e-9)


def test_thickness_and_tone_follow_the_weight():
    graph, figure = drawn(random_mlp([2, 3, 2]))
    lines = [mark for mark in figure.drawing.marks if isinstance(mark, Lines)]
    assert [mark.tone for mark in lines] == ["negative", "positive"], "one collection per sign"
    at = {place[:2]: neuron for place, neuron in zip(neurons(figure), in_order(graph), strict=True)}
    drawn_as = {}
    for mark in lines:
        assert (np.diff(mark.widths) >= 0).all(), "the strongest lie on top"
        assert (mark.opacities == 0.9).all(), "few enough to be seen one by one"
        for (*start, u, v), width in zip(mark.ends.tolist(), mark.widths.tolist(), strict=True):
            drawn_as[at[tuple(start)], at[u, v]] = mark.tone, width
    assert set(drawn_as) == set(graph.edges)
    for source, target, data in graph.edges(data=True):
        tone, width = drawn_as[source, target]
        assert tone == ("negative" if data["value"] < 0 else "positive")
        assert width == pytest.approx(0.8 + 4.2 * data["weight"] / largest_weight(graph))


def test_a_static_net_has_nothing_to_point_at():
    text = to_svg(drawn(random_mlp([2, 3, 2]))[1])
    assert "data-" not in text
    assert text.count("<title") == 1, "its own"
    assert text.count("<path") < 20


def test_skips_and_gates_are_one_dashed_collection():
    net, task = made("transformer")
    graph, figure = drawn(net, task)
    (fixed,) = (mark for mark in figure.drawing.marks if isinstance(mark, Lines) and mark.is_dashed)
    assert len(fixed.ends) == sum(kind != "connection" for *_, kind in graph.edges(data="kind")) > 0
    assert to_svg(figure).count("stroke-dasharray") == 1


def test_modules_have_hues():
    of = {Neuron("in", 0): 0, Neuron("in", 1): 1}
    graph, figure = drawn(two_parts(), groups=Groups(of, ("A", "B")))
    tones = dict(zip(in_order(graph), (tone for *_, tone in neurons(figure)), strict=True))
    assert (tones[Neuron("in", 0)], tones[Neuron("in", 1)]) == (module_tone(0), module_tone(1))
    assert {tone for neuron, tone in tones.items() if neuron not in of} == {"faint"}
    assert "module A" in [mark.text for mark in figure.drawing.marks if isinstance(mark, Words)]


def test_of_very_many_connections_the_strongest_are_drawn_as_one_path_per_shade():
    graph, figure = drawn(random_mlp([90, 90, 2]))
    assert graph.number_of_edges() > MOST_LINES
    lines = [mark for mark in figure.drawing.marks if isinstance(mark, Lines)]
    assert sum(len(mark.ends) for mark in lines) == MOST_LINES
    assert len(re.findall("<path", to_svg(figure))) < 400


def test_bars_are_sorted_and_cut():
    bars = [Bar(f"part {k}", float(k), None, "positive") for k in range(30)]
    figure = draw_bars(bars, name="bars", title="t", kind="parts", metric="R²")
    shown = [mark.text for mark in figure.drawing.marks if isinstance(mark, Words) and mark.text.startswith("part")]
    assert shown == [f"part {k}" for k in range(29, 9, -1)]
    assert "The 20 of 30 parts" in figure.caption


def test_an_empty_graph_is_drawn():
    graph = nx.DiGraph(inputs=[], outputs=[])
    shown = {"groups": Groups({}, ()), "largest": 1.0, "name": "net", "title": "t", "caption": "c"}
    assert to_png(draw_net(graph, everyone=graph, **shown).drawing)


def test_outputs_alone_are_drawn():
    graph = nx.DiGraph(inputs=[], outputs=[])
    for index in range(2):
        ends = {"role": "output", "site": "out", "population": "out", "look_up": False, "label": f"y{index}"}
        graph.add_node(Neuron("out", index), position=(0.25 + 0.5 * index, 0.5, 1.0), bias=0.0, **ends)
    shown = {"groups": Groups({}, ()), "largest": 1.0, "name": "net", "title": "t", "caption": "c"}
    assert to_png(draw_net(graph, everyone=graph, **shown).drawing)
    panel = Panel("net", "", graph, graph, {})
    assert to_png(draw_nets([panel], name="nets", title="t", caption="c", columns=1).drawing)


def test_regions_cover_the_plane():
    def evaluate(table):
        return np.stack([table[:, 0], -table[:, 0]], axis=1)

    points = np.array([[-1.0, 0.0], [1.0, 1.0]])
    figure = draw_regions(
        evaluate, inputs=("a", "b"), classes=("right", "left"), points=points, labels=np.array([1, 0])
    )
    areas = [mark for mark in figure.drawing.marks if hasattr(mark, "rings")]
    assert [area.tone for area in areas] == [module_tone(0), module_tone(1)]
    assert areas[0].rings[0][:, 0].min() > areas[1].rings[0][:, 0].max() - 1


def test_strips_show_every_seed_and_the_median():
    frames = {"one": pd.DataFrame({"loss": [1.0, 10.0, 100.0]}), "two": pd.DataFrame({"loss": [10.0, 10.0, np.nan]})}
    figure = draw_strips(frames, [Measure("loss", "the loss", "log")], name="strips", title="t", caption="c")
    dots = [mark for mark in figure.drawing.marks if isinstance(mark, Dots)]
    assert [len(mark.centres) for mark in dots] == [3, 2], "a seed without a number has no place"
    x = dots[0].centres[:, 0]
    assert x[1] - x[0] == pytest.approx(x[2] - x[1]), "the axis is logarithmic"
    medians = [mark for mark in figure.drawing.marks if isinstance(mark, Curve) and mark.tone == "negative"]
    assert [mark.points[0][0] for mark in medians] == pytest.approx([x[1], x[1]])
    assert to_png(figure.drawing)


@given(low=st.floats(-6, 6), width=st.floats(1e-3, 8), scale=st.sampled_from(["linear", "whole", "log", "count"]))
def test_ticks_of_bent_axes_lie_on_them(low, width, scale):
    low = abs(low) if scale == "count" else low
    ticks = bent_ticks(scale, low, low + width)
    assert 2 <= len(ticks) <= 8 or scale == "whole"
    for tick in ticks:
        assert low - 1e-9 <= BENDS[scale](np.array([tick]))[0] <= low + width + 1e-9
    assert scale != "whole" or all(tick == int(tick) for tick in ticks)


def test_nothing_left_has_a_place_on_the_axes_of_the_arms():
    frames = {"dead": pd.DataFrame({each.column: [0.0, 0.0] for each in MEASURES}).assign(loss=[0.3457, 0.346])}
    written = [mark.text for mark in draw_strips(frames, MEASURES, name="n", title="t", caption="c").drawing.marks
               if isinstance(mark, Words)]  # fmt: skip
    assert not [text for text in written if "⁻" in text or "e-" in text], "no connection is no tiny number of them"
    assert "0.3458" in written, "an axis has numbers, however narrow it is"


def test_nets_side_by_side_share_their_scale():
    nets = [random_mlp([2, 3, 2], seed=seed) for seed in range(3)]
    graphs = [to_graph(whole(net, task_of(net)), task_of(net)) for net in nets]
    panels = [Panel(f"net {rank}", "", graph, graph, {}) for rank, graph in enumerate(graphs)]
    figure = draw_nets(panels, name="nets", title="t", caption="c", columns=2)
    lines = [mark for mark in figure.drawing.marks if isinstance(mark, Lines)]
    assert sum(len(mark.ends) for mark in lines) == sum(graph.number_of_edges() for graph in graphs)
    widest = max(mark.widths.max() for mark in lines)
    heaviest = max(map(largest_weight, graphs))
    for mark in lines:
        assert widest == pytest.approx(0.5 + 3.0)
        assert mark.ends[:, 0].max() <= figure.drawing.width
    thin = min(graphs, key=largest_weight)
    assert largest_weight(thin) < heaviest
    titles = [mark for mark in figure.drawing.marks if isinstance(mark, Words) and mark.text.startswith("net ")]
    assert titles[2].y > titles[1].y == titles[0].y, "the third stands in the second row"


def test_the_front_is_drawn_as_a_staircase():
    cheap, dear = Cloud(np.array([30.0, 40.0]), np.array([0.01, 0.02])), Cloud(np.array([0.0]), np.array([1.0]))
    shown = {"name": "front", "title": "t", "caption": "c"}
    figure = draw_front({"cheap": cheap, "dear": dear}, error="error", is_log=True, **shown)
    lines = [mark for mark in figure.drawing.marks if isinstance(mark, Curve) and mark.width == 1.8]
    (front,) = (line for line in lines if len(line.points) > 2)
    assert len(front.points) == 3, "the dominated net is no corner"
    (x0, y0), (x1, y1), (x2, y2) = front.points
    assert x0 < x1 == x2
    assert y0 == y1 < y2, "further down is a smaller error"


def test_trends_stand_above_each_other_by_their_medians():
    low, high = np.array([[0.1, 1.0], [0.1, 1.0]]), np.array([[1.0, 10.0], [3.0, 30.0]])
    figure = draw_trends(
        {"task": {"low": low, "high": high}}, ["in", "out"], axis="e", name="n", title="t", caption="c"
    )
    lines = {mark.tone: mark.points for mark in figure.drawing.marks if isinstance(mark, Curve) and mark.width == 2}
    below, above = lines[module_tone(0)], lines[module_tone(1)]
    assert all(one[1] > other[1] for one, other in zip(below, above, strict=True))
    assert "task, high: 2, 20" in figure.alt


def test_labels_of_nets_at_one_place_do_not_cover_each_other():
    same = Cloud(np.array([5.0]), np.array([0.1]))
    clouds = {f"× {rank}": same for rank in range(4)}
    figure = draw_front(clouds, error="error", is_log=True, name="front", title="t", caption="c")
    spots = [(mark.x, mark.y) for mark in figure.drawing.marks if isinstance(mark, Words) and mark.text in clouds]
    assert len(set(spots)) == 4
