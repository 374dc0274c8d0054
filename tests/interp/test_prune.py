import dataclasses

import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bimt.checkpoint import Checkpoint, save_checkpoint
from bimt.cli import run
from bimt.config import make_config
from bimt.messages import UserError
from bimt.train import train
from bimt.wiring import Bias, Link, Site, Wiring
from interp import commands
from interp.export import save_pruned
from interp.prune import prune, shrink
from interp.rank import rank
from interp.select import prune_all, select
from interp.sparse import masked, whole
from tests.nets import mlp, random_mlp, task_of, two_parts
from tests.wired import Bare, population


@pytest.fixture(scope="module")
def trained():
    return train(make_config("independence", settings=["steps=600", "net.hidden=[6,6]", "swaps.every=100"], seeds=3))


def test_a_net_without_small_weights_is_left_alone():
    net = mlp([[[1.0, 1.0], [1.0, -1.0]], [[1.0, 1.0]]])
    sparse = prune(net, task_of(net))
    assert (sparse.connections, sparse.dense_connections) == (6, 6)
    assert sparse.metric == sparse.dense_metric == 1.0


def test_noise_is_cut_and_signal_kept():
    net = two_parts()
    noisy = net.replaced(
        parameters={
            name: torch.where(tensor == 0, 1e-4, tensor) if name.startswith("weight") else tensor
            for name, tensor in net.parameters.items()
        }
    )
    sparse = prune(noisy, task_of(net))
    # the constant neuron's and the unread neuron's connections go as well
    assert sparse.connections == 6
    assert sparse.kept["weight.h1"][0].nonzero().tolist() == [[0, 0], [1, 1], [2, 1]]
    assert sparse.explained > 1 - 1e-3


def test_the_cut_is_the_largest_single_one_that_passes():
    net = random_mlp([3, 5, 2], seed=4)
    task = task_of(net, noise=0.1)
    sparse = prune(net, task, tolerance=0.05)
    sizes = torch.cat([net.weight(link).abs().flatten() for link in net.wiring.links]).sort(descending=True).values
    scores = []
    for cut in [torch.inf, *sizes]:
        kept = {name: net.parameters[name].abs() >= cut for name in sparse.kept}
        outputs = masked(net, kept).run(task.train.inputs[None])
        scores.append(task.explained(outputs, task.train.targets[None]).item())
    fewest = next(index for index, score in enumerate(scores) if score > scores[-1] - 0.05)
    assert sparse.threshold == sizes[fewest - 1]
    assert sparse.explained == pytest.approx(scores[fewest], abs=1e-12)


def test_nothing_is_left_of_a_net_that_explains_nothing():
    net = mlp([[[0.0]], [[0.0]]], [[0.5], [1.0]])
    task = task_of(mlp([[[1.0]], [[1.0]]]))
    sparse = prune(net, task)
    assert sparse.connections == 0
    small = shrink(sparse)
    assert small.wiring.population("h1").size == 0
    torch.testing.assert_close(small.run(task.test.inputs[None]), net.run(task.test.inputs[None]), atol=1e-12, rtol=0)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), share=st.floats(0.05, 0.9), activation=st.sampled_from(["silu", "relu", "tanh"]))
def test_the_smaller_net_says_what_the_masked_net_says(seed, share, activation):
    net = random_mlp([3, 6, 5, 2], seed=seed, activation=activation)
    generator = torch.Generator().manual_seed(seed)
    cut = net.replaced(
        parameters={
            name: tensor * (torch.rand(tensor.shape, generator=generator) < share)
            if name.startswith("weight")
            else tensor
            for name, tensor in net.parameters.items()
        }
    )
    task = task_of(cut)
    if not all((target.std(0) > 1e-9).all() for target in (task.train.targets, task.test.targets)):
        return
    sparse = prune(cut, task, tolerance=1e-9)
    x = task.train.inputs[None]  # a relu may fire on test rows only, and pruning does not look at those
    largest = cut.run(x).abs().max()
    assert (sparse.net.run(x) - cut.run(x)).abs().max() <= 1e-4 * largest
    small = shrink(sparse)
    assert (small.run(x) - sparse.net.run(x)).abs().max() <= 1e-12 * largest
    live = {name: int(mask.sum()) for name, mask in sparse.live().items()}
    assert [small.wiring.population(name).size for name in ("h1", "h2")] == [live["h1"], live["h2"]]


def test_positions_stay_in_the_smaller_net():
    sparse = prune(two_parts(), task_of(two_parts()))
    small = shrink(sparse)
    assert small.positions("h1")[0, :, 0].tolist() == sparse.net.positions("h1")[0, :3, 0].tolist()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"net": random_mlp([2, 2, 1], seeds=2)}, "`net` must hold one seed, got 2"),
        ({"tolerance": 0.0}, "`tolerance` must be above 0, got 0"),
        ({"net": mlp([[[float("nan")]], [[1.0]]])}, "finite weights"),
    ],
)
def test_what_cannot_be_pruned_is_refused(change, message):
    good = mlp([[[1.0]], [[1.0]]])
    given = {"net": good, "tolerance": 1e-3} | change
    with pytest.raises(ValueError, match=message):
        prune(given["net"], task_of(good), tolerance=given["tolerance"])


def test_classification_is_cut_by_loss_not_by_accuracy():
    net = mlp([[[3.0], [0.05]], [[1.0, 0.3], [-1.0, -0.3]]])
    task = task_of(net, kind="classification")
    sparse = prune(net, task)
    assert sparse.metric == sparse.dense_metric == 1.0
    assert sparse.dense_explained - sparse.explained < 1e-3
    # the accuracy alone would allow any cut that keeps the sign
    assert prune(net, task, tolerance=0.3).connections <= sparse.connections


def test_a_constant_that_feeds_a_site_without_bias_is_not_lost():
    wiring = Wiring(
        populations=(population("in", 1), population("h", 2), population("out", 1)),
        sites=(Site("in", "in", "input"), Site("h", "h"), Site("out", "out", "output")),
        links=(Link("h", "in", "first"), Link("out", "h", "last")),
        biases=(Bias("h", "bias"),),
    )
    weights = {"first": [[1.0], [0.0]], "last": [[1.0, 0.5]], "bias": [0.0, 6.0]}
    net = Bare(wiring, {name: torch.tensor([value], dtype=torch.float64) for name, value in weights.items()})
    sparse = prune(net, task_of(net))
    assert sparse.connections == 2
    assert sparse.net.bias("out").tolist() == [[3.0]]
    assert sparse.explained == sparse.dense_explained == 1.0
    x = torch.randn(1, 9, 1, dtype=torch.float64)
    torch.testing.assert_close(shrink(sparse).run(x), net.run(x), atol=1e-12, rtol=0)
    assert net.bias("out") is None


def test_the_best_seed_is_the_first_of_the_ranking(trained):
    assert [sparse.label for sparse in prune_all(trained)] == [0, 1, 2]
    assert select(trained).label == rank(trained, quick=True).best
    assert select(trained, 1).label == 1


def test_of_seeds_with_the_same_accuracy_the_smaller_is_best():
    # both are always right; the larger one is surer of it, which the cross-entropy sees and the accuracy does not
    large = mlp([[[3.0], [0.0]], [[4.0, 0.0], [-4.0, 0.0]]], activation="tanh")
    small = mlp([[[3.0], [0.0]], [[1.0, 0.0], [0.0, 0.0]]], activation="tanh")
    both = {name: torch.cat([large.parameters[name], small.parameters[name]]) for name in large.parameters}
    checkpoint = Checkpoint(
        path=None,
        config=make_config("two_moons", seeds=2),
        net=large.replaced(parameters=both, places={}),
        task=task_of(large, kind="classification"),
        stopped={},
        history=pd.DataFrame(),
        snapshots={},
        progress=None,
    )
    assert [sparse.connections for sparse in prune_all(checkpoint)] == [3, 2]
    assert select(checkpoint).label == 1


@pytest.mark.parametrize("tolerance", ["0", "-1", "1", "inf", "nan"])
def test_a_tolerance_that_is_no_share_is_refused(trained, tmp_path, capsys, tolerance):
    save_checkpoint(trained, tmp_path)
    assert run(commands.prune, [str(tmp_path), "--tolerance", tolerance]) == 2
    assert "--tolerance must be above 0 and below 1, got" in capsys.readouterr().err


def test_a_seed_that_is_not_there_is_refused(trained):
    with pytest.raises(UserError, match="a label of the checkpoint, 0 to 2, got 7"):
        select(trained, 7)
    stopped = dataclasses.replace(trained, stopped={1: "loss became nan"})
    with pytest.raises(UserError, match="seed 1 stopped while training"):
        select(stopped, 1)
    assert {sparse.label for sparse in prune_all(stopped)} == {0, 2}
    with pytest.raises(UserError, match=r"every seed of .* stopped"):
        select(dataclasses.replace(trained, stopped=dict.fromkeys(range(3), "nan")))


def test_a_pruned_checkpoint_reads_like_any_other(trained, tmp_path):
    chosen = select(trained, 2)
    pruned = save_pruned(chosen, tmp_path / "pruned")
    x = trained.task.test.inputs[None]
    torch.testing.assert_close(pruned.net.run(x), chosen.sparse.net.run(x), atol=1e-12, rtol=0)
    again = select(tmp_path / "pruned")
    assert again.label == 2
    assert again.sparse.connections <= chosen.sparse.connections


def test_as_trained_nothing_is_cut(trained):
    dense = whole(trained.net.seed(0), trained.task)
    assert dense.connections == dense.dense_connections == 4 * 6 + 6 * 6 + 6 * 2
    assert dense.net.dtype == torch.float64
