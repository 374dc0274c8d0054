"""The section of a net that learnt a group: words, maps, strips and tables."""

from dataclasses import replace

import numpy as np
import pytest

from bimt.checkpoint import Checkpoint
from bimt.config import make_config
from bimt.train import train
from interp.group import find_representations
from interp.select import Selected
from interp.sparse import whole
from reports.content import make_page
from reports.figures.drawing import Box, Dots, Words
from reports.figures.energies import Block, draw_energies
from reports.figures.png import to_png
from reports.figures.svg import to_svg
from reports.groups import find_group, view_group
from reports.html import to_html
from reports.report import build_report, write_report
from tests.groups import net_of
from tests.reports.checkpoints import HOSTILE
from tests.reports.test_report import check_markdown, check_page

SETTINGS = [
    *("task.group=S3", "net.embedding=4", "net.hidden=[8]", "log_every=100"),
    *("steps=200", "learning_rate=0.02", "cost.strength=0.01", "swaps.every=never"),
]


@pytest.fixture(scope="module")
def report():
    return build_report(train(make_config("permutation_group", settings=SETTINGS)))


def with_net(report, name, embedding):
    net, task, group = net_of(name, embedding)
    found = find_representations(whole(net, task), task, group, draws=199, generator=np.random.default_rng(0))
    return view_group(replace(report, representations=found)), found


def texts(figure):
    return [mark.text for mark in figure.drawing.marks if isinstance(mark, Words)]


def test_a_report_on_a_group_has_its_section(report, tmp_path):
    page = make_page(report)
    about, first = page.algorithm
    assert [figure.name for figure in about.panoramas][:2] == ["irreps-dimensions", "irreps-neurons"]
    assert about.words[0].startswith("The tokens are the 6 elements of S3, which has three real irreducible")
    assert [row[0] for row in about.tables[0].rows] == ["sign", "standard (2,1)"]
    assert len(first.tables[0].rows) == len(report.representations.first)
    check_page(to_html(page))
    paths = write_report(report, tmp_path)
    check_markdown((tmp_path / "report.md").read_text(encoding="utf-8"), tmp_path)
    assert tmp_path / "figures" / "irreps-dimensions.png" in paths


def test_other_tasks_have_no_such_section(report):
    assert view_group(replace(report, representations=None)) is None
    other = make_config("modular_addition", task__operation="-")
    checkpoint: Checkpoint = replace(report.selected.checkpoint, config=other)
    selected: Selected = replace(report.selected, checkpoint=checkpoint)
    assert find_group(selected) is None
    plain = make_config("independence")
    assert find_group(replace(selected, checkpoint=replace(checkpoint, config=plain))) is None


def test_dimensions_on_cosets_are_drawn_coset_by_coset(report):
    parity = np.array([(-1.0) ** k for k in range(24)])
    _, found = with_net(report, "S4", parity[:, None])
    exact = found.irreps[1].character
    view, found = with_net(report, "S4", np.stack([exact, np.random.default_rng(0).normal(size=24)], axis=1))
    strips = view.figures[-1]
    assert strips.name == "cosets"
    dots = [mark for mark in strips.drawing.marks if isinstance(mark, Dots)]
    assert [len(mark.centres) for mark in dots] == [12, 12]
    assert all(np.ptp(mark.centres[:, 1]) < 1e-9 for mark in dots)  # each coset at one height
    assert "embed[0]" in texts(strips)
    assert "embed[1]" not in texts(strips)
    assert any(text.startswith("cosets of <") and text.endswith("(12): 1.00") for text in texts(view.figures[0]))


def test_of_many_irreps_the_large_ones_have_columns(report):
    waves = np.cos(2 * np.pi * np.outer(np.arange(23), [3, 5]) / 23)
    view, _ = with_net(report, "C23", waves)
    heads = [text for text in texts(view.figures[0]) if text.startswith("frequency")]
    assert heads == ["frequency 3", "frequency 5"]
    assert "all others" in texts(view.figures[0])
    assert [row[0] for row in view.irreps.rows if row[2] != "0"][:2] == ["frequency 3", "frequency 5"]
    assert "no subgroups to have cosets of" in view.words[0]


def test_subgroups_that_are_left_out_are_said(report):
    found = report.representations
    partly = replace(found, subgroups=found.subgroups._replace(is_complete=False))
    words = view_group(replace(report, representations=partly)).words[0]
    assert "four subgroups with at most 3 cosets that are looked at (there are more)" in words


def test_a_net_without_neurons_has_no_figures(report):
    found = replace(report.representations, dimensions=(), neurons=(), first=(), irrep_basis=None, coset_basis=None)
    view = view_group(replace(report, representations=found))
    assert (view.figures, view.first.rows, len(view.words)) == ((), (), 1)


def test_a_map_writes_what_is_large():
    block = Block("energy in", ("mean", "sign (1)"), np.array([[0.04, 0.96], [0.5, 0.5]]), "positive")
    figure = draw_energies([block], rows=["a", "b"], notes=["", "is b"], name="map", title="t", caption="c")
    assert [text for text in texts(figure) if text[0] == "0"] == ["0.50", "0.96", "0.50"]
    assert {"mean", "sign", "(1)", "is b"} <= set(texts(figure))
    boxes = [mark for mark in figure.drawing.marks if isinstance(mark, Box) and mark.tone == "positive"]
    assert [round(box.opacity, 2) for box in boxes] == [0.11, 0.5, 0.89, 0.5]
    for box in boxes:
        assert 0 <= box.x <= box.x + box.width <= figure.drawing.width
        assert 0 <= box.y <= box.y + box.height <= figure.drawing.height
    assert figure.alt == "2 rows: energy in: mostly a sign (1), b mean."


@pytest.mark.parametrize("label", HOSTILE)
def test_hostile_names_are_escaped(label):
    block = Block(label, (label,), np.array([[1.0]]), "positive")
    figure = draw_energies([block], rows=[label], notes=[label], name="map", title="t", caption="c")
    assert "<script" not in str(to_svg(figure))
    assert to_png(figure.drawing).startswith(b"\x89PNG")
