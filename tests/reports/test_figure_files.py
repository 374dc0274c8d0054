"""Figures as files of their own: every mark in every format, the same bytes always, text as text."""

import hashlib
import io
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import get_args
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from bimt.messages import UserError, printable
from reports.figures.drawing import Area, Box, Curve, Disc, Dots, Drawing, Figure, Lines, Mark, Words, ringed
from reports.figures.files import Kind, to_file
from reports.figures.palette import PALETTE
from tests.reports.checkpoints import HOSTILE
from tests.reports.pdfs import Pdf

ROOT = Path(__file__).parents[2]
KINDS = get_args(Kind)
SQUARE = np.array([(0.0, 0.0), (30.0, 0.0), (30.0, 30.0), (0.0, 30.0)])
MARKS = (
    Area((SQUARE + 60, SQUARE / 2 + 67), "module0", 0.5),
    Box(5, 5, 20, 30, "module1", 0.25, "a box"),
    Lines(np.array([(0.0, 0, 90, 90), (90, 0, 0, 90)]), "positive", np.array([1.0, 4]), np.array([0.2, 0.7])),
    Lines(np.array([(0.0, 50, 100, 50)]), "faint", np.array([0.6]), np.array([1.0]), is_dashed=True),
    Curve(((10, 90), (50, 70), (90, 90)), "negative", 2, 0.8),
    Curve(((10, 80), (90, 60)), "muted", 1, 1, True),
    Dots(np.array([(20.0, 60), (30, 60)]), "module3", 3, 0.6),
    Disc(70, 20, 6, "module4", "paper", 0.9, "a disc"),
    Words(10, 20, "h1[3] → y₁ (−0.5)", 9),
    Words(50, 40, "middle", 8, "muted", "middle", True),
    Words(90, 95, "end", 8, "ink", "end", angle=-45),
)
FIGURE = Figure("all-marks", "All <marks>", "caption", "what & how", Drawing(100, 110, MARKS))


def hashes():
    return {kind: hashlib.sha256(to_file(FIGURE, kind)).hexdigest() for kind in KINDS}


def with_marks(*marks):
    return replace(FIGURE, drawing=replace(FIGURE.drawing, marks=marks))


def svg_of(content):
    """The root of an SVG file that asks for nothing and runs nothing."""
    assert content.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n')
    root = ElementTree.fromstring(content)
    for element in root.iter():
        assert element.tag.removeprefix("{http://www.w3.org/2000/svg}") in {
            *("svg", "title", "desc", "style", "rect", "text", "path", "polyline", "circle")
        }
        for key, value in element.attrib.items():
            assert not key.startswith("on")
            assert key not in ("href", "style")
            assert "url(" not in value
    return root


def texts_of(root):
    return [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]


def test_every_kind_of_mark_is_tried():
    assert {type(mark) for mark in MARKS} == set(get_args(Mark))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mark", MARKS, ids=lambda mark: type(mark).__name__)
def test_every_mark_is_drawn_in_every_format(mark, kind):
    empty, drawn = (to_file(with_marks(*marks), kind) for marks in ((), (mark,)))
    assert len(drawn) > len(empty)


def test_another_process_with_other_settings_of_matplotlib_writes_the_same_bytes(tmp_path):
    (tmp_path / "matplotlibrc").write_text(
        "pdf.fonttype: 3\npdf.compression: 0\nps.fonttype: 3\npdf.use14corefonts: True"
    )
    code = "from tests.reports.test_figure_files import hashes; print(hashes())"
    environment = {**os.environ, "PYTHONHASHSEED": "7", "MATPLOTLIBRC": str(tmp_path / "matplotlibrc")}
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, capture_output=True, text=True, env=environment, cwd=ROOT, check=True)
    assert done.stdout.strip() == str(hashes())


def test_a_pdf_is_one_page_with_letters_in_embedded_fonts():
    content = to_file(FIGURE, "pdf")
    pdf = Pdf(content)
    assert pdf.size == (100, 110)
    assert pdf.has(rb"/CIDFontType2")
    assert pdf.has(rb"/FontFile2")
    assert pdf.has(rb"/ToUnicode")
    assert pdf.has(rb"/Title \(All <marks>\)")
    assert not pdf.has(rb"/Type3|/Subtype /Image")
    assert b"Date" not in content
    assert [text.words for text in pdf.texts()] == [mark.text for mark in MARKS if isinstance(mark, Words)]


def test_words_of_a_pdf_stand_where_they_stand_on_the_drawing():
    start, middle, end = Pdf(to_file(FIGURE, "pdf")).texts()
    assert (start.x, start.y, start.cosine) == (10, 110 - 20, 1), "y points up"
    assert middle.y == 110 - 40
    assert 25 < middle.x < 40, "half of it lies before its place"
    assert (end.cosine, end.sine) == pytest.approx((0.5**0.5, 0.5**0.5)), "it rises"
    assert end.x < 90
    assert end.y < 110 - 95
    assert 90 - end.x == pytest.approx(110 - 95 - end.y)


def test_a_pdf_knows_dashes_and_opacities():
    pdf = Pdf(to_file(FIGURE, "pdf"))
    dashed = re.findall(rb"\[ ([\d.]+) ([\d.]+) \] 0 d", pdf.drawn)
    assert [tuple(map(float, each)) for each in dashed] == [(0.6 * 4, pytest.approx(0.6 * 3)), (4, 3)]
    for opacity in (b"0.5", b"0.25", b"0.7", b"0.8", b"0.6", b"0.9"):
        assert pdf.has(rb"/(ca|CA) %s\b" % opacity), opacity


def test_a_width_is_in_millimetres_and_everything_grows_with_it():
    wide = 127.0  # five inches
    once, large = Pdf(to_file(FIGURE, "pdf")), Pdf(to_file(FIGURE, "pdf", width=wide))
    assert large.size == (360, 396)
    for one, other in zip(once.texts(), large.texts(), strict=True):
        assert (other.x, other.y) == pytest.approx((3.6 * one.x, 3.6 * one.y), abs=0.5)
    assert b"[ 14.4 10.8 ] 0 d" in large.drawn
    root = svg_of(to_file(FIGURE, "svg", width=wide))
    assert (root.get("width"), root.get("height"), root.get("viewBox")) == ("360pt", "396pt", "0 0 100 110")
    picture = Image.open(io.BytesIO(to_file(FIGURE, "png", width=wide)))
    assert picture.size == (1500, 1650)
    assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.1)


def test_without_a_width_a_unit_is_a_point():
    root = svg_of(to_file(FIGURE, "svg"))
    assert (root.get("width"), root.get("height")) == ("100pt", "110pt")
    picture = Image.open(io.BytesIO(to_file(FIGURE, "png")))
    assert picture.size == (200, 220)
    assert picture.info["dpi"] == pytest.approx((144, 144), abs=0.1)


def test_too_many_pixels_are_refused():
    with pytest.raises(UserError, match=r"all-marks\.png would have more than 100,000,000 pixels; give a smaller --w"):
        to_file(FIGURE, "png", width=1000)
    assert Pdf(to_file(FIGURE, "pdf", width=1000)).size[0] == pytest.approx(1000 / 25.4 * 72)


def test_an_svg_file_brings_its_colours_and_its_paper():
    root = svg_of(to_file(FIGURE, "svg"))
    style = root.find("{http://www.w3.org/2000/svg}style").text
    for element in root.iter():
        for name in (element.get("class") or "").split():
            tone = name.partition("-")[2]
            assert f".{name}{{{'stroke' if name[0] == 's' else 'fill'}:{PALETTE[tone].light}}}" in style
    assert "var(" not in style, "not every program knows variables"
    paper = root.find("{http://www.w3.org/2000/svg}rect")
    assert (paper.get("class"), paper.get("width"), paper.get("height")) == ("f-paper", "100", "110")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_only_text(name):
    shown = printable(name, limit=60)
    figure = replace(with_marks(Words(5, 20, shown), Disc(5, 5, 2, "ink", title=shown)), title=shown, alt=shown)
    root = svg_of(to_file(figure, "svg"))
    assert texts_of(root) == [shown]
    titles = [element.text for element in root.iter("{http://www.w3.org/2000/svg}title")]
    assert titles == [shown, shown]
    pdf = Pdf(to_file(figure, "pdf"))
    (text,) = pdf.texts()
    assert sorted(text.words) == sorted(shown), "letters may run from right to left"
    assert not pdf.has(rb"/(JS|JavaScript|URI|Launch|OpenAction|AA)\b")
    assert to_file(figure, "png").startswith(b"\x89PNG")


def test_rings_keep_points_apart_from_lines():
    ring, point = ringed(np.array([(5.0, 5.0)]), "module2", 4.0)
    assert (ring.tone, point.tone) == ("paper", "module2")
    assert ring.radius - point.radius == 1.5
