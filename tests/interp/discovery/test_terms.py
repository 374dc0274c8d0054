import math

import numpy as np
import pytest
import sympy

from interp.discovery.constants import refitted, simplified
from interp.discovery.terms import (
    FUNCTIONS,
    Term,
    add,
    call,
    evaluate,
    multiply,
    negative,
    number,
    power,
    simple_numbers,
    to_sympy,
    variable,
    with_fixed,
    with_numbers,
    written,
)

X, Y = variable(0), variable(1)
SYMBOLS = sympy.symbols("x y")


def some_columns(*, rows=50, seed=0, low=0.1, high=0.9):
    return np.random.default_rng(seed).uniform(low, high, (2, rows))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_is_written_is_what_is_computed(name):
    columns = some_columns()
    term = add(multiply(number(0.7, free=True), call(name, multiply(X, Y))), power(add(X, negative(Y)), 2), number(3))
    function = sympy.lambdify(SYMBOLS, to_sympy(term, SYMBOLS))
    np.testing.assert_allclose(function(*columns), evaluate(term, columns), rtol=1e-13)


def test_the_size_of_a_product_with_an_exponential_is_written_for_real_columns():
    # sympy writes |x exp(y)| as |x| exp(re(y)), and numpy's functions know no re
    expr = to_sympy(call("abs", multiply(variable(0), call("exp", variable(1)))), SYMBOLS)
    assert str(expr) == f"exp({SYMBOLS[1]})*Abs({SYMBOLS[0]})"


def test_numbers_go_in_as_they_come_out():
    term = add(multiply(number(2.5, free=True), X), number(7), call("exp", multiply(number(-1.5, free=True), Y)))
    assert term.free_numbers == (2.5, -1.5)
    assert with_numbers(term, term.free_numbers) == term
    assert with_numbers(term, [1.0, 2.0]).free_numbers == (1.0, 2.0)


def test_a_number_set_to_zero_or_one_leaves_no_trace():
    term = add(multiply(number(2.5, free=True), X), multiply(number(0.9, free=True), Y))
    assert with_fixed(term, 0, 0.0) == multiply(number(0.9, free=True), Y)
    assert with_fixed(term, 1, 1.0).parts[1] == Y


def test_length_counts_signs_and_a_minus_is_no_longer_than_a_plus():
    assert add(X, Y).length == add(X, negative(Y)).length == 3
    assert power(add(X, Y), 2).length == 4
    assert multiply(number(3), X).length == 3


def test_variables_are_found_and_replaced():
    term = multiply(X, call("sin", Y))
    assert term.variables == {0, 1}
    assert term.substituted([variable(4), variable(2)]) == multiply(variable(4), call("sin", variable(2)))
    # what is put in joins sums and products
    assert add(X, power(Y, 2)).substituted([add(X, Y), multiply(X, Y)]) == add(X, Y, power(multiply(X, Y), 2))
    free = add(number(1.5, free=True), X)
    assert free.substituted([Y]).free_numbers == (1.5,)


def test_outside_its_domain_a_term_is_no_number():
    assert np.isnan(evaluate(call("log", X), np.array([[-1.0]]))).all()
    assert np.isinf(evaluate(power(X, -1), np.array([[0.0]]))).all()


@pytest.mark.parametrize("value", [0.1, 1e300, -2.5e-7, 0.7071, 123456.789])
def test_a_number_that_is_not_simple_keeps_every_bit(value):
    assert float(written(value)) == value


def test_simple_numbers_are_exact():
    sizes = simple_numbers()[:, 0]
    for value in (1 / 3, math.pi, 2 * math.pi, 1 / math.sqrt(2 * math.pi), math.sqrt(2), 0.125):
        assert value in sizes
    assert (np.diff(sizes) > 0).all()


def test_a_fit_finds_the_numbers():
    columns = some_columns(rows=200)
    target = 2.3 * np.exp(-1.7 * columns[0]) + 0.4
    start = add(multiply(number(1, free=True), call("exp", multiply(number(-1, free=True), X))), number(0, free=True))
    assert refitted(start, columns, target).free_numbers == pytest.approx((2.3, -1.7, 0.4), rel=1e-7)


def test_a_fit_never_makes_it_worse():
    columns = some_columns()
    term = multiply(number(3, free=True), X)
    assert refitted(term, columns, 3 * columns[0]) == term


def test_noise_hides_that_a_number_is_not_quite_simple_and_data_without_it_do_not():
    columns = some_columns(rows=400)
    clean = 3.0005 * columns[0]
    noise = np.random.default_rng(1).standard_normal(400)
    free = multiply(number(3, free=True), X)
    assert simplified(refitted(free, columns, clean), columns, clean).free_numbers == pytest.approx((3.0005,))
    noisy = clean + 0.05 * noise
    assert simplified(refitted(free, columns, noisy), columns, noisy) == multiply(number(3), X)


def test_what_the_data_do_not_need_is_dropped():
    columns = some_columns(rows=400)
    noisy = columns[0] + 0.01 * np.random.default_rng(2).standard_normal(400)
    free = add(multiply(number(1, free=True), X), multiply(number(0, free=True), Y), number(0, free=True))
    assert simplified(refitted(free, columns, noisy), columns, noisy) == X


def test_terms_are_equal_by_what_they_say():
    assert Term("variable", value=1.0) == Y
    assert hash(multiply(X, Y)) == hash(multiply(variable(0), variable(1)))
