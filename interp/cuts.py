"""The best cut of a wiring into two groups, for many wirings at once."""

import numpy as np

from interp.communities import (
    LARGEST_BATCH,
    Connections,
    Floats,
    Ints,
    maximise,
    merge_to_two,
    weight_shares,
)

SMALLEST_CUT = 0.2  # of all weight would cross by chance: the smaller group has about a ninth of it, or more
_VECTORS = 2  # eigenvectors whose order is tried
_SMALLEST_GAIN = 1e-10


def find_cut(connections: Connections) -> tuple[Ints, Floats]:
    """The two groups that are best separated, and their separation.

    separation = 1 - (share of the weight that crosses) / (share that would cross if only the strengths of the neurons
    in each link mattered): 1 if nothing crosses, 0 if as much as by chance. The denominator is at least
    `SMALLEST_CUT`, so that a dangling neuron is not a group. For two groups, modularity Q = separation times that
    denominator; unlike Q, separation does not ask for groups of equal weight.

    Candidates are the Louvain communities, merged to two, and every cut along the order of the second and third
    eigenvector of the normalised weights (Shi & Malik 2000, doi:10.1109/34.868688); the best one is improved by
    moving single vertices.

    Args:
        connections: D wirings of n vertices.

    Returns:
        Labels (D, n), 0 for the group of the first vertex and 1, all 0 where no cut is better than chance; separation
        (D,), 0 there.
    """
    batch = max(1, LARGEST_BATCH // max(1, connections.vertices**2))
    found = [
        _find_cut(*weight_shares(connections.rows(slice(first, first + batch))))
        for first in range(0, connections.wirings, batch)
    ]
    return np.concatenate([labels for labels, _ in found]), np.concatenate([values for _, values in found])


def _find_cut(observed: Floats, expected: Floats) -> tuple[Ints, Floats]:
    matrix = observed - expected
    candidates = [merge_to_two(matrix, maximise(matrix)[0]), *_along_eigenvectors(observed, expected)]
    values = np.stack([_separation(*_crossing(observed, expected, labels)) for labels in candidates])
    labels = np.stack(candidates)[values.argmax(0), np.arange(len(matrix))]
    labels = _improved(observed, expected, labels)
    values = _separation(*_crossing(observed, expected, labels))
    allowed = values > 0
    labels = np.where(allowed[:, None], labels ^ labels[:, :1], 0)
    return labels, np.where(allowed, values, 0.0)


def _separation(crosses: Floats, chance: Floats) -> Floats:
    """Minus infinity where too little would cross by chance."""
    allowed = chance >= SMALLEST_CUT
    return np.where(allowed, 1 - crosses / np.where(allowed, chance, 1.0), -np.inf)


def _crossing(observed: Floats, expected: Floats, labels: Ints) -> tuple[Floats, Floats]:
    side = labels.astype(np.float64)[:, :, None]
    crosses, chance = (2 * (side.transpose(0, 2, 1) @ each @ (1 - side))[:, 0, 0] for each in (observed, expected))
    return crosses, chance


def _along_eigenvectors(observed: Floats, expected: Floats) -> list[Ints]:
    """The best cut along each order."""
    strength = observed.sum(2)
    scale = 1 / np.sqrt(np.where(strength > 0, strength, 1.0))
    vectors = np.linalg.eigh(observed * scale[:, :, None] * scale[:, None, :])[1]
    number = min(_VECTORS, vectors.shape[2] - 1)
    orders = [np.argsort(vectors[:, :, -2 - which] * scale, axis=1, kind="stable") for which in range(number)]
    return [_best_along(observed, expected, order) for order in orders]


def _best_along(observed: Floats, expected: Floats, order: Ints) -> Ints:
    crosses, chance = (_crossing_along(each, order) for each in (observed, expected))
    last = _separation(crosses, chance)[:, :-1].argmax(1)
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.broadcast_to(np.arange(order.shape[1]), order.shape), 1)
    return (rank > last[:, None]).astype(np.intp)


def _crossing_along(matrix: Floats, order: Ints) -> Floats:
    """What crosses between the first k + 1 vertices of the order and the others: (D, k)."""
    ordered = np.take_along_axis(np.take_along_axis(matrix, order[:, :, None], 1), order[:, None, :], 2)
    inside = np.einsum("dkk->dk", ordered.cumsum(1).cumsum(2))
    return 2 * (ordered.sum(2).cumsum(1) - inside)


def _improved(observed: Floats, expected: Floats, labels: Ints) -> Ints:
    """Moves, again and again, the one vertex that gains most; no vertex moves more often than there are vertices."""
    labels = labels.copy()
    active = np.arange(len(labels))
    for _ in range(labels.shape[1]):
        now = labels[active]
        crossing = _crossing(observed[active], expected[active], now)
        flipped = _separation(
            *(
                total[:, None] + _change(each[active], now)
                for total, each in zip(crossing, (observed, expected), strict=True)
            )
        )
        best = flipped.argmax(1)
        gains = flipped.max(1) > np.maximum(_separation(*crossing), -1.0) + _SMALLEST_GAIN
        active, best = active[gains], best[gains]
        if len(active) == 0:
            break
        labels[active, best] ^= 1
    return labels


def _change(matrix: Floats, labels: Ints) -> Floats:
    """By how much the crossing share grows when each vertex changes sides: (D, n)."""
    sign = 1.0 - 2.0 * labels
    own = np.einsum("dii->di", matrix)
    return 2 * (sign * (matrix @ sign[:, :, None])[:, :, 0] - own)
