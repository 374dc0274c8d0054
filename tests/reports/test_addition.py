"""The section on clock and pizza: maps that show what they say, and where nets stand."""

import numpy as np
import pytest

from bimt.config import make_config
from bimt.train import train
from reports.content import make_page
from reports.figures.addition import Shape, draw_logit_map, draw_plane, draw_shapes, draw_spectrum
from reports.figures.drawing import Area, Box, Disc, Lines, Words
from reports.figures.png import to_png
from reports.html import to_html
from reports.report import build_report, write_report
from tests.reports.test_report import check_markdown, check_page


def areas(figure):
    return [mark for mark in figure.drawing.marks if isinstance(mark, Area)]


@pytest.mark.parametrize("p", [7, 8])
def test_what_depends_on_the_difference_makes_upright_stripes(p):
    a, b = np.indices((p, p))
    figure = draw_logit_map(((a - b) % p == 2).astype(float))
    (stripe,) = areas(figure)
    assert len(stripe.rings) == 1, "one column, whole"
    ring = stripe.rings[0]
    assert np.ptp(ring[:, 1]) > 5 * np.ptp(ring[:, 0])
    assert to_png(figure.drawing).startswith(b"\x89PNG")


def test_what_depends_on_the_sum_makes_lying_stripes():
    a, b = np.indices((7, 7))
    (stripe,) = areas(draw_logit_map(((a + b) % 7 == 0).astype(float)))
    heights = {round(float(y), 6) for ring in stripe.rings for y in ring[:, 1]}
    assert len(heights) == 2, "the lowest row"
    assert max(heights) == pytest.approx(340)
    assert areas(draw_logit_map(np.ones((7, 7)))) == [], "equal logits are one grey"


def test_bars_are_as_high_as_their_share():
    figure = draw_spectrum(np.array([0.5, 0.25, 0.0]), np.array([0.0, 0.5, 0.0]))
    bars = [mark for mark in figure.drawing.marks if isinstance(mark, Box) and mark.title]
    assert [bar.title for bar in bars] == ["frequency 1: 0.500", "frequency 2: 0.250", "frequency 2: 0.500"]
    assert bars[0].height == pytest.approx(2 * bars[1].height) == pytest.approx(bars[2].height)


def test_nets_stand_where_they_were_measured():
    figure = draw_plane(
        {"clock": (0.0, 0.9), "pizza": (0.99, 0.2)}, symmetric=0.98, relevant=0.6, tones={"pizza": "module1"}
    )
    clock, pizza = (mark for mark in figure.drawing.marks if isinstance(mark, Disc))
    boxes = [mark for mark in figure.drawing.marks if isinstance(mark, Box)]
    inside = [
        [box.x <= disc.x <= box.x + box.width and box.y <= disc.y <= box.y + box.height for box in boxes]
        for disc in (pizza, clock)
    ]
    assert inside == [[True, False], [False, True]]
    assert (clock.tone, pizza.tone) == ("ink", "module1")


def test_lines_lead_round_the_circle():
    t = np.arange(11)
    wave = np.stack([np.cos(2 * np.pi * 3 * t / 11), np.sin(2 * np.pi * 3 * t / 11), 0.1 * np.cos(t)], axis=1)
    figure = draw_shapes([Shape("A", wave, pow(3, -1, 11))], caption="")
    (lines,) = (mark for mark in figure.drawing.marks if isinstance(mark, Lines))
    lengths = np.hypot(*(lines.ends[:, 2:] - lines.ends[:, :2]).T)
    other = draw_shapes([Shape("A", wave, 1)], caption="")
    (across,) = (mark for mark in other.drawing.marks if isinstance(mark, Lines))
    assert lengths.sum() < 0.6 * np.hypot(*(across.ends[:, 2:] - across.ends[:, :2]).T).sum()


def test_a_net_that_adds_has_its_section(tmp_path):
    settings = ["task.modulus=7", "net.embedding=4", "net.hidden=[6]", "steps=60", "swaps.every=never", "log_every=30"]
    report = build_report(train(make_config("modular_addition", settings=settings)))
    page = make_page(report)
    section = page.algorithm[0]
    assert (section.name, section.title) == ("algorithm", "Clock or pizza")
    assert section.words[0].startswith("Neither clock nor pizza can be said of this net: it is wrong on some pairs.")
    assert {"clock-or-pizza", "right-logits", "spectrum"} <= {figure.name for figure in page.figures}
    assert section.tables[0].rows[0][0] == "the net"
    check_page(to_html(page))
    write_report(report, tmp_path)
    check_markdown((tmp_path / "report.md").read_text(encoding="utf-8"), tmp_path)
    texts = [mark.text for figure in section.figures for mark in figure.drawing.marks if isinstance(mark, Words)]
    assert "gradient symmetricity" in texts
