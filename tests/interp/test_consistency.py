"""Partitions of inputs and outputs whose agreement is known, and the verdict they deserve."""

import functools
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from interp.consistency import Partition, compare_seeds, partition_of
from interp.prune import prune
from tests.nets import TwoOperands, mlp, task_of, two_parts

APART = Partition((0, 1, 0, 1, 0, 1), ("x1 x3 -> y1", "x2 x4 -> y2"))
TOGETHER = Partition((0, 0, 0, 0, 0, 0), ("x1 x2 x3 x4 -> y1 y2",))
CROSSED = Partition((0, 0, 1, 1, 0, 1), ("x1 x2 -> y1", "x3 x4 -> y2"))

adjusted_rand = functools.cache(adjusted_rand_score)


def seeds(*partitions: tuple[Partition, int]):
    return dict(enumerate(itertools.chain(*([each] * count for each, count in partitions))))


def test_inputs_and_outputs_of_a_known_net_are_grouped():
    net = two_parts()
    found = partition_of(prune(net, task_of(net)), task_of(net))
    assert found == Partition((0, 1, 0, 1), ("x1 -> y1", "x2 -> y2"))


def test_what_has_no_connection_is_a_group_by_itself():
    net = mlp([[[1.0, 0.0]], [[2.0], [0.0]]])
    task = task_of(net)
    assert partition_of(prune(net, task), task) == Partition((0, 1, 0, 2), ("x1 -> y1",))


def test_tokens_are_left_out():
    net = TwoOperands(tokens=True)
    task = task_of(TwoOperands())
    found = partition_of(prune(net, task), task)
    assert found == Partition((0, 0), ("-> y1 y2",))


def test_seeds_that_agree_make_a_consistent_structure():
    found = compare_seeds(seeds((APART, 9), (TOGETHER, 1)))
    assert found.is_consistent is True
    assert [each.parts for each in found.partitions] == [APART.parts, TOGETHER.parts]
    assert [each.seeds for each in found.partitions] == [tuple(range(9)), (9,)]
    assert found.partitions[0].share == pytest.approx(0.9)
    # Wilson by hand: (p + z^2 / 2n -+ z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)
    z, p, n = 1.959963984540054, 0.9, 10
    middle, half = p + z**2 / (2 * n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    assert found.partitions[0].low == pytest.approx((middle - half) / (1 + z**2 / n))
    assert found.partitions[0].high == pytest.approx((middle + half) / (1 + z**2 / n))
    # 36 of 45 pairs agree; a partition has no more in common with a single group than chance
    assert found.mean_adjusted_rand == pytest.approx(36 / 45)
    assert found.verdict.startswith(
        "The task has a consistent structure: 9 of 10 seeds (with 95 % confidence more than"
    )
    assert found.verdict.endswith("fall into x1 x3 -> y1 | x2 x4 -> y2.")


def test_one_part_is_no_structure_however_many_agree():
    found = compare_seeds(seeds((TOGETHER, 20)))
    assert found.is_consistent is False
    assert found.mean_adjusted_rand == 1.0
    assert "No consistent structure: 20 of 20 seeds" in found.verdict
    assert "are one part: nothing falls apart" in found.verdict


def test_dropping_an_output_is_no_structure():
    dropped = Partition((0, 0, 0, 1), ("x1 x2 -> y1",))
    assert compare_seeds(seeds((dropped, 20))).is_consistent is False
    empty = Partition((0, 1, 2, 3), ())
    found = compare_seeds(seeds((empty, 20)))
    assert found.is_consistent is False
    assert "are without a connection" in found.verdict


def test_a_bare_majority_is_not_enough():
    found = compare_seeds(seeds((APART, 12), (CROSSED, 8)))
    assert found.is_consistent is False
    assert "12 of 20 seeds only, and a share above one half is not certain (38 to 79 %)" in found.verdict
    assert compare_seeds(seeds((APART, 60), (CROSSED, 20))).is_consistent is True


def test_of_few_seeds_nothing_is_said():
    found = compare_seeds(seeds((APART, 4)))
    assert found.is_consistent is None
    assert found.verdict == "No verdict on the task's structure: 4 of at least 5 seeds."
    assert compare_seeds(seeds((APART, 5))).is_consistent is True
    alone = compare_seeds(seeds((APART, 1)))
    assert (alone.is_consistent, alone.mean_adjusted_rand, alone.seeds) == (None, None, 1)


@settings(deadline=None)
@given(st.lists(st.sampled_from([APART, TOGETHER, CROSSED]), min_size=2, max_size=9), st.randoms())
def test_the_rand_index_is_the_mean_over_pairs_in_any_order(chosen, random):
    pairs = itertools.combinations([each.groups for each in chosen], 2)
    expected = np.mean([adjusted_rand(*pair) for pair in pairs])
    found = compare_seeds(dict(enumerate(chosen)))
    assert found.mean_adjusted_rand == pytest.approx(expected)
    items = list(enumerate(chosen))
    assert compare_seeds(dict(random.sample(items, len(items)))) == found


def test_partitions_that_cannot_be_compared_are_refused():
    with pytest.raises(ValueError, match="`partitions` must hold at least one seed, got none"):
        compare_seeds({})
    with pytest.raises(ValueError, match=r"must be of the same inputs and outputs, got \[4, 6\] of them"):
        compare_seeds({0: APART, 1: Partition((0, 0, 0, 0), ())})


def test_it_shows_itself(capsys):
    from rich.console import Console

    found = compare_seeds(seeds((APART, 9), (TOGETHER, 1)))
    Console(width=150).print(found)
    shown = capsys.readouterr().out
    assert "2 distinct partitions of inputs and outputs, mean adjusted Rand index 0.800" in shown
    assert "x1 x3 -> y1 | x2 x4 -> y2" in shown
    assert list(found.to_frame()["seeds"]) == [9, 1]
