"""What the page's address keeps: everything that a hand did, and no harm from one that somebody else wrote."""

from dataclasses import replace

import pytest
import torch

from tests.reports.browser import Opened, needs_browser
from tests.reports.checkpoints import small_task
from tests.reports.live.pages import address, filmed_player, go, metric, written
from tests.reports.live.test_running import MOVED, player_of

pytestmark = needs_browser


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return written(tmp_path_factory.mktemp("address"), replace(filmed_player(), zero=None, mean=None))


def seen(page):
    """All that an address should bring back."""
    return page.evaluate("""() => [
      document.querySelector("[data-metric]").dataset.metric,
      ...Array.from(document.querySelectorAll(".stage [aria-pressed]"), each => [each.getAttribute("aria-label") ||
        each.textContent, each.getAttribute("aria-pressed")].join()),
      ...Array.from(document.querySelectorAll(".stage select, .stage input:not([type=checkbox])"), each => each.value),
      ...Array.from(document.querySelectorAll(".stage output[data-value]"), each => each.dataset.value),
      ...Array.from(document.querySelectorAll(".net line"), each =>
        ["x1", "y1", "x2", "y2", "class", "stroke-width", "stroke-opacity", "stroke-dasharray", "aria-label"]
          .map(name => String(each.getAttribute(name)).replace(/ (pointed|beside)/g, "")).join()),
    ]""")


def cut(page):
    page.dispatch_event("[data-neuron='h1[1]']", "click")
    page.dispatch_event("[data-connection^='in[0]']", "click")
    page.select_option("[aria-label='ablate by']", "mean")


def drag(page):
    for slider, value in zip(page.locator("[data-input]").all(), (0.25, -0.125, 0.7), strict=True):
        slider.evaluate(MOVED, value)


@pytest.mark.parametrize(
    ("acts", "keeps"),
    [
        (
            [cut, lambda page: page.fill("[aria-label='number of a test row']", "7")],
            "cut=h1%5B1%5D%3Bin%5B0%5D-%3Eh1%5B2%5D&by=mean&colour=activation&row=7",
        ),
        (
            [
                drag,
                lambda page: page.select_option("[aria-label='colour by']", "sign"),
                lambda page: page.click("text=as trained"),
            ],
            "colour=sign&view=trained&x=0.25%3B-0.1",
        ),
        ([lambda page: page.locator("[aria-label='logged step']").evaluate(MOVED, 2)], "view=film&frame=2"),
    ],
)
def test_a_page_opened_with_the_address_is_the_page(acts, keeps, running, path):
    with Opened(running, path) as opened:
        for act in acts:
            act(opened.page)
        fragment, expected = address(opened.page), seen(opened.page)
    assert keeps in fragment
    with Opened(running, path, fragment=fragment) as again:
        assert seen(again.page) == expected
        assert address(again.page) == fragment
        assert again.said == []


GARBAGE = (
    "#play?cut=zz;h1[99];constructor;__proto__&by=%E0%A4%A&colour=toString&view=constructor&frame=1e99&row=NaN&x=NaN",
    "#play?view=film&frame=99999999999999999999",
    "#play?view=film&frame=-3",
    "#play?view=film&frame=1.5",
    "#play?colour=importance",
    "#play?row=1.5",
    "#play?row=-1",
    "#play?row=1e9",
    "#play?row=",
    "#play?x=;;;;;;",
    "#play?x=1e999;Infinity;<script>",
    "#play?%",
    "#play?&&==&cut",
    "#%",
    "#no-such-section",
)


def test_garbage_does_no_harm(running, path):
    with Opened(running, path) as opened:
        page = opened.page
        whole, before = metric(page), page.evaluate("document.querySelectorAll('.net line').length")
        for fragment in GARBAGE:
            go(page, fragment)
            assert metric(page) == whole, fragment
            assert page.evaluate("document.querySelectorAll('.net circle').length") > 0
            assert page.locator(".choice [aria-pressed=true]").count() == 1
            assert page.input_value("[aria-label='colour by']") == "both", fragment
            assert all(each.input_value() not in ("", "NaN") for each in page.locator("[data-input]").all())
        go(page, "#play?")
        assert page.evaluate("document.querySelectorAll('.net line').length") == before
        assert (opened.said, opened.dialogs, opened.requests) == ([], [], [])


@pytest.mark.parametrize("fragment", GARBAGE[:1] + GARBAGE[5:6])
def test_garbage_keeps_no_page_from_opening(fragment, running, tmp_path):
    plane = small_task(inputs=("x1", "x2"), outputs=("a", "b"), kind="classification")
    with Opened(running, written(tmp_path, filmed_player(plane, hidden="[3]")), fragment=fragment) as opened:
        assert opened.said == []


def test_tokens_of_an_address_are_tokens(running, tmp_path):
    player = player_of("embedding_mlp")
    with Opened(running, written(tmp_path, player), fragment="#play?x=2.4;99") as opened:
        assert [each.input_value() for each in opened.page.locator("[data-input]").all()] == ["2", "4"]
        said = [float(each.get_attribute("data-value")) for each in opened.page.locator("output[data-value]").all()]
        inputs = torch.tensor([[[2, 4]]])
        assert said == pytest.approx(player.task.scaling.to_table(player.sparse.net.run(inputs)[0, 0]).tolist())


def test_links_to_sections_stay_links(running, path):
    with Opened(running, path, fragment="#reproduce") as opened:
        assert address(opened.page) == "#reproduce"
        go(opened.page, "#net")
        assert address(opened.page) == "#net"
        opened.page.dispatch_event("[data-neuron='h1[1]']", "click")
        assert address(opened.page) == "#play?cut=h1%5B1%5D"
        opened.page.dispatch_event("[data-neuron='h1[1]']", "click")
        assert address(opened.page) == ""


def test_another_address_in_the_same_window_replaces_all(running, path):
    with Opened(running, path, fragment="#play?cut=h1%5B1%5D&by=mean&colour=sign&row=3&view=trained") as opened:
        page = opened.page
        assert page.input_value("[aria-label='number of a test row']") == "3"
        go(page, "#play?cut=h1%5B2%5D")
        with Opened(running, path, fragment="#play?cut=h1%5B2%5D") as fresh:
            assert seen(page) == seen(fresh.page)


def test_each_of_several_nets_has_its_own(running, tmp_path):
    path = written(tmp_path, player_of("mlp"), player_of("mlp", live=0.5))
    with Opened(running, path) as opened:
        page = opened.page
        page.locator("[data-stage]").nth(1).locator("[data-neuron]").first.dispatch_event("click")
        fragment = address(page)
        metrics = [each.get_attribute("data-metric") for each in page.locator("[data-metric]").all()]
    assert fragment.startswith("#play?1.cut=")
    with Opened(running, path, fragment=fragment) as again:
        assert [each.get_attribute("data-metric") for each in again.page.locator("[data-metric]").all()] == metrics
