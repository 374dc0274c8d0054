"""Copies that start at what their cuts reach against copies that are run from the inputs on."""

import pytest
import torch

from bimt.nets.base import Flow, Net
from interp import edits
from interp.edits import Connection, Cut, reached_by, replacements, run_cuts
from interp.graph import end_labels
from interp.sparse import Neuron, whole
from interp.targets import connection_targets, module_targets, neuron_targets
from tests.families import FAMILIES, made
from tests.nets import TwoOperands, random_mlp, task_of

METHODS = ("zero", "mean", "resample")


def all_cuts(net, task):
    """Nothing, some connections of every link, every neuron at all its sites and at each, and a module."""
    sparse = whole(net, task)
    labels = end_labels(net.wiring, task)
    neurons = [target for sites in ("together", "each") for target in neuron_targets(sparse, labels, sites)]
    hidden = [Neuron(site.name, 0) for site in net.wiring.sites if site.role == "hidden"]
    targets = [
        *connection_targets(sparse, labels)[::9],
        *neurons,
        *module_targets(net.wiring, {"A": hidden, "B": hidden[-2:]}, "each"),
    ]
    return [Cut(), *(target.cut for target in targets)]


def values_of(net, task, method):
    return replacements(net, task.train.inputs, method=method, donors=2, generator=torch.Generator().manual_seed(0))


def outputs_of(net, task, cuts, values):
    return torch.cat(list(run_cuts(net, task.test.inputs, cuts, values)))


def by_hand(net, inputs, cut, values, draw):
    """One copy from the inputs on, at every moment, by edits that look at nothing but their own value."""
    edited = net.copies(1)
    changes = {}
    rows = len(inputs)
    for site in dict.fromkeys(neuron.site for neuron in cut.neurons):
        gone = [index for where, index in cut.neurons if where == site]

        def put(found, gone=gone, value=values[site][draw]):
            other = found.clone()
            other[..., gone] = value.repeat(rows, 1)[None, :, gone]
            return other

        changes[site] = put
    for tied, target, source in cut.connections:
        weight = net.weight(tied)[0, target, source].item()
        edited.weight(tied)[0, target, source] = 0.0
        for link in (link for link in net.wiring.links if link.stored == tied.stored):

            def add(part, _, where=target, flow=weight * values[link.source][draw, :, source]):
                other = part.clone()
                other[..., where] += flow.repeat(rows)
                return other

            changes[link.name] = add
    return edited.run(inputs[None], changes)[0]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("family", FAMILIES)
def test_a_copy_that_starts_late_gives_the_bits_of_one_that_starts_at_the_inputs(
    family, method, monkeypatch, unchecked
):
    net, task = made(family)
    net, task = net.to(torch.float64), task.to(torch.float64)
    cuts, values = all_cuts(net, task), values_of(net, task, method)
    monkeypatch.setattr(edits, "_TOGETHER", 1)  # torch rounds an activation by where in a batch it stands
    late = outputs_of(net, task, cuts, values)
    monkeypatch.setattr(Net, "reusable", lambda *_: {})
    assert torch.equal(late, outputs_of(net, task, cuts, values))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("family", FAMILIES)
def test_a_copy_is_the_net_edited_by_hand(family, method, unchecked):
    net, task = made(family)
    net, task = net.to(torch.float64), task.to(torch.float64)
    cuts, values = all_cuts(net, task), values_of(net, task, method)
    found = outputs_of(net, task, cuts, values).unflatten(0, (len(cuts), -1))
    size = found.abs().max()
    for cut, copies in zip(cuts, found, strict=True):
        for draw, copy in enumerate(copies):
            expected = by_hand(net, task.test.inputs, cut, values, draw)
            assert torch.allclose(copy, expected, rtol=0, atol=1e-12 * size), cut


@pytest.mark.parametrize("family", FAMILIES)
def test_only_what_a_cut_reaches_is_worked_out(family, monkeypatch):
    net, task = made(family)
    net, task = net.to(torch.float64), task.to(torch.float64)
    values = values_of(net, task, "mean")
    driven = []
    drive = Flow.drive
    monkeypatch.setattr(Flow, "drive", lambda flow, site: driven.append(site) or drive(flow, site))
    last = next(site for site in reversed(net.wiring.sites) if site.role == "hidden")
    link = next(link for link in net.wiring.links if link.source == last.name)
    for cut in (Cut((Neuron(last.name, 0),)), Cut(connections=(Connection(link, 0, 0),))):
        (outputs,) = run_cuts(net, task.test.inputs, [cut] * 3, values)
        assert len(outputs) == 3
        assert driven[-1:] == ["out"]
        assert driven.count("out") == 2, "once for the net as it is, once for all copies"
        assert len(set(driven)) == len(driven) - 1, "nothing else twice"
        driven.clear()


def test_copies_leave_out_the_moments_that_no_answer_needs(monkeypatch):
    net, task = made("token_transformer")
    values = values_of(net, task, "mean")
    rows = {}
    drive = Flow.drive

    def noted(flow, site):
        value = drive(flow, site)
        rows.setdefault(site, []).append(value.shape[1])
        return value

    monkeypatch.setattr(Flow, "drive", noted)
    list(run_cuts(net, task.test.inputs, [Cut((Neuron("v.0", 1), Neuron("mlp.0", 0)))], values))
    one, both = len(task.test), 2 * len(task.test)
    assert rows["v.0"] == [both]
    assert rows["resid.1"] == rows["mlp.0"] == rows["resid.2"] == rows["out"] == [one, one]
    assert rows["q.0"] == [one]


def test_cuts_that_reach_the_same_run_together_in_the_order_given(monkeypatch):
    net = random_mlp([2, 3, 3, 2])
    task = task_of(net, rows=10)
    values = values_of(net, task, "zero")
    one, two = (Cut((Neuron("h1", index),)) for index in (0, 1))
    late = Cut((Neuron("h2", 0),))
    into = Cut(connections=(Connection(net.wiring.links[1], 0, 0),))
    cuts = [one, into, two, late, one]
    batches = list(run_cuts(net, task.test.inputs, cuts, values))
    assert [len(batch) for batch in batches] == [3, 1, 1]
    alone = torch.cat([outputs_of(net, task, [cut], values) for cut in cuts])
    assert torch.allclose(torch.cat(batches), alone, rtol=0, atol=1e-14)
    # h2 and out of the copies, and the weights: 5 activations at 10 rows each, and 29 numbers
    monkeypatch.setattr(edits, "_TOGETHER", 2 * (50 + 29) + 2)
    assert [len(batch) for batch in run_cuts(net, task.test.inputs, [into] * 5, values)] == [2, 2, 1]


def test_what_a_cut_reaches():
    wiring = made("transformer")[0].wiring
    links = {link.name: link for link in wiring.links}
    behind_z = {"resid.1", "mlp.0", "resid.2", "q.1", "k.1", "v.1", "z.1", "resid.3", "mlp.1", "resid.4", "out"}
    assert reached_by(wiring, Cut()) == frozenset()
    assert reached_by(wiring, Cut((Neuron("z.0", 0),))) == behind_z
    assert reached_by(wiring, Cut((Neuron("q.0", 0),))) == behind_z | {"z.0"}
    assert reached_by(wiring, Cut((Neuron("mlp.1", 0), Neuron("out", 0)))) == {"resid.4", "out"}
    assert reached_by(wiring, Cut(connections=(Connection(links["out<-resid.4"], 0, 0),))) == {"out"}
    fused = Cut(connections=(Connection(links["v.1<-resid.2"], 0, 0),))
    assert reached_by(wiring, fused) == {"q.1", "k.1", "v.1", "z.1", "resid.3", "mlp.1", "resid.4", "out"}
    tied = TwoOperands().wiring
    cut = Cut(connections=(Connection(tied.links[0], 0, 0),))
    assert reached_by(tied, cut) == {"embed.a", "embed.b", "out"}
