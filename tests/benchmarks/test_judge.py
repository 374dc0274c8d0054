import numpy as np
import pytest
import sympy

from benchmarks.formulas.feynman import LAWS
from benchmarks.formulas.judge import determination, evaluated, is_recovered, judge, rounded
from benchmarks.formulas.sets import feynman_problem

X, Y = sympy.symbols("x y", positive=True)
COLUMNS = np.random.default_rng(0).uniform(1, 5, (2, 40))
LAW = X * sympy.sin(Y) / 2


def recovered(found: sympy.Expr, truth: sympy.Expr) -> bool:
    return is_recovered(found, truth, symbols=[X, Y], columns=COLUMNS)


def test_a_factor_or_a_constant_is_forgiven_and_nothing_else():
    assert recovered(3.7 * X * sympy.sin(Y), LAW)
    assert recovered(LAW + 5, LAW)
    assert recovered((X + Y) ** 2, X**2 + 2 * X * Y + Y**2)
    assert not recovered(X * sympy.sin(1.01 * Y), LAW)
    assert not recovered(3.7 * X * sympy.sin(Y) + 5, LAW)
    assert not recovered(X * Y, LAW)
    assert not recovered(sympy.Integer(0), LAW)
    assert not recovered(sympy.Integer(3), LAW)


def test_numbers_within_a_millionth_of_simple_ones_are_these():
    assert recovered(0.49999998 * X**2, X**2 / 2)
    assert recovered(X * sympy.sin(0.99999995 * Y), LAW)
    assert not recovered(X * sympy.sin(0.99999 * Y), LAW)
    assert recovered(sympy.sqrt(3.0000001 * X**2 + 5.9999999 * Y), sympy.sqrt(X**2 + 2 * Y))
    assert recovered(2 * sympy.exp(-0.50000001 * X) * Y + 1e-11 * X, Y * sympy.exp(-X / 2))
    assert not recovered(Y * sympy.exp(-0.5 * X) + 1e-5 * X, Y * sympy.exp(-X / 2))
    assert recovered(sympy.cos(3.14159265 * X), sympy.cos(sympy.pi * X))


def test_a_form_that_sympy_would_have_to_find_a_rule_for_is_the_same():
    assert recovered(sympy.log(sympy.exp(X) * Y) - sympy.log(Y), X)
    assert recovered(sympy.sin(X + Y), sympy.sin(X) * sympy.cos(Y) + sympy.cos(X) * sympy.sin(Y))
    assert not recovered(sympy.sin(X + Y), sympy.sin(X) * sympy.cos(Y))


def test_what_is_no_number_anywhere_is_not_recovered():
    assert not recovered(sympy.sqrt(-1 - X), LAW)
    assert not recovered(X / (sympy.sin(Y) ** 2 + sympy.cos(Y) ** 2 - 1), LAW)


def test_rounding_leaves_what_is_not_simple():
    assert rounded(1.2345678 * X**2) == 1.2345678 * X**2
    assert rounded(0.5 * X + 1.0 * Y) == (X + 2 * Y) / 2
    assert rounded(sympy.Float(0.333333333) * X) == X / 3


def test_values_that_are_not_real_are_none_at_all():
    values = evaluated(sympy.sqrt(X - 3), [X, Y], COLUMNS)
    assert np.isnan(values[COLUMNS[0] < 3]).all()
    assert values[COLUMNS[0] > 3] == pytest.approx(np.sqrt(COLUMNS[0][COLUMNS[0] > 3] - 3))
    assert evaluated(sympy.Integer(2), [X, Y], COLUMNS).shape == (40,)
    assert determination(values, COLUMNS[1]) is None
    assert determination(COLUMNS[1], COLUMNS[1]) == 1
    assert determination(np.full(40, COLUMNS[1].mean()), COLUMNS[1]) == pytest.approx(0)


def test_scores_of_a_law_of_a_close_formula_and_of_another():
    problem = feynman_problem(LAWS[4], noise=0.0)
    mu, nn = problem.symbols
    exact, close, wrong = (
        {key: value for scores in judge(problem, found) for key, value in scores.items()}
        for found in (mu * nn, mu * nn + 1e-7 * mu**2, mu + nn)
    )
    assert exact == {"symbolic": True, "numeric": True, "r_squared": 1.0, "off": 0.0, "length": 1}
    assert (close["symbolic"], close["numeric"]) == (False, True)
    assert (wrong["symbolic"], wrong["numeric"]) == (False, False)
    assert wrong["r_squared"] < 0.9


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_every_law_is_recovered_by_itself_written_in_decimal_numbers(law):
    columns = law.draw(40, seed=0)
    decimal = law.expr.xreplace({atom: atom.n() for atom in law.expr.atoms(sympy.Rational) if abs(atom.q) > 1})
    assert is_recovered(decimal * 1.7, law.expr, symbols=law.symbols, columns=columns)
    other = decimal + law.symbols[0] * sympy.Float(1e-3)
    assert not is_recovered(other, law.expr, symbols=law.symbols, columns=columns)
