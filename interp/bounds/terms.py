"""Between which values a discovered formula and its slopes lie on a box."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from interp.bounds.activations import Curve
from interp.bounds.circuits import Spread
from interp.bounds.intervals import Interval, thin
from interp.discovery.terms import Term, raised

_DECIMALS = 1e-14
"""How far a number may be from the fraction, or the multiple of pi, that is written for it, as a share."""
_TURNS = 1e-9
"""How near a wave counts as being at its turning point, in radians, and as a share of the angle."""


class _Flow(NamedTuple):
    """A part of a formula on boxes: values (boxes), slopes (boxes, inputs)."""

    values: Interval
    slopes: Interval


def spread_of(term: Term, low: Float[np.ndarray, "boxes inputs"], high: Float[np.ndarray, "boxes inputs"]) -> Spread:
    """Returns what a formula and its slopes can be; unbounded where it might not be defined everywhere in a box."""
    with np.errstate(all="ignore"):
        flow = _flow(term, Interval(low, high))
    return Spread(flow.values[:, None], flow.slopes[:, None])


def _flow(term: Term, box: Interval) -> _Flow:
    if term.kind == "variable":
        unit = np.zeros_like(box.low)
        unit[:, int(term.value)] = 1.0
        return _Flow(box[:, int(term.value)], thin(unit))
    if term.kind == "number":
        values = thin(np.full(len(box.low), term.value)).widened(_DECIMALS * abs(term.value))
        return _Flow(values, thin(np.zeros_like(box.low)))
    found = _flow(term.parts[0], box)
    if term.kind == "power":
        return _chain(found, _power(found.values, term.value), _power_slope(found.values, term.value))
    if term.kind in ("add", "multiply"):
        for part in term.parts[1:]:
            found = _JOINED[term.kind](found, _flow(part, box))
        return found
    value, slope = FUNCTIONS[term.kind]
    return _chain(found, value(found.values), slope(found.values))


def _chain(inner: _Flow, values: Interval, slope: Interval) -> _Flow:
    return _where_defined([inner], _Flow(values, slope[:, None] * inner.slopes))


def _product(one: _Flow, two: _Flow) -> _Flow:
    slopes = one.values[:, None] * two.slopes + two.values[:, None] * one.slopes
    return _where_defined([one, two], _Flow(one.values * two.values, slopes))


def _where_defined(parts: Sequence[_Flow], whole: _Flow) -> _Flow:
    """An arctan is bounded, but not defined where what it is taken of is not."""
    undefined = np.any([~np.isfinite(part.values.magnitude) for part in parts], axis=0)
    return _Flow(_unless(undefined, whole.values), _unless(undefined[:, None], whole.slopes))


_JOINED: dict[str, Callable[[_Flow, _Flow], _Flow]] = {
    "add": lambda one, two: _Flow(one.values + two.values, one.slopes + two.slopes),
    "multiply": _product,
}


def _power(base: Interval, exponent: float) -> Interval:
    """Even powers turn at zero; negative ones have a pole there; broken ones need a base that is not negative."""
    has_zero = (base.low <= 0) & (base.high >= 0)
    is_even = exponent % 2 == 0
    curve = Curve(lambda x: raised(x, exponent), ((0.0, 0.0, 0.0),) if is_even and exponent > 0 else (), 0.0)
    found = curve.over(base)
    if is_even or not exponent.is_integer():
        found = Interval(np.maximum(found.low, 0.0), found.high)
    undefined = base.low < 0 if not exponent.is_integer() else np.zeros_like(has_zero)
    return _unless(undefined | (has_zero & (exponent < 0)), found)


def _power_slope(base: Interval, exponent: float) -> Interval:
    factor = thin(np.full_like(base.low, exponent)).widened(_DECIMALS * abs(exponent))
    return factor * _power(base, exponent - 1)


def _sine(angle: Interval, ahead: float = 0.0) -> Interval:
    """Sin(angle + ahead), ahead a multiple of a quarter turn: 1 if a peak may lie inside, -1 if a trough may."""
    ends = np.sin(angle.low + ahead), np.sin(angle.high + ahead)
    near = _TURNS * (1 + angle.magnitude)
    found = Interval(np.minimum(*ends), np.maximum(*ends)).widened(1e-15 * (10 + angle.magnitude))
    peak, trough = (_holds(angle, near, turn - ahead) for turn in (math.pi / 2, -math.pi / 2))
    return Interval(
        np.where(trough, -1.0, np.maximum(found.low, -1.0)), np.where(peak, 1.0, np.minimum(found.high, 1.0))
    )


def _holds(angle: Interval, near: np.ndarray, point: float) -> np.ndarray:
    """Tells whether a point, or one whole turns from it, lies in the interval."""
    turn = 2 * math.pi
    first = np.ceil((angle.low - near - point) / turn) * turn + point
    return ~(first > angle.high + near)


def _unless(undefined: np.ndarray, found: Interval) -> Interval:
    return Interval(np.where(undefined, -np.inf, found.low), np.where(undefined, np.inf, found.high))


def _arc(inner: Interval, function: Callable[[np.ndarray], np.ndarray]) -> Interval:
    return _unless(inner.magnitude > 1, _sloping(function)(inner))


def _arc_slope(inner: Interval) -> Interval:
    """1 / sqrt(1 - x^2), which turns at zero."""
    return _power(_one(inner) - _power(inner, 2.0), -0.5)


def _abs_slope(inner: Interval) -> Interval:
    return Interval(np.where(inner.low > 0, 1.0, -1.0), np.where(inner.high < 0, -1.0, 1.0))


def _sloping(function: Callable[[np.ndarray], np.ndarray]) -> Callable[[Interval], Interval]:
    """Returns what a function that only rises or only falls can be."""
    return Curve(function, floor=0.0).over


def _one(like: Interval) -> Interval:
    return thin(np.ones_like(like.low))


FUNCTIONS: dict[str, tuple[Callable[[Interval], Interval], Callable[[Interval], Interval]]] = {
    "sin": (_sine, lambda x: _sine(x, math.pi / 2)),
    "cos": (lambda x: _sine(x, math.pi / 2), lambda x: -_sine(x)),
    "arcsin": (lambda x: _arc(x, np.arcsin), _arc_slope),
    "arccos": (lambda x: _arc(x, np.arccos), lambda x: -_arc_slope(x)),
    "arctan": (_sloping(np.arctan), lambda x: _power(_one(x) + _power(x, 2.0), -1.0)),
    "tanh": (_sloping(np.tanh), lambda x: _one(x) - _power(_sloping(np.tanh)(x), 2.0)),
    "exp": (_sloping(np.exp), _sloping(np.exp)),
    "log": (
        lambda x: _unless(x.low <= 0, _sloping(np.log)(x)),
        lambda x: _unless(x.low <= 0, _power(x, -1.0)),
    ),
    "abs": (Curve(np.abs, ((0.0, 0.0, 0.0),), floor=0.0).over, _abs_slope),
}
"""Every function that a formula may call, and its slope."""
