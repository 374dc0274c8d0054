"""Modular arithmetic, groups and in-context regression: the data against definitions."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bimt.config import make_config
from bimt.messages import UserError
from bimt.tasks.permutation_group import element_name, group_elements, product_table, sign

OPERATIONS = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "x": lambda a, b: a * b}


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 9), st.integers(2, 3), st.sampled_from("+-x"), st.floats(0.05, 0.95), st.integers(0, 99))
def test_modular_arithmetic_is_complete_and_right(modulus, operands, operation, fraction, seed):
    chosen = {"modulus": modulus, "operands": operands, "operation": operation}
    chosen |= {"train_fraction": fraction, "data_seed": seed}
    values = {f"task__{key}": value for key, value in chosen.items()}
    task = make_config("modular_addition", **values).task.load()
    rows = [*map(tuple, torch.cat([task.train.inputs, task.test.inputs]).tolist())]
    assert sorted(rows) == sorted(itertools.product(range(modulus), repeat=operands))
    for row, answer in zip(rows, torch.cat([task.train.targets, task.test.targets]).tolist(), strict=True):
        expected = row[0]
        for other in row[1:]:
            expected = OPERATIONS[operation](expected, other)
        assert answer == expected % modulus
    assert task.tokens == tuple("abc"[:operands])
    assert task.inputs[modulus] == "b=0"
    assert (task.vocabulary, len(task.classes)) == (modulus, modulus)
    assert min(len(task.train), len(task.test)) >= 1


def test_the_published_split_sizes():
    task = make_config("modular_addition").task.load()
    assert (len(task.train), len(task.test)) == (2784, 697)
    task = make_config("permutation_group").task.load()
    assert (len(task.train), len(task.test)) == (460, 116)
    task = make_config("in_context").task.load()
    assert (len(task.train), len(task.test), task.moments) == (8000, 2000, 3)


def test_another_split_seed_is_another_split():
    one, other = (make_config("modular_addition", task__data_seed=seed).task.load() for seed in (0, 1))
    assert not torch.equal(one.train.inputs, other.train.inputs)


@pytest.mark.parametrize(
    ("name", "order", "commutes"),
    [("S3", 6, False), ("S4", 24, False), ("A4", 12, False), ("C7", 7, True), ("D5", 10, False), ("D2", 4, True)],
)
def test_a_group_is_a_group(name, order, commutes):
    elements = group_elements(name)
    table = product_table(elements)
    assert (len(elements), len(set(elements))) == (order, order)
    assert all(sorted(row) == list(range(order)) for row in [*table.tolist(), *table.T.tolist()])
    a, b, c = np.indices((order,) * 3)
    assert np.array_equal(table[table[a, b], c], table[a, table[b, c]])
    assert bool((table == table.T).all()) == commutes
    identity = elements.index(tuple(range(len(elements[0]))))
    assert np.array_equal(table[identity], np.arange(order))


def test_the_product_is_the_published_one():
    elements = group_elements("S4")
    p1, p2 = (1, 2, 3, 0), (1, 0, 2, 3)
    product = tuple(p2[i] for i in p1)  # p2[p1]
    table = product_table(elements)
    assert elements[table[elements.index(p1), elements.index(p2)]] == product == (0, 2, 3, 1)


def test_a_sign_is_the_determinant():
    for element in group_elements("S4"):
        assert sign(element) == round(np.linalg.det(np.eye(4)[list(element)]))
    assert {sign(element) for element in group_elements("A5")} == {1}


def test_a_permutation_is_written_as_images():
    assert element_name((1, 0, 2, 3)) == "2134"
    assert element_name(tuple(range(10))) == "1 2 3 4 5 6 7 8 9 10"


@pytest.mark.parametrize("group", ["S6", "S200", "C9999", "D181", "A3000"])
def test_a_group_too_large_is_refused(group):
    with pytest.raises(UserError, match=rf"task\.group: must have 2 to 360 elements, and {group} has [\d,]+"):
        make_config("permutation_group", task__group=group)


@pytest.mark.parametrize("group", ["Q8", "s4", "S", "S04", "S1", "4", "S4 ", "", "S٤", "C1٤"])
def test_a_group_nobody_knows_is_refused(group):
    with pytest.raises(UserError, match=r"task\.group: must be S, A, C or D .* such as S4"):
        make_config("permutation_group", task__group=group)


def test_too_many_rows_are_refused():
    config = make_config("modular_addition", task__modulus=113, task__operands=4)
    with pytest.raises(UserError, match=r"task.modulus = 113 with 4 operands has 163,047,361 rows, too many"):
        config.task.load()


def test_sequences_are_lines_through_zero():
    task = make_config("in_context", task__examples=3, task__sequences=50).task.load()
    tokens = task.train.inputs.unflatten(-1, (5, 2))
    x, y = tokens[:, ::2, 1], task.train.targets
    assert (tokens[:, ::2, 0] == 0).all()
    assert (tokens[:, 1::2, 1] == 0).all()
    assert torch.equal(tokens[:, 1::2, 0], y[:, :-1])
    assert ((x >= 1) & (x <= 3)).all()
    slope = y / x
    assert torch.allclose(slope, slope[:, :1].expand_as(slope), atol=1e-14)
    assert (slope.abs() <= 1).all()
    assert slope.abs().max() > 0.9
    assert task.answers == ("y1", "y2", "y3")
    assert task.reads == ((0, 0), (2, 0), (4, 0))


def test_the_metric_of_sequences_counts_the_last_answer():
    task = make_config("in_context", task__sequences=50).task.load()
    outputs = task.test.targets[None].clone()
    outputs[..., 0] = 7.0
    assert task.metric(outputs, task.test.targets[None]).item() == 1.0
    assert task.loss(outputs, task.test.targets[None]).item() > 10
    assert task.per_output(outputs, task.test.targets[None])[0, 1].item() == 1.0


@pytest.mark.parametrize("squared", [False, True])
def test_of_one_class_only_what_is_lost_counts(squared):
    task = make_config("modular_addition", task__modulus=2, task__train_fraction=0.1).task.load()
    assert len(task.train) == 1
    task, targets = replace(task, squared=squared), task.train.targets[None]
    for outputs in torch.zeros(1, 1, 2, dtype=torch.float64), torch.eye(2, dtype=torch.float64)[targets]:
        assert torch.equal(task.explained(outputs, targets), 1 - task.loss(outputs, targets))
