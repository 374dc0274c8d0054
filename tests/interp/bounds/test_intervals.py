from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interp.bounds.intervals import Interval, rounded_reals, thin, weighted

numbers = st.floats(-1e6, 1e6, allow_nan=False)
pairs = st.tuples(numbers, numbers).map(sorted)


def interval(ends):
    return Interval(np.array([ends[0]]), np.array([ends[1]]))


def holds(found, value):
    return Fraction(float(found.low[0])) <= value <= Fraction(float(found.high[0]))


@given(pairs, pairs, st.floats(0, 1), st.floats(0, 1))
def test_sums_and_products_hold_the_exact_ones(one, two, first, second):
    x, y = (
        min(max(Fraction(a) + Fraction(share) * (Fraction(b) - Fraction(a)), Fraction(a)), Fraction(b))
        for (a, b), share in ((one, first), (two, second))
    )
    left, right = interval(one), interval(two)
    assert holds(left + right, x + y)
    assert holds(left - right, x - y)
    assert holds(left * right, x * y)
    assert holds(-left, -x)
    assert left.mignitude[0] <= abs(x) <= left.magnitude[0]


@pytest.mark.parametrize("size", [1, 3, 40])
def test_weighted_sums_hold_the_exact_ones(size):
    random = np.random.default_rng(size)
    weights = random.standard_normal((5, size)) * 10.0 ** random.integers(-12, 12, (5, size))
    low = random.standard_normal((7, size)) * 10.0 ** random.integers(-12, 12, (7, size))
    high = low + random.random((7, size)) * np.abs(low)
    found = weighted(weights, Interval(low, high))
    for box in range(7):
        for share in (0.0, 0.3, 1.0):
            inside = [
                Fraction(a) + Fraction(share) * (Fraction(b) - Fraction(a))
                for a, b in zip(low[box], high[box], strict=True)
            ]
            for target in range(5):
                exact = sum(Fraction(weight) * value for weight, value in zip(weights[target], inside, strict=True))
                assert Fraction(found.low[box, target]) <= exact <= Fraction(found.high[box, target])


def test_weighted_sums_of_single_values_are_tight():
    random = np.random.default_rng(0)
    weights, values = random.standard_normal((4, 9)), random.standard_normal((6, 9))
    found = weighted(weights, thin(values))
    assert (found.high - found.low).max() < 1e-13


def test_slopes_are_weighted_along_the_same_axis():
    random = np.random.default_rng(1)
    weights, values = random.standard_normal((4, 3)), random.standard_normal((6, 3, 5))
    found = weighted(weights, thin(values))
    expected = np.einsum("ts,bsi->bti", weights, values)
    assert ((found.low <= expected) & (expected <= found.high)).all()


def test_uncertain_weights_make_wider_sums():
    weights, values = np.array([[2.0, -1.0]]), thin(np.array([[3.0, 5.0]]))
    found = weighted(weights, values, np.array([[0.1, 0.2]]))
    assert found.low[0, 0] == pytest.approx(1 - 0.3 - 1.0)
    assert found.high[0, 0] == pytest.approx(1 + 0.3 + 1.0)


def test_decimals_stand_for_more_than_their_float():
    found = rounded_reals(np.array([0.1]))
    assert holds(found, Fraction(1, 10))


def test_nothing_is_known_of_infinity_less_infinity():
    endless = interval((-np.inf, np.inf))
    for found in (endless - endless, endless + interval((1.0, 2.0)), endless * interval((0.0, 1.0))):
        assert (found.low[0], found.high[0]) == (-np.inf, np.inf)
    zero = endless * interval((0.0, 0.0))
    assert zero.magnitude[0] < 1e-300


def test_sums_along_the_last_axis_hold_the_exact_ones():
    random = np.random.default_rng(2)
    low = random.standard_normal((3, 30)) * 10.0 ** random.integers(-9, 9, (3, 30))
    found = Interval(low, low).sum()
    for row in range(3):
        exact = sum(map(Fraction, low[row]))
        assert Fraction(found.low[row]) <= exact <= Fraction(found.high[row])
