"""Training curves: loss, connection cost and kept connections of every seed, the explained one in front."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from interp.detectors import Event
from reports.figures.axes import Frame, Scale, span
from reports.figures.drawing import Curve, Disc, Drawing, Figure, Floats, Length, Mark, Words, text_width

_WIDTH, _HEIGHT = 440.0, 280.0
_FRAME = Frame(62, 44, 416, 236)
_BADGE = 6.0
"""Radius of an event's number."""


def draw_training(
    history: pd.DataFrame, *, label: int, strength: Sequence[tuple[int, float]], events: Sequence[Event] = ()
) -> list[Figure]:
    """Draws how training went.

    Args:
        history: As in `Checkpoint`.
        label: The seed in front.
        strength: Step from which each strength holds, and the strength.
        events: What is numbered along the axis.
    """
    others = "; faint: the other seeds" if history["seed"].nunique() > 1 else ""
    steps = " Dashed lines mark where the strength of the connection cost changes." if len(strength) > 1 else ""
    steps += " Numbers: the events listed under Evolution." if events else ""
    count = history["seed"].nunique()
    plots = (
        (
            "training-loss",
            "Loss",
            ("test_loss", "train_loss"),
            True,
            "loss",
            f"Training and test loss of seed {label}, on a logarithmic scale{others}. "
            f"Test far above train would be overfitting.{steps}",
        ),
        (
            "training-cost",
            "Connection cost",
            ("cost",),
            True,
            "connection cost",
            f"What the wiring costs, on a logarithmic scale: it falls as weights shrink and neurons move closer."
            f"{steps}",
        ),
        (
            "training-connections",
            "Connections above 0.01",
            ("connections",),
            False,
            "connections",
            f"Weights above 0.01 in size. Pruning happens while training, not afterwards.{steps}",
        ),
    )
    return [
        Figure(
            name,
            title,
            caption,
            _alt(history, label, columns, count),
            Drawing(
                _WIDTH, _HEIGHT, tuple(_plot(history, label, columns, strength, events, is_log=is_log, y_label=y_label))
            ),
        )
        for name, title, columns, is_log, y_label, caption in plots
    ]


def strength_marks(x: Scale, frame: Frame, strength: Sequence[tuple[int, float]], *, word: str = "") -> list[Mark]:
    """Draws a dashed line where the strength of the connection cost changes, and writes it down after a word."""
    marks: list[Mark] = []
    for step, value in strength:
        place = x.at(step)
        if place > frame.left:
            marks.append(Curve(((place, frame.top), (place, frame.bottom)), "muted", 1, 0.8, True))
        text = f"{word} {value:g}".lstrip()
        if place + text_width(text, 10) < frame.right:
            marks.append(Words(place + 4, frame.top + 11, text, 10, "muted"))
    return marks


def event_marks(x: Scale, frame: Frame, events: Sequence[Event]) -> list[Mark]:
    """Draws a line for every event and numbers them, 1, 2, ..., on the axis; numbers too close together are stacked."""
    marks: list[Mark] = []
    ends = [-np.inf]
    for number, event in enumerate(events, 1):
        place = x.at(event.step)
        row = next((row for row, end in enumerate(ends) if place - _BADGE > end), len(ends))
        ends[row : row + 1] = [place + _BADGE]
        y = frame.bottom + 1 - row * (2 * _BADGE + 1)
        marks += [Curve(((place, frame.top), (place, y)), "ink", 0.8, 0.45), *badge(place, y, number, event)]
    return marks


def badge(x: Length, y: Length, number: int, event: Event) -> list[Mark]:
    """Draws an event's number in a disc."""
    return [
        Disc(x, y, _BADGE, "ink", "paper", title=f"step {event.step:,}: {event.title}"),
        Words(x, y + 3, str(number), 8.5, "paper", "middle", True),
    ]


def _plot(
    history: pd.DataFrame,
    label: int,
    columns: Sequence[str],
    strength: Sequence[tuple[int, float]],
    events: Sequence[Event],
    *,
    is_log: bool,
    y_label: str,
) -> list[Mark]:
    values = history[list(columns)].to_numpy(dtype=np.float64)
    x = _FRAME.x(*span(history["step"].to_numpy(dtype=np.float64), margin=0))
    y = _FRAME.y(*_range(values, is_log=is_log), is_log=is_log)
    marks = _FRAME.axes(x, y, x_label="step", y_label=y_label)
    marks += strength_marks(x, _FRAME, strength)
    marks += event_marks(x, _FRAME, events)
    seeds = dict(iter(history[["seed", "step", *columns]].groupby("seed")))
    own = seeds.pop(label, history[:0])
    for rows in seeds.values():
        marks += _line(rows, columns[0], x, y, tone="faint", width=1, opacity=0.55)
    if len(columns) > 1:
        marks += _line(own, columns[1], x, y, tone="negative", width=1.6)
    marks += _line(own, columns[0], x, y, tone="positive", width=2)
    return [*marks, *_legend(columns)]


def _line(
    rows: pd.DataFrame, column: str, x: Scale, y: Scale, *, tone: str, width: Length, opacity: Length = 1.0
) -> list[Mark]:
    steps, values = rows["step"].to_numpy(dtype=np.float64), rows[column].to_numpy(dtype=np.float64)
    good = np.isfinite(values)
    if good.sum() < 1:
        return []
    points = zip(x(steps[good]).tolist(), y(values[good]).tolist(), strict=True)
    return [Curve(tuple(points), tone, width, opacity)]


def _range(values: Floats, *, is_log: bool) -> tuple[float, float]:
    if not is_log:
        return 0.0, span(values)[1] or 1.0
    positive = values[np.isfinite(values) & (values > 0)]
    if not len(positive):
        return 0.1, 1.0
    low, high = float(positive.min()), float(positive.max())
    return low / 1.15, high * 1.15


def _legend(columns: Sequence[str]) -> list[Mark]:
    if len(columns) == 1:
        return []
    right = _FRAME.right
    return [
        Curve(((right - 112, 30), (right - 94, 30)), "positive", 2),
        Words(right - 90, 34, "test", 11, "muted"),
        Curve(((right - 56, 30), (right - 38, 30)), "negative", 1.6),
        Words(right - 34, 34, "train", 11, "muted"),
    ]


def _alt(history: pd.DataFrame, label: int, columns: Sequence[str], count: int) -> str:
    own = history[history["seed"] == label].sort_values("step")
    parts = [
        f"{column.replace('_', ' ')} from {own[column].iloc[0]:.3g} to {own[column].iloc[-1]:.3g}"
        for column in columns
        if len(own)
    ]
    return f"Line chart over {int(history['step'].max()):,} steps, {count} seeds; seed {label}: {', '.join(parts)}."
