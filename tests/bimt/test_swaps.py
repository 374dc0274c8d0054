"""Moving places: against a naive re-evaluation of the whole cost, and what may never happen."""

import inspect
import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bimt.cost import connection_cost
from bimt.layout import Layout, cheapest_slots
from bimt.nets.mlp import MLP, mlp_wiring
from bimt.swaps import relocate_
from tests.nets import random_mlp
from tests.wired import blocked_net, embedding_net, population, recurrent_net


def shuffled(net, seed=0):
    """The net with random places; blocks stay together."""
    random, places = np.random.RandomState(seed), {}
    for item in net.wiring.populations:
        if item.slots is not None:
            parts = np.arange(item.size).reshape(item.blocks, -1)
            rows = [
                np.concatenate([random.permutation(part) for part in random.permutation(parts)])
                for _ in range(net.seeds)
            ]
            places[item.name] = torch.from_numpy(np.stack(rows))
    return net.replaced(places=places)


def whole_cost(net, row=slice(None)):
    return connection_cost(net.replaced(), distance_scale=1.0, offset=0.1)[row]


def importance(net, name, row):
    total = torch.zeros(net.wiring.population(name).size, dtype=torch.float64)
    for link in net.wiring.distinct_links():
        ends = [net.wiring.population_of(site) for site in (link.target, link.source)]
        if all(end.slots is not None for end in ends):
            weight = net.weight(link)[row].abs()
            if ends[0].name == ends[1].name:
                weight = weight - weight.diag().diag()
            total += weight.sum(1) if ends[0].name == name else 0
            total += weight.sum(0) if ends[1].name == name else 0
    return total


def trade_(place, one, other, width):
    """Two blocks of neurons trade places, the first neuron with the first and so on; changes `place`."""
    parts = place.view(-1, width)
    parts[one], parts[other] = parts[other].clone(), parts[one].clone()


def naive_exchanges(net, row, *, top_k):
    """Every block, then every neuron, tried at every other's place, each time the whole cost; changes the net."""
    done = []
    for item in net.wiring.populations:
        if item.slots is None or not item.movable:
            continue
        width = item.size // item.blocks
        block = np.arange(item.size) // width
        place = net.places[item.name]
        weight = importance(net, item.name, row)
        for head in weight.reshape(item.blocks, width).sum(1).argsort(descending=True, stable=True)[:top_k].tolist():
            costs = []
            for other in range(item.blocks):
                trade_(place[row], head, other, width)
                costs.append(whole_cost(net, row).item())
                trade_(place[row], head, other, width)
            best = int(np.argmin(costs))
            if costs[best] < costs[head] - 1e-12:
                trade_(place[row], head, best, width)
                done.append((item.name, "block", head, best))
        for neuron in weight.argsort(descending=True, stable=True)[:top_k].tolist():
            costs = []
            for other in range(item.size):
                place[row, neuron], place[row, other] = place[row, other].clone(), place[row, neuron].clone()
                costs.append(whole_cost(net, row).item() if block[other] == block[neuron] else np.inf)
                place[row, neuron], place[row, other] = place[row, other].clone(), place[row, neuron].clone()
            best = int(np.argmin(costs))
            if costs[best] < costs[neuron] - 1e-12:
                place[row, neuron], place[row, best] = place[row, best].clone(), place[row, neuron].clone()
                done.append((item.name, neuron, best))
    return done


def mlp_with(seed):
    return shuffled(random_mlp([4, 8, 7, 3], seeds=2, seed=seed), seed)


NETS = {
    **{f"mlp{seed}": mlp_with(seed) for seed in range(3)},
    "tied": shuffled(embedding_net(seeds=2)),
    "recurrent": shuffled(recurrent_net(seeds=3)),
    "blocks": shuffled(blocked_net(seeds=3)),
}


@pytest.mark.parametrize("net", NETS.values(), ids=NETS)
@pytest.mark.parametrize("top_k", [1, 5, 9])
def test_pairs_make_the_exchanges_of_a_naive_re_evaluation(net, top_k):
    quick, naive = net.replaced(), shuffled(net).replaced(places={k: v.clone() for k, v in net.places.items()})
    relocate_(quick, method="pairs", top_k=top_k)
    exchanges = [naive_exchanges(naive, row, top_k=top_k) for row in range(net.seeds)]
    assert any(exchanges)
    if any(item.blocks > 1 for item in net.wiring.populations):
        assert any("block" in exchange for seed in exchanges for exchange in seed)
    for name, place in naive.places.items():
        assert torch.equal(quick.places[name], place), name


@pytest.mark.parametrize("net", NETS.values(), ids=NETS)
def test_the_relocation_cost_is_the_connection_cost_without_offset(net):
    expected = connection_cost(net, distance_scale=2.5, offset=0.0, bias=False)
    assert Layout(net, distance_scale=2.5).cost() == pytest.approx(expected.numpy(), rel=1e-12)


@pytest.mark.parametrize("net", NETS.values(), ids=NETS)
def test_a_price_is_what_moving_one_neuron_changes(net):
    """C[n, p] - C[n, place of n] for an unoccupied copy of a slot: the neuron alone moves."""
    layout = Layout(net)
    for item in layout.movable:
        if layout.is_recurrent(item.name):
            continue
        table = layout.prices(item.name)
        before = layout.cost()
        for neuron, slot in itertools.product(range(item.size), range(item.size)):
            moved = layout.repeated(1)
            moved.places[item.name][:, neuron] = slot
            home = layout.places[item.name][:, neuron]
            change = table[:, neuron, slot] - table[np.arange(net.seeds), neuron, home]
            assert moved.cost() - before == pytest.approx(change, abs=1e-10)


@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_an_assignment_is_the_cheapest_of_all_layouts(blocks):
    table = np.random.RandomState(blocks).rand(6, 6)
    allowed = [
        order
        for order in itertools.permutations(range(6))
        if all(len({slot // (6 // blocks) for slot in part}) == 1 for part in np.array(order).reshape(blocks, -1))
    ]
    cheapest = min(table[np.arange(6), list(order)].sum() for order in allowed)
    found = cheapest_slots(table[None], blocks)[0]
    assert tuple(found) in allowed
    assert table[np.arange(6), found].sum() == pytest.approx(cheapest)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_one_population_by_assignment_is_never_above_pairs(seed):
    weights = random_mlp([4, 9, 3], seed=seed).parameters
    slots = [population("p", size).slots for size in (4, 9, 3)]
    costs = {}
    for method in ("none", "pairs", "assignment"):
        net = MLP(mlp_wiring(slots, pinned=["in", "out"]), weights, "silu")
        relocate_(net, method=method, top_k=9, rounds=1)
        costs[method] = Layout(net).cost()[0]
    assert costs["assignment"] <= costs["pairs"] * (1 + 1e-12)
    assert costs["pairs"] <= costs["none"]
    assert costs["assignment"] < costs["none"]


@pytest.mark.parametrize("net", NETS.values(), ids=NETS)
@pytest.mark.parametrize("rounds", [1, 5])
def test_spectral_is_never_above_assignment(net, rounds):
    costs = {}
    for method in ("assignment", "spectral"):
        moved = net.replaced()
        relocate_(moved, method=method, rounds=rounds)
        costs[method] = Layout(moved).cost()
    assert (costs["spectral"] <= costs["assignment"] * (1 + 1e-9)).all()


def test_spectral_untangles_what_assignments_cannot():
    """Two nets that share no neuron, shuffled into each other: side by side they cost the least."""
    weights = random_mlp([4, 12, 12, 4], seeds=10).parameters
    for name, tensor in weights.items():
        if name.startswith("weight"):
            rows, cols = tensor.shape[1] // 2, tensor.shape[2] // 2
            tensor[:, :rows, cols:] = tensor[:, rows:, :cols] = 0.0
    net = shuffled(MLP(random_mlp([4, 12, 12, 4]).wiring, weights, "silu"))
    parted = {}
    for method in ("assignment", "spectral"):
        moved = net.replaced()
        relocate_(moved, method=method)
        left = moved.places["h1"].sort(dim=1).indices[:, :6] < 6  # who sits in the left half
        parted[method] = int((left.all(1) | ~left.any(1)).sum())
    assert parted["spectral"] == 10
    assert parted["assignment"] < 10


@pytest.mark.parametrize("net", NETS.values(), ids=NETS)
@pytest.mark.parametrize("method", ["none", "pairs", "assignment", "spectral"])
@pytest.mark.parametrize("reduce", ["sum", "mean"])
def test_no_move_raises_the_cost_or_changes_an_output_bit(net, method, reduce):
    moved = net.replaced()
    size = sum(net.wiring.population_of(site.name).size for site in net.wiring.inputs)
    x = torch.randn(1, 5, size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    before = Layout(net, reduce=reduce).cost()
    for _ in range(3):
        relocate_(moved, method=method, reduce=reduce)
        after = Layout(moved, reduce=reduce).cost()
        assert (after <= before * (1 + 1e-12)).all()
        before = after
    assert torch.equal(moved.run(x), net.run(x))
    assert all(torch.equal(moved.parameters[name], net.parameters[name]) for name in net.parameters)
    assert (method == "none") == all(torch.equal(moved.places[name], net.places[name]) for name in net.places)


@pytest.mark.parametrize("method", ["pairs", "assignment", "spectral"])
def test_pinned_neurons_stay(method):
    slots = [population("p", size).slots for size in (4, 9, 3)]
    parameters = random_mlp([4, 9, 3], seeds=2).parameters
    net = shuffled(MLP(mlp_wiring(slots, pinned=["in", "h1"]), parameters, "silu"))
    moved = net.replaced()
    relocate_(moved, method=method)
    assert torch.equal(moved.places["in"], net.places["in"])
    assert torch.equal(moved.places["h1"], net.places["h1"])
    assert not torch.equal(moved.places["out"], net.places["out"])


@pytest.mark.parametrize("method", ["pairs", "assignment", "spectral"])
def test_blocks_move_whole(method):
    net = shuffled(blocked_net(seeds=8), 1)
    moved = net.replaced()
    relocate_(moved, method=method)
    blocks = [(places["h"].reshape(8, 3, 2) // 2) for places in (net.places, moved.places)]
    assert all(torch.equal(block[..., 0], block[..., 1]) for block in blocks)
    assert not torch.equal(*blocks)


@pytest.mark.parametrize("method", ["pairs", "assignment", "spectral"])
def test_a_seed_moves_the_same_whoever_is_beside_it(method):
    net = mlp_with(3)
    together, alone = net.replaced(), net.seed(1)
    relocate_(together, method=method)
    relocate_(alone, method=method)
    for name, place in alone.places.items():
        assert torch.equal(together.places[name][1:2], place)


@pytest.mark.parametrize(
    "geometries", [("grid", "grid", "ring"), ("folded", "folded", "line"), ("line", "grid", "ring")]
)
@pytest.mark.parametrize("method", ["pairs", "assignment", "spectral"])
def test_every_geometry_can_be_moved_on(geometries, method):
    slots = [population("p", size, name).slots for name, size in zip(geometries, (4, 16, 5), strict=False)]
    net = shuffled(MLP(mlp_wiring(slots), random_mlp([4, 16, 5][: len(slots)], seeds=2).parameters, "silu"))
    before = Layout(net).cost()
    relocate_(net, method=method)
    assert (Layout(net).cost() < before).all()


@pytest.mark.parametrize("method", ["pairs", "assignment", "spectral"])
def test_a_net_without_weights_or_with_one_neuron_can_be_moved(method):
    net = random_mlp([1, 3, 1], seeds=2)
    for tensor in net.parameters.values():
        tensor[0] = 0.0
    relocate_(net, method=method)
    assert (Layout(net).cost() >= 0).all()


def test_methods_are_known():
    with pytest.raises(ValueError, match="`method` must be none, pairs, assignment or spectral, got 'best'"):
        inspect.unwrap(relocate_)(random_mlp([2, 2]), method="best")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_must_be_finite(value):
    net = random_mlp([2, 3, 2])
    net.parameters["weight.h1"][0, 0, 0] = value
    with pytest.raises(ValueError, match="the weights of h1<-in must be finite before neurons can move"):
        relocate_(net, method="spectral")
