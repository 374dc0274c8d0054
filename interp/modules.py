"""The modules of a pruned net: which neurons belong together, what they serve, and whether chance could do it.

Run as `python -m interp.modules CKPT`.
"""

import itertools
import string
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import networkx as nx
import numpy as np
import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bimt.messages import printable
from interp.communities import modularity
from interp.parts import (
    Vertex,
    choose_readout,
    find_parts,
    find_vertices,
    to_wires,
)
from interp.persistence import Persistence, find_persistence
from interp.sparse import Neuron
from interp.splits import SIGNIFICANCE, compare, split


@dataclass(frozen=True)
class Module:
    """Neurons that have more to do with each other than with the rest."""

    name: str
    """A, B, ...: in the order of the first input, then output, then neuron."""
    neurons: tuple[Neuron, ...]
    """In forward order, inputs and outputs among them; a shared population at all its sites."""
    inputs: tuple[str, ...]
    """Labels of the inputs in the module."""
    outputs: tuple[str, ...]
    """Labels of the outputs it serves: those in the module; readout left out, those that take at least half an even
    share of their incoming weight from it."""
    shares: tuple[float, ...]
    """For each output of the net, which part of the weight into it comes from this module's neurons."""
    connections: int
    """How many connections have both ends in the module."""
    is_significant: bool
    """Whether it stands apart: no connection leaves it, or its borders beat both nulls. False for a single module."""


class Bridge(NamedTuple):
    """All connections between two modules, whichever way they run."""

    one: str
    other: str
    connections: int
    weight: float
    """Their summed weight."""


@dataclass(frozen=True)
class Modules:
    """The modules of a net."""

    modules: tuple[Module, ...]
    readout: Literal["included", "excluded"]
    """Whether the connections into the outputs count."""
    parts: int
    """How many independent parts there are: no connection, skip or gate joins them."""
    modularity: float
    """Of these modules, link by link; 0 for a single one."""
    separation: float | None
    """1 - weight across the best cut of the whole net / the weight that chance would put there; None as below."""
    p_structure: float | None
    """How often nets with the same degrees have as good a cut; None for a single module."""
    p_space: float | None
    """How often nets with the same degrees and lengths have as good a cut; None for a single module."""
    persistence: Persistence | None
    """The cuts on |w| that leave the same independent parts; None where no dense net was given, or none does."""
    bridges: tuple[Bridge, ...]
    """Connections between modules."""
    constant_outputs: tuple[str, ...]
    """Labels of outputs without a connection: they are no modules."""
    unused_inputs: tuple[str, ...]
    """Labels of inputs without a connection."""
    connections: int
    """How many connections the modules are judged by: all, or all but the readout."""
    weights: str
    """What a connection weighs: "weight" is |w|, "functional" is |w| times the spread of its source."""

    @property
    def communities(self) -> tuple[frozenset[Neuron], ...]:
        """The neurons of each module, for functions that take a partition."""
        return tuple(frozenset(module.neurons) for module in self.modules)

    def to_json(self) -> dict[str, Any]:
        """Returns what the command prints, less what it knows of the checkpoint."""
        return {
            "modularity": self.modularity,
            "separation": self.separation,
            "p_structure": self.p_structure,
            "p_space": self.p_space,
            "readout": self.readout,
            "weights": self.weights,
            "parts": self.parts,
            "persistence": None if self.persistence is None else list(self.persistence),
            "constant_outputs": list(self.constant_outputs),
            "unused_inputs": list(self.unused_inputs),
            "modules": [_module_json(module) for module in self.modules],
            "bridges": [bridge._asdict() for bridge in self.bridges],
        }

    def to_frame(self) -> pd.DataFrame:
        """Returns one row per module."""
        columns = ["name", "neurons", "inputs", "outputs", "connections", "significant"]
        return pd.DataFrame(
            [{key: each[key] for key in columns} for each in map(_module_json, self.modules)], columns=columns
        )

    def __rich__(self) -> RenderableType:
        """Draws a table and a line of text."""
        table = Table("module", "inputs", "outputs", "neurons", "connections", "significant")
        for module in self.modules:
            names = [Text(printable(", ".join(each))) for each in (module.inputs, module.outputs)]
            numbers = Counter(neuron.site for neuron in module.neurons)
            layers = Text(", ".join(f"{number} {site}" for site, number in numbers.items()))
            answer = "yes" if module.is_significant else "no"
            table.add_row(module.name, *names, layers, str(module.connections), answer)
        return Group(table, Text(self._in_words()))

    def _in_words(self) -> str:
        words = [f"readout {self.readout}, modularity {self.modularity:.3f}"]
        if self.p_structure is not None and self.p_space is not None:
            words.append(f"p {self.p_structure:.3g} (degrees kept), {self.p_space:.3g} (degrees and lengths kept)")
        else:
            words.append("one module" if self.modules else "no module: nothing is connected")
        if self.persistence is not None:
            words.append("same parts for cuts from {:.3g} to {:.3g}".format(*self.persistence))
        words += [f"{printable(each)} is constant" for each in self.constant_outputs]
        words += [f"{printable(each)} is unused" for each in self.unused_inputs]
        return "; ".join(words)


def find_modules(
    graph: nx.DiGraph,
    *,
    dense: nx.DiGraph | None = None,
    readout: str = "auto",
    weights: str = "weight",
    draws: int = 499,
    generator: np.random.Generator,
) -> Modules:
    """Finds the modules of a pruned net.

    Independent parts are the connected components, look-ups left out and all sites of a population one vertex: that
    is exact. Inside a part, the best cut must beat two nulls (see `split`), or the part is one module.

    Args:
        graph: The pruned net, from `to_graph`.
        dense: The net before pruning, for the persistence of the independent parts.
        readout: "include" counts the connections into the outputs, "exclude" does not; "auto" leaves them out only
            where the whole net is one part and the rest falls into several that each reach inputs.
        weights: What a connection weighs: "weight" is |w|, "functional" |w| times the standard deviation of its source.
        draws: Nets drawn from each null, at least 499.
        generator: Source of all randomness.

    Returns:
        The modules; one for a net that does not fall apart, none for a net without connections.

    Raises:
        ValueError: If an option is unknown, draws are too few, or a weight is not a finite number >= 0.
        UserError: If the readout is to be left out of a net that has no other connections.
    """
    if weights not in ("weight", "functional"):
        raise ValueError(f'`weights` must be "weight" or "functional", got {weights!r}')
    if draws < 499:
        raise ValueError(
            f"`draws` must be at least 499, got {draws}: fewer cannot reach p < {SIGNIFICANCE} in two tests"
        )
    vertices = find_vertices(graph, weights=weights)
    counted = choose_readout(vertices, readout)
    is_excluded = readout != "include" and counted is not vertices
    parts = find_parts(counted)
    splits = split([to_wires(counted, part.vertices) for part in parts], draws=draws, generator=generator)
    groups = [
        [vertex for vertex, label in zip(part.vertices, answer.labels, strict=True) if label == which]
        for part, answer in zip(parts, splits, strict=True)
        for which in range(answer.labels.max() + 1)
    ]
    modules = _named(groups, vertices, graph, is_excluded=is_excluded)
    whole = to_wires(counted, itertools.chain(*groups))
    labels = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    judged = None
    if len(groups) > 1:
        judged = splits[0].comparison if len(parts) == 1 else compare([whole], draws=draws, generator=generator)[0]
    return Modules(
        modules=modules,
        readout="excluded" if is_excluded else "included",
        parts=len(parts),
        modularity=float(modularity(whole.connections, labels[None])[0]) if len(groups) > 1 else 0.0,
        separation=None if judged is None else judged.separation,
        p_structure=None if judged is None else judged.p_structure,
        p_space=None if judged is None else judged.p_space,
        persistence=None if dense is None else find_persistence(dense, graph, is_excluded=is_excluded),
        bridges=_bridges(modules, counted),
        constant_outputs=_loose(vertices, graph, "output"),
        unused_inputs=_loose(vertices, graph, "input"),
        connections=len(whole.connections.links),
        weights=weights,
    )


def independent_parts(graph: nx.DiGraph) -> tuple[Module, ...]:
    """Returns the independent parts of a pruned net as modules, without asking whether they fall apart further.

    The readout counts as in `find_modules` with "auto"; no null is drawn, so a hundred nets take a second.
    """
    vertices = find_vertices(graph)
    counted = choose_readout(vertices, "auto")
    groups = [part.vertices for part in find_parts(counted)]
    return _named(groups, vertices, graph, is_excluded=counted is not vertices)


def _named(
    groups: Sequence[Sequence[Vertex]], vertices: nx.MultiDiGraph, graph: nx.DiGraph, *, is_excluded: bool
) -> tuple[Module, ...]:
    """Sorts the groups by first input, first output and first neuron, and says what each serves."""
    place = {vertex: rank for rank, vertex in enumerate(vertices)}
    outputs = [vertex for vertex, role in vertices.nodes(data="role") if role == "output"]
    shares = _shares(groups, outputs, vertices)
    least = 0.5 / max(1, len(groups))
    served = [
        [end for end, share in zip(outputs, row, strict=True) if (share >= least if is_excluded else end in group)]
        for group, row in zip(groups, shares, strict=True)
    ]
    inputs = [[vertex for vertex in group if vertices.nodes[vertex]["role"] == "input"] for group in groups]

    def first(which: int) -> tuple[int, ...]:
        return tuple(
            min(map(place.__getitem__, each), default=len(place))
            for each in (inputs[which], served[which], groups[which])
        )

    order = sorted(range(len(groups)), key=first)
    return tuple(
        Module(
            name=name,
            neurons=tuple(neuron for vertex in groups[which] for neuron in vertices.nodes[vertex]["neurons"]),
            inputs=_labels(inputs[which], vertices, graph),
            outputs=_labels(served[which], vertices, graph),
            shares=tuple(map(float, shares[which])),
            connections=_inner_connections(groups[which], vertices),
            is_significant=len(groups) > 1,
        )
        for name, which in zip(_names(), order, strict=False)
    )


def _shares(groups: Sequence[Sequence[Vertex]], outputs: Sequence[Vertex], vertices: nx.MultiDiGraph) -> np.ndarray:
    """(groups, outputs): of the weight into each output, how much comes from each group; 0 for constant outputs."""
    group_of = {vertex: which for which, group in enumerate(groups) for vertex in group}
    shares = np.zeros((len(groups), len(outputs)))
    for column, output in enumerate(outputs):
        for source, _, data in vertices.in_edges(output, data=True):
            if source in group_of and data["kind"] == "connection":
                shares[group_of[source], column] += data["weight"]
    whole = shares.sum(0)
    return np.divide(shares, whole, out=np.zeros_like(shares), where=whole > 0)


def _bridges(modules: Sequence[Module], counted: nx.MultiDiGraph) -> tuple[Bridge, ...]:
    module_of = {neuron: rank for rank, module in enumerate(modules) for neuron in module.neurons}
    found: dict[tuple[int, int], list[float]] = {}
    for source, target, data in counted.edges(data=True):
        ends = sorted(module_of[counted.nodes[vertex]["neurons"][0]] for vertex in (source, target))
        if data["kind"] == "connection" and ends[0] != ends[1]:
            found.setdefault((ends[0], ends[1]), []).append(data["weight"])
    return tuple(
        Bridge(modules[one].name, modules[other].name, len(weights), sum(weights))
        for (one, other), weights in sorted(found.items())
    )


def _loose(vertices: nx.MultiDiGraph, graph: nx.DiGraph, role: str) -> tuple[str, ...]:
    ends = [
        vertex for vertex, data in vertices.nodes(data=True) if data["role"] == role and not vertices.degree(vertex)
    ]
    return _labels(ends, vertices, graph)


def _labels(ends: Sequence[Vertex], vertices: nx.MultiDiGraph, graph: nx.DiGraph) -> tuple[str, ...]:
    return tuple(graph.nodes[vertices.nodes[vertex]["neurons"][0]]["label"] for vertex in ends)


def _inner_connections(group: Sequence[Vertex], vertices: nx.MultiDiGraph) -> int:
    kinds = vertices.subgraph(group).edges(data="kind")
    return sum(kind == "connection" for *_, kind in kinds)


def _names() -> "itertools.chain[str]":
    """A, B, ..., Z, AA, AB, ..."""
    lengths = (itertools.product(string.ascii_uppercase, repeat=length) for length in itertools.count(1))
    return itertools.chain.from_iterable(map("".join, each) for each in lengths)


def _module_json(module: Module) -> dict[str, Any]:
    return {
        "name": module.name,
        "neurons": [str(neuron) for neuron in module.neurons],
        "inputs": list(module.inputs),
        "outputs": list(module.outputs),
        "shares": list(module.shares),
        "connections": module.connections,
        "significant": module.is_significant,
    }


if __name__ == "__main__":
    from bimt.cli import run
    from interp.commands import modules as command

    raise SystemExit(run(command))
