"""The exact form is the net: for every activation and depth, behind real scalings, in float64 and at fifty digits."""

import dataclasses

import mpmath
import numpy as np
import pytest
import sympy
import torch

from bimt.nets.activations import ACTIVATIONS
from bimt.tasks.base import Scaling
from interp.circuit import to_circuit
from interp.expressions import evaluate_all
from interp.sparse import whole
from interp.symbolic import extract_formulas
from tests.interp.bounds.test_activations import EXACT
from tests.nets import random_mlp, task_of

WIDTHS = {1: [5], 2: [4, 3], 3: [3, 3, 3], 4: [3, 2, 3, 2], 5: [2, 1, 2, 1, 2]}
POINTS = 20_000
# columns as tables have them: kelvins, pascals, metres, years
REAL = Scaling(
    *(
        torch.tensor(values, dtype=torch.float64)
        for values in ([293.15, 101_325.0, 2e-9], [12.0, 2_300.0, 7e-10], [-40.0, 2003.5], [1e3, 1e-6])
    )
)


def net_of(activation, depth):
    """Weights that neither die out nor explode, some of them pruned."""
    net = random_mlp([3, *WIDTHS[depth], 2], seed=depth, activation=activation)
    weights = {
        name: value / (1 if "bias" in name else value.shape[-1] ** 0.5) for name, value in net.parameters.items()
    }
    return net.replaced(parameters=weights)


def exact_net(circuit, row):
    """Computes a circuit at fifty digits, from its own constants."""
    values = {
        site: [mpmath.mpf(row[column]) - mpmath.mpf(circuit.centres[column].item()) for column in range(*ends)]
        for site, ends in circuit.inputs.items()
    }
    for layer in circuit.layers:
        values[layer.site] = [
            EXACT[layer.function](
                mpmath.mpf(layer.bias[0, target].item())
                + sum(
                    mpmath.mpf(weight.item()) * value
                    for source, weights in layer.weights.items()
                    for weight, value in zip(weights[0, target], values[source], strict=True)
                )
            )
            for target in range(layer.bias.shape[1])
        ]
    return [value for site in circuit.outputs for value in values[site]]


@pytest.mark.parametrize("depth", WIDTHS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_exact_form_is_the_net(activation, depth):
    net = net_of(activation, depth)
    task = task_of(net, scaling=REAL)
    formulas = extract_formulas(whole(net, task), task, points=10)
    low, high = np.array([formulas.formulas[0].domain[column] for column in task.inputs]).T
    table = np.random.default_rng(depth).uniform(low, high, (POINTS, 3))
    expected = task.scaling.to_table(net.run(task.scaling.to_net(torch.from_numpy(table))[None])[0]).numpy()
    found = formulas.evaluate(table)
    assert (np.abs(found - expected).max(0) <= 1e-10 * np.abs(expected).max(0)).all()


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_exact_form_is_the_net_at_fifty_digits(activation):
    net = net_of(activation, 2)
    task = dataclasses.replace(task_of(net), scaling=REAL)
    formulas = extract_formulas(whole(net, task), task, points=10)
    circuit = to_circuit(net, task.scaling)
    size = circuit.layers[-1].bias.abs().max().item()
    symbols = [sympy.Symbol(name) for name in formulas.variables]
    low, high = np.array([formulas.formulas[0].domain[column] for column in task.inputs]).T
    with mpmath.workdps(50):
        for row in np.random.default_rng(0).uniform(low, high, (2, 3)).tolist():
            digits = dict(zip(symbols, map(sympy.Float, row, [50] * 3), strict=True))
            for formula, truth in zip(formulas.formulas, exact_net(circuit, row), strict=True):
                found = formula.expr.xreplace(digits).evalf(50)
                # constants are decimals that are read back as the same float64: no more is asked of them
                assert abs(mpmath.mpf(str(found)) - truth) <= 1e-13 * size
    table = np.random.default_rng(0).uniform(low, high, (5, 3))
    np.testing.assert_allclose(
        evaluate_all([formula.expr for formula in formulas.formulas], list(formulas.variables), table),
        circuit.run(torch.from_numpy(table))[0].numpy(),
        rtol=1e-9,
    )
