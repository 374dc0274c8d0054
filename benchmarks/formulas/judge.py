"""Says whether a formula is the law behind the data, and how far it is off."""

import math
import random
from collections.abc import Iterator, Sequence
from typing import Any

import mpmath
import numpy as np
import sympy
from jaxtyping import Float

from benchmarks.formulas.canonical import canonical
from benchmarks.formulas.problem import Problem
from interp.discovery.terms import simple_numbers, written

_NUMERIC = 1e-6
"""Largest error, as a share of the range, of what is found numerically."""
_DIGITS, _POINTS = 60, 16
"""Of the numbers that decide whether two formulas are the same."""
_SAME = mpmath.mpf(10) ** -30
_SIMPLE = 1e-6
"""A decimal number that is closer than this share to a simple one is meant to be that."""
_ZERO = 1e-9


def judge(problem: Problem, found: sympy.Expr) -> Iterator[dict[str, Any]]:
    """Yields errors on the fresh rows, then whether the formula is the law."""
    values = evaluated(found, problem.symbols, problem.fresh)
    off = float(np.abs(values - problem.wanted).max() / np.ptp(problem.wanted))
    r_squared = determination(values, problem.wanted)
    yield {
        "symbolic": False,
        "numeric": off < _NUMERIC,
        "r_squared": r_squared,
        "off": off if math.isfinite(off) else None,
        "length": int(sympy.count_ops(found)),
    }
    if problem.truth is not None:
        yield {"symbolic": is_recovered(found, problem.truth, symbols=problem.symbols, columns=problem.fresh)}


def evaluated(
    expr: sympy.Expr, symbols: Sequence[sympy.Symbol], columns: Float[np.ndarray, "variables rows"]
) -> Float[np.ndarray, " rows"]:
    """Computes a formula on every row; where it is no real number it is none at all."""
    with np.errstate(all="ignore"):
        values = np.asarray(sympy.lambdify(symbols, expr, "numpy")(*columns))
    values = np.where(values.imag == 0, values.real, math.nan) if np.iscomplexobj(values) else values
    return np.broadcast_to(values.astype(np.float64), columns.shape[1:])


def determination(values: Float[np.ndarray, " rows"], wanted: Float[np.ndarray, " rows"]) -> float | None:
    """Returns R^2; None where the formula is no number on some row."""
    found = 1 - float(np.mean((values - wanted) ** 2) / np.var(wanted))
    return found if math.isfinite(found) else None


def is_recovered(
    found: sympy.Expr,
    truth: sympy.Expr,
    *,
    symbols: Sequence[sympy.Symbol],
    columns: Float[np.ndarray, "variables rows"],
) -> bool:
    """Tells whether two formulas differ by a constant or by a factor that is not zero (arXiv:2107.14351).

    Both are computed with 60 digits at 16 points, some of the columns' rows moved by a random 1e-3: their ratio or
    their difference is a constant if it is the same to 30 digits. (`sympy.simplify` decides this too where it ends;
    it may take hours, and misses what it has no rule for.) A formula that is no law as it stands gets a second look
    with decimal numbers within 1e-6 of simple ones made these (`rounded`), whichever method wrote it:
    0.49999998*x**2 is x**2/2.
    """
    points = _exact_points(columns)
    wanted = _exact_values(truth, symbols, points)
    return any(
        _differ_by_a_constant(_exact_values(version, symbols, points), wanted) for version in (found, rounded(found))
    )


def rounded(expr: sympy.Expr) -> sympy.Expr:
    """Returns a formula, its factors moved outwards, with every decimal number that is almost simple made simple.

    Simple are fractions up to 12 with denominators up to 8, whole numbers up to a million, and small multiples of pi
    and of roots; numbers below 1e-9 become zero.
    """
    expr = canonical(expr)
    changes = {}
    for old in expr.atoms(sympy.Float):
        new = _simple(float(old))
        if new is not None:
            changes[old] = new
    return expr.xreplace(changes)


def _simple(value: float) -> sympy.Expr | None:
    size = abs(value)
    if size < _SIMPLE:
        return sympy.Integer(0) if size < _ZERO else None
    if round(size) >= 1 and abs(size - round(size)) <= _SIMPLE * size and size < 1e6:
        return sympy.Integer(round(value))
    near = _SIMPLE_NUMBERS[np.abs(_SIMPLE_NUMBERS[:, 0] - size) <= _SIMPLE * size]
    if not len(near):
        return None
    return written(math.copysign(float(near[np.argmin(near[:, 1]), 0]), value))


_SIMPLE_NUMBERS = simple_numbers()


def _exact_points(columns: Float[np.ndarray, "variables rows"]) -> list[list[mpmath.mpf]]:
    """Returns points of many digits between the columns' rows, so that none lies where a formula is special."""
    chance = random.Random(0)  # noqa: S311  no secret
    return [
        [mpmath.mpf(float(value)) * (1 + mpmath.mpf(chance.getrandbits(180)) / 2**180 / 1000) for value in row]
        for row in columns[:, :_POINTS].T
    ]


def _exact_values(
    expr: sympy.Expr, symbols: Sequence[sympy.Symbol], points: Sequence[Sequence[mpmath.mpf]]
) -> list[mpmath.mpc | None]:
    with mpmath.workdps(_DIGITS):
        function = sympy.lambdify(symbols, expr, "mpmath")
        return [_exact_value(function, point) for point in points]


def _exact_value(function: Any, point: Sequence[mpmath.mpf]) -> mpmath.mpc | None:
    try:
        value = mpmath.mpc(function(*point))
    except (ArithmeticError, ValueError, TypeError):
        return None
    return value if mpmath.isfinite(value) else None


def _differ_by_a_constant(found: Sequence[mpmath.mpc | None], wanted: Sequence[mpmath.mpc | None]) -> bool:
    pairs = [(one, other) for one, other in zip(found, wanted, strict=True) if one is not None and other is not None]
    if len(pairs) < _POINTS // 2:
        return False
    with mpmath.workdps(_DIGITS):
        size = max(abs(other) for _, other in pairs)
        differences = [one - other for one, other in pairs]
        if max(abs(difference - differences[0]) for difference in differences) <= _SAME * size:
            return True
        if any(other == 0 for _, other in pairs):
            return False
        ratios = [one / other for one, other in pairs]
        return ratios[0] != 0 and max(abs(ratio - ratios[0]) for ratio in ratios) <= _SAME * abs(ratios[0])
