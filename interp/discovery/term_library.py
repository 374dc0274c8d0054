"""Which terms a formula may be a sum of, and what they are on the rows at hand: the shortest come first."""

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from interp.discovery.terms import FUNCTIONS, Term, add, call, multiply, negative, number, power, raised, variable

_RATES = (0.5, 1.0, 2.0, math.pi, 2 * math.pi)
"""What waves may be stretched by before their rate is fitted."""
_MOST_MONOMIALS = 3_000
_MOST_INNER = 150
"""Functions are called with, and sums made of, so many of the shortest terms."""
_CLOSE = 7
"""Terms whose deviations from their means agree to so many digits, up to a factor, count as one."""


@dataclass(frozen=True, eq=False)
class Column:
    """A term and its value on every row."""

    term: Term
    values: Float[np.ndarray, " rows"]


@dataclass(frozen=True, eq=False)
class Library:
    """Terms that differ by more than a factor and a constant on the rows at hand, in ascending length."""

    terms: tuple[Term, ...]
    values: Float[np.ndarray, "terms rows"]


def plain_library(
    columns: Float[np.ndarray, "variables rows"], *, groups: Sequence[frozenset[int]], most: int
) -> Library:
    """Returns terms that a quantity may be a weighted sum of: monomials, and functions times monomials.

    Args:
        columns: The variables on the rows that are searched.
        groups: Sets of variables; the variables of a term lie in one of them.
        most: How many terms at most.
    """
    monomials = _monomials(columns, groups, _degree(len(columns)))
    factors = [*_functions(columns, groups), *_powers_of_sums(columns, groups)]
    return _shortest([*monomials, *factors], monomials, factors, groups=groups, most=most)


def log_library(
    columns: Float[np.ndarray, "variables rows"], *, groups: Sequence[frozenset[int]], most: int
) -> Library:
    """Returns terms that the logarithm of a product may be a weighted sum of.

    They are logarithms of its factors, and what stands in exponentials. Logarithms of the variables are not among them:
    every fit has those anyway.

    Args:
        columns: The variables on the rows that are searched.
        groups: Sets of variables; the variables of a term lie in one of them.
        most: How many terms at most.
    """
    within = [*_inner(columns, groups), *_monomials(columns, groups, 3)]
    functions = [_called(name, _times(rate, column)) for column in within for rate in _RATES for name in ("sin", "cos")]
    functions += [_called(name, column) for column in within for name in ("tanh", "log")]
    functions += [_plus(_number(1, columns), _times(sign, _called(name, column)))
                  for column in within for sign in (1, -1) for name in ("sin", "cos")]  # fmt: skip
    exponents = _monomials(columns, groups, min(4, _degree(len(columns))))
    functions += [
        _plus(_called("exp", _times(sign, column)), _number(shift, columns))
        for column in exponents for sign in (1, -1) for shift in (1, -1)
    ]  # fmt: skip
    factors = [*functions, *_sums(columns, groups)]
    squares = [_raised(column, 2) for column in _differences(columns, groups)]
    single = [*exponents, *squares, *map(_log, factors)]
    return _shortest(single, _monomials(columns, groups, 3), squares, groups=groups, most=most)


def _shortest(
    single: Sequence[Column],
    lefts: Sequence[Column],
    rights: Sequence[Column],
    *,
    groups: Sequence[frozenset[int]],
    most: int,
) -> Library:
    """Returns the shortest of terms and of products of two."""
    offers: list[tuple[float, int, Column, Column | None]] = [
        (_rank(column.term), place, column, None) for place, column in enumerate(single)
    ]
    offers += [
        (rank, len(single) + place, left, right)
        for place, (rank, left, right) in enumerate(_shortest_products(lefts, rights, 2 * most))
    ]
    terms: list[Term] = []
    values: list[np.ndarray] = []
    seen: set[bytes] = set()
    for _, _, left, right in sorted(offers, key=lambda offer: offer[:2]):
        if len(terms) == most:
            break
        numbers = left.values if right is None else left.values * right.values
        key = _shape(numbers)
        if key is None or key in seen:
            continue
        term = left.term if right is None else multiply(left.term, right.term)
        if _fits(term, groups):
            seen.add(key)
            terms.append(term)
            values.append(numbers)
    rows = len(values[0]) if values else 0
    return Library(tuple(terms), np.array(values).reshape(len(terms), rows))


def _shortest_products(
    lefts: Sequence[Column], rights: Sequence[Column], most: int
) -> Iterator[tuple[float, Column, Column]]:
    """Yields at least so many products of a left and a right column, or all: none longer than the longest it must."""
    lefts, rights = (sorted(columns, key=lambda column: _rank(column.term)) for columns in (lefts, rights))
    first, second = (np.array([_rank(column.term) for column in columns]) for columns in (lefts, rights))
    if not len(first) or not len(second):
        return
    longest = first[0] + second[0]
    while longest < first[-1] + second[-1] and np.searchsorted(second, longest - first, "right").sum() < most:
        longest += 0.5
    for left, rank, end in zip(lefts, first, np.searchsorted(second, longest - first, "right"), strict=True):
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


def _degree(variables: int) -> int:
    """Returns up to which degree there are few enough monomials."""
    return max(
        degree for degree in range(1, 7) if degree == 1 or _count(variables, degree) <= _MOST_MONOMIALS
    )  # fmt: skip


def _count(variables: int, degree: int) -> int:
    """Returns how many integer vectors there are whose sizes add up to at most a degree."""
    return sum(2**k * math.comb(variables, k) * math.comb(degree, k) for k in range(min(variables, degree) + 1))


def _monomials(columns: np.ndarray, groups: Sequence[frozenset[int]], degree: int) -> list[Column]:
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


def _inner(columns: np.ndarray, groups: Sequence[frozenset[int]]) -> list[Column]:
    """Returns what functions are called with: variables, their sums and differences, products and ratios of two."""
    variables = [_variable(index, columns) for index in range(len(columns)) if any(index in group for group in groups)]
    return [*variables, *_differences(columns, groups), *_monomials(columns, groups, 2)][:_MOST_INNER]


def _functions(columns: np.ndarray, groups: Sequence[frozenset[int]]) -> list[Column]:
    found = []
    for column in _inner(columns, groups):
        waves = [_called(name, _times(rate, column)) for rate in _RATES for name in ("sin", "cos")]
        found += [*waves, *(_raised(wave, 2) for wave in waves)]
        found += [_called("exp", _times(rate, column)) for rate in (1, -1, -0.5)]
        found += [_called("tanh", column), _log(column), _called("abs", column)]
        found.append(_raised(_called("abs", column), 0.5))
    return found


def _powers_of_sums(columns: np.ndarray, groups: Sequence[frozenset[int]]) -> list[Column]:
    found = [_raised(column, exponent) for column in _differences(columns, groups) for exponent in (2, 3, 4, -1, -2)]
    for column in _sums_of_alike(columns, groups):
        found += [column, *(_raised(column, exponent) for exponent in (0.5, -0.5, -1, 2, 3))]
    for monomial in _monomials(columns, groups, min(4, _degree(len(columns)))):
        for sign in (1, -1):
            total = _plus(_number(1, columns), _times(sign, monomial))
            found += [_raised(total, exponent) for exponent in (0.5, -0.5, -1, -2)]
    return found


def _differences(columns: np.ndarray, groups: Sequence[frozenset[int]]) -> list[Column]:
    """Returns differences and sums of two variables."""
    pairs = [pair for pair in itertools.combinations(range(len(columns)), 2) if _together(pair, groups)]
    return [
        _plus(_variable(left, columns), _times(sign, _variable(right, columns)))
        for sign in (-1, 1)
        for left, right in pairs
    ]


def _sums_of_alike(columns: np.ndarray, groups: Sequence[frozenset[int]]) -> list[Column]:
    """Returns sums and differences of two monomials that become each other when variables trade places."""
    alike: dict[tuple[int, ...], list[Column]] = {}
    for column in _monomials(columns, groups, 2):
        parts = column.term.parts if column.term.kind == "multiply" else (column.term,)
        exponents = tuple(sorted(part.value if part.kind == "power" else 1 for part in parts))
        alike.setdefault(tuple(map(int, exponents)), []).append(column)
    return [
        _plus(left, _times(sign, right))
        for same in alike.values()
        for left, right in itertools.combinations(same, 2)
        for sign in (1, -1)
        if _fits(add(left.term, right.term), groups)
    ]


def _sums(columns: np.ndarray, groups: Sequence[frozenset[int]]) -> list[Column]:
    """Returns sums and differences of two monomials, one of which is 1, a variable or of low degree."""
    low = _monomials(columns, groups, 2)[:_MOST_INNER]
    high = _monomials(columns, groups, min(4, _degree(len(columns))))
    pairs = [*itertools.combinations(low, 2), *itertools.product([_number(1, columns)], high)]
    pairs += itertools.product([column for column in low if column.term.kind == "variable"], high)
    return [
        _plus(left, _times(sign, right))
        for left, right in pairs
        for sign in (1, -1)
        if left.term != right.term and _fits(add(left.term, right.term), groups)
    ]


def _variable(index: int, columns: np.ndarray) -> Column:
    return Column(variable(index), columns[index])


def _number(value: float | int, columns: np.ndarray) -> Column:
    return Column(number(value), np.full(columns.shape[1], float(value)))


def _times(factor: float | int, column: Column) -> Column:
    if factor == 1:
        return column
    term = negative(column.term) if factor == -1 else multiply(number(factor), column.term)
    return Column(term, factor * column.values)


def _plus(left: Column, right: Column) -> Column:
    return Column(add(left.term, right.term), left.values + right.values)


def _raised(column: Column, exponent: float | int) -> Column:
    with np.errstate(all="ignore"):
        return Column(power(column.term, exponent), raised(column.values, exponent))


def _called(name: str, column: Column) -> Column:
    with np.errstate(all="ignore"):
        return Column(call(name, column.term), FUNCTIONS[name][0](column.values))


def _log(column: Column) -> Column:
    return _called("log", _called("abs", column))


def _fits(term: Term, groups: Sequence[frozenset[int]]) -> bool:
    return _together(term.variables, groups)


def _together(variables: Iterable[int], groups: Sequence[frozenset[int]]) -> bool:
    return any(group.issuperset(variables) for group in groups)
