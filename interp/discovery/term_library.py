"""Which terms a formula may be a sum of, and what they are on the rows at hand: the shortest come first."""

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Float

from interp.discovery.columns import (
    MOST_INNER,
    Column,
    called,
    degree_for,
    differences,
    fits,
    inner_columns,
    log_of_size,
    monomials,
    number_column,
    plus,
    raised_to,
    times,
)
from interp.discovery.deadline import NEVER, Deadline
from interp.discovery.library import Library, shortest
from interp.discovery.terms import add

_RATES = (0.5, 1.0, 2.0, math.pi, 2 * math.pi)
"""What waves may be stretched by before their rate is fitted."""


def plain_library(
    columns: Float[np.ndarray, "variables rows"],
    *,
    groups: Sequence[frozenset[int]],
    most: int,
    deadline: Deadline = NEVER,
) -> Library:
    """Returns terms that a quantity may be a weighted sum of: monomials, and functions times monomials.

    Args:
        columns: The variables on the rows that are searched.
        groups: Sets of variables; the variables of a term lie in one of them.
        most: How many terms at most.
        deadline: When to give up.

    Raises:
        TimeIsUpError: Where the deadline passes first.
    """
    powers = monomials(columns, groups, degree_for(len(columns)))
    factors = [*_functions(columns, groups, deadline), *_powers_of_sums(columns, groups, deadline)]
    return shortest([*powers, *factors], powers, factors, groups=groups, most=most, deadline=deadline)


def log_library(
    columns: Float[np.ndarray, "variables rows"],
    *,
    groups: Sequence[frozenset[int]],
    most: int,
    deadline: Deadline = NEVER,
) -> Library:
    """Returns terms that the logarithm of a product may be a weighted sum of.

    They are logarithms of its factors, and what stands in exponentials. Logarithms of the variables are not among them:
    every fit has those anyway.

    Args:
        columns: The variables on the rows that are searched.
        groups: Sets of variables; the variables of a term lie in one of them.
        most: How many terms at most.
        deadline: When to give up.

    Raises:
        TimeIsUpError: Where the deadline passes first.
    """
    within = [*inner_columns(columns, groups), *monomials(columns, groups, 3)]
    functions = [
        called(name, times(rate, column))
        for column in deadline.each(within)
        for rate in _RATES
        for name in ("sin", "cos")
    ]
    functions += [called(name, column) for column in deadline.each(within) for name in ("tanh", "log")]
    functions += [plus(number_column(1, columns), times(sign, called(name, column)))
                  for column in deadline.each(within) for sign in (1, -1) for name in ("sin", "cos")]  # fmt: skip
    exponents = monomials(columns, groups, min(4, degree_for(len(columns))))
    functions += [
        plus(called("exp", times(sign, column)), number_column(shift, columns))
        for column in deadline.each(exponents) for sign in (1, -1) for shift in (1, -1)
    ]  # fmt: skip
    factors = [*functions, *_sums(columns, groups, deadline)]
    squares = [raised_to(column, 2) for column in differences(columns, groups)]
    single = [*exponents, *squares, *map(log_of_size, deadline.each(factors))]
    return shortest(single, monomials(columns, groups, 3), squares, groups=groups, most=most, deadline=deadline)


def _functions(columns: np.ndarray, groups: Sequence[frozenset[int]], deadline: Deadline) -> list[Column]:
    found = []
    for column in deadline.each(inner_columns(columns, groups)):
        waves = [called(name, times(rate, column)) for rate in _RATES for name in ("sin", "cos")]
        found += [*waves, *(raised_to(wave, 2) for wave in waves)]
        found += [called("exp", times(rate, column)) for rate in (1, -1, -0.5)]
        found += [called("tanh", column), log_of_size(column), called("abs", column)]
        found.append(raised_to(called("abs", column), 0.5))
    return found


def _powers_of_sums(columns: np.ndarray, groups: Sequence[frozenset[int]], deadline: Deadline) -> list[Column]:
    found = [raised_to(column, exponent) for column in differences(columns, groups) for exponent in (2, 3, 4, -1, -2)]
    for column in deadline.each(_sums_of_alike(columns, groups)):
        found += [column, *(raised_to(column, exponent) for exponent in (0.5, -0.5, -1, 2, 3))]
    for monomial in deadline.each(monomials(columns, groups, min(4, degree_for(len(columns))))):
        for sign in (1, -1):
            total = plus(number_column(1, columns), times(sign, monomial))
            found += [raised_to(total, exponent) for exponent in (0.5, -0.5, -1, -2)]
    return found


def _sums_of_alike(columns: np.ndarray, groups: Sequence[frozenset[int]]) -> Iterator[Column]:
    """Yields sums and differences of two monomials that become each other when variables trade places."""
    alike: dict[tuple[int, ...], list[Column]] = {}
    for column in monomials(columns, groups, 2):
        parts = column.term.parts if column.term.kind == "multiply" else (column.term,)
        exponents = tuple(sorted(part.value if part.kind == "power" else 1 for part in parts))
        alike.setdefault(tuple(map(int, exponents)), []).append(column)
    for same in alike.values():
        for left, right in itertools.combinations(same, 2):
            if fits(add(left.term, right.term), groups):
                yield plus(left, right)
                yield plus(left, times(-1, right))


def _sums(columns: np.ndarray, groups: Sequence[frozenset[int]], deadline: Deadline) -> list[Column]:
    """Returns sums and differences of two monomials, one of which is 1, a variable or of low degree."""
    low = monomials(columns, groups, 2)[:MOST_INNER]
    high = monomials(columns, groups, min(4, degree_for(len(columns))))
    pairs = [*itertools.combinations(low, 2), *itertools.product([number_column(1, columns)], high)]
    pairs += itertools.product([column for column in low if column.term.kind == "variable"], high)
    return [
        plus(left, times(sign, right))
        for left, right in deadline.each(pairs)
        for sign in (1, -1)
        if left.term != right.term and fits(add(left.term, right.term), groups)
    ]
