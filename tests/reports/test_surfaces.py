"""Surfaces over two inputs: projection, order of painting, shades, and where they stand in a report."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.path import Path

from reports.content import make_page
from reports.figures.boundary import draw_errors
from reports.figures.drawing import Area, Disc, Dots, Lines, Words
from reports.figures.png import to_png
from reports.figures.surface import CELLS, Field, View, diagonals, draw_surface
from reports.figures.svg import to_svg
from reports.report import build_report
from reports.surfaces import draw_surfaces
from tests.reports.checkpoints import small_checkpoint, small_task

NOBODY = np.zeros((0, 3))


def drawn(heights, *, points=NOBODY, limits=None, names=("a", "b", "c"), tones=("", "positive")):
    x, y = (np.linspace(0, 1, size) for size in heights.shape)
    finite = heights[np.isfinite(heights)]
    return draw_surface(
        Field(x, y, heights),
        points=points,
        limits=limits or (finite.min(), finite.max()),
        inputs=names[:2],
        output=names[2],
        name="surface-1",
        title="t",
        caption="c",
        tones=tones,
    )


def filled(figure):
    """The areas of the surface and its paper, in the order in which they are painted."""
    return [mark for mark in figure.drawing.marks if isinstance(mark, Area)]


def turned(points):
    """Right, down and towards the eye, of points in the box from -1 to 1, by two rotations."""
    about, up = math.radians(-60), math.radians(27)
    eye = np.array([math.cos(up) * math.cos(about), math.cos(up) * math.sin(about), math.sin(up)])
    right = np.array([-math.sin(about), math.cos(about), 0])
    return np.stack([points @ right, -points @ np.cross(eye, right), points @ eye], axis=-1)


def test_corners_of_the_box_lie_where_two_rotations_put_them():
    view = View((10, 20), (-5, 5), (0, 7))
    corners = np.array(list(itertools.product((10, 20), (-5, 5), (0, 7))), dtype=float)
    unit = np.array(list(itertools.product((-1, 1), (-1, 1), (0, 1.45))), dtype=float)
    np.testing.assert_allclose(view(corners), np.array([210, 266]) + 121 * turned(unit)[:, :2])
    places = view(corners)
    assert places[:, 0].min() == pytest.approx(view(np.array([10.0, -5, 0]))[0])  # its height stands at the left
    assert (places > 20).all()
    assert (places < 380).all()


def test_a_plane_is_a_plane():
    x, y = np.meshgrid(np.linspace(0, 1, 5), np.linspace(0, 1, 4), indexing="ij")
    papers = [mark for mark in filled(drawn(2 * x - y)) if mark.tone == "paper"]
    rings = np.concatenate([np.array(mark.rings) for mark in papers])
    assert len(rings) == 4 * 3
    np.testing.assert_allclose(rings[:, 1:] - rings[:, :1], np.broadcast_to(rings[0, 1:] - rings[0, 0], (12, 3, 2)))
    view = View((0, 1), (0, 1), (-1, 2))
    corners = {tuple(np.round(ring[0], 6)) for ring in rings}
    assert tuple(np.round(view(np.array([0.25, 1 / 3, 0.5 - 1 / 3])), 6)) in corners


def test_every_cell_is_painted_once_and_those_of_a_diagonal_do_not_overlap():
    cells = [tuple(cell) for part in diagonals(5, 3) for cell in part.tolist()]
    assert sorted(cells) == sorted(itertools.product(range(5), range(3)))
    assert cells[0] == (0, 2)  # smallest x, largest y: at the back
    assert cells[-1] == (4, 0)
    heights = np.random.RandomState(0).rand(8, 6)
    for mark in filled(drawn(heights)):
        if mark.tone == "paper":
            ends = sorted((ring[:, 0].min(), ring[:, 0].max()) for ring in mark.rings)
            assert all(before[1] <= after[0] + 1e-9 for before, after in itertools.pairwise(ends))


def test_what_is_nearer_is_painted_later():
    random = np.random.RandomState(1)
    heights = random.rand(9, 7)
    x, y = np.meshgrid(np.linspace(0, 1, 9), np.linspace(0, 1, 7), indexing="ij")
    view = View((0, 1), (0, 1), (0, 1))
    order = [tuple(cell) for part in diagonals(8, 6) for cell in part.tolist()]
    triangles = []
    for rank, (column, row) in enumerate(order):
        around = [(column + a, row + b) for a, b in ((0, 0), (1, 0), (1, 1), (0, 1))]
        points = np.array([(x[at], y[at], heights[at]) for at in around])
        triangles += [(rank, points[[0, 1, 2]]), (rank, points[[0, 2, 3]])]
    compared = 0
    for place in random.rand(400, 2) * [340, 260] + [40, 60]:
        hit = []
        for rank, points in triangles:
            sheet = view(points)
            if Path(sheet).contains_point(place):
                shares = np.linalg.solve(np.vstack([sheet.T, np.ones(3)]), [*place, 1])
                unit = (shares @ points) * [2, 2, 1.45] - [1, 1, 0]
                hit.append((turned(unit)[2], rank))
        ranks = [rank for _, rank in sorted(hit)]
        assert ranks == sorted(ranks)
        compared += len(ranks) > 1
    assert compared > 50


def test_the_higher_the_stronger():
    x = np.linspace(0, 1, 15)
    figure = drawn(np.repeat(x[:, None] ** 2, 15, axis=1))
    found = [(ring.mean(0), mark.opacity) for mark in filled(figure) if mark.tone == "positive" for ring in mark.rings]
    assert len(found) == 14 * 14
    by_height = {}
    for column, low, high in zip(range(14), x, x[1:], strict=False):
        by_height[column] = (low**2 + high**2) / 2
    opacities = sorted({opacity for _, opacity in found})
    expected = {math.ceil(share * 14) for share in by_height.values()}
    assert len(opacities) == len(expected)
    assert opacities[0] == pytest.approx(0.12)
    assert opacities[-1] == pytest.approx(0.86)
    assert "from 0 to 1" in figure.alt


def test_two_halves_have_two_tones_and_the_middle_is_pale():
    x = np.linspace(0, 1, 11)
    marks = filled(drawn(np.repeat(x[:, None], 11, axis=1), limits=(0, 1), tones=("module0", "module1")))
    count = {tone: sum(len(mark.rings) for mark in marks if mark.tone == tone) for tone in ("module0", "module1")}
    assert count == {"module0": 50, "module1": 50}
    assert min(mark.opacity for mark in marks if mark.tone == "module0") < 0.2


def test_undefined_places_are_left_out_and_far_heights_cut_off():
    heights = np.zeros((6, 6))
    heights[2, 2], heights[5, 5] = np.nan, 1e9
    figure = drawn(heights, limits=(-1, 1))
    assert sum(len(mark.rings) for mark in filled(figure) if mark.tone == "paper") == 25 - 4
    assert all((ring > 0).all() and (ring < 400).all() for mark in filled(figure) for ring in mark.rings)
    lines = np.concatenate([mark.ends for mark in figure.drawing.marks if isinstance(mark, Lines)])
    assert len(lines) == 2 * 6 * 5 - 4  # every edge of a cell that is there, once
    nothing = drawn(np.full((4, 4), np.nan), limits=(0, 0))
    assert filled(nothing) == []
    assert "from – to –" in nothing.alt


def test_points_below_are_pale_and_points_above_hide_behind_what_is_nearer():
    points = np.array([(0.52, 0.52, 0.9), (0.52, 0.52, 0.1), (0.1, 0.9, 0.495)])
    marks = drawn(np.full((11, 11), 0.5), points=points, limits=(0, 1)).drawing.marks
    dots = [mark for mark in marks if isinstance(mark, Dots) and mark.tone == "ink"]
    view = View((0, 1), (0, 1), (0, 1))
    opaque = [place for mark in dots if mark.opacity == 1 for place in mark.centres]
    np.testing.assert_allclose(opaque, view(points[[2, 0]]))  # the farther first; just below counts as on it
    (pale,) = [mark for mark in dots if mark.opacity < 1]
    np.testing.assert_allclose(pale.centres, view(points[[1]]))
    last = max(rank for rank, mark in enumerate(marks) if isinstance(mark, Area))
    ranks = {id(mark): rank for rank, mark in enumerate(marks)}
    assert ranks[id(dots[0])] < last < ranks[id(pale)]


def test_names_from_the_data_stay_words_and_the_same_is_drawn_twice():
    names = ('<script>alert("1")</script>', "a\nb\x1b[31m", "x" * 300)
    heights = np.random.RandomState(2).rand(CELLS + 1, CELLS + 1)
    figure = drawn(heights, names=names)
    svg = str(to_svg(figure))
    assert "<script>" not in svg
    assert "\x1b" not in svg
    assert all(len(mark.text) < 80 for mark in figure.drawing.marks if isinstance(mark, Words))
    assert svg == str(to_svg(drawn(heights, names=names)))
    assert to_png(figure.drawing) == to_png(drawn(heights, names=names).drawing)


def test_the_largest_error_is_named_and_ringed():
    points = np.random.RandomState(3).rand(40, 2)
    figure = draw_errors(
        lambda table: 0.5 - ((table[:, :1] - 0.5) ** 2 + (table[:, 1:] - 0.25) ** 2),
        inputs=("a", "b"), output="c", points=points, name="surface-error-1", caption="",
    )  # fmt: skip
    (ring,) = [mark for mark in figure.drawing.marks if isinstance(mark, Disc)]
    assert ring.title == "largest: 0.5"
    low, high = points.min(0), points.max(0)
    share = (np.array([0.5, 0.25]) - low + 0.08 * (high - low)) / (1.16 * (high - low))
    assert (ring.x, ring.y) == pytest.approx((64 + 320 * share[0], 364 - 320 * share[1]), abs=3)
    assert "error in c: largest 0.5 (ring)" in [mark.text for mark in figure.drawing.marks if isinstance(mark, Words)]
    undefined = draw_errors(
        lambda table: np.full((len(table), 1), np.nan),
        inputs=("a", "b"),
        output="c",
        points=points,
        name="e",
        caption="",
    )
    assert "undefined somewhere" in undefined.alt


def test_formulas_of_two_inputs_are_drawn_with_their_errors():
    report = build_report(small_checkpoint(small_task(inputs=("a", "b"), outputs=("p", "q")), steps=100))
    figures = {figure.name: figure for figure in make_page(report).boundary}
    assert list(figures)[2:] == ["surface-1", "surface-error-1", "surface-2", "surface-error-2"]
    assert "What the readable formula says" in figures["surface-1"].caption
    alone = draw_surfaces(replace(report, readable=None))
    assert [figure.name for figure in alone] == ["surface-1", "surface-2"]
    assert "What the pruned net says" in alone[0].caption


def test_of_two_classes_the_probability_of_the_second():
    task = small_task(inputs=("a", "b"), outputs=("down", "up"), kind="classification")
    report = build_report(small_checkpoint(task, steps=100))
    figure = draw_surfaces(report)[0]
    assert figure.title == "The surface of probability of up"
    assert {mark.tone for mark in filled(figure)} == {"paper", "module0", "module1"}


@pytest.mark.parametrize("outputs", [("x", "y", "z"), ("x",)])
def test_nothing_of_more_classes_or_more_inputs(outputs):
    kind = "classification" if len(outputs) > 1 else "regression"
    inputs = ("a", "b") if len(outputs) > 1 else ("a", "b", "c")
    report = build_report(small_checkpoint(small_task(inputs=inputs, outputs=outputs, kind=kind), seeds=1))
    assert draw_surfaces(report) == ()
