import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.formulas.canonical import canonical, to_term, without_absolutes
from interp.discovery.terms import evaluate, to_sympy

X, Y = sympy.symbols("x y", positive=True)
COLUMNS = np.random.default_rng(0).uniform(1, 5, (2, 30))


def numbers(expr: sympy.Expr) -> int:
    return sum(1 for part in sympy.preorder_traversal(expr) if isinstance(part, sympy.Float))


@pytest.mark.parametrize(
    ("written", "count"),
    [
        (0.5 * sympy.sqrt(4.0 * X + 8.0 * Y), 2),
        (2.0 * X * (3.0 * X + 4.0 * Y), 2),
        (sympy.exp(1.5 + 2.0 * X), 2),
        (sympy.log(2.0 * X) * 3.0, 2),
        (1 / (2.0 * X - 4.0), 2),
        (sympy.sqrt(-2.0 * X + 40.0), 2),
        (sympy.sin(2.0 * X + 1.0) * 0.5, 3),
        ((0.5 * X) ** 2 * 3.0, 1),
        (1.5 * X - 1.5 * X + 2.0, 1),
    ],
)
def test_no_two_numbers_do_the_same_and_values_stay(written, count):
    found = canonical(written)
    assert numbers(found) == count
    values = [sympy.lambdify([X, Y], expr)(*COLUMNS) for expr in (written, found)]
    assert np.broadcast_to(values[1], 30) == pytest.approx(np.broadcast_to(values[0], 30), rel=1e-12)


FORMULAS = st.recursive(
    st.sampled_from([X, Y]) | st.floats(-5, 5).map(lambda value: sympy.Float(round(value, 2))),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda pair: pair[0] + pair[1]),
        st.tuples(inner, inner).map(lambda pair: pair[0] * pair[1]),
        inner.map(lambda part: part**2),
        inner.map(sympy.sin),
        inner.map(lambda part: sympy.exp(sympy.tanh(part))),
        inner.map(lambda part: sympy.log(part**2 + 2)),
        inner.map(lambda part: 1 / (part**2 + 0.5)),
    ),
    max_leaves=6,
)


@settings(max_examples=30, deadline=None)
@given(FORMULAS)
def test_any_formula_keeps_its_values_as_canonical_and_as_a_tree(expr):
    wanted = np.broadcast_to(sympy.lambdify([X, Y], expr)(*COLUMNS), 30)
    term = to_term(canonical(expr), [X, Y])
    assert term is not None
    size = 1 + np.abs(wanted).max()
    assert np.abs(evaluate(term, COLUMNS) - wanted).max() <= 1e-7 * size
    back = np.broadcast_to(sympy.lambdify([X, Y], to_sympy(term, [X, Y]))(*COLUMNS), 30)
    assert np.abs(back - wanted).max() <= 1e-7 * size


def test_decimal_numbers_are_free_and_others_are_not():
    term = to_term(0.25 * X**2 + sympy.Rational(1, 3) * Y ** sympy.Rational(1, 2), [X, Y])
    assert term.free_numbers == (0.25,)
    assert to_term(X**1.5 * Y, [X, Y]).free_numbers == (1.5,)


def test_functions_that_the_tree_lacks():
    assert to_term(sympy.Max(X, Y), [X, Y]) is None
    assert to_term(sympy.gamma(X) + Y, [X, Y]) is None
    assert to_term(sympy.I * X, [X, Y]) is None
    values = evaluate(to_term(sympy.tan(X), [X, Y]), COLUMNS)
    assert values == pytest.approx(np.tan(COLUMNS[0]))


def test_absolute_values_of_one_sign_are_dropped():
    real = sympy.Symbol("x", real=True)
    wanted = sympy.sqrt(sympy.Abs(real - 10)) + sympy.Abs(real + 1) + sympy.Abs(real - 3)
    found = without_absolutes(wanted, COLUMNS[:1], [real])
    assert found == sympy.sqrt(10 - real) + real + 1 + sympy.Abs(real - 3)
