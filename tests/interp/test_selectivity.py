import numpy as np
import pytest
import torch

from interp.graph import to_graph
from interp.modules import find_modules
from interp.prune import prune
from interp.selectivity import compare_with_random, loss_without_bridges
from interp.sparse import test_scores as scores
from interp.sparse import whole
from tests.nets import mlp, task_of


@pytest.fixture(scope="module")
def case():
    """Two circuits of three hidden neurons, and the weak noise between them that pruning removes."""
    first, last = torch.full((6, 2), 1e-6), torch.full((2, 6), 1e-6)
    first[:3, 0] = first[3:, 1] = torch.tensor([1.0, -2.0, 0.5])
    last[0, :3] = last[1, 3:] = torch.tensor([1.0, 1.5, -2.0])
    net = mlp([first.tolist(), last.tolist()])
    task = task_of(net, noise=1e-3)
    sparse = prune(net, task)
    modules = find_modules(to_graph(sparse, task), generator=np.random.default_rng(0))
    return sparse, modules, task


def compared(case, **options):
    return compare_with_random(*case, generator=np.random.default_rng(1), **options)


def test_a_circuit_is_more_than_a_cluster(case):
    one, two = compared(case)
    assert (one.name, two.name) == ("A", "B")
    assert one.neurons == two.neurons == 3
    assert one.choices == 20
    assert one.per_output[0] > 0.5
    assert one.per_output[1] == pytest.approx(0, abs=1e-9)
    assert one.focus == two.focus == pytest.approx(1)
    assert min(one.focus_percentile, two.focus_percentile) > 85


def test_drop_is_that_of_an_edit_by_hand(case):
    sparse, modules, task = case
    keep = torch.ones(6, dtype=torch.float64)
    keep[[neuron.index for neuron in modules.modules[0].neurons if neuron.site == "h1"]] = 0
    outputs = sparse.net.run(task.test.inputs[None], {"h1": lambda value: value * keep})
    assert compared(case)[0].drop == pytest.approx(sparse.metric - task.metric(outputs, task.test.targets[None]).item())


def test_a_module_that_is_everything_is_no_better_than_itself():
    net = mlp([[[1.0, 2.0], [1.0, -1.0]], [[1.0, 3.0]]])
    task = task_of(net)
    sparse = prune(net, task)
    modules = find_modules(to_graph(sparse, task), generator=np.random.default_rng(0))
    (row,) = compare_with_random(sparse, modules, task, generator=np.random.default_rng(0))
    assert (row.choices, row.drop_percentile, row.focus_percentile) == (1, 50.0, 50.0)


def test_dense_net_hardly_misses_the_connections_between_parts(case):
    sparse, modules, task = case
    first, last = torch.full((6, 2), 0.3), torch.full((2, 6), 0.3)
    dense = mlp([first.tolist(), last.tolist()])
    cut = mlp(
        [
            (first * (sparse.net.parameters["weight.h1"][0] != 0)).tolist(),
            (last * (sparse.net.parameters["weight.out"][0] != 0)).tolist(),
        ]
    )
    assert loss_without_bridges(dense, modules, task) == pytest.approx(scores(whole(cut, task).net, task)[1])
    assert torch.all(dense.parameters["weight.h1"] != 0), "the net itself is left alone"


def test_too_few_sets_are_refused(case):
    with pytest.raises(ValueError, match="`sets` must be at least 200, got 10"):
        compared(case, sets=10)
