"""Cheaper places: neurons exchange slots where that shortens their connections. Weights stay where they are.

With all other populations fixed, neuron n costs C[n, p] in slot p: the sum over its connections of factor * |w| *
distance(p, where the other end sits). Everything here is arithmetic on C, in float64.
"""

from collections.abc import Iterator
from typing import Literal

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment

from bimt.cost import Reduce, relocation_factors
from bimt.geometry import distances
from bimt.nets.base import Net
from bimt.wiring import Link, Population

Method = Literal["none", "pairs", "assignment", "spectral"]
Places = dict[str, Int[np.ndarray, "seeds size"]]

_COUPLING = 1e-4
"""What every two neurons are coupled by before a Laplacian is taken, relative to the mean weight."""


class Layout:
    """The wiring of a net's seeds as arrays: everything that moving places needs.

    Attributes:
        places: For each population with slots, the slot of each neuron, (seeds, size).
    """

    def __init__(self, net: Net, *, distance_scale: float = 1.0, reduce: Reduce = "sum") -> None:
        """Reads |w| and the places of a net.

        Args:
            net: Is not changed.
            distance_scale: Price per unit length; 0 counts as 1, for moves only.
            reduce: How training adds up a stored tensor, "sum" or "mean".
        """
        self.populations = {item.name: item for item in net.wiring.populations if item.slots is not None}
        self.places: Places = {name: net.places[name].numpy().copy() for name in self.populations}
        self.links: list[tuple[str, str, np.ndarray]] = []
        factor = relocation_factors(net, distance_scale=distance_scale, reduce=reduce)
        for link in net.wiring.distinct_links():
            ends = [net.wiring.population_of(site).name for site in (link.target, link.source)]
            if all(end in self.populations for end in ends):
                weight = factor(link) * _magnitudes(net, link)
                if ends[0] == ends[1]:
                    weight = weight * (1 - np.eye(weight.shape[1]))  # a neuron is never away from itself
                self.links.append((*ends, weight))
        self._tables = {
            pair: distances(self.populations[pair[0]].slots, self.populations[pair[1]].slots).numpy()
            for pair in {(a, b) for target, source, _ in self.links for a, b in ((target, source), (source, target))}
        }

    @property
    def movable(self) -> Iterator[Population]:
        """The populations whose neurons may move."""
        return (population for population in self.populations.values() if population.movable and population.size > 1)

    def is_recurrent(self, name: str) -> bool:
        """Tells whether a population is linked to itself, which makes its cost quadratic in its own places."""
        return any(target == source == name for target, source, _ in self.links)

    def cost(self) -> Float[np.ndarray, " seeds"]:
        """Returns the relocation cost of each seed."""
        total = np.zeros(len(next(iter(self.places.values()))))
        for target, source, weight in self.links:
            table = self._tables[target, source]
            lengths = table[self.places[target][:, :, None], self.places[source][:, None, :]]
            total += (weight * lengths).sum((1, 2))
        return total

    def prices(self, name: str) -> Float[np.ndarray, "seeds neuron slot"]:
        """Returns C: what each neuron of a population would cost in each slot, all other neurons fixed."""
        total = None
        for target, source, weight in self.links:
            for here, there, arms in ((target, source, weight), (source, target, weight.transpose(0, 2, 1))):
                if here == name:
                    part = arms @ self._tables[there, here][self.places[there]]
                    total = part if total is None else total + part
        if total is None:
            size = self.populations[name].size
            total = np.zeros((len(self.places[name]), size, size))
        return total

    def mutual(self, name: str) -> Float[np.ndarray, "seeds size size"] | None:
        """Returns what joins the neurons of a recurrent population to each other, both ways added; else None."""
        own = [weight + weight.transpose(0, 2, 1) for target, source, weight in self.links if target == source == name]
        return sum(own[1:], start=own[0]) if own else None

    def lengths(self, name: str) -> Float[np.ndarray, "seeds size size"]:
        """Returns the distance between the places of every two neurons of a recurrent population."""
        place = self.places[name]
        return self._tables[name, name][place[:, :, None], place[:, None, :]]

    def importance(self, name: str) -> Float[np.ndarray, "seeds size"]:
        """Returns the L1 weight of each neuron's connections, incoming and outgoing."""
        total = np.zeros(self.places[name].shape)
        for target, source, weight in self.links:
            if target == name:
                total += weight.sum(2)
            if source == name:
                total += weight.sum(1)
        return total

    def repeated(self, times: int) -> "Layout":
        """Returns a layout in which every seed stands `times` times in a row, to try different places."""
        other = object.__new__(Layout)
        other.populations, other._tables = self.populations, self._tables
        other.places = {name: place.repeat(times, axis=0) for name, place in self.places.items()}
        other.links = [(target, source, weight.repeat(times, axis=0)) for target, source, weight in self.links]
        return other


def relocate_(
    net: Net,
    *,
    method: Method,
    top_k: int = 5,
    rounds: int = 5,
    distance_scale: float = 1.0,
    reduce: Reduce = "sum",
) -> None:
    """Moves the neurons of every seed to cheaper places, in place; no weight and no output changes.

    Args:
        net: Its `places` are replaced.
        method: "pairs" (published: the `top_k` most important neurons, each to its best exchange), "assignment"
            (each population in turn laid out optimally) or "spectral" (global proposals, then assignments).
        top_k: How many neurons of a population are tried by "pairs".
        rounds: How often "assignment" goes round the populations at most; it stops when nothing moves.
        distance_scale: Price per unit length in training.
        reduce: How training adds up a stored tensor.

    Raises:
        ValueError: If the method is unknown.
    """
    if method == "none":
        return
    if method not in ("pairs", "assignment", "spectral"):
        raise ValueError(f"`method` must be none, pairs, assignment or spectral, got {method!r}")
    layout = Layout(net, distance_scale=distance_scale, reduce=reduce)
    if method == "pairs":
        _exchange_pairs_(layout, top_k)
    elif method == "assignment":
        _assign_rounds_(layout, rounds)
    else:
        layout = _best_proposal(layout, rounds)
    for name, place in layout.places.items():
        net.places[name] = net.places[name].new_tensor(place)


def _exchange_pairs_(layout: Layout, top_k: int) -> None:
    for population in layout.movable:
        importance = layout.importance(population.name)
        order = np.argsort(-importance, axis=1, kind="stable")[:, :top_k]
        _exchange_in_order_(layout, population, order)


def _exchange_in_order_(layout: Layout, population: Population, order: Int[np.ndarray, "seeds tried"]) -> None:
    """Takes neurons in turn; each trades places with the neuron of its block that lowers the cost the most."""
    name, rows = population.name, np.arange(len(order))
    recurrent = layout.is_recurrent(name)
    partners = _same_block(population)
    at_place = None
    for turn in range(order.shape[1]):
        if at_place is None or recurrent:
            # at_place[s, n, k]: what neuron n would cost where neuron k sits now
            at_place = np.take_along_axis(layout.prices(name), layout.places[name][:, None, :], axis=2)
        neuron = order[:, turn]
        stay = np.einsum("skk->sk", at_place)
        gain = at_place[rows, neuron] + at_place[rows, :, neuron] - stay[rows, neuron][:, None] - stay
        if recurrent:
            gain = gain + 2 * (layout.mutual(name) * layout.lengths(name))[rows, neuron]
        if partners is not None:
            gain = np.where(partners[neuron], gain, 0.0)
        other = gain.argmin(1)
        moved = rows[gain[rows, other] < 0]
        _exchange_(layout.places[name], moved, neuron[moved], other[moved])
        at_place[moved[:, None], :, np.stack([neuron, other], 1)[moved]] = at_place[
            moved[:, None], :, np.stack([other, neuron], 1)[moved]
        ]


def _exchange_(place: Int[np.ndarray, "seeds size"], rows: np.ndarray, one: np.ndarray, other: np.ndarray) -> None:
    place[rows, one], place[rows, other] = place[rows, other], place[rows, one]


def _same_block(population: Population) -> np.ndarray | None:
    if population.blocks == 1:
        return None
    block = np.arange(population.size) // (population.size // population.blocks)
    return block[:, None] == block[None, :]


def _assign_rounds_(layout: Layout, rounds: int) -> None:
    """Goes round the populations, each laid out optimally for the places of the others, until nothing moves."""
    for _ in range(rounds):
        moved = False
        for population in layout.movable:
            if layout.is_recurrent(population.name):
                order = np.argsort(-layout.importance(population.name), axis=1, kind="stable")
                before = layout.places[population.name].copy()
                _exchange_in_order_(layout, population, order)
                moved |= bool((before != layout.places[population.name]).any())
            else:
                moved |= _assign_(layout, population)
        if not moved:
            return


def _assign_(layout: Layout, population: Population) -> bool:
    """Lays out one population optimally, seed by seed; tells whether any neuron moved."""
    table, place = layout.prices(population.name), layout.places[population.name]
    neurons = np.arange(population.size)
    moved = False
    for row in range(len(place)):
        best = _assignment(table[row], population.blocks)
        gain = (table[row][neurons, best] - table[row][neurons, place[row]]).sum()
        if gain < -1e-12 * np.abs(table[row]).max():
            place[row] = best
            moved = True
    return moved


def _assignment(table: Float[np.ndarray, "neuron slot"], blocks: int) -> Int[np.ndarray, " neuron"]:
    """Returns the cheapest slot for each neuron when blocks of neurons stay together in blocks of slots."""
    if blocks == 1:
        return linear_sum_assignment(table)[1]
    size = len(table) // blocks
    cells = table.reshape(blocks, size, blocks, size).transpose(0, 2, 1, 3)
    inside = np.array([[linear_sum_assignment(cell)[1] for cell in row] for row in cells])
    within = np.take_along_axis(cells, inside[..., None], axis=3)[..., 0].sum(2)
    block_of = linear_sum_assignment(within)[1]
    return np.concatenate([block_of[block] * size + inside[block, block_of[block]] for block in range(blocks)])


def _best_proposal(layout: Layout, rounds: int) -> Layout:
    """Tries the current layout and the spectral ones, each improved by assignments, and keeps the cheapest."""
    proposals = [layout.places, *_spectral_places(layout)]
    many = layout.repeated(len(proposals))
    for name, place in many.places.items():
        for index, proposal in enumerate(proposals):
            place[index :: len(proposals)] = proposal[name]
    _assign_rounds_(many, rounds)
    cost = many.cost().reshape(-1, len(proposals))
    # a proposal must be better by more than rounding; the current layout stands first
    best = np.where(cost.min(1) < cost[:, 0] * (1 - 1e-9), cost.argmin(1), 0)
    rows = np.arange(len(cost)) * len(proposals) + best
    chosen = layout.repeated(1)
    chosen.places = {name: place[rows] for name, place in many.places.items()}
    return chosen


def _spectral_places(layout: Layout) -> Iterator[Places]:
    """Yields global layouts: neurons in the order of low eigenvectors of the Laplacian of the |w| graph."""
    spans, adjacency = _adjacency(layout)
    sinks = {target for target, _, _ in layout.links} - {source for _, source, _ in layout.links}
    flips = (1, -1) if any(not item.movable for item in layout.populations.values()) else (1,)
    for left_out in (set(), sinks):
        vectors = _eigenvectors(adjacency, [spans[name] for name in left_out])
        for first, second in ((0, 1), (1, 2), (2, 0)):
            for flip in flips:
                axes = flip * vectors[:, :, [first % vectors.shape[2], second % vectors.shape[2]]]
                yield {name: _placed(layout, name, axes[:, spans[name]]) for name in layout.populations}


def _placed(layout: Layout, name: str, axes: Float[np.ndarray, "seeds size 2"]) -> Int[np.ndarray, "seeds size"]:
    """Turns the values of neurons along two axes into slots: ranks become coordinates, an assignment does the rest."""
    population = layout.populations[name]
    if not population.movable:
        return layout.places[name]
    slots = population.slots.numpy()
    ranks = axes[:, :, : slots.shape[1]].argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
    wanted = (ranks + 0.5) / population.size
    apart = np.abs(wanted[:, :, None, :] - slots).sum(-1)
    return np.stack([_assignment(table, population.blocks) for table in apart])


def _adjacency(layout: Layout) -> tuple[dict[str, slice], Float[np.ndarray, "seeds all all"]]:
    spans, start = {}, 0
    for name, population in layout.populations.items():
        spans[name] = slice(start, start + population.size)
        start += population.size
    seeds = len(next(iter(layout.places.values())))
    adjacency = np.zeros((seeds, start, start))
    for target, source, weight in layout.links:
        adjacency[:, spans[target], spans[source]] += weight
        adjacency[:, spans[source], spans[target]] += weight.transpose(0, 2, 1)
    return spans, adjacency


def _eigenvectors(adjacency: np.ndarray, left_out: list[slice]) -> Float[np.ndarray, "seeds all vectors"]:
    """Returns the 2nd, 3rd and 4th eigenvector of the random-walk Laplacian; sinks left out sit at their mean."""
    inside = adjacency.copy()
    for span in left_out:
        inside[:, span] = inside[:, :, span] = 0.0
    size = inside.shape[1]
    inside += _COUPLING * np.maximum(inside.sum((1, 2)) / size, 1e-300)[:, None, None] / size
    root = np.sqrt(inside.sum(2))
    _, vectors = np.linalg.eigh(inside / root[:, :, None] / root[:, None, :])
    vectors = vectors[:, :, -2:-5:-1] / root[:, :, None]
    for span in left_out:
        pull = adjacency[:, span]
        vectors[:, span] = pull @ vectors / np.maximum(pull.sum(2, keepdims=True), 1e-300)
    return vectors


def _magnitudes(net: Net, link: Link) -> Float[np.ndarray, "seeds target source"]:
    return net.weight(link).detach().abs().double().numpy()
