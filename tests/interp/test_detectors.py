"""Every detector on series whose events are known: it happens, it does not, it flickers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interp.detectors import (
    HOLD,
    Change,
    find_dropped_outputs,
    find_events,
    find_jumps,
    find_phases,
    find_splits,
    find_uncrossing,
    settled,
)
from tests.snapshots import evolution_of


def found(detect, **series):
    return [(event.kind, event.frame) for event in detect(evolution_of(**series))]


def test_nothing_happens_where_nothing_changes():
    assert find_events(evolution_of()) == ()
    assert find_events(evolution_of(frames=2)) == ()


# Settled values


@pytest.mark.parametrize(
    ("values", "changes"),
    [
        ([1] * 5 + [2] * 5, [(5, 1, 2)]),
        ([1] * 5 + [2] * 4, []),
        ([1] * 5 + [2, 1] * 10, []),
        ([1] * 5 + [2, 1, 2, 1] + [2] * 5, [(9, 1, 2)]),
        ([1] * 5 + [3] + [2] * 5 + [1] * 5, [(6, 1, 2), (11, 2, 1)]),
        ([1] * 5 + [2] + [1] * 5, []),
        ([2, 1] * 3 + [3] * 5, []),
        ([], []),
    ],
)
def test_settled(values, changes):
    assert settled(values) == [Change(*change) for change in changes]


@given(st.lists(st.integers(0, 3), max_size=60))
def test_a_settled_value_holds_and_is_new(values):
    for frame, old, new in settled(values):
        assert values[frame : frame + HOLD] == [new] * HOLD
        assert values[frame - 1] != new
        assert old != new


# Jumps


def test_a_jump_after_a_long_plateau_is_found():
    metric = np.concatenate([np.full(60, 0.05), [0.1, 0.6, 0.95], np.full(37, 1.0)])
    (event,) = find_jumps(evolution_of(100, metric=metric))
    assert (event.kind, event.frame, event.step) == ("jump", 61, 6100)
    assert event.before == 5900, "the last logged step before it"
    assert event.words == "test accuracy jumps from 0.05 to 1.00 between steps 5,900 and 6,300"
    assert event.numbers == {"from": 0.05, "to": 1.0, "begin": 5900, "end": 6300}


@pytest.mark.parametrize(
    "metric",
    [
        np.linspace(0, 1, 100),
        np.repeat([0.90, 0.98], 50),
        np.where(np.arange(100) == 50, 1.0, 0.2),
        np.where(np.arange(100) == 50, 0.0, 0.9),
        np.tile([0.2, 0.8], 50),
        np.where(np.arange(100) >= 97, 0.9, 0.2),
        np.repeat([-3.0, -0.5], 50),
        np.full(100, np.nan),
    ],
    ids=["steady", "small", "spike", "dip", "noise", "too late to tell", "both worse than a constant", "no number"],
)
def test_what_is_no_jump(metric):
    assert list(find_jumps(evolution_of(100, metric=metric))) == []


def test_a_lasting_fall_is_found():
    (event,) = find_jumps(evolution_of(40, kind="regression", metric=[0.9] * 20 + [0.3] * 20))
    assert (event.kind, event.step, event.title) == ("fall", 2000, "R² 0.90 → 0.30")


def test_two_jumps_are_two_events():
    metric = [0.1] * 30 + [0.5] * 30 + [1.0] * 40
    assert found(find_jumps, frames=100, metric=metric) == [("jump", 30), ("jump", 60)]


# Dropped outputs


def dropping(first, frames=20, rest=1.0):
    """Spreads of two outputs, the first of which is constant from a frame on."""
    return np.stack([np.where(np.arange(frames) >= first, 1e-4, 1.0), np.full(frames, rest)], 1)


def test_a_dropped_output_is_found():
    level, incoming = np.full((20, 2), -0.001), np.full((20, 2), 3)
    incoming[-1, 0] = 0
    (event,) = find_dropped_outputs(evolution_of(spread=dropping(12), level=level, incoming=incoming))
    assert (event.kind, event.step, event.before, event.output) == ("dropped output", 1200, 1100, "a")
    assert event.title == "a dropped"
    assert "it stays at 0.00 whatever the input (spread 0.0001, the widest has 1, no connection above" in event.words
    assert "yet 90 % of its class's training rows are recognised" in event.words


def test_an_output_that_comes_back_is_not_dropped():
    spread = dropping(8)
    spread[12, 0] = 1.0
    (event,) = find_dropped_outputs(evolution_of(spread=spread))
    assert event.step == 1300, "from when it holds to the end"
    spread[-1, 0] = 1.0
    assert not list(find_dropped_outputs(evolution_of(spread=spread)))


@pytest.mark.parametrize(
    "series",
    [
        {"spread": dropping(20 - HOLD + 1)},
        {"spread": dropping(0)},
        {"spread": 1e-9 * np.ones((20, 2))},
        {"spread": dropping(12), "explained": [0.9] * 15 + [0.1] * 5},
        {"spread": dropping(12), "per_output": np.tile([0.1, 1.0], (20, 1))},
        {"spread": dropping(12), "kind": "regression"},
        {"spread": dropping(12)[:, :1], "outputs": ("a",)},
    ],
    ids=["too late", "never alive", "all alike", "not solved", "class lost", "regression", "one output"],
)
def test_what_is_no_dropped_output(series):
    assert not list(find_dropped_outputs(evolution_of(**series)))


def test_an_output_that_dies_with_the_task_is_not_dropped():
    spread = np.where(np.arange(20) >= 10, 0.0, 1.0)[:, None] * np.ones(2)
    assert not list(find_dropped_outputs(evolution_of(spread=spread, explained=[0.9] * 10 + [0.0] * 10)))


def test_of_three_classes_one_can_be_dropped():
    spread = np.ones((20, 3))
    spread[9:, 1] = 0.001
    assert found(find_dropped_outputs, spread=spread, outputs=("a", "b", "c")) == [("dropped output", 9)]


def test_a_hostile_name_stays_on_one_line():
    (event,) = find_dropped_outputs(evolution_of(spread=dropping(12), outputs=("a\nb\u202e" * 20, "b")))
    assert event.words.isprintable()
    assert len(event.title) < 60


# Phases


def leaning(asymmetry):
    values = np.asarray(asymmetry, dtype=float)
    return np.stack([1 + values, 1 - values], 1)


def test_the_asymmetric_phase_is_found():
    (event,) = find_phases(evolution_of(spread=leaning([0.1] * 10 + [-0.6] + [-0.9] * 9)))
    assert (event.kind, event.step, event.before) == ("asymmetric", 1000, 900)
    assert event.words == (
        "from the symmetric to the asymmetric phase: b takes over, the asymmetry of the two logits' spreads "
        "(0: both alike, ±1: only one is left) is −0.60, and −0.90 by step 1,400"
    )


def test_the_way_back_is_found():
    series = leaning([0.1] * 6 + [0.7] * 6 + [0.0] * 8)
    assert found(find_phases, spread=series) == [("asymmetric", 6), ("symmetric", 12)]


@pytest.mark.parametrize(
    "series",
    [
        {"spread": leaning([0.0] * 10 + [0.4] * 10)},
        {"spread": leaning([0.0] * 10 + [0.9, 0.0] * 5)},
        {"spread": leaning([0.9] * 20)},
        {"spread": leaning([0.0] * 10 + [0.9] * 10), "explained": [0.9] * 12 + [0.1] * 8},
        {"spread": leaning([0.0] * 6 + [0.9] * 14), "explained": [0.1] * 6 + [0.9] * 14},
        {"spread": leaning([0.0] * 10 + [0.9] * 10), "kind": "regression"},
        {"spread": np.ones((20, 3)), "outputs": ("a", "b", "c")},
        {"spread": np.zeros((20, 2))},
    ],
    ids=["slight", "flickers", "always", "forgotten", "before it is learned", "regression", "three", "nothing"],
)
def test_what_is_no_phase(series):
    assert found(find_phases, **series) == []


# Parts


def test_a_split_and_a_merge_are_found():
    parts = [1] * 6 + [2] * 6 + [1] * 8
    split, merge = find_splits(evolution_of(parts=parts, parts_before_outputs=parts))
    assert (split.kind, split.step, split.title) == ("split", 600, "2 parts")
    assert (merge.kind, merge.step, merge.words) == ("merge", 1200, "the net joins up to one part (before: 2)")


def test_parts_before_the_outputs_are_told_apart():
    (event,) = find_splits(evolution_of(parts_before_outputs=[1] * 6 + [3] * 14))
    assert event.title == "3 parts before the outputs"
    assert event.words == "the net falls into 3 parts before the outputs, which meet only there (before: 1)"
    both = found(find_splits, parts=[1] * 10 + [2] * 10, parts_before_outputs=[1] * 5 + [2] * 15)
    assert both == [("split", 10), ("split", 5)], "parts before the outputs first, then nothing joins them at all"


@pytest.mark.parametrize(
    "parts",
    [[1] * 10 + [2, 1] * 5, [1] * 16 + [2] * 4, [0] * 10 + [1] * 10, [2] * 10 + [0] * 10, [0] * 10 + [2] * 10],
    ids=["flickers", "too late", "connected", "nothing left", "from nothing"],
)
def test_what_is_no_split(parts):
    assert found(find_splits, parts=parts, parts_before_outputs=parts) == []


# Crossings


def test_uncrossing_is_found():
    (event,) = find_uncrossing(evolution_of(crossings=[9] * 5 + [0] * 3 + [1] + [0] * 11))
    assert (event.step, event.words) == (900, "the last crossing is gone: from here on no two connections cross")


@pytest.mark.parametrize(
    "series",
    [
        {"crossings": [0] * 20},
        {"crossings": [9] * 16 + [0] * 4},
        {"crossings": [9] * 5 + [0] * 14 + [1]},
        {"crossings": [9] * 5 + [0] * 15, "connections": [9] * 5 + [1] * 15},
    ],
    ids=["always", "too late", "crossed again", "hardly connected"],
)
def test_what_is_no_uncrossing(series):
    assert found(find_uncrossing, **series) == []


def test_events_come_in_the_order_of_their_steps():
    events = find_events(evolution_of(spread=dropping(12), crossings=[9] * 3 + [0] * 17, parts=[1] * 8 + [2] * 12))
    assert [event.kind for event in events] == ["uncrossed", "split", "asymmetric", "dropped output"]
