"""What a formula is: an expression per output, how close it is to the net and to the data, and where."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd
import sympy
from jaxtyping import Float
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bimt.messages import printable
from interp.bounds.branch_and_bound import Bound
from interp.discovery.laws import Law
from interp.expressions import evaluate_all, text
from interp.fidelity import BOX, Fidelity
from interp.motifs import Motif, Motifs
from interp.typeset import Equation, legends, to_latex, to_mathml

Form = Literal["exact", "readable", "discovered"]

_COLUMNS_SHOWN = 8
"""The domain of more columns is not printed; the JSON has it."""


@dataclass(frozen=True, eq=False)
class Formula:
    """One output as an expression of the inputs, in the table's units; of a class its logit."""

    output: str
    """Name of the output, as the table spells it."""
    expr: sympy.Expr
    """In sympy's standard functions alone. Its symbols are the keys of `Formulas.variables`."""
    layers: tuple[Equation, ...]
    """The same as equations: the hidden neurons it needs in forward order, last the output under its own name."""
    max_error: float
    """Largest |formula - net| on the domain's points and the test split, in the table's units."""
    relative_error: float
    """The same as a share of the range of the net's output over the test rows for these, over the domain for all other
    points (of a constant output: of its size); the larger of the two."""
    fidelity: tuple[Fidelity, ...]
    """How close it is, region by region."""
    domain: dict[str, tuple[float, float]]
    """Smallest and largest value of every column in the training split, in the table's units."""
    bound: Bound | None = None
    """What is proven of |formula - net| on the domain; None where no proof was asked for, or none is needed."""

    @property
    def r_squared(self) -> float | None:
        """Against the test data; None in classification, and where the test data do not vary."""
        return next(each.data_r_squared for each in self.fidelity if each.region == "test")

    @cached_property
    def length(self) -> int:
        """How many numbers, symbols and operations `layers` write.

        A sum or product of any number of terms is one operation, and so is an activation.
        """
        return sum(1 for _, expr in self.layers for _ in sympy.preorder_traversal(expr))

    @cached_property
    def text(self) -> str:
        """The expression as text that `sympy.sympify` reads back."""
        return text(self.expr)

    @cached_property
    def latex(self) -> str:
        """The formula typeset: one equation where it is short, else `layers`; what is called by name is explained."""
        return to_latex(self.layers)

    @cached_property
    def mathml(self) -> str:
        """The same as one MathML element."""
        return to_mathml(self.layers)

    def to_json(self) -> dict[str, Any]:
        """Returns what `bimt symbolic --json` prints of this output."""
        bound = self.bound
        return {
            "output": self.output,
            "expr": self.text,
            "latex": self.latex,
            "length": self.length,
            "max_error": _finite(self.max_error),
            "proven_error": None if bound is None else _finite(bound.proven),
            "reached_error": None if bound is None else bound.reached,
            "r_squared": self.r_squared,
            "fidelity": [each.to_json() for each in self.fidelity],
            "domain": {column: list(ends) for column, ends in self.domain.items()},
        }


@dataclass(frozen=True, eq=False)
class Formulas:
    """The formulas of all outputs of one pruned net."""

    form: Form
    variables: dict[str, str]
    """From symbol to column."""
    formulas: tuple[Formula, ...]
    """In the order of the task's outputs."""
    metric: float
    """Of the formulas on the test split: R^2 averaged over outputs, or accuracy."""
    net_metric: float
    """The same of the pruned net."""
    label: int = 0
    """The seed's label in its checkpoint."""
    laws: tuple[Law, ...] = ()
    """Of the discovered form: how each output's was found, and whether it is accepted."""
    motifs: tuple[Motif, ...] = ()
    """Of the readable form: squares, products, lines and constants that the pruned net's neurons are."""

    def evaluate(self, table: Float[np.ndarray, "rows inputs"]) -> Float[np.ndarray, "rows outputs"]:
        """Computes every output with numpy, in the table's units, one column of inputs per variable."""
        return evaluate_all([formula.expr for formula in self.formulas], list(self.variables), table)

    def to_json(self) -> dict[str, Any]:
        """Returns what `bimt symbolic --json` prints of this form."""
        columns = list(self.variables.values())
        laws: list[dict[str, Any] | None] = [law.to_json(columns) for law in self.laws]
        laws = laws or [None] * len(self.formulas)
        return {
            "form": self.form,
            "variables": self.variables,
            "formulas": [formula.to_json() | {"law": law} for formula, law in zip(self.formulas, laws, strict=True)],
            "motifs": Motifs(self.motifs).to_json(),
        }

    def to_frame(self) -> pd.DataFrame:
        """Returns one row per output: output, expr, latex, length, max_error, relative_error, r_squared."""
        columns = ["output", "text", "latex", "length", "max_error", "relative_error", "r_squared"]
        rows = [[getattr(formula, column) for column in columns] for formula in self.formulas]
        return pd.DataFrame(rows, columns=["expr" if column == "text" else column for column in columns])

    def __rich__(self) -> RenderableType:
        """Shows each formula neuron by neuron, then how faithful it is and where."""
        everything = [equation for formula in self.formulas for equation in formula.layers]
        lines = dict.fromkeys(_line(*equation) for equation in everything)
        where = [f"{name}(z) = {text(expr)}" for name, expr in legends(everything)]
        where += [f"{symbol} = {printable(column)}" for symbol, column in self.variables.items() if symbol != column]
        return Group(
            *map(Text, lines),
            *(Text(f"  where {line}") for line in where),
            *([Motifs(self.motifs)] if self.motifs else []),
            self._error_table(),
            self._region_table(),
            *self._domain_lines(),
            *self._law_lines(),
        )

    def _error_table(self) -> Table:
        table = Table(title=f"seed {self.label}, {self.form} formulas")
        headings = (
            "output",
            "length",
            "error in the box",
            "proven at most",
            "on test rows",
            "of its range",
            "test R^2",
        )
        for heading in headings:
            table.add_column(heading, justify="left" if heading == "output" else "right")
        for formula in self.formulas:
            errors = {each.region: each.net_error for each in formula.fidelity}
            bound = formula.bound
            table.add_row(
                Text(printable(formula.output)),
                f"{formula.length:,}",
                f"{max(errors[BOX], 0.0 if bound is None else bound.reached):.2g}",
                "" if bound is None else f"{bound.proven:.2g}",
                f"{errors['test']:.2g}",
                f"{formula.relative_error:.2g}",
                _score(formula.r_squared),
            )
        return table

    def _region_table(self) -> Table:
        """Shows R^2 in every region, against the net and, where there are any, against data."""
        table = Table(title="R^2 by region")
        table.add_column("output")
        table.add_column("against")
        for each in self.formulas[0].fidelity:
            table.add_column(each.region, justify="right")
        for formula in self.formulas:
            name = Text(printable(formula.output))
            table.add_row(name, "net", *(_score(each.net_r_squared) for each in formula.fidelity))
            data = [each.data_r_squared for each in formula.fidelity]
            if any(score is not None for score in data):
                table.add_row("", "data", *map(_score, data))
        return table

    def _domain_lines(self) -> Iterator[Text]:
        domain = self.formulas[0].domain
        if len(domain) <= _COLUMNS_SHOWN:
            rows = [(symbol, *domain[column]) for symbol, column in self.variables.items()]
            ends = ", ".join(f"{symbol} {low:.4g} to {high:.4g}" for symbol, low, high in rows)
            yield Text(f"{BOX}: {ends} (the training rows); +10 % and +50 % lie around it")

    def _law_lines(self) -> Iterator[Text]:
        """Yields what the net said of each law, and which are refused."""
        for formula, law in zip(self.formulas, self.laws, strict=False):
            name = printable(formula.output)
            shapes = " or ".join(law.structure.in_words(list(self.variables))) or "a constant"
            yield Text(f"{name}: the net reads it as {shapes}; searched {law.found_by}")
            if law.accepted:
                yield Text(f"  accepted: off the test data by {law.test_error:.2g} of its range (root mean square)")
            else:
                yield Text(
                    "  refused: no short formula was close enough to the test data; the best, shown here, is "
                    f"off by {law.test_error:.2g} of its range (see --error, --seconds)"
                )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _score(value: float | None) -> str:
    """Writes an R^2; what is worse than a constant by far is only called that."""
    if value is None:
        return ""
    return f"{value:.4f}" if value > -10 else "< -10"


def _line(name: str | sympy.Symbol, expr: sympy.Expr) -> str:
    shown = name.name if isinstance(name, sympy.Symbol) else printable(name)
    return f"{shown} = {text(expr)}"
