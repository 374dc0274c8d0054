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


def test_a_table_without_an_answer_is_refused():
    tables = np.zeros((3, 4, 4))
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
        test_a_table_without_an_answer_is_refused()
    finally:
        assignments._native.cache_clear()
