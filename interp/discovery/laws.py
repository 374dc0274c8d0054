"""The discovered form: for every output a short formula of the data, in the shape that the net suggests."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
from jaxtyping import Float
from torch import Tensor

from bimt.messages import UserError, printable
from bimt.tasks.base import Task
from interp.circuit import Circuit
from interp.discovery.constants import refitted, simplified
from interp.discovery.deadline import Deadline
from interp.discovery.judging import Candidate, Judge
from interp.discovery.search import ENOUGH, EXACT, SIZES, search
from interp.discovery.structure import Structure, find_structure
from interp.discovery.terms import Term, evaluate, to_sympy
from interp.discovery.views import views_of

_SMALL = tuple(size for size in SIZES if size <= ENOUGH)
_LARGE = tuple(size for size in SIZES if size > ENOUGH)
_FEWEST = 8
"""Fewer training rows cannot be split into rows to fit and rows to judge."""


@dataclass(frozen=True, eq=False)
class Law:
    """A short formula of one output, fitted to the training split."""

    term: Term
    """Its variables are columns of the table."""
    structure: Structure
    """What the net said before the search."""
    found_by: str
    """The function of the output that was searched, and how many terms stand in it."""
    train_error: float
    """Root of the mean squared error on the training rows, as a share of the output's range over them."""
    test_error: float
    """The same on the test rows; infinite where the formula is not defined on one."""
    accepted: bool
    """Whether the test error is within what was allowed."""

    def to_json(self, columns: Sequence[str]) -> dict[str, Any]:
        """Returns what `bimt symbolic --json` prints of it, its columns by name."""
        return {
            "accepted": self.accepted,
            "train_error": self.train_error,
            "test_error": self.test_error if math.isfinite(self.test_error) else None,
            "length": self.term.length,
            "found_by": self.found_by,
            "inputs": [columns[column] for column in self.structure.inputs],
            "sums": named(self.structure.sums, columns),
            "products": named(self.structure.products, columns),
            "symmetries": [symmetry.in_words(columns) for symmetry in self.structure.symmetries],
            "compositions": named(self.structure.compositions, columns),
        }

    def expr(self, symbols: Sequence[sympy.Symbol]) -> sympy.Expr:
        """Returns the formula with a symbol for each column."""
        return to_sympy(self.term, symbols)


def named(groups: Sequence[frozenset[int]], columns: Sequence[str]) -> list[list[str]]:
    """Returns groups of columns by their names."""
    return [[columns[column] for column in sorted(group)] for group in groups]


def find_laws(circuit: Circuit, task: Task, *, error: float, seconds: float) -> tuple[Law, ...]:
    """Looks for a short formula of every output of a regression.

    Which columns matter and which act apart is asked of the net; numbers are fitted to the training split's own
    targets, and the test split decides whether the formula is accepted.

    Args:
        circuit: The pruned net in the table's units.
        task: In float64.
        error: Largest root mean squared error on the test rows that is accepted, as a share of the output's range.
        seconds: How long to look, for all outputs together.

    Raises:
        UserError: If the task has classes, or fewer than 8 rows to train on.
    """
    if task.kind != "regression":
        raise UserError(
            f"discovered formulas are fitted to numbers, and {printable(task.name)} has classes; take --form readable"
        )
    if len(task.train) < _FEWEST:
        raise UserError(f"discovered formulas need at least {_FEWEST} training rows, found {len(task.train)}")
    tables = [task.scaling.inputs_to_table(split.inputs) for split in (task.train, task.test)]
    targets = [task.scaling.to_table(split.targets) for split in (task.train, task.test)]
    until, found = Deadline.after(seconds), []
    for index in range(len(task.outputs)):
        share = until.left / (len(task.outputs) - index)
        wanted, asked = (target[:, index].numpy() for target in targets)
        found.append(_find_law(circuit, tables, wanted, asked, index=index, error=error, seconds=share))
    return tuple(found)


def _find_law(
    circuit: Circuit,
    tables: Sequence[Tensor],
    wanted: Float[np.ndarray, " train"],
    asked: Float[np.ndarray, " test"],
    *,
    index: int,
    error: float,
    seconds: float,
) -> Law:
    deadline = Deadline.after(seconds)
    train, test = (table.numpy().T for table in tables)
    spread = float(wanted.std()) or 1.0
    missed = circuit.run(tables[0])[0, :, index].numpy() - wanted
    structure = find_structure(circuit, tables[0], index, error=float(np.sqrt(np.mean(missed**2))) / spread)
    judge = Judge(train, wanted)
    best = _search(train, wanted, structure, judge, deadline) if np.ptp(wanted) else judge.mean
    term = simplified(refitted(best.term, train, wanted, deadline=deadline), train, wanted, deadline=deadline)
    size = float(np.ptp(wanted)) or max(float(np.abs(wanted).max()), 1.0)
    train_error, test_error = _error(term, train, wanted) / size, _error(term, test, asked) / size
    return Law(term, structure, best.found_by, train_error, test_error, accepted=test_error <= error)


def _search(
    table: Float[np.ndarray, "inputs rows"],
    target: Float[np.ndarray, " rows"],
    structure: Structure,
    judge: Judge,
    deadline: Deadline,
) -> Candidate:
    """Searches as the net suggests, then with less and less of what it says, for it can be wrong.

    All small libraries come before the large ones: what the net suggests wrongly must not take the time.
    """
    found = [judge.mean]
    views = [view for view in views_of(structure, len(table)) if np.isfinite(view.columns(table)).all()]
    tries = [(view, sizes) for sizes in (_SMALL, _LARGE) for view in views]
    for place, (view, sizes) in enumerate(tries):
        left = deadline.left / (len(tries) - place)
        columns, sums, products = view.columns(table), view.sums, view.products
        for one in search(columns, target, sums=sums, products=products, seconds=left, sizes=sizes):
            again = judge.judge(one.term.substituted(view.quantities), one.found_by)
            found += [again] if again is not None else []
        if min(one.error for one in found) < EXACT:
            break
    return min(found, key=lambda candidate: candidate.description_length)


def _error(term: Term, columns: Float[np.ndarray, "inputs rows"], truth: Float[np.ndarray, " rows"]) -> float:
    errors = evaluate(term, columns) - truth
    return float(np.sqrt(np.mean(errors**2))) if np.isfinite(errors).all() else float("inf")
