"""pykan 0.2.8: Kolmogorov-Arnold networks (arXiv:2404.19756), pruned and every edge named as a function."""

import contextlib
import io
import math
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import sympy
import torch

from benchmarks.formulas.rivals.finish import Columns, Rows, clock, finished

_LIBRARY = ["x", "x^2", "x^3", "1/x", "1/x^2", "sqrt", "1/sqrt(x)", "exp", "log", "sin", "cos", "arcsin", "tanh"]
_EXACT = 1e-9
_SHAPES: tuple[list[Any], ...] = ([1], [2], [[0, 1]], [5], [], [[1, 1]], [3], [1, 1], [2, 1])
"""Hidden layers, tried one after the other, and all again with the next seed; pairs are sums and products of two."""
_ROWS, _NAMING_ROWS = 300, 100
"""Rows that nets are trained on, and that functions are named on, which takes most of the time."""


def propose(columns: Columns, target: Rows, symbols: Sequence[sympy.Symbol], seconds: float) -> Iterator[sympy.Expr]:
    """Yields the best formula so far, whenever a net gave a better one, until the time is up or nothing is left.

    As the package's tutorials do it: a net of few hidden neurons is trained by LBFGS with a penalty on its edges,
    pruned, trained on without the penalty and again on a finer grid, every edge is replaced by the function that fits
    it best (`auto_symbolic`), the numbers are trained once more and the formula is read. From one hidden neuron, which
    has room for all products of powers, to five.
    """
    until = clock() + seconds - 1
    best = math.inf
    chosen = np.random.default_rng(0).permutation(len(target))[:_ROWS]
    for trial in range(10_000):
        hidden, seed = _SHAPES[trial % len(_SHAPES)], trial // len(_SHAPES)
        if clock() > until - 2:
            return
        try:
            with _quiet():
                formula = _one(columns[:, chosen], target[chosen], symbols, hidden=hidden, seed=seed, until=until)
        except (ArithmeticError, AttributeError, IndexError, NameError, RuntimeError, TypeError, ValueError):
            continue  # its singular fits, and nets pruned to nothing, end in all of these
        if formula is None:
            continue
        for finish, error in finished([formula], columns, target, symbols, until=min(until, clock() + 5)):
            if error < best:
                best = error
                yield finish
        if best < _EXACT:
            return


def _one(
    columns: Columns, target: Rows, symbols: Sequence[sympy.Symbol], *, hidden: list[Any], seed: int, until: float
) -> sympy.Expr | None:
    """Trains one net and reads it; None if the time is up before it can be read."""
    from kan import KAN

    inputs = torch.from_numpy(np.ascontiguousarray(columns.T))
    size, shift = float(target.std()) or 1.0, float(target.mean())
    labels = torch.from_numpy((target - shift) / size)[:, None]
    data = {"train_input": inputs, "train_label": labels, "test_input": inputs[:10], "test_label": labels[:10]}
    few = inputs[:_NAMING_ROWS]
    torch.set_default_dtype(torch.float64)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "history.txt").touch()  # pruning writes to it, and only auto_save makes it
        model = KAN(
            width=[len(columns), *hidden, 1], grid=5, k=3, seed=seed, auto_save=False, ckpt_path=folder, noise_scale=0.3
        )
        _train(model, data, [5] * 4, penalty=0.002, until=until)
        model = model.prune()
        _train(model, data, [10] * 2, penalty=0.0, until=until)
        model = model.refine(10)
        _train(model, data, [10] * 2, penalty=0.0, until=until)
        if clock() > until:
            return None
        model(few)  # the edges' values, which they are named by
        model.auto_symbolic(lib=_LIBRARY, verbose=0, weight_simple=0.5)
        _train(model, data, [30], penalty=0.0, until=until)
        formula = model.symbolic_formula(var=list(symbols))[0][0]
    return None if formula.has(sympy.nan, sympy.zoo, sympy.oo) else size * formula + shift


def _train(model: Any, data: dict[str, torch.Tensor], steps: Sequence[int], *, penalty: float, until: float) -> None:
    """Trains for so many steps, then so many more and so on; the clock is looked at in between."""
    for count in steps:
        if clock() < until:
            model.fit(data, opt="LBFGS", steps=count, lamb=penalty, update_grid=penalty > 0, log=count)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silences progress bars and prints."""
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield
