import dataclasses
import json
import math

import numpy as np
import pytest
import sympy
import torch
from rich.console import Console

from bimt.cli import run
from bimt.config import make_config
from bimt.messages import UserError
from bimt.tasks.base import Scaling, Split
from bimt.train import train
from interp.circuit import to_circuit
from interp.discovery.structure import find_structure
from interp.formula_commands import symbolic
from interp.sparse import whole
from interp.symbolic import extract_formulas
from tests.nets import random_mlp, task_of, two_parts

pytestmark = pytest.mark.usefixtures("unchecked")  # of shapes: the search calls small functions by the thousand


def law_task(net, law, *, rows=120, seed=0, scaling=None):
    """A task of the net's shape whose targets are a law of the table's columns, in the net's units."""
    task = task_of(net) if scaling is None else task_of(net, scaling=scaling)
    random = np.random.default_rng(seed)
    splits = []
    for _ in range(2):
        inputs = torch.from_numpy(random.uniform(-1, 1, (rows, len(task.inputs))))
        table = task.scaling.inputs_to_table(inputs).numpy().T
        targets = torch.from_numpy(np.stack(law(table), axis=1))
        splits.append(Split(inputs, (targets - task.scaling.output_shift) / task.scaling.output_scale))
    return dataclasses.replace(task, train=splits[0], test=splits[1])


def test_a_net_of_two_parts_says_which_inputs_go_together():
    net = two_parts()
    task = task_of(net)
    circuit = to_circuit(net, task.scaling)
    table = torch.rand(200, len(task.inputs), dtype=torch.float64) * 2 - 1
    read = [find_structure(circuit, table, output, error=0.0).inputs for output in range(len(task.outputs))]
    assert set(read[0]).isdisjoint(read[1])
    assert all(read)


@pytest.mark.parametrize("is_sum", [True, False])
def test_neurons_that_read_one_input_each_make_a_sum(is_sum):
    net = random_mlp([2, 4, 1], seed=1)
    if is_sum:
        weight = net.weight(net.wiring.links[0])
        weight[:, :2, 1] = 0
        weight[:, 2:, 0] = 0
    task = task_of(net)
    table = torch.rand(100, 2, dtype=torch.float64) * 4 - 2
    structure = find_structure(to_circuit(net, task.scaling), table, 0, error=0.0)
    assert (structure.sums == (frozenset({0}), frozenset({1}))) is is_sum


def test_a_law_is_found_in_the_units_of_the_table(monkeypatch):
    monkeypatch.setattr("interp.discovery.search._POLISHED", 3)
    net = random_mlp([2, 3, 1], seed=0)
    scaling = Scaling(
        *(torch.tensor(values, dtype=torch.float64) for values in ([5.0, 50.0], [2.0, 10.0], [7.0], [3.0]))
    )
    task = law_task(net, lambda x: [x[0] * x[1]], scaling=scaling)
    found = extract_formulas(whole(net, task), task, form="discovered", seconds=40.0)
    a, b = (sympy.Symbol(name) for name in found.variables)
    assert sympy.simplify(found.formulas[0].expr - a * b) == 0
    assert found.laws[0].accepted
    assert found.laws[0].test_error < 1e-12
    assert found.formulas[0].r_squared == pytest.approx(1)


def test_what_has_no_short_formula_is_refused_and_says_so(capsys):
    net = random_mlp([2, 3, 1], seed=0)
    noise = np.random.default_rng(5)
    task = law_task(net, lambda x: [noise.standard_normal(x.shape[1])])
    found = extract_formulas(whole(net, task), task, form="discovered", seconds=1.0)
    assert not found.laws[0].accepted
    assert found.to_json()["formulas"][0]["law"]["accepted"] is False
    Console(width=160).print(found)
    said = capsys.readouterr().out
    assert "refused: no short formula was close enough to the test data" in said
    assert "accepted" not in said


def test_a_wrong_formula_of_the_training_rows_is_refused_on_the_test_rows():
    net = random_mlp([2, 3, 1], seed=0)
    task = law_task(net, lambda x: [x[0] ** 2])
    other = law_task(net, lambda x: [-(x[0] ** 2)], seed=3)
    planted = dataclasses.replace(task, test=other.test)
    (law,) = extract_formulas(whole(net, planted), planted, form="discovered", seconds=6.0).laws
    assert law.train_error < 1e-9
    assert not law.accepted


def test_an_output_that_never_changes_is_its_value():
    net = random_mlp([2, 3, 1], seed=0)
    task = law_task(net, lambda x: [np.full(x.shape[1], 2.5)])
    found = extract_formulas(whole(net, task), task, form="discovered", seconds=5.0)
    assert found.formulas[0].expr == sympy.Rational(5, 2)
    assert found.laws[0].accepted


def test_classes_and_too_few_rows_are_refused_in_one_line():
    net = random_mlp([2, 3, 2], seed=0)
    task = task_of(net)
    sparse = whole(net, task)
    few = dataclasses.replace(task, train=task.train.rows(torch.arange(5)))
    with pytest.raises(UserError, match="need at least 8 training rows, found 5"):
        extract_formulas(sparse, few, form="discovered")
    with pytest.raises(UserError, match="seconds must be more than 0"):
        extract_formulas(sparse, task, form="discovered", seconds=-1.0)


def test_from_training_to_the_law_in_one_command(tmp_path, capsys):
    folder = tmp_path / "crossing"
    train(make_config("crossing", settings=["steps=300", "net.hidden=[4]"]), out=folder)
    assert run(symbolic, [str(folder), "--form", "discovered", "--seconds", "5", "--json"]) == 0
    formulas = json.loads(capsys.readouterr().out)["formulas"]
    assert [formula["expr"] for formula in formulas] == ["x2", "x1"]
    for formula in formulas:
        assert formula["law"]["accepted"] is True
        assert math.isclose(formula["law"]["test_error"], 0, abs_tol=1e-12)


def test_a_law_of_classes_is_refused_on_the_command_line(tmp_path, capsys):
    folder = tmp_path / "moons"
    train(make_config("two_moons", settings=["steps=50", "net.hidden=[4]", "swaps.every=never"]), out=folder)
    assert run(symbolic, [str(folder), "--form", "discovered"]) == 2
    said = capsys.readouterr().err.strip()
    assert "two_moons has classes; take --form readable" in said
    assert "\n" not in said
