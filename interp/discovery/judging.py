"""How good a formula is on rows that it was not fitted to, and how long a description of the data it makes."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from interp.discovery.constants import code_length
from interp.discovery.slopes import with_slopes
from interp.discovery.terms import Term, evaluate, number

Rows = Float[np.ndarray, " rows"]
Columns = Float[np.ndarray, "variables rows"]

_FEW = 400
"""Tables of fewer rows are judged by leaving out each row in turn."""
_HELD = 0.25
"""Share of the rows of other tables that judges formulas and fits nothing."""


@dataclass(frozen=True)
class Candidate:
    """A formula, and how good it is on rows that it was not fitted to."""

    term: Term
    error: float
    """Root of the mean squared error on rows that it was not fitted to, as a share of their standard deviation."""
    found_by: str
    """The outer function, and how many terms stand inside."""
    rows: int
    """How many rows judged it."""

    bits: float
    """How long the formula is (`code_length`)."""

    @property
    def description_length(self) -> float:
        """Bits of the formula, and of what it leaves of the values that judge it."""
        return self.bits + self.rows * math.log2(max(self.error, 1e-10))


class Judge:
    """Which rows of a table are fitted, and what the others say of a formula.

    Of 400 rows or more a quarter is held out. A quarter of fewer rows says little (of 14 rows it is four, which cannot
    tell an exponential from a parabola) and is missed where numbers are fitted. There all rows are fitted, and every
    one judges what the others would have predicted for it: to first order its error is that of the fit over one minus
    its leverage, h = diag(J (J'J)^-1 J'), J being the slopes of the formula by its free numbers (Allen 1974,
    doi 10.2307/1267500). Which terms stand in the formula was then chosen on the judging rows, too: that is paid by the
    bits of its signs, for four bits each are more than what the choice among 20,000 terms takes.

    Args:
        columns: The variables.
        target: What formulas should give.
        seed: Of the order of the rows.
    """

    def __init__(self, columns: Columns, target: Rows, *, seed: int = 0) -> None:
        rows = np.random.default_rng(seed).permutation(len(target))
        held = max(2, round(_HELD * len(rows)))
        self.leaves_out = len(rows) < _FEW
        """Whether each row is left out in turn."""
        self.fitted = rows if self.leaves_out else rows[held:]
        """Rows that formulas are fitted to, in random order."""
        judging = rows if self.leaves_out else rows[:held]
        self._columns, self._target = columns[:, judging], target[judging]
        self._spread = float(self._target.std()) or 1.0

    def judge(self, term: Term, found_by: str) -> Candidate | None:
        """Returns a formula with its error; None if it is not defined on a row or has a number for every row."""
        errors = evaluate(term, self._columns) - self._target
        if self.leaves_out:
            errors = errors / (1 - _leverages(term, self._columns))
        if not np.isfinite(errors).all():
            return None
        error = float(np.sqrt(np.mean(errors**2))) / self._spread
        return Candidate(term, error, found_by, len(errors), code_length(term, self._columns, self._target))

    @cached_property
    def mean(self) -> Candidate:
        """The formula that knows nothing."""
        term = number(float(self._target.mean()), free=True)
        return Candidate(term, 1.0, "its mean", len(self._target), code_length(term, self._columns, self._target))


def _leverages(term: Term, columns: Columns) -> Rows:
    """Returns how much of its own error each row takes into the fit, from 0 to 1."""
    matrix = with_slopes(term, columns)[1].T
    if not matrix.shape[1]:
        return np.zeros(columns.shape[1])
    if not np.isfinite(matrix).all():
        return np.full(columns.shape[1], np.nan)
    sizes = np.sqrt((matrix * matrix).sum(0))
    left, singular, _ = np.linalg.svd(matrix / np.where(sizes > 0, sizes, 1), full_matrices=False)
    return np.minimum((left[:, singular > 1e-7 * singular[0]] ** 2).sum(1), 1 - 1e-9)
