"""Snapshots become nets again, and what is measured of them is what the nets say."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from bimt.config import make_config
from bimt.messages import UserError
from bimt.tasks.base import Split
from bimt.train import train
from interp import evolution
from interp.evolution import measure_snapshots
from interp.replay import cut, logged_steps, replay
from tests.nets import TwoOperands, mlp, random_mlp
from tests.snapshots import checkpoint_of

SETTINGS = ["steps=60", "log_every=20", "net.hidden=[6]", "swaps.every=10"]


@pytest.fixture(scope="module")
def trained():
    return train(make_config("two_moons", settings=SETTINGS, seeds=2))


def test_the_last_frame_is_the_net(trained):
    frames = list(replay(trained, 1))
    assert [(frame.number, frame.step) for frame in frames] == [(0, 0), (1, 20), (2, 40), (3, 60)]
    last = trained.net.seed(1)
    for name, tensor in last.parameters.items():
        assert torch.equal(frames[-1].net.parameters[name], tensor.double())
    for name, place in last.places.items():
        assert torch.equal(frames[-1].net.places[name], place)


def test_some_frames_can_be_asked_for(trained):
    assert [frame.step for frame in replay(trained, 0, numbers=[3, 1])] == [60, 20]


def test_other_families_are_replayed_too():
    nets = [TwoOperands(seed=seed) for seed in range(3)]
    checkpoint = checkpoint_of(nets)
    for frame, net in zip(replay(checkpoint, 0), nets, strict=True):
        assert isinstance(frame.net, TwoOperands)
        assert torch.equal(frame.net.parameters["out"], net.parameters["out"])


def test_what_is_cut():
    net = mlp([[[0.5, 0.005], [0.5, 0.5]], [[1.0, 0.0]]])
    left = cut(net)
    assert {name: [end.tolist() for end in ends] for name, ends in left.edges.items()} == {
        "h1<-in": [[0], [0]],
        "out<-h1": [[0], [0]],
    }, "one weight is small, the other connections are off every path"
    assert left.live["h1"].tolist() == [True, False]
    assert left.connections == 2


def test_tied_connections_count_once():
    net = TwoOperands()
    assert cut(net).connections == 6 + 12
    assert cut(net).edges["embed.a<-number.a"][0].tolist() == cut(net).edges["embed.b<-number.b"][0].tolist()


@pytest.mark.parametrize(
    ("snapshots", "complaint"),
    [({}, "holds no snapshot"), ({"step": torch.tensor([5])}, "holds one snapshot only, and a change takes two")],
)
def test_too_few_snapshots_are_refused(trained, snapshots, complaint):
    with pytest.raises(UserError, match=complaint):
        logged_steps(replace(trained, snapshots=snapshots))


def test_unknown_and_stopped_seeds_are_refused(trained):
    with pytest.raises(UserError, match="0 to 1, got 9"):
        next(replay(trained, 9))
    with pytest.raises(UserError, match="seed 1 stopped while training"):
        next(replay(replace(trained, stopped={1: "why"}), 1))


def test_what_is_measured(trained):
    found, task = measure_snapshots(trained, 1), trained.task
    history = trained.history[trained.history["seed"] == 1]
    np.testing.assert_array_equal(found.steps, history["step"])
    np.testing.assert_array_equal(found.metric, history["metric"])
    for frame in replay(trained, 1):
        outputs = frame.net.run(task.train.inputs[None])
        row = frame.number
        np.testing.assert_allclose(found.spread[row], outputs[0].std(0, correction=0))
        np.testing.assert_allclose(found.level[row], outputs[0].mean(0))
        np.testing.assert_allclose(found.explained[row], task.explained(outputs, task.train.targets[None])[0])
        np.testing.assert_allclose(found.per_output[row], task.per_output(outputs, task.train.targets[None])[0])
        assert found.incoming[row].tolist() == np.bincount(frame.cut.edges["out<-h1"][0], minlength=2).tolist()
        assert found.connections[row] == sum(len(target) for target, _ in frame.cut.edges.values())
    a, b = found.spread[-1]
    assert found.asymmetry[-1] == pytest.approx((a - b) / (a + b))


def test_asymmetry_takes_two_outputs():
    with pytest.raises(ValueError, match="asymmetry takes two outputs, got 1"):
        _ = measure_snapshots(checkpoint_of([random_mlp([2, 3, 1])] * 2), 0).asymmetry


def test_frames_side_by_side_or_one_by_one_make_no_difference(trained, monkeypatch):
    together = measure_snapshots(trained, 0)
    monkeypatch.setattr(evolution, "_VALUES_AT_ONCE", 1)
    alone = measure_snapshots(trained, 0)
    for name, value in vars(together).items():
        if isinstance(value, np.ndarray):
            np.testing.assert_allclose(value, getattr(alone, name), rtol=1e-12)


def test_of_many_rows_evenly_spaced_ones_are_looked_at(trained, monkeypatch):
    monkeypatch.setattr(evolution, "MOST_ROWS", 3)
    rows = torch.tensor([0, 99, 199])
    split = Split(trained.task.train.inputs[rows], trained.task.train.targets[rows])
    fewer = measure_snapshots(replace(trained, task=replace(trained.task, train=split)), 0)
    np.testing.assert_array_equal(measure_snapshots(trained, 0).spread, fewer.spread)
