"""The score: its formula by hand, what it must not reward, and the order it gives."""

import itertools
import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bimt.messages import UserError
from interp.graph import crossings, to_graph
from interp.measures import cut_at, measure
from interp.prune import prune
from interp.score import Traits, Weights, check_weights, in_order, kept_lengths, make_weights, scores, traits
from interp.sparse import whole
from tests.interp.test_measures import checkpoint_of
from tests.nets import random_mlp, task_of, two_parts

SEED = Traits(seed=0, train_metric=0.99, floor=0.001, connections=9, length=4.5, crossings=0)


def made(**changes) -> Traits:
    return replace(SEED, **changes)


@st.composite
def several(draw):
    count = draw(st.integers(1, 6))
    rows = []
    for label in range(count):
        connections = draw(st.integers(0, 40))
        rows.append(
            Traits(
                seed=label,
                train_metric=draw(st.sampled_from([0.9, 0.95, 0.97, 0.99, 0.999])),
                floor=0.001,
                connections=connections,
                length=connections * draw(st.sampled_from([0.0, 0.1, 0.7])),
                crossings=draw(st.integers(0, 5)) if connections else 0,
            )
        )
    return rows


def test_the_score_is_the_formula_of_its_docstring():
    other = made(seed=1, train_metric=0.979, connections=4, length=4.0, crossings=4)
    found = scores([SEED, other])
    # errors 0.011 and 0.022; 10 and 5; 1.5 and 2; 1 and 2; weights 1, 1, 0.5, 0.5 of 3
    assert found[0] == pytest.approx((1 * 5 / 10) ** (1 / 3))
    assert found[1] == pytest.approx((0.011 / 0.022) ** (1 / 3) * (1.5 / 2) ** (1 / 6) * (1 / 2) ** (1 / 6))


def test_a_seed_that_is_best_in_everything_scores_one():
    worse = made(seed=1, train_metric=0.98, connections=10, length=5.0, crossings=1)
    assert scores([SEED, worse])[0] == 1.0
    assert scores([SEED]) == {0: 1.0}


def test_twice_the_error_costs_as_much_as_twice_the_connections():
    wrong = made(seed=1, train_metric=1 - 0.021)  # 0.01 + floor 0.001, twice
    large = made(seed=2, connections=19, length=9.5)
    found = scores([SEED, wrong, large])
    assert found[1] == pytest.approx(found[2])
    heavier = scores([SEED, wrong, large], Weights(metric=3.0))
    assert heavier[1] < heavier[2]


def test_a_seed_that_has_not_learned_does_not_win_by_being_small():
    nothing = made(seed=1, train_metric=0.0, connections=0, length=0.0)
    for weights in (Weights(), Weights(metric=0.0), Weights(metric=0.0, connections=100.0)):
        assert scores([SEED, nothing], weights)[1] == 0.0
        assert [each.seed for each in in_order([nothing, SEED], weights)] == [0, 1]
    within = made(seed=1, train_metric=0.99 * 0.951, connections=1, length=0.5)
    assert scores([SEED, within])[1] > 0


def test_only_the_ratios_of_weights_matter_however_large_they_are():
    seeds = [made(seed=0), made(seed=1, connections=40)]
    assert scores(seeds, Weights(*[1e308] * 4)) == scores(seeds, Weights(*[1.0] * 4))


def test_where_nobody_learned_the_highest_metric_is_first():
    bad = [made(seed=0, train_metric=-2.0, connections=0, length=0.0), made(seed=1, train_metric=-0.5)]
    assert [each.seed for each in in_order(bad)] == [1, 0]


def test_seeds_that_score_nothing_are_ordered_by_their_metric():
    failed = [made(seed=1, train_metric=0.1, connections=1), made(seed=2, train_metric=0.5)]
    assert [each.seed for each in in_order([*failed, SEED])] == [0, 2, 1]


def test_equal_scores_go_by_connections_and_then_by_label():
    only_metric = Weights(connections=0.0, length=0.0, crossings=0.0)
    same = [made(seed=3), made(seed=2), made(seed=5, connections=8)]
    assert [each.seed for each in in_order(same, only_metric)] == [5, 2, 3]


@settings(deadline=None)
@given(several(), st.randoms())
def test_the_order_of_the_seeds_given_does_not_matter(rows, random):
    shuffled = random.sample(rows, len(rows))
    assert in_order(shuffled) == in_order(rows)
    assert scores(shuffled) == scores(rows)


@settings(deadline=None)
@given(several())
def test_the_order_of_two_seeds_does_not_depend_on_the_others(rows):
    best = max(row.train_metric for row in rows)
    learned = [row for row in rows if row.train_metric >= 0.96 * best]  # the gate does depend on the best
    score = scores(learned)
    for one, other in itertools.combinations(learned, 2):
        alone = scores([one, other])
        if not math.isclose(score[one.seed], score[other.seed], rel_tol=1e-9):
            assert (alone[one.seed] > alone[other.seed]) == (score[one.seed] > score[other.seed])


@settings(deadline=None)
@given(several())
def test_scores_lie_between_zero_and_one_and_the_best_learned(rows):
    assert all(0 <= value <= 1 for value in scores(rows).values())
    assert scores(rows)[in_order(rows)[0].seed] > 0


def test_the_test_split_is_not_asked():
    net = two_parts()
    task = task_of(net, noise=0.1)
    wrong = replace(task, test=replace(task.test, targets=task.test.targets + 100))
    assert traits(prune(net, task), task) == traits(prune(net, wrong), wrong)


def test_traits_are_what_measures_say():
    net = random_mlp([4, 9, 7, 3])
    task = task_of(net)
    sparse = replace(cut_at(whole(net, task), 0.8)[0], tolerance=0.01)
    found, measured = traits(sparse, task), measure(checkpoint_of(net), sparse)
    assert found.crossings == measured.crossings == crossings(to_graph(sparse, task)) > 100
    assert (found.connections, found.length) == (measured.connections, measured.length)
    assert kept_lengths(sparse) == (measured.length, measured.wiring)
    assert found.floor == 0.01


def test_of_accuracies_one_row_is_the_least_that_counts():
    net = two_parts()
    task = task_of(net, kind="classification", rows=50)
    assert traits(prune(net, task), task).floor == 1 / 50


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["metrik=2"], "--weight must be term=number, got metrik=2; did you mean metric?"),
        (["metric"], "the weight of metric must be a number from 0 upwards, got nothing"),
        (["metric=much"], "the weight of metric must be a number from 0 upwards, got much"),
        (["metric=-1"], "the weight of metric must be a number from 0 upwards, got -1.0"),
        (["length=nan"], "the weight of length must be a number from 0 upwards, got nan"),
        (["length=inf"], "the weight of length must be a number from 0 upwards, got inf"),
        (["metric=0", "connections=0", "length=0", "crossings=0"], "at least one weight must be above 0"),
    ],
)
def test_weights_that_make_no_sense_are_refused(words, message):
    with pytest.raises(UserError, match=message.replace("?", r"\?")):
        make_weights(words)


def test_weights_are_checked_however_they_are_made():
    with pytest.raises(UserError, match="the weight of metric must be"):
        check_weights(Weights(metric=-1.0))
