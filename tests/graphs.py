"""Hand-made graphs whose modules are known."""

import networkx as nx

from interp.sparse import Neuron

Edge = tuple[str, str, float]


def neuron(text: str) -> Neuron:
    """`h1[3]` as a neuron."""
    site, _, index = text.rstrip("]").partition("[")
    return Neuron(site, int(index))


def make_graph(sizes: dict[str, int], edges: list[Edge], *, populations: dict[str, str] | None = None) -> nx.DiGraph:
    """A graph as `to_graph` makes it: sites in forward order, the first is the input and the last the output.

    Hidden neurons without an edge are left out; `populations` names those of sites that share one.
    """
    populations = populations or {}
    graph = nx.DiGraph(inputs=[], outputs=[])
    used = {neuron(end) for edge in edges for end in edge[:2]}
    for depth, (site, size) in enumerate(sizes.items()):
        role = "input" if depth == 0 else "output" if depth == len(sizes) - 1 else "hidden"
        for index in range(size):
            node = Neuron(site, index)
            if role == "hidden" and node not in used:
                continue
            graph.add_node(
                node,
                site=site,
                population=populations.get(site, site),
                role=role,
                position=((index + 0.5) / size, 0.5, depth / (len(sizes) - 1)),
                label=str(node) if role == "hidden" else f"{'xy'[role == 'output']}{index + 1}",
                bias=0.0,
                look_up=site.startswith("token"),
            )
            if role != "hidden":
                graph.graph[f"{role}s"].append(node)
    for source, target, value in edges:
        add_edge(graph, source, target, value)
    return graph


def add_edge(graph: nx.DiGraph, source: str, target: str, value: float, *, kind: str = "connection") -> None:
    """Adds one connection, skip or gate."""
    one, two = neuron(source), neuron(target)
    weight = abs(value)
    link = f"{two.site}<-{one.site}"
    graph.add_edge(one, two, weight=weight, value=value, functional=weight / 2, link=link, kind=kind)


def two_parts() -> nx.DiGraph:
    """x1, x3 -> y1 and x2, x4 -> y2; x5 feeds nothing and y3 is constant."""
    edges = [
        ("in[0]", "h1[0]", 1.0),
        ("in[2]", "h1[0]", -0.5),
        ("in[2]", "h1[1]", 0.7),
        ("h1[0]", "out[0]", 1.0),
        ("h1[1]", "out[0]", 2.0),
        ("in[1]", "h1[3]", 1.0),
        ("in[3]", "h1[4]", -1.5),
        ("h1[3]", "out[1]", 0.8),
        ("h1[4]", "out[1]", 0.9),
    ]
    return make_graph({"in": 5, "h1": 6, "out": 3}, edges)


def joined_by_readout() -> nx.DiGraph:
    """Two circuits that meet in y1 only; y2 reads mostly the second."""
    edges = [
        ("in[0]", "h1[0]", 1.0),
        ("in[0]", "h1[1]", 1.0),
        ("in[1]", "h1[2]", 1.0),
        ("in[1]", "h1[3]", 1.0),
        ("h1[0]", "out[0]", 1.0),
        ("h1[1]", "out[0]", 1.0),
        ("h1[2]", "out[0]", 2.0),
        ("h1[3]", "out[1]", 0.9),
        ("h1[0]", "out[1]", 0.1),
    ]
    return make_graph({"in": 2, "h1": 4, "out": 2}, edges)


def planted(*, bridge: float = 0.1) -> nx.DiGraph:
    """Two dense blocks side by side, joined by one connection."""
    edges = []
    for block in range(2):
        for one, two, width, above in (("in", "h1", 3, 4), ("h1", "h2", 4, 4), ("h2", "out", 4, 1)):
            edges += [
                (f"{one}[{source + block * width}]", f"{two}[{target + block * above}]", 1 + (source + target) / 20)
                for source in range(width)
                for target in range(above)
                if (source + 2 * target) % 4 or two == "out"
            ]
    edges.append(("h1[3]", "h2[4]", bridge))
    return make_graph({"in": 6, "h1": 8, "h2": 8, "out": 2}, edges)


def one_module() -> nx.DiGraph:
    """Every neuron reads its three nearest neighbours."""
    edges = []
    for one, two in (("in", "h1"), ("h1", "h2"), ("h2", "out")):
        edges += [
            (f"{one}[{source}]", f"{two}[{target}]", 1.0)
            for source in range(6)
            for target in range(6)
            if abs(source - target) <= 1
        ]
    return make_graph({"in": 6, "h1": 6, "h2": 6, "out": 6}, edges)


def relabelled(graph: nx.DiGraph, order: dict[str, list[int]]) -> nx.DiGraph:
    """The same net with the neurons of some sites numbered in another order; positions and labels go along."""
    new = {node: Neuron(node.site, order[node.site][node.index]) if node.site in order else node for node in graph}
    return nx.relabel_nodes(graph, new)
