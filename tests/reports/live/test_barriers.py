"""Pages keep nobody out: axe-core finds nothing serious, in light and dark, before and after a hand was on them."""

from pathlib import Path

import pytest

from reports.nets.compare import compare
from reports.nets.gallery import make_gallery
from tests.reports.browser import Opened, needs_browser
from tests.reports.checkpoints import saved, small_checkpoint, small_task
from tests.reports.live.pages import nets_page, report_page

AXE = Path(__file__).parents[3] / "node_modules" / "axe-core" / "axe.min.js"
pytestmark = [needs_browser, pytest.mark.skipif(not AXE.exists(), reason="axe-core is not there (npm install)")]
FOUND = """async () => (await axe.run({resultTypes: ["violations"]})).violations
  .filter(each => ["serious", "critical"].includes(each.impact))
  .map(each => `${each.id}: ${each.nodes.map(node => node.html.slice(0, 200)).join(" | ")}`)"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A report of numbers, a report of classes, both side by side, and a gallery, by what they are."""
    folder = tmp_path_factory.mktemp("barriers")
    numbers = small_checkpoint(small_task(outputs=("y1", "y2")), steps=120)
    classes = small_checkpoint(
        small_task(inputs=("x1", "x2"), outputs=("a", "b"), kind="classification", rows=40), steps=60, seeds=1
    )
    for name, checkpoint in (("one", numbers), ("two", classes)):
        saved(checkpoint, folder / name)
    return {
        "numbers": report_page(numbers, folder / "numbers.html"),
        "classes": report_page(classes, folder / "classes.html"),
        "compare": nets_page(compare([folder / "one", folder / "two"]), folder / "compare.html"),
        "gallery": nets_page(make_gallery(numbers), folder / "gallery.html"),
    }


def cut(page):
    page.dispatch_event("[data-neuron='h1[0]'] >> nth=0", "click")
    page.locator("[data-module]").first.check()
    page.locator("[type=search]").first.fill("in[0]")
    page.locator("[type=search]").first.press("Enter")


def film(page):
    page.locator("button:text-is('training film')").first.click()


def activation(page):
    page.locator("[aria-label='number of a test row']").first.fill("2")
    page.locator("[type=search]").first.fill("nothing of that name")
    page.locator("[type=search]").first.press("Enter")


@pytest.mark.parametrize(
    ("kind", "acts"),
    [("numbers", [cut, film]), ("classes", [cut, activation]), ("compare", [cut]), ("gallery", [cut])],
)
def test_nothing_serious_stands_in_the_way(kind, acts, running, pages):
    with Opened(running, pages[kind]) as opened:
        page = opened.page
        page.evaluate(AXE.read_text(encoding="utf-8"))
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
        assert page.evaluate(FOUND) == []
        for act in acts:
            act(page)
            for scheme in ("dark", "light"):
                page.emulate_media(color_scheme=scheme)
                assert page.evaluate(FOUND) == [], (act.__name__, scheme)
        assert opened.said == []


def test_a_barrier_would_be_seen(running, pages):
    with Opened(running, pages["gallery"]) as opened:
        opened.page.evaluate(AXE.read_text(encoding="utf-8"))
        opened.page.evaluate("document.querySelector('select').removeAttribute('aria-label')")
        opened.page.evaluate("document.querySelectorAll('label span').forEach(each => each.remove())")
        assert any(each.startswith("select-name") for each in opened.page.evaluate(FOUND))
