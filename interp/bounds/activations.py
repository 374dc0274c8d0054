"""Between which values an activation, its slope and its curvature lie over an interval."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from interp.bounds.intervals import Interval, Values

_SLACK = 1e-14
"""How far a computed value may be off, as a share of its size: twenty times what the functions of numpy and scipy were
found to be off by (against 50 digits, in the tests)."""
_NEAR = 1e-12
"""Turning points are known to so much."""


@dataclass(frozen=True)
class Curve:
    """A function that rises or falls between its turning points."""

    at: Callable[[Values], Values]
    turns: tuple[tuple[float, float, float], ...] = ()
    """Where it turns or jumps, and the smallest and largest value next to that point."""
    floor: float = 1.0
    """Values below this are off as if they were this large: slopes are differences of larger numbers."""

    def over(self, drive: Interval) -> Interval:
        """Returns between which values it lies."""
        ends = self.at(drive.low), self.at(drive.high)
        low, high = np.minimum(*ends), np.maximum(*ends)
        for point, least, most in self.turns:
            inside = (drive.low <= point + _NEAR) & (drive.high >= point - _NEAR)
            low = np.where(inside, np.minimum(low, least), low)
            high = np.where(inside, np.maximum(high, most), high)
        size = np.maximum(np.maximum(np.abs(low), np.abs(high)), self.floor)
        finite = np.isfinite(size)
        return Interval(low, high).widened(np.where(finite, _SLACK * size, 0.0))


@dataclass(frozen=True)
class Shape:
    """An activation with its first two derivatives."""

    value: Curve
    slope: Curve
    curvature: Curve

    def changed(self, drive: Interval, change: Interval) -> Interval:
        """Returns between which values f(z + d) - f(z) lies, for any drive z and any change d of it."""
        moved = drive + change
        by_slope = self.slope.over(drive.hull(moved)) * change
        return by_slope & (self.value.over(moved) - self.value.over(drive))

    def slope_changed(self, drive: Interval, change: Interval) -> Interval:
        """Returns the same of the slope, f'(z + d) - f'(z)."""
        moved = drive + change
        by_curvature = self.curvature.over(drive.hull(moved)) * change
        return by_curvature & (self.slope.over(moved) - self.slope.over(drive))


def _turning(at: Callable[[Values], Values], *points: float) -> Curve:
    values = at(np.array(points)).tolist()
    return Curve(at, tuple((point, value, value) for point, value in zip(points, values, strict=True)))


def _silu() -> Shape:
    def slope(z: Values) -> Values:
        share = special.expit(z)
        return share * (1 + z * special.expit(-z))

    def curvature(z: Values) -> Values:
        share = special.expit(z)
        return share * special.expit(-z) * (2 + z * (1 - 2 * share))

    return Shape(
        _turning(lambda z: z * special.expit(z), -1.2784645427610738),
        _turning(slope, -2.3993572805154677, 2.3993572805154677),
        _turning(curvature, -3.4358409935351107, 0.0, 3.4358409935351107),
    )


def _gelu() -> Shape:
    def density(z: Values) -> Values:
        return np.exp(-z * z / 2) / math.sqrt(2 * math.pi)

    return Shape(
        _turning(lambda z: z * special.ndtr(z), -0.7517915246935645),
        _turning(lambda z: special.ndtr(z) + z * density(z), -math.sqrt(2), math.sqrt(2)),
        _turning(lambda z: density(z) * (2 - z * z), -2.0, 0.0, 2.0),
    )


def _gelu_tanh() -> Shape:
    factor, cubic = math.sqrt(2 / math.pi), 0.044715

    def inner(z: Values) -> tuple[Values, Values, Values, Values]:
        """Beyond 20 the tanh is 1 to the last bit, and the cube may overflow."""
        z = np.clip(z, -20.0, 20.0)
        tanh = np.tanh(factor * (z + cubic * z**3))
        sech = 1 / np.cosh(factor * (z + cubic * z**3)) ** 2
        return tanh, sech, factor * (1 + 3 * cubic * z * z), factor * 6 * cubic * z

    def value(z: Values) -> Values:
        return z * (1 + inner(z)[0]) / 2

    def slope(z: Values) -> Values:
        tanh, sech, first, _ = inner(z)
        return (1 + tanh) / 2 + np.clip(z, -20.0, 20.0) * sech * first / 2

    def curvature(z: Values) -> Values:
        tanh, sech, first, second = inner(z)
        return sech * first + np.clip(z, -20.0, 20.0) * sech * (second - 2 * tanh * first * first) / 2

    return Shape(
        _turning(value, -0.7524614220710163),
        _turning(slope, -1.4185040087908284, 1.4185040087908284),
        _turning(curvature, -2.0134807246242579, 0.0, 2.0134807246242579),
    )


def _tanh() -> Shape:
    def slope(z: Values) -> Values:
        return 1 / np.cosh(np.clip(z, -300.0, 300.0)) ** 2

    return Shape(
        Curve(np.tanh),
        _turning(slope, 0.0),
        _turning(lambda z: -2 * np.tanh(z) * slope(z), -0.6584789484624084, 0.6584789484624084),
    )


def _relu() -> Shape:
    return Shape(
        Curve(lambda z: np.maximum(z, 0.0)),
        Curve(lambda z: (z > 0).astype(np.float64), ((0.0, 0.0, 1.0),)),
        Curve(np.zeros_like, ((0.0, -math.inf, math.inf),)),
    )


def _selu() -> Shape:
    scale, alpha = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717
    steepest = scale * alpha

    def below(z: Values) -> Values:
        return steepest * np.exp(np.minimum(z, 0.0))

    return Shape(
        Curve(lambda z: np.where(z > 0, scale * z, steepest * np.expm1(np.minimum(z, 0.0)))),
        Curve(lambda z: np.where(z > 0, scale, below(z)), ((0.0, scale, steepest),)),
        Curve(lambda z: np.where(z > 0, 0.0, below(z)), ((0.0, -math.inf, math.inf),)),
    )


def _identity() -> Shape:
    return Shape(Curve(lambda z: z), Curve(np.ones_like), Curve(np.zeros_like))


SHAPES: dict[str | None, Shape] = {
    None: _identity(),
    "silu": _silu(),
    "selu": _selu(),
    "relu": _relu(),
    "gelu": _gelu(),
    "gelu_tanh": _gelu_tanh(),
    "tanh": _tanh(),
}
"""By the names of `ACTIVATIONS`; None is the identity."""
