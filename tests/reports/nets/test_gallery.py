"""The gallery of a run: all seeds ranked, sorted, one of them large, and what it refuses."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from bimt.cli import run
from bimt.messages import UserError
from interp.rank import rank_pruned
from interp.select import prune_all
from reports.nets.gallery import make_gallery
from reports.nets.page import write_nets_page
from reports.page_commands import gallery
from tests.nets import random_mlp, task_of
from tests.reports.browser import Opened, browser, needs_browser
from tests.reports.checkpoints import saved, small_checkpoint, small_task, without_weights
from tests.reports.live.pages import address, metric, silent_checkpoint


@pytest.fixture(scope="module")
def checkpoint():
    return small_checkpoint(small_task(outputs=("y1", "y2"), rows=40), seeds=5, steps=120)


@pytest.fixture(scope="module")
def ranking(checkpoint):
    return rank_pruned(checkpoint, prune_all(checkpoint))


@pytest.fixture(scope="module")
def path(checkpoint, tmp_path_factory):
    return write_nets_page(make_gallery(checkpoint), tmp_path_factory.mktemp("gallery"), "gallery")[0]


@pytest.fixture(scope="module")
def running():
    with browser() as started:
        yield started


def cards(page):
    return [card.get_attribute("data-card") for card in page.locator("[data-card]").all()]


@needs_browser
def test_the_best_is_large_and_all_are_sorted(running, path, ranking):
    with Opened(running, path) as opened:
        page = opened.page
        assert page.inner_text(".gallery > h2") == f"seed {ranking.best}, rank 1"
        assert cards(page) == [f"seed {row.seed}" for row in ranking.rows]
        for key, value in {
            "test metric": lambda row: -row.metric,
            "connections": lambda row: row.connections,
            "length": lambda row: row.length,
            "parts": lambda row: -row.parts,
            "rank": lambda row: row.rank,
        }.items():
            page.select_option("[aria-label='sort by']", key)
            assert cards(page) == [f"seed {row.seed}" for row in sorted(ranking.rows, key=value)]
        page.check("text=only the Pareto front")
        assert cards(page) == [f"seed {row.seed}" for row in ranking.rows if row.on_front]
        assert 0 < len(cards(page)) < 5
        assert (opened.said, opened.requests, opened.dialogs) == ([], [], [])


@needs_browser
def test_a_card_shows_its_seed_and_puts_it_into_the_address(running, path, ranking):
    row = ranking.rows[-1]
    with Opened(running, path) as opened:
        page = opened.page
        tables = page.locator(".stage .take").count()
        page.click(f"[data-card='seed {row.seed}']")
        assert page.inner_text(".gallery > h2") == f"seed {row.seed}, rank 5"
        assert metric(page) == pytest.approx(row.metric, abs=1e-12)
        assert page.locator("[data-card][aria-pressed=true]").get_attribute("data-card") == f"seed {row.seed}"
        assert page.evaluate("document.activeElement === document.querySelector('.gallery > h2')")
        assert page.locator(".stage .take").count() == tables > 0, "its tables can be taken away, too"
        page.dispatch_event("[data-neuron] >> nth=0", "click")
        now, fragment = metric(page), address(page)
        assert fragment.startswith(f"#play?net=seed+{row.seed}&cut=")
    with Opened(running, path, fragment=fragment) as again:
        assert again.page.inner_text(".gallery > h2") == f"seed {row.seed}, rank 5"
        assert metric(again.page) == now
    with Opened(running, path, fragment="#play?net=seed+99&cut=zz") as other:
        assert other.page.inner_text(".gallery > h2") == f"seed {ranking.best}, rank 1"
        assert other.said == []


def test_it_says_how_many_nets_there_are(checkpoint):
    page = make_gallery(checkpoint)
    assert page.headline.startswith("Five pruned nets")
    assert len(page.sections[0].tables[0].rows) == 5


def test_seeds_that_stopped_are_left_out(checkpoint):
    some = replace(checkpoint, stopped={1: "loss is nan", 4: "loss is nan"})
    assert {row[0] for row in make_gallery(some).sections[0].tables[0].rows} == {"0", "2", "3"}


@needs_browser
def test_nets_without_connections_can_be_looked_at(checkpoint, running, tmp_path):
    path = write_nets_page(make_gallery(without_weights(checkpoint)), tmp_path, "gallery")[0]
    with Opened(running, path) as opened:
        opened.page.keyboard.press("Tab")
        opened.page.click("[data-card='seed 3']")
        assert opened.page.locator(".net line").count() == 0
        assert opened.said == []


@pytest.mark.parametrize(
    ("made", "complaint"),
    [
        (
            lambda small: replace(small, stopped=dict.fromkeys(small.labels, "loss is nan")),
            "every seed of .* stopped; train again with a lower learning_rate",
        ),
        (lambda small: large(), r"at most 5,000 kept connections, got one of 5,\d\d\d; .*bimt report --seed"),
        (lambda small: silent_checkpoint(), "nets that say what their sites compute; draw these with bimt report"),
    ],
)
def test_what_it_cannot_show_it_refuses(made, complaint, checkpoint):
    with pytest.raises(UserError, match=complaint):
        make_gallery(made(checkpoint))


def large():
    """A checkpoint of one net with many connections."""
    net = random_mlp((60, 90, 2), dtype=torch.float32)
    return replace(small_checkpoint(small_task(), seeds=1), net=net, task=task_of(net), snapshots={})


def test_the_command_writes_it_into_the_checkpoints_folder(checkpoint, tmp_path, capsys):
    folder = tmp_path / "run"
    saved(checkpoint, folder)
    assert run(gallery, [str(folder), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["html"] == str(folder / "gallery.html")
    first = (folder / "gallery.html").read_bytes()
    command = [sys.executable, "-m", "reports", "gallery", str(folder), "--out", str(tmp_path / "other")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == [str(tmp_path / "other" / name) for name in ("gallery.html", "gallery.md")]
    assert (tmp_path / "other" / "gallery.html").read_bytes() == first
    assert run(gallery, [str(folder), "--tolerance", "0"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
