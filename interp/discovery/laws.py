"""The discovered form: for every output a short formula of the data, in the shape that the net suggests."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
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
from interp.discovery.search import EXACT, search
from interp.discovery.structure import Structure, find_structure
from interp.discovery.terms import Term, evaluate, to_sympy

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
        seconds: How long to look for each output.

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
    return tuple(
        _find_law(circuit, tables, [target[:, index] for target in targets], index=index, error=error, seconds=seconds)
        for index in range(len(task.outputs))
    )


def _find_law(
    circuit: Circuit, tables: Sequence[Tensor], targets: Sequence[Tensor], *, index: int, error: float, seconds: float
) -> Law:
    deadline = Deadline.after(seconds)
    train, test = (table.numpy().T for table in tables)
    wanted, asked = (target.numpy() for target in targets)
    spread = float(wanted.std()) or 1.0
    missed = circuit.run(tables[0])[0, :, index].numpy() - wanted
    structure = find_structure(circuit, tables[0], index, error=float(np.sqrt(np.mean(missed**2))) / spread)
    found = _search(train, wanted, structure, seconds)
    best = found[0] if found else Judge(train, wanted).mean
    term = simplified(refitted(best.term, train, wanted, deadline=deadline), train, wanted, deadline=deadline)
    size = float(np.ptp(wanted)) or max(float(np.abs(wanted).max()), 1.0)
    train_error, test_error = _error(term, train, wanted) / size, _error(term, test, asked) / size
    return Law(term, structure, best.found_by, train_error, test_error, accepted=test_error <= error)


def _search(
    table: Float[np.ndarray, "inputs rows"], target: Float[np.ndarray, " rows"], structure: Structure, seconds: float
) -> list[Candidate]:
    """Searches among the columns that the net reads, then among all if it reads fewer: nets drop what matters less.

    Terms come back in the table's columns.
    """
    if not np.ptp(target):
        return []
    reads_all = len(structure.inputs) == len(table)
    share = seconds if reads_all else seconds / 2
    found = _search_as_read(table, target, structure, share) if structure.inputs else []
    if not reads_all and not (found and found[0].error < EXACT):
        found += search(table, target, seconds=share)
    return sorted(found, key=lambda candidate: candidate.description_length)


def _search_as_read(
    table: Float[np.ndarray, "inputs rows"], target: Float[np.ndarray, " rows"], structure: Structure, seconds: float
) -> list[Candidate]:
    inputs = structure.inputs
    places = {column: place for place, column in enumerate(inputs)}
    sums, products = (
        [frozenset(places[column] for column in group) for group in groups]
        for groups in (structure.sums, structure.products)
    )
    found = search(table[list(inputs)], target, sums=sums, products=products, seconds=seconds)
    return [replace(candidate, term=candidate.term.renamed(inputs)) for candidate in found]


def _error(term: Term, columns: Float[np.ndarray, "inputs rows"], truth: Float[np.ndarray, " rows"]) -> float:
    errors = evaluate(term, columns) - truth
    return float(np.sqrt(np.mean(errors**2))) if np.isfinite(errors).all() else float("inf")
