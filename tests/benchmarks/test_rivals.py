import importlib.util
import sys
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
import sympy

from benchmarks.formulas import __main__ as command
from benchmarks.formulas import methods
from benchmarks.formulas.judge import is_recovered
from benchmarks.formulas.limited import Outcome
from benchmarks.formulas.methods import METHODS, RIVALS, missing
from benchmarks.formulas.problem import Found
from benchmarks.formulas.rivals import genetic, operon
from benchmarks.formulas.rivals.finish import clock, finished
from benchmarks.formulas.sets import SETS

X, Y = sympy.symbols("x y", positive=True)
COLUMNS = np.random.default_rng(0).uniform(1, 5, (2, 60))


class Function(NamedTuple):
    """As gplearn's functions are."""

    name: str
    arity: int


ADD, MUL, DIV, SQRT, SIN = (Function(*entry) for entry in [("add", 2), ("mul", 2), ("div", 2), ("sqrt", 1), ("sin", 1)])


def test_what_operon_writes():
    text = "((-0.5) + (1.5 * (((2.0 * X1) ^ 2) / sqrt((X2 - (-3.0))))))"
    assert operon.to_expr(text, [X, Y]) == -0.5 + 6.0 * X**2 / sympy.sqrt(Y + 3.0)
    assert operon.to_expr("(asin(X1) * tanh(X2))", [X, Y]) == sympy.asin(X) * sympy.tanh(Y)
    with pytest.raises(ValueError, match="formulas may not hold 'X3'"):
        operon.to_expr("(X1 + X3)", [X, Y])


def test_what_gplearn_writes():
    program = [ADD, MUL, 0, -0.5, DIV, SIN, 1, SQRT, np.int64(0)]
    assert genetic.to_expr(program, [X, Y]) == -0.5 * X + sympy.sin(Y) / sympy.sqrt(X)
    real = sympy.Symbol("x", real=True)
    assert genetic.to_expr([SQRT, 0], [real]) == sympy.sqrt(sympy.Abs(real))


def finish(proposals: list[sympy.Expr], target: np.ndarray) -> list[tuple[sympy.Expr, float]]:
    return list(finished(proposals, COLUMNS, target, [X, Y], until=clock() + 20))


def test_numbers_are_fitted_and_made_simple():
    x, y = COLUMNS
    rough = 0.47 * X**1.03 * sympy.sqrt(sympy.Abs(Y - 0.1)) + 0.02
    found, error = finish([rough], 0.5 * x * np.sqrt(y))[-1]
    assert error < 1e-12
    assert is_recovered(found, X * sympy.sqrt(Y), symbols=[X, Y], columns=COLUMNS)
    assert not found.atoms(sympy.Float)


def test_the_shortest_description_is_taken_and_each_answer_is_better():
    x, y = COLUMNS
    longer = 1.0 * X * Y + 0.1 * sympy.sin(X) + 0.1 * X**3
    answers = finish([0.3 * X, longer, 0.8 * X * Y], x * y)
    assert answers[-1][0] == X * Y
    errors = [error for _, error in answers]
    assert errors == sorted(errors, reverse=True) or max(errors) < 1e-9


def test_what_has_no_value_on_some_row_is_no_answer():
    assert not finish([sympy.log(X - 3)], COLUMNS[1])
    assert not finish([sympy.Max(X, Y)], COLUMNS[1])


def test_every_rival_is_a_method_whose_adapter_exists():
    assert set(METHODS) == {"search", "net", *RIVALS}
    for rival in RIVALS.values():
        assert importlib.util.find_spec(rival.module) is not None


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(methods.importlib.util, "find_spec", lambda name: None)
    assert missing("pyoperon").endswith("pip install pyoperon==0.6.2")
    assert missing("pykan").startswith("method pykan needs a package")
    assert missing("search") == missing("net") == ""
    monkeypatch.setattr(methods.importlib.util, "find_spec", lambda name: object())
    assert missing("gplearn") == ""


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            ["--method", "search", "gplearn"],
            "method gplearn needs a package that is only for this benchmark: pip install",
        ),
        (["--method", "search", "--set", "nist", "--noise", "0.1"], "set nist takes no noise"),
        (["--method", "search", "--set", "nuclear", "--data", "no/where"], "needs the folder no/where/nuclear"),
    ],
)
def test_the_command_says_what_it_lacks(monkeypatch, capsys, tmp_path, given, message):
    (tmp_path / "nist").mkdir()
    monkeypatch.setattr(methods.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(sys, "argv", ["formulas", "--data", str(tmp_path), *given])
    with pytest.raises(SystemExit) as stopped:
        command.main()
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_a_row_per_method_and_law_is_written_and_summed_up(monkeypatch, capsys, tmp_path):
    def answer(work, *arguments, **_) -> Outcome:
        if work is SETS["feynman"].judge:
            return Outcome(list(work(*arguments)), 0.1, 0.1, "")
        problem = arguments[0]
        found = [Found(problem.truth, 0.5)] if problem.name == "I.12.1" else []
        return Outcome(found, 2.0, 1.5, "" if found else "time is up")

    monkeypatch.setattr(command, "run_apart", answer)
    path = tmp_path / "rows.csv"
    given = ["--method", "net", "search", "--only", "I.12.1", "I.14.3", "--csv", str(path)]
    monkeypatch.setattr(sys, "argv", ["formulas", *given])
    command.main()
    rows = pd.read_csv(path)
    first = ["method", "law", "symbolic", "numeric", "r_squared", "length", "seconds", "fidelity"]
    assert list(rows.columns[:8]) == first
    assert rows.method.tolist() == ["net", "net", "search", "search"]
    assert rows.symbolic.tolist() == rows.numeric.tolist() == [True, False, True, False]
    assert rows.formula.tolist() == ["Nn*mu", "time is up", "Nn*mu", "time is up"]
    assert rows.fidelity[0] == 0.5
    assert "net: of 2 laws, 1 symbolically, 1 numerically, median R^2 1, 4 s" in capsys.readouterr().out
