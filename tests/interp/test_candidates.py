"""Candidates run in pieces and without idle neurons say what the whole net says."""

import pytest
import torch

from interp import candidates, rows
from interp.candidates import explained_by
from interp.prune import prune
from interp.rows import run_rows
from interp.sparse import whole
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
