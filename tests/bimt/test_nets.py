"""Nets: what they compute, their edits, their copies."""

from functools import partial
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from bimt.config import make_config
from bimt.messages import UserError
from bimt.nets.activations import ACTIVATIONS
from bimt.nets.build import make_net, net_tensors, restore_net
from bimt.nets.mlp import MLP
from bimt.seeds import make_generators
from tests.nets import random_mlp, two_parts
from tests.wired import blocked_net, embedding_net

LAYERS = {
    "silu": nn.SiLU,
    "selu": nn.SELU,
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "tanh": nn.Tanh,
    "gelu_tanh": partial(nn.GELU, approximate="tanh"),
}
X = torch.randn(1, 7, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def made(*settings, seeds=3, first_seed=5):
    config = make_config("independence", seeds=seeds, first_seed=first_seed, settings=settings)
    return make_net(config, task=config.task.load(), generators=make_generators(config.labels)), config


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", list(ACTIVATIONS))
def test_an_mlp_is_a_sequential_made_after_manual_seed(dtype, activation):
    net, config = made(f"dtype={dtype}", f"net.activation={activation}", "net.hidden=[20,7]")
    kind = getattr(torch, dtype)
    for row, label in enumerate(config.labels):
        torch.manual_seed(label)
        act = LAYERS[activation]
        sizes = [4, 20, 7, 2]
        layers = [nn.Linear(a, b, dtype=kind) for a, b in pairwise(sizes)]
        own = [part[row] for part in net.parameters.values()]
        assert all(
            torch.equal(one, other)
            for one, other in zip(own, nn.ParameterList(p for l in layers for p in l.parameters()), strict=True)
        )
        model = nn.Sequential(layers[0], act(), layers[1], act(), layers[2])
        tolerance = 1e-6 if dtype == "float32" else 1e-14
        assert torch.allclose(net.run(X.to(kind))[row], model(X[0].to(kind)), atol=tolerance, rtol=0)


def test_every_seed_is_the_same_whoever_is_drawn_beside_it():
    together, alone = made(seeds=4)[0], made(seeds=1, first_seed=7)[0]
    assert all(torch.equal(together.parameters[name][2:3], alone.parameters[name]) for name in alone.parameters)


def test_inputs_of_every_seed_may_differ():
    net = random_mlp([4, 5, 2], seeds=2)
    x = torch.randn(2, 7, 4, dtype=torch.float64)
    assert torch.allclose(net.run(x)[1], net.seed(1).run(x[1:])[0], atol=1e-14)


@pytest.mark.parametrize("shape", [(2, 7, 4), (0, 7, 4)])
def test_inputs_lead_with_the_seeds(shape):
    with pytest.raises(ValueError, match=r"`x` must be \(1 or 3 seeds, batch, inputs\), got"):
        random_mlp([4, 5, 2], seeds=3).run(torch.zeros(shape, dtype=torch.float64))


def test_activations_are_what_the_next_layer_reads():
    net = random_mlp([4, 5, 2], seeds=3)
    values = net.activations(X)
    assert list(values) == ["in", "h1", "out"]
    assert torch.equal(values["out"], net.run(X))
    last = values["h1"] @ net.parameters["weight.out"].mT + net.parameters["bias.out"][:, None]
    assert torch.allclose(last, values["out"], atol=1e-14)


def test_editing_a_site_reaches_everything_downstream():
    net = random_mlp([4, 5, 3, 2])
    with net.edited({"h1": torch.zeros_like}) as other:
        assert other.activations(X)["h1"].abs().sum() == 0
        constant = other.run(X)
    by_hand = net.replaced(parameters={**net.parameters, "weight.h2": torch.zeros_like(net.parameters["weight.h2"])})
    assert torch.allclose(constant, by_hand.run(X), atol=1e-14)
    assert not torch.allclose(constant, net.run(X))


def test_editing_a_link_changes_what_flows_along_it():
    net = two_parts()
    x = torch.tensor([[[0.3, -0.4]]], dtype=torch.float64)
    cut = net.replaced(parameters={**net.parameters, "weight.out": net.parameters["weight.out"].clone()})
    cut.parameters["weight.out"][0, 1, 2] = 0.0

    def without_one(flow, source):
        flow = flow.clone()
        flow[..., 1] -= net.parameters["weight.out"][0, 1, 2] * source[..., 2]
        return flow

    assert torch.allclose(net.run(x, {"out<-h1": without_one}), cut.run(x), atol=1e-14)


def test_an_edit_must_name_something():
    with pytest.raises(ValueError, match=r"`edits` must name a site or a link, one of \['h1', .*\], got 'h9'"):
        random_mlp([4, 5, 2]).run(X, {"h9": torch.zeros_like})


def test_a_run_starts_at_what_is_known():
    net = random_mlp([2, 3, 3, 2])
    x = torch.rand(1, 4, 2, dtype=torch.float64)
    known = net.reusable(x)
    assert all(torch.equal(value, known[site]) for site, value in net.activations(x).items())
    del known["out"]
    assert torch.equal(net.run(x, known=known), net.run(x))
    doubled = net.run(x, known={"h2": 2 * known["h2"]})
    assert torch.equal(doubled, net.run(x, {"h2": lambda value: 2 * value}))
    assert torch.equal(net.copies(3).run(x, known=known), net.copies(3).run(x))


def test_what_is_known_must_name_sites_and_takes_edits_of_moments():
    net = random_mlp([2, 3, 2])
    x = torch.rand(1, 4, 2, dtype=torch.float64)
    with pytest.raises(ValueError, match=r"`known` must name sites, some of .*, got 'h7'"):
        net.run(x, known={"h7": x})
    with pytest.raises(ValueError, match=r"`edits` must be MomentEdits beside `known`, got .* for 'h1'"):
        net.run(x, {"h1": torch.zeros_like}, known={"in": x})


def test_copies_are_free_to_be_changed():
    net = random_mlp([4, 5, 2])
    many = net.copies(3)
    many.parameters["weight.h1"][1] = 0.0
    many.places["h1"][1] = torch.arange(4, -1, -1)
    assert torch.equal(many.run(X)[0], many.run(X)[2])
    assert torch.allclose(many.run(X)[2:], net.run(X), atol=1e-14)
    assert net.parameters["weight.h1"].abs().min() > 0
    with pytest.raises(ValueError, match="only a net with one seed can be copied along the seeds axis, got 3 seeds"):
        many.copies(2)


@pytest.mark.parametrize("row", [0, 1, -1])
def test_a_seed_keeps_its_axis(row):
    net = random_mlp([4, 5, 2], seeds=3)
    one = net.seed(row)
    assert one.seeds == 1
    assert torch.equal(one.parameters["bias.h1"][0], net.parameters["bias.h1"][row])
    assert torch.equal(one.places["h1"][0], net.places["h1"][row])


def test_to_changes_every_parameter():
    net = random_mlp([4, 5, 2]).to(torch.float32)
    assert net.dtype == torch.float32
    assert {tensor.dtype for tensor in net.parameters.values()} == {torch.float32}


def test_take_keeps_outputs_and_positions():
    net = two_parts()
    net.places["h1"][0] = torch.tensor([4, 2, 0, 1, 3])
    kept = torch.tensor([2, 0, 1, 3])
    small = net.take({"h1": kept})  # h1[4] is read by nobody
    x = X[..., :2]
    assert torch.allclose(small.run(x), net.run(x), atol=1e-14)
    assert torch.equal(small.positions("h1")[0], net.positions("h1")[0, kept])
    assert small.wiring.population("h1").size == 4


def test_take_can_empty_a_layer():
    net = two_parts()
    outputs = net.take({"h1": torch.tensor([], dtype=torch.long)}).run(X[..., :2])
    assert torch.equal(outputs[0], torch.tensor([[0.0, 0.25]], dtype=torch.float64).expand(7, 2))


def test_take_refuses_several_seeds_and_uneven_blocks():
    with pytest.raises(ValueError, match="only a net with one seed can be made smaller, got 2 seeds"):
        random_mlp([4, 5, 2], seeds=2).take({})
    with pytest.raises(ValueError, match=r"blocks of population 'h' must keep equally many neurons, got \[2, 1\]"):
        blocked_net().take({"h": torch.tensor([0, 1, 4])})


def test_take_cuts_tensors_that_several_links_share():
    net = embedding_net()
    net.parameters["embedding"][:, :, 1] = 0.0  # embed[1] says nothing
    net.parameters["readout"][:, :, [0, 5]] = 0.0  # h1[0] and h1[5] are not read
    small = net.take({"embed": torch.tensor([0, 2, 3]), "h1": torch.tensor([4, 1, 2, 3])})
    x = torch.randn(1, 9, 10, dtype=torch.float64)
    assert torch.allclose(small.run(x), net.run(x), atol=1e-13)
    assert small.parameters["hidden"].shape == (1, 4, 6)
    assert torch.equal(small.positions("embed")[0], net.positions("embed")[0, [0, 2, 3]])


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(6)), st.sampled_from([torch.float32, torch.float64]))
def test_moving_places_changes_no_bit_of_the_outputs(order, dtype):
    net = random_mlp([4, 6, 2], dtype=dtype)
    moved = net.replaced(places={"h1": torch.tensor([order])})
    assert torch.equal(moved.run(X.to(dtype)), net.run(X.to(dtype)))
    assert torch.equal(moved.positions("h1")[0], net.positions("h1")[0, list(order)])


@pytest.mark.parametrize("place", [[0, 0, 1], [0, 1], [0, 1, 3], [-1, 0, 1]])
def test_places_must_be_a_permutation(place):
    with pytest.raises(ValueError, match="places of population 'h1' must give each of its 3 neurons a slot of its own"):
        random_mlp([4, 3, 2]).replaced(places={"h1": torch.tensor([place])})


def test_a_net_is_restored_from_its_tensors():
    net, config = made('swaps.pinned=["in"]', "net.geometry.h1=ring", "net.activation=tanh")
    net.places["h2"] = net.places["h2"].flip(1)
    other = restore_net(config, config.task.load(), net_tensors(net))
    assert isinstance(other, MLP)
    assert torch.equal(other.run(X.float()), net.run(X.float()))
    assert torch.equal(other.positions("h1"), net.positions("h1"))
    assert torch.equal(other.places["h2"], net.places["h2"])
    assert [item.movable for item in other.wiring.populations] == [False, True, True, True]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("net.hidden=[20,0]", r"net.hidden must give every layer at least one neuron, got \[20, 0\]"),
        ("net.geometry.h1=grid", "net.geometry does not fit .*: a grid must hold a square number of neurons, got 20"),
        ("net.hidden=[5,5]\nnet.geometry.h2=folded", "`folds` must divide"),
    ],
)
def test_a_shape_that_cannot_be_is_the_callers_mistake(setting, message):
    with pytest.raises(UserError, match=message):
        made(*setting.split("\n"))
