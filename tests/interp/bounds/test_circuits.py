import dataclasses

import numpy as np
import pytest
import torch

from bimt.nets.activations import ACTIVATIONS
from bimt.tasks.base import Scaling
from interp.bounds.branch_and_bound import largest
from interp.bounds.circuits import Difference
from interp.circuit import to_circuit
from tests.nets import random_mlp

pytestmark = pytest.mark.usefixtures("unchecked")  # of shapes: intervals are small, and there are many

SHAPES = ([2, 1], [1, 4, 1], [3, 5, 2], [2, 4, 3, 1], [4, 6, 3], [2, 3, 3, 3, 2], [2, 3, 2, 3, 2, 1])


def circuit_of(seed):
    """A random net of any activation and one to five layers, behind the scaling of a real table."""
    random = np.random.default_rng(seed)
    sizes = SHAPES[seed % len(SHAPES)]
    net = random_mlp(sizes, seed=seed, activation=list(ACTIVATIONS)[seed % len(ACTIVATIONS)])
    draw = lambda count, size: torch.from_numpy(size * random.standard_normal(count))  # noqa: E731
    ends = sizes[0], sizes[-1]
    scaling = Scaling(draw(ends[0], 10), draw(ends[0], 2).exp(), draw(ends[1], 100), draw(ends[1], 2).exp())
    if seed % 3 == 0:
        scaling = dataclasses.replace(scaling, input_shift=scaling.input_shift + 2003.5)
    box = tuple((scaling.input_shift + sign * scaling.input_scale).numpy() for sign in (-1, 1))
    return to_circuit(net, scaling), box, random


def coarse(circuit, random):
    """The circuit with two digits a constant, one of them dropped."""
    rounded = torch.tensor([[float(f"{value:.1e}") for value in circuit.constants()[0].tolist()]]).double()
    rounded[0, random.integers(rounded.shape[1])] = 0.0
    return circuit.with_constants(rounded)


def sampled(circuit, other, box, random, points=1_000):
    low, high = box
    inputs = torch.from_numpy(low + (high - low) * random.random((points, len(low))))
    return inputs, (other.run(inputs) - circuit.run(inputs))[0].numpy()


@pytest.mark.parametrize("first", range(0, 200, 20))
def test_what_is_proven_is_never_below_what_is_sampled(first):
    gaps = []
    for seed in range(first, first + 20):
        circuit, box, random = circuit_of(seed)
        other = coarse(circuit, random)
        _, apart = sampled(circuit, other, box, random)
        seen = np.abs(apart).max(0)
        for output, most in enumerate(seen.tolist()):
            # what was seen is not told, so that it has to be found
            bound = largest(Difference(circuit, other, output).over, *box, boxes=50, seconds=60.0)
            assert bound.proven >= most * (1 - 1e-12)
            assert bound.reached <= bound.proven < np.inf
            gaps.append(bound.gap)
    assert np.median(gaps) <= 0.6  # with so few boxes; some of these nets are wild


@pytest.mark.parametrize("seed", range(14))
def test_values_and_slopes_of_boxes_hold_those_of_their_points(seed):
    circuit, (low, high), random = circuit_of(seed)
    other = coarse(circuit, random)
    corners = np.sort(low + (high - low) * random.random((2, 30, len(low))), axis=0)
    corners[1] = corners[0] + (corners[1] - corners[0]) * random.random((30, 1)) ** 3
    for output in range(circuit.run(torch.from_numpy(corners[0])).shape[2]):
        spread = Difference(circuit, other, output).over(*corners)
        for share in random.random((10, 30, len(low))):
            inputs = torch.from_numpy(corners[0] + share * (corners[1] - corners[0])).requires_grad_()
            apart = (other.run(inputs) - circuit.run(inputs))[0, :, output]
            (slopes,) = torch.autograd.grad(apart.sum(), inputs)
            size = np.abs(circuit.run(inputs).detach().numpy()).max()
            for found, values in ((spread.values, apart.detach()[:, None]), (spread.slopes, slopes[:, None])):
                rounding = 1e-12 * max(size, float(values.abs().max()))
                assert (found.low - rounding <= values.numpy()).all()
                assert (values.numpy() <= found.high + rounding).all()


def test_what_both_have_in_common_cancels():
    circuit, box, _ = circuit_of(4)
    inputs = [np.array([end]) for end in box]
    same = Difference(circuit, circuit, 0).over(*inputs)
    assert same.values.magnitude.max() <= 1e-12 * circuit.run(torch.from_numpy(inputs[0])).abs().max().item()
    nearly = circuit.with_constants(circuit.constants() * (1 + 1e-7))
    close = Difference(circuit, nearly, 0).over(*inputs).values.magnitude.max()
    far = Difference(circuit, circuit.with_constants(circuit.constants() * (1 + 1e-3)), 0)
    assert 0 < close < 1e-3 * far.over(*inputs).values.magnitude.max()


def test_only_what_an_output_reads_is_followed():
    circuit, box, _ = circuit_of(2)
    layers = list(circuit.layers)
    # the first output reads the first hidden neuron alone, the second neuron cannot be computed
    layers[0] = dataclasses.replace(layers[0], bias=layers[0].bias * torch.tensor([1.0] + [torch.nan] * 4))
    weights = {source: weight * torch.eye(2, 5) for source, weight in layers[1].weights.items()}
    layers[1] = dataclasses.replace(layers[1], weights=weights)
    broken = dataclasses.replace(circuit, layers=tuple(layers))
    inputs = [np.array([end]) for end in box]
    assert np.isfinite(Difference(broken, broken, 0).over(*inputs).values.magnitude).all()


def test_circuits_of_different_nets_are_refused():
    first, other = circuit_of(2)[0], circuit_of(3)[0]
    with pytest.raises(ValueError, match="must have the same sites"):
        Difference(first, other, 0)
    with pytest.raises(ValueError, match="must have the same centres"):
        Difference(first, dataclasses.replace(first, centres=first.centres + 1), 0)
    with pytest.raises(ValueError, match="`output` must be less than"):
        Difference(first, first, 2)
