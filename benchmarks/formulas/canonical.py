"""One way to write each formula, without idle numbers; and the same formula as a tree of our search."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import sympy
from jaxtyping import Float

from interp.discovery.terms import FUNCTIONS, Term, add, call, multiply, number, power, variable

_NAMES = {"Abs": "abs", "asin": "arcsin", "acos": "arccos", "atan": "arctan"}
"""What sympy calls differently than our search."""
_ONE = sympy.Integer(1)
_IDLE = 1e-6
"""A share of a sum's largest factor; terms with smaller ones, mostly what rounding left, set no scale."""


def canonical(expr: sympy.Expr) -> sympy.Expr:
    """Moves numerical factors outwards, so that no two numbers do the same.

    A sum's first term (in sympy's order) that is no number gets the factor 1, also within roots, powers and logarithms;
    constants leave exponentials.

    Example:
        >>> canonical(sympy.sympify("0.5*sqrt(4.0*x + 8.0*y)"))
        1.0*sqrt(x + 2.0*y)
    """
    return _times(*_primitive(expr))


def without_absolutes(
    expr: sympy.Expr, columns: Float[np.ndarray, "variables rows"], symbols: Sequence[sympy.Symbol]
) -> sympy.Expr:
    """Drops absolute values of what has one sign on all rows; gplearn puts them in every root and logarithm."""
    for absolute in sorted(expr.atoms(sympy.Abs), key=lambda found: found.count_ops()):
        inner = absolute.args[0]
        with np.errstate(all="ignore"):
            values = np.asarray(sympy.lambdify(symbols, inner)(*columns))
        if np.isrealobj(values) and ((values >= 0).all() or (values <= 0).all()):
            cleared = expr.xreplace({absolute: inner if (values >= 0).all() else -inner})
            return without_absolutes(cleared, columns, symbols)
    return expr


def to_term(expr: sympy.Expr, symbols: Sequence[sympy.Symbol]) -> Term | None:
    """Writes a formula as a tree of our search, its decimal numbers free; None where that lacks a function.

    A power with a decimal exponent becomes an exponential, so that the exponent is free too.
    """
    return _to_term(expr, {symbol: index for index, symbol in enumerate(symbols)})


def _to_term(expr: sympy.Expr, places: Mapping[sympy.Symbol, int]) -> Term | None:
    if expr.is_number:
        return _to_number(expr)
    if expr in places:
        return variable(places[expr])
    if isinstance(expr, sympy.tan):
        return _to_term(sympy.sin(expr.args[0]) / sympy.cos(expr.args[0]), places)
    if isinstance(expr, sympy.Pow) and (isinstance(expr.exp, sympy.Float) or not expr.exp.is_number):
        inside = _joined(_ONE * sympy.Mul(expr.exp, sympy.log(expr.base), evaluate=False), places)
        return None if inside is None else call("exp", inside)
    return _joined(expr, places)


def _to_number(expr: sympy.Expr) -> Term | None:
    value = sympy.N(expr)
    if not value.is_real or not math.isfinite(float(value)):
        return None
    return number(float(value), free=isinstance(expr, sympy.Float))


def _joined(expr: sympy.Expr, places: Mapping[sympy.Symbol, int]) -> Term | None:
    is_power = isinstance(expr, sympy.Pow)
    found = [_to_term(part, places) for part in (expr.args[:1] if is_power else expr.args)]
    parts = [part for part in found if part is not None]
    if len(parts) < len(found) or not parts or (is_power and not expr.exp.is_real):
        return None
    if is_power:
        return power(parts[0], float(expr.exp))
    if isinstance(expr, sympy.Add | sympy.Mul):
        return add(*parts) if isinstance(expr, sympy.Add) else multiply(*parts)
    name = _NAMES.get(type(expr).__name__, type(expr).__name__)
    return call(name, parts[0]) if name in FUNCTIONS else None


def _primitive(expr: sympy.Expr) -> tuple[sympy.Expr, sympy.Expr]:
    """Returns a number and a formula without a factor, whose product this is."""
    if expr.is_number:
        return expr, _ONE
    if isinstance(expr, sympy.Mul):
        factors, rests = zip(*map(_primitive, expr.args), strict=True)
        return sympy.Mul(*factors), sympy.Mul(*rests)
    if isinstance(expr, sympy.Add):
        return _primitive_sum([_primitive(part) for part in expr.args])
    if isinstance(expr, sympy.Pow) and expr.exp.is_number and expr.exp.is_real:
        return _primitive_power(expr)
    return _primitive_call(expr)


def _primitive_power(expr: sympy.Pow) -> tuple[sympy.Expr, sympy.Expr]:
    factor, rest = _primitive(expr.base)
    if expr.exp.is_integer or factor.is_positive:
        return factor**expr.exp, rest**expr.exp
    return (-factor) ** expr.exp, (-rest) ** expr.exp


def _primitive_call(expr: sympy.Expr) -> tuple[sympy.Expr, sympy.Expr]:
    if isinstance(expr, sympy.exp):
        constant, inner = canonical(expr.args[0]).as_independent(*expr.free_symbols, as_Add=True)
        return sympy.exp(constant), sympy.exp(inner)
    if isinstance(expr, sympy.log):
        factor, rest = _primitive(expr.args[0])
        if factor.is_positive:
            return _primitive_sum([(sympy.log(factor), _ONE), (_ONE, sympy.log(rest))])
        return _ONE, sympy.log(_times(factor, rest))
    return _ONE, expr.func(*map(canonical, expr.args)) if expr.args else expr


def _primitive_sum(parts: Sequence[tuple[sympy.Expr, sympy.Expr]]) -> tuple[sympy.Expr, sympy.Expr]:
    shares: dict[sympy.Expr, sympy.Expr] = {}
    for factor, rest in parts:
        shares[rest] = shares.get(rest, 0) + factor
    shares = {rest: share for rest, share in shares.items() if share != 0}
    largest = max((abs(share) for rest, share in shares.items() if rest != 1), default=_ONE)
    leading = [rest for rest, share in shares.items() if rest != 1 and abs(share) >= _IDLE * largest]
    if not leading:
        return shares.get(_ONE, sympy.Integer(0)), _ONE
    first = min(leading, key=sympy.default_sort_key)
    others = [_times(share / shares[first], rest) for rest, share in shares.items() if rest != first]
    return shares[first], sympy.Add(first, *others)


def _times(factor: sympy.Expr, rest: sympy.Expr) -> sympy.Expr:
    """Returns a product that is not multiplied out."""
    if rest == 1:
        return factor
    if factor == 1 and not isinstance(factor, sympy.Float):
        return rest
    return sympy.Mul(factor, rest, evaluate=False) if isinstance(rest, sympy.Add) else factor * rest
