"""Native moves against those of numpy: the same places, whatever the wiring and whoever is beside a seed."""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from bimt import swaps
from bimt.compiled import moves
from bimt.compiled.compiler import NoCompiler
from bimt.layout import Layout, placed_populations, tied_links
from bimt.nets.mlp import MLP, mlp_wiring
from bimt.spectral import spectral_axes
from bimt.swaps import Mover
from bimt.wiring import Link, Site, Wiring
from tests.bimt.test_swaps import shuffled
from tests.families import FAMILIES, made
from tests.nets import random_mlp
from tests.wired import bare, blocked_net, embedding_net, population, recurrent_net

METHODS = ("assignment", "spectral")


def thinned(net, live, seed=0):
    """The net with a share of its weights, the others zero: many dead neurons, many ties."""
    generator = torch.Generator().manual_seed(seed)
    for tensor in net.parameters.values():
        tensor.mul_(torch.rand(tensor.shape, generator=generator) < live)
    return net


def on(geometries, sizes, **options):
    slots = [population("p", size, name).slots for name, size in zip(geometries, sizes, strict=True)]
    return MLP(mlp_wiring(slots, **options), random_mlp(sizes, seeds=20).parameters, "silu")


def one_placed_neuron():
    """Three tokens, which have no slots, and one output."""
    wiring = Wiring(
        populations=(population("token", 3, None), population("out", 1)),
        sites=(Site("token", "token", "input"), Site("out", "out", "output")),
        links=(Link("out", "token", "last"),),
    )
    return bare(wiring, {"last": (1, 3)})


def assert_same_places(net, method, **options):
    native, plain = net.replaced(), net.replaced()
    mover = Mover(net, **options)
    assert mover._native is not None
    mover.move_(native, method)
    mover._native = None
    mover.move_(plain, method)
    for name, place in plain.places.items():
        assert torch.equal(native.places[name], place), name
    return native


@pytest.mark.parametrize("sizes", [(4, 20, 20, 2), (3, 17, 10, 5, 2), (1, 3, 1), (2, 2), (30, 30, 30)])
@pytest.mark.parametrize("live", [1.0, 0.3, 0.05])
@pytest.mark.parametrize("method", METHODS)
def test_native_moves_are_those_of_numpy(sizes, live, method, unchecked):
    net = shuffled(thinned(random_mlp(sizes, seeds=30, seed=len(sizes)), live))
    moved = assert_same_places(net, method)
    if live == 1.0 and max(sizes) > 3:
        assert any(not torch.equal(moved.places[name], net.places[name]) for name in net.places)


@pytest.mark.parametrize("rounds", [1, 2])
@pytest.mark.parametrize("method", METHODS)
def test_a_bound_on_the_rounds_is_kept(rounds, method, unchecked):
    assert_same_places(shuffled(random_mlp([4, 20, 20, 2], seeds=20)), method, rounds=rounds)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("live", [1.0, 0.3])
@pytest.mark.parametrize("method", METHODS)
def test_nets_of_every_family_move_natively(family, live, method, unchecked):
    assert_same_places(shuffled(made(family, seeds=10, live=live)[0]), method, reduce="mean", distance_scale=2.0)


@pytest.mark.parametrize(
    "net",
    [
        blocked_net(seeds=20),
        blocked_net(blocks=5, size=40, seeds=20),
        embedding_net(seeds=20),
        on(("line", "grid", "ring"), (4, 16, 5)),
        on(("folded", "grid", "grid", "line"), (4, 9, 16, 3)),
        on(("grid", "line", "line"), (16, 12, 3), pinned=["in"]),
        on(("line", "folded", "ring"), (6, 8, 4), pinned=["in", "out"]),
        random_mlp([4, 12, 3], seeds=20, dtype=torch.float32),
    ],
    ids=["blocks", "many blocks", "tied", "grid and ring", "folded", "pinned sheet", "pinned ends", "float32"],
)
@pytest.mark.parametrize("method", METHODS)
def test_every_kind_of_population_moves_natively(net, method, unchecked):
    assert_same_places(shuffled(net), method)


@pytest.mark.parametrize("method", METHODS)
def test_a_seed_alone_moves_as_among_a_hundred(method, monkeypatch, unchecked):
    net = shuffled(thinned(random_mlp([4, 20, 20, 2], seeds=100), 0.4))
    together = net.replaced()
    Mover(net).move_(together, method)
    for row in (0, 1, 49, 50, 99):
        alone = net.seed(row)
        Mover(alone).move_(alone, method)
        assert all(torch.equal(alone.places[name][0], place[row]) for name, place in together.places.items())
    monkeypatch.setenv("BIMT_CORES", "1")
    one_core = net.replaced()
    Mover(net).move_(one_core, method)
    assert all(torch.equal(one_core.places[name], place) for name, place in together.places.items())


def test_axes_worked_out_elsewhere_lead_to_the_same_places(monkeypatch, unchecked):
    net = shuffled(thinned(random_mlp([4, 20, 20, 2], seeds=20), 0.4))
    here, elsewhere = net.replaced(), net.replaced()
    Mover(net).move_(here, "spectral")
    monkeypatch.setattr(swaps, "LARGE", 1)
    Mover(net).move_(elsewhere, "spectral")
    assert all(torch.equal(here.places[name], place) for name, place in elsewhere.places.items())


def test_places_in_which_nothing_moves_stay_the_same_tensors(unchecked):
    net = shuffled(random_mlp([4, 20, 20, 2], seeds=3))
    mover = Mover(net, rounds=50)
    for _ in range(2):
        mover.move_(net, "assignment")
        before = dict(net.places)
    mover.move_(net, "assignment")
    assert all(net.places[name] is place for name, place in before.items())


def test_neither_recurrent_nor_huge_populations_are_moved_natively():
    def can_move(net):
        return moves.can_move(placed_populations(net), tied_links(net, distance_scale=1.0, reduce="sum"))

    assert not can_move(recurrent_net())
    assert can_move(on(("line", "line"), (600, 3), pinned=["in"]))
    assert not can_move(on(("line", "line"), (600, 3)))
    assert Mover(recurrent_net())._native is None


@pytest.mark.parametrize(
    "net",
    [
        on(("line", "line", "line"), (3, 5, 2), pinned=["in", "h1", "out"]),
        on(("line", "line", "line"), (3, 1, 2), pinned=["in", "out"]),
        one_placed_neuron(),
    ],
    ids=["all pinned", "one neuron may move", "one neuron in all"],
)
@pytest.mark.parametrize("method", ["pairs", *METHODS])
def test_where_nothing_can_move_nothing_does(net, method):
    before = dict(net.places)
    mover = Mover(net)
    assert mover._native is None
    mover.move_(net, method)
    assert all(net.places[name] is place for name, place in before.items())


def test_weights_must_be_finite_and_places_stay_if_they_are_not():
    net = shuffled(random_mlp([4, 9, 3], seeds=3))
    before = {name: place.clone() for name, place in net.places.items()}
    net.parameters["weight.h1"][2, 0, 0] = float("nan")
    with pytest.raises(ValueError, match="the weights of h1<-in must be finite before neurons can move"):
        Mover(net).move_(net, "spectral")
    assert all(torch.equal(net.places[name], place) for name, place in before.items())


def test_a_core_that_fails_waits_for_the_others(monkeypatch, unchecked):
    monkeypatch.setattr(moves, "available_cores", lambda: 2)
    monkeypatch.setattr(moves, "threads", lambda _: pool)
    net = shuffled(random_mlp([4, 9, 3], seeds=40))
    net.parameters["weight.h1"][0, 0, 0] = float("nan")
    native, done = Mover(net)._native, []
    library = native._library

    class Slow:
        @staticmethod
        def move(wiring, first, *rest):
            time.sleep(0.2 if first else 0)
            done.append((first, library.move(wiring, first, *rest)))
            return done[-1][1]

    native._library = Slow
    with ThreadPoolExecutor(2) as pool:
        assert not native.move_(net, proposes=True)
        assert sorted(done) == [(0, 0), (20, 20)]


def test_without_a_compiler_numpy_moves(monkeypatch, unchecked):
    net = shuffled(random_mlp([4, 9, 3], seeds=3))
    native = net.replaced()
    Mover(net).move_(native, "spectral")

    def missing(source, *flags):
        raise NoCompiler("none")

    monkeypatch.setattr(moves, "load", missing)
    moves._native.cache_clear()
    try:
        mover = Mover(net)
        assert mover._native is None
        mover.move_(net, "spectral")
    finally:
        moves._native.cache_clear()
    assert all(torch.equal(native.places[name], place) for name, place in net.places.items())


def test_the_sign_of_an_axis_does_not_depend_on_who_finds_it(unchecked):
    for axes in spectral_axes(Layout(thinned(random_mlp([4, 20, 20, 2], seeds=30), 0.5))):
        most = np.abs(axes).max(1)
        assert np.all((most == 0) | (np.abs(most - 1) < 1e-12))
        first = (np.abs(axes) > (1 - 1e-6) * most[:, None]).argmax(1)
        assert (np.take_along_axis(axes, first[:, None], axis=1) >= 0).all()
