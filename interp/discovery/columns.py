"""Terms with what they are on the rows at hand, and the shortest of them: variables, monomials, sums of two."""

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from interp.discovery.terms import FUNCTIONS, Term, add, call, multiply, negative, number, power, raised, variable

_MOST_MONOMIALS = 3_000
MOST_INNER = 150
"""Functions are called with, and sums made of, so many of the shortest terms."""


@dataclass(frozen=True, eq=False)
class Column:
    """A term and its value on every row."""

    term: Term
    values: Float[np.ndarray, " rows"]


def degree_for(variables: int) -> int:
    """Returns up to which degree there are few enough monomials."""
    return max(
        degree for degree in range(1, 7) if degree == 1 or _count(variables, degree) <= _MOST_MONOMIALS
    )  # fmt: skip


def _count(variables: int, degree: int) -> int:
    """Returns how many integer vectors there are whose sizes add up to at most a degree."""
    return sum(2**k * math.comb(variables, k) * math.comb(degree, k) for k in range(min(variables, degree) + 1))


def monomials(columns: np.ndarray, groups: Sequence[frozenset[int]], degree: int) -> list[Column]:
    """Returns products of powers whose exponents' sizes add up to at most a degree, within groups."""
    found: dict[tuple[int, ...], Column] = {}
    highest = 2 if len(columns) > 3 else 3 if len(columns) == 3 else 4
    for group in groups:
        for exponents in _exponents(sorted(group), len(columns), degree, highest):
            if exponents not in found:
                found[exponents] = _monomial(exponents, columns)
    return sorted(found.values(), key=lambda column: column.term.length)


def _exponents(chosen: Sequence[int], variables: int, degree: int, highest: int) -> Iterator[tuple[int, ...]]:
    def extend(place: int, left: int, exponents: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        if place == len(chosen):
            if any(exponents):
                full = [0] * variables
                for index, exponent in zip(chosen, exponents, strict=True):
                    full[index] = exponent
                yield tuple(full)
            return
        most = min(highest, left)
        for exponent in range(-most, most + 1):
            yield from extend(place + 1, left - abs(exponent), (*exponents, exponent))

    return extend(0, degree, ())


def _monomial(exponents: tuple[int, ...], columns: np.ndarray) -> Column:
    term = multiply(*(power(variable(index), exponent) for index, exponent in enumerate(exponents) if exponent))
    values = np.ones(columns.shape[1])
    with np.errstate(all="ignore"):
        for index, exponent in enumerate(exponents):
            if exponent:
                values = values * columns[index] ** float(exponent)
    return Column(term, values)


def differences(columns: np.ndarray, groups: Sequence[frozenset[int]]) -> list[Column]:
    """Returns differences and sums of two variables."""
    pairs = [pair for pair in itertools.combinations(range(len(columns)), 2) if together(pair, groups)]
    return [
        plus(variable_column(left, columns), times(sign, variable_column(right, columns)))
        for sign in (-1, 1)
        for left, right in pairs
    ]


def variable_column(index: int, columns: np.ndarray) -> Column:
    """Returns a variable."""
    return Column(variable(index), columns[index])


def number_column(value: float | int, columns: np.ndarray) -> Column:
    """Returns a number that no fit changes."""
    return Column(number(value), np.full(columns.shape[1], float(value)))


def times(factor: float | int, column: Column) -> Column:
    """Returns a multiple."""
    if factor == 1:
        return column
    term = negative(column.term) if factor == -1 else multiply(number(factor), column.term)
    return Column(term, factor * column.values)


def plus(left: Column, right: Column) -> Column:
    """Returns a sum."""
    return Column(add(left.term, right.term), left.values + right.values)


def raised_to(column: Column, exponent: float | int) -> Column:
    """Returns a power; not finite where it is not defined."""
    with np.errstate(all="ignore"):
        return Column(power(column.term, exponent), raised(column.values, exponent))


def called(name: str, column: Column) -> Column:
    """Returns a function of a column; not finite where it is not defined."""
    with np.errstate(all="ignore"):
        return Column(call(name, column.term), FUNCTIONS[name][0](column.values))


def log_of_size(column: Column) -> Column:
    """Returns log |column|."""
    return called("log", called("abs", column))


def fits(term: Term, groups: Sequence[frozenset[int]]) -> bool:
    """Tells whether the variables of a term lie in one group."""
    return together(term.variables, groups)


def together(variables: Iterable[int], groups: Sequence[frozenset[int]]) -> bool:
    """Tells whether variables lie in one group."""
    return any(group.issuperset(variables) for group in groups)


def inner_columns(columns: np.ndarray, groups: Sequence[frozenset[int]]) -> list[Column]:
    """Returns what functions are called with: variables, their sums and differences, products and ratios of two."""
    variables = [
        variable_column(index, columns) for index in range(len(columns)) if any(index in group for group in groups)
    ]
    return [*variables, *differences(columns, groups), *monomials(columns, groups, 2)][:MOST_INNER]
