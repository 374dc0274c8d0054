"""Global proposals: every neuron of a net at once, in the order of low eigenvectors of its graph.

Connected neurons come to lie near each other, which moving one population at a time cannot always reach.
"""

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float, Int

from bimt.layout import Layout, Places, cheapest_slots

_COUPLING = 1e-4
"""What every two neurons are coupled by before a Laplacian is taken, relative to the mean weight: it ties components
together, whose zero eigenvalues would otherwise share arbitrary vectors."""


def spectral_places(layout: Layout) -> Iterator[Places]:
    """Yields global layouts: neurons in the order of low eigenvectors of the Laplacian of the |w| graph."""
    spans, adjacency = _adjacency(layout)
    sinks = {tie.target for tie in layout.ties} - {tie.source for tie in layout.ties}
    flips = (1, -1) if any(not item.movable for item in layout.populations.values()) else (1,)
    for left_out in (set(), sinks):
        vectors = _eigenvectors(adjacency, [spans[name] for name in left_out])
        for first, second in ((0, 1), (1, 2), (2, 0)):
            for flip in flips:
                axes = flip * vectors[:, :, [first % vectors.shape[2], second % vectors.shape[2]]]
                yield {name: _placed(layout, name, axes[:, spans[name]]) for name in layout.populations}


def _placed(layout: Layout, name: str, axes: Float[np.ndarray, "seeds size 2"]) -> Int[np.ndarray, "seeds size"]:
    """Turns the values of neurons along two axes into slots: ranks become coordinates, an assignment does the rest."""
    population = layout.populations[name]
    if not population.movable:
        return layout.places[name]
    slots = layout.slots[name]
    ranks = axes[:, :, : slots.shape[1]].argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
    wanted = (ranks + 0.5) / population.size
    apart = np.abs(wanted[:, :, None, :] - slots).sum(-1)
    return cheapest_slots(apart, population.blocks)


def _adjacency(layout: Layout) -> tuple[dict[str, slice], Float[np.ndarray, "seeds all all"]]:
    spans, start = {}, 0
    for name, population in layout.populations.items():
        spans[name] = slice(start, start + population.size)
        start += population.size
    adjacency = np.zeros((layout.seeds, start, start))
    for tie in layout.ties:
        adjacency[:, spans[tie.target], spans[tie.source]] += tie.pull
        adjacency[:, spans[tie.source], spans[tie.target]] += tie.pull.transpose(0, 2, 1)
    return spans, adjacency


def _eigenvectors(adjacency: np.ndarray, left_out: list[slice]) -> Float[np.ndarray, "seeds all vectors"]:
    """Returns the 2nd, 3rd and 4th eigenvector of the random-walk Laplacian; sinks left out sit at their mean."""
    inside = adjacency.copy()
    for span in left_out:
        inside[:, span] = inside[:, :, span] = 0.0
    size = inside.shape[1]
    inside += _COUPLING * np.maximum(inside.sum((1, 2)) / size, 1e-300)[:, None, None] / size
    root = np.sqrt(inside.sum(2))
    # torch's solver: it keeps to the threads it is given; numpy's takes them all, and is a hundred times slower for it
    scaled = torch.from_numpy(inside / root[:, :, None] / root[:, None, :])
    vectors = torch.linalg.eigh(scaled).eigenvectors.numpy()[:, :, -2:-5:-1] / root[:, :, None]
    for span in left_out:
        pull = adjacency[:, span]
        vectors[:, span] = pull @ vectors / np.maximum(pull.sum(2, keepdims=True), 1e-300)
    return vectors
