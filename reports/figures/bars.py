"""Bar charts of ablations: what is lost without a connection, a neuron, a module."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from reports.figures.axes import Frame, Scale, span
from reports.figures.drawing import Box, Curve, Disc, Drawing, Figure, Length, Mark, Words, fitted

MOST_BARS = 20
_WIDTH, _LEFT, _ROW = 440.0, 132.0, 19.0


class Bar(NamedTuple):
    """One ablated part."""

    label: str
    zero: float
    """Drop of the metric when it is set to zero."""
    mean: float | None
    """The same when it is set to its training mean; None where that was not done."""
    tone: str


def draw_bars(bars: Sequence[Bar], *, name: str, title: str, kind: str, metric: str) -> Figure:
    """Draws the parts that matter most, the most important on top.

    Args:
        bars: All of them, in any order.
        name: As in `Figure`.
        title: As in `Figure`.
        kind: What the parts are, in the plural.
        metric: What the drop is measured in.
    """
    shown = sorted(bars, key=lambda bar: -bar.zero if np.isfinite(bar.zero) else np.inf)[:MOST_BARS]
    frame = Frame(_LEFT, 40, _WIDTH - 14, 40 + _ROW * max(len(shown), 1) + 6)
    values = [value for bar in shown for value in (bar.zero, bar.mean) if value is not None]
    low, high = span(np.array([0.0, *values]))
    x = frame.x(min(low, 0.0), max(high, 1e-12))
    y = frame.y(0, 1)
    marks: list[Mark] = [
        mark
        for mark in frame.axes(x, y, x_label=f"drop of {metric}", y_label="")
        if not (isinstance(mark, Words) and mark.anchor == "end")
        and not (isinstance(mark, Curve) and mark.points[0][1] == mark.points[1][1] and mark.tone == "grid")
    ]
    for row, bar in enumerate(shown):
        marks += _bar(bar, frame.top + 3 + _ROW * row, x)
    zero = x.at(0)
    marks.append(Curve(((zero, frame.top), (zero, frame.bottom)), "muted", 1))
    marks += _legend(any(bar.mean is not None for bar in shown))
    many = f"The {MOST_BARS} of {len(bars)} {kind} that matter most." if len(bars) > MOST_BARS else f"All {kind}."
    caption = (
        f"{many} Bars: set to zero. Points: set to the training mean, which shows what the part says "
        "beyond a constant. A long bar with a point near zero stands for a constant."
    )
    drawing = Drawing(_WIDTH, frame.bottom + 46, tuple(marks))
    return Figure(name, title, caption, _alt(shown, kind, metric), drawing)


def _bar(bar: Bar, top: Length, x: Scale) -> list[Mark]:
    marks: list[Mark] = [Words(_LEFT - 8, top + 12, fitted(bar.label, _LEFT - 10, 11), 11, "ink", "end")]
    if np.isfinite(bar.zero):
        ends = sorted((x.at(0), x.at(bar.zero)))
        title = f"{bar.label}: {bar.zero:.4g}".replace("-", "−")
        marks.append(Box(ends[0], top + 2, max(ends[1] - ends[0], 0.75), _ROW - 6, bar.tone, 0.85, title))
    if bar.mean is not None and np.isfinite(bar.mean):
        marks.append(Disc(x.at(bar.mean), top + _ROW / 2 - 1, 3.6, "ink", "paper"))
    return marks


def _legend(has_mean: bool) -> list[Mark]:
    marks: list[Mark] = [Box(_LEFT, 14, 16, 10, "muted", 0.85), Words(_LEFT + 21, 23, "zero", 11, "muted")]
    if has_mean:
        marks += [Disc(_LEFT + 72, 19, 3.6, "ink", "paper"), Words(_LEFT + 81, 23, "mean", 11, "muted")]
    return marks


def _alt(shown: Sequence[Bar], kind: str, metric: str) -> str:
    largest = "; ".join(f"{bar.label} {bar.zero:.3g}" for bar in shown[:5])
    return f"Bar chart of {len(shown)} {kind} by the drop of {metric} when set to zero. Largest: {largest}."
