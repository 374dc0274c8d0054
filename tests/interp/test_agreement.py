"""Modules found against subtasks planted."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from bimt.config import make_config
from bimt.tasks.planted import Subtask
from interp.agreement import agreement
from interp.modules import find_modules
from tests.graphs import joined_by_readout, one_module, two_parts

OUTPUTS = ("y1", "y2", "y3")
FIRST, SECOND = Subtask("first", ("x1", "x3"), ("y1",)), Subtask("second", ("x2", "x4"), ("y2",))


def modules(graph):
    return find_modules(graph, generator=np.random.default_rng(0))


def test_the_subtasks_themselves_are_found():
    found = agreement(modules(two_parts()), [SECOND, FIRST], outputs=OUTPUTS)
    assert (found.planted, found.found, found.adjusted_rand, found.is_exact) == (2, 2, 1.0, True)


def test_other_subtasks_are_not():
    crossed = [Subtask("a", ("x1", "x2"), ("y1",)), Subtask("b", ("x3", "x4"), ("y2",))]
    found = agreement(modules(two_parts()), crossed, outputs=OUTPUTS)
    # x1 x2 y1 x3 x4 y2: planted 0 0 0 1 1 1, found A B A A B B
    assert found.adjusted_rand == pytest.approx(adjusted_rand_score([0, 0, 0, 1, 1, 1], [0, 1, 0, 0, 1, 1]))
    assert found.adjusted_rand < 0.1
    assert not found.is_exact


def test_names_of_subtasks_do_not_count_and_what_is_not_planted_is_left_out():
    graph = two_parts()
    partly = [Subtask("a", ("x1",), ("y1",)), Subtask("b", ("x4",), ())]
    assert agreement(modules(graph), partly, outputs=OUTPUTS).is_exact


def test_what_no_module_holds_stands_alone():
    third = Subtask("third", ("x5",), ("y3",))
    found = agreement(modules(two_parts()), [FIRST, SECOND, third], outputs=OUTPUTS)
    assert found.adjusted_rand == pytest.approx(
        adjusted_rand_score([0] * 3 + [1] * 3 + [2] * 2, [0] * 3 + [1] * 3 + [2, 3])
    )
    assert (found.planted, found.found, found.is_exact) == (3, 2, False)


def test_as_many_modules_are_needed_as_subtasks():
    found = agreement(modules(two_parts()), [FIRST], outputs=OUTPUTS)
    assert (found.adjusted_rand, found.found, found.is_exact) == (1.0, 2, False)


def test_one_module_agrees_with_one_subtask_only():
    graph = one_module()
    found = modules(graph)
    (names,) = [module.inputs for module in found.modules]
    outputs = found.modules[0].outputs
    assert agreement(found, [Subtask("all", names, outputs)], outputs=outputs).is_exact
    split = [Subtask("a", names[:1], ()), Subtask("b", names[1:], outputs)]
    assert agreement(found, split, outputs=outputs).adjusted_rand == 0.0


def test_an_output_belongs_where_most_of_its_weight_comes_from():
    found = modules(joined_by_readout())
    one, two = found.modules
    assert found.readout == "excluded"
    assert set(one.outputs) & set(two.outputs), "both serve it"
    shared = (set(one.outputs) & set(two.outputs)).pop()
    outputs = ("y1", "y2")
    column = outputs.index(shared)
    for heavy in (one, two):
        loads = [
            replace(each, shares=tuple(0.9 if each is heavy and c == column else 0.1 for c in range(2)))
            for each in (one, two)
        ]
        subtask = Subtask("heavy", heavy.inputs, (shared,))
        other = Subtask("other", (two if heavy is one else one).inputs, ())
        assert agreement(replace(found, modules=tuple(loads)), [subtask, other], outputs=outputs).is_exact


def test_subtasks_must_be_disjoint_and_name_something():
    found = modules(two_parts())
    with pytest.raises(ValueError, match="`planted` must be disjoint subtasks, got x1 in two of them"):
        agreement(found, [FIRST, Subtask("again", ("x1",), ())], outputs=OUTPUTS)
    with pytest.raises(ValueError, match="`planted` must name at least one input or output, got none"):
        agreement(found, [Subtask("nothing", (), ())], outputs=OUTPUTS)
    moons = make_config("three_moons").task.planted()
    with pytest.raises(ValueError, match="must be disjoint subtasks, got x1"):
        agreement(found, moons, outputs=OUTPUTS)
