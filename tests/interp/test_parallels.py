"""Directions that are the same, and directions that are close by chance."""

import numpy as np
import pytest

from interp.parallels import parallel_groups


def groups(rows, *, targets=1):
    weights = np.array(rows, dtype=np.float64)
    return parallel_groups(weights, np.ones((targets, len(weights)), dtype=bool))


def test_the_same_direction_and_its_opposite_are_one():
    assert groups([[1, 2, 0.5], [0.3, -1, 2], [-2, -4, -1], [0, 0, 0], [3, 6, 1.5]]) == [[0, 2, 4]]


def test_neurons_of_one_source_are_parallel():
    assert groups([[1, 0], [0, 1], [-3, 0], [0, 2], [1, 1]]) == [[0, 2], [1, 3]]


def test_no_neurons_and_no_weights_are_no_groups():
    assert groups(np.zeros((0, 3))) == []
    assert groups(np.zeros((4, 3))) == []


def turned(angle):
    return [np.cos(angle), np.sin(angle)]


def test_how_close_is_close_enough_depends_on_the_crowd():
    pair = [turned(0.5), turned(0.505)]
    assert groups(pair) == [[0, 1]]  # 2 * 0.005 / pi = 0.003 such pairs are expected among two
    assert groups(pair, targets=4) == []
    assert groups([*pair, turned(1.5), turned(2.5)]) == []
    assert groups([*pair, [0, 1], [1, 0]]) == []  # these too may have been anywhere in the plane
    apart = [[*each, 0] for each in pair]
    assert groups([*apart, [1, 1, 1], [1, -1, 2]]) == [[0, 1]]  # and these not


def test_wide_angles_are_two_directions():
    assert groups([turned(0.5), turned(0.6)]) == []
    many = np.zeros((2, 30))
    many[:, 0] = 1
    many[:, 1:] = np.random.default_rng(0).normal(size=29) / 30
    near, far = many.copy(), many.copy()
    near[1, 3] += 0.05
    far[1, 3] += 0.2
    assert groups(near) == [[0, 1]]
    assert groups(far) == []


def test_what_nobody_reads_together_is_no_group():
    weights = np.array([[1.0, 2.0], [1.0, 2.0], [2.0, -1.0]])
    assert parallel_groups(weights, np.array([[True, False, True], [False, True, True]])) == []


@pytest.mark.parametrize("sources", [2, 3, 5])
def test_random_directions_are_seldom_parallel(sources):
    random = np.random.default_rng(0)
    assert sum(bool(groups(random.normal(size=(20, sources)))) for _ in range(300)) <= 10
