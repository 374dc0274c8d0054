"""Gives a rival's formulas the chance that ours have: numbers fitted in double precision and made simple.

Operon works in single precision and gplearn fits no numbers at all. So every formula that a rival proposes is brought
into a form without idle numbers (`canonical`), its numbers are fitted by least squares to the training rows, and of the
best few they are made simple (fractions, multiples of pi and of roots, zero) by the very routine that ours go through.
Which of a rival's formulas is taken is decided as among ours, by the length of the description.
"""

import math
import time
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import sympy
from jaxtyping import Float

from benchmarks.formulas.canonical import canonical, to_term, without_absolutes
from interp.discovery.constants import refitted, simplified
from interp.discovery.terms import Term, evaluate, to_sympy

clock = time.process_time
"""What rivals go by: on a busy machine they lose nothing."""

Columns = Float[np.ndarray, "variables rows"]
Rows = Float[np.ndarray, " rows"]

_SIMPLIFIED = 5
"""So many of the best have their numbers made simple."""
_MOST_NUMBERS = 12
"""Formulas with more stay as they are: no law has so many, and it takes minutes."""
_FITTED = 500
"""Rows that numbers are fitted on until the last fit, which takes all."""


def finished(
    proposals: Iterable[sympy.Expr], columns: Columns, target: Rows, symbols: Sequence[sympy.Symbol], *, until: float
) -> Iterator[tuple[sympy.Expr, float]]:
    """Yields the best of a rival's formulas with its numbers fitted, and how far it is off; then with simple numbers.

    Args:
        proposals: As the rival wrote them; the likeliest first.
        columns: The training rows' variables.
        target: What they should give.
        symbols: The variables' names.
        until: When to stop, on `clock`; at least the first is fitted.

    Yields:
        A formula, and the root of its mean squared error as a share of the target's standard deviation; every one is
        better than the one before.
    """
    found = _fitted(proposals, columns, target, symbols, until)
    order = sorted(found, key=lambda term: found[term])
    best = math.inf
    for term in order[:1]:
        best = found[term]
        if math.isfinite(best):
            yield to_sympy(term, symbols), error_of(term, columns, target)
    for term in [term for term in order if len(term.free_numbers) <= _MOST_NUMBERS][:_SIMPLIFIED]:
        if clock() > until:
            return
        simple = simplified(refitted(term, columns, target), columns, target)
        if description_length(simple, columns, target) < best:
            best = description_length(simple, columns, target)
            yield to_sympy(simple, symbols), error_of(simple, columns, target)


def _fitted(
    proposals: Iterable[sympy.Expr], columns: Columns, target: Rows, symbols: Sequence[sympy.Symbol], until: float
) -> dict[Term, float]:
    """Returns formulas with their numbers fitted, and how long each description is."""
    few = np.linspace(0, len(target) - 1, min(_FITTED, len(target))).astype(int)
    found: dict[Term, float] = {}
    for proposal in proposals:
        term = to_term(canonical(without_absolutes(proposal, columns, symbols)), symbols)
        if term is not None:
            better = refitted(term, columns[:, few], target[few])
            found[better] = description_length(better, columns, target)
        if clock() > until:
            break
    return found


def error_of(term: Term, columns: Columns, target: Rows) -> float:
    """Returns the root of the mean squared error as a share of the target's standard deviation."""
    errors = evaluate(term, columns) - target
    spread = float(target.std()) or 1.0
    return float(np.sqrt(np.mean(errors**2))) / spread if np.isfinite(errors).all() else math.inf


def description_length(term: Term, columns: Columns, target: Rows) -> float:
    """Returns bits: 4 a sign, 12 more a number that is not simple, and what is left of all rows.

    Our search counts the quarter of the rows that it does not fit; rivals fit all.
    """
    left = len(target) * math.log2(max(error_of(term, columns, target), 1e-10))
    return 4 * term.length + 12 * len(term.free_numbers) + left
