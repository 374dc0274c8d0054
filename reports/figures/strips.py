"""Strips: a measure of every seed as a point, one row for each variant, and the median as a bar."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from reports.figures.axes import span, tick_text
from reports.figures.drawing import Curve, Dots, Drawing, Figure, Floats, Length, Mark, Words, fitted

_LEFT, _WIDTH, _GAP, _ROW, _HEAD, _FOOT = 140.0, 296.0, 34.0, 26.0, 34.0, 40.0


@dataclass(frozen=True)
class Measure:
    """One column of the seeds' measures, and how it is drawn."""

    column: str
    title: str
    scale: str = "linear"
    """ "linear", "whole" (linear, ticks at whole numbers), "log", or "count": logarithmic in 1 + the number, so that 0
    has a place."""


def draw_strips(
    frames: Mapping[str, pd.DataFrame],
    measures: Sequence[Measure],
    *,
    name: str,
    title: str,
    caption: str,
    columns: int = 3,
) -> Figure:
    """Draws one small plot per measure, with the variants as rows.

    Args:
        frames: For every variant's title the measures of its seeds.
        measures: What is drawn, row by row.
        name: As in `Figure`.
        title: As in `Figure`.
        caption: As in `Figure`.
        columns: Plots in a row.
    """
    marks: list[Mark] = []
    height = _HEAD + _ROW * len(frames) + _FOOT
    for rank, measure in enumerate(measures):
        left = _LEFT + (rank % columns) * (_WIDTH + _GAP)
        top = (rank // columns) * height
        if rank % columns == 0:
            marks += [
                Words(_LEFT - 12, top + _HEAD + _ROW * (row + 0.5) + 4, fitted(each, _LEFT - 12, 12), 12, "ink", "end")
                for row, each in enumerate(frames)
            ]
        marks += _plot([frame[measure.column].to_numpy(np.float64) for frame in frames.values()], measure, left, top)
    rows = -(-len(measures) // columns)
    width = _LEFT + min(len(measures), columns) * (_WIDTH + _GAP) - _GAP + 12
    return Figure(name, title, caption, _alt(frames, measures), Drawing(width, rows * height, tuple(marks)))


def _plot(rows: Sequence[Floats], measure: Measure, left: Length, top: Length) -> list[Mark]:
    bend = _BENDS[measure.scale]
    bent = [bend(row[np.isfinite(row)]) for row in rows]
    low, high = span(*bent, margin=0.06)
    if high - low < 1e-12:
        low, high = low - 0.5, high + 0.5
    first, last = top + _HEAD, top + _HEAD + _ROW * len(rows)

    def place(values: Floats) -> Floats:
        return left + (values - low) / (high - low) * _WIDTH

    marks: list[Mark] = [Words(left, top + 20, measure.title, 12, "ink", is_bold=True)]
    for tick in _ticks(measure.scale, low, high):
        across = float(place(bend(np.array([tick])))[0])
        marks.append(Curve(((across, first), (across, last)), "grid", 1))
        marks.append(Words(across, last + 16, tick_text(tick), 11, "muted", "middle"))
    marks.append(Curve(((left, last), (left + _WIDTH, last)), "faint", 1))
    for row, values in enumerate(bent):
        if len(values):
            y = first + _ROW * (row + 0.5)
            x = place(values)
            spread = 3.0 * (np.arange(len(x)) % 3 - 1)
            marks.append(Dots(np.stack([x, y + spread], axis=1), "positive", 2.6, 0.5))
            middle = float(np.median(x))
            marks.append(Curve(((middle, y - 9), (middle, y + 9)), "negative", 2.5))
    return marks


def _ticks(scale: str, low: float, high: float) -> list[float]:
    """Returns round numbers between two bent ends, at most about six."""
    if scale in ("linear", "whole"):
        step = 10 ** np.floor(np.log10((high - low) / 2))
        step *= next(factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) <= 5)
        step = max(step, 1.0) if scale == "whole" else step
        values = np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step
        return [float(f"{value:.10g}") for value in values]
    digits = (1,) if high - low > 2 else (1, 3) if high - low > 1 else (1, 2, 5) if high - low > 0.6 else range(1, 10)
    values = [digit * 10.0**power for power in range(-12, 13) for digit in digits]
    if scale == "count":
        values = [0.0, *(value for value in values if value >= 1)]
    inside = [value for value in values if low <= float(_BENDS[scale](np.array([value]))[0]) <= high]
    return inside[:: max(1, -(-len(inside) // 6))]


def _log(values: Floats) -> Floats:
    return np.log10(np.maximum(values, 1e-12))


def _count(values: Floats) -> Floats:
    return np.log10(1 + values)


_BENDS: dict[str, Callable[[Floats], Floats]] = {
    "linear": lambda values: values,
    "whole": lambda values: values,
    "log": _log,
    "count": _count,
}


def _alt(frames: Mapping[str, pd.DataFrame], measures: Sequence[Measure]) -> str:
    parts = []
    for measure in measures:
        medians = ", ".join(f"{title} {frame[measure.column].median():.3g}" for title, frame in frames.items())
        parts.append(f"{measure.title}: {medians}")
    return f"Every seed as a point. Medians: {'; '.join(parts)}."
