import math

import numpy as np
import pytest

from interp.bounds.branch_and_bound import Bound, largest
from interp.bounds.terms import spread_of
from interp.discovery.terms import add, call, multiply, number, power, variable

X, Y = variable(0), variable(1)
# (formula, box, its largest absolute value there)
KNOWN = [
    (multiply(X, Y), ([-1, -2], [3, 1]), 6.0),
    (add(power(X, 2), multiply(number(-2), X)), ([-1, 0], [2.5, 0]), 3.0),
    (add(call("sin", X), call("cos", Y)), ([0, 0.5], [7, 6]), 2.0),
    (multiply(call("exp", multiply(number(-1), power(X, 2))), Y), ([-3, -1], [2, 0.5]), 1.0),
    (power(add(number(1), multiply(X, Y)), 0.5), ([0, 0], [2, 3]), math.sqrt(7)),
    (add(multiply(X, X, X), multiply(number(-1), X)), ([-0.9, 0], [0.9, 0]), 2 / math.sqrt(27)),
]


@pytest.mark.parametrize(("term", "box", "expected"), KNOWN)
@pytest.mark.parametrize("gap", [0.3, 0.01, 1e-4])
def test_known_maxima_are_met_within_the_gap(term, box, expected, gap):
    low, high = (np.array(end, dtype=np.float64) for end in box)
    bound = largest(lambda a, b: spread_of(term, a, b), low, high, gap=gap)
    assert bound.reached <= expected * (1 + 1e-12)
    assert bound.proven >= expected * (1 - 1e-12)
    assert bound.gap <= gap


def test_a_tighter_gap_takes_more_boxes():
    term, box, _ = KNOWN[0]
    low, high = (np.array(end, dtype=np.float64) for end in box)
    boxes = [largest(lambda a, b: spread_of(term, a, b), low, high, gap=gap).boxes for gap in (0.5, 0.1, 0.001)]
    assert boxes == sorted(boxes)
    assert boxes[0] < boxes[2]


def test_what_is_known_to_be_reached_saves_work():
    term, box, expected = KNOWN[2]
    low, high = (np.array(end, dtype=np.float64) for end in box)
    told = largest(lambda a, b: spread_of(term, a, b), low, high, reached=expected, gap=0.01)
    untold = largest(lambda a, b: spread_of(term, a, b), low, high, gap=0.01)
    assert told.boxes <= untold.boxes
    assert told.reached == expected


def test_what_is_no_larger_than_rounding_ends_at_once():
    zero = add(X, multiply(number(-1), X))
    low, high = np.array([-1.0]), np.array([1.0])
    bound = largest(lambda a, b: spread_of(multiply(number(1e-13), zero), a, b), low, high, least=1e-12)
    assert bound.boxes == 1
    assert bound.proven <= 1e-12


def test_the_search_ends_at_its_limits():
    pole = power(X, -1)
    low, high = np.array([-1.0]), np.array([1.0])
    few = largest(lambda a, b: spread_of(pole, a, b), low, high, boxes=1_000)
    assert 1_000 <= few.boxes < 1_500
    brief = largest(lambda a, b: spread_of(pole, a, b), low, high, seconds=0.05)
    assert brief.proven == few.proven == math.inf
    assert brief.gap == 1.0


def test_a_point_is_not_cut():
    bound = largest(lambda a, b: spread_of(power(X, -1), a, b), np.array([0.0]), np.array([0.0]))
    assert bound.boxes == 1
    assert bound.proven == math.inf


def test_the_gap_of_nothing_is_nothing():
    assert Bound(0.0, 0.0, 1).gap == 0
    assert Bound(2.0, 1.0, 1).gap == 0.5
