"""Intervals of float64 that contain every real value there can be: each operation is rounded outward."""

from dataclasses import dataclass
from typing import Any

import numpy as np

Values = np.ndarray
"""Of any shape: nothing here depends on it."""

_UNIT = 2.0**-52
"""Twice the relative error of one rounding."""
_TINY = 1e-290
"""More than any sum of products loses where its parts become denormal."""


@dataclass(frozen=True, eq=False)
class Interval:
    """Arrays of one shape: every value is somewhere between low and high, ends included."""

    low: Values
    high: Values

    def __add__(self, other: "Interval") -> "Interval":
        low, high = self.low + other.low, self.high + other.high
        # A sum that is zero is exact, and what is not negative stays so.
        return Interval(np.where(low == 0, 0.0, _down(low)), np.where(high == 0, 0.0, _up(high)))

    def __sub__(self, other: "Interval") -> "Interval":
        return self + -other

    def __neg__(self) -> "Interval":
        return Interval(-self.high, -self.low)

    def __mul__(self, other: "Interval") -> "Interval":
        with np.errstate(invalid="ignore", over="ignore"):
            ends = [one * two for one in (self.low, self.high) for two in (other.low, other.high)]
        # Zero times an end at infinity: no real number of the interval is infinite, so the product is zero.
        ends = [np.where(np.isnan(end), 0.0, end) for end in ends]
        low = _down(np.minimum.reduce(ends))
        positive = (self.low >= 0) & (other.low >= 0)
        return Interval(np.where(positive, np.maximum(low, 0.0), low), _up(np.maximum.reduce(ends)))

    def __and__(self, other: "Interval") -> "Interval":
        """Returns what lies in both; they hold the same value, so they meet."""
        return Interval(np.maximum(self.low, other.low), np.minimum(self.high, other.high))

    def __getitem__(self, index: Any) -> "Interval":
        return Interval(self.low[index], self.high[index])

    def hull(self, other: "Interval") -> "Interval":
        """Returns the smallest interval that contains both."""
        return Interval(np.minimum(self.low, other.low), np.maximum(self.high, other.high))

    def widened(self, slack: Values | float) -> "Interval":
        """Returns the interval with both ends moved outward."""
        return Interval(_down(self.low - slack), _up(self.high + slack))

    def sum(self) -> "Interval":
        """Adds up along the last axis."""
        size = np.maximum(np.abs(self.low), np.abs(self.high)).sum(-1)
        slack = _UNIT * (self.low.shape[-1] + 2) * size + _TINY
        return Interval(self.low.sum(-1), self.high.sum(-1)).widened(slack)

    @property
    def magnitude(self) -> Values:
        """The largest absolute value."""
        return np.maximum(np.abs(self.low), np.abs(self.high))

    @property
    def mignitude(self) -> Values:
        """The smallest absolute value."""
        return np.maximum(np.maximum(self.low, -self.high), 0.0)


def thin(values: Values | float) -> Interval:
    """Returns the interval of one value."""
    array = np.asarray(values, dtype=np.float64)
    return Interval(array, array)


def rounded_reals(values: Values) -> Interval:
    """Returns what real numbers were rounded to these: constants, as they are printed in decimals."""
    return thin(values).widened(_UNIT * np.abs(values))


def weighted(
    weights: Values,
    values: Interval,
    unsure: Values | None = None,
) -> Interval:
    """Returns weights times values along the axis after the boxes: (boxes, source, ...) becomes (boxes, target, ...).

    A dot product of n terms is off by less than n roundings of the product of the sizes (Higham 2002, Accuracy and
    Stability of Numerical Algorithms, section 3.1).

    Args:
        weights: (target, source). Decimals that print these numbers stand for them: each may be off by a rounding.
        values: (boxes, source, ...).
        unsure: (target, source), how far each weight may be off beyond that.
    """
    middle = values.low / 2 + values.high / 2
    reach = _up(np.maximum(values.high - middle, middle - values.low))
    sizes = np.abs(weights)
    slack = _UNIT * (weights.shape[1] + 8)
    around = _product(sizes, reach)
    doubt = slack * _product(sizes, np.abs(middle) + reach) + _TINY
    if unsure is not None:
        doubt += _product(unsure, np.abs(middle) + reach)
    centre = _product(weights, middle)
    total = _up((around + doubt) * (1 + 2 * slack))
    return Interval(_down(centre - total), _up(centre + total))


def _product(weights: Values, values: Values) -> Values:
    if values.ndim == 2:
        return values @ weights.T
    return weights @ values


def _down(values: Values) -> Values:
    """Returns the next smaller number; of infinity less infinity nothing is known."""
    return np.where(np.isnan(values), -np.inf, np.nextafter(values, -np.inf))


def _up(values: Values) -> Values:
    return np.where(np.isnan(values), np.inf, np.nextafter(values, np.inf))
