"""The tables of the benchmark: thirty laws of physics, the published tasks, NIST's regressions, nuclear masses."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import sympy

from benchmarks.formulas import nist, nuclear
from benchmarks.formulas.feynman import LAWS, FeynmanLaw
from benchmarks.formulas.judge import judge
from benchmarks.formulas.problem import Judge, Problem
from bimt.config import make_config

ROWS, FRESH = 2_000, 10_000


class ProblemSet(NamedTuple):
    """Problems, and how answers to them are judged."""

    load: Callable[[Path, float], list[Problem]]
    """From the folder of measured data and the noise."""
    judge: Judge
    failed: dict[str, Any]
    """The scores of no answer."""
    takes_noise: bool = False
    in_folder: str = ""
    """Where in the folder of measured data its files are; empty if it needs none."""


def feynman_problem(law: FeynmanLaw, *, noise: float) -> Problem:
    """Draws a table of the variables and y; noise is a share of the root mean square of y."""
    columns, fresh = law.draw(ROWS, seed=1), law.draw(FRESH, seed=2)
    values = law.values(columns)
    errors = np.random.default_rng(3).standard_normal(ROWS)
    target = values + noise * math.sqrt(float(np.mean(values**2))) * errors
    return Problem(law.name, tuple(law.symbols), columns, target, fresh, law.values(fresh), law.expr)


PUBLISHED = {
    "independence": ("(x1 + x3)**3", "x2**2 + sin(pi*x4)"),
    "feature_sharing": ("x1**2", "x1**2 + x2**2", "x1**2 + x2**2 + x3**2"),
    "compositionality": ("sqrt((x1 - x2)**2 + (x3 - x4)**2)",),
}
"""The published tasks and their outputs."""


def published_problems(noise: float = 0.0) -> list[Problem]:
    """Returns every output of the published tasks on the task's own training rows; fresh rows are from its box."""
    problems = []
    for name, formulas in PUBLISHED.items():
        task = make_config(name).task.load()
        columns = task.scaling.inputs_to_table(task.train.inputs).numpy().T.astype(np.float64)
        targets = task.scaling.to_table(task.train.targets).numpy().T.astype(np.float64)
        symbols = tuple(sympy.Symbol(column, real=True) for column in task.inputs)
        fresh = np.random.default_rng(2).uniform(-1, 1, (len(symbols), FRESH))
        for output, formula in enumerate(formulas):
            truth = sympy.sympify(formula, locals={symbol.name: symbol for symbol in symbols})
            size = math.sqrt(float(np.mean(targets[output] ** 2)))
            errors = np.random.default_rng(3).standard_normal(len(targets[output]))
            problems.append(
                Problem(
                    f"{name}.{task.outputs[output]}",
                    symbols,
                    np.ascontiguousarray(columns),
                    targets[output] + noise * size * errors,
                    fresh,
                    sympy.lambdify(symbols, truth)(*fresh),
                    truth,
                    task=name,
                    output=output,
                )
            )
    return problems


_LAWLESS = {"symbolic": False, "numeric": False}
SETS = {
    "feynman": ProblemSet(
        lambda _, noise: [feynman_problem(law, noise=noise) for law in LAWS], judge, _LAWLESS, takes_noise=True
    ),
    "published": ProblemSet(lambda *_: published_problems(), judge, _LAWLESS),
    "nist": ProblemSet(lambda data, _: nist.problems(data), nist.judge, {"form_found": False}, in_folder="nist"),
    "nuclear": ProblemSet(lambda data, _: nuclear.problems(data), nuclear.judge, {"terms": ""}, in_folder="nuclear"),
}
