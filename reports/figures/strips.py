"""Strips: a measure of every seed as a point, one row for each variant, and the median as a bar."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from reports.figures.axes import span, tick_text
from reports.figures.bends import BENDS, bent_ticks
from reports.figures.drawing import Curve, Dots, Drawing, Figure, Floats, Length, Mark, Words, fitted

_LEFT, _WIDTH, _GAP, _ROW, _HEAD, _FOOT = 140.0, 296.0, 34.0, 26.0, 34.0, 40.0


@dataclass(frozen=True)
class Measure:
    """One column of the seeds' measures, and how it is drawn."""

    column: str
    title: str
    scale: str = "linear"
    """One of `BENDS`."""


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
    bend = BENDS[measure.scale]
    bent = [bend(row[np.isfinite(row)]) for row in rows]
    low, high = span(*bent, margin=0.06)
    if high - low < 1e-12:
        low, high = low - 0.5, high + 0.5
    first, last = top + _HEAD, top + _HEAD + _ROW * len(rows)

    def place(values: Floats) -> Floats:
        return left + (values - low) / (high - low) * _WIDTH

    marks: list[Mark] = [Words(left, top + 20, measure.title, 12, "ink", is_bold=True)]
    for tick in bent_ticks(measure.scale, low, high):
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


def _alt(frames: Mapping[str, pd.DataFrame], measures: Sequence[Measure]) -> str:
    parts = []
    for measure in measures:
        medians = ", ".join(f"{title} {frame[measure.column].median():.3g}" for title, frame in frames.items())
        parts.append(f"{measure.title}: {medians}")
    return f"Every seed as a point. Medians: {'; '.join(parts)}."
