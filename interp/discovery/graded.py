"""Terms with inner numbers, on grids: a rate, a pole, a centre, a width or a period that a fit then makes exact."""

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from jaxtyping import Float

from interp.discovery.columns import Column, inner_columns, monomials
from interp.discovery.deadline import NEVER, Deadline
from interp.discovery.library import Library, shortest
from interp.discovery.terms import Term, add, call, evaluate, multiply, negative, number, power

_FOLDS = (0.3, 0.6, 1.2, 2.5, 5.0, 10.0, 20.0, 40.0)
"""By how many e-folds an exponential rises or falls over the range of what is inside."""
_REACHES = (0.02, 0.07, 0.2, 0.7, 2.0, 6.0)
"""How far a pole lies from the range, as a share of it."""
_EXPONENTS = (-3.0, -1.5, -0.7, 0.3, 0.7, 1.5, 3.0)
"""Where exponents start from that are no simple numbers."""
_WIDTHS = (0.03, 0.06, 0.12, 0.25, 0.6)
"""Widths of peaks and steps, as a share of the range; the centres of one width are as far apart as it is wide."""
_PHASES = (0.0, math.pi / 4, math.pi / 2, 3 * math.pi / 4)
_MOST_CYCLES = 40.0
"""How many periods of a wave the range of a single variable has at most; of several variables, a fifth of it."""
_DAMPED_CYCLES = 12.0
_DAMPED_FOLDS = 2.5
"""How often a damped wave swings over the range at most, and by how many e-folds it dies away."""
_INNERS = 5
"""So many of the shortest terms per variable stand inside."""


def graded_libraries(
    columns: Float[np.ndarray, "variables rows"],
    *,
    groups: Sequence[frozenset[int]],
    most: int,
    deadline: Deadline = NEVER,
) -> Iterator[Library]:
    """Yields terms with inner numbers: growth, and growth beside peaks, steps, waves and waves that die away.

    Growth is an exponential, a power of 1 + k u or its logarithm, u being a variable, or a sum, difference, product or
    ratio of two; alone it also comes times monomials, what has a place or a phase times a variable. The kinds come one
    by one, for sums of waves alone could fill every place among the best. Every inner number is on a grid that the
    range of u scales, close enough that the true number's neighbour explains most of the term; it is free, so that a
    fit can find it.

    Args:
        columns: The variables on the rows that are searched.
        groups: Sets of variables; the variables of a term lie in one of them.
        most: How many terms each library has at most.
        deadline: When to give up.

    Raises:
        TimeIsUpError: Where the deadline passes first.
    """
    cycles = min(_MOST_CYCLES, columns.shape[1] / 2) / (1 if len(columns) == 1 else 5)
    inners = [
        (inner.term, float(inner.values.min()), float(inner.values.max()))
        for inner in inner_columns(columns, groups)[: _INNERS * len(columns)]
        if np.isfinite(inner.values).all() and np.ptp(inner.values) > 0
    ]
    variables = [inner for inner in inners if inner[0].kind == "variable"]
    places = [inner for inner in inners if inner[0].kind != "power"]

    def columns_of(terms: Iterable[Term]) -> list[Column]:
        return [Column(term, evaluate(term, columns)) for term in deadline.each(terms)]

    rates = columns_of(term for inner in inners for term in (*_exponentials(*inner), *_powers(*inner)))
    growth = rates + columns_of(term for inner in inners for term in _logarithms(*inner))
    powers = columns_of(term for inner in variables for term in (*_free_powers(*inner), *_decaying(*inner)))
    peaks = columns_of(term for inner in places for term in _peaks(*inner))
    steps = columns_of(term for inner in places for term in _steps(*inner))
    waves = columns_of(term for inner in places for term in _waves(*inner, cycles))
    damped = columns_of(term for inner in variables for term in _damped(*inner, min(cycles, _DAMPED_CYCLES)))
    yield shortest(
        [*growth, *powers], monomials(columns, groups, 2), rates, groups=groups, most=most, deadline=deadline
    )
    sizes = monomials(columns, groups, 1) if len(columns) > 1 else []
    for others in (peaks, steps, waves, damped):
        yield shortest([*growth, *others], sizes, others, groups=groups, most=most, deadline=deadline)


def _free(value: float) -> Term:
    return number(value, free=True)


def _exponentials(inner: Term, low: float, high: float) -> Iterator[Term]:
    for folds in _FOLDS:
        for sign in (-1, 1):
            yield call("exp", multiply(_free(sign * folds / (high - low)), inner))


def _bases(inner: Term, low: float, high: float) -> Iterator[Term]:
    """Yields 1 + k u, or its negative, that are positive over the range: k puts the zero at some distance of it."""
    for reach in _REACHES:
        for zero in (low - reach * (high - low), high + reach * (high - low)):
            if abs(zero) > 1e-6 * (high - low):
                sign = 1.0 if 1 - (low + high) / 2 / zero > 0 else -1.0
                yield add(number(sign), multiply(_free(-sign / zero), inner))


def _powers(inner: Term, low: float, high: float) -> Iterator[Term]:
    for base in _bases(inner, low, high):
        for exponent in (-1, -2, -0.5, 0.5):
            yield power(base, exponent)


def _logarithms(inner: Term, low: float, high: float) -> Iterator[Term]:
    for base in _bases(inner, low, high):
        yield call("log", base)


def _free_powers(inner: Term, low: float, high: float) -> Iterator[Term]:
    """Yields powers whose exponent is a free number, written as exponentials of logarithms."""
    for base in [inner] * (low > 0) + list(_bases(inner, low, high)):
        for exponent in _EXPONENTS:
            yield call("exp", multiply(_free(exponent), call("log", base)))


def _decaying(inner: Term, low: float, high: float) -> Iterator[Term]:
    """Yields exponentials over 1 + k u."""
    for base in _bases(inner, low, high):
        for rate in _exponentials(inner, low, high):
            yield multiply(rate, power(base, -1))


def _peaks(inner: Term, low: float, high: float) -> Iterator[Term]:
    for place in _places(inner, low, high):
        yield call("exp", negative(power(place, 2)))


def _steps(inner: Term, low: float, high: float) -> Iterator[Term]:
    for place in _places(inner, low, high):
        yield call("tanh", place)
        yield call("arctan", place)


def _places(inner: Term, low: float, high: float) -> Iterator[Term]:
    """Yields (u - centre) / width."""
    for width in _WIDTHS:
        scale = 1 / (width * (high - low))
        for centre in np.linspace(low, high, 2 + math.ceil(1 / width)).tolist():
            yield add(multiply(_free(scale), inner), _free(-centre * scale))


def _waves(inner: Term, low: float, high: float, cycles: float, phases: Sequence[float] = _PHASES) -> Iterator[Term]:
    for half in range(1, int(2 * cycles) + 1):
        for phase in phases:
            yield call("cos", add(multiply(_free(math.pi * half / (high - low)), inner), _free(phase)))


def _damped(inner: Term, low: float, high: float, cycles: float) -> Iterator[Term]:
    """Yields waves that die away or grow."""
    for folds in (-_DAMPED_FOLDS, _DAMPED_FOLDS):
        for wave in _waves(inner, low, high, cycles, (0.0, math.pi / 2)):
            yield multiply(call("exp", multiply(_free(folds / (high - low)), inner)), wave)
