"""The training loop against ten plain lines, seeds beside each other, schedules, seeds that stop."""

from itertools import pairwise

import jaxtyping
import numpy as np
import pytest
import torch
from torch import nn

from bimt import train as training
from bimt.config import make_config
from bimt.layout import Layout
from bimt.messages import UserError
from bimt.steps import PlainSteps
from bimt.train import Interrupted, train

pytestmark = pytest.mark.usefixtures("unchecked")


def trained(*settings, task="independence", seeds=1, first_seed=0, steps=500, **options):
    defaults = [f"steps={steps}", "dtype=float64", "swaps.every=100", "log_every=100"]
    return train(make_config(task, seeds=seeds, first_seed=first_seed, settings=[*defaults, *settings]), **options)


def plain(label, steps, *, bias_from=None, strength=lambda step: 1e-3, rows=None, decay=0.0):
    """L1 training in ten plain lines."""
    torch.manual_seed(label)
    sizes = [4, 20, 20, 2]
    layers = [nn.Linear(a, b, dtype=torch.float64) for a, b in pairwise(sizes)]
    model = nn.Sequential(layers[0], nn.SiLU(), layers[1], nn.SiLU(), layers[2])
    data = make_config("independence").task.load().train
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=decay)
    for step in range(steps):
        batch = data if rows is None else data.rows(torch.randint(len(data), (rows,)))
        loss = (model(batch.inputs) - batch.targets).square().mean()
        cost = sum(layer.weight.abs().sum() * 0.1 for layer in layers)
        if bias_from is not None and step >= bias_from:
            cost = cost + sum(layer.bias.abs().sum() * 0.1 for layer in layers)
        optimizer.zero_grad()
        (loss + strength(step) * cost).backward()
        optimizer.step()
    return [part.detach() for layer in layers for part in layer.parameters()]


def parts(checkpoint, row=0):
    return [part[row] for part in checkpoint.net.parameters.values()]


def largest_difference(ones, others):
    return max((one - other).abs().max().item() for one, other in zip(ones, others, strict=True))


def test_every_shape_is_what_it_says():
    jaxtyping.config.update("jaxtyping_disable", False)
    for options in ({"task": "two_moons"}, {"seeds": 2}):
        trained("batch=7", "swaps.every=1", "log_every=1", steps=2, **options)


L1 = ("cost.distance_scale=0", "swaps.method=none")


def test_without_distance_it_is_plain_l1_training():
    run = trained(*L1, "cost.strength=0.001", "cost.bias_from=null", first_seed=3)
    assert largest_difference(parts(run), plain(3, 500)) < 1e-12


def test_strength_and_bias_price_switch_at_their_steps():
    run = trained(*L1, "cost.strength=[[0,0.001],[0.25,0.01],[0.75,0.001]]", "cost.bias_from=0.75", steps=80)
    late = plain(0, 80, bias_from=60, strength=lambda step: 1e-2 if 20 <= step < 60 else 1e-3)
    off_by_one = plain(0, 80, bias_from=60, strength=lambda step: 1e-2 if 21 <= step < 60 else 1e-3)
    assert largest_difference(parts(run), late) < 1e-12
    assert largest_difference(parts(run), off_by_one) > 1e-9


def test_weight_decay_is_adamws():
    run = trained(*L1, "cost.strength=0.001", "cost.bias_from=null", "weight_decay=2", steps=100)
    assert largest_difference(parts(run), plain(0, 100, decay=2.0)) < 1e-12
    assert largest_difference(parts(run), plain(0, 100)) > 1e-2


def test_minibatches_are_drawn_from_the_seeds_own_generator():
    run = trained(*L1, "cost.strength=0.001", "cost.bias_from=null", "batch=16", seeds=2, steps=50)
    for row in range(2):
        assert largest_difference(parts(run, row), plain(row, 50, rows=16)) < 1e-12


@pytest.mark.parametrize("settings", [(), ("swaps.method=pairs",), ("batch=10",)])
def test_a_seed_is_the_same_alone_and_among_others(settings):
    together, alone = trained(*settings, seeds=4), trained(*settings, first_seed=2)
    assert largest_difference(parts(together, 2), parts(alone)) < 1e-9
    assert all(torch.equal(together.net.places[name][2], place[0]) for name, place in alone.net.places.items())
    history = together.history[together.history.seed == 2]
    assert history.to_numpy() == pytest.approx(alone.history.to_numpy(), rel=1e-9)


def test_without_swaps_nobody_moves_and_with_swaps_the_cost_is_lower():
    still, moved = trained("swaps.every=never"), trained()
    assert all(torch.equal(place, place.sort().values) for place in still.net.places.values())
    assert Layout(moved.net).cost()[0] < Layout(still.net).cost()[0]


def test_proposals_now_and_then():
    made = []
    original = training.Mover.move_

    def spy(mover, net, method):
        made.append(method)
        original(mover, net, method)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training.Mover, "move_", spy)
        trained("swaps.proposals_every=2")
    assert made == ["spectral", "assignment", "spectral", "assignment", "spectral"]


def test_history_and_snapshots_tell_what_happened():
    run = trained("log_every=200", seeds=2)
    assert run.history.step.tolist() == [0, 0, 200, 200, 400, 400, 500, 500]
    assert run.history.seed.tolist() == [0, 1] * 4
    assert run.history.strength.tolist() == [1e-3] * 2 + [1e-2] * 2 + [1e-3] * 4
    assert run.snapshots["step"].tolist() == [0, 200, 400, 500]
    assert torch.equal(run.snapshots["weight.h1"][-1], run.net.parameters["weight.h1"])
    assert torch.equal(run.snapshots["places.h1"][-1], run.net.places["h1"])
    net, task = run.net, run.task
    last = run.history[run.history.step == 500]
    outputs = net.run(task.test.inputs[None])
    assert last.test_loss.to_numpy() == pytest.approx(task.loss(outputs, task.test.targets[None]).numpy())
    assert last.metric.to_numpy() == pytest.approx(task.metric(outputs, task.test.targets[None]).numpy())
    kept = sum((net.weight(link).abs() > 1e-2).sum((1, 2)) for link in net.wiring.links)
    assert last.connections.tolist() == kept.tolist()


@pytest.mark.parametrize("task", ["two_moons", "crossing"])
def test_training_learns(task):
    run = trained("dtype=float32", "cost.strength=0.0001", task=task, steps=400)
    assert run.history.metric.iloc[-1] > 0.8
    assert run.history.train_loss.iloc[-1] < run.history.train_loss.iloc[0] / 2
    assert run.net.dtype == torch.float32


def spoiled(when, row):
    """A loss that becomes no number for one seed in one step."""
    calls = 0

    def spoil(steps, batch):
        nonlocal calls
        losses = _losses(steps, batch)
        calls += 1
        return losses if calls != when else losses.index_fill(0, torch.tensor(row), np.nan)

    _losses = PlainSteps._losses
    return spoil


@pytest.mark.parametrize("setting", ["swaps.method=spectral", "swaps.method=pairs", "weight_decay=2"])
def test_a_loss_that_is_no_number_stops_its_seed_alone(monkeypatch, setting):
    whole = trained(setting, seeds=3)
    monkeypatch.setattr(PlainSteps, "_losses", spoiled(when=251, row=1))
    news = []
    run = trained(setting, seeds=3, watch=lambda moment: news.extend(moment.news))
    assert run.stopped == {1: "seed 1: loss became nan at step 250"}
    assert news == ["seed 1: loss became nan at step 250; it is left out, the others go on"]
    assert run.running == (0, 2)
    for row in (0, 2):
        assert largest_difference(parts(run, row), parts(whole, row)) == 0.0
    assert torch.equal(run.snapshots["weight.h1"][2][1], run.net.parameters["weight.h1"][1])  # of step 200
    assert run.history[run.history.seed == 1].step.max() == 200


def test_weights_that_overflow_stop_a_seed_before_neurons_move():
    with pytest.raises(UserError, match=r"every seed stopped: seed 0: .* at step \d+; lower learning_rate"):
        trained("learning_rate=1e200", "swaps.every=1", steps=20, seeds=2)


def test_batches_fit_the_data():
    with pytest.raises(UserError, match="batch must be at most the 100 training rows, or full, got 101"):
        trained("batch=101")


def test_whoever_asks_can_stop_it():
    seen = []
    with pytest.raises(Interrupted, match="stopped after 37 of 500 steps") as stop:
        trained(should_stop=lambda: seen.append(1) or len(seen) >= 37)
    assert stop.value.step == 37


def test_watching_costs_nothing_and_threads_are_given_back():
    before, moments = torch.get_num_threads(), []
    one, other = trained(watch=moments.append, steps=200), trained(steps=200)
    assert largest_difference(parts(one), parts(other)) == 0.0
    assert [(moment.step, moment.steps) for moment in moments] == [(100, 200), (200, 200)]
    assert moments[-1].loss == one.history.train_loss.iloc[-1]
    assert torch.get_num_threads() == before
