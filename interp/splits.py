"""Is a part of a net really several modules? Its best cut against two nulls, from the top down."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from interp.communities import Connections, Ints
from interp.cuts import find_cut
from interp.nulls import Wires, draw_space, draw_structure

SIGNIFICANCE = 0.01
LEAST_SEPARATION = 0.8  # across the border of a module runs at most a fifth of what chance would put there
_FIRST_BATCHES = 50, 100  # draws that are looked at before the rest is drawn
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Comparison:
    """The best cut of one part against both nulls."""

    groups: Ints  # (vertices,) 0 or 1; all 0 if no cut is allowed
    separation: float  # of the two groups, see `find_cut`
    p_structure: float  # how often a net with the same degrees is as well separated
    p_space: float  # how often a net with the same degrees and lengths is as well separated


@dataclass(frozen=True)
class Split:
    """The modules inside one part."""

    labels: Ints  # (vertices,) the module of each vertex; all zero if there is one module
    comparison: Comparison  # of the whole part


def split(parts: list[Wires], *, draws: int, generator: np.random.Generator) -> list[Split]:
    """Divides each part into modules, as far as both nulls are beaten.

    From the top down: the best cut of the part into two groups is compared with the best cut of every draw; if it is
    significant, each group is a part to be compared by itself. So every border that is reported has beaten both nulls,
    and nothing is cut up just because modularity has a preferred size of community (Fortunato & Barthelemy 2007,
    doi:10.1073/pnas.0605965104). All comparisons of one level share Holm's correction; a level is looked at only where
    the one above was significant.

    Args:
        parts: Each in one piece.
        draws: Draws from each null, at least; more are taken where there are so many comparisons that no p-value
            could pass the correction.
        generator: Source of all randomness.

    Returns:
        One answer per part, in order. Of a single part whose best cut is too weak in any case p is 1, undrawn.
    """
    labels = [np.zeros(part.connections.vertices, dtype=np.intp) for part in parts]
    first: list[Comparison] = []
    level = [(which, np.arange(part.connections.vertices)) for which, part in enumerate(parts)]
    while level:
        wires = [_inside(parts[which], vertices) for which, vertices in level]
        weak = _too_weak(wires[0]) if len(wires) == 1 else None
        comparisons = compare(wires, draws=draws, generator=generator) if weak is None else [weak]
        first = first or comparisons
        below = []
        for (which, vertices), each, is_real in zip(level, comparisons, significant(comparisons), strict=True):
            if is_real:
                labels[which][vertices[each.groups == 1]] = labels[which].max() + 1
                below += [(which, vertices[each.groups == group]) for group in (0, 1)]
        level = below
    return [Split(_by_first(each), comparison) for each, comparison in zip(labels, first, strict=True)]


def compare(parts: list[Wires], *, draws: int, generator: np.random.Generator) -> list[Comparison]:
    """Compares the best cut of every part with both nulls (uncorrected p-values)."""
    draws = max(draws, math.ceil(5 * len(parts) / SIGNIFICANCE) - 1)
    comparisons = []
    for part in parts:
        groups, separation = find_cut(part.connections)
        p_structure, p_space = (
            p_value(part, float(separation[0]), null, draws=draws, generator=generator) if groups.any() else 1.0
            for null in (draw_structure, draw_space)
        )
        comparisons.append(Comparison(groups[0], float(separation[0]), p_structure, p_space))
    return comparisons


def _too_weak(part: Wires) -> Comparison | None:
    """Returns the answer where no null need be drawn: even the best cut of a part has a border too strong to be real.

    Its p-values, which nobody asks for, are left at 1. For a net of 3,000 connections the draws take half an hour.
    """
    groups, separation = find_cut(part.connections)
    return Comparison(groups[0], float(separation[0]), 1.0, 1.0) if separation[0] < LEAST_SEPARATION else None


def p_value(
    part: Wires,
    separation: float,
    null: Callable[..., Iterator[Connections]],
    *,
    draws: int,
    generator: np.random.Generator,
) -> float:
    """How often the best cut of a draw from the null is at least as well separated.

    p = (1 + number of such draws) / (1 + draws). Once there are so many of them that p must end above twice the
    significance level, h of them, the rest is not drawn: if the h-th was draw l, p = h / l, which is a valid p-value
    (Besag & Clifford 1991, doi:10.1093/biomet/78.2.301) and never significant.

    Returns:
        The p-value; 1 if the part admits no other wiring.
    """
    enough = math.ceil(2 * SIGNIFICANCE * (draws + 1))
    as_good = np.zeros(0, dtype=bool)
    is_rewired = False
    batches = (*_FIRST_BATCHES, draws - sum(_FIRST_BATCHES))
    for drawn in null(part, batches=batches, generator=generator):
        is_rewired = is_rewired or bool((drawn.targets != part.connections.targets).any())
        if not is_rewired:
            return 1.0
        as_good = np.concatenate([as_good, find_cut(drawn)[1] >= separation - _ROUNDING])
        if as_good.sum() >= enough:
            return enough / float(np.flatnonzero(as_good)[enough - 1] + 1)
    return float(1 + as_good.sum()) / (1 + draws)


def significant(comparisons: list[Comparison]) -> list[bool]:
    """Which parts are cut: both nulls beaten, all p-values corrected together (Holm 1979), and the border weak."""
    values = np.array([[each.p_structure, each.p_space] for each in comparisons]).ravel()
    order = values.argsort(kind="stable")
    corrected = np.empty_like(values)
    corrected[order] = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    return [
        bool(pair.max() < SIGNIFICANCE) and each.separation >= LEAST_SEPARATION
        for each, pair in zip(comparisons, corrected.reshape(-1, 2), strict=True)
    ]


def _by_first(labels: Ints) -> Ints:
    """Numbered in the order of each label's first vertex."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]


def _inside(part: Wires, vertices: Ints) -> Wires:
    """The part of the wiring between the given vertices."""
    connections = part.connections
    new = np.full(connections.vertices, -1)
    new[vertices] = np.arange(len(vertices))
    kept = (new[connections.sources] >= 0) & (new[connections.targets[0]] >= 0)
    links = np.unique(connections.links[kept], return_inverse=True)[1]
    ties = new[part.ties]
    return replace(
        part,
        connections=Connections(
            len(vertices),
            links,
            new[connections.sources[kept]],
            new[connections.targets[:, kept]],
            connections.weights[:, kept],
        ),
        positions=part.positions[vertices],
        ties=ties[(ties >= 0).all(1)],
    )
