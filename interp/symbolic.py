"""Formulas: every output of a pruned net as a sympy expression in the table's own units.

Run as `python -m interp.symbolic CKPT`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
import sympy
import torch
from jaxtyping import Float
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from torch import Tensor

from bimt.messages import UserError, printable
from bimt.nets.base import Net
from bimt.tasks.base import Task
from interp.circuit import Circuit, to_circuit
from interp.discovery.laws import Law, find_laws
from interp.expressions import NAMED, WRITTEN_OUT, choose_symbols, compose, layered, size, text
from interp.rounding import output_scale, rounded, varies
from interp.sparse import SparseNet
from interp.typeset import Equation, legends, to_latex, to_mathml

Form = Literal["exact", "readable", "discovered"]

_LARGEST = 50_000
"""Formulas that mention more constants than this are refused: their text would be beyond any reader."""
_ONE_LINE = 12
"""Formulas with at most so many constants are typeset as one equation, larger ones neuron by neuron."""


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
    r_squared: float | None
    """Against the test data; None in classification, and where the test data do not vary."""
    domain: dict[str, tuple[float, float]]
    """Smallest and largest value of every column in the training split, in the table's units."""

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
        return {
            "output": self.output,
            "expr": self.text,
            "latex": self.latex,
            "max_error": self.max_error,
            "r_squared": self.r_squared,
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

    def evaluate(self, table: Float[np.ndarray, "rows inputs"]) -> Float[np.ndarray, "rows outputs"]:
        """Computes every output with numpy, in the table's units, one column of inputs per variable."""
        return _evaluate([formula.expr for formula in self.formulas], list(self.variables), table)

    def to_json(self) -> dict[str, Any]:
        """Returns what `bimt symbolic --json` prints."""
        columns = list(self.variables.values())
        laws: list[dict[str, Any] | None] = [law.to_json(columns) for law in self.laws]
        laws = laws or [None] * len(self.formulas)
        return {
            "form": self.form,
            "variables": self.variables,
            "formulas": [formula.to_json() | {"law": law} for formula, law in zip(self.formulas, laws, strict=True)],
        }

    def to_frame(self) -> pd.DataFrame:
        """Returns one row per output: output, expr, latex, max_error, relative_error, r_squared."""
        columns = ["output", "text", "latex", "max_error", "relative_error", "r_squared"]
        rows = [[getattr(formula, column) for column in columns] for formula in self.formulas]
        return pd.DataFrame(rows, columns=["expr" if column == "text" else column for column in columns])

    def __rich__(self) -> RenderableType:
        """Shows each formula neuron by neuron, then how faithful it is."""
        everything = [equation for formula in self.formulas for equation in formula.layers]
        lines = dict.fromkeys(_line(*equation) for equation in everything)
        where = [f"{name}(z) = {text(expr)}" for name, expr in legends(everything)]
        where += [f"{symbol} = {printable(column)}" for symbol, column in self.variables.items() if symbol != column]
        table = Table(title=f"seed {self.label}, {self.form} formulas")
        for heading in ("output", "largest error", "share of its range", "test R^2"):
            table.add_column(heading, justify="left" if heading == "output" else "right")
        for formula in self.formulas:
            r_squared = "" if formula.r_squared is None else f"{formula.r_squared:.4f}"
            errors = f"{formula.max_error:.2g}", f"{formula.relative_error:.2g}"
            table.add_row(Text(printable(formula.output)), *errors, r_squared)
        return Group(*map(Text, lines), *(Text(f"  where {line}") for line in where), table, *self._law_lines())

    def _law_lines(self) -> Iterator[Text]:
        """Yields what the net said of each law, and which are refused."""
        columns = list(self.variables.values())
        for formula, law in zip(self.formulas, self.laws, strict=False):
            name, found = printable(formula.output), law.to_json(columns)
            apart = " + ".join(f"f({', '.join(group)})" for group in found["sums"]) or "a constant"
            yield Text(f"{name}: the net reads it as {printable(apart)}; searched {law.found_by}")
            if law.accepted:
                yield Text(f"  accepted: off the test data by {law.test_error:.2g} of its range (root mean square)")
            else:
                yield Text(
                    "  refused: no short formula was close enough to the test data; the best, shown here, is "
                    f"off by {law.test_error:.2g} of its range (see --error, --seconds)"
                )


def extract_formulas(
    sparse: SparseNet,
    task: Task,
    *,
    form: Form = "exact",
    error: float = 0.01,
    seconds: float = 60.0,
    points: int = 10_000,
    points_seed: int = 0,
) -> Formulas:
    """Writes every output of a pruned net as an expression of the table's columns.

    The exact form is the net itself: scaling folded into the first and last links, activations written out; evaluated
    in float64 it equals the net to 1e-10 of the largest |output|. The readable form has terms dropped and constants
    rounded as far as `error` allows. The discovered form is a short formula of the data, in the shape that the net
    suggests (`interp.discovery`); it need not be the net, and says how far it is off.

    Args:
        sparse: The net; nothing is computed for connections that are not kept.
        task: Names the columns; its training split is the domain, its test split judges.
        form: "exact", "readable" or "discovered".
        error: Readable form only: the largest deviation from the net allowed, in (0, 1): on the test rows as a share of
            each output's range over them, elsewhere in the domain as a share of its range over the domain. (A box
            around real data has corners where nothing was ever measured and the net runs far off.) Discovered form: the
            largest root mean squared error on the test rows that is accepted, as a share of the output's range.
        seconds: Discovered form only: how long to look for each output, > 0.
        points: How many points are drawn uniformly from the domain, >= 1; the test split is always added.
        points_seed: Seed of the points.

    Raises:
        UserError: If the net is not made of weighted sums and one function per site, an option makes no sense, or a
            formula would mention more than 50,000 constants.
    """
    if form not in get_args(Form):
        raise UserError(f'form must be "exact", "readable" or "discovered", got {printable(form)}')
    if not 0 < error < 1:
        raise UserError(f"error must be a share of the output's range between 0 and 1, got {error}")
    if not seconds > 0:
        raise UserError(f"seconds must be more than 0, got {seconds}")
    if points < 1:
        raise UserError(f"points must be at least 1, got {points}")
    if task.tokens or task.moments > 1:
        what = "tokens" if task.tokens else "sequences"
        raise UserError(f"the inputs of {printable(task.name)} are {what}, and a formula needs plain numbers")
    task = task.to(torch.float64)
    table = _points(task, points, points_seed)
    truth = _net_outputs(sparse.net, task, table)
    scale = torch.cat([output_scale(part).expand_as(part) for part in truth.split([points, len(task.test)])])
    circuit = to_circuit(sparse.net, task.scaling)
    if form == "readable":
        circuit = rounded(circuit, table, truth, scale=scale, error=error)
    variables = choose_symbols(task.inputs)
    symbols = [sympy.Symbol(name) for name in variables]
    laws = find_laws(circuit, task, error=error, seconds=seconds) if form == "discovered" else ()
    if laws:
        exprs = [law.expr(symbols) for law in laws]
        equations: list[tuple[Equation, ...]] = [
            ((name, expr),) for name, expr in zip(task.outputs, exprs, strict=True)
        ]
    else:
        _check_size(circuit, task.outputs)
        exprs = compose(circuit, symbols)
        equations = _equations(circuit, symbols, task.outputs)
    found = torch.from_numpy(_evaluate(exprs, list(variables), table.numpy()))
    tested = found[points:]
    errors = (found - truth).abs().amax(0)
    shares = ((found - truth).abs() / scale).amax(0)
    r_squared = _r_squared(task, tested)
    return Formulas(
        form=form,
        variables=variables,
        formulas=tuple(
            Formula(
                output=name,
                expr=expr,
                layers=layers,
                max_error=errors[index].item(),
                relative_error=shares[index].item(),
                r_squared=r_squared[index],
                domain=_domain(task),
            )
            for index, (name, expr, layers) in enumerate(zip(task.outputs, exprs, equations, strict=True))
        ),
        metric=_metric(task, tested),
        net_metric=_metric(task, truth[points:]),
        label=sparse.label,
        laws=laws,
    )


def _points(task: Task, points: int, seed: int) -> Float[Tensor, "rows inputs"]:
    """Returns points drawn from the domain, then the test split, in the table's units."""
    low, high = _box(task)
    random = np.random.default_rng(seed)
    drawn = torch.from_numpy(random.random((points, len(low))))
    return torch.cat([low + drawn * (high - low), task.scaling.inputs_to_table(task.test.inputs)])


def _box(task: Task) -> tuple[Tensor, Tensor]:
    table = task.scaling.inputs_to_table(task.train.inputs)
    return table.amin(0), table.amax(0)


def _domain(task: Task) -> dict[str, tuple[float, float]]:
    low, high = _box(task)
    return dict(zip(task.inputs, zip(low.tolist(), high.tolist(), strict=True), strict=True))


def _net_outputs(net: Net, task: Task, table: Float[Tensor, "rows inputs"]) -> Float[Tensor, "rows outputs"]:
    if net.seeds != 1:
        raise ValueError(f"`sparse.net` must hold one seed, got {net.seeds}: take one with net.seed(row)")
    return task.scaling.to_table(net.run(task.scaling.to_net(table)[None])[0])


def _check_size(circuit: Circuit, outputs: Sequence[str]) -> None:
    for name, constants in zip(outputs, size(circuit, WRITTEN_OUT), strict=True):
        if constants > _LARGEST:
            raise UserError(
                f"the formula of {printable(name)} would mention {constants:,} constants, more than {_LARGEST:,}; "
                "prune further with a larger --tolerance"
            )


def _equations(circuit: Circuit, symbols: Sequence[sympy.Symbol], outputs: Sequence[str]) -> list[tuple[Equation, ...]]:
    """Returns each output as one equation where that is short, else neuron by neuron."""
    whole = compose(circuit, symbols, NAMED)
    return [
        ((name, expr),) if constants <= _ONE_LINE else (*equations[:-1], (name, equations[-1][1]))
        for name, expr, constants, equations in zip(
            outputs, whole, size(circuit, NAMED), layered(circuit, symbols), strict=True
        )
    ]


def _evaluate(
    exprs: Sequence[sympy.Expr], names: Sequence[str], table: Float[np.ndarray, "rows inputs"]
) -> Float[np.ndarray, "rows outputs"]:
    function = sympy.lambdify([sympy.Symbol(name) for name in names], list(exprs), cse=_shared, dummify=True)
    return np.stack([np.broadcast_to(value, len(table)) for value in function(*table.T)], axis=1).astype(np.float64)


def _shared(exprs: Sequence[sympy.Expr]) -> tuple[list[tuple[sympy.Symbol, sympy.Expr]], list[sympy.Expr]]:
    """Names common parts by symbols that are nobody else's.

    sympy's own x0, x1, ... avoid the symbols of the expressions, not those of columns that no expression reads.
    """
    names = sympy.numbered_symbols(cls=sympy.Dummy)
    found: tuple[list[tuple[sympy.Symbol, sympy.Expr]], list[sympy.Expr]] = sympy.cse(exprs, names, list=False)
    return found


def _metric(task: Task, outputs: Float[Tensor, "rows outputs"]) -> float:
    """Returns the metric of outputs in the table's units on the test split."""
    seen = (outputs - task.scaling.output_shift) / task.scaling.output_scale
    return task.metric(seen[None], task.test.targets[None]).item()


def _r_squared(task: Task, outputs: Float[Tensor, "rows outputs"]) -> list[float | None]:
    if task.kind == "classification":
        return [None] * len(task.outputs)
    seen = (outputs - task.scaling.output_shift) / task.scaling.output_scale
    values = task.per_output(seen[None], task.test.targets[None])[0].tolist()
    # Where targets differ by rounding only, R^2 is noise over noise.
    varied = varies(task.test.targets).tolist()
    return [value if vary else None for value, vary in zip(values, varied, strict=True)]


def _line(name: str | sympy.Symbol, expr: sympy.Expr) -> str:
    shown = name.name if isinstance(name, sympy.Symbol) else printable(name)
    return f"{shown} = {text(expr)}"


if __name__ == "__main__":
    from bimt.cli import run
    from interp.commands import symbolic as command

    raise SystemExit(run(command))
