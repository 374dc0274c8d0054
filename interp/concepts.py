"""Concepts: what a value for each item may depend on; how much of it they explain, and whether chance could do it."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.special import betainc, betaln

SIGNIFICANCE = 0.05
"""What a corrected p-value must not exceed: of nets of which nothing is true, one in twenty has a false claim."""
_NUMBERS = 4_000_000
"""How many projections are held at once."""
_EXACT = 1e-4
"""Less than this share left over counts as nothing: a concept explains all there is."""
_STILL = 1e-12
"""A function that changes by less, beside its size, is constant."""
_TIE = 0.02
"""Shuffles that are less surprising by so little count as good: values that are nearly equal would have tied."""
_FIRST, _HOPELESS = 200, 0.1
"""After so many shuffles, functions whose p-value is above this are not shuffled again."""


class Concept(NamedTuple):
    """A set of functions on the items, closed under sums: those that depend on one thing."""

    name: str
    functions: Float[np.ndarray, "items count"]
    """An orthonormal basis."""
    rank: int
    """How many dimensions are left once the mean is taken out."""


class Match(NamedTuple):
    """A concept that fits a function."""

    concept: int
    """Its number."""
    share: float
    """How much of the function's variance it explains, 0 to 1."""
    p: float
    """How often the function, its values shuffled over the items, fits any of the concepts as well; corrected for all
    the functions that were looked at (Holm 1979)."""

    @property
    def is_significant(self) -> bool:
        """Whether chance could hardly do it."""
        return self.p <= SIGNIFICANCE


class Fits(NamedTuple):
    """How well each concept explains each function."""

    shares: Float[np.ndarray, "functions concepts"]
    """Of the function's variance; 0 for a function that is constant."""
    surprise: Float[np.ndarray, "functions concepts"]
    """Minus the logarithm of how likely a share as large is for normal values; 0 where any values have it."""
    p: Float[np.ndarray, "functions concepts"]
    """How often the function, its values shuffled over the items, fits any of the concepts as well; uncorrected."""

    def largest(self) -> tuple[Match | None, ...]:
        """Returns for each function the concept that explains most of it; None where nothing is explained."""
        return self._matches(self.shares)

    def least_likely(self) -> tuple[Match | None, ...]:
        """Returns for each function the concept that chance would be worst at; None where nothing is explained.

        Of classes within classes these are the coarsest that explain it: finer ones explain no less, but by chance.
        """
        return self._matches(self.surprise)

    def _matches(self, by: np.ndarray) -> tuple[Match | None, ...]:
        if by.size == 0:
            return (None,) * len(by)
        rows, best = np.arange(len(by)), by.argmax(1)
        shares, p = self.shares[rows, best], holm(self.p[rows, best])
        return tuple(
            Match(which, share, value) if share > 0 else None
            for which, share, value in zip(best.tolist(), shares.tolist(), p.tolist(), strict=True)
        )


def make_concept(name: str, columns: Float[np.ndarray, "items columns"]) -> Concept:
    """Returns the concept of all sums of some columns, less their means.

    Args:
        name: What it is called.
        columns: Such as indicators of classes of items, 1 inside and 0 outside; they may depend on each other.
    """
    left, sizes, _ = np.linalg.svd(columns - columns.mean(0), full_matrices=False)
    basis = left[:, sizes > 1e-9 * max(float(sizes.max(initial=0.0)), 1.0)]
    return Concept(name, basis, basis.shape[1])


def fit_concepts(
    values: Float[np.ndarray, "functions items"],
    concepts: Sequence[Concept],
    *,
    draws: int = 499,
    generator: np.random.Generator,
) -> Fits:
    """Says how much of every function each concept explains, and how often chance explains as much.

    A concept of many dimensions explains much of anything, so fits are compared by how unlikely the share would be for
    independent normal values: it then follows a beta distribution of rank / 2 and (items - 1 - rank) / 2. The p-value
    does not rest on that: a function's values are shuffled over the items, and the best fit of all concepts to them is
    held against each concept's.

    Args:
        values: One function per row.
        concepts: What each may be.
        draws: Shuffles, at least 99; more are drawn where there are so many functions that none could be significant.
        generator: Shuffles.

    Raises:
        ValueError: If there are too few draws.
    """
    if draws < 99:
        raise ValueError(f"`draws` must be at least 99, got {draws}: fewer cannot tell one function from chance")
    count, items = values.shape
    if not concepts or not count:
        return Fits(*(np.full((count, len(concepts)), fill) for fill in (0.0, 0.0, 1.0)))
    standard, (functions, starts) = _standardised(values), _stacked(concepts)
    ranks = np.array([each.rank for each in concepts])
    shares = _shares(standard, functions, starts)
    surprise = _surprise(shares, ranks, items)
    draws = max(draws, math.ceil(count / SIGNIFICANCE) - 1)
    orders = np.stack([generator.permutation(items) for _ in range(draws)])
    chance = _best_of_shuffled(standard, orders[:_FIRST], functions, starts, ranks)
    p = _p_values(surprise, chance)
    if len(hopeful := np.flatnonzero(p.min(1) <= _HOPELESS)) == 0 or draws <= _FIRST:
        return Fits(shares, surprise, p)
    more = _best_of_shuffled(standard[hopeful], orders[_FIRST:], functions, starts, ranks)
    p[hopeful] = _p_values(surprise[hopeful], np.concatenate([chance[:, hopeful], more]))
    return Fits(shares, surprise, p)


def holm(p_values: Float[np.ndarray, " tests"]) -> Float[np.ndarray, " tests"]:
    """Corrects p-values for how many there are (Holm 1979): the chance of any false claim stays what it says.

    Example:
        >>> holm(np.array([0.01, 0.04, 0.03])).round(2).tolist()
        [0.03, 0.06, 0.06]
    """
    order = p_values.argsort(kind="stable")
    corrected = np.empty_like(p_values)
    corrected[order] = np.maximum.accumulate(p_values[order] * np.arange(len(p_values), 0, -1))
    return np.minimum(corrected, 1.0)


def _p_values(
    surprise: Float[np.ndarray, "functions concepts"], chance: Float[np.ndarray, "draws functions"]
) -> Float[np.ndarray, "functions concepts"]:
    as_good = (chance[:, :, None] >= surprise - _TIE).sum(0)
    return (1 + as_good) / (1 + len(chance))


def _best_of_shuffled(
    standard: Float[np.ndarray, "functions items"],
    orders: Int[np.ndarray, "draws items"],
    functions: Float[np.ndarray, "items columns"],
    starts: np.ndarray,
    ranks: np.ndarray,
) -> Float[np.ndarray, "draws functions"]:
    """Returns the greatest surprise of each function in each shuffle."""
    standard, functions = standard.astype(np.float32), functions.astype(np.float32)  # twice as fast, exact to 1e-6
    together = max(1, _NUMBERS // (max(len(standard), 1) * functions.shape[1]))
    pieces = np.split(orders, range(together, len(orders), together))
    return np.concatenate([_largest(standard[:, some].transpose(1, 0, 2), functions, starts, ranks) for some in pieces])


def _largest(
    shuffled: Float[np.ndarray, "draws functions items"],
    functions: Float[np.ndarray, "items columns"],
    starts: np.ndarray,
    ranks: np.ndarray,
) -> Float[np.ndarray, "draws functions"]:
    """Returns the greatest surprise of any concept; of concepts of one rank only the largest share can be it."""
    shape, items = shuffled.shape[:2], shuffled.shape[2]
    shares = _shares(shuffled.reshape(-1, items), functions, starts)
    different = np.unique(ranks)
    largest = np.stack([shares[:, ranks == rank].max(1) for rank in different], axis=1)
    return _surprise(largest, different, items).max(1).reshape(shape)


def _surprise(shares: np.ndarray, ranks: np.ndarray, items: int) -> np.ndarray:
    """Returns what `Fits` says, of arrays that fit each other."""
    a, b = (items - 1 - ranks) / 2, ranks / 2
    free = a > 0
    a = np.where(free, a, 1.0)
    left = np.clip(1 - shares, _EXACT, 1.0)
    tail = a * np.log(left) - np.log(a) - betaln(a, b)  # the leading term, where the integral underflows
    exact = betainc(a, b, left)
    logarithm = np.where(exact > 1e-250, np.log(np.maximum(exact, 1e-300)), tail)
    return np.where(free, np.maximum(-logarithm, 0.0), 0.0)


def _standardised(values: Float[np.ndarray, "functions items"]) -> Float[np.ndarray, "functions items"]:
    """Takes the mean out and divides by the norm; what hardly changes, beside its size, becomes 0."""
    centred = values - values.mean(1, keepdims=True)
    norms = np.linalg.norm(centred, axis=1, keepdims=True)
    alive = norms > _STILL * np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-300)
    return np.where(alive, centred / np.where(alive, norms, 1.0), 0.0)


def _stacked(concepts: Sequence[Concept]) -> tuple[np.ndarray, np.ndarray]:
    """Returns the bases side by side, and where each begins."""
    widths = [each.functions.shape[1] for each in concepts]
    return np.concatenate([each.functions for each in concepts], axis=1), np.cumsum([0, *widths[:-1]])


def _shares(standard: np.ndarray, functions: np.ndarray, starts: np.ndarray) -> np.ndarray:
    return np.minimum(np.add.reduceat(np.square(standard @ functions), starts, axis=1), 1.0)
