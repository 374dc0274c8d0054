"""Functions that may stand around a whole formula: what is inside is found from the transformed target."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from interp.discovery.terms import Term, call, multiply, number, power

Values = Float[np.ndarray, " rows"]


@dataclass(frozen=True)
class Outer:
    """y = wrap(z), where z = inverse(y) is a sum of terms."""

    name: str
    """How it is called in tables."""
    inverse: Callable[[Values], Values]
    slope: Callable[[Values], Values]
    """Of `inverse`, at y: by how much an error of y is magnified in z."""
    applies: Callable[[Values], bool]
    """Whether `inverse` is defined on all of y and tells its values apart."""
    outside: Callable[[Term], Term]
    """What to write around z."""
    loses_sign: bool = False
    """Whether `inverse` gives the same for y and -y."""

    def wrap(self, z: Term, y: Values) -> Term:
        """Returns y as a function of z."""
        sign = -1.0 if self.loses_sign and y.min() < 0 else 1.0
        return multiply(number(sign), self.outside(z))


def _everywhere(y: Values) -> bool:
    return bool(np.isfinite(y).all())


def _one_sign(y: Values) -> bool:
    return bool((y > 0).all() or (y < 0).all())


def _one_sign_or_zero(y: Values) -> bool:
    return bool((y >= 0).all() or (y <= 0).all())


def _below_a_right_angle(y: Values) -> bool:
    return bool(np.abs(y).max() < math.pi / 2)


def _between_zero_and_pi(y: Values) -> bool:
    return bool(y.min() > 0 and y.max() < math.pi)


def _not_far_from_zero(y: Values) -> bool:
    return bool(np.abs(y).max() < 8)


OUTERS: tuple[Outer, ...] = (
    Outer("y", lambda y: y, np.ones_like, _everywhere, lambda z: z),
    Outer("1 / y", lambda y: 1 / y, lambda y: 1 / y**2, _one_sign, lambda z: power(z, -1)),
    Outer("y^2", lambda y: y * y, lambda y: 2 * np.abs(y), _one_sign_or_zero, lambda z: power(z, 0.5), loses_sign=True),
    Outer(
        "1 / y^2",
        lambda y: 1 / y**2,
        lambda y: 2 / np.abs(y) ** 3,
        _one_sign,
        lambda z: power(z, -0.5),
        loses_sign=True,
    ),
    Outer(
        "sqrt(y)",
        lambda y: np.sqrt(np.abs(y)),
        lambda y: 0.5 / np.sqrt(np.abs(y)),
        _one_sign_or_zero,
        lambda z: power(z, 2),
        loses_sign=True,
    ),
    Outer("cbrt(y)", np.cbrt, lambda y: 1 / (3 * np.cbrt(y) ** 2), _everywhere, lambda z: power(z, 3)),
    Outer("exp(y)", np.exp, np.exp, _not_far_from_zero, lambda z: call("log", z)),
    Outer("sin(y)", np.sin, np.cos, _below_a_right_angle, lambda z: call("arcsin", z)),
    Outer("cos(y)", np.cos, lambda y: np.abs(np.sin(y)), _between_zero_and_pi, lambda z: call("arccos", z)),
    Outer("tan(y)", np.tan, lambda y: 1 / np.cos(y) ** 2, _below_a_right_angle, lambda z: call("arctan", z)),
)
"""Beside these, `products.py` looks at the logarithm of y."""
