import dataclasses

import numpy as np
import pytest

from bimt.nets.activations import ACTIVATIONS
from interp.python_source import module, to_source
from interp.sparse import whole
from interp.symbolic import extract_formulas
from tests.interp.test_expressions import HOSTILE
from tests.nets import mlp, random_mlp, task_of


def functions_of(formulas, outputs, title="A title."):
    """Runs the module as a user's interpreter would."""
    found = {}
    exec(compile(module([to_source(formulas, outputs)], title), "module.py", "exec"), found)
    return found


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("form", ["exact", "readable"])
def test_every_activation_is_written_and_computes_the_formula(activation, form):
    net = random_mlp([3, 4, 2], seed=2, activation=activation)
    task = task_of(net)
    formulas = extract_formulas(whole(net, task), task, form=form, points=200)
    found = functions_of(formulas, task.outputs)
    table = np.random.default_rng(0).uniform(-3, 3, (200, 3))
    expected = formulas.evaluate(table)
    for index, output in enumerate(task.outputs):
        function = found[output]
        columns = [int(name[1:]) - 1 for name in function.__code__.co_varnames[: function.__code__.co_argcount]]
        np.testing.assert_allclose(function(*table.T[columns]), expected[:, index], rtol=1e-12, atol=1e-12)
        # numbers are as good as arrays
        assert function(*table[0, columns]) == pytest.approx(expected[0, index], rel=1e-12)


def test_hostile_names_stay_text():
    net = random_mlp([len(HOSTILE), 3, 2], seed=9)
    names = ('"""; import os; os.abort()', "9**9**9")
    task = dataclasses.replace(task_of(net), inputs=tuple(HOSTILE), outputs=names)
    formulas = extract_formulas(whole(net, task), task, points=50)
    found = functions_of(formulas, names, title='"""\n1/0\\')
    assert {"output1", "output2"} <= set(found)
    assert "os.abort()" in found["output1"].__doc__
    assert "1/0" in found["__doc__"]


def test_a_column_is_not_mistaken_for_an_activation():
    net = random_mlp([2, 3, 1], seed=3)
    task = dataclasses.replace(task_of(net), inputs=("SiLU", "tanh"), outputs=("exp",))
    formulas = extract_formulas(whole(net, task), task, points=50)
    assert list(formulas.variables) == ["x1", "x2"]
    table = np.random.default_rng(0).uniform(-1, 1, (20, 2))
    found = functions_of(formulas, ("exp",))["output1"](*table.T)
    np.testing.assert_allclose(found, formulas.evaluate(table)[:, 0], rtol=1e-12)


def test_the_docstring_says_what_is_known():
    net = mlp([[[1.01237, 0.0]], [[3.03131]]], [[0.0171], [0.1]], activation="tanh")
    task = task_of(net)
    exact, readable, unproven = (
        extract_formulas(whole(net, task), task, form=form, proof=proof, points=200)
        for form, proof in (("exact", 1_000), ("readable", 1_000), ("readable", 0))
    )
    said = [functions_of(formulas, ("y1",))["y1"].__doc__ for formulas in (exact, readable, unproven)]
    exactly, readably, unproved = (" ".join(words.split()) for words in said)
    assert "Equals the pruned net to rounding" in exactly
    assert f"At most {readable.formulas[0].bound.proven:.3g} off the pruned net" in readably
    assert "(proven;" in readably
    assert "nothing is proven" in unproved
    assert "x1: x1, " in exactly
    assert "x2" not in exactly


def test_a_constant_is_a_function_of_nothing():
    net = mlp([[[0.0, 0.0]], [[1.0]]], [[0.0], [0.25]])
    formulas = extract_formulas(whole(net, task := task_of(net)), task, points=50)
    assert functions_of(formulas, ("y1",))["y1"]() == 0.25
