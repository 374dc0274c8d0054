"""A pruned net's vertices, its independent parts, and whether its readout belongs to them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import networkx as nx
import numpy as np

from bimt.messages import UserError
from interp.communities import Connections
from interp.nulls import Wires
from interp.sparse import Neuron


class Vertex(NamedTuple):
    """One neuron at all sites of its population: a residual stream counts once."""

    population: str
    number: int


@dataclass(frozen=True)
class Part:
    """A set of neurons that no connection, skip or gate joins to any other."""

    vertices: tuple[Vertex, ...]  # in forward order
    inputs: tuple[Vertex, ...]
    outputs: tuple[Vertex, ...]


def find_vertices(graph: nx.DiGraph, *, weights: str = "weight") -> nx.MultiDiGraph:
    """Joins all sites of one population to one vertex, and leaves look-ups out.

    Args:
        graph: As `to_graph` makes it. Look-ups (neurons of populations without slots) are dropped; what they feed
            counts as an input.
        weights: The edge attribute that holds what a connection weighs.

    Returns:
        Vertices from the first layer to the last, by index inside a site, with `neurons`, `role` and `position`;
        edges with `weight`, `link` and `kind`, sorted.

    Raises:
        ValueError: If a weight is missing, negative, or not finite.
    """
    vertex = {
        neuron: Vertex(data["population"], neuron.index)
        for neuron, data in sorted(graph.nodes(data=True), key=lambda item: (item[1]["position"][2], item[0]))
        if not data["look_up"]
    }
    result = nx.MultiDiGraph()
    for neuron, name in vertex.items():
        data = graph.nodes[neuron]
        if name not in result:
            result.add_node(name, neurons=[], role=data["role"], position=data["position"])
        result.nodes[name]["neurons"].append(neuron)
        if any(graph.nodes[before]["look_up"] for before in graph.predecessors(neuron)):
            result.nodes[name]["role"] = "input"
    place = {name: rank for rank, name in enumerate(result)}
    edges = [
        (vertex[source], vertex[target], data["link"], data["kind"], _weight(source, target, data, weights))
        for source, target, data in graph.edges(data=True)
        if source in vertex and target in vertex
    ]
    for source, target, link, kind, weight in sorted(edges, key=lambda edge: (edge[2], place[edge[0]], place[edge[1]])):
        result.add_edge(source, target, link=link, kind=kind, weight=weight)
    return result


def find_parts(vertices: nx.MultiDiGraph) -> list[Part]:
    """The connected components that hold at least one edge, in the order of their first vertex."""
    place = {vertex: rank for rank, vertex in enumerate(vertices)}
    components = [sorted(each, key=place.__getitem__) for each in nx.weakly_connected_components(vertices)]
    parts = []
    for members in sorted(components, key=lambda members: place[members[0]]):
        if vertices.subgraph(members).number_of_edges():
            ends = [tuple(v for v in members if vertices.nodes[v]["role"] == role) for role in ("input", "output")]
            parts.append(Part(tuple(members), *ends))
    return parts


def without_readout(vertices: nx.MultiDiGraph) -> nx.MultiDiGraph:
    """The net without its outputs, and so without the connections into them."""
    return vertices.subgraph([v for v, role in vertices.nodes(data="role") if role != "output"]).copy()


def choose_readout(vertices: nx.MultiDiGraph, readout: str) -> nx.MultiDiGraph:
    """Leaves the readout out, or not.

    `auto` leaves it out only if the whole net is one part and its rest falls into several that all reach inputs.

    Raises:
        ValueError: If `readout` is none of the three.
        UserError: If leaving it out leaves no connection.
    """
    if readout not in ("auto", "include", "exclude"):
        raise ValueError(f'`readout` must be "auto", "include" or "exclude", got {readout!r}')
    if readout == "include":
        return vertices
    rest = without_readout(vertices)
    parts = find_parts(rest)
    if readout == "exclude":
        if not parts and find_parts(vertices):
            raise UserError('without its readout this net has no connection; use the readout "include"')
        return rest
    whole = find_parts(vertices)
    return rest if len(whole) == 1 and len(parts) > 1 and all(part.inputs for part in parts) else vertices


def to_wires(vertices: nx.MultiDiGraph, members: Iterable[Vertex]) -> Wires:
    """The connections between some vertices as arrays; skips and gates only hold them together."""
    number = {vertex: rank for rank, vertex in enumerate(members)}
    edges = [
        (data["link"], number[source], number[target], data["weight"], data["kind"])
        for source, target, data in vertices.edges(data=True)
        if source in number and target in number
    ]
    # by weight, so that the draws do not depend on what the neurons are called
    connections = sorted((edge for edge in edges if edge[4] == "connection"), key=lambda edge: (edge[0], edge[3], edge))
    names = sorted({edge[0] for edge in connections})
    link, source, target = (
        np.array([convert(edge) for edge in connections], dtype=np.intp)
        for convert in (lambda edge: names.index(edge[0]), lambda edge: edge[1], lambda edge: edge[2])
    )
    weight = np.array([edge[3] for edge in connections], dtype=np.float64)
    ties = np.array([edge[1:3] for edge in edges if edge[4] != "connection"], dtype=np.intp).reshape(-1, 2)
    positions = np.array([vertices.nodes[vertex]["position"] for vertex in number], dtype=np.float64)
    return Wires(Connections(len(number), link, source, target[None], weight[None]), positions, ties)


def _weight(source: Neuron, target: Neuron, data: dict[str, object], weights: str) -> float:
    if weights not in data:
        raise ValueError(f"edge {source} -> {target} must have the attribute {weights!r}: make the graph with to_graph")
    value = float(data[weights])  # type: ignore[arg-type]
    if not (np.isfinite(value) and value >= 0):
        raise ValueError(f"edge {source} -> {target} must have a finite {weights!r} >= 0, got {value}")
    return value
