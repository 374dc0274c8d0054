"""What connections cost: their weight times a price that grows with their length."""

from collections.abc import Callable
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from bimt.geometry import distances
from bimt.nets.base import Net
from bimt.wiring import Link

Reduce = Literal["sum", "mean"]


def connection_cost(
    net: Net,
    *,
    distance_scale: float,
    offset: float,
    reduce: Reduce = "sum",
    bias: bool = True,
    last_link_distance: bool = True,
) -> Float[Tensor, " seeds"]:
    """Adds up what every connection of each seed costs.

    A connection of weight w and length d costs |w| * (distance_scale * d + offset); a bias b costs |b| * offset.
    Tied weights are paid once. (Liu et al. 2023, arXiv:2305.08746.)

    Args:
        net: Its links' weights are (seeds, target, source).
        distance_scale: Price per unit length, >= 0. Lengths are L1, in the unit cube.
        offset: Price of a connection of length zero, >= 0.
        reduce: "sum" over the weights of a stored tensor, or their "mean".
        bias: Whether biases are priced.
        last_link_distance: False leaves the links into outputs free of distance (they pay the offset only).

    Returns:
        One cost per seed, differentiable in the weights, never negative.

    Raises:
        ValueError: If a price is negative.
    """
    price = prices(
        net,
        distance_scale=distance_scale,
        offset=offset,
        reduce=reduce,
        bias=bias,
        last_link_distance=last_link_distance,
    )
    costs = [(tensor.abs() * price[name].to(tensor)).flatten(1).sum(1) for name, tensor in net.parameters.items()]
    return torch.stack(costs).sum(0)


def prices(
    net: Net, *, distance_scale: float, offset: float, reduce: Reduce, bias: bool, last_link_distance: bool
) -> dict[str, Float[Tensor, "seeds ..."]]:
    """Returns the price of one unit of |w| for every stored number, so that the cost is the sum of |w| * price.

    Arguments and errors as in `connection_cost`; the result is constant while no neuron moves, float64.
    """
    for name, value in (("distance_scale", distance_scale), ("offset", offset)):
        if not value >= 0:
            raise ValueError(f"`{name}` must be at least 0, got {value}")
    result = {name: torch.zeros(tensor.shape, dtype=torch.float64) for name, tensor in net.parameters.items()}
    outputs = {site.name for site in net.wiring.outputs}
    for link in net.wiring.distinct_links():
        free = link.target in outputs and not last_link_distance
        price = (0.0 if free else distance_scale) * link_lengths(net, link) + offset
        link.view(result[link.parameter])[:] = price * share(net.parameters[link.parameter], reduce)
    for part in net.wiring.biases if bias else ():
        part.view(result[part.parameter])[:] = offset * share(net.parameters[part.parameter], reduce)
    return result


def share(stored: Float[Tensor, "seeds ..."], reduce: Reduce) -> float:
    """Returns what one number of a stored tensor counts: 1 in a sum, one over how many there are in a mean."""
    return 1.0 if reduce == "sum" else 1.0 / max(stored[0].numel(), 1)


def relocation_factors(net: Net, *, distance_scale: float, reduce: Reduce) -> Callable[[Link], float]:
    """Returns what |w| * length of a link counts when neurons move.

    Where training uses a distance_scale of 0 moves still use 1; the last link always counts (as published).
    """
    scale = distance_scale if distance_scale > 0 else 1.0
    return lambda link: scale * share(net.parameters[link.parameter], reduce)


def link_lengths(net: Net, link: Link) -> Float[Tensor, "seeds target source"] | float:
    """Returns how long every connection of a link is, L1 in the unit cube; 0 where an end has no slots."""
    populations = [net.wiring.population_of(site) for site in (link.target, link.source)]
    if any(population.slots is None for population in populations):
        return 0.0
    return distances(net.positions(populations[0].name), net.positions(populations[1].name))
