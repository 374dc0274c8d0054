"""The connection cost against loops."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bimt.cost import connection_cost, prices, relocation_factors
from bimt.geometry import make_slots
from bimt.nets.mlp import MLP, mlp_wiring
from tests.nets import random_mlp
from tests.wired import embedding_net


def looped(net, row, *, distance_scale, offset, bias=True, mean=False, free=()):
    """Adds up |w| * (distance_scale * length + offset) one weight at a time, tied weights once."""
    total = 0.0
    for link in net.wiring.distinct_links():
        weight, ends = net.weight(link)[row], [net.wiring.population_of(end) for end in (link.target, link.source)]
        share = 1 / net.parameters[link.parameter][0].numel() if mean else 1.0
        for i, j in torch.cartesian_prod(torch.arange(weight.shape[0]), torch.arange(weight.shape[1])).tolist():
            length = 0.0
            if all(end.slots is not None for end in ends) and link.target not in free:
                spots = [end.slots[net.places[end.name][row, k]] for end, k in zip(ends, (i, j), strict=True)]
                dims = max(len(spot) for spot in spots)
                spots = [torch.cat([spot, torch.full((dims - len(spot),), 0.5)]) for spot in spots]
                length = (spots[0] - spots[1]).abs().sum().item()
            total += abs(weight[i, j].item()) * (distance_scale * length + offset) * share
    for part in net.wiring.biases if bias else ():
        stored = net.parameters[part.parameter][row]
        total += stored.abs().sum().item() * offset / (stored.numel() if mean else 1)
    return total


def shaped_net(geometries, sizes, *, seeds=2):
    wiring = mlp_wiring([make_slots(name, size) for name, size in zip(geometries, sizes, strict=True)])
    net = MLP(wiring, random_mlp(sizes, seeds=seeds).parameters, "silu")
    generator = torch.Generator().manual_seed(3)
    places = {
        item.name: torch.stack([torch.randperm(item.size, generator=generator) for _ in range(seeds)])
        for item in wiring.populations
    }
    return net.replaced(places=places)


NETS = {
    "line": shaped_net(["line"] * 4, [4, 6, 5, 2]),
    "sheets": shaped_net(["grid", "grid", "ring"], [9, 4, 5]),
    "folded": shaped_net(["folded", "line", "line"], [4, 5, 2]),
    "tied": embedding_net(seeds=2),
}


@pytest.mark.parametrize("net", NETS.values(), ids=NETS)
@pytest.mark.parametrize("mean", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("free", [False, True])
def test_cost_is_the_loop(net, mean, bias, free):
    cost = connection_cost(
        net,
        distance_scale=1.5,
        offset=0.3,
        reduce="mean" if mean else "sum",
        bias=bias,
        last_link_distance=not free,
    )
    for row in range(net.seeds):
        expected = looped(net, row, distance_scale=1.5, offset=0.3, bias=bias, mean=mean, free=["out"] if free else [])
        assert cost[row].item() == pytest.approx(expected, rel=1e-12)


def test_the_price_is_the_gradient():
    net = NETS["tied"].replaced(parameters={k: v.clone().requires_grad_() for k, v in NETS["tied"].parameters.items()})
    knobs = {"distance_scale": 0.7, "offset": 0.2, "reduce": "mean", "bias": True, "last_link_distance": True}
    connection_cost(net, **knobs).sum().backward()
    for name, price in prices(net, **knobs).items():
        tensor = net.parameters[name]
        assert torch.allclose(tensor.grad, tensor.detach().sign() * price, atol=1e-15)


@settings(max_examples=25, deadline=None)
@given(scale=st.floats(0, 1e3), offset=st.floats(0, 1e3), factor=st.floats(0, 1e3))
def test_cost_is_never_negative_and_grows_with_the_weights(scale, offset, factor):
    net = NETS["line"]
    cost = connection_cost(net, distance_scale=scale, offset=offset)
    scaled = net.replaced(parameters={name: factor * tensor for name, tensor in net.parameters.items()})
    assert (cost >= 0).all()
    assert torch.allclose(connection_cost(scaled, distance_scale=scale, offset=offset), factor * cost)


@pytest.mark.parametrize("name", ["distance_scale", "offset"])
@pytest.mark.parametrize("value", [-0.1, float("nan")])
def test_prices_are_not_negative(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be at least 0, got {value}"):
        connection_cost(NETS["line"], **{"distance_scale": 1.0, "offset": 0.1, name: value})


def test_moves_count_distance_even_where_training_does_not():
    net = NETS["tied"]
    link = net.wiring.links[2]
    assert relocation_factors(net, distance_scale=0.0, reduce="sum")(link) == 1.0
    assert relocation_factors(net, distance_scale=2.0, reduce="mean")(link) == 2.0 / 48
