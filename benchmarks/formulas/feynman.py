"""Thirty laws of physics: the first of the published table that have two to five variables, in its order.

Formulas and sampling ranges from the Feynman Symbolic Regression Database (Udrescu and Tegmark 2020,
doi 10.1126/sciadv.aay2631).
"""

from typing import NamedTuple

import numpy as np
import sympy
from jaxtyping import Float


class FeynmanLaw(NamedTuple):
    """A formula, and from which ranges its variables are drawn."""

    name: str
    """Volume, chapter and equation of the lectures."""
    formula: str
    ranges: dict[str, tuple[float, float]]

    @property
    def symbols(self) -> list[sympy.Symbol]:
        """The variables, all of them positive, in the order of the table."""
        return [sympy.Symbol(name, positive=True) for name in self.ranges]

    @property
    def expr(self) -> sympy.Expr:
        """The formula; sympy's own names (such as `beta`) are variables here."""
        return sympy.sympify(self.formula, locals={symbol.name: symbol for symbol in self.symbols})

    def draw(self, rows: int, *, seed: int) -> Float[np.ndarray, "variables rows"]:
        """Returns variables drawn uniformly from their ranges."""
        random = np.random.default_rng(seed)
        return np.array([random.uniform(low, high, rows) for low, high in self.ranges.values()])

    def values(self, columns: Float[np.ndarray, "variables rows"]) -> Float[np.ndarray, " rows"]:
        """Computes the law."""
        found: np.ndarray = sympy.lambdify(self.symbols, self.expr)(*columns)
        return found


def _law(name: str, formula: str, ranges: str) -> FeynmanLaw:
    """Reads ranges as `x 1 5, y 1 3`."""
    entries = [entry.split() for entry in ranges.split(",")]
    return FeynmanLaw(name, formula, {symbol: (float(low), float(high)) for symbol, low, high in entries})


LAWS = (
    _law("I.6.2", "exp(-(theta/sigma)**2/2)/(sqrt(2*pi)*sigma)", "sigma 1 3, theta 1 3"),
    _law("I.6.2b", "exp(-((theta-theta1)/sigma)**2/2)/(sqrt(2*pi)*sigma)", "sigma 1 3, theta 1 3, theta1 1 3"),
    _law("I.8.14", "sqrt((x2-x1)**2+(y2-y1)**2)", "x1 1 5, x2 1 5, y1 1 5, y2 1 5"),
    _law("I.10.7", "m_0/sqrt(1-v**2/c**2)", "m_0 1 5, v 1 2, c 3 10"),
    _law("I.12.1", "mu*Nn", "mu 1 5, Nn 1 5"),
    _law("I.12.2", "q1*q2*r/(4*pi*epsilon*r**3)", "q1 1 5, q2 1 5, epsilon 1 5, r 1 5"),
    _law("I.12.4", "q1*r/(4*pi*epsilon*r**3)", "q1 1 5, epsilon 1 5, r 1 5"),
    _law("I.12.5", "q2*Ef", "q2 1 5, Ef 1 5"),
    _law("I.12.11", "q*(Ef+B*v*sin(theta))", "q 1 5, Ef 1 5, B 1 5, v 1 5, theta 1 5"),
    _law("I.13.4", "m*(v**2+u**2+w**2)/2", "m 1 5, v 1 5, u 1 5, w 1 5"),
    _law("I.13.12", "G*m1*m2*(1/r2-1/r1)", "m1 1 5, m2 1 5, r1 1 5, r2 1 5, G 1 5"),
    _law("I.14.3", "m*g*z", "m 1 5, g 1 5, z 1 5"),
    _law("I.14.4", "k_spring*x**2/2", "k_spring 1 5, x 1 5"),
    _law("I.15.3x", "(x-u*t)/sqrt(1-u**2/c**2)", "x 5 10, u 1 2, c 3 20, t 1 2"),
    _law("I.15.3t", "(t-u*x/c**2)/sqrt(1-u**2/c**2)", "x 1 5, c 3 10, u 1 2, t 1 5"),
    _law("I.15.1", "m_0*v/sqrt(1-v**2/c**2)", "m_0 1 5, v 1 2, c 3 10"),
    _law("I.16.6", "(u+v)/(1+u*v/c**2)", "c 1 5, v 1 5, u 1 5"),
    _law("I.18.4", "(m1*r1+m2*r2)/(m1+m2)", "m1 1 5, m2 1 5, r1 1 5, r2 1 5"),
    _law("I.18.12", "r*F*sin(theta)", "r 1 5, F 1 5, theta 0 5"),
    _law("I.18.14", "m*r*v*sin(theta)", "m 1 5, r 1 5, v 1 5, theta 1 5"),
    _law("I.24.6", "m*(omega**2+omega_0**2)*x**2/4", "m 1 3, omega 1 3, omega_0 1 3, x 1 3"),
    _law("I.25.13", "q/C", "q 1 5, C 1 5"),
    _law("I.26.2", "asin(n*sin(theta2))", "n 0 1, theta2 1 5"),
    _law("I.27.6", "1/(1/d1+n/d2)", "d1 1 5, d2 1 5, n 1 5"),
    _law("I.29.4", "omega/c", "omega 1 10, c 1 10"),
    _law(
        "I.29.16",
        "sqrt(x1**2+x2**2-2*x1*x2*cos(theta1-theta2))",
        "x1 1 5, x2 1 5, theta1 1 5, theta2 1 5",
    ),
    _law("I.30.3", "Int_0*sin(n*theta/2)**2/sin(theta/2)**2", "Int_0 1 5, theta 1 5, n 1 5"),
    _law("I.30.5", "asin(lambd/(n*d))", "lambd 1 2, d 2 5, n 1 5"),
    _law("I.32.5", "q**2*a**2/(6*pi*epsilon*c**3)", "q 1 5, a 1 5, epsilon 1 5, c 1 5"),
    _law("I.34.8", "q*v*B/p", "q 1 5, v 1 5, B 1 5, p 1 5"),
)
