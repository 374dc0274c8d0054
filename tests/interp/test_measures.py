"""Measures of nets whose connections, lengths, parts and crossings can be counted by hand."""

import itertools
import time

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import torch

from bimt.checkpoint import Checkpoint
from bimt.config import make_config
from interp.graph import crossings, to_graph
from interp.measures import cut_at, measure, measures_frame
from interp.prune import prune
from interp.select import prune_all, select, select_best
from interp.sparse import Neuron, whole
from tests.nets import mlp, random_mlp, task_of, two_parts
from tests.reports.checkpoints import small_checkpoint, small_task


def checkpoint_of(net):
    return Checkpoint(
        path=None,
        config=make_config("independence"),
        net=net,
        task=task_of(net),
        stopped={},
        history=pd.DataFrame(),
        snapshots={},
        progress=None,
    )


def test_a_net_of_two_parts_is_counted_by_hand():
    net = two_parts()
    found = measure(checkpoint_of(net), prune(net, task_of(net)))
    assert (found.connections, found.neurons, found.parts, found.crossings) == (6, 3, 2, 0)
    assert (found.groups, found.hidden) == (("x1 -> y1", "x2 -> y2"), ("1", "2"))
    assert found.constant_outputs == ()
    # inputs and outputs sit at 1/4 and 3/4, h1 at 0.1, 0.3, 0.5: each length occurs once on the way in and once out
    assert found.length == pytest.approx(2 * (0.15 + 0.45 + 0.25))
    assert found.wiring == pytest.approx(0.15 * (1 + 2) + 0.45 * (1.5 + 1) + 0.25 * (2 + 3))
    assert found.metric == pytest.approx(1.0)
    assert found.live == 10, "those from the constant neuron and into the unread one count, too"
    assert found.live_groups == ("x1 -> y1", "x2 -> y2")


def test_modularity_of_two_equal_separate_chains_is_a_half():
    net = mlp([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]]])
    found = measure(checkpoint_of(net), prune(net, task_of(net)))
    assert found.modularity == pytest.approx(0.5)


def test_a_net_without_connections_has_no_parts():
    net = mlp([[[0.0]], [[0.0]]])
    sparse = prune(net, task_of(net, noise=1.0))
    found = measure(checkpoint_of(net), sparse)
    assert (found.connections, found.length, found.modularity, found.parts, found.groups) == (0, 0.0, 0.0, 0, ())
    assert found.constant_outputs == ("y1",)


def test_a_cut_counts_what_is_above_it_and_keeps_what_is_on_a_path():
    net = mlp([[[1.0], [1.0]], [[1.0, 0.005]]])
    cut, above = cut_at(whole(net, task_of(net)), 0.01)
    assert above == 3
    assert cut.connections == 2, "the second hidden neuron is fed but not read"


def test_one_row_per_seed():
    checkpoint = small_checkpoint(small_task(), seeds=3)
    pruned = prune_all(checkpoint)
    frame = measures_frame(measure(checkpoint, sparse) for sparse in pruned)
    assert list(frame.index) == [0, 1, 2]
    assert list(frame["connections"]) == [sparse.connections for sparse in pruned]


def test_the_best_of_pruned_seeds_is_the_one_that_select_takes():
    checkpoint = small_checkpoint(small_task(), seeds=3)
    chosen = select_best(checkpoint, prune_all(checkpoint))
    expected = select(checkpoint)
    assert chosen.label == expected.label
    assert chosen.sparse.threshold == expected.sparse.threshold
    assert chosen.dense.metric == expected.dense.metric


def slow_crossings(graph: nx.DiGraph) -> int:
    links: dict[str, list[tuple[float, float]]] = {}
    for source, target, data in graph.edges(data=True):
        ends = graph.nodes[source]["position"][0], graph.nodes[target]["position"][0]
        links.setdefault(data["link"], []).append(ends)
    return sum(
        (one[0] - other[0]) * (one[1] - other[1]) < 0
        for edges in links.values()
        for one, other in itertools.combinations(edges, 2)
    )


@pytest.mark.parametrize("seed", range(5))
def test_crossings_equal_those_counted_pair_by_pair(seed):
    random = np.random.default_rng(seed)
    net = random_mlp([4, 9, 7, 3], seed=seed)
    places = {name: torch.from_numpy(random.permutation(place.shape[1]))[None] for name, place in net.places.items()}
    net = net.replaced(places=places)
    dense = whole(net, task_of(net))
    graph = to_graph(cut_at(dense, 0.8)[0], task_of(net))
    assert crossings(graph) > 100
    assert crossings(graph) == slow_crossings(graph)


def test_neurons_above_each_other_do_not_cross():
    graph = nx.DiGraph()
    for source, target, x, y in ((0, 0, 0.2, 0.1), (1, 1, 0.2, 0.9), (2, 1, 0.5, 0.9)):
        graph.add_node(Neuron("in", source), position=(x, 0.5, 0.0), look_up=False)
        graph.add_node(Neuron("out", target), position=(y, 0.5, 1.0), look_up=False)
        graph.add_edge(Neuron("in", source), Neuron("out", target), link="out<-in", kind="connection")
    assert crossings(graph) == slow_crossings(graph) == 0


def test_ten_thousand_connections_are_measured_at_once():
    net = random_mlp([10, 90, 90, 10])
    checkpoint = checkpoint_of(net)
    start = time.process_time()
    found = measure(checkpoint, whole(net, checkpoint.task))
    assert found.connections == 9900
    assert time.process_time() - start < 10, "a Python loop over pairs of connections takes minutes"
