import pytest
import torch

from bimt.tasks.base import Scaling
from interp.circuit import to_circuit
from interp.discovery.structure import find_structure
from tests.nets import mlp, random_mlp


def structure_of(net, inputs):
    circuit = to_circuit(net, Scaling.none(inputs, 1))
    rows = torch.rand(200, inputs, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2 - 1
    return find_structure(circuit, rows, 0, error=0.0)


@pytest.mark.parametrize(("sign", "shown"), [(1.0, 1), (-1.0, -1)])
def test_a_net_that_reads_a_sum_says_so(sign, shown):
    net = mlp([[[1.5, 1.5 * sign, 0.0], [0.4, 0.4 * sign, 1.0]], [[1.0, -2.0]]], [[0.3, 0.1], [0.0]])
    found = structure_of(net, 3)
    assert [(each.kind, each.members) for each in found.symmetries] == [("sum", ((0, 1), (1, shown)))]
    assert found.symmetries[0].left < 1e-9
    assert found.compositions == ()


def test_symmetries_are_told_in_the_table_s_columns():
    # the first column is not read
    net = mlp([[[0.0, 1.5, -1.5]], [[1.0]]], [[0.3], [0.0]])
    found = structure_of(net, 3)
    assert found.inputs == (1, 2)
    assert found.symmetries[0].members == ((1, 1), (2, -1))


def test_a_composition_is_seen_and_no_other():
    # h(a, b) = tanh(2 tanh(1.5 a) + 3 tanh(b + 0.5)) meets tanh(c) in tanh(h + c') + tanh(h - c' + 1)
    net = mlp(
        [
            [[1.5, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
            [[2.0, 3.0, 0.0], [0.0, 0.0, 1.0]],
            [[2.0, 2.0], [2.0, -2.0]],
            [[1.0, 1.0]],
        ],
        [[0.0, 0.5, 0.0], [0.0, 0.0], [0.0, 1.0], [0.0]],
        activation="tanh",
    )
    found = structure_of(net, 3)
    assert found.sums == (frozenset({0, 1, 2}),)
    assert found.symmetries == ()
    assert found.compositions == (frozenset({0, 1}),)


def test_shapes_are_written_with_the_columns_names():
    net = mlp([[[1.5, -1.5, 0.0], [0.0, 0.0, 1.0]], [[1.0, -2.0]]], [[0.3, 0.1], [0.0]])
    assert structure_of(net, 3).in_words(["a", "b", "c"]) == ("f(a - b) + f(c)",)
    constant = mlp([[[0.0, 0.0]], [[1.0]]], [[0.3], [0.0]])
    assert structure_of(constant, 2).in_words(["a", "b"]) == ()


def test_a_random_net_has_no_structure():
    for seed in range(5):
        found = structure_of(random_mlp([3, 8, 8, 1], seed=seed, activation="tanh"), 3)
        assert (found.symmetries, found.compositions) == ((), ())


def test_two_inputs_always_compose_and_are_not_mentioned():
    assert structure_of(random_mlp([2, 8, 1], seed=0, activation="tanh"), 2).compositions == ()
