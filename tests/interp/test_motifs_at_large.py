"""Motifs of nets that nobody made by hand: random ones hold none, trained ones square."""

import pytest
import torch

from bimt.config import make_config
from bimt.train import train
from interp.circuit import Circuit, Layer, to_circuit
from interp.prune import prune
from tests.gardens import assert_errors_are_true, ends, search


def default_net(sizes, activation, seed):
    """As torch initialises linear layers, with standard-normal inputs."""
    random = torch.Generator().manual_seed(seed)
    draw = lambda *shape: torch.rand(*shape, generator=random, dtype=torch.float64) * 2 - 1  # noqa: E731
    names = [*(f"h{depth + 1}" for depth in range(len(sizes) - 2)), "out"]
    layers = tuple(
        Layer(
            name,
            None if name == "out" else activation,
            {source: draw(1, after, before) / before**0.5},
            draw(1, after) / before**0.5,
        )
        for source, name, before, after in zip(["in", *names], names, sizes, sizes[1:], strict=False)
    )
    circuit = Circuit({"in": (0, sizes[0])}, torch.zeros(sizes[0], dtype=torch.float64), layers, ("out",))
    return circuit, torch.randn(500, sizes[0], generator=random, dtype=torch.float64)


@pytest.mark.parametrize("sizes", [(2, 5, 1), (2, 20, 20, 2), (3, 8, 8, 2), (4, 20, 20, 2), (10, 50, 3)])
def test_random_nets_hold_no_square_and_no_product(sizes):
    for seed in range(10):
        for activation in ("silu", "relu", "tanh") if len(sizes) == 3 else ("silu",):
            circuit, table = default_net(sizes, activation, seed)
            found = search(circuit, table)
            assert not ends(found)
            assert_errors_are_true(found, circuit, table)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "sharing"
    checkpoint = train(make_config("feature_sharing", settings=["steps=6000"], seeds=3), out=folder)
    task = checkpoint.task.to(torch.float64)
    return task, [prune(checkpoint.net.seed(row).to(torch.float64), task).net for row in range(3)]


def test_trained_nets_square_by_pairs(trained):
    """Every square of a column that the targets x1^2, x1^2 + x2^2 and x1^2 + x2^2 + x3^2 share, by two silu each."""
    task, nets = trained
    squared = set()
    for row, net in enumerate(nets):
        circuit = to_circuit(net, task.scaling)
        table = task.scaling.inputs_to_table(torch.cat([task.train.inputs, task.test.inputs]))
        found = search(circuit, table)
        assert_errors_are_true(found, circuit, table)
        for motif in found:
            if motif.kind == "square" and len(motif.parts[0].free_symbols) == 1:
                assert motif.error < 0.1
                assert len(motif.neurons) == 2
                squared.add((row, str(*motif.parts[0].free_symbols)))
    assert len(squared) >= 7
