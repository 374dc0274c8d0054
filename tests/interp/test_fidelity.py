import dataclasses
import math

import numpy as np
import pytest
import torch

from bimt.tasks.base import Scaling
from bimt.tasks.formulas import FormulaTask, known_law
from interp.fidelity import Region, in_order, regions
from tests.nets import random_mlp, task_of


def task_with_scaling():
    net = random_mlp([2, 3, 2], seed=1)
    values = [5.0, -1.0], [2.0, 0.5], [1.0, 2.0], [3.0, 1.0]
    scaling = Scaling(*(torch.tensor(value, dtype=torch.float64) for value in values))
    return net, task_of(net, scaling=scaling)


def test_regions_lie_where_they_say():
    net, task = task_with_scaling()
    found = {region.name: region for region in regions(task, net, points=300, seed=0)}
    assert list(found) == ["box", "test", "train", "+10 %", "+50 %"]
    train = found["train"].inputs
    low, high = train.amin(0), train.amax(0)
    centre, reach = (low + high) / 2, (high - low) / 2
    away = {name: ((region.inputs - centre) / reach).abs().amax(1) for name, region in found.items()}
    assert len(found["box"].inputs) == 300
    assert away["box"].max() <= 1
    for name, grown in (("+10 %", 1.1), ("+50 %", 1.5)):
        assert 1 < away[name].min() <= away[name].max() <= grown
    for region in found.values():
        expected = task.scaling.to_table(net.run(task.scaling.to_net(region.inputs)[None])[0])
        torch.testing.assert_close(region.net, expected)


@pytest.mark.parametrize("still", [[1], [0, 1]])
def test_columns_that_do_not_vary_are_no_way_out_of_the_box(still):
    net, task = task_with_scaling()
    inputs = task.train.inputs.clone()
    inputs[:, still] = 0.25
    task = dataclasses.replace(task, train=dataclasses.replace(task.train, inputs=inputs))
    found = {region.name: region.inputs for region in regions(task, net, points=300, seed=0)}
    low, high = found["train"].amin(0), found["train"].amax(0)
    for name, grown in (("+10 %", 1.1), ("+50 %", 1.5)):
        assert (found[name][:, still] == low[still]).all()
        if still == [1]:
            away = ((found[name] - (low + high) / 2) / ((high - low) / 2))[:, 0].abs()
            assert 1 < away.min() <= away.max() <= grown


def test_data_are_there_where_something_was_measured():
    net, task = task_with_scaling()
    found = {region.name: region.data for region in regions(task, net, points=10, seed=0)}
    assert {name for name, data in found.items() if data is not None} == {"train", "test"}
    torch.testing.assert_close(found["test"], task.scaling.to_table(task.test.targets))
    classes = task_of(net, kind="classification")
    assert all(region.data is None for region in regions(classes, net, points=10, seed=0))


def test_a_known_law_is_known_everywhere():
    task = FormulaTask(name="independence").load()
    law = known_law(task)
    inputs = torch.tensor([[1.0, 2.0, 1.0, 0.5]], dtype=torch.float64)
    torch.testing.assert_close(law(inputs), torch.tensor([[8.0, 5.0]], dtype=torch.float64))
    net = random_mlp([4, 2], seed=1)
    for region in regions(task, net, points=20, seed=0):
        torch.testing.assert_close(region.data, law(region.inputs))


def test_a_table_with_a_formulas_name_has_no_law():
    task = FormulaTask(name="crossing").load()
    other = dataclasses.replace(task, train=dataclasses.replace(task.train, targets=task.train.targets + 1))
    assert known_law(task) is not None
    assert known_law(other) is None
    assert known_law(dataclasses.replace(task, outputs=("y1",))) is None


def test_errors_and_scores_are_those_of_the_definition():
    random = np.random.default_rng(0)
    net, data, found = (torch.from_numpy(random.standard_normal((40, 2))) for _ in range(3))
    judged = Region("test", torch.zeros(40, 1), net, data).judge(found)
    for index, each in enumerate(judged):
        for truth, error, score in (
            (net, each.net_error, each.net_r_squared),
            (data, each.data_error, each.data_r_squared),
        ):
            off = (found - truth)[:, index].numpy()
            assert error == np.abs(off).max()
            assert score == pytest.approx(1 - (off**2).sum() / (40 * truth[:, index].numpy().var()))


def test_what_is_not_defined_or_does_not_vary_has_no_score():
    net = torch.tensor([[1.0, 2.0], [1.0, 3.0]], dtype=torch.float64)
    found = torch.tensor([[1.5, 2.0], [1.0, torch.nan]], dtype=torch.float64)
    constant, undefined = Region("box", torch.zeros(2, 1), net, None).judge(found)
    assert (constant.net_error, constant.net_r_squared) == (0.5, None)
    assert (undefined.net_error, undefined.net_r_squared) == (math.inf, None)
    assert undefined.to_json()["net_error"] is None
    assert (constant.data_error, constant.data_r_squared) == (None, None)


def test_regions_are_shown_from_the_inside_out():
    net, task = task_with_scaling()
    judged = [region.judge(region.net)[0] for region in regions(task, net, points=10, seed=0)]
    assert [each.region for each in in_order(judged)] == ["train", "test", "box", "+10 %", "+50 %"]
