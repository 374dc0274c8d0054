"""Assignments of many tables at once against scipy's, table by table: ties are broken in the same way."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from bimt.compiled import assignments
from bimt.compiled.assignments import cheapest_assignments
from bimt.compiled.compiler import NoCompiler


@pytest.mark.parametrize("size", [1, 2, 3, 7, 20])
@pytest.mark.parametrize("levels", [1, 2, 5, 1000])
@pytest.mark.parametrize("count", [0, 1, 200])
def test_every_table_is_solved_as_by_itself(size, levels, count):
    tables = np.random.default_rng(size).integers(0, levels, (count, size, size)).astype(float)
    alone = [linear_sum_assignment(table)[1].tolist() for table in tables]
    assert cheapest_assignments(tables).tolist() == alone


def test_dead_neurons_stay_where_scipy_leaves_them():
    tables = np.random.default_rng(0).random((50, 12, 12))
    tables[:, ::3] = 0.0
    assert cheapest_assignments(tables).tolist() == [linear_sum_assignment(table)[1].tolist() for table in tables]


def line_table(size, random):
    """What neurons cost in slots on a line, each tied to sixty places with weights of very different size."""
    pull, slots, ends = random.random((size, 60)) ** 8, (np.arange(size) + 0.5) / size, random.random(60)
    return pull @ np.abs(ends[:, None] - slots)


def sheet_table(size, random):
    """The same on a sheet."""
    pull, slots, ends = random.random((size, 60)) ** 8, random.random((size, 2)), random.random((60, 2))
    return pull @ np.abs(ends[:, None] - slots).sum(-1)


LARGE = {
    "line": line_table,
    "sheet": sheet_table,
    "far from zero": lambda size, random: 1e6 - line_table(size, random),
    "dead neurons": lambda size, random: line_table(size, random) * (np.arange(size) % 3 > 0)[:, None],
    "mostly dead neurons": lambda size, random: line_table(size, random) * (np.arange(size) % 3 > 1)[:, None],
    "neurons of few kinds": lambda size, random: line_table(size, random)[random.integers(0, 20, size)],
    "products": lambda size, random: np.outer(random.random(size), random.random(size)),
    "any numbers": lambda size, random: random.normal(size=(size, size)) ** 3,
    "ties": lambda size, random: random.integers(0, 3, (size, size)).astype(float),
    "one neuron counts most": lambda size, random: (
        random.random((size, size)) * 1e12 ** (np.arange(size) == 7)[:, None]
    ),
    "one slot counts most": lambda size, random: random.random((size, size)) * 1e12 ** (np.arange(size) == 7),
    "barred slots": lambda size, random: random.random((size, size)) + 1e9 * (random.random((size, size)) < 0.01),
    "nothing but zeros": lambda size, random: np.zeros((size, size)),
}


@pytest.mark.parametrize("size", [511, 512, 701])
@pytest.mark.parametrize("kind", LARGE)
def test_large_tables_have_no_cheaper_assignment(kind, size):
    table = LARGE[kind](size, np.random.default_rng(size))
    best, rows = cheapest_assignments(table[None])[0], np.arange(size)
    cheapest = linear_sum_assignment(table)[1]
    assert np.array_equal(np.sort(best), rows)
    rounding = 1e-14 * np.abs(table[rows, cheapest]).sum() + 1e-15 * np.abs(table).max()
    assert abs(table[rows, best].sum() - table[rows, cheapest].sum()) <= rounding
    if size < 512:
        assert np.array_equal(best, cheapest)


def test_some_slots_of_a_large_table_may_be_closed():
    table = line_table(600, np.random.default_rng(0))
    table[np.tril_indices(600, -2)] = np.inf
    best = cheapest_assignments(table[None])[0]
    assert table[np.arange(600), best].sum() == pytest.approx(
        table[np.arange(600), linear_sum_assignment(table)[1]].sum()
    )


@pytest.mark.parametrize("size", [4, 600])
def test_a_table_without_an_answer_is_refused(size):
    tables = np.zeros((3, size, size))
    tables[1, 2] = np.inf
    with pytest.raises(ValueError, match=r"without an assignment|infeasible"):
        cheapest_assignments(tables)


def test_without_a_compiler_scipy_answers(monkeypatch):
    tables = np.random.default_rng(0).integers(0, 4, (30, 6, 6)).astype(float)
    before = cheapest_assignments(tables)

    def missing(source):
        raise NoCompiler("none")

    monkeypatch.setattr(assignments, "load", missing)
    assignments._native.cache_clear()
    try:
        assert assignments._native() is None
        assert np.array_equal(cheapest_assignments(tables), before)
        assert cheapest_assignments(tables[:0]).shape == (0, 6)
        test_a_table_without_an_answer_is_refused(4)
    finally:
        assignments._native.cache_clear()
