import io
import json

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from bimt.messages import UserError
from interp.modules import find_modules
from interp.persistence import Persistence
from tests.graphs import add_edge, joined_by_readout, make_graph, neuron, one_module, planted, relabelled, two_parts


def modules_of(graph, **options):
    return find_modules(graph, generator=np.random.default_rng(0), **options)


def neurons(text: str) -> set:
    return {neuron(each) for each in text.split()}


def test_two_separate_parts_are_two_modules():
    found = modules_of(two_parts())
    assert [module.name for module in found.modules] == ["A", "B"]
    assert found.communities == (
        neurons("in[0] in[2] h1[0] h1[1] out[0]"),
        neurons("in[1] in[3] h1[3] h1[4] out[1]"),
    )
    assert [module.inputs for module in found.modules] == [("x1", "x3"), ("x2", "x4")]
    assert [module.outputs for module in found.modules] == [("y1",), ("y2",)]
    assert [module.connections for module in found.modules] == [5, 4]
    assert all(module.is_significant for module in found.modules)
    assert (found.parts, found.readout, found.bridges, found.connections) == (2, "included", (), 9)
    assert found.separation == pytest.approx(1)
    assert found.modularity > 0.45


def test_constant_outputs_and_unused_inputs_are_no_modules():
    found = modules_of(two_parts())
    assert found.constant_outputs == ("y3",)
    assert found.unused_inputs == ("x5",)


def test_single_module_has_no_p_value():
    found = modules_of(one_module())
    assert len(found.modules) == 1
    assert (found.p_structure, found.p_space, found.separation, found.modularity) == (None, None, None, 0.0)
    assert not found.modules[0].is_significant
    assert found.to_json()["p_structure"] is None


def test_planted_modules_with_a_weak_bridge_are_found():
    found = modules_of(planted())
    assert [module.outputs for module in found.modules] == [("y1",), ("y2",)]
    assert [module.inputs for module in found.modules] == [("x1", "x2", "x3"), ("x4", "x5", "x6")]
    (bridge,) = found.bridges
    assert bridge == ("A", "B", 1, 0.1)
    assert found.parts == 1
    assert found.p_structure < 0.01
    assert found.p_space < 0.01


def test_a_strong_bridge_everywhere_is_one_module():
    graph = planted()
    for source in range(4):
        for target in range(4):
            add_edge(graph, f"h1[{source}]", f"h2[{4 + target}]", 1.0)
            add_edge(graph, f"h1[{4 + source}]", f"h2[{target}]", 1.0)
    assert len(modules_of(graph).modules) == 1


def test_readout_is_left_out_where_it_alone_joins_circuits():
    found = modules_of(joined_by_readout())
    assert found.readout == "excluded"
    assert found.communities == (neurons("in[0] h1[0] h1[1]"), neurons("in[1] h1[2] h1[3]"))
    assert found.modules[0].shares == pytest.approx((0.5, 0.1))
    assert found.modules[1].shares == pytest.approx((0.5, 0.9))
    assert [module.outputs for module in found.modules] == [("y1",), ("y1", "y2")]
    assert found.connections == 4
    assert modules_of(joined_by_readout(), readout="include").readout == "included"


def test_readout_stays_where_the_net_already_falls_apart():
    """{x2} and {x4} meet in y2 only, but the whole net has two parts."""
    found = modules_of(two_parts())
    assert found.readout == "included"
    assert len(modules_of(two_parts(), readout="exclude").modules) == 3


def test_skips_and_gates_join_parts_but_weigh_nothing():
    graph = two_parts()
    before = modules_of(graph)
    add_edge(graph, "h1[0]", "out[1]", 1.0, kind="gate")
    found = modules_of(graph, readout="include")
    assert found.parts == 1
    assert len(found.modules) == 1
    assert found.connections == before.connections


def test_sites_of_a_population_are_one_vertex_and_look_ups_are_left_out():
    edges = [
        ("token[0]", "embed.a[0]", 1.0),
        ("token[0]", "embed.a[1]", 1.0),
        ("token[1]", "embed.b[0]", 1.0),
        ("embed.a[0]", "h1[0]", 1.0),
        ("embed.b[0]", "h1[1]", 1.0),
        ("embed.a[1]", "h1[2]", 1.0),
        ("h1[0]", "out[0]", 1.0),
        ("h1[1]", "out[0]", 1.0),
        ("h1[2]", "out[1]", 1.0),
    ]
    shared = {"embed.a": "embed", "embed.b": "embed"}
    graph = make_graph({"token": 2, "embed.a": 2, "embed.b": 2, "h1": 3, "out": 2}, edges, populations=shared)
    found = modules_of(graph)
    assert found.communities[0] == neurons("embed.a[0] embed.b[0] h1[0] h1[1] out[0]")
    assert [module.inputs for module in found.modules] == [("embed.a[0]",), ("embed.a[1]",)]
    assert found.connections == 6
    assert found.unused_inputs == ()


def test_persistence_is_the_range_of_cuts_that_leave_the_parts():
    dense = two_parts()
    add_edge(dense, "in[0]", "h1[3]", 0.05)
    add_edge(dense, "in[4]", "h1[4]", 0.02)
    found = modules_of(two_parts(), dense=dense)
    assert found.persistence == Persistence(lowest=0.05, highest=0.7)
    assert modules_of(two_parts()).persistence is None


def test_persistence_is_none_where_no_cut_leaves_the_parts():
    dense = two_parts()
    add_edge(dense, "in[0]", "h1[3]", 5.0)
    assert modules_of(two_parts(), dense=dense).persistence is None


def test_nothing_connected_is_no_module():
    found = modules_of(make_graph({"in": 2, "out": 1}, []), dense=two_parts())
    assert found.modules == ()
    assert found.constant_outputs == ("y1",)
    assert found.unused_inputs == ("x1", "x2")
    assert found.to_frame().empty


def test_functional_weights_are_read():
    graph = two_parts()
    nx.set_edge_attributes(graph, 0.25, "functional")
    found = modules_of(graph, weights="functional")
    assert found.weights == "functional"
    assert found.communities == modules_of(graph).communities


@given(seed=st.integers(0, 10**6))
@settings(max_examples=1, deadline=None)
def test_relabelling_neurons_relabels_modules(seed):
    generator = np.random.default_rng(seed)
    order = {"h1": generator.permutation(8).tolist(), "h2": generator.permutation(8).tolist()}
    found, other = modules_of(planted()), modules_of(relabelled(planted(), order))
    for one, two in zip(found.modules, other.modules, strict=True):
        new = {type(each)(each.site, order.get(each.site, range(99))[each.index]) for each in one.neurons}
        assert new == set(two.neurons)
        assert (one.inputs, one.outputs) == (two.inputs, two.outputs)


@pytest.mark.parametrize("make", [two_parts, joined_by_readout])
def test_order_of_nodes_and_edges_does_not_matter(make):
    graph = make()
    other = nx.DiGraph(**graph.graph)
    other.add_nodes_from(reversed(list(graph.nodes(data=True))))
    other.add_edges_from(reversed(list(graph.edges(data=True))))
    assert modules_of(graph) == modules_of(other)


def test_graph_is_left_as_it_was():
    graph = two_parts()
    before = nx.node_link_data(graph, edges="edges")
    modules_of(graph, readout="exclude")
    assert nx.node_link_data(graph, edges="edges") == before


def test_json_and_frame():
    found = modules_of(two_parts())
    document = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert document["readout"] == "included"
    assert document["modules"][0] == {
        "name": "A",
        "neurons": ["in[0]", "in[2]", "h1[0]", "h1[1]", "out[0]"],
        "inputs": ["x1", "x3"],
        "outputs": ["y1"],
        "shares": [1.0, 0.0, 0.0],
        "connections": 5,
        "significant": True,
    }
    assert found.to_frame()["name"].tolist() == ["A", "B"]


def test_prints_itself_and_shows_hostile_names_harmlessly():
    graph = two_parts()
    graph.nodes[neuron("in[0]")]["label"] = "[red]\x1b[31m"
    console = Console(record=True, width=120, file=io.StringIO())
    console.print(modules_of(graph))
    text = console.export_text()
    assert "[red]\\x1b[31m" in text
    assert "y3 is constant" in text


def test_many_parts_get_many_names():
    edges = [(f"in[{k}]", f"out[{k}]", 1.0) for k in range(28)]
    found = modules_of(make_graph({"in": 28, "out": 28}, edges))
    assert [module.name for module in found.modules][-3:] == ["Z", "AA", "AB"]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -1.0])
def test_bad_weights_are_refused(bad):
    graph = two_parts()
    graph.edges[neuron("in[0]"), neuron("h1[0]")]["weight"] = bad
    with pytest.raises(ValueError, match=r"edge in\[0\] -> h1\[0\] must have a finite 'weight' >= 0, got"):
        modules_of(graph)


def test_missing_weights_are_refused():
    graph = two_parts()
    del graph.edges[neuron("in[0]"), neuron("h1[0]")]["functional"]
    with pytest.raises(ValueError, match="must have the attribute 'functional': make the graph with to_graph"):
        modules_of(graph, weights="functional")


def test_unknown_options_are_refused():
    with pytest.raises(ValueError, match='`readout` must be "auto", "include" or "exclude", got \'maybe\''):
        modules_of(two_parts(), readout="maybe")
    with pytest.raises(ValueError, match='`weights` must be "weight" or "functional", got \'length\''):
        modules_of(two_parts(), weights="length")
    with pytest.raises(ValueError, match="`draws` must be at least 499, got 100"):
        modules_of(two_parts(), draws=100)


def test_a_net_of_readout_alone_is_the_callers_to_mend():
    direct = make_graph({"in": 1, "out": 1}, [("in[0]", "out[0]", 1.0)])
    with pytest.raises(UserError, match="without its readout this net has no connection"):
        modules_of(direct, readout="exclude")
