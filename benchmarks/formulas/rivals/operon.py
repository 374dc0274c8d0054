"""Operon (pyoperon 0.6.2): genetic programming in C++, numbers fitted by Levenberg and Marquardt."""

import math
import warnings
from collections.abc import Iterator, Sequence

import numpy as np
import sympy

from benchmarks.formulas.reading import read_formula
from benchmarks.formulas.rivals.finish import Columns, Rows, clock, finished

_SYMBOLS = "add,sub,mul,div,sqrt,square,exp,log,sin,cos,asin,tanh,constant,variable"
_ROWS = 500
"""Rows that formulas are bred on: within a minute more generations are worth more than more rows."""
_SLICES = (2, 3, 5, 10)
"""Seconds between looks at what was found, the last again and again; the population lives on."""
_LEAST = 2
"""Seconds that another slice is worth."""
_SINGLE_PRECISION = 1e-10
"""A share of the variance that Operon, which computes with 24 bits, cannot tell from nothing."""
_EXACT = 1e-9


def propose(columns: Columns, target: Rows, symbols: Sequence[sympy.Symbol], seconds: float) -> Iterator[sympy.Expr]:
    """Yields the closest formula after every slice; at the end, or when one looks exact, the best of all lengths.

    NSGA-II on R^2 and length, a population of a thousand, trees of up to fifty nodes, ten steps of the fit for every
    tree, as the package recommends, with the functions that the laws need. It goes on until the time is up or nothing
    is left of the target; then all formulas of the front are finished on all rows.
    """
    from pyoperon.sklearn import SymbolicRegressor

    begun = clock()
    spare = min(10.0, seconds / 6)
    rows = np.random.default_rng(0).permutation(len(target))[:_ROWS]
    model = SymbolicRegressor(
        allowed_symbols=_SYMBOLS,
        objectives=["r2", "length"],
        optimizer_iterations=10,
        epsilon=1e-12,
        generations=10**6,
        max_evaluations=10**9,
        n_threads=1,
        random_state=1,
        warm_start=True,
    )
    looks = 0
    while True:
        time_left = max(1.0, seconds - spare - (clock() - begun))
        model.set_params(max_time=int(min(_SLICES[min(looks, len(_SLICES) - 1)], time_left)))
        looks += 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that numbers of the noise are not given, which only its own choice needs
            model.fit(np.ascontiguousarray(columns[:, rows].T), target[rows])
        front = sorted(model.pareto_front_, key=lambda entry: entry["mean_squared_error"])
        looks_exact = front[0]["mean_squared_error"] < _SINGLE_PRECISION * target.var()
        is_over = seconds - spare - (clock() - begun) < _LEAST
        texts = [model.get_model_string(entry["tree"], precision=16) for entry in front]
        proposals = (to_expr(text, symbols) for text in texts)
        finishing = spare / 2 if looks_exact or is_over else 0.0  # at once, that is with the closest formula alone
        error = math.inf
        for formula, left in finished(proposals, columns, target, symbols, until=clock() + finishing):
            error = left
            yield formula
        if error < _EXACT or is_over:
            return


def to_expr(text: str, symbols: Sequence[sympy.Symbol]) -> sympy.Expr:
    """Reads what Operon writes: X1, X2, ... for the variables and ^ for powers."""
    names = {f"X{index + 1}": symbol for index, symbol in enumerate(symbols)}
    return read_formula(text.replace("^", "**"), names)
