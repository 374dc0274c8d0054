"""What a net of tokens knows about them: the dimensions of its embedding that pruning left."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float

from bimt.wiring import Link, Wiring
from interp.sparse import Neuron, SparseNet


class Dimension(NamedTuple):
    """One dimension of an embedding, as a function on the tokens."""

    number: int
    """Which neuron of the embedding."""
    values: Float[np.ndarray, " tokens"]
    """What it says of each token; only its changes are seen by a net that is free to shift its biases."""
    weight: float
    """Summed |w| of the kept connections that lead on from it."""


def active_dimensions(sparse: SparseNet) -> tuple[Dimension, ...]:
    """Returns the dimensions that lie on a path to an output at any position, by falling weight.

    Args:
        sparse: A pruned net; of one without look-ups nothing is returned.
    """
    net, live = sparse.net, sparse.live()
    tables: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
    for link in token_tables(net.wiring):
        population = net.wiring.site(link.target).population
        alive = live[link.target] | tables[population][1] if population in tables else live[link.target]
        tables[population] = net.weight(link)[0], alive
    found = [
        Dimension(index, table[index].detach().numpy(), _leading_on(sparse, population, index))
        for population, (table, alive) in tables.items()
        for index in alive.nonzero()[:, 0].tolist()
    ]
    return tuple(sorted(found, key=lambda dimension: -dimension.weight))


def token_tables(wiring: Wiring) -> tuple[Link, ...]:
    """Returns the links that look tokens up, not those of positions, which no task gives."""
    return tuple(
        link for link in wiring.links if wiring.is_look_up(link) and wiring.population_of(link.source).name == "token"
    )


def variance_explained(values: Float[np.ndarray, " tokens"], feature: Float[np.ndarray, " tokens"]) -> float:
    """Returns the squared correlation of a dimension with a feature of the tokens; 0 where one of them is constant.

    Example:
        >>> round(variance_explained(np.array([1.0, 2.0, 3.0]), np.array([5.0, 3.0, 1.0])), 12)
        1.0
    """
    centred = [part - part.mean() for part in (values, feature)]
    norms = [float(np.square(part).sum()) for part in centred]
    return float(centred[0] @ centred[1]) ** 2 / (norms[0] * norms[1]) if min(norms) > 0 else 0.0


def members(dimensions: tuple[Dimension, ...], neurons: tuple[Neuron, ...], population: str) -> tuple[Dimension, ...]:
    """Returns the dimensions that are among some neurons, such as those of a module.

    Args:
        dimensions: As `active_dimensions` returns them.
        neurons: Of any site; those of `population` have the site's name `population` or begin with it and a dot.
        population: The embedding's.
    """
    inside = {index for site, index in neurons if site.partition(".")[0] == population}
    return tuple(dimension for dimension in dimensions if dimension.number in inside)


def _leading_on(sparse: SparseNet, population: str, index: int) -> float:
    net = sparse.net
    return sum(
        float((net.weight(link)[0, :, index].abs() * link.view(sparse.kept[link.parameter])[0, :, index]).sum())
        for link in net.wiring.distinct_links(look_ups=False)
        if net.wiring.site(link.source).population == population
    )
