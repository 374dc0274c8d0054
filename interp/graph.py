"""The pruned net as a networkx graph, and that graph on disk.

Run as `python -m interp.graph CKPT`.
"""

import csv
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from rich.table import Table
from torch import Tensor

from bimt.messages import UserError, printable
from bimt.nets.base import Net
from bimt.tasks.base import Task
from bimt.wiring import Gate, Link, Skip, Wiring
from interp.sparse import Neuron, SparseNet, joined, on_path
from interp.tables import frame_table

_LONGEST_LABEL = 20_000


def to_graph(sparse: SparseNet, task: Task) -> nx.DiGraph:
    """Turns a pruned net into a directed graph.

    Args:
        sparse: The net; hidden neurons off every path from an input to an output are left out.
        task: Names the inputs and outputs; its training split gives the neurons' spread.

    Returns:
        Nodes are `Neuron`s, in forward order, with the attributes site, population, role, position (x, y, z: the slot,
        then the depth, all in [0, 1]), label, bias, look_up (the population has no slots). Edges run from source to
        target with weight = |w| (what graph algorithms read), value = w, functional = |w| times the standard
        deviation of the source's activation over the training split, link, and kind: "connection", "skip" or "gate".
        `graph.graph["inputs"]` and `["outputs"]` list the ends, in the order of the task.
    """
    net, live = sparse.net, on_path(sparse.net.wiring, sparse.kept)
    graph = nx.DiGraph(inputs=[], outputs=[])
    _add_neurons(graph, net, task, live)
    values = net.activations(task.train.inputs[None])
    spread = {link.source: _spread(values[link.source][0]) for link in net.wiring.links}
    for link in net.wiring.links:
        _add_link(graph, net, link, joined(link, sparse.kept, live), spread[link.source])
    for edge in net.wiring.fixed:
        _add_fixed(graph, net, edge)
    return graph


def portable(graph: nx.DiGraph) -> nx.DiGraph:
    """Returns the graph with plain attributes only, as it lies on disk: text for neurons, x, y, z for positions.

    Characters in names that no file format can hold are written as escapes.
    """
    result = nx.DiGraph(node_default={}, edge_default={})  # as networkx reads GraphML
    for neuron, data in graph.nodes(data=True):
        x, y, z = data["position"]
        plain = {key: value for key, value in data.items() if key != "position"} | {"x": x, "y": y, "z": z}
        result.add_node(str(neuron), **plain | {"label": printable(data["label"], limit=_LONGEST_LABEL)})
    for source, target, data in graph.edges(data=True):
        result.add_edge(str(source), str(target), **data)
    return result


def write_graphml(graph: nx.DiGraph, path: Path) -> None:
    """Writes GraphML that `networkx.read_graphml` reads back equal to `portable(graph)`."""
    nx.write_graphml_xml(portable(graph), path)


def write_node_link(graph: nx.DiGraph, path: Path) -> None:
    """Writes node-link JSON; `networkx.node_link_graph(..., edges="edges")` of it equals `portable(graph)`."""
    path.write_text(json.dumps(node_link(graph), indent=1, allow_nan=False) + "\n", encoding="utf-8")


def node_link(graph: nx.DiGraph) -> dict[str, Any]:
    """Returns the portable graph as a node-link document."""
    return nx.node_link_data(portable(graph), edges="edges")


def write_edges(graph: nx.DiGraph, path: Path) -> None:
    """Writes one line per edge: source, target, link, kind, weight, value."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        columns = ["link", "kind", "weight", "value"]
        writer.writerow(["source", "target", *columns])
        for source, target, data in graph.edges(data=True):
            writer.writerow([source, target, *(data[column] for column in columns)])


def write_graph(graph: nx.DiGraph, folder: Path) -> None:
    """Writes graph.graphml, graph.json and edges.csv into a new or empty folder.

    Raises:
        UserError: If the folder is not empty.
        OSError: If it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise UserError(f"the folder {printable(folder)} must be empty; choose another")
    write_graphml(graph, folder / "graph.graphml")
    write_node_link(graph, folder / "graph.json")
    write_edges(graph, folder / "edges.csv")


def without_look_ups(graph: nx.DiGraph) -> nx.DiGraph:
    """Returns the graph without tokens and the tables that lead out of them."""
    return graph.subgraph([neuron for neuron, data in graph.nodes(data=True) if not data["look_up"]])


def graph_table(graph: nx.DiGraph) -> Table:
    """Returns the connections as a table, the heaviest of each link first; look-ups are left out."""
    graph = without_look_ups(graph)
    frame = pd.DataFrame(
        [
            {"source": _named(graph, source), "target": _named(graph, target), "link": data["link"], "w": data["value"]}
            for source, target, data in graph.edges(data=True)
            if data["kind"] == "connection"
        ],
        columns=["source", "target", "link", "w"],
    )
    order = frame["w"].abs().sort_values(ascending=False).index
    ranked = frame.loc[order].sort_values("link", kind="stable", key=lambda names: names.map(list(frame["link"]).index))
    count = crossings(graph)
    crossed = "" if count is None else f", {count} crossings"
    return frame_table(ranked.set_index("source"), title=f"{len(frame)} connections{crossed}")


def crossings(graph: nx.DiGraph) -> int | None:
    """Counts pairs of connections of one link that cross: their ends lie in reversed order along x; look-ups do not.

    None where neurons lie on sheets: lines between two sheets hardly ever meet.
    """
    if any(data["position"][1] != 0.5 for neuron, data in graph.nodes(data=True) if graph.degree(neuron)):
        return None
    links: dict[str, list[tuple[float, float]]] = {}
    for source, target, data in graph.edges(data=True):
        if data["kind"] == "connection" and not graph.nodes[source]["look_up"]:
            ends = graph.nodes[source]["position"][0], graph.nodes[target]["position"][0]
            links.setdefault(data["link"], []).append(ends)
    return sum(reversed_pairs(np.array(ends)) for ends in links.values())


def link_crossings(net: Net, edges: Mapping[str, tuple[NDArray[np.intp], NDArray[np.intp]]]) -> int:
    """Counts the same straight from a one-seed net, wherever its neurons lie.

    Args:
        net: Its places count, its weights do not.
        edges: For each link by name, the target and source neurons of its connections.
    """
    total = 0
    for link in net.wiring.links:
        if not net.wiring.is_look_up(link):
            target, source = edges[link.name]
            ends = [(link.source, source), (link.target, target)]
            across = [coordinates(net, net.wiring.site(site).population)[index, 0] for site, index in ends]
            total += reversed_pairs(np.stack(across, 1))
    return total


def reversed_pairs(ends: NDArray[np.float64]) -> int:
    """Counts pairs whose first and second numbers lie in opposite order, from how many lie at every place."""
    rows, columns = (np.unique(column, return_inverse=True)[1] for column in ends.T)
    counts = np.zeros((rows.max(initial=-1) + 1, columns.max(initial=-1) + 1), dtype=np.int64)
    np.add.at(counts, (rows, columns), 1)
    earlier = np.cumsum(counts, axis=0) - counts  # in the rows before, at each column
    later_columns = earlier.sum(1, keepdims=True) - np.cumsum(earlier, axis=1)
    return int((counts * later_columns).sum())


def _named(graph: nx.DiGraph, neuron: Neuron) -> str:
    data = graph.nodes[neuron]
    return str(neuron) if data["role"] == "hidden" else f"{neuron} {printable(data['label'], limit=40)}"


def _add_neurons(graph: nx.DiGraph, net: Net, task: Task, live: dict[str, Tensor]) -> None:
    labels = end_labels(net.wiring, task)
    depths = site_depths(net.wiring)
    deepest = max(*depths.values(), 1)
    shared = Counter(site.population for site in net.wiring.sites)
    for site in net.wiring.sites:
        population = net.wiring.population_of(site.name)
        bias = net.bias(site.name)
        across = coordinates(net, site.population).tolist()
        for index in range(population.size):
            neuron = Neuron(site.name, index)
            own = str(neuron if shared[site.population] == 1 else Neuron(site.population, index))
            if site.role == "hidden" and not live[site.name][index]:
                continue
            graph.add_node(
                neuron,
                site=site.name,
                population=site.population,
                role=site.role,
                position=(*across[index], depths[site.name] / deepest),
                label=labels.get(neuron, own),
                bias=0.0 if bias is None else bias[0, index].item(),
                look_up=population.slots is None,
            )
            if site.role != "hidden":
                graph.graph[f"{site.role}s"].append(neuron)


def end_labels(wiring: Wiring, task: Task) -> dict[Neuron, str]:
    """Returns the task's names of the input and output neurons, dealt out to the ends of the wiring in order."""
    labels: dict[Neuron, str] = {}
    for sites, names in ((wiring.inputs, task.inputs), (wiring.outputs, task.outputs)):
        ends = [Neuron(site.name, index) for site in sites for index in range(wiring.population_of(site.name).size)]
        labels.update(zip(ends, names, strict=False))
    return labels


def site_depths(wiring: Wiring) -> dict[str, int]:
    """Returns how many steps each site is away from the inputs, along the longest way."""
    depths = dict.fromkeys((site.name for site in wiring.sites), 0)
    for _ in wiring.sites:
        for edge in wiring.edges:
            if depths[edge.source] < len(depths):  # where a wiring goes round
                depths[edge.target] = max(depths[edge.target], depths[edge.source] + 1)
    return depths


def coordinates(net: Net, population: str) -> Float[np.ndarray, "size 2"]:
    """Returns where each neuron of a one-seed net sits: across and, on sheets, back; look-ups side by side."""
    size = net.wiring.population(population).size
    if net.wiring.population(population).slots is None:
        across = (np.arange(size) + 0.5) / size
        return np.stack([across, np.full(size, 0.5)], 1)
    places = net.positions(population)[0].numpy()
    return np.concatenate([places, np.full((size, 1), 0.5)], 1)[:, :2]


def _spread(values: Tensor) -> Tensor:
    """Returns each neuron's standard deviation over the rows; torch warns of layers without neurons."""
    return values.std(0, correction=0) if values.numel() else values.new_zeros(values.shape[1])


def _add_link(graph: nx.DiGraph, net: Net, link: Link, kept: Tensor, spread: Tensor) -> None:
    ends = torch.nonzero(kept)
    values = net.weight(link)[0][ends[:, 0], ends[:, 1]].tolist()
    spreads = spread.tolist()
    for (target, source), value in zip(ends.tolist(), values, strict=True):
        graph.add_edge(
            Neuron(link.source, source),
            Neuron(link.target, target),
            weight=abs(value),
            value=value,
            functional=abs(value) * spreads[source],
            link=link.name,
            kind=link.kind,
        )


def _add_fixed(graph: nx.DiGraph, net: Net, edge: Skip | Gate) -> None:
    for target, source in net.wiring.joins(edge).nonzero().tolist():
        ends = Neuron(edge.source, source), Neuron(edge.target, target)
        if all(end in graph for end in ends):
            graph.add_edge(*ends, weight=1.0, value=1.0, functional=0.0, link=edge.name, kind=edge.kind)


if __name__ == "__main__":
    from bimt.cli import run
    from interp.commands import graph as command

    raise SystemExit(run(command))
