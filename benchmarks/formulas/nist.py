"""NIST's nonlinear regressions: measured tables with a certified model, read from their files."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sympy
from jaxtyping import Float
from scipy.optimize import least_squares

from benchmarks.formulas.canonical import canonical
from benchmarks.formulas.judge import determination, evaluated
from benchmarks.formulas.problem import Problem
from benchmarks.formulas.reading import read_formula

X = sympy.Symbol("x", real=True)
_SAME = 1e-6
"""A formula has the certified form if it comes so close to it with other numbers, as a share of the range."""
_PARAMETER = re.compile(r"^\s*(b\d+)\s*=\s*(.*)$")


@dataclass(frozen=True, eq=False)
class Certified:
    """A set of NIST's, from https://www.itl.nist.gov/div898/strd (public domain)."""

    name: str
    model: sympy.Expr
    """Of x and b1, b2, ..."""
    parameters: dict[sympy.Symbol, float]
    """Certified values."""
    squares: float
    """The certified residual sum of squares."""
    rows: Float[np.ndarray, "2 rows"]
    """x, then y."""

    @property
    def truth(self) -> sympy.Expr:
        """The model with the certified values in it."""
        return self.model.xreplace({symbol: sympy.Float(value) for symbol, value in self.parameters.items()})


def read_certified(path: Path) -> Certified:
    """Reads a .dat file; its model goes through the whitelist of `read_formula`.

    Raises:
        ValueError: If the file does not hold a model of y, certified values of all its parameters, their residual sum
            of squares and as many rows of two numbers as it says.
    """
    lines = path.read_text(encoding="ascii", errors="replace").splitlines()
    parameters = {}
    for found in filter(None, map(_PARAMETER.match, lines)):
        numbers = found[2].split()
        if len(numbers) != 4:
            raise ValueError(f"{path.name}: {found[1]} must have two starts, a certified value and its deviation")
        parameters[sympy.Symbol(found[1])] = float(numbers[2])
    start = next((index for index, line in enumerate(lines) if re.match(r"\s*y\s*=", line)), None)
    headings = [index for index, line in enumerate(lines) if re.match(r"Data:\s+y\s+x\s*$", line)]
    if start is None or not headings:
        raise ValueError(f"{path.name}: no model of y, or no heading of the rows")
    stop = next(index for index in range(start, len(lines)) if not lines[index].strip())
    names: dict[str, sympy.Expr] = {symbol.name: symbol for symbol in parameters}
    text = " ".join(" ".join(lines[start:stop]).split()).split("=", 1)[1].translate(str.maketrans("[]", "()"))
    model = read_formula(text, names | {"x": X, "e": sympy.Integer(0), "pi": sympy.pi})
    rows = np.array([[float(value) for value in line.split()] for line in lines[headings[-1] + 1 :] if line.strip()])
    if rows.ndim != 2 or rows.shape != (int(_number(lines, "Number of Observations:")), 2):
        raise ValueError(f"{path.name}: {len(rows)} rows, and it says another number")
    if model.free_symbols != {X, *parameters}:
        raise ValueError(f"{path.name}: the model is of {model.free_symbols}, certified are {set(parameters)}")
    squares = _number(lines, "Residual Sum of Squares:")
    return Certified(path.stem, model, parameters, squares, np.ascontiguousarray(rows[:, ::-1].T))


def problems(folder: Path) -> list[Problem]:
    """Returns a problem per file; all rows are given to methods, since there are few."""
    certified = [read_certified(path) for path in sorted(folder.glob("*.dat"))]
    if not certified:
        raise SystemExit(f"no .dat file in {folder}")
    return [_problem(one) for one in certified]


def _problem(certified: Certified) -> Problem:
    x, y = certified.rows[:1], certified.rows[1]
    return Problem(certified.name, (X,), x, y, x, y, certified.truth)


def judge(problem: Problem, found: sympy.Expr) -> Iterator[dict[str, Any]]:
    """Yields how a formula's residuals compare with the certified ones, then whether it has the certified form."""
    assert problem.truth is not None
    certified = evaluated(problem.truth, (X,), problem.columns)
    values = evaluated(found, (X,), problem.columns)
    ratio = math.sqrt(float(np.sum((values - problem.target) ** 2) / np.sum((certified - problem.target) ** 2)))
    yield {
        "r_squared": determination(values, problem.target),
        "length": int(sympy.count_ops(found)),
        "certified_length": int(sympy.count_ops(problem.truth)),
        "deviation_ratio": ratio if math.isfinite(ratio) else None,
    }
    yield form(found, problem.truth, problem.columns)


def form(found: sympy.Expr, truth: sympy.Expr, columns: Float[np.ndarray, "1 rows"]) -> dict[str, Any]:
    """Tells whether a formula is the certified model with other numbers, and how much they differ.

    All numbers of the formula but whole exponents are fitted to the certified model's own values at the table's x, from
    where they are. It has the model's form if no more numbers than the model's bring it within 1e-6 of the range. (With
    more numbers a polynomial does that to any smooth curve.) What is then fitted are the certified values in the terms
    of the formula: `number_deviation` is the largest relative difference to the numbers that were found.
    """
    skeleton, symbols, start = opened(canonical(found))
    allowed = len(opened(canonical(truth))[1])
    wanted = evaluated(truth, (X,), columns)
    nothing = {"form_found": False, "number_deviation": None, "numbers": len(symbols)}
    if X not in skeleton.free_symbols or not 0 < len(symbols) <= min(allowed, len(wanted) - 1):
        return nothing
    function = sympy.lambdify((X, symbols), skeleton, "numpy")
    far = 1e6 * (1 + float(np.abs(wanted).max()))

    def errors(numbers: Float[np.ndarray, " numbers"]) -> Float[np.ndarray, " rows"]:
        with np.errstate(all="ignore"):
            missed = np.broadcast_to(function(columns[0], numbers), wanted.shape) - wanted
        return np.where(np.isfinite(missed), missed, far)

    scale = np.maximum(np.abs(start), 1e-12)
    fit = least_squares(errors, start, method="lm", x_scale=scale, xtol=1e-15, ftol=1e-15, gtol=1e-15, max_nfev=5_000)
    if np.abs(errors(fit.x)).max() >= _SAME * np.ptp(wanted):
        return nothing
    deviation = float(np.max(np.abs(start - fit.x) / np.maximum(np.abs(fit.x), 1e-300)))
    return nothing | {"form_found": True, "number_deviation": deviation}


def opened(expr: sympy.Expr) -> tuple[sympy.Expr, list[sympy.Symbol], Float[np.ndarray, " numbers"]]:
    """Returns a formula with a symbol for every number but whole exponents and signs, the symbols and their values."""
    symbols: list[sympy.Symbol] = []
    values: list[float] = []

    def opening(part: sympy.Expr) -> sympy.Expr:
        if part.is_number:
            if part in (sympy.Integer(1), sympy.Integer(-1)):
                return part
            symbols.append(sympy.Dummy(f"number{len(symbols)}"))
            values.append(float(part))
            return symbols[-1]
        if isinstance(part, sympy.Pow) and part.exp.is_integer:
            return opening(part.base) ** part.exp
        if isinstance(part, sympy.Mul | sympy.Add):
            numbers, rest = part.as_independent(*part.free_symbols, as_Add=isinstance(part, sympy.Add))
            neutral = sympy.Integer(isinstance(part, sympy.Mul))
            parts = [opening(inner) for inner in part.func.make_args(rest)]
            return part.func(*parts, *([] if numbers == neutral else [opening(numbers)]))
        return part.func(*map(opening, part.args)) if part.args else part

    return opening(expr), symbols, np.array(values)


def _number(lines: list[str], heading: str) -> float:
    for line in lines:
        if line.startswith(heading):
            return float(line.removeprefix(heading))
    raise ValueError(f"no line {heading!r}")
