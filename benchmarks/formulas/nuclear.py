"""Binding energies of nuclei, from proton number, neutron number and their sum alone.

The terms of the semi-empirical mass formula (von Weizsäcker 1935) are not given to methods, which would be half the
answer: they are looked for in what is found.
"""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sympy
from jaxtyping import Float

from benchmarks.formulas.judge import determination, evaluated
from benchmarks.formulas.problem import Problem

Z, N, A = sympy.symbols("Z N A", positive=True)
TERMS: dict[str, tuple[sympy.Expr, ...]] = {
    "volume": (A,),
    "surface": (A ** sympy.Rational(2, 3),),
    "Coulomb": (Z * (Z - 1) / sympy.cbrt(A), Z**2 / sympy.cbrt(A)),
    "asymmetry": ((N - Z) ** 2 / A, Z**2 / A, N**2 / A, N * Z / A),
    "pairing": ((1 + (-1) ** Z) * (1 + (-1) ** N) / sympy.sqrt(A),),
}
"""Each as what it may look like: (N - Z)^2/A is -4 Z N/A, or 4 Z^2/A, or 4 N^2/A, beside multiples of A, Z and N."""
_COLUMNS = ("Z", "N", "binding_energy_MeV")


def problems(folder: Path) -> list[Problem]:
    """Returns the one problem: B in MeV of Z, N and A = Z + N, all rows given, in `ame2012.csv` of a folder."""
    table = pd.read_csv(folder / "ame2012.csv", usecols=list(_COLUMNS), dtype=np.float64)
    z, n, energies = (table[column].to_numpy() for column in _COLUMNS)
    columns = np.array([z, n, z + n])
    return [Problem("binding", (Z, N, A), columns, energies, columns, energies)]


def judge(problem: Problem, found: sympy.Expr) -> Iterator[dict[str, Any]]:
    """Yields the error in MeV beside that of the fitted mass formula, then which of its terms occur."""
    values = evaluated(found, problem.symbols, problem.columns)
    error = float(np.sqrt(np.mean((values - problem.target) ** 2)))
    reference = mass_formula_error(problem.columns, problem.target)
    yield {
        "r_squared": determination(values, problem.target),
        "length": int(sympy.count_ops(found)),
        "error_mev": error,
        "mass_formula_mev": reference,
        "deviation_ratio": error / reference,
    }
    yield {"terms": " ".join(terms_in(found, problem.columns))}


def mass_formula_error(columns: Float[np.ndarray, "3 rows"], energies: Float[np.ndarray, " rows"]) -> float:
    """Returns the root mean square error in MeV of the five-term formula, fitted to these rows by least squares."""
    z, n, a = columns
    pairing = (np.where(z % 2 == 0, 1, 0) + np.where(n % 2 == 0, 1, 0) - 1) / np.sqrt(a)
    terms = np.array([a, a ** (2 / 3), z * (z - 1) / np.cbrt(a), (n - z) ** 2 / a, pairing]).T
    shares = np.linalg.lstsq(terms, energies, rcond=None)[0]
    return float(np.sqrt(np.mean((terms @ shares - energies) ** 2)))


def terms_in(found: sympy.Expr, columns: Float[np.ndarray, "3 rows"]) -> list[str]:
    """Returns which terms of the mass formula are summands of a formula.

    They are looked for in the formula as it stands, multiplied out, and with A - Z for N (a N + a Z is a A). A summand
    is a term if their ratio is the same to 1e-6 on all rows.
    """
    versions = found, sympy.expand(found), sympy.expand(found.xreplace({N: A - Z}))
    summands = {part for version in versions for part in sympy.Add.make_args(version)}
    names = []
    for name, forms in TERMS.items():
        if any(_same(summand, form, columns) for summand, form in itertools.product(summands, forms)):
            names.append(name)
    return names


def _same(summand: sympy.Expr, form: sympy.Expr, columns: Float[np.ndarray, "3 rows"]) -> bool:
    one, other = (evaluated(expr, (Z, N, A), columns) for expr in (summand, form))
    used = other != 0
    ratios = one[used] / other[used]
    return bool(np.isfinite(ratios).all() and ratios[0] != 0 and np.ptp(ratios) <= 1e-6 * abs(ratios[0]))
