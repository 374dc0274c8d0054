"""Expressions as trees: thousands are tried a second, so they are numpy's until sympy writes the few that are left."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import sympy
from jaxtyping import Float

from interp.expressions import number as exact_number

FUNCTIONS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "sin": (np.sin, sympy.sin),
    "cos": (np.cos, sympy.cos),
    "arcsin": (np.arcsin, sympy.asin),
    "arccos": (np.arccos, sympy.acos),
    "arctan": (np.arctan, sympy.atan),
    "tanh": (np.tanh, sympy.tanh),
    "exp": (np.exp, sympy.exp),
    "log": (np.log, sympy.log),
    "abs": (np.abs, lambda inner: sympy.Abs(inner).replace(sympy.re, lambda part: part)),  # no column is complex
}
"""What a formula may call, for numpy and for sympy."""

_DENOMINATORS = (1, 2, 3, 4, 5, 6, 8)


@dataclass(frozen=True)
class Term:
    """A node of an expression."""

    kind: str
    """"variable", "number", "add", "multiply", "power", or a key of `FUNCTIONS`."""
    parts: tuple["Term", ...] = ()
    value: float = 0.0
    """A variable's index, a number, or the exponent of a power."""
    free: bool = False
    """Whether a fit may change this number."""

    @cached_property
    def length(self) -> int:
        """How many variables, numbers, functions and signs it takes to write this down."""
        within = sum(part.length for part in self.parts)
        if self.kind == "power":
            return within + (1 if self.value in (-1, 0.5, 2) else 2)
        if self.kind == "multiply" and _is(self.parts[0], -1):
            return within + len(self.parts) - 3  # a minus in place of a plus
        return within + len(self.parts) - 1 if self.kind in ("add", "multiply") else 1 + within

    @cached_property
    def variables(self) -> frozenset[int]:
        """The variables that occur."""
        if self.kind == "variable":
            return frozenset([int(self.value)])
        return frozenset().union(*(part.variables for part in self.parts))

    @cached_property
    def free_numbers(self) -> tuple[float, ...]:
        """What a fit may change, in the order in which it is written."""
        if self.kind == "number" and self.free:
            return (self.value,)
        return tuple(value for part in self.parts for value in part.free_numbers)

    @cached_property
    def fixed_numbers(self) -> tuple[float, ...]:
        """What a fit may not change, without exponents of powers."""
        if self.kind == "number":
            return () if self.free else (self.value,)
        return tuple(value for part in self.parts for value in part.fixed_numbers)

    def substituted(self, quantities: Sequence["Term"]) -> "Term":
        """Returns the term with the first of these for variable 0, the second for variable 1 and so on."""
        if self.kind == "variable":
            return quantities[int(self.value)]
        parts = tuple(part.substituted(quantities) for part in self.parts)
        if self.kind in _JOINING:
            return _JOINING[self.kind](*parts)
        return Term(self.kind, parts, self.value, self.free)


def variable(index: int) -> Term:
    """Returns the variable of this index."""
    return Term("variable", value=float(index))


def number(value: float | int, *, free: bool = False) -> Term:
    """Returns a number."""
    return Term("number", value=float(value), free=free)


def add(*parts: Term) -> Term:
    """Returns a sum without zeros and without sums in it."""
    flat = [inner for part in parts for inner in (part.parts if part.kind == "add" else (part,))]
    flat = [part for part in flat if not _is(part, 0)]
    return flat[0] if len(flat) == 1 else Term("add", tuple(flat)) if flat else number(0)


def multiply(*parts: Term) -> Term:
    """Returns a product without ones and without products in it."""
    flat = [inner for part in parts for inner in (part.parts if part.kind == "multiply" else (part,))]
    if any(_is(part, 0) for part in flat):
        return number(0)
    flat = [part for part in flat if not _is(part, 1)]
    return flat[0] if len(flat) == 1 else Term("multiply", tuple(flat)) if flat else number(1)


def power(base: Term, exponent: float | int) -> Term:
    """Returns a power; the first is the base itself."""
    if exponent == 0:
        return number(1)
    return base if exponent == 1 else Term("power", (base,), float(exponent))


_JOINING: dict[str, Callable[..., Term]] = {"add": add, "multiply": multiply}


def call(name: str, inner: Term) -> Term:
    """Returns a function of a term."""
    return Term(name, (inner,))


def negative(term: Term) -> Term:
    """Returns minus a term, of a difference the other one."""
    if term.kind == "add":
        return add(*map(negative, term.parts))
    if term.kind == "multiply" and _is(term.parts[0], -1):
        return multiply(*term.parts[1:])
    return number(-term.value) if term.kind == "number" and not term.free else multiply(number(-1), term)


def evaluate(term: Term, columns: Float[np.ndarray, "variables rows"]) -> Float[np.ndarray, " rows"]:
    """Computes a term on every row; where it is not defined that is no finite number."""
    with np.errstate(all="ignore"):
        return _evaluate(term, columns)


def with_numbers(term: Term, numbers: Sequence[float]) -> Term:
    """Returns the term with other free numbers, as many as it has."""
    return _with_numbers(term, iter(numbers))


def with_fixed(term: Term, index: int, value: float | int) -> Term:
    """Returns the term with its free number of this index set to a value for good; what it makes idle is dropped."""
    return _with_fixed(term, iter(range(len(term.free_numbers))), index, value)


def rebuilt(term: Term, parts: tuple[Term, ...]) -> Term:
    """Returns the term with other parts; what they make idle is dropped."""
    if term.kind == "add":
        return add(*parts)
    if term.kind == "multiply":
        return multiply(*parts)
    return Term(term.kind, parts, term.value)


def to_sympy(term: Term, symbols: Sequence[sympy.Symbol]) -> sympy.Expr:
    """Writes a term in sympy's functions; multiples of pi and roots of small numbers are written as such."""
    if term.kind == "variable":
        return symbols[int(term.value)]
    if term.kind == "number":
        return written(term.value)
    parts = [to_sympy(part, symbols) for part in term.parts]
    if term.kind == "add":
        return sympy.Add(*parts)
    if term.kind == "multiply":
        return sympy.Mul(*parts)
    if term.kind == "power":
        return sympy.Pow(parts[0], written(term.value))
    return FUNCTIONS[term.kind][1](*parts)


def written(value: float | int) -> sympy.Expr:
    """Returns a number as people write it: as a fraction, times pi or a root where that is what it is to the last bits.

    Example:
        >>> written(0.75), written(3.141592653589793), written(0.3989422804014327)
        (3/4, pi, sqrt(2)/(2*sqrt(pi)))
    """
    for unit, size in _UNITS:
        share = value / size
        for denominator in _DENOMINATORS:
            whole = round(share * denominator)
            if 0 < abs(whole) < 1e6 and abs(share * denominator - whole) <= 4e-15 * abs(whole):
                return sympy.Rational(whole, denominator) * unit
    return exact_number(value)


_UNITS = tuple(
    (unit, float(unit))
    for unit in (
        sympy.Integer(1),
        sympy.pi,
        1 / sympy.pi,
        sympy.pi**2,
        1 / sympy.pi**2,
        sympy.sqrt(2),
        sympy.sqrt(3),
        sympy.sqrt(sympy.pi),
        1 / sympy.sqrt(sympy.pi),
        sympy.sqrt(2 * sympy.pi),
        1 / sympy.sqrt(2 * sympy.pi),
    )
)
"""What numbers may be simple multiples of, and its size."""


def simple_numbers() -> Float[np.ndarray, "numbers 2"]:
    """Returns positive numbers that constants of formulas tend to be, and how long each is; sorted by size."""
    found: dict[float, tuple[float, float]] = {}
    for unit, size in _UNITS:
        extra = 0 if unit == 1 else 3
        for whole in range(1, 13):
            for denominator in _DENOMINATORS:
                length = whole + denominator + extra
                if not extra or length <= 12:
                    value = whole / denominator * size
                    key = round(value, 13)
                    found[key] = min(found.get(key, (math.inf, value)), (length, value))
    return np.array(sorted((value, length) for length, value in found.values()))


def _is(term: Term, value: float | int) -> bool:
    return term.kind == "number" and not term.free and term.value == value


def _evaluate(term: Term, columns: np.ndarray) -> np.ndarray:
    if term.kind == "variable":
        return columns[int(term.value)]
    if term.kind == "number":
        return np.full(columns.shape[1], term.value)
    parts = [_evaluate(part, columns) for part in term.parts]
    if term.kind == "add":
        return np.add.reduce(parts)
    if term.kind == "multiply":
        return np.multiply.reduce(parts)
    if term.kind == "power":
        return raised(parts[0], term.value)
    found: np.ndarray = FUNCTIONS[term.kind][0](parts[0])
    return found


def raised(base: np.ndarray, exponent: float | int) -> np.ndarray:
    """Returns a power, the common ones without logarithms; a root of what is negative is no number."""
    if exponent == 2:
        return base * base
    if exponent == -1:
        return 1.0 / base
    if exponent == 0.5:
        return np.sqrt(base)
    found: np.ndarray = np.power(base, exponent)
    return found


def _with_numbers(term: Term, numbers: Iterator[float]) -> Term:
    if not term.free_numbers:
        return term
    if term.kind == "number":
        return number(next(numbers), free=True)
    parts = tuple(_with_numbers(part, numbers) if part.free_numbers else part for part in term.parts)
    return Term(term.kind, parts, term.value)


def _with_fixed(term: Term, count: Iterator[int], index: int, value: float | int) -> Term:
    if term.kind == "number":
        return number(value) if term.free and next(count) == index else term
    if not term.parts:
        return term
    return rebuilt(term, tuple(_with_fixed(part, count, index, value) for part in term.parts))
