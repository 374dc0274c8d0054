import csv
import json

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bimt.messages import UserError
from interp.graph import crossings, node_link, portable, to_graph, write_graph
from interp.prune import prune, shrink
from interp.sparse import Neuron, whole
from tests.nets import mlp, task_of, two_parts


@pytest.fixture
def graph():
    net = two_parts()
    return to_graph(prune(net, task_of(net)), task_of(net))


def test_the_graph_is_the_one_that_was_built(graph):
    assert {(str(source), str(target)) for source, target in graph.edges} == {
        ("in[0]", "h1[0]"),
        ("in[1]", "h1[1]"),
        ("in[1]", "h1[2]"),
        ("h1[0]", "out[0]"),
        ("h1[1]", "out[1]"),
        ("h1[2]", "out[1]"),
    }
    edge = graph.edges[Neuron("in", 1), Neuron("h1", 2)]
    assert (edge["weight"], edge["value"], edge["link"], edge["kind"]) == (2.0, -2.0, "h1<-in", "connection")
    node = graph.nodes[Neuron("h1", 2)]
    assert node["position"] == (0.5, 0.5, 0.5)
    assert (node["site"], node["role"], node["bias"], node["look_up"]) == ("h1", "hidden", -0.3, False)
    assert [graph.nodes[node]["label"] for node in graph.graph["inputs"]] == ["x1", "x2"]
    assert [graph.nodes[node]["label"] for node in graph.graph["outputs"]] == ["y1", "y2"]


def test_the_functional_weight_counts_how_much_the_source_moves(graph):
    net, task = two_parts(), task_of(two_parts())
    spread = net.activations(task.train.inputs[None])["h1"][0, :, 1].std(correction=0).item()
    assert graph.edges[Neuron("h1", 1), Neuron("out", 1)]["functional"] == pytest.approx(spread)


def test_constants_are_folded_into_the_biases_behind_them(graph):
    # silu(0.7) * 0.5 reaches y1, silu(0.7) * -0.5 reaches y2
    constant = 0.7 / (1 + 2.718281828459045**-0.7)
    assert graph.nodes[Neuron("out", 0)]["bias"] == pytest.approx(0.5 * constant)
    assert graph.nodes[Neuron("out", 1)]["bias"] == pytest.approx(0.25 - 0.5 * constant)


def test_inputs_and_outputs_are_there_even_when_nothing_touches_them():
    net = mlp([[[1.0, 0.0]], [[1.0], [0.0]]])
    found = to_graph(whole(net, task_of(net)), task_of(net))
    assert Neuron("in", 1) in found
    sparse = prune(net, task_of(mlp([[[1.0, 0.0]], [[1.0], [0.5]]])), tolerance=0.9)
    assert Neuron("out", 1) in to_graph(sparse, task_of(net))


def _plain(graph):
    return graph.graph, dict(graph.nodes(data=True)), {edge[:2]: edge[2] for edge in graph.edges(data=True)}


def _read_all(graph, folder):
    write_graph(graph, folder)
    yield nx.read_graphml(folder / "graph.graphml")
    yield nx.node_link_graph(json.loads((folder / "graph.json").read_text(encoding="utf-8")), edges="edges")


def test_networkx_reads_back_what_was_written(graph, tmp_path):
    for again in _read_all(graph, tmp_path / "graph"):
        assert _plain(again) == _plain(portable(graph))
        assert nx.utils.graphs_equal(again, portable(graph))
    with (tmp_path / "graph" / "edges.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == graph.number_of_edges()
    assert sum(abs(float(row["value"])) for row in rows) == sum(data["weight"] for *_, data in graph.edges(data=True))


@settings(max_examples=40, deadline=None)
@given(
    name=st.text(min_size=1, max_size=30)
    | st.sampled_from(["<script>", "$\\frac{", "../../x", "a\0b", "\u202ex", "\r\n"])
)
def test_any_name_survives_the_files(name, tmp_path_factory):
    net = two_parts()
    graph = to_graph(prune(net, task_of(net)), task_of(net))
    graph.nodes[Neuron("in", 0)]["label"] = name
    for again in _read_all(graph, tmp_path_factory.mktemp("graph") / "out"):
        assert nx.utils.graphs_equal(again, portable(graph))


def test_a_folder_that_is_not_empty_is_left_alone(graph, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="must be empty"):
        write_graph(graph, tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["mine.txt"]


def test_the_document_holds_no_none(graph):
    document = node_link(graph)
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert not [value for node in document["nodes"] for value in node.values() if value is None]


def test_crossings_are_pairs_with_reversed_ends():
    straight = mlp([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]]])
    crossed = mlp([[[0.0, 1.0], [1.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]]])
    full = mlp([[[1.0, 1.0], [1.0, 1.0]], [[1.0, 1.0], [1.0, 1.0]]])
    graphs = [to_graph(prune(net, task_of(net)), task_of(net)) for net in (straight, crossed, full)]
    assert [crossings(graph) for graph in graphs] == [0, 1, 2]


def test_a_net_whose_hidden_layer_is_empty_is_a_graph_without_edges():
    net = mlp([[[0.0]], [[0.0]]], [[0.5], [1.0]])
    smaller = shrink(prune(net, task_of(mlp([[[1.0]], [[1.0]]]))))
    graph = to_graph(whole(smaller, task_of(net)), task_of(net))  # warnings are errors here
    assert sorted(map(str, graph)) == ["in[0]", "out[0]"]
    assert graph.number_of_edges() == 0
