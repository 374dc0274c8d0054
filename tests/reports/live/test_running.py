"""The net that runs in the page is the net: every ablation, every slider, whatever the family."""

import math
import re
from dataclasses import replace

import pytest
import torch

from bimt.tasks.base import Split
from interp.ablation import ablate
from interp.edits import Connection, Cut, replacements
from interp.effects import measure_cuts
from interp.graph import to_graph
from interp.modules import independent_parts
from interp.prune import prune
from interp.sample import MOST_ROWS, sampled
from interp.sparse import Neuron
from reports.html import render_page
from reports.live.model import Player
from reports.live.script import playing_script
from reports.nets.compare import compare
from tests.families import FAMILIES, made
from tests.reports.browser import Opened, browser, needs_browser
from tests.reports.checkpoints import saved, small_checkpoint, small_task
from tests.reports.live.pages import CLICKED, address, metric, written

pytestmark = needs_browser
MOVED = "(each, value) => { each.value = value; each.dispatchEvent(new Event('input', {bubbles: true})); }"


@pytest.fixture(scope="module")
def running():
    with browser() as started:
        yield started


def player_of(family, live=0.3):
    """A pruned net of a family, with its parts for modules."""
    net, task = made(family, live=live)
    sparse = prune(net, task, tolerance=1e-3)
    return Player("net", sparse, task, independent_parts(to_graph(sparse, task.to(torch.float64))))


def table_of(player, method):
    members = {module.name: module.neurons for module in player.modules}
    return ablate(player.sparse, sampled(player.task), modules=members, method=method)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_click_shows_what_the_ablation_says(family, running, tmp_path):
    player = player_of(family)
    with Opened(running, written(tmp_path, player)) as opened:
        for method in ("zero", "mean"):
            opened.page.select_option("select[aria-label='ablate by']", method)
            found, table = opened.page.evaluate(CLICKED), table_of(player, method)
            assert found.pop("") == pytest.approx(table.baseline.metric, abs=1e-12, rel=1e-12)
            assert set(found) == {f"{row.kind} {row.name}" for row in table.rows}
            for row in table.rows:
                assert found[f"{row.kind} {row.name}"] == pytest.approx(row.metric, abs=1e-9, rel=1e-9)
        assert (opened.said, opened.requests) == ([], [])


@pytest.mark.parametrize("activation", ["silu", "selu", "relu", "gelu", "gelu_tanh", "tanh"])
def test_every_activation_is_the_same_function(activation, running, tmp_path):
    checkpoint = small_checkpoint(small_task(), steps=20, hidden="[5]", seeds=1)
    net = checkpoint.net.seed(0).to(torch.float64)
    net.activation = activation
    net.parameters["weight.h1"] *= 4
    sparse = prune(net, checkpoint.task, tolerance=1e-3)
    with Opened(running, written(tmp_path, Player("net", sparse, checkpoint.task))) as opened:
        assert metric(opened.page) == pytest.approx(sparse.metric, abs=1e-12, rel=1e-12)


@pytest.mark.parametrize("method", ["zero", "mean"])
def test_several_cuts_at_once_are_one_ablation(method, running, tmp_path):
    player = player_of("mlp", live=1.0)
    sparse, task = player.sparse, player.task.to(torch.float64)
    link = sparse.net.wiring.links[0]
    cut = Cut((Neuron("h1", 1), Neuron("h2", 0)), (Connection(link, 2, 1), Connection(link, 1, 0)))
    expected = measure_cuts(sparse.net, task, [cut], replacements(sparse.net, task.train.inputs, method=method))
    with Opened(running, written(tmp_path, player)) as opened:
        page = opened.page
        page.select_option("select[aria-label='ablate by']", method)
        whole = metric(page)
        for kind, name in (
            ("neuron", "h1[1]"),
            ("neuron", "h2[0]"),
            ("connection", "in[1]->h1[2]"),
            ("connection", "in[0]->h1[1]"),
        ):
            page.dispatch_event(f"[data-{kind}='{name}']", "click")
        assert metric(page) == pytest.approx(expected.metric.item(), abs=1e-9, rel=1e-9)
        for _ in range(4):
            page.click("text=Undo")
        assert metric(page) == whole


@pytest.mark.parametrize("family", ["mlp", "transformer", "token_transformer", "embedding_mlp"])
def test_sliders_say_what_the_net_says(family, running, tmp_path):
    player = player_of(family)
    net, task = player.sparse.net, player.task
    columns = page_columns(task)
    random = torch.Generator().manual_seed(3)
    with Opened(running, written(tmp_path, player)) as opened:
        for _ in range(4):
            table = torch.rand(len(columns), generator=random, dtype=torch.float64) * 2 - 1
            if task.tokens:
                table = torch.randint(task.vocabulary, (len(columns),), generator=random)
            for slider, value in zip(opened.page.locator("[data-input]").all(), table.tolist(), strict=True):
                slider.evaluate(MOVED, value)
            shown = [float(each.input_value()) for each in opened.page.locator("[data-input]").all()]
            row = torch.tensor(shown, dtype=torch.float64)[: len(columns)]
            inputs = row.long() if task.tokens else task.scaling.to_net(row)
            expected = task.scaling.to_table(net.run(inputs[None, None])[0, 0])
            said = [
                float(each.get_attribute("data-value")) for each in opened.page.locator("output[data-output]").all()
            ]
            assert said == pytest.approx(expected[: len(said)].tolist(), abs=1e-9, rel=1e-9)


def page_columns(task):
    """The columns of a row that have sliders."""
    return task.tokens or range(min(task.train.inputs.shape[-1], 24))


def test_of_a_large_split_the_page_takes_the_rows_that_the_command_takes(running, tmp_path):
    checkpoint = small_checkpoint(small_task(rows=MOST_ROWS + 500), steps=20, seeds=1)
    sparse = prune(checkpoint.net.seed(0), checkpoint.task, tolerance=1e-3)
    player = Player("net", sparse, checkpoint.task)
    with Opened(running, written(tmp_path, player)) as opened:
        assert metric(opened.page) == pytest.approx(table_of(player, "zero").baseline.metric, abs=1e-12)
        assert metric(opened.page) != pytest.approx(sparse.metric, abs=1e-12)
        assert "2,000 of 2,500 test rows" in opened.page.inner_text(".readout")


def test_what_the_table_says_of_all_rows_is_marked_so(running, tmp_path):
    checkpoint = small_checkpoint(small_task(rows=MOST_ROWS + 500), steps=20, seeds=1)
    sparse = prune(checkpoint.net.seed(0), checkpoint.task, tolerance=1e-3)
    zero, mean = (ablate(sparse, checkpoint.task, method=method) for method in ("zero", "mean"))
    with Opened(running, written(tmp_path, Player("net", sparse, checkpoint.task, zero=zero, mean=mean))) as opened:
        opened.page.hover("[data-neuron]")
        words = opened.page.locator(".about dt").all_inner_texts()
        assert {f"loss increase by {method}, all 2,500 test rows" for method in ("zero", "mean")} <= set(words)


def test_a_browser_that_counts_otherwise_is_not_trusted(running, tmp_path):
    path = written(tmp_path, player_of("mlp"))
    path.write_text(path.read_text().replace('"baseline":{"metric":', '"baseline":{"metric":-', 1))
    with Opened(running, path) as opened:
        assert "do not trust the numbers" in opened.page.inner_text(".warning")


def test_error_function(running, tmp_path):
    path = tmp_path / "erf.html"
    source = playing_script().replace('"use strict";', '"use strict"; window.erf = x => erf(x);', 1)
    path.write_text(f"<html><body><script>{source}</script></body></html>")
    with Opened(running, path) as opened:
        points = [k / 16 for k in range(-110, 111)]
        for x, found in zip(points, opened.page.evaluate("points => points.map(erf)", points), strict=True):
            assert found == pytest.approx(math.erf(x), rel=2e-15, abs=1e-300)


def test_inputs_in_an_address_leave_colours_and_view_as_it_says(running, tmp_path):
    path = written(tmp_path, player_of("mlp", live=1.0))
    for colour in ("both", "sign"):
        said = "#play?row=3" if colour == "both" else f"#play?colour={colour}&row=3"
        with Opened(running, path, fragment=said) as opened:
            assert opened.page.input_value("select[aria-label='colour by']") == colour
            assert address(opened.page) == said


def test_a_colour_that_there_is_not_is_left_out(running, tmp_path):
    with Opened(running, written(tmp_path, player_of("mlp")), fragment="#play?colour=toString") as opened:
        assert opened.page.input_value("select[aria-label='colour by']") == "both"


def test_an_address_asks_only_for_tokens_that_there_are(running, tmp_path):
    path = written(tmp_path, player_of("embedding_mlp"))
    with Opened(running, path, fragment="#play?x=99999;1.4") as opened:
        assert [each.input_value() for each in opened.page.locator("[data-input]").all()] == ["4", "1"]
        said = [each.get_attribute("data-value") for each in opened.page.locator("output[data-output]").all()]
        assert "NaN" not in said
        assert opened.said == []


@pytest.mark.parametrize("row", ["1.5", "-1", "9999", "x"])
def test_an_address_asks_only_for_rows_that_there_are(row, running, tmp_path):
    with Opened(running, written(tmp_path, player_of("mlp")), fragment=f"#play?row={row}") as opened:
        assert opened.page.input_value("[aria-label='number of a test row']") == ""
        assert "NaN" not in opened.page.inner_text(".said")


def test_the_number_of_a_row_can_be_emptied(running, tmp_path):
    with Opened(running, written(tmp_path, player_of("mlp"))) as opened:
        chooser = opened.page.locator("[aria-label='number of a test row']")
        chooser.fill("3")
        chooser.fill("")
        assert chooser.input_value() == ""
        assert address(opened.page) == "#play?colour=activation&row=3"


def test_an_address_that_names_a_section_stays(running, tmp_path):
    with Opened(running, written(tmp_path, player_of("mlp")), fragment="#reproduce") as opened:
        assert address(opened.page) == "#reproduce"


def test_every_link_of_a_comparison_leads_somewhere(tmp_path):
    checkpoint = saved(small_checkpoint(small_task(), seeds=2), tmp_path / "run")
    text = render_page("nets.html.j2", page=compare([checkpoint.path], labels=[0, 1]), is_live=True)
    targets = set(re.findall(r'<a href="#([^"]*)"', text))
    assert targets
    assert targets <= set(re.findall(r'\bid="([^"]*)"', text))


def test_a_metric_that_is_no_number_is_no_reason_to_fail(running, tmp_path):
    player = player_of("mlp", live=1.0)
    task = replace(player.task, test=Split(player.task.test.inputs * 1e200, player.task.test.targets))
    with Opened(running, written(tmp_path, replace(player, task=task, facts={"score": math.nan}))) as opened:
        assert not math.isfinite(metric(opened.page))
        assert opened.page.query_selector(".warning") is None
        assert opened.said == []


def test_what_goes_wrong_is_said_where_the_net_would_be(running, tmp_path):
    path = written(tmp_path, player_of("mlp"))
    path.write_text(path.read_text().replace('"reading":null', '"reading":{"kind":"smoke"}'))
    with Opened(running, path) as opened:
        assert "cannot run the net" in opened.page.inner_text("[data-net] .warning")
        assert opened.said != []
