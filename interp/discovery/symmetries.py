"""Which inputs act as one quantity: sums, products and sums of squares that leave a function as it is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import networkx as nx
import numpy as np
from jaxtyping import Float

from interp.discovery.terms import Term, add, multiply, negative, power, variable

Kind = Literal["sum", "product", "squares"]

_MOST = 0.12
"""Of a pair that acts as one quantity, slopes cancel to this share of their size, and twice the net's error."""


@dataclass(frozen=True)
class Symmetry:
    """Inputs that a function reads only through one quantity."""

    kind: Kind
    members: tuple[tuple[int, int], ...]
    """Inputs with their signs: of a sum x1 - x2 minus for x2, of a product x1 / x2 minus in the exponent."""
    left: float
    """What is left of the slopes along the direction that should change nothing, as a share of them; the worst pair."""

    def renamed(self, inputs: Sequence[int]) -> "Symmetry":
        """Returns the same with input 0 called by the first of these indices, 1 by the second and so on."""
        return replace(self, members=tuple((inputs[index], sign) for index, sign in self.members))

    @property
    def columns(self) -> frozenset[int]:
        """The inputs."""
        return frozenset(index for index, _ in self.members)

    def in_words(self, columns: Sequence[str]) -> str:
        """Returns the quantity with its columns by name, such as x1 - x3 or x1**2 + x2**2."""
        first, *others = [(columns[index] + "**2" * (self.kind == "squares"), sign) for index, sign in self.members]
        plus, minus = ("*", "/") if self.kind == "product" else (" + ", " - ")
        return first[0] + "".join((plus if sign > 0 else minus) + name for name, sign in others)

    @property
    def term(self) -> Term:
        """The quantity."""
        parts = [(variable(index), sign) for index, sign in self.members]
        if self.kind == "product":
            return multiply(*(power(part, sign) for part, sign in parts))
        if self.kind == "squares":
            parts = [(power(part, 2), sign) for part, sign in parts]
        return add(*(part if sign > 0 else negative(part) for part, sign in parts))


def find_symmetries(
    columns: Float[np.ndarray, "inputs rows"], slopes: Float[np.ndarray, "inputs rows"], *, error: float = 0.0
) -> tuple[Symmetry, ...]:
    """Finds sets of inputs that matter only through x1 ± x2 ..., x1^±1 x2^±1 ... or x1^2 ± x2^2 ....

    A function of x1 - x2 does not change along (1, 1): its slopes there add up to zero; of x1 x2 along (x1, -x2); of
    x1^2 + x2^2 along (x2, -x1) (symmetries of the kinds of Udrescu and Tegmark 2020, doi 10.1126/sciadv.aay2631, tested
    on slopes). Every input is in one set at most: the pair whose slopes cancel best comes first.

    Args:
        columns: The inputs, in any units that make sense together.
        slopes: The function's slopes along them.
        error: The function's own error, as a share of its spread: what is smaller says nothing.
    """
    inputs = len(columns)
    pairs = [
        (_left(slopes[[one, two]] * along(columns[[one, two]], sign)), kind, one, two, sign)
        for one in range(inputs)
        for two in range(one + 1, inputs)
        for kind, along in _ALONG.items()
        for sign in (1, -1)
    ]
    kinds: dict[int, Kind] = {}
    graphs: dict[Kind, nx.Graph] = {kind: nx.Graph() for kind in _ALONG}
    for left, kind, one, two, sign in sorted(pairs):
        is_free = kinds.get(one, kind) == kinds.get(two, kind) == kind and not graphs[kind].has_edge(one, two)
        if left <= _MOST + 2 * error and is_free:
            kinds |= {one: kind, two: kind}
            graphs[kind].add_edge(one, two, sign=sign, left=left)
    parts = [(kind, graph.subgraph(part)) for kind, graph in graphs.items() for part in nx.connected_components(graph)]
    return tuple(sorted((_symmetry(kind, part) for kind, part in parts), key=lambda found: found.members))


_ALONG: dict[Kind, Callable[[np.ndarray, int], np.ndarray]] = {
    "sum": lambda pair, sign: np.outer([sign, -1.0], np.ones(pair.shape[1])),
    "product": lambda pair, sign: pair * [[sign], [-1.0]],
    "squares": lambda pair, sign: pair[::-1] * [[sign], [-1.0]],
}
"""Along which direction a function of x1 + sign x2, of x1 x2^sign, of x1^2 + sign x2^2 does not change, row by row."""


def _left(changes: Float[np.ndarray, "two rows"]) -> float:
    """Returns what is left of two changes that should add up to zero."""
    size = float(np.mean((changes**2).sum(0)))
    return float(np.sqrt(np.mean(changes.sum(0) ** 2) / size)) if size > 0 else np.inf


def _symmetry(kind: Kind, graph: nx.Graph) -> Symmetry:
    """Gives the smallest input a plus and every other the sign that its path from there has."""
    first = min(graph)
    signs = {first: 1}
    for source, target in nx.bfs_edges(graph, first):
        signs[target] = signs[source] * graph.edges[source, target]["sign"]
    worst = max(data["left"] for _, _, data in graph.edges(data=True))
    return Symmetry(kind, tuple(sorted(signs.items())), worst)
