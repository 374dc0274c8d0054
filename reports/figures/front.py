"""The trade of size against error: every net a point, the median of each setting, and the Pareto front."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from interp.front import on_front
from reports.figures.axes import span, tick_text
from reports.figures.bends import BENDS, bent_ticks
from reports.figures.drawing import Curve, Disc, Dots, Drawing, Figure, Floats, Mark, Words, text_width

_LEFT, _TOP, _WIDTH, _HEIGHT = 70.0, 44.0, 470.0, 300.0
SHEET_WIDTH, SHEET_HEIGHT = _LEFT + _WIDTH, _TOP + _HEIGHT
"""Where the plot ends on the sheet, at the right and at the bottom."""


@dataclass(frozen=True, eq=False)
class Cloud:
    """The nets of one setting."""

    sizes: Floats
    """Connections of each net."""
    errors: Floats
    """Error of each net, the lower the better."""


@dataclass(frozen=True)
class Sheet:
    """Where nets lie: connections to the right, error upwards."""

    x: tuple[float, float]
    """Both ends, bent."""
    y: tuple[float, float]
    bend: str
    """Of the error's axis: "log" or "linear"."""
    floor: float
    """On a logarithmic axis the smallest error above 0: there lie those that are 0."""

    @classmethod
    def around(cls, clouds: Iterable[Cloud], *, is_log: bool) -> "Sheet":
        """Makes room for every net of some clouds."""
        sizes, errors = together(clouds)
        bend = "log" if is_log else "linear"
        floor = float(errors[errors > 0].min(initial=1.0)) if is_log else 0.0
        x, y = BENDS["count"](sizes), BENDS[bend](np.maximum(errors, floor))
        return cls(span(x, margin=0.05), span(y, margin=0.06), bend, floor)

    def places(self, sizes: Floats, errors: Floats) -> Floats:
        """Returns where nets lie, (nets, 2)."""
        (left, right), (low, high) = self.x, self.y
        across = _LEFT + (BENDS["count"](sizes) - left) / max(right - left, 1e-12) * _WIDTH
        up = (BENDS[self.bend](np.maximum(errors, self.floor)) - low) / max(high - low, 1e-12)
        return np.stack([across, _TOP + (1 - up) * _HEIGHT], axis=1)

    def median(self, cloud: Cloud) -> tuple[float, float]:
        """Returns where the median of a cloud lies."""
        ((across, down),) = self.places(*(np.array([np.median(part)]) for part in (cloud.sizes, cloud.errors))).tolist()
        return across, down

    def front(self, clouds: Iterable[Cloud]) -> Curve:
        """Draws the front as a staircase: what can be had with at most so many connections."""
        sizes, errors = together(clouds)
        chosen = on_front(sizes, errors)
        order = np.lexsort((errors[chosen], sizes[chosen]))
        points: list[tuple[float, float]] = []
        for across, down in self.places(sizes[chosen][order], errors[chosen][order]).tolist():
            if points:
                points.append((across, points[-1][1]))
            points.append((across, down))
        return Curve(tuple(points), "ink", 1.8)

    def axes(self, error: str, *, medians: str, tone: str) -> list[Mark]:
        """Draws the grid, the numbers, and the key: what the error is called, what the medians are of and look like."""
        return [*_axes(self.x, self.y, self.bend, error), *_key(medians, tone)]


def together(clouds: Iterable[Cloud]) -> tuple[Floats, Floats]:
    """Returns the sizes and errors of all nets of some clouds."""
    kept = list(clouds)
    return np.concatenate([cloud.sizes for cloud in kept]), np.concatenate([cloud.errors for cloud in kept])


def draw_front(clouds: Mapping[str, Cloud], *, error: str, is_log: bool, name: str, title: str, caption: str) -> Figure:
    """Draws connections to the right and error upwards.

    Args:
        clouds: For every setting, in order, its nets; the key stands at their median.
        error: What the error is called.
        is_log: Whether the error's axis is logarithmic.
        name: As in `Figure`.
        title: As in `Figure`.
        caption: As in `Figure`.
    """
    sheet = Sheet.around(clouds.values(), is_log=is_log)
    marks = sheet.axes(error, medians="median by price", tone="negative")
    marks += [Dots(sheet.places(cloud.sizes, cloud.errors), "positive", 3, 0.35) for cloud in clouds.values()]
    marks.append(sheet.front(clouds.values()))
    medians = {key: sheet.median(cloud) for key, cloud in clouds.items()}
    marks.append(Curve(tuple(medians.values()), "negative", 1.2, 0.8, True))
    marks += [Disc(across, down, 4.5, "negative", "paper") for across, down in medians.values()]
    marks += _labels(medians)
    return Figure(
        name, title, caption, in_words(clouds, error), Drawing(SHEET_WIDTH + 50, SHEET_HEIGHT + 46, (*marks,))
    )


def in_words(clouds: Mapping[str, Cloud], error: str) -> str:
    """Says where the medians of clouds lie, for those who do not see it."""
    alt = "; ".join(
        f"{key}: {np.median(cloud.sizes):.4g} connections, {error} {np.median(cloud.errors):.3g}"
        for key, cloud in clouds.items()
    )
    return f"Medians. {alt}."


def _labels(places: Mapping[str, tuple[float, float]]) -> list[Mark]:
    """Writes every label beside its point, where it covers neither another point nor a label before it."""
    taken = [(x - 5.0, y - 5.0, x + 5.0, y + 5.0) for x, y in places.values()]
    marks: list[Mark] = []
    for text, (x, y) in places.items():
        width = text_width(text, 11)
        spots = [
            (left, y + down)
            for down in (-6.0, 15.0, 4.0, -20.0, 29.0, -34.0)
            for left in (x + 8, x - 8 - width)
            if left > _LEFT
        ]
        boxes = [(left, base - 9, left + width, base + 2) for left, base in spots]
        free = [rank for rank, box in enumerate(boxes) if not any(_overlap(box, other) for other in taken)]
        best = free[0] if free else 0
        taken.append(boxes[best])
        marks.append(Words(*spots[best], text, 11, "ink"))
    return marks


def _overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _axes(x: tuple[float, float], y: tuple[float, float], bend_y: str, error: str) -> list[Mark]:
    bottom, right = _TOP + _HEIGHT, _LEFT + _WIDTH
    marks: list[Mark] = []
    for tick in bent_ticks("count", *x):
        across = _LEFT + (np.log10(1 + tick) - x[0]) / max(x[1] - x[0], 1e-12) * _WIDTH
        marks += [
            Curve(((across, _TOP), (across, bottom)), "grid", 1),
            Words(across, bottom + 17, tick_text(tick), 11, "muted", "middle"),
        ]
    for tick in bent_ticks(bend_y, *y):
        at = float(BENDS[bend_y](np.array([tick]))[0])
        down = bottom - (at - y[0]) / max(y[1] - y[0], 1e-12) * _HEIGHT
        marks += [
            Curve(((_LEFT, down), (right, down)), "grid", 1),
            Words(_LEFT - 8, down + 4, tick_text(tick), 11, "muted", "end"),
        ]
    marks += [
        Curve(((_LEFT, bottom), (right, bottom)), "faint", 1),
        Words((_LEFT + right) / 2, bottom + 37, "connections kept", 12, "ink", "middle"),
        Words(_LEFT, _TOP - 24, error, 12, "ink"),
    ]
    return marks


def _key(medians: str, tone: str) -> list[Mark]:
    right, middle = _LEFT + _WIDTH, _TOP - 28
    return [
        Curve(((right - 168, middle), (right - 150, middle)), "ink", 1.8),
        Words(right - 145, middle + 4, "front", 11, "muted"),
        Disc(right - 98, middle, 4.5, tone, "paper"),
        Words(right - 89, middle + 4, medians, 11, "muted"),
    ]
