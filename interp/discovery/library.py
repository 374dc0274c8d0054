"""The shortest of many terms that differ on the rows at hand."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from interp.discovery.columns import Column, fits
from interp.discovery.deadline import NEVER, Deadline
from interp.discovery.terms import Term, multiply

_CLOSE = 7
"""Terms whose deviations from their means agree to so many digits, up to a factor, count as one."""


@dataclass(frozen=True, eq=False)
class Library:
    """Terms that differ by more than a factor and a constant on the rows at hand, in ascending length."""

    terms: tuple[Term, ...]
    values: Float[np.ndarray, "terms rows"]

    def first(self, most: int) -> "Library":
        """Returns the shortest so many of the terms."""
        return Library(self.terms[:most], self.values[:most])


def shortest(
    single: Sequence[Column],
    lefts: Sequence[Column],
    rights: Sequence[Column],
    *,
    groups: Sequence[frozenset[int]],
    most: int,
    deadline: Deadline = NEVER,
) -> Library:
    """Returns the shortest of terms and of products of two; raises `TimeIsUpError` where the deadline passes first."""
    offers: list[tuple[float, int, Column, Column | None]] = [
        (_rank(column.term), place, column, None) for place, column in enumerate(deadline.each(single))
    ]
    offers += [
        (rank, len(single) + place, left, right)
        for place, (rank, left, right) in enumerate(_shortest_products(lefts, rights, 2 * most, deadline))
    ]
    terms: list[Term] = []
    values: list[np.ndarray] = []
    seen: set[bytes] = set()
    for _, _, left, right in deadline.each(sorted(offers, key=lambda offer: offer[:2])):
        if len(terms) == most:
            break
        numbers = left.values if right is None else left.values * right.values
        key = _shape(numbers)
        if key is None or key in seen:
            continue
        term = left.term if right is None else multiply(left.term, right.term)
        if fits(term, groups):
            seen.add(key)
            terms.append(term)
            values.append(numbers)
    rows = len(values[0]) if values else 0
    return Library(tuple(terms), np.array(values).reshape(len(terms), rows))


def _shortest_products(
    lefts: Sequence[Column], rights: Sequence[Column], most: int, deadline: Deadline
) -> Iterator[tuple[float, Column, Column]]:
    """Yields at least so many products of a left and a right column, or all: none longer than the longest it must."""
    lefts, rights = (sorted(deadline.each(columns), key=lambda one: _rank(one.term)) for columns in (lefts, rights))
    first, second = (np.array([_rank(one.term) for one in deadline.each(columns)]) for columns in (lefts, rights))
    if not len(first) or not len(second):
        return
    longest = first[0] + second[0]
    while longest < first[-1] + second[-1] and np.searchsorted(second, longest - first, "right").sum() < most:
        longest += 0.5
    for left, rank, end in zip(lefts, first, np.searchsorted(second, longest - first, "right"), strict=True):
        deadline.check()
        for right, other in zip(rights[:end], second[:end], strict=True):
            yield float(rank + other + 1), left, right


def _rank(term: Term) -> float:
    """Returns a term's length, of a monomial half of it: laws are full of them."""
    factors = term.parts if term.kind == "multiply" else (term,)
    bases = (factor.parts[0] if factor.kind == "power" else factor for factor in factors)
    return term.length / (2 if all(base.kind == "variable" for base in bases) else 1)


def _shape(values: np.ndarray) -> bytes | None:
    """Returns what two terms share that differ by a factor and a constant; None if the term says nothing here."""
    if not np.isfinite(values).all():
        return None
    largest = np.abs(values).max()
    if not 1e-12 < largest < 1e12:
        return None
    centred = values - values.mean()
    size = math.sqrt(float(centred @ centred))
    if size < 1e-9 * largest * math.sqrt(len(values)):
        return None
    centred = centred / size
    signed = centred * np.sign(centred[np.abs(centred).argmax()])
    return np.round(signed[:: max(1, len(signed) // 24)], _CLOSE).tobytes()
