"""How much two partitions of the same things agree."""

from collections import Counter
from collections.abc import Hashable, Sequence
from math import comb


def adjusted_rand(one: Sequence[Hashable], other: Sequence[Hashable]) -> float:
    """Returns the adjusted Rand index: 1 for the same partition, about 0 by chance (doi:10.1007/BF01908075).

    With n_ij things in group i of one partition and j of the other, a_i and b_j in all, and c(n) = n (n - 1) / 2:
    (sum c(n_ij) - E) / ((sum c(a_i) + sum c(b_j)) / 2 - E), where E = sum c(a_i) sum c(b_j) / c(n); 1 where both put
    all things together, or all apart. It is here because importing a library for it takes longer than ranking a
    hundred seeds.

    Args:
        one: The group of each thing.
        other: The same of another partition.

    Raises:
        ValueError: If they are not of equally many things.

    Example:
        >>> adjusted_rand([0, 0, 1, 1], "aabb")
        1.0
    """
    if len(one) != len(other):
        raise ValueError(f"`other` must group as many things as `one`, {len(one)}, got {len(other)}")
    both, first, second = (
        sum(comb(count, 2) for count in Counter(groups).values())
        for groups in (zip(one, other, strict=True), one, other)
    )
    pairs = comb(len(one), 2)
    if first == second and first in (0, pairs):
        return 1.0
    chance = first * second / pairs
    return (both - chance) / ((first + second) / 2 - chance)
