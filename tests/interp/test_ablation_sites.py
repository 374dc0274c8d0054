"""Ablation where a population is seen at several sites and weights are tied."""

import pytest
import torch

from interp.sparse import Neuron
from tests.interp.test_ablation import METHODS, by_name, seeded, table_of
from tests.nets import TwoOperands, task_of


@pytest.mark.parametrize("method", METHODS)
def test_a_shared_population_goes_at_all_its_sites(method):
    net = TwoOperands()
    task = task_of(net)
    table = table_of(net, task, method=method)
    assert [row.name for row in table.of("neuron")] == [
        *(f"number[{k}]" for k in range(2)),
        *(f"embed[{k}]" for k in range(3)),
    ]
    assert [row.label for row in table.of("neuron")[:3]] == ["x1, x3", "x2, x4", "embed[0]"]
    at = {site: value[0] for site, value in net.activations(task.train.inputs[None]).items()}
    donors = torch.randperm(len(task.train), generator=seeded())[:100]
    values = {
        "zero": lambda site: torch.zeros(1, 3),
        "mean": lambda site: at[site].mean(0, keepdim=True),
        "resample": lambda site: at[site][donors],
    }[method]
    y = task.test.targets
    losses = []
    for a, b in zip(values("embed.a"), values("embed.b"), strict=True):
        by_hand = {"embed.a": a, "embed.b": b}
        changed = {site: put(value, 1) for site, value in by_hand.items()}
        losses.append(task.loss(net.run(task.test.inputs[None], changed), y[None]).item())
    row = by_name(table)["embed[1]"]
    assert row.loss_increase == pytest.approx(sum(losses) / len(losses), rel=1e-10)
    assert row.reference == (0.0 if method == "zero" else None)


def put(value, index):
    """An edit that sets one neuron to what a vector of values says."""

    def edit(found):
        found = found.clone()
        found[..., index] = value[index]
        return found

    return edit


def test_each_site_can_go_by_itself():
    net = TwoOperands()
    task = task_of(net)
    table = table_of(net, task, sites="each", modules={"A": [Neuron("embed.b", 2)]})
    names = [row.name for row in table.of("neuron")]
    assert names[:4] == ["number.a[0]", "number.a[1]", "number.b[0]", "number.b[1]"]
    assert names[4:] == [f"embed.{operand}[{index}]" for operand in "ab" for index in range(3)]
    outputs = net.run(task.test.inputs[None], {"embed.b": put(torch.zeros(3), 2)})
    lost = task.loss(outputs, task.test.targets[None]).item()
    assert by_name(table)["embed.b[2]"].loss_increase == pytest.approx(lost, rel=1e-10)
    assert by_name(table)["A"].loss_increase == by_name(table)["embed.b[2]"].loss_increase


def test_a_module_goes_at_all_sites_of_its_neurons():
    net = TwoOperands()
    rows = by_name(table_of(net, task_of(net), modules={"A": [Neuron("embed.b", 2)]}))
    assert rows["A"].loss_increase == rows["embed[2]"].loss_increase


def test_tied_connections_go_together_and_once():
    net = TwoOperands()
    task = task_of(net)
    table = table_of(net, task)
    names = [row.name for row in table.of("connection")]
    assert len(names) == len(set(names)) == 6 + 12
    by_hand = net.copies(1)
    by_hand.parameters["embed"][0, 2, 1] = 0
    lost = task.loss(by_hand.run(task.test.inputs[None]), task.test.targets[None]).item()
    assert by_name(table)["number.a[1]->embed.a[2]"].loss_increase == pytest.approx(lost, rel=1e-10)
    by_hand = net.copies(1)
    by_hand.parameters["out"][0, 1, 3 + 2] = 0
    lost = task.loss(by_hand.run(task.test.inputs[None]), task.test.targets[None]).item()
    assert by_name(table)["embed.b[2]->out[1]"].loss_increase == pytest.approx(lost, rel=1e-10)


def test_the_mean_of_every_tied_source_flows_on():
    net = TwoOperands()
    task = task_of(net)
    row = by_name(table_of(net, task, method="mean"))["number.a[1]->embed.a[2]"]
    x = task.test.inputs.clone()
    values = net.activations(x[None])
    means = task.train.inputs.mean(0)
    edits = {}
    for operand, column in (("a", 1), ("b", 3)):
        value = values[f"embed.{operand}"].clone()
        weight = net.parameters["embed"][0, 2]
        value[0, :, 2] = torch.tanh(x[:, column - 1] * weight[0] + means[column] * weight[1])
        edits[f"embed.{operand}"] = lambda _, value=value: value
    lost = task.loss(net.run(x[None], edits), task.test.targets[None]).item()
    assert row.loss_increase == pytest.approx(lost, rel=1e-10)
    assert row.reference is None


def test_look_ups_are_not_ablated():
    net = TwoOperands(tokens=True)
    table = table_of(net, task_of(net))
    assert {row.name.partition("[")[0] for row in table.of("neuron")} == {"embed"}
    assert {row.name.partition(".")[0] for row in table.of("connection")} == {"embed"}
