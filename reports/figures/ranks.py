"""Rank plots: the weights of a link sorted by size, positive and negative apart."""

import numpy as np

from bimt.messages import printable
from interp.signs import LinkSigns
from reports.figures.axes import Frame, Scale
from reports.figures.drawing import Curve, Drawing, Figure, Floats, Mark, Words

_FRAME = Frame(62, 44, 318, 236)
_POINTS = 200
_SMALLEST = 1e-5
"""Weights are drawn down to this share of the largest."""


def draw_ranks(link: LinkSigns, *, threshold: float, name: str) -> Figure:
    """Draws the sizes of a link's weights over their rank, both on logarithmic scales.

    Args:
        link: All weights of a link, as trained.
        threshold: What pruning cut below, drawn dashed.
        name: As in `Figure`.
    """
    shown = printable(link.link, limit=40)
    curves = [(tone, sizes.numpy()) for tone, sizes in (("positive", link.positive), ("negative", link.negative))]
    largest = max((float(sizes[0]) for _, sizes in curves if len(sizes)), default=1.0)
    x = _FRAME.x(1.0, float(max(2, *(len(sizes) for _, sizes in curves))), is_log=True)
    low = largest * _SMALLEST
    y = _FRAME.y(low, 1.3 * largest, is_log=True)
    marks = _FRAME.axes(x, y, x_label="rank", y_label="|w|")
    marks += [Curve(_points(sizes, x, y), tone, 2) for tone, sizes in curves if len(sizes)]
    caption = "Every weight as trained, from the largest; pruning cut "
    if threshold >= 1.3 * largest:
        caption += "them all."
    elif threshold <= low:
        caption += "none of those drawn."
    else:
        caption += "those below the dashed line."
        height = y.at(threshold)
        marks.append(Curve(((_FRAME.left, height), (_FRAME.right, height)), "muted", 1, 1, True))
        marks.append(Words(_FRAME.right, height - 5, "cut", 11, "muted", "end"))
    marks += _legend(curves)
    counts = ", ".join(f"{len(sizes):,} {tone}" for tone, sizes in curves)
    alt = f"Sorted sizes of the weights of {shown}: {counts}, the largest {largest:.3g}."
    return Figure(name, shown, caption, alt, Drawing(330, 280, tuple(marks)))


def _points(sizes: Floats, x: Scale, y: Scale) -> tuple[tuple[float, float], ...]:
    """Takes points evenly along the logarithm of the rank, those that are large enough to be drawn."""
    ranks = np.unique(np.geomspace(1, len(sizes), _POINTS).round().astype(int))
    ranks = ranks[sizes[ranks - 1] >= y.low]
    places = zip(x(ranks.astype(float)).tolist(), y(sizes[ranks - 1]).tolist(), strict=True)
    return tuple(places) or ((x.at(1), y.at(y.low)),)


def _legend(curves: list[tuple[str, Floats]]) -> list[Mark]:
    marks: list[Mark] = []
    for row, (tone, sizes) in enumerate(curves):
        right, middle = _FRAME.right - 130, _FRAME.top + 10 + 16 * row
        marks.append(Curve(((right, middle), (right + 18, middle)), tone, 2))
        marks.append(Words(right + 24, middle + 4, f"{tone} ({len(sizes):,})", 11, "muted"))
    return marks
