import math

import numpy as np
import pytest
import torch

from bimt.tasks.base import Scaling
from interp.bounds.formulas import Limits, bound_terms
from interp.bounds.terms import FUNCTIONS, spread_of
from interp.circuit import to_circuit
from interp.discovery import terms
from interp.discovery.terms import add, call, evaluate, multiply, number, power, variable
from tests.nets import mlp

X, Y = variable(0), variable(1)
FORMULAS = {
    "waves": add(call("sin", multiply(number(3), X)), call("cos", add(X, Y))),
    "quotient": multiply(X, power(add(number(4), Y), -1)),
    "roots": power(add(power(X, 2), power(Y, 2), number(0.01)), 0.5),
    "powers": add(power(X, 3), multiply(number(-2), power(Y, 4)), power(add(number(5), X), -2)),
    "growth": multiply(call("exp", X), call("log", add(number(4), Y))),
    "arcs": add(call("arcsin", multiply(number(0.3), X)), call("arccos", multiply(number(0.3), Y))),
    "bounded": add(call("arctan", multiply(number(2), X)), call("tanh", Y), call("abs", add(X, Y))),
    "broken": power(add(number(4), X), 1.5),
    "tiny": multiply(number(1e-30), power(add(number(4), X), -3), Y),
}


def test_every_function_of_a_formula_is_known():
    assert set(FUNCTIONS) == set(terms.FUNCTIONS)


@pytest.mark.parametrize("name", FORMULAS)
def test_values_and_slopes_of_boxes_hold_those_of_their_points(name):
    term, random = FORMULAS[name], np.random.default_rng(0)
    low = random.uniform(-3, 3, (200, 2))
    high = np.minimum(low + random.random((200, 2)) ** 4 * 3, 3.0)
    spread = spread_of(term, low, high)
    # wide boxes need not be bounded, but narrow ones are
    assert np.isfinite(spread.slopes.magnitude).mean() > 0.9
    for share in random.random((20, 200, 2)):
        inside = low + share * (high - low)
        values = evaluate(term, inside.T)
        step = 1e-6
        slopes = [
            (evaluate(term, (inside + step * axis).T) - evaluate(term, (inside - step * axis).T)) / (2 * step)
            for axis in np.eye(2)
        ]
        size = np.abs(values).max()
        assert (spread.values.low[:, 0] <= values).all()
        assert (values <= spread.values.high[:, 0]).all()
        found = np.stack(slopes, axis=1)
        near = np.abs(inside.sum(1)) > 1e-5  # differences across the kink of |x + y| are no slopes
        assert (spread.slopes.low[:, 0] - 1e-7 * size <= found)[near].all()
        assert (found <= spread.slopes.high[:, 0] + 1e-7 * size)[near].all()


@pytest.mark.parametrize("name", FORMULAS)
def test_narrow_boxes_have_narrow_bounds(name):
    points = np.random.default_rng(1).uniform(-3, 3, (100, 2))
    spread = spread_of(FORMULAS[name], points, points + 1e-9)
    size = np.abs(evaluate(FORMULAS[name], points.T)).max()
    assert (spread.values.high - spread.values.low).max() <= 1e-6 * size


@pytest.mark.parametrize(
    "term",
    [
        call("log", X),
        power(X, -1),
        power(X, -2),
        power(X, 0.5),
        power(X, 1 / 3),
        call("arcsin", multiply(number(2), X)),
    ],
)
def test_nothing_is_proven_where_a_formula_may_not_be_defined(term):
    spread = spread_of(term, np.array([[-1.0]]), np.array([[1.0]]))
    assert (spread.values.low, spread.values.high) == (-math.inf, math.inf)
    fine = spread_of(term, np.array([[0.25]]), np.array([[0.49]]))
    assert np.isfinite(fine.values.magnitude).all()


@pytest.mark.parametrize(
    "term",
    [
        call("arctan", call("log", X)),
        call("tanh", power(X, -1)),
        call("sin", power(X, 0.5)),
        call("exp", multiply(number(-1), power(call("log", X), 2))),
        power(add(number(1), power(call("arccos", multiply(number(2), X)), 2)), -1),
        multiply(Y, call("log", X)),
    ],
)
def test_nothing_is_proven_where_a_part_may_not_be_defined(term):
    spread = spread_of(term, np.array([[-1.0, 0.0]]), np.array([[1.0, 0.0]]))
    assert (spread.values.low, spread.values.high) == (-math.inf, math.inf)
    assert np.isinf(spread.slopes.magnitude).all()
    fine = spread_of(term, np.array([[0.25, 0.0]]), np.array([[0.49, 0.0]]))
    assert np.isfinite(fine.values.magnitude).all()


def test_a_square_stays_positive_and_its_root_defined():
    distance = power(add(power(add(X, multiply(number(-1), Y)), 2), power(X, 2)), 0.5)
    spread = spread_of(distance, np.array([[-1.0, -1.0]]), np.array([[1.0, 1.0]]))
    assert spread.values.low == 0
    assert spread.values.high == pytest.approx(math.sqrt(5))


def test_a_wave_turns_where_it_turns():
    angles = np.linspace(-20, 20, 401)
    for width in (0.01, 0.7, 3.0, 7.0):
        low, high = angles[:, None], angles[:, None] + width
        inside = np.linspace(low, high, 4001)[..., 0]
        found = spread_of(call("sin", X), low, high).values
        np.testing.assert_allclose(found.low[:, 0], np.sin(inside).min(0), atol=1e-6)
        np.testing.assert_allclose(found.high[:, 0], np.sin(inside).max(0), atol=1e-6)


def test_a_formula_is_bounded_against_a_net():
    # relu(x1) - relu(-x1) + 0.1 is x1 + 0.1
    net = mlp([[[1.0, 0.0], [-1.0, 0.0]], [[1.0, -1.0]]], [[0.0, 0.0], [0.1]], activation="relu")
    circuit = to_circuit(net, Scaling.none(2, 1))
    limits = Limits(np.array([-1.0, -1.0]), np.array([1.0, 1.0]), [0.0], [1.0], 5_000, 60.0)
    (bound,) = bound_terms(circuit, [X], limits)
    assert 0.1 <= bound.proven <= 0.1 / 0.9 + 1e-9
    (wrong,) = bound_terms(circuit, [multiply(X, X)], limits)
    # x - x^2 + 0.1 is -1.9 at x = -1
    assert 1.9 <= wrong.proven <= 1.9 / 0.9 + 1e-9
    assert circuit.run(torch.zeros(1, 2, dtype=torch.float64)).item() == 0.1
