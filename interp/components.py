"""Independent parts and crossings straight from masks: quick enough for every snapshot, equal to those of the graph."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from bimt.nets.base import Net
from bimt.wiring import Wiring
from interp.graph import link_crossings
from interp.replay import Cut, Ints


@dataclass(frozen=True, eq=False)
class Components:
    """Which neurons hang together."""

    count: int
    """How many independent parts there are; 0 where nothing is connected."""
    before_outputs: int
    """How many once the readout is left out, where the net is one part and that makes it several; else `count`."""
    of: Mapping[str, Ints]
    """For each population with slots, (size,): the part before the outputs that every neuron is in, counted from 0 in
    forward order; -1: none."""


def find_components(wiring: Wiring, left: Cut) -> Components:
    """Finds the independent parts of a net: as `find_parts` of what `choose_readout` leaves in.

    All sites of a population are one vertex, look-ups are left out, skips and gates hold neurons together. The readout
    is left out only if the whole net is one part and its rest falls into several that all reach inputs.

    Args:
        wiring: Of the net.
        left: What `cut` leaves of it.
    """
    start = _numbering(wiring)
    edges, inputs = _edges(wiring, left, start)
    outputs = _members(wiring, start, "output")
    total = sum(wiring.population(name).size for name in start)
    labels = _labels(edges, total)
    whole = int(labels.max(initial=-1)) + 1
    if whole == 1:
        rest = _labels(edges[~np.isin(edges, outputs).any(1)], total)
        count = rest.max(initial=-1) + 1
        if count > 1 and len(np.intersect1d(rest[inputs], range(count))) == count:
            labels = rest
    of = {name: labels[first : first + wiring.population(name).size] for name, first in start.items()}
    return Components(whole, int(labels.max(initial=-1)) + 1, of)


def count_crossings(net: Net, left: Cut) -> int:
    """Counts pairs of connections of one link that cross, look-ups left out: as `interp.graph.crossings`."""
    return link_crossings(net, left.edges)


def _numbering(wiring: Wiring) -> dict[str, int]:
    """Returns the number of the first neuron of every population with slots, populations in forward order."""
    start, count = {}, 0
    for site in wiring.sites:
        population = wiring.population(site.population)
        if population.slots is not None and population.name not in start:
            start[population.name] = count
            count += population.size
    return start


def _members(wiring: Wiring, start: Mapping[str, int], role: str) -> Ints:
    """Returns the numbers of the neurons whose first site has a role."""
    first = {site.population: site.role for site in reversed(wiring.sites)}
    names = [name for name in start if first[name] == role]
    return np.concatenate(
        [np.zeros(0, dtype=np.intp), *(start[name] + np.arange(wiring.population(name).size) for name in names)]
    )


def _edges(wiring: Wiring, left: Cut, start: Mapping[str, int]) -> tuple[Ints, Ints]:
    """Returns all edges as pairs of numbers, and the neurons that count as inputs."""
    pairs: list[Ints] = [np.zeros((0, 2), dtype=np.intp)]
    inputs = [_members(wiring, start, "input")]
    names = {site.name: site.population for site in wiring.sites}
    for link in wiring.links:
        target, source = left.edges[link.name]
        if names[link.target] in start:
            target = target + start[names[link.target]]
            if names[link.source] in start:
                pairs.append(np.stack([source + start[names[link.source]], target], 1))
            else:
                inputs.append(target)
    live = {name: mask.numpy() for name, mask in left.live.items()}
    for edge in wiring.fixed:
        if names[edge.source] in start and names[edge.target] in start:
            target, source = np.nonzero(wiring.joins(edge).numpy() & live[edge.target][:, None] & live[edge.source])
            pairs.append(np.stack([source + start[names[edge.source]], target + start[names[edge.target]]], 1))
    return np.concatenate(pairs), np.unique(np.concatenate(inputs))


def _labels(edges: Ints, size: int) -> Ints:
    """Numbers the components that hold an edge by their first neuron; -1 for neurons without one."""
    found = connected_components(coo_array((np.ones(len(edges)), edges.T), shape=(size, size)), directed=False)[1]
    labels = np.full(size, -1, dtype=np.intp)
    used = np.unique(edges)
    _, first, inverse = np.unique(found[used], return_index=True, return_inverse=True)
    labels[used] = np.argsort(np.argsort(first))[inverse]
    return labels
