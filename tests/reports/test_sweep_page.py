"""A sweep's summary, page and pictures, from numbers made by hand."""

import json
from dataclasses import replace

import numpy as np
import pytest

from bimt.sweep.blocks import Block
from bimt.sweep.engine import Failure
from bimt.sweep.grid import Axis, parse_axis
from bimt.sweep.plan import Plan, blocks_of
from interp.fourier import Metrics
from interp.measures import Measures
from interp.sweep import Happened, SeedResult
from reports.figures.cells import draw_cells, draw_phase
from reports.figures.drawing import Box, Disc, Words
from reports.figures.front import Cloud
from reports.figures.svg import to_svg
from reports.sweeps.page import make_sweep_page
from reports.sweeps.results import CellResult, SweepResults
from reports.sweeps.summary import failures_in_words, summarise, to_document
from reports.sweeps.writing import write_report
from reports.words import number

USUAL = Measures(
    seed=0, dense_loss=0.1, loss=0.1, dense_metric=0.9, metric=0.9, live=9, connections=8, neurons=3, length=1.0,
    wiring=1.0, modularity=0.1, parts=1, crossings=0, groups=("x1 x2 -> y1 y2",), hidden=("3",), constant_outputs=(),
    live_groups=(),
)  # fmt: skip
OFFSETS, EVERY = parse_axis("cost.offset=0.1,0.2"), parse_axis("swaps.every=never,100")
PLAN = Plan(("crossing",), (OFFSETS, EVERY), (), 3, 0, 3)


def seed(label, *, events=(), **measured):
    return SeedResult(label, replace(USUAL, seed=label, **measured), tuple(Happened(kind, 20, None) for kind in events))


@pytest.fixture
def results(tmp_path):
    """Four cells: one with a front, one dull, one with a stopped seed, one that failed."""
    cells = PLAN.cells()
    block: Block = blocks_of(cells[3], tmp_path, block=3)[0]
    apart = ("x1 -> y2", "x2 -> y1")
    seeds = [
        (seed(0, connections=2, metric=0.7, groups=apart), seed(1, metric=0.99), seed(2, metric=0.8, groups=apart)),
        (seed(0, events=["jump", "jump", "split"]), seed(1, events=["jump"]), seed(2)),
        (seed(0, connections=9), seed(1, connections=10), SeedResult(2, None, stopped="seed 2: loss became nan")),
        tuple(SeedResult(label, None, stopped="ValueError: no") for label in range(3)),
    ]
    found = tuple(CellResult(cell, "regression", each) for cell, each in zip(cells, seeds, strict=True))
    return SweepResults(PLAN, found, (Failure(block, "ValueError: no"),))


def test_medians_and_shares_are_over_the_seeds_that_were_measured(results):
    front, dull, stopped, failed = map(summarise, results.cells)
    assert (front.metric, front.connections, front.groups) == (0.8, 8.0, ("x1 -> y2", "x2 -> y1"))
    assert front.share == pytest.approx(2 / 3)
    assert dull.events == {"jump": pytest.approx(2 / 3), "split": pytest.approx(1 / 3)}
    assert (stopped.measured, stopped.failed, stopped.connections) == (2, 1, 9.5)
    assert (failed.measured, failed.metric, failed.groups, failed.share, failed.events) == (0, None, None, None, {})


def test_everything_that_was_not_trained_is_named_once(results):
    names = [cell.name for cell in PLAN.cells()]
    assert failures_in_words(results) == [
        (f"{names[3]}/seeds-0-2", "ValueError: no"),
        (f"{names[2]}, seed 2", "seed 2: loss became nan"),
    ]


def test_a_table_has_a_row_for_every_seed_and_types_for_every_column(results):
    frame = results.frame
    assert len(frame) == 12
    assert frame["cost.offset"].tolist() == [0.1] * 6 + [0.2] * 6
    assert frame["swaps.every"].tolist()[:6] == ["never"] * 3 + ["100"] * 3
    assert frame.events.tolist()[3:6] == ["jump at 20; jump at 20; split at 20", "jump at 20", ""]
    assert frame.connections.isna().tolist() == [False] * 8 + [True] * 4


def test_the_page_marks_the_front_and_leaves_failed_cells_empty(results):
    page = make_sweep_page(results)
    (section,) = page.sections
    (table,) = section.tables
    assert table.marked == {0}
    assert table.rows[0][0] == "offset 0.1, every never"
    assert table.rows[3][1:7] == ("0 of 3", "–", "–", "–", "–", "–")
    assert [figure.title for figure in section.figures] == [
        "Test metric", "Connections", "Agreement of the seeds", "Event: jump", "Event: split",
    ]  # fmt: skip
    boxes = [mark for mark in section.figures[0].drawing.marks if isinstance(mark, Box)]
    assert len(boxes) == 3
    assert page.failures.rows[0] == (f"{results.cells[3].cell.name}/seeds-0-2", "ValueError: no")
    assert page.command == "bimt sweep crossing --grid cost.offset=0.1,0.2 --grid swaps.every=never,100 --seeds 3"


JUDGED = Metrics(
    verdict="clock", accuracy=1.0, gradient_symmetricity=0.3, gradient_symmetricity_100=0.3, distance_irrelevance=0.9,
    distance_irrelevance_largest_wrong=0.9, circularity=0.999, circularity_halves=(), sees_only_sums=False,
)  # fmt: skip


def with_verdicts(results):
    """The same cells, as if nets added: two clocks and a pizza, three pizzas, one clock; the last failed."""
    pizza = replace(JUDGED, verdict="pizza", gradient_symmetricity=0.995, distance_irrelevance=0.2)
    said = [(JUDGED, JUDGED, pizza), (pizza, pizza, pizza), (JUDGED, JUDGED, None), (None, None, None)]
    cells = [
        replace(each, seeds=tuple(replace(seed, addition=one) for seed, one in zip(each.seeds, ones, strict=True)))
        for each, ones in zip(results.cells, said, strict=True)
    ]
    return replace(results, cells=tuple(cells))


def test_verdicts_have_maps_columns_and_a_summary(results, tmp_path):
    judged = with_verdicts(results)
    mixed, same, stopped, failed = map(summarise, judged.cells)
    assert (mixed.verdicts, mixed.symmetricity, mixed.irrelevance) == ({"clock": 2, "pizza": 1}, 0.3, 0.9)
    assert (same.verdicts, same.symmetricity, same.irrelevance) == ({"pizza": 3}, 0.995, 0.2)
    assert stopped.verdicts == {"clock": 2}
    assert (failed.verdicts, failed.symmetricity, failed.irrelevance) == ({}, None, None)
    (section,) = make_sweep_page(judged).sections
    kinds, symmetricity, irrelevance = section.figures[3:6]
    assert [figure.name for figure in (kinds, symmetricity, irrelevance)] == [
        f"task-1-map-{name}" for name in ("verdict", "symmetricity", "irrelevance")
    ]
    boxes = [mark for mark in kinds.drawing.marks if isinstance(mark, Box)]
    assert [box.tone for box in boxes] == ["module3", "module2", "module3"]
    assert boxes[1].title == "cost.offset=0.1, swaps.every=100: pizza"
    words = {mark.text for mark in symmetricity.drawing.marks if isinstance(mark, Words)}
    assert {"0.300", "0.995", "–"} <= words
    (table,) = section.tables
    assert table.columns[-1] == "clock or pizza"
    assert [row[-1] for row in table.rows] == ["clock 2, pizza 1", "pizza", "clock", "–"]
    frame = judged.frame
    assert frame.verdict.tolist()[:4] == ["clock", "clock", "pizza", "pizza"]
    assert frame.verdict.isna().tolist() == [False] * 8 + [True] * 4
    assert frame.distance_irrelevance.tolist()[:4] == [0.9, 0.9, 0.2, 0.2]
    entry = to_document(judged, [])["cells"][0]
    assert (entry["verdicts"], entry["distance_irrelevance"]) == ({"clock": 2, "pizza": 1}, 0.9)
    write_report(judged, tmp_path)
    write_report(results, tmp_path)
    assert not [path.name for path in (tmp_path / "figures").iterdir() if "verdict" in path.name]


def test_nets_that_do_not_add_have_no_verdict(results):
    assert not {"verdict", "accuracy"} & set(results.frame.columns)
    (section,) = make_sweep_page(results).sections
    assert "clock or pizza" not in section.tables[0].columns
    assert to_document(results, [])["cells"][0]["verdicts"] == {}


def test_the_command_of_a_sweep_says_what_was_left_out(results):
    quiet = replace(results, plan=replace(results.plan, fourier=False))
    assert make_sweep_page(quiet).command.endswith("--seeds 3 --no-fourier")


def test_a_sweep_of_which_nothing_was_measured_has_a_page(results, tmp_path):
    empty = replace(results, cells=(results.cells[3],))
    assert [path.name for path in write_report(empty, tmp_path)] == ["report.html", "report.md"]
    json.dumps(to_document(empty, []), allow_nan=False)


def test_pictures_of_an_earlier_page_are_removed_and_others_stay(results, tmp_path):
    write_report(results, tmp_path)
    (tmp_path / "figures" / "mine.png").touch()
    calm = replace(results.cells[1], seeds=(seed(0),))
    write_report(replace(results, cells=(results.cells[0], calm, *results.cells[2:])), tmp_path)
    names = {path.name for path in (tmp_path / "figures").iterdir()}
    assert names == {
        "mine.png",
        *(f"task-1-{name}.png" for name in ("front", "map-metric", "map-connections", "map-groups")),
    }


def test_a_map_is_the_stronger_the_larger_the_number():
    values = np.array([[1.0, np.nan, 3.0], [2.0, 5.0, 4.0]])
    figure = draw_phase(
        values, down=Axis("a.<key>", ("r1", "r2")), across=Axis("b.key", ("c1", "c2", "c3")),
        write=number, name="map", title="Map", caption="",
    )  # fmt: skip
    boxes = [mark for mark in figure.drawing.marks if isinstance(mark, Box)]
    assert np.argsort([box.opacity for box in boxes]).tolist() == [0, 2, 1, 4, 3]
    assert [box.title for box in boxes][1] == "a.<key>=r1, b.key=c3: 3"
    words = [mark.text for mark in figure.drawing.marks if isinstance(mark, Words)]
    assert words.count("–") == 1
    assert "a.<key>" not in to_svg(figure)
    assert "a.<key>=r2, b.key=c2: 5" in figure.alt


def test_an_even_map_and_a_wide_one_are_drawn():
    for shape in ((1, 1), (2, 40)):
        figure = draw_phase(
            np.ones(shape), down=Axis("a", ("r",) * shape[0]), across=Axis("b", ("column",) * shape[1]),
            write=number, name="map", title="Map", caption="",
        )  # fmt: skip
        assert figure.drawing.width <= 600


def test_cells_of_a_group_share_a_hue():
    clouds = {name: Cloud(np.array([4.0, 5.0 + rank]), np.array([0.1, 0.2])) for rank, name in enumerate("abc")}
    figure = draw_cells(
        clouds, ["one", "two", "one"], key="key", error="error", is_log=True, name="front", title="Front", caption=""
    )
    discs = {mark.title: mark.tone for mark in figure.drawing.marks if isinstance(mark, Disc) and mark.title}
    assert discs["a"] == discs["c"] != discs["b"]
