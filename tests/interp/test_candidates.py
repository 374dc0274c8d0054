"""Candidates run in pieces and without idle neurons say what the whole net says."""

import pytest
import torch

from interp import candidates, effects, rows
from interp.candidates import explained_by
from interp.compact import without_idle
from interp.edits import Connection, Cut, replacements
from interp.effects import measure_cuts
from interp.prune import prune
from interp.rows import run_rows
from interp.sparse import Neuron, whole
from tests.families import FAMILIES, made
from tests.nets import random_mlp, task_of


def by_loop(net, task, cuts):
    """The explained share after each cut, one net at a time, all rows and all neurons at once."""
    weights = {link.parameter for link in net.wiring.distinct_links(look_ups=False)}
    found = []
    for cut in cuts:
        kept = {
            name: torch.where((tensor.abs() >= cut) | (name not in weights), tensor, 0.0)
            for name, tensor in net.parameters.items()
        }
        outputs = net.replaced(parameters=kept).run(task.train.inputs[None])
        found.append(task.explained(outputs, task.train.targets[None]))
    return torch.cat(found)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("small", [False, True])
def test_every_family_says_the_same_in_pieces(family, small, monkeypatch):
    net, task = made(family, live=0.4)
    net, task = whole(net, task).net, task.to(torch.float64)
    if small:
        monkeypatch.setattr(rows, "_NUMBERS", 100)
        monkeypatch.setattr(candidates, "_ANSWERS", 1)
    weights = torch.cat([net.weight(link).abs().flatten() for link in net.wiring.distinct_links(look_ups=False)])
    cuts = torch.cat([torch.tensor([torch.inf, 0.0]).double(), weights.sort(descending=True).values[::37]])
    assert explained_by(net, task, cuts).tolist() == pytest.approx(by_loop(net, task, cuts).tolist(), rel=1e-9)


def test_inputs_that_nothing_reads_are_left_out(monkeypatch):
    net = random_mlp((50, 6, 1))
    net.parameters["weight.h1"][:, :, 3:] = 0
    task = task_of(net)
    asked = []
    run = candidates.run_rows

    def watched(smaller, inputs):
        asked.append(inputs.shape[1])
        return run(smaller, inputs)

    monkeypatch.setattr(candidates, "run_rows", watched)
    sparse = prune(net, task)
    assert sparse.explained > 0.998
    assert max(asked) <= 3


def test_many_rows_are_run_in_pieces(monkeypatch):
    net = random_mlp((3, 4, 2), seeds=2)
    x = torch.randn(101, 3, dtype=torch.float64)
    expected = net.run(x[None])
    monkeypatch.setattr(rows, "_NUMBERS", 9 * 2 * 10)
    assert [len(piece) for piece in rows.in_pieces(net, x)] == [10] * 10 + [1]
    assert torch.allclose(run_rows(net, x), expected, rtol=1e-12)
    assert run_rows(net, x[:0]).shape == (2, 0, 2)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("method", ["zero", "mean", "resample"])
def test_cuts_do_the_same_to_a_net_without_its_idle_neurons(family, method, monkeypatch):
    net, task = made(family, live=0.35)
    net, task = whole(net, task).net, task.to(torch.float64)
    generator = torch.Generator().manual_seed(0)
    values = replacements(net, task.train.inputs, method=method, donors=3, generator=generator)
    hidden = [site for site in net.wiring.sites if site.role == "hidden"]
    cuts = [Cut((Neuron(site.name, index),)) for site in hidden for index in range(4)]
    links = [link for link in net.wiring.links if not net.wiring.is_look_up(link)]
    cuts += [Cut(connections=(Connection(link, *net.weight(link)[0].nonzero()[row].tolist()),))
             for link in links for row in (0, -1) if net.weight(link).any()]  # fmt: skip
    found = []
    for large in (0, 10**9):
        monkeypatch.setattr(effects, "_LARGE", large)
        found.append(measure_cuts(net, task, cuts, values))
    for one, other in zip(*found, strict=True):
        assert torch.allclose(one, other, rtol=1e-9, atol=1e-12)
    changed = found[1].losses.mean(1) != measure_cuts(net, task, [Cut()], values).losses.mean(1)
    assert changed.any()


def test_a_compact_net_has_only_what_outputs_depend_on():
    net = random_mlp((5, 6, 2))
    net.parameters["weight.h1"][:, :, [0, 3]] = 0
    net.parameters["weight.out"][:, :, 4] = 0
    task = task_of(net)
    compact = without_idle(net, task, {name: tensor != 0 for name, tensor in net.parameters.items()})
    assert compact.columns.tolist() == [1, 2, 4]
    assert compact.neurons["h1"].tolist() == [0, 1, 2, 3, 5]
    assert torch.allclose(compact.net.run(compact.inputs(task.test.inputs)[None]), net.run(task.test.inputs[None]))
    link = net.wiring.links[0]
    gone = Cut((Neuron("h1", 4), Neuron("h1", 5)), (Connection(link, 5, 4), Connection(link, 5, 3)))
    kept = compact.cut(gone)
    assert kept.neurons == (Neuron("h1", 4),)
    assert [(each.link.name, each.target, each.source) for each in kept.connections] == [("h1<-in", 4, 2)]
