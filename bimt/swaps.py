"""Cheaper places: neurons exchange slots where that shortens their connections. Weights stay where they are."""

from contextlib import suppress
from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Int

from bimt.compiled.assignments import LARGE
from bimt.compiled.compiler import NoCompiler
from bimt.compiled.moves import NativeMoves, can_move
from bimt.cost import Reduce
from bimt.layout import Layout, cheapest_slots, placed_populations, tied_links
from bimt.nets.base import Net
from bimt.spectral import spectral_axes, spectral_places
from bimt.wiring import Population

Method = Literal["none", "pairs", "assignment", "spectral"]


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
        method: "pairs" (published: the `top_k` most important neurons, each to its best exchange inside its block;
            before them whole blocks in the same way), "assignment" (each population in turn laid out optimally, whole
            blocks too) or "spectral" (global proposals, then assignments).
        top_k: How many neurons of a population are tried by "pairs".
        rounds: How often "assignment" goes round the populations at most; it stops when nothing moves.
        distance_scale: Price per unit length in training.
        reduce: How training adds up a stored tensor.

    Raises:
        ValueError: If the method is unknown or a weight is not finite.
    """
    if method not in get_args(Method):
        raise ValueError(f"`method` must be none, pairs, assignment or spectral, got {method!r}")
    Mover(net, top_k=top_k, rounds=rounds, distance_scale=distance_scale, reduce=reduce).move_(net, method)


class Mover:
    """Relocates nets of one wiring again and again, natively where that can be done: places are the same without."""

    def __init__(
        self, net: Net, *, top_k: int = 5, rounds: int = 5, distance_scale: float = 1.0, reduce: Reduce = "sum"
    ) -> None:
        """Looks at the wiring of a net and the sizes of its tensors; other arguments as in `relocate_`."""
        self._top_k, self._rounds, self._distance_scale, self._reduce = top_k, rounds, distance_scale, reduce
        self._native: NativeMoves | None = None
        populations, ties = placed_populations(net), tied_links(net, distance_scale=distance_scale, reduce=reduce)
        self._size = sum(population.size for population in populations.values())
        self._some_move = any(population.movable and population.size > 1 for population in populations.values())
        if can_move(populations, ties):
            with suppress(NoCompiler):
                self._native = NativeMoves(net.wiring, populations, ties, rounds=rounds)

    def move_(self, net: Net, method: Method) -> None:
        """Moves the neurons of every seed, in place; of `net.places` those stay the same tensors in which none moved.

        Raises:
            ValueError: If a weight is not finite, unless there is nothing to move.
        """
        if method == "none" or not self._some_move:
            return
        if method == "pairs" or self._native is None or not self._move_natively_(net, method, self._native):
            self._move_by_numpy_(net, method)

    def _move_natively_(self, net: Net, method: Method, native: NativeMoves) -> bool:
        proposes = method == "spectral"
        if not proposes or self._size < LARGE:
            return native.move_(net, proposes=proposes)
        axes = np.stack(spectral_axes(self._layout(net)), axis=1)
        return native.move_(net, proposes=True, axes=axes.transpose(0, 1, 3, 2))

    def _move_by_numpy_(self, net: Net, method: Method) -> None:
        layout = self._layout(net)
        if method == "pairs":
            _exchange_pairs_(layout, self._top_k)
        elif method == "assignment":
            _assign_rounds_(layout, self._rounds)
        else:
            layout = _best_proposal(layout, self._rounds)
        for name, place in layout.places.items():
            if not np.array_equal(place, net.places[name].numpy()):
                net.places[name] = net.places[name].new_tensor(place)

    def _layout(self, net: Net) -> Layout:
        return Layout(net, distance_scale=self._distance_scale, reduce=self._reduce)


def _exchange_pairs_(layout: Layout, top_k: int) -> None:
    for population in layout.movable:
        _exchange_blocks_(layout, population, top_k)
        importance = layout.importance(population.name)
        order = np.argsort(-importance, axis=1, kind="stable")[:, :top_k]
        _exchange_in_order_(layout, population, order)


def _exchange_blocks_(layout: Layout, population: Population, top_k: int) -> None:
    """Takes blocks in turn; each trades places, neuron by neuron, with the block that lowers the cost the most."""
    if population.blocks == 1:
        return
    name, blocks = population.name, population.blocks
    importance = layout.importance(name).reshape(layout.seeds, blocks, -1).sum(2)
    rows = np.arange(layout.seeds)
    for chosen in np.argsort(-importance, axis=1, kind="stable")[:, :top_k].T:
        here = layout.places[name].reshape(layout.seeds, blocks, -1)
        trials, costs = [], []
        for other in range(blocks):
            trial = here.copy()
            trial[rows, chosen], trial[:, other] = here[:, other], here[rows, chosen]
            layout.places[name] = trial.reshape(layout.seeds, -1)
            trials.append(layout.places[name])
            costs.append(layout.cost())
        cost = np.stack(costs)
        gains = cost.min(0) < cost[chosen, rows] * (1 - 1e-12)  # trading with itself, a block stays
        best = np.where(gains, cost.argmin(0), chosen)
        layout.places[name] = np.stack(trials)[best, rows]


def _exchange_in_order_(layout: Layout, population: Population, order: Int[np.ndarray, "seeds tried"]) -> None:
    """Takes neurons in turn; each trades places with the neuron of its block that lowers the cost the most."""
    name = population.name
    recurrent = layout.is_recurrent(name)
    table, partners = layout.prices(name), _same_block(population)
    for row, tried in enumerate(order.tolist()):
        place = layout.places[name][row]
        # at_place[n, k]: what neuron n would cost where neuron k sits now; stay: where it sits itself
        at_place = table[row][:, place]
        stay = at_place.diagonal()
        for neuron in tried:
            gain = at_place[neuron] + at_place[:, neuron] - stay[neuron] - stay
            if recurrent:
                gain += 2 * (layout.mutual(name) * layout.lengths(name))[row, neuron]
            if partners is not None:
                gain[~partners[neuron]] = 0.0
            other = int(gain.argmin())
            if gain[other] < 0:
                place[neuron], place[other] = place[other], place[neuron]
                moved = at_place[:, neuron].copy()
                at_place[:, neuron], at_place[:, other] = at_place[:, other], moved
                if recurrent:
                    at_place[:] = layout.prices(name)[row][:, place]


def _same_block(population: Population) -> Bool[np.ndarray, "size size"] | None:
    if population.blocks == 1:
        return None
    block = np.arange(population.size) // (population.size // population.blocks)
    return block[:, None] == block[None, :]


def _assign_rounds_(layout: Layout, rounds: int) -> None:
    """Goes round the populations, each laid out optimally for the places of the others, until nothing moves."""
    awake = np.arange(layout.seeds)  # a seed in which nothing moved in a round is done: it would not move in the next
    stale = {population.name for population in layout.movable}  # the others have no neighbour that moved since
    for _ in range(rounds):
        some = layout if len(awake) == layout.seeds else layout.of(awake)
        before = {name: place.copy() for name, place in some.places.items()}
        for population in layout.movable:
            if population.name not in stale:
                continue
            was = some.places[population.name].copy()
            if layout.is_recurrent(population.name):
                order = np.argsort(-some.importance(population.name), axis=1, kind="stable")
                _exchange_blocks_(some, population, population.blocks)
                _exchange_in_order_(some, population, order)
            else:
                stale.discard(population.name)
                _assign_(some, population)
            if not np.array_equal(some.places[population.name], was):
                stale |= layout.neighbours(population.name)
        moved = np.zeros(len(awake), dtype=bool)
        for name, place in some.places.items():
            layout.places[name][awake] = place
            moved |= (place != before[name]).any(1)
        awake = awake[moved]
        if not len(awake):
            return


def _assign_(layout: Layout, population: Population) -> None:
    """Lays out one population optimally, seed by seed, where that is worth more than rounding."""
    table, place = layout.prices(population.name), layout.places[population.name]
    best = cheapest_slots(table, population.blocks)
    here, there = (np.take_along_axis(table, slots[..., None], axis=2)[..., 0] for slots in (place, best))
    is_better = (there - here).sum(1) < -1e-12 * np.abs(table).max((1, 2))
    place[is_better] = best[is_better]


def _best_proposal(layout: Layout, rounds: int) -> Layout:
    """Tries the current layout and the spectral ones, each improved by assignments, and keeps the cheapest."""
    proposals = [layout.places, *spectral_places(layout)]
    many = layout.repeated(len(proposals))
    for name, place in many.places.items():
        for index, proposal in enumerate(proposals):
            place[index :: len(proposals)] = proposal[name]
    _assign_rounds_(many, rounds)
    cost = many.cost().reshape(-1, len(proposals))
    best = np.zeros(len(cost), dtype=np.int64)
    for index in range(1, len(proposals)):  # must be better than what came before by more than rounding
        best = np.where(cost[:, index] < cost[np.arange(len(cost)), best] * (1 - 1e-9), index, best)
    rows = np.arange(len(cost)) * len(proposals) + best
    chosen = layout.repeated(1)
    chosen.places = {name: place[rows] for name, place in many.places.items()}
    return chosen
