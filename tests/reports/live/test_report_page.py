"""A whole report in a browser: it opens without a network, says pieces of formulas, hands out pictures and tables."""

import csv
import io
import re
from xml.etree import ElementTree

import pytest
import sympy
from PIL import Image

from reports.report import build_report, write_report
from tests.reports.browser import Opened, needs_browser
from tests.reports.checkpoints import small_checkpoint, small_task
from tests.reports.live.pages import filmed_player, metric, silent_checkpoint, written

pytestmark = needs_browser
SVG = "{http://www.w3.org/2000/svg}"
FORMULA = "=cmd|'/C calc'!A0"


@pytest.fixture(scope="module")
def report():
    task = small_task(inputs=("x1", FORMULA, "x3"), outputs=("y1", "+y2"), rows=40)
    return build_report(small_checkpoint(task, steps=200))


@pytest.fixture(scope="module")
def path(report, tmp_path_factory):
    return write_report(report, tmp_path_factory.mktemp("report"))[0]


@pytest.fixture
def opened(running, path):
    with Opened(running, path) as opened:
        yield opened
        assert (opened.said, opened.requests, opened.dialogs) == ([], [], [])


def test_it_opens_without_a_network_and_is_written_the_same_again(report, path, opened, tmp_path):
    page = opened.page
    assert opened.asked == [path.as_uri()]
    assert page.locator(".stage").count() == 1
    assert metric(page) == pytest.approx(report.selected.sparse.metric, abs=1e-12)
    assert page.locator("[role=alert]").count() == 0
    for again in write_report(report, tmp_path):
        assert again.read_bytes() == (path.parent / again.relative_to(tmp_path)).read_bytes()


def test_without_scripts_the_pictures_are_there(running, path):
    context = running.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    page.goto(path.as_uri())
    assert "is drawn by a script" in page.inner_text("#net")
    assert page.locator("#pruning figure svg").count() == 2
    context.close()


def test_a_neuron_says_its_piece_of_the_readable_formula(report, opened):
    page = opened.page
    pieces = page.locator("template[id^=piece-]").evaluate_all("all => all.map(each => each.id)")
    assert {"piece-out[0]", "piece-out[1]"} <= set(pieces)
    page.fill("[type=search]", "+y2")
    page.press("[type=search]", "Enter")
    shown = page.locator(".about math").text_content()
    assert shown == page.evaluate("document.getElementById('piece-out[1]').content.textContent.trim()")
    name, expr = report.readable.formulas[1].layers[-1]
    assert str(name) in shown
    assert f"{float(max(expr.atoms(sympy.Float))):.3g}" in shown


def test_a_net_that_does_not_say_what_it_computes_is_drawn_only(running, tmp_path):
    path = write_report(build_report(silent_checkpoint()), tmp_path)[0]
    text = path.read_text(encoding="utf-8")
    assert 'id="model"' not in text
    assert "data-net" not in text
    context = running.new_context(offline=True)
    page = context.new_page()
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(path.as_uri())
    assert page.locator("#net figure svg").count() == 2
    assert page.locator("text=↓ CSV").count() > 3
    assert said == []
    context.close()


def taken(page, label):
    """The name and the bytes of what a button hands out."""
    with page.expect_download(timeout=5000) as download:
        page.click(f"[aria-label='{label}']")
    return download.value.suggested_filename, download.value.path().read_bytes()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_picture_as_svg_stands_alone(scheme, running, path):
    with Opened(running, path, scheme=scheme) as opened:
        page = opened.page
        page.dispatch_event("[data-neuron='h1[0]']", "click")
        lines, paper = (
            page.locator(".net line").count(),
            page.evaluate("getComputedStyle(document.body).backgroundColor"),
        )
        name, content = taken(page, "picture as SVG")
    assert name == "net-pruned.svg"
    root = ElementTree.fromstring(content)
    assert root.tag == f"{SVG}svg"
    assert len(root.findall(f".//{SVG}line")) == lines
    for part in root.iter():
        assert "class" not in part.attrib
        assert not {"style", "href", "{http://www.w3.org/1999/xlink}href"} & set(part.attrib)
        assert not [value for value in part.attrib.values() if "url(" in value or "var(" in value]
    for line in root.findall(f".//{SVG}line"):
        assert re.fullmatch(r"rgb\(.*\)", line.get("stroke"))
    x, y, width, height = (float(value) for value in root.get("viewBox").split())
    first = root.find(f"{SVG}rect")
    assert first.get("fill") == paper
    assert [float(first.get(key)) for key in ("x", "y", "width", "height")] == [x, y, width, height]
    assert (float(root.get("width")), float(root.get("height"))) == (width, height)


def test_the_picture_as_png_is_twice_as_large(opened):
    page = opened.page
    page.click("button:text-is('as trained')")
    name, content = taken(page, "picture as PNG")
    assert name == "net-trained.png"
    assert content.startswith(b"\x89PNG")
    picture = Image.open(io.BytesIO(content)).convert("RGB")
    width, height = (float(value) for value in page.get_attribute(".net", "viewBox").split()[2:])
    assert picture.size == (2 * width, 2 * height)
    assert len(picture.getcolors(picture.width * picture.height)) > 10


def test_letters_beyond_the_first_plane_are_not_cut_in_half(running, tmp_path):
    task = small_task(inputs=("x1", "x2"), outputs=("😀" * 60,))
    with Opened(running, written(tmp_path, filmed_player(task))) as opened:
        ElementTree.fromstring(taken(opened.page, "picture as SVG")[1])
        assert taken(opened.page, "picture as PNG")[1].startswith(b"\x89PNG")
        assert opened.said == []


def test_every_table_is_handed_out_as_it_is_shown(opened):
    page = opened.page
    tables = page.locator(".scroll:has(+ .take)")
    assert tables.count() == page.locator(".scroll > table").count() > 6
    page.dispatch_event("[data-neuron='h1[0]']", "click")
    dangers = 0
    for table in tables.all():
        label = table.get_attribute("aria-label")
        shown = table.evaluate(
            "each => Array.from(each.querySelector('table').rows, row => Array.from(row.cells, cell => "
            "cell.textContent.trim()))"
        )
        if not table.is_visible():
            continue
        name, content = taken(page, f"{label} as CSV")
        assert re.fullmatch(r"[a-z0-9-]+\.csv", name)
        assert content.startswith(b"\xef\xbb\xbf")
        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
        assert len(rows) == len(shown)
        for row, cells in zip(rows, shown, strict=True):
            for found, cell in zip(row, cells, strict=True):
                assert found.removeprefix("'").replace("−", "-") == cell.replace("−", "-")
                if is_number(found):
                    continue
                assert not found.startswith(("=", "+", "-", "@", "−"))
                dangers += found.startswith("'")
    assert dangers > 0


def is_number(text):
    try:
        float(text.replace(",", ""))
    except ValueError:
        return False
    return True


def test_signed_numbers_stay_numbers_for_a_spreadsheet(running, tmp_path):
    with Opened(running, written(tmp_path, filmed_player())) as opened:
        page = opened.page
        page.evaluate("""() => {
          const cells = document.querySelectorAll("[aria-label='Modules of net, live'] tbody td");
          ["+0.03", "−1.5e−5", "1,234", "−∞", "+1+1", "-"].forEach((text, at) => { cells[at].textContent = text; });
        }""")
        _, content = taken(page, "Modules of net, live as CSV")
        row = next(csv.reader(content.decode().splitlines()[1:]))
        del row[1]  # the module's name
        assert row == ["+0.03", "-1.5e-5", "1,234", "'−∞", "'+1+1", "'-"]
