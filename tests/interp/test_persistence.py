"""How long parts stand: against graphs that are cut and searched edge by edge."""

import networkx as nx
import pytest

from interp.graph import to_graph
from interp.parts import find_parts, find_vertices, without_readout
from interp.persistence import find_persistence
from interp.prune import prune
from interp.sparse import whole
from tests.families import FAMILIES, made


def plain_grouping(graph, cut, *, is_excluded):
    """Inputs and outputs that hang together, by the definition."""
    left = nx.DiGraph()
    left.add_nodes_from(graph.nodes(data=True))
    left.add_edges_from(
        edge
        for edge in graph.edges(data=True)
        if edge[2]["kind"] != "connection" or edge[2]["weight"] >= cut or graph.nodes[edge[0]]["look_up"]
    )
    for role, follow in (("input", nx.descendants), ("output", nx.ancestors)):
        ends = [node for node, data in left.nodes(data=True) if data["role"] == role]
        live = set(ends).union(*(follow(left, end) for end in ends))
        left = left.subgraph(live).copy()
    left.remove_nodes_from([node for node in left if not left.degree(node)])
    vertices = find_vertices(left)
    parts = find_parts(without_readout(vertices) if is_excluded else vertices)
    return {frozenset((*part.inputs, *part.outputs)) for part in parts}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("is_excluded", [False, True])
def test_parts_stand_exactly_as_long_as_they_are_the_same(family, is_excluded):
    net, task = made(family, live=0.35)
    dense = to_graph(whole(net, task), task)
    pruned = to_graph(prune(net, task, tolerance=0.5), task)
    sizes = sorted(
        {
            data["weight"]
            for source, _, data in dense.edges(data=True)
            if data["kind"] == "connection" and data["weight"] > 0 and not dense.nodes[source]["look_up"]
        }
    )
    wanted = plain_grouping(pruned, 0.0, is_excluded=is_excluded)
    standing = [size for size in sizes if plain_grouping(dense, size, is_excluded=is_excluded) == wanted]
    found = find_persistence(dense, pruned, is_excluded=is_excluded)
    if found is None:
        least = min(data["weight"] for *_, data in pruned.edges(data=True) if data["kind"] == "connection")
        assert least not in standing
        return
    inside = [size for size in sizes if found.lowest < size <= found.highest]
    assert inside == standing
    assert found.highest == max(standing)
