"""Hand-made nets with wirings that no chain has: tied weights, a recurrent link, blocks."""

import torch

from bimt.geometry import make_slots
from bimt.nets.base import Net
from bimt.wiring import Bias, Link, Population, Site, Wiring


class Bare(Net):
    """A net with any wiring and no nonlinearity: inputs split over the input sites, every site its drive."""

    def _forward(self, x, flow):
        start = 0
        for site in self.wiring.sites:
            if site.role == "input":
                size = self.wiring.population_of(site.name).size
                value = flow.put(site.name, x[..., start : start + size])
                start += size
            else:
                value = flow.put(site.name, flow.drive(site.name))
        return value


def bare(wiring, shapes, *, seeds=1, seed=0) -> Bare:
    """A net with normal parameters of these shapes (without the seeds axis), float64."""
    generator = torch.Generator().manual_seed(seed)
    draw = {
        name: torch.randn(seeds, *shape, generator=generator, dtype=torch.float64) for name, shape in shapes.items()
    }
    return Bare(wiring, draw)


def population(name, size, geometry="line", **options) -> Population:
    return Population(name, size, make_slots(geometry, size) if geometry else None, **options)


def embedding_net(*, seeds=1, seed=0) -> Bare:
    """Two tokens looked up in one embedding; the two halves of one tensor lead from there to h1."""
    wiring = Wiring(
        populations=(population("token", 5, None), population("embed", 4), population("h1", 6), population("out", 3)),
        sites=(
            Site("token.a", "token", "input"),
            Site("token.b", "token", "input"),
            Site("embed.a", "embed"),
            Site("embed.b", "embed"),
            Site("h1", "h1"),
            Site("out", "out", "output"),
        ),
        links=(
            Link("embed.a", "token.a", "embedding", layout="source target"),
            Link("embed.b", "token.b", "embedding", layout="source target"),
            Link("h1", "embed.a", "hidden", cols=(0, 4)),
            Link("h1", "embed.b", "hidden", cols=(4, 8)),
            Link("out", "h1", "readout"),
        ),
        biases=(Bias("h1", "bias"),),
    )
    return bare(
        wiring, {"embedding": (5, 4), "hidden": (6, 8), "readout": (3, 6), "bias": (6,)}, seeds=seeds, seed=seed
    )


def recurrent_net(*, size=6, seeds=1, seed=0) -> Bare:
    """One population that is linked to itself between two moments."""
    wiring = Wiring(
        populations=(population("in", 3), population("h", size), population("out", 2)),
        sites=(Site("in", "in", "input"), Site("h.0", "h"), Site("h.1", "h"), Site("out", "out", "output")),
        links=(Link("h.0", "in", "first"), Link("h.1", "h.0", "again", recurrent=True), Link("out", "h.1", "last")),
    )
    return bare(wiring, {"first": (size, 3), "again": (size, size), "last": (2, size)}, seeds=seeds, seed=seed)


def blocked_net(*, blocks=3, size=6, seeds=1, seed=0) -> Bare:
    """A hidden population in blocks, as attention heads are."""
    wiring = Wiring(
        populations=(population("in", 4), population("h", size, blocks=blocks), population("out", 2)),
        sites=(Site("in", "in", "input"), Site("h", "h"), Site("out", "out", "output")),
        links=(Link("h", "in", "first"), Link("out", "h", "last")),
    )
    return bare(wiring, {"first": (size, 4), "last": (2, size)}, seeds=seeds, seed=seed)
