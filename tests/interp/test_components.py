"""Parts and crossings from masks are those of the graph."""

import pytest
import torch

from bimt.train import LIVE
from bimt.wiring import Gate, Link, Site, Skip, Wiring
from interp.components import count_crossings, find_components
from interp.graph import coordinates, crossings, to_graph
from interp.parts import choose_readout, find_parts, find_vertices
from interp.replay import cut
from interp.sparse import SparseNet, masked
from tests.families import FAMILIES, made
from tests.nets import TwoOperands, mlp, random_mlp, task_of, two_parts
from tests.wired import Bare, blocked_net, embedding_net, population, recurrent_net


def thinned(net, share, seed):
    """The net with all but a share of its connections gone, and its places shuffled."""
    generator = torch.Generator().manual_seed(seed)
    draws = {
        name: tensor * (torch.rand(tensor.shape, generator=generator) < share) if name[:4] != "bias" else tensor
        for name, tensor in net.parameters.items()
    }
    places = {name: place[:, torch.randperm(place.shape[1], generator=generator)] for name, place in net.places.items()}
    return net.replaced(parameters=draws, places=places)


def graph_of(net, task=None):
    """The graph of what is above the cut, or a look-up, and on a path."""
    wiring = net.wiring
    kept = {link.parameter: net.parameters[link.parameter].abs() > LIVE for link in wiring.links}
    kept |= {link.parameter: torch.ones_like(kept[link.parameter]) for link in wiring.links if wiring.is_look_up(link)}
    return to_graph(SparseNet(masked(net, kept), kept, *(0.0,) * 8), task or task_of(net))


NETS = {
    "mlp": lambda seed: thinned(random_mlp([4, 7, 7, 3], seed=seed), 0.22, seed),
    "dense": lambda seed: random_mlp([3, 5, 2], seed=seed),
    "two operands": lambda seed: thinned(TwoOperands(seed=seed), 0.5, seed),
    "tokens": lambda seed: thinned(TwoOperands(tokens=True, seed=seed), 0.5, seed),
    "embedding": lambda seed: thinned(embedding_net(seed=seed), 0.3, seed),
    "recurrent": lambda seed: thinned(recurrent_net(seed=seed), 0.3, seed),
    "blocks": lambda seed: thinned(blocked_net(seed=seed), 0.3, seed),
}


def check(net, graph):
    """What is found from masks is what is found in the graph."""
    left = cut(net)
    vertices = find_vertices(graph)
    found = find_components(net.wiring, left)
    assert found.count == len(find_parts(vertices))
    parts = find_parts(choose_readout(vertices, "auto"))
    assert found.before_outputs == len(parts)
    labels = [{int(found.of[vertex.population][vertex.number]) for vertex in part.vertices} for part in parts]
    assert sorted(map(list, labels)) == [[rank] for rank in range(len(parts))]
    assert sum(int((of >= 0).sum()) for of in found.of.values()) == sum(len(part.vertices) for part in parts)
    assert count_crossings(net, left) == crossings(graph)


@pytest.mark.parametrize("family", NETS)
@pytest.mark.parametrize("seed", range(8))
def test_they_are_those_of_the_graph(family, seed):
    net = NETS[family](seed)
    check(net, graph_of(net))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("live", [0.05, 0.3, 1.0])
def test_of_every_family_too(family, live):
    net, task = made(family, live=live)
    net = net.seed(0).to(torch.float64)
    check(net, graph_of(net, task))


class Again(Bare):
    """Its hidden neurons have the same value at a second site."""

    def _forward(self, x, flow):
        flow.put("in", x)
        flow.put("again", flow.put("h", flow.drive("h")))
        return flow.put("out", flow.drive("out"))


def twice(edge, seed):
    """A net of three blocks that sees its hidden neurons at two moments, joined by a skip or by a gate."""
    wiring = Wiring(
        populations=(population("in", 4), population("h", 6, blocks=3), population("out", 2)),
        sites=(Site("in", "in", "input"), Site("h", "h"), Site("again", "h"), Site("out", "out", "output")),
        links=(Link("h", "in", "first"), Link("out", "again", "last")),
        skips=(edge,) if isinstance(edge, Skip) else (),
        gates=(edge,) if isinstance(edge, Gate) else (),
    )
    shapes = {"first": (1, 6, 4), "last": (1, 2, 6)}
    return thinned(Again(wiring, {name: torch.ones(shape).double() for name, shape in shapes.items()}), 0.35, seed)


@pytest.mark.parametrize("edge", [Skip("again", "h"), Gate("again", "h")])
@pytest.mark.parametrize("seed", range(8))
def test_skips_and_gates_hold_neurons_together(edge, seed):
    net = twice(edge, seed)
    graph = graph_of(net)
    found = find_components(net.wiring, cut(net))
    vertices = find_vertices(graph)
    assert (found.count, found.before_outputs) == tuple(
        len(find_parts(each)) for each in (vertices, choose_readout(vertices, "auto"))
    )


def test_two_nets_side_by_side_are_two_parts():
    net = two_parts()
    found = find_components(net.wiring, cut(net))
    assert (found.count, found.before_outputs) == (2, 2), "h1[4] reads both inputs, but leads nowhere"
    assert found.of["in"].tolist() == found.of["out"].tolist() == [0, 1]
    assert found.of["h1"].tolist() == [0, 1, 1, -1, -1]


def test_parts_that_meet_at_the_output_are_parts_before_it():
    net = mlp([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 1.0]]])
    found = find_components(net.wiring, cut(net))
    assert (found.count, found.before_outputs) == (1, 2)
    assert found.of["out"].tolist() == [-1]


def test_nothing_connected_is_no_part():
    net = mlp([[[0.0], [0.005]], [[1.0, 1.0]]])
    found = find_components(net.wiring, cut(net))
    assert (found.count, found.before_outputs) == (0, 0)
    assert count_crossings(net, cut(net)) == 0


def test_look_ups_stand_side_by_side():
    net = TwoOperands(tokens=True)
    assert coordinates(net, "number").tolist() == [[0.25, 0.5], [0.75, 0.5]]
