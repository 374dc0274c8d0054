import itertools

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interp.communities import Connections, find_communities, maximise, merge_to_two, modularity, modularity_matrix
from interp.cuts import SMALLEST_CUT, find_cut


def random_connections(seed: int, *, layers: tuple[int, ...] = (3, 4, 2), chance: float = 0.6) -> Connections:
    generator = np.random.default_rng(seed)
    first = np.cumsum((0, *layers))
    edges = [
        (link, first[link] + source, first[link + 1] + target)
        for link in range(len(layers) - 1)
        for source in range(layers[link])
        for target in range(layers[link + 1])
        if generator.random() < chance or source == target == 0
    ]
    link, source, target = np.array(edges).T
    return Connections(int(first[-1]), link, source, target[None], generator.uniform(0.1, 2, (1, len(edges))))


def partitions(number: int) -> np.ndarray:
    """Every way to divide so many vertices, as labels in which each new label is the next number."""
    found = [[0]]
    for _ in range(number - 1):
        found = [[*labels, label] for labels in found for label in range(max(labels) + 2)]
    return np.array(found)


def by_hand(connections: Connections, labels: np.ndarray) -> float:
    """The definition of Q as loops."""
    total, result = connections.weights[0].sum(), 0.0
    edges = list(
        zip(connections.links, connections.sources, connections.targets[0], connections.weights[0], strict=True)
    )
    for link in set(connections.links):
        whole = sum(w for which, _, _, w in edges if which == link)
        for i, j in itertools.product(range(connections.vertices), repeat=2):
            if labels[i] == labels[j]:
                entering = sum(w for which, _, target, w in edges if which == link and target == i)
                leaving = sum(w for which, source, _, w in edges if which == link and source == j)
                direct = sum(w for edge, source, target, w in edges if (edge, source, target) == (link, j, i))
                result += direct - entering * leaving / whole
    return result / total


@pytest.mark.parametrize("seed", range(5))
def test_modularity_is_its_definition(seed):
    connections = random_connections(seed)
    labels = np.random.default_rng(seed).integers(0, 3, connections.vertices)
    assert modularity(connections, labels[None])[0] == pytest.approx(by_hand(connections, labels), abs=1e-12)


def test_two_separate_equal_circuits_have_modularity_one_half():
    connections = Connections(4, np.array([0, 0]), np.array([0, 1]), np.array([[2, 3]]), np.array([[1.0, 1.0]]))
    labels, quality = find_communities(connections)
    assert labels.tolist() == [[0, 1, 0, 1]]
    assert quality[0] == pytest.approx(0.5)


@given(st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_all_in_one_has_modularity_zero(seed):
    connections = random_connections(seed)
    assert modularity(connections, np.zeros((1, connections.vertices), dtype=int))[0] == pytest.approx(0, abs=1e-12)


def test_louvain_reaches_the_best_of_all_partitions():
    """Almost always on tiny nets, and never falls far short."""
    shortfalls = []
    for seed in range(40):
        connections = random_connections(seed, layers=(2, 4, 2))
        best = modularity(connections.rows(np.zeros(len(ALL_OF_EIGHT), dtype=int)), ALL_OF_EIGHT).max()
        found = find_communities(connections)[1][0]
        assert found <= best + 1e-12
        shortfalls.append(best - found)
    assert np.mean(np.array(shortfalls) < 1e-9) >= 0.8
    assert max(shortfalls) < 0.05


ALL_OF_EIGHT = partitions(8)


def test_as_good_as_networkx_on_newmans_modularity():
    ours, theirs = [], []
    for seed in range(10):
        graph = nx.gnm_random_graph(30, 70, seed=seed)
        degrees = np.array([degree for _, degree in sorted(graph.degree())], dtype=float)
        matrix = nx.to_numpy_array(graph, nodelist=range(30)) - np.outer(degrees, degrees) / degrees.sum()
        ours.append(maximise(matrix[None] / degrees.sum())[1][0])
        theirs.append(nx.community.modularity(graph, nx.community.louvain_communities(graph, seed=seed)))
    assert np.mean(ours) > np.mean(theirs) - 0.005


def test_many_wirings_at_once_as_each_alone():
    generator = np.random.default_rng(0)
    one = random_connections(1, layers=(4, 8, 8, 2))
    many = Connections(
        one.vertices,
        one.links,
        one.sources,
        np.repeat(one.targets, 20, 0),
        generator.random((20, one.weights.shape[1])),
    )
    labels, quality = find_communities(many)
    cuts, separations = find_cut(many)
    for row in range(20):
        alone = many.rows(slice(row, row + 1))
        assert np.array_equal(find_communities(alone)[0][0], labels[row])
        assert find_communities(alone)[1][0] == pytest.approx(quality[row])
        assert np.array_equal(find_cut(alone)[0][0], cuts[row])
        assert find_cut(alone)[1][0] == pytest.approx(separations[row])


@given(st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_relabelling_vertices_relabels_communities(seed):
    connections = random_connections(seed, layers=(3, 6, 3))
    new = np.random.default_rng(seed).permutation(connections.vertices)
    other = Connections(
        connections.vertices, connections.links, new[connections.sources], new[connections.targets], connections.weights
    )
    labels, quality = find_communities(connections)
    relabelled, same = find_communities(other)
    assert same == pytest.approx(quality)
    together = labels[0][:, None] == labels[0]
    assert np.array_equal(relabelled[0][new][:, None] == relabelled[0][new], together)


@pytest.mark.parametrize("seed", range(10))
def test_cut_is_the_best_separated_one(seed):
    """Against every cut into two that is allowed, by the definition of separation."""
    connections = random_connections(seed, layers=(3, 4, 3))
    everything = np.array(list(itertools.product((0, 1), repeat=9)))
    everything = np.concatenate([np.zeros((len(everything), 1), dtype=int), everything], 1)
    copies = connections.rows(np.zeros(len(everything), dtype=int))
    quality = modularity(copies, everything)
    apart = np.take_along_axis(everything, copies.targets, 1) != everything[:, copies.sources]
    crosses = (apart * copies.weights).sum(1) / copies.weights.sum(1)
    chance = quality + crosses
    best = np.max(1 - crosses[chance >= SMALLEST_CUT] / chance[chance >= SMALLEST_CUT])
    labels, separation = find_cut(connections)
    assert separation[0] <= best + 1e-12
    assert separation[0] >= best - 0.06
    which = np.flatnonzero((everything == labels[0]).all(1))[0]
    assert separation[0] == pytest.approx(1 - crosses[which] / chance[which])


def test_nothing_to_cut():
    lonely = Connections(2, np.array([0]), np.array([0]), np.array([[1]]), np.array([[1.0]]))
    labels, separation = find_cut(lonely)
    assert labels.tolist() == [[0, 0]]
    assert separation.tolist() == [0.0]


def test_weightless_wirings_have_no_modularity():
    connections = Connections(3, np.array([0, 0]), np.array([0, 0]), np.array([[1, 2]]), np.zeros((1, 2)))
    assert find_communities(connections)[1].tolist() == [0.0]
    empty = Connections(3, *(np.zeros(0, dtype=int) for _ in range(2)), np.zeros((1, 0), dtype=int), np.zeros((1, 0)))
    assert find_communities(empty)[0].tolist() == [[0, 1, 2]]


def test_merging_stops_at_two():
    connections = random_connections(3, layers=(5, 8, 5), chance=0.25)
    matrix = modularity_matrix(connections)
    labels = maximise(matrix)[0]
    assert labels.max() > 1
    assert set(merge_to_two(matrix, labels)[0]) == {0, 1}


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0])
def test_weights_that_are_no_strengths_are_refused(bad):
    connections = Connections(2, np.array([0]), np.array([0]), np.array([[1]]), np.array([[bad]]))
    with pytest.raises(ValueError, match="`weights` must be finite and not negative, got"):
        find_communities(connections)
