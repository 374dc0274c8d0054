"""gplearn 0.4.3: genetic programming in Python."""

import math
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import sympy

from benchmarks.formulas.rivals.finish import Columns, Rows, clock, finished

_LARGEST = 50.0
_WRITTEN: dict[str, Any] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "sqrt": lambda a: sympy.sqrt(sympy.Abs(a)),
    "log": lambda a: sympy.log(sympy.Abs(a)),
    "sin": sympy.sin,
    "cos": sympy.cos,
    "square": lambda a: a**2,
    "exp": sympy.exp,
    "asin": sympy.asin,
    "tanh": sympy.tanh,
}
"""What gplearn's functions are where their protection against poles does not act."""
_POPULATION = 2_000
_ROWS = 500
"""Rows that formulas are bred on: within a minute more generations are worth more than more rows."""
_LOOKS = 3
"""How often formulas are finished before the end, so that a search that is stopped has one."""
_EXACT = 1e-9


def propose(columns: Columns, target: Rows, symbols: Sequence[sympy.Symbol], seconds: float) -> Iterator[sympy.Expr]:
    """Yields the best formula so far, a few times, until the time is up or nothing is left of the target.

    Generations go on with `warm_start` until the time is up. Fitness is Pearson's correlation, since gplearn fits no
    numbers: offset and factor come from a fit afterwards, and so do all other numbers.
    """
    from gplearn.genetic import SymbolicRegressor

    begun = clock()
    spare = min(10.0, seconds / 6)
    rows = np.random.default_rng(0).permutation(len(target))[:_ROWS]
    model = SymbolicRegressor(
        population_size=_POPULATION,
        generations=1,
        function_set=["add", "sub", "mul", "div", "sqrt", "log", "sin", "cos", *_more_functions()],
        metric="pearson",
        parsimony_coefficient=1e-4,
        const_range=(-5.0, 5.0),
        stopping_criteria=1 - 1e-14,
        p_crossover=0.7,
        p_subtree_mutation=0.1,
        p_hoist_mutation=0.05,
        p_point_mutation=0.1,
        warm_start=True,
        low_memory=True,
        random_state=1,
    )
    looked = 0
    while (passed := clock() - begun) < seconds - spare:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            model.fit(columns[:, rows].T, target[rows])
        model.set_params(generations=model.generations + 1)
        best = max(program.raw_fitness_ for program in model._programs[-1])
        is_over = best >= model.stopping_criteria or clock() - begun >= seconds - spare
        if is_over or passed > (looked + 1) * seconds / (_LOOKS + 1):
            looked += 1
            proposals, error = _best_of(model._programs[-1], symbols), math.inf
            for formula, left in finished(proposals, columns, target, symbols, until=clock() + spare / 2):
                error = left
                yield formula
            if error < _EXACT:
                return


def _best_of(programs: Sequence[Any], symbols: Sequence[sympy.Symbol]) -> Iterator[sympy.Expr]:
    """Yields for every length the program of best fitness, the fittest first."""
    front: dict[int, Any] = {}
    for program in programs:
        if program.length_ not in front or program.raw_fitness_ > front[program.length_].raw_fitness_:
            front[program.length_] = program
    reached = -1.0
    better = []
    for length in sorted(front):
        if front[length].raw_fitness_ > reached:
            reached = front[length].raw_fitness_
            better.append(front[length])
    for program in reversed(better):
        inner = to_expr(program.program, symbols)
        if inner.free_symbols and not inner.has(sympy.zoo, sympy.nan, sympy.oo):
            yield sympy.Float(1e-4) + sympy.Float(1.0) * inner  # any offset and factor: a fit finds them


def to_expr(program: Sequence[Any], symbols: Sequence[sympy.Symbol]) -> sympy.Expr:
    """Writes a program, a list of functions, indices of variables and numbers in prefix order."""
    left = list(reversed(program))

    def read() -> sympy.Expr:
        entry = left.pop()
        if hasattr(entry, "arity"):
            return _WRITTEN[entry.name](*(read() for _ in range(entry.arity)))
        return symbols[int(entry)] if isinstance(entry, int | np.integer) else sympy.Float(float(entry))

    return read()


def _more_functions() -> list[Any]:
    from gplearn.functions import make_function

    return [
        make_function(function=np.square, name="square", arity=1, wrap=False),
        make_function(function=_exp, name="exp", arity=1, wrap=False),
        make_function(function=_asin, name="asin", arity=1, wrap=False),
        make_function(function=np.tanh, name="tanh", arity=1, wrap=False),
    ]


def _exp(x: np.ndarray) -> np.ndarray:
    return np.exp(np.minimum(x, _LARGEST))


def _asin(x: np.ndarray) -> np.ndarray:
    return np.arcsin(np.clip(x, -1, 1))
