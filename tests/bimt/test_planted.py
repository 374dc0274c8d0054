"""Tasks put together from subtasks: their data, what is planted, refusals."""

import itertools

import numpy as np
import pytest

from bimt.config import make_config
from bimt.messages import UserError
from bimt.tasks.parts import FUNCTIONS

BY_HAND = [
    lambda a, b: 2 * a * b,
    lambda a, b: a * a - 2 * a * b + b * b,
    lambda a, b: np.sin(np.pi / 2 * a) * np.cos(np.pi / 2 * b) + np.cos(np.pi / 2 * a) * np.sin(np.pi / 2 * b),
    lambda a, b: 2 * np.hypot(a, b),
    lambda a, b: (a**3 + 3 * a * a * b + 3 * a * b * b + b**3) / 2,
    lambda a, b: a * np.e**b,
]


def loaded(name, *settings):
    config = make_config(name, settings=settings)
    return config.task.load(), config.task.planted()


# Parts


@pytest.mark.parametrize("parts", range(1, 7))
def test_parts_read_two_inputs_each(parts):
    task, planted = loaded("parts", f"task.parts={parts}")
    random = np.random.RandomState(0)
    assert (len(task.inputs), len(task.outputs), task.kind) == (2 * parts, parts, "regression")
    for split in (task.train, task.test):
        assert np.array_equal(split.inputs.numpy(), random.rand(len(split), 2 * parts) * 2 - 1)
        columns = dict(zip(task.inputs, split.inputs.numpy().T, strict=True))
        for subtask, by_hand in zip(planted, BY_HAND, strict=False):
            target = split.targets.numpy()[:, task.outputs.index(subtask.outputs[0])]
            assert by_hand(*(columns[name] for name in subtask.inputs)) == pytest.approx(target)
    named = [name for subtask in planted for name in (*subtask.inputs, *subtask.outputs)]
    assert sorted(named) == sorted((*task.inputs, *task.outputs))


def test_parts_are_interleaved():
    _, planted = loaded("parts")
    assert [subtask.name for subtask in planted] == ["product", "square", "sine"]
    assert [subtask.inputs for subtask in planted] == [("x1", "x4"), ("x2", "x5"), ("x3", "x6")]
    assert [subtask.outputs for subtask in planted] == [("y1",), ("y2",), ("y3",)]


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_parts_fall_no_further_apart_and_spread_alike(function):
    grid = np.linspace(-1, 1, 201)
    values = function(grid[:, None], grid)
    additive = values.mean(0) + values.mean(1)[:, None] - values.mean()
    assert values.std() == pytest.approx(0.65, abs=0.15)
    assert (values - additive).std() > 0.1 * values.std(), "it is no sum of functions of one input"
    slopes = np.linalg.lstsq(
        np.stack([np.ones(201**2), *(each.ravel() for each in np.meshgrid(grid, grid))], 1), values.ravel(), rcond=None
    )[1]
    assert slopes[0] / 201**2 > 0.05 * values.var(), "it is not linear"


# Sparse parity


def test_parity_by_hand():
    task, planted = loaded("sparse_parity", "task.subtasks=2", "task.subset=2", "task.rows=200", "task.data_seed=3")
    assert task.inputs == ("c1", "c2", "b1", "b2", "b3", "b4")
    for split in (task.train, task.test):
        for row, answer in zip(split.inputs.tolist(), split.targets.tolist(), strict=True):
            value = dict(zip(task.inputs, row, strict=True))
            (asked,) = [subtask for subtask in planted if value[subtask.inputs[0]] == 1]
            ones = [name for name in asked.inputs[1:] if value[name] == 1]
            assert task.classes[answer] == ("even" if len(ones) in (0, 2) else "odd")
    assert set(task.train.inputs.unique().tolist()) == {0.0, 1.0}
    assert task.train.inputs[:, :2].mean(0).tolist() == pytest.approx([0.5, 0.5], abs=0.1)
    assert task.train.inputs[:, 2:].mean(0).tolist() == pytest.approx([0.5] * 4, abs=0.1)


def test_subsets_are_disjoint_where_the_bits_suffice():
    for seed in range(5):
        _, planted = loaded("sparse_parity", "task.subset=3", f"task.data_seed={seed}")
        bits = [name for subtask in planted for name in subtask.inputs[1:]]
        assert sorted(bits) == [f"b{bit + 1}" for bit in range(9)]
        assert [subtask.inputs[0] for subtask in planted] == ["c1", "c2", "c3"]
        assert not any(subtask.outputs for subtask in planted)


def test_subsets_differ_where_the_bits_do_not_suffice():
    task, planted = loaded("sparse_parity", "task.bits=4", "task.subtasks=6", "task.subset=2")
    found = [frozenset(subtask.inputs[1:]) for subtask in planted]
    assert set(found) == {frozenset(pair) for pair in itertools.combinations(["b1", "b2", "b3", "b4"], 2)}
    assert len(task.inputs) == 10


def test_bits_that_nobody_counts_are_there():
    task, planted = loaded("sparse_parity", "task.bits=20", "task.subset=3")
    assert len(task.inputs) == 23
    assert len({name for subtask in planted for name in subtask.inputs}) == 12


def test_too_few_bits_are_refused():
    for ask in (lambda task: task.load(), lambda task: task.planted()):
        with pytest.raises(UserError, match=r"task\.bits must be .* for 4 different subsets of 2 bits, got 3; take"):
            ask(make_config("sparse_parity", settings=["task.subtasks=4", "task.bits=3", "task.subset=2"]).task)


# Three moons


def test_three_moons_stand_on_half_circles():
    task, _ = loaded("three_moons", "task.noise=0", "task.rows=31")
    centres, sides = [(0, 0), (1.25, 0.5), (2.5, 0)], [1, -1, 1]
    for split in (task.train, task.test):
        assert np.bincount(split.targets).tolist() == [11, 10, 10]
        for point, moon in zip(split.inputs.numpy(), split.targets.tolist(), strict=True):
            offset = point - centres[moon]
            assert np.hypot(*offset) == pytest.approx(1)
            assert sides[moon] * offset[1] > -1e-9
    assert not np.array_equal(task.train.targets, task.test.targets), "rows are shuffled"


def test_no_two_moons_touch():
    task, _ = loaded("three_moons", "task.noise=0", "task.rows=600")
    inputs, targets = task.train.inputs, task.train.targets
    for one, other in itertools.combinations(range(3), 2):
        gaps = (inputs[targets == one][:, None] - inputs[targets == other]).norm(dim=-1)
        assert 0.4 < gaps.min() < 0.6


def test_noise_and_seed_of_three_moons():
    still, noisy, other = (
        loaded("three_moons", *settings)[0].train
        for settings in (["task.noise=0"], ["task.noise=0.2"], ["task.noise=0", "task.data_seed=2"])
    )
    assert (noisy.inputs - still.inputs).std().item() == pytest.approx(0.2, rel=0.1)
    assert not np.array_equal(still.targets, other.targets)


def test_pairs_of_moons_are_planted():
    task, planted = loaded("three_moons")
    assert [subtask.outputs for subtask in planted] == list(itertools.combinations(task.outputs, 2))
    assert all(subtask.inputs == task.inputs for subtask in planted)
