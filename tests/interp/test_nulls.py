import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interp.communities import Connections
from interp.nulls import Wires, count_components, draw_space, draw_structure
from interp.parts import find_vertices, to_wires
from interp.splits import Comparison, compare, p_value, significant, split
from tests.graphs import one_module, planted
from tests.interp.test_communities import random_connections


def wires_of(connections: Connections, *, seed: int = 0) -> Wires:
    positions = np.random.default_rng(seed).random((connections.vertices, 2))
    return Wires(connections, positions, np.zeros((0, 2), dtype=int))


def wires_from(graph) -> Wires:
    vertices = find_vertices(graph)
    return to_wires(vertices, vertices)


def degrees(connections: Connections, row: int) -> list:
    ends = zip(connections.links, connections.targets[row], strict=True)
    return sorted((int(link), int(target)) for link, target in ends)


@pytest.mark.parametrize("draw", [draw_structure, draw_space])
@given(seed=st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_nulls_keep_degrees_weights_and_pieces(draw, seed):
    wires = wires_of(random_connections(seed, layers=(4, 6, 4), chance=0.4))
    (drawn,) = draw(wires, batches=[20], generator=np.random.default_rng(seed))
    pieces = count_components(wires, drawn.targets)
    for row in range(20):
        assert degrees(drawn, row) == degrees(wires.connections, 0)
        pairs = set(zip(drawn.links, drawn.sources, drawn.targets[row], strict=True))
        assert len(pairs) == len(drawn.links), "no connection is doubled"
        assert pieces[row] <= wires.components
        for link in set(drawn.links):
            mine = drawn.links == link
            assert sorted(drawn.weights[row, mine]) == sorted(wires.connections.weights[0, mine])


def test_structure_null_reaches_every_wiring_equally_often():
    """Three sources and targets in a ring of six connections: the six such wirings of one link, in one piece."""
    sources, targets = np.array([0, 0, 1, 1, 2, 2]), np.array([[3, 4, 4, 5, 5, 3]])
    wires = wires_of(Connections(6, np.zeros(6, dtype=int), sources, targets, np.ones((1, 6))))
    counts: dict = {}
    for seed in range(30):
        (drawn,) = draw_structure(wires, batches=[40], generator=np.random.default_rng(seed))
        for row in drawn.targets:
            key = tuple(sorted(zip(sources.tolist(), row.tolist(), strict=True)))
            counts[key] = counts.get(key, 0) + 1
    assert len(counts) == 6
    assert max(counts.values()) < 1.6 * min(counts.values())


def test_space_null_keeps_lengths_that_the_structure_null_does_not():
    wires = wires_from(one_module())
    lengths = []
    for draw in (draw_structure, draw_space):
        (drawn,) = draw(wires, batches=[100], generator=np.random.default_rng(0))
        ends = wires.positions[drawn.targets], wires.positions[drawn.sources]
        lengths.append(np.abs(ends[0] - ends[1]).sum(2).mean())
    ends = wires.positions[wires.connections.targets[0]], wires.positions[wires.connections.sources]
    original = np.abs(ends[0] - ends[1]).sum(1).mean()
    assert lengths[1] - original < 0.35 * (lengths[0] - original)


def test_ties_count_as_connected():
    connections = Connections(4, np.array([0, 0]), np.array([0, 1]), np.array([[2, 3]]), np.ones((1, 2)))
    apart = Wires(connections, np.zeros((4, 1)), np.zeros((0, 2), dtype=int))
    assert apart.components == 2
    assert Wires(connections, np.zeros((4, 1)), np.array([[0, 1]])).components == 1


def test_a_star_admits_no_other_wiring():
    connections = Connections(
        4, np.zeros(3, dtype=int), np.array([0, 1, 2]), np.array([[3, 3, 3]]), np.array([[1.0, 2, 3]])
    )
    wires = wires_of(connections)
    assert p_value(wires, 0.5, draw_structure, draws=499, generator=np.random.default_rng(0)) == 1.0


def test_an_empty_part_is_one_module():
    empty = Connections(1, *(np.zeros(0, dtype=int) for _ in range(2)), np.zeros((1, 0), dtype=int), np.zeros((1, 0)))
    answer = split([wires_of(empty)], draws=499, generator=np.random.default_rng(0))[0]
    assert answer.labels.tolist() == [0]
    assert (answer.comparison.p_structure, answer.comparison.p_space) == (1.0, 1.0)


def test_p_values_of_a_net_drawn_from_the_null_are_spread_evenly():
    wires = wires_of(random_connections(5, layers=(3, 5, 3), chance=0.4))
    values = []
    for seed in range(12):
        generator = np.random.default_rng(seed)
        (drawn,) = draw_structure(wires, batches=[1], generator=generator)
        comparison = compare([Wires(drawn, wires.positions, wires.ties)], draws=499, generator=generator)[0]
        values.append(comparison.p_structure)
    assert np.mean(np.array(values) <= 0.25) < 0.7
    assert min(values) > 0.002


def comparison(p_structure: float, p_space: float, separation: float = 0.9) -> Comparison:
    return Comparison(np.zeros(1, dtype=int), separation, p_structure, p_space)


def test_holm():
    assert significant([comparison(0.004, 0.009)]) == [True]
    assert significant([comparison(0.006, 0.006)]) == [False]
    assert significant([comparison(0.004, 0.02)]) == [False]
    assert significant([comparison(0.002, 0.002), comparison(0.5, 0.5)]) == [True, False]
    assert significant([comparison(0.004, 0.004), comparison(0.5, 0.5)]) == [False, False]


def test_a_strong_border_is_no_border():
    assert significant([comparison(0.002, 0.002, separation=0.7)]) == [False]


def test_planted_blocks_are_found_and_bands_left_whole():
    answer = split([wires_from(planted())], draws=499, generator=np.random.default_rng(0))[0]
    assert answer.labels.tolist() == [0] * 3 + [1] * 3 + [0] * 4 + [1] * 4 + [0] * 4 + [1] * 4 + [0, 1]
    assert split([wires_from(one_module())], draws=499, generator=np.random.default_rng(0))[0].labels.max() == 0
