"""The methods that are compared: our search alone, our search in the shape that a net suggests, and the rivals."""

import importlib
import importlib.util
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import sympy
import torch

from benchmarks.formulas.judge import determination, evaluated
from benchmarks.formulas.problem import Found, Method, Problem
from bimt.config import TrainConfig, make_config
from bimt.train import train
from interp.discovery.search import search
from interp.discovery.terms import to_sympy
from interp.prune import prune
from interp.symbolic import extract_formulas


class Rival(NamedTuple):
    """Another program, in a package that this project does not need."""

    module: str
    """Its adapter: `propose(columns, target, symbols, seconds)` yields sympy expressions, each the best so far."""
    imported: str
    installed: str
    """What to install."""


RIVALS = {
    "gplearn": Rival("benchmarks.formulas.rivals.genetic", "gplearn", "gplearn==0.4.3"),
    "pyoperon": Rival("benchmarks.formulas.rivals.operon", "pyoperon", "pyoperon==0.6.2"),
    "pykan": Rival("benchmarks.formulas.rivals.kan", "kan", "pykan==0.2.8"),
}


def by_search(problem: Problem, seconds: float) -> Iterator[Found]:
    """Searches without a net."""
    candidates = search(problem.columns, problem.target, seconds=seconds - _spare(seconds))
    if candidates:
        yield Found(to_sympy(candidates[0].term, problem.symbols))


def by_net(problem: Problem, seconds: float) -> Iterator[Found]:
    """Trains a net, prunes it and searches in the shape that it suggests; a table keeps a tenth of its rows to test."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = train(_config(problem, Path(folder) / "table.csv"), out=Path(folder) / "run")
        sparse = prune(checkpoint.net.seed(0), checkpoint.task)
        left = seconds - (time.monotonic() - begun) - _spare(seconds)
        formulas = extract_formulas(sparse, checkpoint.task, form="discovered", seconds=max(1.0, left))
    names = {sympy.Symbol(name): symbol for name, symbol in zip(formulas.variables, problem.symbols, strict=True)}
    formula = formulas.formulas[problem.output].expr.xreplace(names)
    task = checkpoint.task.to(torch.float64)
    inputs = task.scaling.to_net(torch.from_numpy(np.ascontiguousarray(problem.fresh.T)))
    answers = task.scaling.to_table(sparse.net.to(torch.float64).run(inputs[None])[0])[:, problem.output].numpy()
    yield Found(formula, determination(evaluated(formula, problem.symbols, problem.fresh), answers))


def by_rival(rival: Rival, problem: Problem, seconds: float) -> Iterator[Found]:
    """Asks another program."""
    propose: Callable[..., Iterator[sympy.Expr]] = importlib.import_module(rival.module).propose
    for formula in propose(problem.columns, problem.target, problem.symbols, seconds):
        yield Found(formula)


METHODS: dict[str, Method] = {
    "search": by_search,
    "net": by_net,
    **{name: partial(by_rival, rival) for name, rival in RIVALS.items()},
}


def missing(method: str) -> str:
    """Returns one line on what a method lacks on this machine; empty if nothing."""
    rival = RIVALS.get(method)
    if rival is None or importlib.util.find_spec(rival.imported) is not None:
        return ""
    return f"method {method} needs a package that is only for this benchmark: pip install {rival.installed}"


def _spare(seconds: float) -> float:
    """Returns the seconds that are kept for fitting the formula that is chosen, and for comparing it with the net."""
    return min(5.0, seconds / 6)


def _config(problem: Problem, path: Path) -> TrainConfig:
    if problem.task:
        return make_config(problem.task)
    columns: dict[str, Any] = {
        symbol.name: column for symbol, column in zip(problem.symbols, problem.columns, strict=True)
    }
    pd.DataFrame(columns).assign(y=problem.target).to_csv(path, index=False)
    settings = [f"task.data={json.dumps(str(path))}", 'task.targets=["y"]', "task.test_fraction=0.1", "steps=2000"]
    return make_config("table", settings=settings)
