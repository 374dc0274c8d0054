"""How long the independent parts of a net stand while ever larger weights are cut."""

from collections.abc import Callable
from typing import NamedTuple

import networkx as nx
import numpy as np
from jaxtyping import Bool, Int
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

from interp.parts import Vertex

Grouping = frozenset[frozenset[Vertex]]


class Persistence(NamedTuple):
    """The cuts that leave the same inputs and outputs together: connections with |w| >= cut are kept."""

    lowest: float  # the parts stand for every cut above it
    highest: float  # and up to this one


def find_persistence(dense: nx.DiGraph, pruned: nx.DiGraph, *, is_excluded: bool) -> Persistence | None:
    """The range of cuts on |w| over which the same inputs and outputs hang together.

    With a rising cut the paths from inputs to outputs only become fewer, so the range has no gaps and its ends are
    found by bisection. Look-ups have no weight to cut.

    Args:
        dense: The graph of the net before pruning.
        pruned: The graph after it.
        is_excluded: Whether the readout is left out of the parts.

    Returns:
        None if nothing is connected, or if no cut of the dense net leaves the parts of the pruned one.
    """
    few, many = _Edges(pruned), _Edges(dense)
    kept, sizes = (edges.weight[edges.weight < np.inf] for edges in (few, many))
    if not len(kept):
        return None
    sizes = np.unique(sizes)
    wanted = few.grouping(0.0, is_excluded=is_excluded)

    def stands(which: int) -> bool:
        return many.grouping(sizes[which], is_excluded=is_excluded) == wanted

    start = max(int(np.searchsorted(sizes, kept.min(), side="right")) - 1, 0)
    if not stands(start):
        return None
    low = _last(stands, start, -1)
    return Persistence(0.0 if low == 0 else float(sizes[low - 1]), float(sizes[_last(stands, start, len(sizes))]))


class _Edges:
    """A graph as arrays."""

    def __init__(self, graph: nx.DiGraph) -> None:
        # in the order in which the neurons of a population become its vertex: see find_vertices
        order = sorted(graph.nodes(data=True), key=lambda item: (item[1]["position"][2], item[0]))
        number = {neuron: rank for rank, (neuron, _) in enumerate(order)}
        self.role = np.array([data["role"] for _, data in order])
        self.is_look_up = np.array([data["look_up"] for _, data in order], dtype=bool)
        names = [Vertex(data["population"], neuron.index) for neuron, data in order]
        self.vertices = list(dict.fromkeys(names))
        which = {vertex: rank for rank, vertex in enumerate(self.vertices)}
        self.vertex = np.array([which[name] for name in names], dtype=np.intp)
        ends = [(number[source], number[target]) for source, target in graph.edges]
        self.source, self.target = np.array(ends, dtype=np.intp).reshape(-1, 2).T
        self.weight = np.array(
            [data["weight"] if data["kind"] == "connection" else np.inf for *_, data in graph.edges(data=True)],
            dtype=np.float64,
        )
        self.weight[self.is_look_up[self.source]] = np.inf  # never cut

    def grouping(self, cut: float, *, is_excluded: bool) -> Grouping:
        """Which inputs and outputs hang together over what is not below the cut, on paths from input to output."""
        source, target = (ends[self.weight >= cut] for ends in (self.source, self.target))
        live = _reached(source, target, self.role == "input") & _reached(target, source, self.role == "output")
        on_path = live[source] & live[target]
        source, target = source[on_path], target[on_path]
        fed = target[self.is_look_up[source]]
        inside = ~self.is_look_up[source] & ~self.is_look_up[target]
        present = np.unique(np.concatenate([source, target]))
        present = present[~self.is_look_up[present]]
        vertices, first = np.unique(self.vertex[present], return_index=True)
        role = np.full(len(self.vertices), "", dtype=self.role.dtype)
        role[vertices] = self.role[present[first]]
        role[self.vertex[fed]] = "input"
        one, other = self.vertex[source[inside]], self.vertex[target[inside]]
        if is_excluded:
            counted = (role[one] != "output") & (role[other] != "output")
            one, other = one[counted], other[counted]
        size = len(self.vertices)
        labels = connected_components(csr_array((np.ones(len(one)), (one, other)), shape=(size, size)), directed=False)[
            1
        ]
        groups: dict[int, list[Vertex]] = {int(label): [] for label in np.unique(labels[one])}
        for vertex in np.flatnonzero((role == "input") | (role == "output")):
            if labels[vertex] in groups:
                groups[labels[vertex]].append(self.vertices[vertex])
        return frozenset(map(frozenset, groups.values()))


def _reached(
    source: Int[np.ndarray, " edges"], target: Int[np.ndarray, " edges"], start: Bool[np.ndarray, " neurons"]
) -> Bool[np.ndarray, " neurons"]:
    """Tells which neurons can be reached from some, themselves included."""
    size, (origins,) = len(start), np.nonzero(start)
    ends = np.concatenate([source, np.full(len(origins), size)]), np.concatenate([target, origins])
    graph = csr_array((np.ones(len(ends[0])), ends), shape=(size + 1, size + 1))
    found = np.zeros(size + 1, dtype=bool)
    found[breadth_first_order(graph, size, return_predecessors=False)] = True
    return found[:size]


def _last(stands: Callable[[int], bool], good: int, bad: int) -> int:
    """The last number from `good` towards `bad` that stands; `bad` itself is out of range."""
    while abs(bad - good) > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if stands(middle) else (good, middle)
    return good
