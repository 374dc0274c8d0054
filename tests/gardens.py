"""Nets with squares and products planted among random neurons, and what motifs say held against them."""

from typing import NamedTuple

import numpy as np
import pytest
import sympy
import torch

from bimt.nets.activations import ACTIVATIONS
from interp.circuit import Circuit, Layer
from interp.expressions import name_neurons
from interp.motifs import find_motifs
from interp.sparse import Neuron

CURVED = {"silu": 0.3, "gelu": 0.2, "gelu_tanh": 0.2, "tanh": 0.7, "selu": -1.0}
"""Where each activation has curvature."""
ADDED = ("square", "product", "absolute")


class Planted(NamedTuple):
    """A motif that a net is known to hold, and what it should say."""

    kind: str
    target: Neuron
    neurons: tuple
    value: torch.Tensor  # offset + scale * shape, per row


class Garden:
    """A net in the making: layers of random neurons, among them pairs that add up to squares."""

    def __init__(self, activation, *, inputs=4, seed=0, rows=300):
        self.random = torch.Generator().manual_seed(seed)
        self.activation = activation
        self.table = torch.randn(rows, inputs, generator=self.random, dtype=torch.float64)
        self.values, self.layers, self.pairs = {"in": self.table}, [], []

    def draw(self, *shape):
        return torch.randn(*shape, generator=self.random, dtype=torch.float64)

    def add(self, site, source, squares, others, *, reads=(), targets=0, size=0.1):
        """Adds a layer: for each square (direction, centre, scale) two neurons, then others, shuffled.

        The first `targets` of the others read nothing but what `reads` says: of each a list of (neuron, weight) of the
        source; all others read a random weight from the neurons of the source that are in no square.
        """
        values, bias_at = self.values[source], CURVED.get(self.activation, 0.3)
        point = torch.tensor(bias_at, dtype=torch.float64, requires_grad=True)
        (slope,) = torch.autograd.grad(ACTIVATIONS[self.activation](point), point, create_graph=True)
        bend = torch.autograd.grad(slope, point)[0].item()
        rows, biases, pairs = [], [], []
        for direction, centre, scale in squares:
            u = values @ direction - centre
            gain = size / u.abs().max()
            for sign in (1, -1):
                rows.append(sign * gain * direction)
                biases.append(bias_at - sign * gain * centre)
            weight = scale / (bend * gain.item() ** 2)
            constant = 2 * weight * ACTIVATIONS[self.activation](point.detach())
            pairs.append((len(rows) - 2, len(rows) - 1, weight, constant + scale * u**2))
        free = self.free(source)
        for index in range(others):
            row = torch.zeros(values.shape[1], dtype=torch.float64)
            if index < targets:
                for neuron, weight in reads[index]:
                    row[neuron] = weight
            row[free] = self.draw(len(free)) / len(free) ** 0.5
            rows.append(row)
            biases.append(self.draw(1)[0] * 0.5)
        order = torch.randperm(len(rows), generator=self.random).tolist()
        place = {old: new for new, old in enumerate(order)}
        weight = torch.stack(rows)[order]
        bias = torch.stack([torch.as_tensor(each, dtype=torch.float64) for each in biases])[order]
        function = None if site == "out" else self.activation
        self.layers.append(Layer(site, function, {source: weight[None]}, bias[None]))
        drive = values @ weight.T + bias
        self.values[site] = drive if function is None else ACTIVATIONS[function](drive)
        self.pairs = [((place[first], place[second]), weight, value) for first, second, weight, value in pairs]
        return [place[2 * len(squares) + index] for index in range(targets)]

    def free(self, site):
        """Returns which neurons of a site, the last one added, are in no square."""
        taken = {neuron for neurons, _, _ in self.pairs for neuron in neurons}
        return [index for index in range(self.values[site].shape[1]) if index not in taken]

    def circuit(self):
        inputs = self.table.shape[1]
        return Circuit({"in": (0, inputs)}, torch.zeros(inputs, dtype=torch.float64), tuple(self.layers), ("out",))


def direction_of(garden, source, count):
    """A direction of some free neurons of a site, each of which moves it about as much."""
    free = garden.free(source)
    chosen = [free[each] for each in torch.randperm(len(free), generator=garden.random)[:count].tolist()]
    values = garden.values[source]
    direction = torch.zeros(values.shape[1], dtype=torch.float64)
    direction[chosen] = (garden.draw(count).abs() + 0.5) * garden.draw(count).sign() / values.std(0)[chosen]
    return direction


def inside(garden, values):
    """A centre well inside the range of values."""
    share = 0.35 + 0.3 * torch.rand((), generator=garden.random, dtype=torch.float64)
    return values.min() + share * (values.max() - values.min())


def plan(garden, source, kinds):
    """Draws squares and products of free neurons of a site: for each kind what pairs it takes, and its value."""
    values, squares, motifs = garden.values[source], [], []
    for kind in kinds:
        scale = (garden.draw(1).sign() * (0.5 + garden.draw(1).abs()))[0].item()
        if kind == "square":
            direction = direction_of(garden, source, int(torch.randint(1, 4, (), generator=garden.random)))
            squares.append((direction, inside(garden, values @ direction), scale))
            motifs.append((kind, 1))
            continue
        count = 1 if kind == "product" else 2
        both = direction_of(garden, source, 2 * count)
        chosen = both.nonzero()[:, 0]
        p, q = torch.zeros_like(both), torch.zeros_like(both)
        p[chosen[:count]], q[chosen[count:]] = both[chosen[:count]], both[chosen[count:]]
        ends = inside(garden, values @ p), inside(garden, values @ q)
        squares += [(p + q, ends[0] + ends[1], scale / 4), (p - q, ends[0] - ends[1], -scale / 4)]
        motifs.append(("product", 2))
    return squares, motifs


def grow(activation, seed, kinds_first, kinds_second=(), *, rows=300, size=0.1):
    """A net with planted motifs in its first layer (read by h2) and its second (read by the outputs)."""
    garden = Garden(activation, inputs=5, seed=seed, rows=rows)
    planted = []

    def read_by(site, motifs):
        reads, at = [], 0
        for _, count in motifs:
            pairs = garden.pairs[at : at + count]
            reads.append([(neuron, weight) for neurons, weight, _ in pairs for neuron in neurons])
            at += count
        chosen, at = [], 0
        for kind, count in motifs:
            pairs = garden.pairs[at : at + count]
            neurons = tuple(Neuron(site, each) for each in sorted(each for pair in pairs for each in pair[0]))
            chosen.append((kind, neurons, sum(pair[2] for pair in pairs)))
            at += count
        return reads, chosen

    def add(site, source, squares, others, motifs):
        reads, chosen = read_by(source, motifs)
        targets = garden.add(site, source, squares, others + len(reads), reads=reads, targets=len(reads), size=size)
        for target, (kind, neurons, value) in zip(targets, chosen, strict=True):
            planted.append(Planted(kind, Neuron(site, target), neurons, value))

    squares, motifs = plan(garden, "in", kinds_first)
    garden.add("h1", "in", squares, 8, size=size)
    # The second layer's motifs are of random neurons of the first.
    squares, later = plan(garden, "h1", kinds_second)
    add("h2", "h1", squares, 6, motifs)
    add("out", "h2", [], 2, later)
    return garden, planted


def symbols_of(circuit):
    return list(sympy.symbols(f"x1:{len(circuit.centres) + 1}"))


def search(circuit, table, **options):
    return find_motifs(circuit, table, symbols_of(circuit), **options)


def evaluate(expr, circuit, table):
    """Computes an expression of columns and neurons on every row, with numpy."""
    symbols = symbols_of(circuit)
    seen = dict(zip(symbols, table.T, strict=True))
    values, names = circuit.values(table), name_neurons(circuit, symbols)
    for layer in circuit.layers:
        seen |= dict(zip(names[layer.site], values[layer.site][0].T, strict=True))
    used = sorted(expr.free_symbols, key=str)
    found = sympy.lambdify(used, expr)(*(seen[symbol].numpy() for symbol in used))
    return torch.from_numpy(np.broadcast_to(found, len(table)).astype(np.float64).copy())


def contribution(motif, circuit, table):
    """What the neurons of a motif really add to its target; of a motif without one the neuron's value."""
    values = circuit.values(table)
    if motif.target is None:
        return values[motif.neurons[0].site][0][:, motif.neurons[0].index]
    layer = next(layer for layer in circuit.layers if layer.site == motif.target.site)
    return sum(
        layer.weights[neuron.site][0, motif.target.index, neuron.index] * values[neuron.site][0][:, neuron.index]
        for neuron in motif.neurons
    )


def drive(neuron, circuit, table):
    layer = next(layer for layer in circuit.layers if layer.site == neuron.site)
    values = circuit.values(table)
    weighted = sum(values[source][0] @ weight[0, neuron.index] for source, weight in layer.weights.items())
    return weighted + layer.bias[0, neuron.index]


def assert_errors_are_true(motifs, circuit, table):
    for motif in motifs:
        real = contribution(motif, circuit, table)
        off = (evaluate(motif.formula, circuit, table) - real).abs().max()
        measure = drive(motif.neurons[0], circuit, table) if motif.kind == "saturated" else real
        span = (measure.max() - measure.min()).item()
        assert off.item() == pytest.approx(motif.error * span, rel=1e-6, abs=1e-9 * real.abs().max().item())


def ends(motifs):
    return {(motif.kind, motif.target, motif.neurons) for motif in motifs if motif.kind in ADDED}
