"""What the net says about the shape of a law: which inputs an output reads, and which of them act apart."""

from dataclasses import dataclass

import networkx as nx
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from interp.circuit import Circuit

_POINTS = 400
"""Pairs of rows that the net is asked at for every pair of inputs."""
_APART = 0.1
"""Inputs act apart whose mixed differences are below this share of the output's spread, and twice the net's error."""


@dataclass(frozen=True)
class Structure:
    """How the inputs of one output go together, in columns."""

    inputs: tuple[int, ...]
    """Those that have a path to the output, in order."""
    sums: tuple[frozenset[int], ...]
    """The output is a sum of functions of one of these sets each, as far as the net shows."""
    products: tuple[frozenset[int], ...]
    """The same as a product; one set if the net's output changes sign."""


def find_structure(
    circuit: Circuit, table: Float[Tensor, "rows inputs"], output: int, *, error: float, seed: int = 0
) -> Structure:
    """Finds which inputs an output reads, and which of those the net keeps apart.

    Two inputs act apart in a sum if f(a, b) - f(a', b) - f(a, b') + f(a', b') is zero whatever they are (Udrescu and
    Tegmark 2020, arXiv:1905.11481), in a product if that holds of log |f|. Here a, b and all others are from one row of
    the table, a' and b' from another; what is measured is the root of the mean square, as a share of the output's
    standard deviation.

    Args:
        circuit: The pruned net in the table's units, one copy.
        table: Rows that inputs are taken from.
        output: Which output.
        error: The net's own error, as a share of the output's standard deviation: what is smaller says nothing.
        seed: Of the rows that are paired.
    """
    inputs = _inputs_of(circuit, table, output)
    random = np.random.default_rng(seed)
    here, there = (table[random.integers(len(table), size=_POINTS)] for _ in range(2))
    values = circuit.run(table)[0, :, output]
    apart = _APART + 2 * error
    sums = _components(_interactions(circuit, here, there, inputs, output, is_log=False), inputs, apart)
    one_sign = bool((values > 0).all() or (values < 0).all())
    products: tuple[frozenset[int], ...] = (frozenset(inputs),)
    if one_sign and len(inputs) > 1:
        products = _components(_interactions(circuit, here, there, inputs, output, is_log=True), inputs, apart)
    return Structure(inputs, sums, products)


def _inputs_of(circuit: Circuit, table: Float[Tensor, "rows inputs"], output: int) -> tuple[int, ...]:
    """Returns the columns whose change changes the output."""
    asked = table[:_POINTS]
    before = circuit.run(asked)[0, :, output]
    read = []
    for column in range(table.shape[1]):
        moved = asked.clone()
        moved[:, column] = asked[:, column].roll(1)
        if bool((circuit.run(moved)[0, :, output] != before).any()):
            read.append(column)
    return tuple(read)


def _interactions(
    circuit: Circuit,
    here: Float[Tensor, "points inputs"],
    there: Float[Tensor, "points inputs"],
    inputs: tuple[int, ...],
    output: int,
    *,
    is_log: bool,
) -> dict[tuple[int, int], float]:
    def ask(*moved: int) -> Float[Tensor, " points"]:
        rows = here.clone()
        rows[:, list(moved)] = there[:, list(moved)]
        found = circuit.run(rows)[0, :, output]
        return found.abs().log() if is_log else found

    start = ask()
    spread = start.std().item() or 1.0
    alone = {column: ask(column) for column in inputs}
    found = {}
    for place, left in enumerate(inputs):
        for right in inputs[place + 1 :]:
            mixed = ask(left, right) - alone[left] - alone[right] + start
            found[left, right] = mixed.square().mean().sqrt().nan_to_num(torch.inf).item() / spread
    return found


def _components(
    interactions: dict[tuple[int, int], float], inputs: tuple[int, ...], apart: float
) -> tuple[frozenset[int], ...]:
    graph = nx.Graph()
    graph.add_nodes_from(inputs)
    graph.add_edges_from(pair for pair, size in interactions.items() if size > apart)
    return tuple(sorted((frozenset(part) for part in nx.connected_components(graph)), key=min))
