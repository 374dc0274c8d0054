"""The JSON that a page carries: safe inside a script element, the same again, exact where the script computes."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from bimt.cli import run
from interp import commands
from interp.ablation import ablate
from interp.edits import replacements
from interp.graph import to_graph
from interp.modules import independent_parts
from interp.prune import prune
from interp.rows import run_rows
from interp.sample import MOST_ROWS, sampled
from reports.live.model import Player, make_model
from reports.live.net import is_runnable
from reports.live.view import view_live
from reports.report import build_report
from tests.adders import HandMade
from tests.families import FAMILIES, made
from tests.reports.checkpoints import HOSTILE, saved, small_checkpoint, small_task
from tests.reports.live.pages import filmed_player, silent_checkpoint
from tests.reports.live.test_arrays import unpacked
from tests.wired import blocked_net, embedding_net, recurrent_net


def read(*players):
    return json.loads(make_model(players))


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_can_end_the_script_element(name):
    player = filmed_player(small_task(inputs=(name, "x2"), outputs=(name, "y2"), kind="classification"), hidden="[2]")
    text = make_model([replace(player, name=name)])
    assert not set("<>&\u2028\u2029") & set(text)
    assert text.isascii()
    net = json.loads(text)["nets"][0]
    assert len(net["name"]) <= 60 < len(text)


def test_names_come_back_as_they_are():
    name = "<b>&amp; é 漢字"
    document = read(filmed_player(small_task(inputs=(name, "x2")), hidden="[2]"))
    assert document["tasks"][0]["columns"] == [name, "x2"]
    assert document["nets"][0]["labels"]["in[0]"] == name


def test_the_same_players_give_the_same_text():
    assert make_model([filmed_player()]) == make_model([filmed_player()])


def test_players_of_one_task_share_its_rows():
    one, other = filmed_player(), filmed_player(small_task(rows=30))
    document = read(one, other, replace(one, name="again"))
    assert [net["task"] for net in document["nets"]] == [0, 1, 0]
    assert [task["rows"] for task in document["tasks"]] == [24, 30]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_kept_weight_and_mean_is_exact(family):
    net, task = made(family, live=0.4)
    sparse = prune(net, task, tolerance=1e-3)
    view = read(Player("net", sparse, task))["nets"][0]
    assert sum(len(unpacked(values)) for values in view["parameters"].values()) == sum(
        int(kept.sum()) for kept in sparse.kept.values()
    )
    for link, described in zip(net.wiring.links, view["links"], strict=True):
        weight = np.zeros(net.weight(link).shape[1:])
        stored = unpacked(view["parameters"][link.parameter])
        weight[unpacked(described["targets"]), unpacked(described["sources"])] = stored[unpacked(described["places"])]
        whole = sparse.net.weight(link)[0].numpy()
        assert np.array_equal(weight[weight != 0], whole[weight != 0])
    means = replacements(sparse.net, task.train.inputs, method="mean")
    for site in view["sites"]:
        if site["means"] is not None:
            assert np.array_equal(unpacked(site["means"]).astype(float), means[site["name"]][0].numpy())


def test_the_baseline_is_of_the_rows_that_the_page_carries():
    checkpoint = small_checkpoint(small_task(rows=MOST_ROWS + 500), steps=20, seeds=1)
    sparse = prune(checkpoint.net.seed(0), checkpoint.task, tolerance=1e-3)
    document = read(Player("net", sparse, checkpoint.task))
    asked = sampled(checkpoint.task).test
    outputs = run_rows(sparse.net, asked.inputs.to(sparse.net.dtype))
    targets = asked.targets.to(sparse.net.dtype)[None]
    found = document["nets"][0]["baseline"]
    assert found["metric"] == checkpoint.task.metric(outputs, targets).item() != sparse.metric
    assert found["loss"] == checkpoint.task.loss(outputs, targets).item()
    assert (document["tasks"][0]["rows"], document["tasks"][0]["all_rows"]) == (MOST_ROWS, MOST_ROWS + 500)
    assert np.array_equal(unpacked(document["tasks"][0]["inputs"]).astype(float), asked.inputs.numpy())


def test_the_command_asks_the_rows_of_a_page(tmp_path, capsys):
    saved(small_checkpoint(small_task(rows=MOST_ROWS + 100), steps=20, seeds=1), tmp_path / "run")
    said = {}
    for rows in ("report", "all"):
        words = [str(tmp_path / "run"), "--rows", rows, "--json"]
        assert run(commands.ablation, words) == 0
        said[rows] = json.loads(capsys.readouterr().out)
    assert (said["report"]["test_rows"], said["all"]["test_rows"]) == (MOST_ROWS, MOST_ROWS + 100)
    assert said["report"]["baseline"]["metric"] != said["all"]["baseline"]["metric"]
    (net,) = json.loads(view_live(build_report(tmp_path / "run")).model)["nets"]
    assert said["report"]["baseline"]["metric"] == pytest.approx(net["baseline"]["metric"], abs=1e-12)
    assert run(commands.ablation, [str(tmp_path / "run"), "--rows", "some"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_ablations_are_written_by_kind_and_name_for_both_methods():
    player = filmed_player()
    view = read(player)["nets"][0]["ablation"]
    for zero, mean in zip(player.zero.rows, player.mean.rows, strict=True):
        found = view[zero.kind][zero.name]
        assert found == pytest.approx([zero.drop, zero.loss_increase, mean.drop, mean.loss_increase], rel=1e-5)


@pytest.mark.parametrize(
    ("net", "expected"),
    [
        *((made(family)[0], True) for family in ("mlp", "transformer", "added")),
        (HandMade("clock", 11, (2, 5, 3)), False),
        *((net(), False) for net in (recurrent_net, blocked_net, embedding_net)),
    ],
    ids=lambda each: type(each).__name__,
)
def test_nets_that_say_what_they_compute_can_run(net, expected):
    assert is_runnable(net) == expected


def test_nets_that_do_not_say_are_refused():
    checkpoint = silent_checkpoint()
    sparse = prune(checkpoint.net, checkpoint.task, tolerance=1e-3)
    with pytest.raises(ValueError, match="`players` must be nets that say what their sites compute, got one of hand"):
        make_model([Player("net", sparse, checkpoint.task)])
    assert view_live(build_report(checkpoint)) is None


def test_a_net_without_connections_has_a_model():
    checkpoint = small_checkpoint(small_task(), seeds=1)
    net = checkpoint.net.seed(0).to(torch.float64)
    empty = net.replaced(parameters={name: tensor * 0 for name, tensor in net.parameters.items()})
    sparse = prune(empty, checkpoint.task, tolerance=1e-3)
    modules = independent_parts(to_graph(sparse, checkpoint.task))
    table = ablate(sparse, checkpoint.task)
    view = read(Player("net", sparse, checkpoint.task, modules, zero=table, mean=table))["nets"][0]
    assert all(unpacked(link["targets"]).size == 0 for link in view["links"])
