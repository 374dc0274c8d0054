"""Pages of nets whose every name is hostile: nothing runs, nothing is asked for, nothing sticks out of the window."""

import http.server
import json
import threading
from dataclasses import replace

import pytest

from bimt.config import make_config
from reports.nets.compare import compare
from reports.nets.gallery import make_gallery
from tests.reports.browser import Opened, needs_browser
from tests.reports.checkpoints import HOSTILE, saved, small_checkpoint, small_task
from tests.reports.live.pages import nets_page, report_page

pytestmark = needs_browser
RAN = "<img src={address}/ran onerror=document.title=1><script>document.title=1</script>"


@pytest.fixture(scope="module")
def server():
    """A server on this machine that notes who asks for what."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(404)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}", asked
        running.shutdown()


@pytest.fixture(scope="module")
def pages(server, tmp_path_factory):
    """A page of each kind, by what it is."""
    markup = RAN.format(address=server[0])
    names = [name.replace("http://127.0.0.1:9", server[0]) for name in HOSTILE]
    folder = tmp_path_factory.mktemp("hostile")
    numbers = replace(small_task(inputs=names[:6], outputs=names[6:]), name=markup)
    classes = replace(small_task(inputs=names[6:], outputs=names[:6], kind="classification", rows=40), name=names[10])
    numbers, classes = (
        small_checkpoint(task, hidden="[2]", command=("bimt", "train", *names, markup)) for task in (numbers, classes)
    )
    runs = [folder / name for name in ("<img src=x onerror=document.title=1>", "x" * 200 + "'onload=document.title=1")]
    for run, checkpoint in zip(runs, (numbers, classes), strict=True):
        saved(checkpoint, run)
    settings = [
        f"task.data={markup}.csv",
        f"task.targets={json.dumps([markup])}",
        "net.hidden=[2]",
        "swaps.every=never",
    ]
    config = make_config("table", settings=settings, seeds=2)
    return {
        "settings": report_page(replace(numbers, config=config), folder / "settings.html"),
        "numbers": report_page(runs[0], folder / "numbers.html"),
        "classes": report_page(runs[1], folder / "classes.html"),
        "compare": nets_page(compare(runs), folder / "compare.html"),
        "gallery": nets_page(make_gallery(numbers), folder / "gallery.html"),
    }


def touch(page):
    """Does what a hand may do, so that every text that the script can write is written."""
    page.dispatch_event("[data-neuron='h1[0]'] >> nth=0", "click")
    page.locator("[data-module]").first.click()
    page.locator("[aria-label='number of a test row']").first.fill("3")
    for name in ("in[0]", "in[0]->h1[0]", "out[5]"):
        page.locator("[type=search]").first.fill(name)
        page.locator("[type=search]").first.press("Enter")
        assert page.locator(".about h3").count() == 1


@pytest.mark.parametrize("kind", ["numbers", "classes", "settings", "compare", "gallery"])
def test_nothing_runs_and_nothing_sticks_out(kind, running, pages, server):
    with Opened(running, pages[kind], offline=False) as opened:
        page = opened.page
        touch(page)
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
        for width in (390, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.title() != "1"
        assert page.locator("img, iframe, object, embed").count() == 0
        assert page.locator("script").count() == 2
        check_names(page)
        if kind == "compare":
            assert (
                page.locator(".stage .title").first.inner_text().startswith("<img src=x onerror=document.title=1> seed")
            )
        assert (opened.said, opened.requests, opened.dialogs, server[1]) == ([], [], [], [])


def check_names(page):
    """Names are there, as text."""
    shown = page.locator(".stage").first.inner_text()
    assert "<script>alert(1)</script>" in shown or "</title></style></svg></math><script>alert(2)</script>" in shown
    assert "{{ 7*7 }}{% raw %}" in shown
    labels = page.locator(".net circle").evaluate_all("all => all.map(each => each.getAttribute('aria-label'))")
    assert any("right\\u202eto left" in label for label in labels)
    assert any("nul\\x00nul" in label for label in labels)


def test_a_page_that_asks_would_be_seen(running, pages, server, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(f"<html data-ready><body>a<img src={server[0]}/image></body></html>")
    with Opened(running, path, offline=False) as opened:
        opened.page.wait_for_load_state("load")
        assert opened.requests == [f"{server[0]}/image"]
        assert server[1] == ["/image"]
        server[1].clear()
