"""Axes: how numbers become places on the sheet, with ticks, grid and labels."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.ticker import LogLocator, MaxNLocator

from reports.figures.drawing import Curve, Floats, Length, Mark, Words, fitted

TICK, LABEL = 11.0, 12.0


@dataclass(frozen=True)
class Scale:
    """One axis: the numbers from `low` to `high` lie between `start` and `end` on the sheet."""

    low: Length
    high: Length
    start: Length
    end: Length
    is_log: bool = False

    def __call__(self, values: Floats | Sequence[float]) -> Floats:
        """Returns where numbers lie; those beyond the ends are held there."""
        low, high, *places = self._bent(np.array([self.low, self.high, *np.clip(values, self.low, self.high)]))
        return self.start + (np.array(places) - low) / (high - low) * (self.end - self.start)

    def at(self, value: Length) -> float:
        """Returns where one number lies."""
        return float(self([float(value)])[0])

    def ticks(self, most: int = 5) -> list[float]:
        """Returns round numbers inside the scale."""
        if self.is_log and self.high / self.low > 10:
            # three ticks to a power of ten, if there are not too many
            subs = (1.0, 2.0, 5.0) if 3 * math.log10(self.high / self.low) <= most + 2 else (1.0,)
            values = LogLocator(subs=subs, numticks=most + 1).tick_values(self.low, self.high)
        else:
            values = MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]).tick_values(self.low, self.high)
        room = 1e-9 * (self.high - self.low)
        return [float(value) for value in values if self.low - room <= value <= self.high + room]

    def _bent(self, values: Floats) -> Floats:
        return np.log(values) if self.is_log else values


@dataclass(frozen=True)
class Frame:
    """The rectangle that a plot fills."""

    left: Length
    top: Length
    right: Length
    bottom: Length

    def x(self, low: Length, high: Length, *, is_log: bool = False) -> Scale:
        """Makes a horizontal scale."""
        return Scale(*_apart(low, high), self.left, self.right, is_log)

    def y(self, low: Length, high: Length, *, is_log: bool = False) -> Scale:
        """Makes a vertical scale, rising upwards."""
        return Scale(*_apart(low, high), self.bottom, self.top, is_log)

    def axes(self, x: Scale, y: Scale, *, x_label: str, y_label: str, rows: int = 5) -> list[Mark]:
        """Draws the grid, about `rows` lines of it across, the ticks' numbers and the labels."""
        marks: list[Mark] = []
        for value in x.ticks(5):
            place = x.at(value)
            marks += [
                Curve(((place, self.top), (place, self.bottom)), "grid", 1),
                Words(place, self.bottom + 16, tick_text(value), TICK, "muted", "middle"),
            ]
        for value in y.ticks(rows):
            place = y.at(value)
            marks += [
                Curve(((self.left, place), (self.right, place)), "grid", 1),
                Words(self.left - 7, place + 4, tick_text(value), TICK, "muted", "end"),
            ]
        marks.append(Curve(((self.left, self.bottom), (self.right, self.bottom)), "faint", 1))
        width = self.right - self.left
        middle = (self.left + self.right) / 2
        marks.append(Words(middle, self.bottom + 35, fitted(x_label, width, LABEL), LABEL, "ink", "middle"))
        marks.append(Words(self.left, self.top - 10, fitted(y_label, 0.6 * width, LABEL), LABEL, "ink"))
        return marks


def span(*values: Floats, margin: Length = 0.04) -> tuple[float, float]:
    """Returns the range of all finite numbers, widened a little; (0, 1) where there is none."""
    flat = np.concatenate([np.ravel(value) for value in values]) if values else np.zeros(0)
    flat = flat[np.isfinite(flat)]
    if not len(flat):
        return 0.0, 1.0
    low, high = float(flat.min()), float(flat.max())
    room = margin * (high - low)
    return low - room, high + room


def tick_text(value: float) -> str:
    """Writes a tick's number: 0.05, 10⁻³, 20,000."""
    if value == 0:
        return "0"
    power = math.log10(abs(value))
    if (power < -3 or power > 5) and abs(power - round(power)) < 1e-9:
        return ("−" if value < 0 else "") + "10" + str(round(power)).translate(_RAISED)
    if power < -3 or power >= 6:
        return f"{value:.3g}".replace("-", "−")
    return f"{value:,.10g}".replace("-", "−") if abs(value) < 1000 else f"{value:,.0f}".replace("-", "−")


def _apart(low: Length, high: Length) -> tuple[Length, Length]:
    """Keeps the ends of a scale apart where all numbers are equal."""
    if high - low > 1e-12 * max(abs(low), abs(high)):
        return low, high
    room = 0.5 * abs(low) or 0.5
    return low - room, high + room


_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
