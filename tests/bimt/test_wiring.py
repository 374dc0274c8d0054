"""What a wiring refuses, and how links look at their tensors."""

import pytest
import torch

from bimt.nets.mlp import mlp_wiring
from bimt.wiring import Bias, Gate, Link, Population, Site, Skip, Wiring
from tests.nets import random_mlp
from tests.wired import embedding_net, population

POPULATIONS = (population("in", 2), population("h", 3), population("out", 2))
SITES = (Site("in", "in", "input"), Site("h", "h"), Site("out", "out", "output"))
LINKS = (Link("h", "in", "a"), Link("out", "h", "b"))


def wired(*, populations=POPULATIONS, sites=SITES, links=LINKS, **others):
    return Wiring(populations, sites, links, **others)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"populations": (*POPULATIONS, population("h", 3))},
            "every population must have a name of its own, got 'h' t",
        ),
        ({"sites": (*SITES, Site("h", "h"))}, "every site must have a name of its own, got 'h' twice"),
        ({"links": (*LINKS, Link("h", "in", "c"))}, "every link must have a name of its own, got 'h<-in' twice"),
        ({"sites": (*SITES, Site("z", "zz"))}, "site 'z' must name a population of the wiring, got 'zz'"),
        ({"links": (*LINKS, Link("h", "x", "c"))}, "must join two sites of the wiring, got h<-x"),
        ({"skips": (Skip("out", "x"),)}, "must join two sites of the wiring, got out<-x"),
        ({"gates": (Gate("x", "in"),)}, "must join two sites of the wiring, got x<-in"),
        (
            {"sites": (*SITES, Site("h2", "h")), "links": (*LINKS, Link("h2", "h", "c"))},
            "declare it with recurrent=True",
        ),
        ({"skips": (Skip("h", "in"),)}, "skip h<-in must join sites of one size"),
        ({"biases": (Bias("x", "b"),)}, "a bias must belong to a site of the wiring, got 'x'"),
        ({"biases": (Bias("h", "b"), Bias("h", "c"))}, "a site must have one bias at most, got two for 'h'"),
        (
            {"populations": (*POPULATIONS[:2], Population("out", 3, population("out", 2).slots))},
            "must have 3 slots, got 2",
        ),
        (
            {"populations": (*POPULATIONS[:2], population("out", 2, blocks=0))},
            "`blocks` .* must divide its size 2, got 0",
        ),
        ({"populations": (POPULATIONS[0], population("h", 3, blocks=2), POPULATIONS[2])}, "divide its size 3, got 2"),
        ({"sites": (*SITES, Site("h2", "h"))}, "every site must be reachable from an input, got 'h2', which is not"),
    ],
)
def test_refuses_to_contradict_itself(changes, message):
    with pytest.raises(ValueError, match=message):
        wired(**changes)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ({"a": (1, 3, 2)}, "`parameters` must hold 'b', got"),
        ({"a": (1, 3, 2), "b": (2, 2, 3)}, "every parameter must lead with the same number of seeds"),
        (
            {"a": (1, 2, 3), "b": (1, 2, 3), "c": (1, 3)},
            r"the weights of h<-in must be \(target, source\) = \(3, 2\), got \(2, 3\)",
        ),
        ({"a": (1, 3, 2), "b": (1, 2, 3)}, "`parameters` must hold 'c'"),
        ({"a": (1, 3, 2), "b": (1, 2, 3), "c": (1, 2)}, r"the bias of h must be \(3,\), got \(2,\)"),
    ],
)
def test_refuses_parameters_it_does_not_describe(shapes, message):
    with pytest.raises(ValueError, match=message):
        wired(biases=(Bias("h", "c"),)).check({name: torch.zeros(shape) for name, shape in shapes.items()})


def test_skips_and_gates_are_ways_to_reach_a_site():
    sites = (*SITES, Site("h2", "h"), Site("h3", "h"))
    assert wired(sites=sites, skips=(Skip("h2", "h"),), gates=(Gate("h3", "h2"),)).site("h3").population == "h"


def test_links_look_at_their_part_of_a_tensor():
    net = embedding_net(seeds=2)
    hidden, embedding = net.parameters["hidden"], net.parameters["embedding"]
    a, _, left, right, _ = net.wiring.links
    assert torch.equal(net.weight(left), hidden[:, :, :4])
    assert torch.equal(net.weight(right), hidden[:, :, 4:])
    assert torch.equal(net.weight(a), embedding.transpose(1, 2))
    net.weight(a)[:] = 7.0
    assert (embedding == 7).all()


def test_tied_links_are_one():
    names = [link.name for link in embedding_net().wiring.distinct_links()]
    assert names == ["embed.a<-token.a", "h1<-embed.a", "h1<-embed.b", "out<-h1"]


def test_a_population_without_slots_has_no_positions():
    with pytest.raises(ValueError, match="population 'token' has no slots"):
        embedding_net().positions("token")


def test_inputs_and_outputs():
    wiring = random_mlp([2, 3, 1]).wiring
    assert [site.name for site in wiring.inputs + wiring.outputs] == ["in", "out"]
    assert wiring.bias_of("in") is None


@pytest.mark.parametrize(
    ("layers", "pinned", "message"),
    [(1, (), "at least an input and an output layer, got 1"), (3, ("h2",), "populations among in, h1, out, got 'h2'")],
)
def test_an_mlp_refuses(layers, pinned, message):
    with pytest.raises(ValueError, match=message):
        mlp_wiring([population("p", 2).slots] * layers, pinned=pinned)
