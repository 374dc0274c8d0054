"""Fits the free numbers of a term, and makes them simple where the data allow."""

import math

import numpy as np
from jaxtyping import Float
from scipy.optimize import least_squares

from interp.discovery.deadline import NEVER, Deadline, TimeIsUpError
from interp.discovery.slopes import with_slopes
from interp.discovery.terms import Term, evaluate, simple_numbers, with_fixed, with_numbers
from interp.discovery.ties import ties

Rows = Float[np.ndarray, " rows"]
Columns = Float[np.ndarray, "variables rows"]

_SIMPLE = simple_numbers()
_ROUNDING = 1e-24
"""Squared errors below this share of the target's square are rounding."""
_BITS_PER_SIGN = 4
_BITS_PER_NUMBER = 12
_SURE = 3.0
"""A number within so many standard errors of a simple one may be that."""


def refitted(term: Term, columns: Columns, target: Rows, *, steps: int = 200, deadline: Deadline = NEVER) -> Term:
    """Returns the term with its free numbers fitted by least squares, from where they are.

    Args:
        term: Where to start from.
        columns: The variables.
        target: What the term should give.
        steps: How often the term is computed at most.
        deadline: When to return the term as it is.
    """
    start = np.array(term.free_numbers)
    if not len(start) or len(target) <= len(start):
        return term
    far = 1e6 * (1 + float(np.abs(target).max()))

    def errors(numbers: np.ndarray) -> np.ndarray:
        deadline.check()
        found = evaluate(with_numbers(term, numbers.tolist()), columns) - target
        return np.where(np.isfinite(found), found, far)

    def slopes(numbers: np.ndarray) -> np.ndarray:
        found = with_slopes(with_numbers(term, numbers.tolist()), columns)[1].T
        return np.where(np.isfinite(found), found, 0)

    try:
        with np.errstate(all="ignore"):
            found = least_squares(
                errors,
                start,
                jac=slopes,
                method="lm",
                x_scale="jac",
                xtol=1e-12,
                ftol=1e-12,
                gtol=1e-15,
                max_nfev=steps,
            )
        before = errors(start)
    except TimeIsUpError:
        return term
    return with_numbers(term, found.x.tolist()) if 2 * found.cost < before @ before else term


def simplified(term: Term, columns: Columns, target: Rows, *, deadline: Deadline = NEVER) -> Term:
    """Returns the term with numbers replaced by simple ones, one by one, while the fit stays as good as by chance.

    A number may become a simple one, or zero, that lies within three standard errors, and two shares of a sum may
    become one; all others are then fitted again. The sum of squares may grow by no more than nine times the variance of
    an error, and by no more bits than the term is shorter. What has no noise has standard errors of rounding: there
    only numbers that are simple to the last digits become so.

    Args:
        term: Fitted to the data.
        columns: The variables.
        target: What the term should give.
        deadline: When to return what there is by then.
    """
    refused: set[Term] = set()
    while not deadline.is_over:
        trial = next((simpler for simpler in _simpler(term, columns, target) if simpler not in refused), None)
        if trial is None:
            break
        refused.add(trial)
        fitted = refitted(trial, columns, target, deadline=deadline)
        rounding = _ROUNDING * float(target @ target)
        before, after = (max(_squares(one, columns, target), rounding) for one in (term, fitted))
        freedom = max(len(target) - len(term.free_numbers), 1)
        saved = code_length(term, columns, target) - code_length(fitted, columns, target)
        if after <= before * (1 + _SURE**2 / freedom) and len(target) / 2 * math.log2(after / before) <= saved:
            term = fitted
    return term


def code_length(term: Term, columns: Columns, target: Rows) -> float:
    """Returns how many bits write a formula down.

    Four for every sign; for a number that is not simple those of its digits that the data tell, log2 |value / standard
    error|, at most twelve, and one for its sign (Rissanen 1978, doi 10.1016/0005-1098(78)90005-5); for a simple one the
    logarithm of how many are as simple.
    """
    bits = float(_BITS_PER_SIGN * term.length) + sum(map(_simple_bits, term.fixed_numbers))
    for value, spread in zip(term.free_numbers, standard_errors(term, columns, target), strict=True):
        known = abs(value) / spread if spread > 0 else math.inf
        bits += min(_BITS_PER_NUMBER, 1 + math.log2(1 + known))
    return bits


def _simple_bits(value: float) -> float:
    size = abs(value)
    near = np.abs(_SIMPLE[:, 0] - size) <= 1e-12 * size
    length = _SIMPLE[near, 1].min(initial=math.inf)
    return math.log2(max(1, int((_SIMPLE[:, 1] <= length).sum()))) if size else 0.0


def _simpler(term: Term, columns: Columns, target: Rows) -> list[Term]:
    """Returns what the term may become with a number less: without it, with one share for two, or a simple number."""
    numbers = term.free_numbers
    spreads = standard_errors(term, columns, target)
    reaches = [max(_SURE * spread, 1e-9 * abs(value)) for value, spread in zip(numbers, spreads, strict=True)]
    dropped, simple = [], []
    for index, (value, reach) in enumerate(zip(numbers, reaches, strict=True)):
        near = _SIMPLE[np.abs(_SIMPLE[:, 0] - abs(value)) <= reach]
        if abs(value) <= reach:
            dropped.append(with_fixed(term, index, 0.0))
        elif len(near):
            simplest, length = near[near[:, 1].argmin()].tolist()
            simple.append((length, index, math.copysign(simplest, value)))
    tied = [
        one
        for left, right, one in ties(term)
        if abs(abs(numbers[left]) - abs(numbers[right])) <= reaches[left] + reaches[right]
    ]
    return [*dropped, *tied, *(with_fixed(term, index, value) for _, index, value in sorted(simple))]


def standard_errors(term: Term, columns: Columns, target: Rows) -> list[float]:
    """Returns how far off each free number may be, as the errors' size and the slopes tell to first order."""
    numbers = list(term.free_numbers)
    if not numbers:
        return []
    _, matrix = with_slopes(term, columns)
    if not np.isfinite(matrix).all():
        return [0.0] * len(numbers)
    squares = max(_squares(term, columns, target), _ROUNDING * float(target @ target))
    variance = squares / max(len(target) - len(numbers), 1)
    sizes = np.sqrt((matrix * matrix).sum(1))
    sizes[sizes == 0] = 1.0
    scaled = matrix / sizes[:, None]
    return (np.sqrt(np.maximum(np.diag(np.linalg.pinv(scaled @ scaled.T)), 0) * variance) / sizes).tolist()


def _squares(term: Term, columns: Columns, target: Rows) -> float:
    errors = evaluate(term, columns) - target
    return float(errors @ errors) if np.isfinite(errors).all() else math.inf
