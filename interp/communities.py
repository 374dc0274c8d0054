"""Modularity, link by link, and the Louvain method that maximises it, for many wirings at once."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

_SMALLEST_GAIN = 1e-10  # of modularity: anything less is rounding, and would let nodes move in circles
LARGEST_BATCH = 4_000_000  # matrix entries held at once


@dataclass(frozen=True)
class Connections:
    """The connections of D wirings of the same vertices: one row of `targets` and `weights` each."""

    vertices: int  # how many there are; they are called 0, 1, ...
    links: Ints  # (edges,) which link each connection belongs to, 0, 1, ... without gaps, sorted
    sources: Ints  # (edges,) where it starts, the same in every wiring
    targets: Ints  # (wirings, edges) where it ends
    weights: Floats  # (wirings, edges) not negative

    @property
    def wirings(self) -> int:
        """How many there are."""
        return len(self.targets)

    def rows(self, chosen: slice | Ints) -> "Connections":
        """Only the chosen wirings."""
        return replace(self, targets=self.targets[chosen], weights=self.weights[chosen])


def modularity(connections: Connections, labels: Ints) -> Floats:
    """How much more weight falls inside the communities than their strengths explain.

    Q = sum over links and pairs (i, j) of (|w_ij| - t_i s_j / W_link) [same community] / sum of W_link, with t_i the
    weight that enters i, s_j the weight that leaves j, and W_link the whole weight of that link: only connections
    that the wiring allows count. (Barber 2007, doi:10.1103/PhysRevE.76.066102, applied to each link.)

    Args:
        connections: D wirings of n vertices.
        labels: (D, n), the community of every vertex.

    Returns:
        (D,) values below 1; 0 if all vertices share one community, or if nothing weighs anything.
    """
    return _inside(modularity_matrix(connections), labels)


def modularity_matrix(connections: Connections) -> Floats:
    """What each pair of vertices adds to the modularity when the two are together: (wirings, vertices, vertices).

    Symmetric; all its entries sum to zero.
    """
    observed, expected = weight_shares(connections)
    return observed - expected


def weight_shares(connections: Connections) -> tuple[Floats, Floats]:
    """The share of all weight between each pair of vertices, and the share that their strengths explain.

    Both are symmetric, (wirings, vertices, vertices), and each wiring's entries sum to one, in the modularity's
    notation: (|w_ij| + |w_ji|) / 2 and the sum over links of (t_i s_j + t_j s_i) / (2 W_link), both over all weight.

    Raises:
        ValueError: If a weight is negative, infinite or not a number.
    """
    weights = connections.weights
    if not np.all(np.isfinite(weights)) or np.any(weights < 0):
        bad = weights[~np.isfinite(weights) | (weights < 0)].flat[0]
        raise ValueError(
            f"`weights` must be finite and not negative, got {bad}: pass absolute values of a finished net"
        )
    wirings, n, edges = connections.wirings, connections.vertices, len(connections.links)
    if edges == 0:
        return np.zeros((wirings, n, n)), np.zeros((wirings, n, n))
    links = int(connections.links[-1]) + 1
    row = np.arange(wirings)[:, None]

    def added(index: Ints, size: int) -> Floats:
        summed = np.bincount(index.ravel(), weights.ravel(), wirings * size).astype(np.float64)
        return summed.reshape(wirings, size)

    observed = added((row * n + connections.targets) * n + connections.sources, n * n).reshape(wirings, n, n)
    entering = added((row * links + connections.links) * n + connections.targets, links * n).reshape(wirings, links, n)
    leaving = added((row * links + connections.links) * n + connections.sources, links * n).reshape(wirings, links, n)
    whole = entering.sum(2, keepdims=True)
    share = np.divide(leaving, whole, out=np.zeros_like(leaving), where=whole > 0)
    expected = entering.transpose(0, 2, 1) @ share
    total = 2 * whole.sum(1, keepdims=True)

    def shared(matrix: Floats) -> Floats:
        return np.divide(matrix + matrix.transpose(0, 2, 1), total, out=np.zeros_like(matrix), where=total > 0)

    return shared(observed), shared(expected)


def find_communities(connections: Connections) -> tuple[Ints, Floats]:
    """The communities of every wiring by the Louvain method, and their modularity.

    Vertices are visited by falling strength, equal ones in their own order, so the answer does not depend on what
    they are called. Single vertices move, then whole communities, until neither gains anything (Blondel et al. 2008,
    doi:10.1088/1742-5468/2008/10/P10008, with the refinement of Rotta & Noack 2011, doi:10.1145/1963190.1970376).

    Args:
        connections: D wirings of n vertices.

    Returns:
        Labels (D, n), numbered 0, 1, ... in the order of each community's first vertex, and Q (D,).
    """
    batch = max(1, LARGEST_BATCH // max(1, connections.vertices**2))
    found = [
        maximise(modularity_matrix(connections.rows(slice(first, first + batch))))
        for first in range(0, connections.wirings, batch)
    ]
    return np.concatenate([labels for labels, _ in found]), np.concatenate([quality for _, quality in found])


def maximise(matrix: Floats) -> tuple[Ints, Floats]:
    """The Louvain method on (D, n, n) symmetric matrices: labels (D, n) and the sum inside communities (D,)."""
    strength = np.maximum(matrix, 0).sum(2)
    order = np.argsort(-strength.round(12), axis=1, kind="stable")
    ordered = np.take_along_axis(np.take_along_axis(matrix, order[:, :, None], 1), order[:, None, :], 2)
    labels = np.broadcast_to(np.arange(matrix.shape[1]), order.shape).copy()
    active = np.arange(len(matrix))
    while len(active):
        before = labels[active]
        after = _merge_communities(ordered[active], _move_vertices(ordered[active], before))
        labels[active] = after
        active = active[(after != before).any(1)]
    unordered = np.empty_like(labels)
    np.put_along_axis(unordered, order, labels, 1)
    return _renumbered(unordered), _inside(matrix, unordered)


def merge_to_two(matrix: Floats, labels: Ints) -> Ints:
    """Merges communities, always the pair that costs least modularity, until two are left (or were there)."""
    labels, n = labels.copy(), labels.shape[1]
    above = np.triu(np.ones((n, n), dtype=bool), 1)
    while labels.max(initial=0) > 1:
        rows = np.flatnonzero(labels.max(1) > 1)
        member = _memberships(labels[rows])
        used = np.arange(n) <= labels[rows].max(1)[:, None]
        pairs = np.where(
            used[:, None] & used[:, :, None] & above, member @ matrix[rows] @ member.transpose(0, 2, 1), -np.inf
        )
        one, two = np.divmod(pairs.reshape(len(rows), -1).argmax(1)[:, None], n)
        merged = np.where(labels[rows] == two, one, labels[rows])
        labels[rows] = merged - (merged > two)
    return labels


def _merge_communities(matrix: Floats, labels: Ints) -> Ints:
    """Moves whole communities together for as long as that gains."""
    while True:
        member = _memberships(labels)
        coarse = member @ matrix @ member.transpose(0, 2, 1)
        merged = _move_vertices(coarse, np.broadcast_to(np.arange(labels.shape[1]), labels.shape))
        after = np.take_along_axis(merged, labels, 1)
        if np.array_equal(after, labels):
            return labels
        labels = after


def _move_vertices(matrix: Floats, labels: Ints) -> Ints:
    """Moves one vertex after the other to where it gains most, in all wirings at once, until none gains.

    A vertex that shares its community always finds an empty one among the n labels, where it gains 0.
    """
    labels = labels.copy()
    gains = _memberships(labels) @ matrix  # (wirings, communities, vertices)
    active = np.arange(len(matrix))
    part, part_labels = matrix, labels
    while len(active):
        moved = _visit_each_(part, part_labels, gains)
        labels[active] = part_labels
        active, part, part_labels, gains = active[moved], part[moved], part_labels[moved], gains[moved]
    return labels


def _visit_each_(matrix: Floats, labels: Ints, gains: Floats) -> NDArray[np.bool_]:
    """One visit to every vertex; changes `labels` and `gains`; says which wirings changed."""
    every = np.arange(len(matrix))
    changed = np.zeros(len(matrix), dtype=bool)
    for vertex in range(matrix.shape[1]):
        offers = gains[:, :, vertex].copy()
        here = labels[:, vertex]
        offers[every, here] -= matrix[:, vertex, vertex] - _SMALLEST_GAIN  # staying wins ties
        best = offers.argmax(1)
        rows = np.flatnonzero(best != here)
        if len(rows):
            gains[rows, here[rows]] -= matrix[rows, vertex]
            gains[rows, best[rows]] += matrix[rows, vertex]
            labels[rows, vertex] = best[rows]
            changed[rows] = True
    return changed


def _memberships(labels: Ints) -> Floats:
    """(wirings, communities, vertices), one where the vertex belongs to the community."""
    return (labels[:, None, :] == np.arange(labels.shape[1])[:, None]).astype(np.float64)


def _inside(matrix: Floats, labels: Ints) -> Floats:
    same = labels[:, :, None] == labels[:, None, :]
    return np.einsum("dij,dij->d", matrix, same.astype(np.float64))


def _renumbered(labels: Ints) -> Ints:
    """Communities numbered in the order of their first vertex."""
    same = labels[:, :, None] == labels[:, None, :]
    first = same.argmax(2)  # the first vertex of each vertex's community
    opens = first == np.arange(labels.shape[1])
    return np.take_along_axis(opens.cumsum(1) - 1, first, 1)
