"""By how much a term grows with each of its free numbers, exactly: rounding of differences would hide what fits."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from interp.discovery.terms import FUNCTIONS, Term, raised

_SLOPES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "sin": np.cos,
    "cos": lambda inner: -np.sin(inner),
    "arcsin": lambda inner: 1 / np.sqrt(1 - inner * inner),
    "arccos": lambda inner: -1 / np.sqrt(1 - inner * inner),
    "arctan": lambda inner: 1 / (1 + inner * inner),
    "tanh": lambda inner: 1 - np.tanh(inner) ** 2,
    "exp": np.exp,
    "log": lambda inner: 1 / inner,
    "abs": np.sign,
}


def with_slopes(
    term: Term, columns: Float[np.ndarray, "variables rows"]
) -> tuple[Float[np.ndarray, " rows"], Float[np.ndarray, "numbers rows"]]:
    """Computes a term and its derivatives by its free numbers, in their order, on every row.

    Where they are not defined they are no finite numbers.
    """
    with np.errstate(all="ignore"):
        values, found = _with_slopes(term, columns)
    return values, np.array(found).reshape(len(found), columns.shape[1])


def _with_slopes(term: Term, columns: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    rows = columns.shape[1]
    if term.kind == "variable":
        return columns[int(term.value)], []
    if term.kind == "number":
        return np.full(rows, term.value), [np.ones(rows)] if term.free else []
    values, inner = zip(*(_with_slopes(part, columns) for part in term.parts), strict=True)
    if term.kind == "add":
        return np.add.reduce(values), [slope for slopes in inner for slope in slopes]
    if term.kind == "multiply":
        others = [np.multiply.reduce([np.ones(rows), *values[:place], *values[place + 1 :]])
                  for place in range(len(values))]  # fmt: skip
        return np.multiply.reduce(values), [
            slope * other for slopes, other in zip(inner, others, strict=True) for slope in slopes
        ]
    if term.kind == "power":
        outer = term.value * raised(values[0], term.value - 1) if inner[0] else None
        return raised(values[0], term.value), [outer * slope for slope in inner[0]]
    outer = _SLOPES[term.kind](values[0]) if inner[0] else None
    return FUNCTIONS[term.kind][0](values[0]), [outer * slope for slope in inner[0]]
