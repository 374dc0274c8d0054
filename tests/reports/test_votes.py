"""The section of modules that come to an answer together: its figures."""

from dataclasses import replace

import numpy as np
import pytest

from reports.figures.drawing import Area, Curve
from reports.figures.png import to_png
from reports.figures.svg import to_svg
from reports.figures.votes import draw_pairs, draw_sizes
from reports.votes import view_votes
from tests.planted_votes import voting_of_family

TONES = "module0", "module1", "ink"


@pytest.fixture(scope="module")
def voting():
    return voting_of_family("embedding_mlp")[0]


def test_the_maps_colour_every_row_that_is_right(voting):
    areas = [mark for mark in draw_pairs(voting, voting.pairs).drawing.marks if isinstance(mark, Area)]
    cells = {
        tone: sum(len(area.rings) for area in areas if area.tone == tone) for tone in ("module0", "module1", "ink")
    }
    leads = np.bincount(voting.leader, minlength=2)
    assert cells["module0"] == voting.right[0].sum() + leads[0]
    assert cells["module1"] == voting.right[1].sum() + leads[1]
    assert cells["ink"] == voting.right.any(0).sum()


def test_a_runs_to_the_right_and_b_down(voting):
    right = np.zeros_like(voting.right)
    right[0, (voting.pairs.a == 4) & (voting.pairs.b == 1)] = True
    figure = draw_pairs(replace(voting, right=right), voting.pairs)
    ring = next(mark for mark in figure.drawing.marks if isinstance(mark, Area)).rings[0]
    middle = ring.mean(0)
    assert middle[0] == pytest.approx(30 + 240 * 0.9)
    assert middle[1] == pytest.approx(26 + 240 * 0.3)


def test_the_error_is_drawn_four_ways(voting):
    figure = draw_sizes(voting.rows.sizes)
    lines = [mark for mark in figure.drawing.marks if isinstance(mark, Curve) and mark.width in (1.6, 2.2)]
    assert [line.is_dashed for line in lines] == [False, False, True, True]
    assert figure.alt.startswith("Line chart. By sum: ")


def test_the_section_is_written_with_its_figures(voting):
    view = view_votes(voting)
    assert [figure.name for figure in view.figures] == ["votes-map", "votes-sizes"]
    assert [row[0] for row in view.members.rows] == ["A", "B"]
    assert len(view.mirrors.rows) == 3
    assert len(view.causes.rows) == 10
    for figure in view.figures:
        assert to_png(figure.drawing).startswith(b"\x89PNG")
        assert "<script" not in str(to_svg(figure))
    assert view_votes(replace(voting, pairs=None)).maps == ()
    assert view_votes(None) is None
