"""What the net says about the shape of a law: which inputs an output reads, and which of them act apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import networkx as nx
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from interp.circuit import Circuit
from interp.discovery.symmetries import Symmetry, find_symmetries

_POINTS = 400
"""Pairs of rows that the net is asked at for every pair of inputs."""
_APART = 0.1
"""Inputs act apart whose mixed differences are below this share of the output's spread, and twice the net's error."""


@dataclass(frozen=True)
class Structure:
    """How the inputs of one output go together, in columns."""

    inputs: tuple[int, ...]
    """Those that have a path to the output, in order."""
    sums: tuple[frozenset[int], ...]
    """The output is a sum of functions of one of these sets each, as far as the net shows."""
    products: tuple[frozenset[int], ...]
    """The same as a product; one set if the net's output changes sign."""
    symmetries: tuple[Symmetry, ...] = ()
    """Sets of columns that the output reads only through one simple quantity."""
    compositions: tuple[frozenset[int], ...] = ()
    """Other pairs of columns that the output reads only through one quantity, whatever that is, neither in a sum nor in
    a product."""

    def in_words(self, columns: Sequence[str]) -> tuple[str, ...]:
        """Returns the shapes that the output may be written in, the columns by name; none for a constant.

        Example:
            >>> from interp.discovery.symmetries import Symmetry
            >>> apart = (frozenset([0, 1]), frozenset([2]))
            >>> difference = Symmetry("sum", ((0, 1), (1, -1)), 0.01)
            >>> Structure((0, 1, 2), apart, (frozenset([0, 1, 2]),), (difference,)).in_words(["x", "y", "z"])
            ('f(x - y) + f(z)',)
        """
        if not self.inputs:
            return ()
        found = [" + ".join(self._arguments(group, columns) for group in self.sums)]
        if len(self.products) > 1:
            found.append(" * ".join(self._arguments(group, columns) for group in self.products))
        if any(not _meet(symmetry.columns, self.sums) for symmetry in self.symmetries):
            found.append(self._arguments(frozenset(self.inputs), columns))
        return tuple(found)

    def _arguments(self, group: frozenset[int], columns: Sequence[str]) -> str:
        """Writes a function of a group: quantities for the columns in them, other columns by themselves."""
        words, taken = {}, set[int]()
        for symmetry in self.symmetries:
            if symmetry.columns <= group:
                words[min(symmetry.columns)], taken = symmetry.in_words(columns), taken | symmetry.columns
        for pair in self.compositions:
            if pair <= group and not pair & taken:
                words[min(pair)], taken = f"g({', '.join(columns[column] for column in sorted(pair))})", taken | pair
        words |= {column: columns[column] for column in group - taken}
        return f"f({', '.join(words[column] for column in sorted(words))})"


def find_structure(
    circuit: Circuit, table: Float[Tensor, "rows inputs"], output: int, *, error: float, seed: int = 0
) -> Structure:
    """Finds which inputs an output reads, and which of those the net keeps apart.

    Two inputs act apart in a sum if f(a, b) - f(a', b) - f(a, b') + f(a', b') is zero whatever they are (Udrescu and
    Tegmark 2020, arXiv:1905.11481), in a product if that holds of log |f|. Here a, b and all others are from one row of
    the table, a' and b' from another; what is measured is the root of the mean square, as a share of the output's
    standard deviation. What acts as one quantity is asked of the slopes: see `find_symmetries`, and `_turn` for
    compositions.

    Args:
        circuit: The pruned net in the table's units, one copy.
        table: Rows that inputs are taken from.
        output: Which output.
        error: The net's own error, as a share of the output's standard deviation: what is smaller says nothing.
        seed: Of the rows that are paired.
    """
    inputs = _inputs_of(circuit, table, output)
    random = np.random.default_rng(seed)
    here, there = (table[random.integers(len(table), size=_POINTS)] for _ in range(2))
    values = circuit.run(table)[0, :, output]
    apart = _APART + 2 * error
    sums = _components(_interactions(circuit, here, there, inputs, output, is_log=False), inputs, apart)
    one_sign = bool((values > 0).all() or (values < 0).all())
    products: tuple[frozenset[int], ...] = (frozenset(inputs),)
    if one_sign and len(inputs) > 1:
        products = _components(_interactions(circuit, here, there, inputs, output, is_log=True), inputs, apart)
    slopes = _slopes(circuit, here, inputs, output)
    found = find_symmetries(here[:, list(inputs)].numpy().T, slopes, error=error)
    symmetries = tuple(symmetry.renamed(inputs) for symmetry in found)
    known = [symmetry.columns for symmetry in symmetries]
    together = [pair for pair in map(frozenset, combinations(inputs, 2)) if _meet(pair, sums) and _meet(pair, products)]
    asked = [pair for pair in together if len(inputs) > 2 and not _meet(pair, known)]
    compositions = tuple(pair for pair in asked if _turn(circuit, here, there, pair, output) <= apart)
    return Structure(inputs, sums, products, symmetries, compositions)


def _inputs_of(circuit: Circuit, table: Float[Tensor, "rows inputs"], output: int) -> tuple[int, ...]:
    """Returns the columns whose change changes the output."""
    asked = table[:_POINTS]
    before = circuit.run(asked)[0, :, output]
    read = []
    for column in range(table.shape[1]):
        moved = asked.clone()
        moved[:, column] = asked[:, column].roll(1)
        if bool((circuit.run(moved)[0, :, output] != before).any()):
            read.append(column)
    return tuple(read)


def _interactions(
    circuit: Circuit,
    here: Float[Tensor, "points inputs"],
    there: Float[Tensor, "points inputs"],
    inputs: tuple[int, ...],
    output: int,
    *,
    is_log: bool,
) -> dict[tuple[int, int], float]:
    def ask(*moved: int) -> Float[Tensor, " points"]:
        rows = here.clone()
        rows[:, list(moved)] = there[:, list(moved)]
        found = circuit.run(rows)[0, :, output]
        return found.abs().log() if is_log else found

    start = ask()
    spread = start.std().item() or 1.0
    alone = {column: ask(column) for column in inputs}
    found = {}
    for place, left in enumerate(inputs):
        for right in inputs[place + 1 :]:
            mixed = ask(left, right) - alone[left] - alone[right] + start
            found[left, right] = mixed.square().mean().sqrt().nan_to_num(torch.inf).item() / spread
    return found


def _slopes(
    circuit: Circuit, rows: Float[Tensor, "points inputs"], inputs: tuple[int, ...], output: int
) -> Float[np.ndarray, "read points"]:
    """Returns how fast an output changes along each column that it reads."""
    rows = rows.clone().requires_grad_()
    (slopes,) = torch.autograd.grad(circuit.run(rows)[0, :, output].sum(), rows)
    return slopes[:, list(inputs)].numpy().T


def _meet(columns: frozenset[int], groups: Sequence[frozenset[int]]) -> bool:
    """Tells whether one of the groups holds all of them."""
    return any(columns <= group for group in groups)


def _turn(
    circuit: Circuit,
    here: Float[Tensor, "points inputs"],
    there: Float[Tensor, "points inputs"],
    pair: frozenset[int],
    output: int,
) -> float:
    """Returns how far two columns' slopes turn when all others change: the root mean square of the angle's sine.

    If f = g(h(a, b), c), then the slopes along a and b are those of h times one number, which c may change, but it
    cannot change their ratio.
    """
    columns = tuple(sorted(pair))
    moved = there.clone()
    moved[:, list(columns)] = here[:, list(columns)]
    first, second = (_slopes(circuit, rows, columns, output) for rows in (here, moved))
    cross = first[0] * second[1] - first[1] * second[0]
    sizes = (first**2).sum(0) * (second**2).sum(0)
    return float(np.sqrt(np.mean(cross**2 / np.where(sizes > 0, sizes, 1.0))))


def _components(
    interactions: dict[tuple[int, int], float], inputs: tuple[int, ...], apart: float
) -> tuple[frozenset[int], ...]:
    graph = nx.Graph()
    graph.add_nodes_from(inputs)
    graph.add_edges_from(pair for pair, size in interactions.items() if size > apart)
    return tuple(sorted((frozenset(part) for part in nx.connected_components(graph)), key=min))
