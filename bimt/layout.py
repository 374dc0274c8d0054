"""The wiring of a net as arrays: what every neuron would cost in every slot.

With all other populations fixed, neuron n costs C[n, p] in slot p: the sum over its connections of factor * |w| *
distance(p, where the other end sits). Everything here is arithmetic on C, in float64.
"""

import copy
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from bimt.compiled.assignments import LARGE, cheapest_assignments
from bimt.cost import Reduce, relocation_factors
from bimt.nets.base import Net
from bimt.wiring import Link, Population

Places = dict[str, Int[np.ndarray, "seeds size"]]


class TiedLink(NamedTuple):
    """A link between two populations with slots."""

    link: Link
    target: str
    source: str
    factor: float
    """The price of one unit of |w| and length."""


class Tie(NamedTuple):
    """The weights between two populations, as far as they matter to places."""

    target: str
    source: str
    pull: Float[np.ndarray, "seeds target source"]
    """factor * |w|, the price of one unit of length; zero from a neuron to itself, which is never away."""
    factor: float


class Layout:
    """The wiring of a net's seeds as arrays: everything that moving places needs.

    Attributes:
        populations: Those with slots, by name.
        places: The slot of each of their neurons, (seeds, size).
        slots: Where their slots are, (size, dims).
        ties: The weights between them.
    """

    def __init__(self, net: Net, *, distance_scale: float = 1.0, reduce: Reduce = "sum") -> None:
        """Reads |w| and the places of a net.

        Args:
            net: Is not changed.
            distance_scale: Price per unit length; 0 counts as 1, for moves only.
            reduce: How training adds up a stored tensor, "sum" or "mean".

        Raises:
            ValueError: If a weight is no number or infinite.
        """
        self.populations = placed_populations(net)
        self.places: Places = {name: net.places[name].numpy().copy() for name in self.populations}
        self.slots = {name: net.wiring.slots_of(name).numpy() for name in self.populations}
        self.ties = [
            Tie(target, source, factor * _magnitudes(net, link, inside=target == source), factor)
            for link, target, source, factor in tied_links(net, distance_scale=distance_scale, reduce=reduce)
        ]
        self._tables = {
            (a, b): net.wiring.lengths(a, b).numpy()
            for tie in self.ties
            for a, b in ((tie.target, tie.source), (tie.source, tie.target))
        }

    @property
    def seeds(self) -> int:
        """Length of the seeds axis."""
        return len(next(iter(self.places.values())))

    @property
    def movable(self) -> Iterator[Population]:
        """The populations whose neurons may move."""
        return (population for population in self.populations.values() if population.movable and population.size > 1)

    def is_recurrent(self, name: str) -> bool:
        """Tells whether a population is linked to itself, which makes its cost quadratic in its own places."""
        return any(tie.target == tie.source == name for tie in self.ties)

    def neighbours(self, name: str) -> set[str]:
        """Returns the populations whose prices depend on the places of one."""
        ends = {(tie.target, tie.source) for tie in self.ties}
        return {b for a, b in ends if a == name} | {a for a, b in ends if b == name}

    def cost(self) -> Float[np.ndarray, " seeds"]:
        """Returns the relocation cost of each seed."""
        total = np.zeros(self.seeds)
        for tie in self.ties:
            here, there = self.places[tie.target][:, :, None], self.places[tie.source][:, None, :]
            total += (tie.pull * self._tables[tie.target, tie.source][here, there]).sum((1, 2))
        return total

    def prices(self, name: str) -> Float[np.ndarray, "seeds neuron slot"]:
        """Returns C: what each neuron of a population would cost in each slot, all other neurons fixed."""
        size = self.populations[name].size
        total = np.zeros((self.seeds, size, size))
        add_ = _add_product_ if size >= LARGE else _add_in_order_
        for tie in self.ties:
            if tie.target == name:
                add_(total, tie.pull, self._tables[tie.source, name][self.places[tie.source]])
            if tie.source == name:
                add_(total, tie.pull.transpose(0, 2, 1), self._tables[tie.target, name][self.places[tie.target]])
        return total

    def mutual(self, name: str) -> Float[np.ndarray, "seeds size size"]:
        """Returns what pulls the neurons of a recurrent population at each other, both ways added."""
        own = [tie.pull for tie in self.ties if tie.target == tie.source == name]
        return sum((pull + pull.transpose(0, 2, 1) for pull in own), start=np.zeros_like(own[0]))

    def lengths(self, name: str) -> Float[np.ndarray, "seeds size size"]:
        """Returns the distance between the places of every two neurons of a recurrent population."""
        place = self.places[name]
        return self._tables[name, name][place[:, :, None], place[:, None, :]]

    def importance(self, name: str) -> Float[np.ndarray, "seeds size"]:
        """Returns the L1 weight of each neuron's connections, incoming and outgoing."""
        total = np.zeros(self.places[name].shape)
        for tie in self.ties:
            if tie.target == name:
                total += tie.pull.sum(2) / tie.factor
            if tie.source == name:
                total += tie.pull.sum(1) / tie.factor
        return total

    def repeated(self, times: int) -> "Layout":
        """Returns a layout in which every seed stands `times` times in a row, to try different places."""
        return self.of(np.arange(self.seeds).repeat(times))

    def of(self, rows: Int[np.ndarray, " rows"]) -> "Layout":
        """Returns a layout of copies of some seeds."""
        other = copy.copy(self)
        other.places = {name: place[rows] for name, place in self.places.items()}
        other.ties = [tie._replace(pull=tie.pull[rows]) for tie in self.ties]
        return other


def placed_populations(net: Net) -> dict[str, Population]:
    """Returns the populations with slots, by name."""
    return {item.name: item for item in net.wiring.populations if item.slots is not None}


def tied_links(net: Net, *, distance_scale: float, reduce: Reduce) -> list[TiedLink]:
    """Returns the links that matter to places, tied ones once; arguments as in `Layout`."""
    placed = placed_populations(net)
    factor = relocation_factors(net, distance_scale=distance_scale, reduce=reduce)
    return [
        TiedLink(link, target, source, factor(link))
        for link in net.wiring.distinct_links()
        for target, source in [(net.wiring.site(link.target).population, net.wiring.site(link.source).population)]
        if target in placed and source in placed
    ]


def cheapest_slots(tables: Float[np.ndarray, "seeds neuron slot"], blocks: int) -> Int[np.ndarray, "seeds neuron"]:
    """Returns the cheapest slot for each neuron when blocks of neurons stay together in blocks of slots."""
    if blocks == 1:
        return cheapest_assignments(tables)
    seeds, size = len(tables), tables.shape[1] // blocks
    cells = tables.reshape(seeds, blocks, size, blocks, size).transpose(0, 1, 3, 2, 4)
    inside = cheapest_assignments(cells.reshape(-1, size, size)).reshape(seeds, blocks, blocks, size)
    within = np.take_along_axis(cells, inside[..., None], axis=4)[..., 0].cumsum(3)[..., -1]
    block_of = cheapest_assignments(within)
    taken = np.take_along_axis(inside, block_of[:, :, None, None], axis=2)[:, :, 0]
    return (block_of[:, :, None] * size + taken).reshape(seeds, -1)


def _add_product_(total: np.ndarray, pull: np.ndarray, lengths: np.ndarray) -> None:
    total += pull @ lengths


def _add_in_order_(total: np.ndarray, pull: np.ndarray, lengths: np.ndarray) -> None:
    """Adds a matrix product term by term: what ties depends on the last bit, and native code adds in this order."""
    for index in range(pull.shape[2]):
        total += pull[:, :, index, None] * lengths[:, index, None, :]


def _magnitudes(net: Net, link: Link, *, inside: bool) -> Float[np.ndarray, "seeds target source"]:
    weight = net.weight(link).detach().abs().cpu().double().numpy()
    if not np.isfinite(weight).all():
        raise ValueError(f"the weights of {link.name} must be finite before neurons can move")
    return weight * (1 - np.eye(weight.shape[1])) if inside else weight
