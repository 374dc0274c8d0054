"""Neurons that look along one direction: their in-weights are proportional, closer than by chance."""

import math
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.special import betainc

_WIDEST = 0.1
"""Directions further apart than this angle are two, however few neurons there are."""
_CHANCE = 0.01
"""Two directions are one if fewer pairs as close, times the targets that read them, are expected among random ones."""


def parallel_groups(
    weights: Float[np.ndarray, "neurons sources"], read: Bool[np.ndarray, "targets neurons"]
) -> list[list[int]]:
    """Returns the neurons that look along one direction, or straight against it, two or more at a time.

    Trained nets are parallel to a few thousandths, and among many random directions in a plane some are as close. So
    how close is close enough depends on the crowd: of the neurons that read none but the sources of a pair, all pairs
    together must be expected to hold less than 0.01 as close as this one, divided by how many targets read both, as
    each is another chance. For directions drawn uniformly in k dimensions, an angle is below d with probability
    I(sin^2 d; (k - 1)/2, 1/2), the regularised incomplete beta function. Neurons that read one and the same source
    alone are always parallel.

    Args:
        weights: In units that make sources comparable: of value per standard deviation of the source.
        read: Which targets read which neurons.
    """
    pairs = [*_single_source_pairs(weights), *_close_pairs(weights, read)]
    if not pairs:
        return []
    rows, columns = np.array(pairs).T
    size = len(weights)
    count, label = connected_components(coo_array((np.ones(len(pairs)), (rows, columns)), shape=(size, size)))
    groups = [np.flatnonzero(label == each).tolist() for each in range(count)]
    return [group for group in groups if len(group) > 1]


def _single_source_pairs(weights: Float[np.ndarray, "neurons sources"]) -> list[tuple[int, int]]:
    """Pairs every neuron of one source alone with the next such neuron."""
    reads = weights != 0
    alone = np.flatnonzero(reads.sum(1) == 1)
    source = reads[alone].argmax(1) if len(alone) else alone
    chains = [alone[source == each].tolist() for each in np.unique(source)]
    return [pair for chain in chains for pair in pairwise(chain)]


def _close_pairs(
    weights: Float[np.ndarray, "neurons sources"], read: Bool[np.ndarray, "targets neurons"]
) -> list[tuple[int, int]]:
    reads = weights != 0
    several = np.flatnonzero(reads.any(1))
    units = weights[several] / np.linalg.norm(weights[several], axis=1, keepdims=True)
    close = []
    for first, second in np.argwhere(np.triu(np.abs(units @ units.T) > math.cos(_WIDEST), 1)).tolist():
        sources = reads[several[first]] | reads[several[second]]
        dimensions = int(sources.sum())
        if dimensions == 1:
            continue
        # From the chord: a cosine cannot tell angles below 1e-8.
        chord = min(np.linalg.norm(units[first] - sign * units[second]) for sign in (1, -1))
        crowd = int((~reads[several][:, ~sources].any(1)).sum())
        closer = betainc((dimensions - 1) / 2, 0.5, math.sin(2 * math.asin(chord / 2)) ** 2)
        targets = int((read[:, several[first]] & read[:, several[second]]).sum())
        if targets and targets * crowd * (crowd - 1) / 2 * closer < _CHANCE:
            close.append((int(several[first]), int(several[second])))
    return close
