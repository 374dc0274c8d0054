"""Formulas as Python: functions of numpy arrays, with what is known of their errors in their docstrings."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import sympy

from bimt.messages import printable
from interp.expressions import WRITTEN_OUT, is_safe, text
from interp.fidelity import BOX
from interp.formula import Form, Formulas
from interp.typeset import legends

_NUMPY = {
    "Abs": "absolute as Abs",
    "Max": "maximum as Max",
    "Min": "minimum as Min",
    "acos": "arccos as acos",
    "asin": "arcsin as asin",
    "atan": "arctan as atan",
    "cos": "cos",
    "exp": "exp",
    "log": "log",
    "sin": "sin",
    "tanh": "tanh",
}
"""What numpy calls sympy's functions."""
_ERF = "from scipy.special import erf"
_WIDTH = 116


@dataclass(frozen=True)
class Source:
    """Some functions, and what they call."""

    functions: tuple[str, ...]
    imports: frozenset[str]
    """Names from numpy, and whole statements for what numpy does not have."""
    activations: frozenset[str]
    """Names of the activations that are called."""


def to_source(formulas: Formulas, outputs: Sequence[str], *, suffix: str = "") -> Source:
    """Writes the formulas of some outputs as functions.

    Args:
        formulas: Of one net.
        outputs: Names of the outputs.
        suffix: Behind the functions' names.
    """
    functions, called, activations = [], set(), set()
    for index, formula in enumerate(formulas.formulas):
        if formula.output in outputs:
            functions.append(_function(formulas, index, suffix))
            activations |= {name for name, _ in legends(formula.layers)}
            called |= set().union(*(_called(expr) for _, expr in formula.layers))
    for name in activations:
        called |= _called(WRITTEN_OUT[name.lower()](sympy.Symbol("z")))
    return Source(tuple(functions), frozenset(called), frozenset(activations))


def module(sources: Sequence[Source], title: str) -> str:
    """Writes functions as one importable module.

    Args:
        sources: Whose names differ.
        title: Its first line.
    """
    imports = {name for source in sources for name in source.imports}
    from_numpy = ", ".join(sorted(imports - {_ERF}))
    statements = [f"from numpy import {from_numpy}"] * bool(from_numpy) + [_ERF] * (_ERF in imports)
    helpers = [
        f"def {name}(z):\n    return {text(WRITTEN_OUT[name.lower()](sympy.Symbol('z')))}\n"
        for name in sorted({name for source in sources for name in source.activations})
    ]
    head = [f'"""{_plain(title)}"""\n', "\n".join(statements) + "\n"] if statements else [f'"""{_plain(title)}"""\n']
    functions = [function for source in sources for function in source.functions]
    return "\n".join(head) + "".join(f"\n\n{part}" for part in (*helpers, *functions))


def _function(formulas: Formulas, index: int, suffix: str) -> str:
    formula = formulas.formulas[index]
    read = [symbol for symbol in formulas.variables if sympy.Symbol(symbol) in formula.expr.free_symbols]
    name = (
        formula.output if is_safe(formula.output) and formula.output not in formulas.variables else f"output{index + 1}"
    )
    *neurons, (_, last) = formula.layers
    lines = [
        f"def {name}{suffix}({', '.join(read)}):",
        *textwrap.indent(_docstring(formulas, index, read), "    ").splitlines(),
        *(f"    {neuron} = {text(expr)}" for neuron, expr in neurons),
        f"    return {text(last)}",
    ]
    return "\n".join(lines) + "\n"


def _docstring(formulas: Formulas, index: int, read: Sequence[str]) -> str:
    formula = formulas.formulas[index]
    ranges = {symbol: formula.domain[formulas.variables[symbol]] for symbol in read}
    lines = [f'"""{_WHAT[formulas.form]} {_plain(printable(formula.output, 60))}, seed {formulas.label}.', ""]
    if read:
        lines += ["Args (numbers or arrays, in the table's units):"]
        for symbol, (low, high) in ranges.items():
            column = _plain(printable(formulas.variables[symbol], 60))
            lines.append(f"    {symbol}: {column}, {low:.6g} to {high:.6g} in the training rows")
        lines += [""]
    return "\n".join([*lines, *textwrap.wrap(_worth(formulas, index), _WIDTH - 4), '"""'])


_WHAT: dict[Form, str] = {
    "exact": "The pruned net, written out:",
    "readable": "The pruned net with its constants rounded:",
    "discovered": "A short law of the data, in the shape that the net suggests:",
}


def _worth(formulas: Formulas, index: int) -> str:
    """Says how far the formula may be off."""
    formula = formulas.formulas[index]
    errors = {each.region: each for each in formula.fidelity}
    said = []
    if formulas.form == "exact":
        said.append(f"Equals the pruned net to rounding (largest difference seen {formula.max_error:.2g}).")
    elif formula.bound is not None and formula.bound.proven < float("inf"):
        said.append(
            f"At most {formula.bound.proven:.3g} off the pruned net wherever all columns are in their ranges (proven; "
            f"{formula.bound.reached:.3g} is reached)."
        )
    else:
        said.append(f"Off the pruned net by {errors[BOX].net_error:.3g} where it was tried; nothing is proven.")
    if formula.r_squared is not None:
        said.append(f"R^2 against the test data {formula.r_squared:.6g}.")
    if formulas.laws:
        law = formulas.laws[index]
        verdict = "Accepted" if law.accepted else "Refused: too far from the test data"
        said.append(f"{verdict}, off by {law.test_error:.2g} of their range (root mean square).")
    return " ".join(said)


def _called(expr: sympy.Expr) -> set[str]:
    """Returns the imports that the text of an expression needs."""
    names = {function.func.__name__ for function in expr.atoms(sympy.Function, sympy.Max, sympy.Min)}
    names |= {"exp"} if expr.has(sympy.exp) else set()
    found = {_NUMPY[name] for name in names if name in _NUMPY}
    found |= {_ERF} if "erf" in names else set()
    written = text(expr)
    found |= {"sqrt"} if "sqrt(" in written else set()
    found |= {"pi"} if expr.has(sympy.pi) else set()
    return found | ({"e as E"} if expr.has(sympy.E) else set())


def _plain(words: str) -> str:
    """Makes any text harmless inside a docstring."""
    return words.replace("\\", "\\\\").replace('"', "'")
