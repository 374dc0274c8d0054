"""Embeddings as pictures: the tokens of a module on their first two principal components, and dimensions as strips."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bimt.messages import printable
from reports.figures.drawing import Curve, Dots, Drawing, Figure, Floats, Mark, Words, fitted
from reports.figures.palette import module_tone

_RING, _GAP = 300.0, 26.0
_STRIP_WIDTH, _STRIP_LEFT, _STRIP_HEIGHT = 1120.0, 130.0, 34.0


@dataclass(frozen=True, eq=False)
class Ring:
    """The tokens as one module sees them."""

    title: str
    values: Floats
    """(tokens, dimensions)"""
    tone: str = ""
    """Its hue; empty: that of the module of its rank."""


def draw_rings(rings: Sequence[Ring], *, tokens: Sequence[str], name: str, title: str, caption: str) -> Figure:
    """Draws for each module every token at its first two principal components.

    Args:
        rings: The modules, in order.
        tokens: The tokens' names.
        name: As in `Figure`.
        title: As in `Figure`.
        caption: As in `Figure`.
    """
    marks: list[Mark] = []
    for rank, ring in enumerate(rings):
        left = rank * (_RING + _GAP)
        marks.append(Words(left + 4, 16, fitted(printable(ring.title, limit=60), _RING, 13), 13, "ink", is_bold=True))
        places = _components(ring.values)
        reach = float(np.abs(places).max()) or 1.0
        centres = np.array([left + _RING / 2, 34 + _RING / 2]) + places / reach * (_RING / 2 - 16)
        marks.append(Dots(centres, ring.tone or module_tone(rank), 3.0))
        marks += [Words(x, y - 5, fitted(text, 90, 9), 9, "muted", "middle") for x, y, text in _named(centres, tokens)]
    width = max(len(rings), 1) * (_RING + _GAP) - _GAP
    alt = "; ".join(f"{ring.title}: {len(ring.values)} tokens in {ring.values.shape[1]} dimensions" for ring in rings)
    return Figure(name, title, caption, f"Scatter plots. {printable(alt, limit=300)}.",
                  Drawing(max(width, 3 * (_RING + _GAP) - _GAP), _RING + 44, (*marks,)))  # fmt: skip


def _named(centres: Floats, tokens: Sequence[str]) -> list[tuple[float, float, str]]:
    """Returns where to write which names: points that would hide each other's names share one, such as "2 3 (+4)"."""
    groups: list[tuple[float, float, list[str]]] = []
    for (x, y), token in zip(centres.tolist(), tokens, strict=True):
        near = (names for left, top, names in groups if abs(left - x) < 6 and abs(top - y) < 5)
        names = next(near, None)
        if names is None:
            groups.append((x, y, [printable(token)]))
        else:
            names.append(printable(token))
    return [(x, y, " ".join(names[:2]) + (f" (+{len(names) - 2})" if len(names) > 2 else "")) for x, y, names in groups]


@dataclass(frozen=True, eq=False)
class Strip:
    """One dimension of an embedding over all tokens."""

    title: str
    values: Floats
    """(tokens,)"""


def draw_strips_of(
    strips: Sequence[Strip], *, tokens: Sequence[str], marked: Sequence[bool], name: str, title: str, caption: str
) -> Figure:
    """Draws every dimension as a row of points, one per token, each scaled to its own largest value.

    Args:
        strips: The dimensions, in order.
        tokens: The tokens' names, written below where there is room.
        marked: For each token whether it is drawn in the second hue.
        name: As in `Figure`.
        title: As in `Figure`.
        caption: As in `Figure`.
    """
    across = _STRIP_LEFT + (np.arange(len(tokens)) + 0.5) / len(tokens) * (_STRIP_WIDTH - _STRIP_LEFT)
    flags = np.array(marked, dtype=bool)
    marks: list[Mark] = []
    for row, strip in enumerate(strips):
        middle = 20 + (row + 0.5) * _STRIP_HEIGHT
        marks.append(Curve(((_STRIP_LEFT, middle), (_STRIP_WIDTH, middle)), "faint", 0.8))
        marks.append(Words(4, middle + 4, fitted(printable(strip.title, limit=40), _STRIP_LEFT - 8, 12), 12, "ink"))
        reach = float(np.abs(strip.values).max()) or 1.0
        places = np.stack([across, middle - strip.values / reach * (_STRIP_HEIGHT / 2 - 4)], axis=1)
        marks += [
            Dots(places[chosen], tone, 3.2)
            for chosen, tone in ((~flags, "positive"), (flags, "negative"))
            if chosen.any()
        ]
    bottom = 20 + len(strips) * _STRIP_HEIGHT
    if (_STRIP_WIDTH - _STRIP_LEFT) / len(tokens) > 10:
        marks += [
            Words(float(x) + 3, bottom + 10, fitted(printable(token), 70, 10), 10, "muted", "end", angle=-45)
            for x, token in zip(across, tokens, strict=True)
        ]
    alt = f"{len(strips)} dimensions over {len(tokens)} tokens."
    return Figure(name, title, caption, alt, Drawing(_STRIP_WIDTH, bottom + 50, (*marks,)))


def _components(values: Floats) -> Floats:
    """Returns the first two principal components, (tokens, 2); the second is 0 where there is one dimension."""
    centred = values - values.mean(0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    places = (left * sizes)[:, :2]
    return np.pad(places, ((0, 0), (0, 2 - places.shape[1])))
