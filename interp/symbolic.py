"""Formulas: every output of a pruned net as a sympy expression in the table's own units.

Run as `python -m interp.symbolic CKPT`.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, get_args

import sympy
import torch
from jaxtyping import Float
from torch import Tensor

from bimt.messages import UserError, printable
from bimt.tasks.base import Task
from interp.bounds.branch_and_bound import Bound
from interp.bounds.formulas import Limits, bound_circuits, bound_terms
from interp.circuit import Circuit, to_circuit
from interp.discovery.laws import Law, find_laws
from interp.expressions import NAMED, WRITTEN_OUT, choose_symbols, compose, evaluate_all, layered, size
from interp.fidelity import Region, box_of, in_order, regions
from interp.formula import Form, Formula, Formulas
from interp.motifs import FEWEST_ROWS, Motif, find_motifs
from interp.rounding import output_scale, rounded
from interp.sparse import SparseNet
from interp.typeset import Equation

_LARGEST = 50_000
"""Formulas that mention more constants than this are refused: their text would be beyond any reader."""
_LOOKED_AT = 2_000
"""Motifs are looked for on so many of the domain's points and the test rows."""
_ONE_LINE = 12
"""Formulas with at most so many constants are typeset as one equation, larger ones neuron by neuron."""


def extract_formulas(
    sparse: SparseNet,
    task: Task,
    *,
    form: Form = "exact",
    error: float = 0.01,
    seconds: float = 60.0,
    proof: int = 0,
    proof_seconds: float = math.inf,
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
        seconds: Discovered form only: how long to look, for all outputs together, > 0.
        proof: How many boxes may be looked at, for each output, to prove the largest difference between formula and net
            on the domain, >= 0; 0 proves nothing. The exact form is the net and needs no proof.
        proof_seconds: When to stop proving at the latest, for all outputs together, whatever is proven by then.
        points: How many points are drawn uniformly from the domain, >= 1; the test split is always added.
        points_seed: Seed of the points.

    Raises:
        UserError: If the net is not made of weighted sums and one function per site, an option makes no sense, or a
            formula would mention more than 50,000 constants.
    """
    _check_options(task, form, error=error, seconds=seconds, points=points)
    task = task.to(torch.float64)
    areas = regions(task, sparse.net, points=points, seed=points_seed)
    circuit = to_circuit(sparse.net, task.scaling)
    symbols = [sympy.Symbol(name) for name in choose_symbols(task.inputs)]
    if form == "discovered":
        draft = _discovered(circuit, symbols, task, error=error, seconds=seconds)
    elif form == "readable":
        draft = _readable(circuit, symbols, task, areas, error=error)
    else:
        draft = _written_out(circuit, symbols, task)
    return _judged(draft, sparse, task, areas, form=form, proof=proof, proof_seconds=proof_seconds)


class _Draft(NamedTuple):
    """Formulas before they are judged."""

    exprs: Sequence[sympy.Expr]
    equations: Sequence[tuple[Equation, ...]]
    prove: Callable[[Limits], tuple[Bound, ...]] | None = None
    """Bounds the difference to the net; None where there is none."""
    laws: tuple[Law, ...] = ()
    motifs: tuple[Motif, ...] = ()


def _written_out(circuit: Circuit, symbols: Sequence[sympy.Symbol], task: Task) -> _Draft:
    for name, constants in zip(task.outputs, size(circuit, WRITTEN_OUT), strict=True):
        if constants > _LARGEST:
            raise UserError(
                f"the formula of {printable(name)} would mention {constants:,} constants, more than {_LARGEST:,}; "
                "prune further with a larger --tolerance"
            )
    return _Draft(compose(circuit, symbols), _equations(circuit, symbols, task.outputs))


def _readable(
    circuit: Circuit, symbols: Sequence[sympy.Symbol], task: Task, areas: Sequence[Region], *, error: float
) -> _Draft:
    table, truth, scale = _promised(areas)
    shorter = rounded(circuit, table, truth, scale=scale, error=error)
    written = _written_out(shorter, symbols, task)
    seen = table[torch.linspace(0, len(table) - 1, min(_LOOKED_AT, len(table))).long()]
    motifs = find_motifs(circuit, seen, symbols) if len(seen) >= FEWEST_ROWS else ()
    return written._replace(prove=partial(bound_circuits, circuit, shorter), motifs=motifs)


def _discovered(
    circuit: Circuit, symbols: Sequence[sympy.Symbol], task: Task, *, error: float, seconds: float
) -> _Draft:
    laws = find_laws(circuit, task, error=error, seconds=seconds)
    exprs = [law.expr(symbols) for law in laws]
    equations: list[tuple[Equation, ...]] = [((name, expr),) for name, expr in zip(task.outputs, exprs, strict=True)]
    return _Draft(exprs, equations, partial(bound_terms, circuit, [law.term for law in laws]), laws)


def _judged(
    draft: _Draft,
    sparse: SparseNet,
    task: Task,
    areas: Sequence[Region],
    *,
    form: Form,
    proof: int,
    proof_seconds: float,
) -> Formulas:
    """Compares formulas with the net and the data, region by region."""
    variables = choose_symbols(task.inputs)
    table = torch.cat([area.inputs for area in areas])
    said = torch.from_numpy(evaluate_all(draft.exprs, list(variables), table.numpy()))
    found = said.split([len(area.inputs) for area in areas])
    fidelity = list(zip(*(area.judge(part) for area, part in zip(areas, found, strict=True)), strict=True))
    _, truth, scale = _promised(areas)
    errors = (torch.cat(found[:_PROMISED]) - truth).abs()
    bounds: Sequence[Bound | None] = [None] * len(task.outputs)
    low, high = box_of(task)
    if draft.prove is not None and proof > 0:
        reached = found[0].sub(areas[0].net).abs().amax(0).nan_to_num(0.0, posinf=0.0)
        sizes = areas[0].net.abs().amax(0)
        limits = Limits(low.numpy(), high.numpy(), reached.tolist(), sizes.tolist(), proof, proof_seconds)
        bounds = draft.prove(limits)
    domain = dict(zip(task.inputs, zip(low.tolist(), high.tolist(), strict=True), strict=True))
    return Formulas(
        form=form,
        variables=variables,
        formulas=tuple(
            Formula(
                output=name,
                expr=draft.exprs[index],
                layers=draft.equations[index],
                max_error=errors.amax(0)[index].item(),
                relative_error=(errors / scale).amax(0)[index].item(),
                fidelity=in_order(fidelity[index]),
                domain=domain,
                bound=bounds[index],
            )
            for index, name in enumerate(task.outputs)
        ),
        metric=_metric(task, found[1]),
        net_metric=_metric(task, areas[1].net),
        label=sparse.label,
        laws=draft.laws,
        motifs=draft.motifs,
    )


_PROMISED = 2
"""The first regions, box and test split, are where forms keep what they promise."""


def _promised(areas: Sequence[Region]) -> tuple[Tensor, Tensor, Tensor]:
    """Returns the rows on which a form is held to its promise, what the net says there, and in what errors count."""
    kept = areas[:_PROMISED]
    scale = torch.cat([output_scale(area.net).expand_as(area.net) for area in kept])
    return torch.cat([area.inputs for area in kept]), torch.cat([area.net for area in kept]), scale


def _check_options(task: Task, form: str, *, error: float, seconds: float, points: int) -> None:
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


def _equations(circuit: Circuit, symbols: Sequence[sympy.Symbol], outputs: Sequence[str]) -> list[tuple[Equation, ...]]:
    """Returns each output as one equation where that is short, else neuron by neuron."""
    whole = compose(circuit, symbols, NAMED)
    return [
        ((name, expr),) if constants <= _ONE_LINE else (*equations[:-1], (name, equations[-1][1]))
        for name, expr, constants, equations in zip(
            outputs, whole, size(circuit, NAMED), layered(circuit, symbols), strict=True
        )
    ]


def _metric(task: Task, outputs: Float[Tensor, "rows outputs"]) -> float:
    """Returns the metric of outputs in the table's units on the test split."""
    seen = (outputs - task.scaling.output_shift) / task.scaling.output_scale
    return task.metric(seen[None], task.test.targets[None]).item()


if __name__ == "__main__":
    from bimt.cli import run
    from interp.formula_commands import symbolic as command

    raise SystemExit(run(command))
