"""Fits the free numbers of a term, and makes them simple where the data allow."""

import math

import numpy as np
from jaxtyping import Float
from scipy.optimize import least_squares

from interp.discovery.terms import Term, evaluate, simple_numbers, with_fixed, with_numbers

Rows = Float[np.ndarray, " rows"]
Columns = Float[np.ndarray, "variables rows"]

_SIMPLE = simple_numbers()
_ROUNDING = 1e-24
"""Squared errors below this share of the target's square are rounding."""
_SURE = 3.0
"""A number within so many standard errors of a simple one may be that."""


def refitted(term: Term, columns: Columns, target: Rows) -> Term:
    """Returns the term with its free numbers fitted by least squares, from where they are."""
    start = np.array(term.free_numbers)
    if not len(start) or len(target) <= len(start):
        return term
    far = 1e6 * (1 + float(np.abs(target).max()))

    def errors(numbers: np.ndarray) -> np.ndarray:
        found = evaluate(with_numbers(term, numbers.tolist()), columns) - target
        return np.where(np.isfinite(found), found, far)

    with np.errstate(all="ignore"):
        found = least_squares(
            errors,
            start,
            method="lm",
            x_scale=np.maximum(np.abs(start), 1e-6),
            xtol=1e-15,
            ftol=1e-15,
            gtol=1e-15,
            max_nfev=60 * (len(start) + 1),
        )
    before = errors(start)
    return with_numbers(term, found.x.tolist()) if 2 * found.cost < before @ before else term


def simplified(term: Term, columns: Columns, target: Rows) -> Term:
    """Returns the term with numbers replaced by simple ones, one by one, while the fit stays as good as by chance.

    A number may become a simple one, or zero, that lies within three standard errors; all others are then fitted again,
    and the sum of squares may grow by no more than nine times the variance of an error. What has no noise has standard
    errors of rounding: there only numbers that are simple to the last digits become so.
    """
    refused: set[int] = set()
    while True:
        choice = _simplest(term, columns, target, refused)
        if choice is None:
            return term
        index, value = choice
        count = len(term.free_numbers)
        before = max(_squares(term, columns, target), _ROUNDING * float(target @ target))
        trial = refitted(with_fixed(term, index, value), columns, target)
        if _squares(trial, columns, target) <= before * (1 + _SURE**2 / max(len(target) - count, 1)):
            term, refused = trial, set()
        else:
            refused.add(index)


def _simplest(term: Term, columns: Columns, target: Rows, refused: set[int]) -> tuple[int, float] | None:
    """Returns which number may become which value: of all that may, the simplest."""
    numbers = term.free_numbers
    spreads = _standard_errors(term, columns, target)
    best: tuple[float, int, float] | None = None
    for index, (value, spread) in enumerate(zip(numbers, spreads, strict=True)):
        if index in refused:
            continue
        size, reach = abs(value), max(_SURE * spread, 1e-9 * abs(value))
        options = [(0.0, 0.0)] if size <= reach else []
        options += [(length, near) for near, length in _SIMPLE[np.abs(_SIMPLE[:, 0] - size) <= reach].tolist()]
        for length, near in options:
            if best is None or length < best[0]:
                best = length, index, math.copysign(near, value)
    return None if best is None else best[1:]


def _standard_errors(term: Term, columns: Columns, target: Rows) -> list[float]:
    numbers = list(term.free_numbers)
    if not numbers:
        return []
    here = evaluate(term, columns)
    slopes = []
    for index, value in enumerate(numbers):
        step = 1e-6 * max(abs(value), 1e-3)
        moved = with_numbers(term, [*numbers[:index], value + step, *numbers[index + 1 :]])
        slopes.append((evaluate(moved, columns) - here) / step)
    matrix = np.array(slopes)
    if not np.isfinite(matrix).all():
        return [0.0] * len(numbers)
    squares = max(_squares(term, columns, target), _ROUNDING * float(target @ target))
    variance = squares / max(len(target) - len(numbers), 1)
    return np.sqrt(np.maximum(np.diag(np.linalg.pinv(matrix @ matrix.T)), 0) * variance).tolist()


def _squares(term: Term, columns: Columns, target: Rows) -> float:
    errors = evaluate(term, columns) - target
    return float(errors @ errors) if np.isfinite(errors).all() else math.inf
