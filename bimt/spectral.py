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
_SAME_VALUE = 1e-6
"""Eigenvalues, or shares of the largest number of a vector, nearer than this are not told apart."""
_SAME_PLACE = 1e-8
"""The same for the numbers of two neurons, rounding being smaller: who solves for eigenvectors decides no layout."""


def spectral_places(layout: Layout) -> Iterator[Places]:
    """Yields global layouts: neurons in the order of low eigenvectors of the Laplacian of the |w| graph."""
    spans = _spans(layout)
    flips = (1, -1) if any(not item.movable for item in layout.populations.values()) else (1,)
    for vectors in spectral_axes(layout):
        for first, second in ((0, 1), (1, 2), (2, 0)):
            for flip in flips:
                axes = flip * vectors[:, :, [first % vectors.shape[2], second % vectors.shape[2]]]
                yield {name: _placed(layout, name, axes[:, spans[name]]) for name in layout.populations}


def spectral_axes(layout: Layout) -> list[Float[np.ndarray, "seeds all axes"]]:
    """Returns what layouts order neurons by: the axes of the whole graph, and of the graph without the sinks' links."""
    spans, adjacency = _spans(layout), _adjacency(layout)
    sinks = {tie.target for tie in layout.ties} - {tie.source for tie in layout.ties}
    cuts: list[set[str]] = [set(), sinks] if sinks else [set()]
    return [_axes(adjacency, [spans[name] for name in left_out]) for left_out in cuts]


def _placed(layout: Layout, name: str, axes: Float[np.ndarray, "seeds size 2"]) -> Int[np.ndarray, "seeds size"]:
    """Turns the values of neurons along two axes into slots: ranks become coordinates, an assignment does the rest."""
    population = layout.populations[name]
    if not population.movable:
        return layout.places[name]
    slots = layout.slots[name]
    wanted = (_ranks(axes[:, :, : slots.shape[1]]) + 0.5) / population.size
    apart = np.abs(wanted[:, :, None, :] - slots).sum(-1)
    return cheapest_slots(apart, population.blocks)


def _ranks(values: Float[np.ndarray, "seeds size dims"]) -> Int[np.ndarray, "seeds size dims"]:
    """Returns how many neurons come before each; those that are as good as level stand by their numbers."""
    order = values.argsort(axis=1, kind="stable")
    steps = np.diff(np.take_along_axis(values, order, axis=1), axis=1, prepend=-np.inf) > _SAME_PLACE
    level = np.empty_like(order)
    np.put_along_axis(level, order, steps.cumsum(axis=1), axis=1)
    return level.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")


def _spans(layout: Layout) -> dict[str, slice]:
    spans, start = {}, 0
    for name, population in layout.populations.items():
        spans[name] = slice(start, start + population.size)
        start += population.size
    return spans


def _adjacency(layout: Layout) -> Float[np.ndarray, "seeds all all"]:
    spans, size = _spans(layout), sum(population.size for population in layout.populations.values())
    adjacency = np.zeros((layout.seeds, size, size))
    for tie in layout.ties:
        adjacency[:, spans[tie.target], spans[tie.source]] += tie.pull
        adjacency[:, spans[tie.source], spans[tie.target]] += tie.pull.transpose(0, 2, 1)
    return adjacency


def _axes(adjacency: np.ndarray, left_out: list[slice]) -> Float[np.ndarray, "seeds all axes"]:
    """Returns the 2nd, 3rd and 4th eigenvector of the random-walk Laplacian; sinks left out sit at their mean.

    The largest number of each is 1. One that shares its eigenvalue with another is any vector: zero takes its place.
    """
    inside = adjacency.copy()
    for span in left_out:
        inside[:, span] = inside[:, :, span] = 0.0
    size = inside.shape[1]
    inside += _COUPLING * np.maximum(inside.sum((1, 2)) / size, 1e-300)[:, None, None] / size
    root = np.sqrt(inside.sum(2))
    # torch's solver: it keeps to the threads it is given; numpy's takes them all, and is a hundred times slower for it
    scaled = torch.from_numpy(inside / root[:, :, None] / root[:, None, :])
    values, vectors = (tensor.numpy() for tensor in torch.linalg.eigh(scaled))
    vectors = vectors[:, :, -2:-5:-1] / root[:, :, None]
    for span in left_out:
        pull = adjacency[:, span]
        vectors[:, span] = pull @ vectors / np.maximum(pull.sum(2, keepdims=True), 1e-300)
    most = np.abs(vectors).max(axis=1, keepdims=True)
    largest = (np.abs(vectors) > most * (1 - _SAME_VALUE)).argmax(axis=1)[:, None]
    sign = np.where(np.take_along_axis(vectors, largest, axis=1) < 0, -1.0, 1.0)
    apart = np.diff(values[:, ::-1], axis=1, append=-np.inf) < -_SAME_VALUE
    is_axis = (apart[:, :-1] & apart[:, 1:])[:, None, : vectors.shape[2]]
    return np.where(is_axis, sign * vectors / np.maximum(most, 1e-300), 0.0)
