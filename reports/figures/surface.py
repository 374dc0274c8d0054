"""A height over two inputs as a surface in space, seen from above and aside, and the test rows around it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bimt.messages import printable
from reports.figures.axes import Scale, tick_text
from reports.figures.drawing import Area, Curve, Dots, Drawing, Figure, Floats, Length, Lines, Mark, Words, fitted

Ends = tuple[Length, Length]
CELLS = 28
"""Along each input."""
_WIDTH, _HEIGHT = 400.0, 400.0
_UNIT, _MIDDLE = 121.0, (210.0, 266.0)
"""How long half of a side is before it is turned, and where the middle of the floor lies on the sheet."""
_AZIMUTH, _ELEVATION = math.radians(-60), math.radians(27)
"""Where it is seen from; whatever the azimuth between -90 and 0 degrees, what is nearer has larger x and smaller y."""
_RISE = 1.45
"""Height of the box where half of a side is 1."""
_SHADES = 14
_FAINTEST, _STRONGEST = 0.12, 0.86
_LETTERS = 10.5
_PALE = 0.35
_ON_IT = 0.02
"""So far below the surface a point still counts as on it, as a share of the height of the box."""
_AHEAD = 2
"""A point is painted so many diagonals after its own: cells that only touch it do not cut into it."""


@dataclass(frozen=True, eq=False)
class Field:
    """Heights over a grid of two inputs."""

    x: Floats
    """(columns,), rising."""
    y: Floats
    """(rows,), rising."""
    heights: Floats
    """(columns, rows); what is not finite is left out."""


@dataclass(frozen=True)
class View:
    """The box that is drawn, and how places in it come to lie on the sheet."""

    x: Ends
    y: Ends
    z: Ends

    def __call__(self, points: Floats) -> Floats:
        """Projects points (..., 3) along parallel rays; returns their places on the sheet, (..., 2)."""
        ends = np.array([self.x, self.y, self.z], dtype=float)
        unit = (points - ends[:, 0]) / (ends[:, 1] - ends[:, 0])
        across, back, up = 2 * unit[..., 0] - 1, 2 * unit[..., 1] - 1, _RISE * unit[..., 2]
        right = -math.sin(_AZIMUTH) * across + math.cos(_AZIMUTH) * back
        near = math.cos(_AZIMUTH) * across + math.sin(_AZIMUTH) * back
        down = math.sin(_ELEVATION) * near - math.cos(_ELEVATION) * up
        return np.stack([_MIDDLE[0] + _UNIT * right, _MIDDLE[1] + _UNIT * down], axis=-1)


def draw_surface(
    field: Field,
    *,
    points: Floats,
    limits: Ends,
    inputs: tuple[str, str],
    output: str,
    name: str,
    title: str,
    caption: str,
    tones: tuple[str, str] = ("", "positive"),
) -> Figure:
    """Draws heights as a surface: cells from the back to the front, the higher the stronger.

    Args:
        field: The heights.
        points: Test rows and how high they are, (rows, 3).
        limits: Lowest and highest height that is drawn; heights beyond are cut off there.
        inputs: Names of both inputs, as they come.
        output: Name of the height, as it comes.
        name: As in `Figure`.
        title: As in `Figure`.
        caption: As in `Figure`.
        tones: Of the lower and the upper half; without a tone for the lower half there are no halves.
    """
    z = limits if limits[1] > limits[0] else (limits[0] - 0.5, limits[0] + 0.5)
    view = View(_ends(field.x), _ends(field.y), z)
    held = Field(field.x, field.y, np.clip(field.heights, *z))
    labels = [printable(text, limit=40) for text in (*inputs, output)]
    marks = [*_box(view), *_surface(held, view, points, tones), *_axes(view, labels)]
    finite = field.heights[np.isfinite(field.heights)]
    low, high = (tick_text(float(f"{end:.4g}")) for end in (finite.min(), finite.max())) if len(finite) else ("–", "–")
    alt = f"Surface of {labels[2]} over {labels[0]} and {labels[1]}, from {low} to {high}, and {len(points)} test rows."
    return Figure(name, title, caption, alt, Drawing(_WIDTH, _HEIGHT, tuple(marks)))


def diagonals(columns: int, rows: int) -> Iterator[NDArray[np.intp]]:
    """Yields cells (cells, 2) of a grid from the farthest to the nearest, those together that cannot hide each other.

    On the sheet, two neighbours along a diagonal, one column and one row further, touch at one place across: each ends
    where the other starts. What is hidden lies behind: at smaller x, or larger y.
    """
    for step in range(columns + rows - 1):
        column = np.arange(max(0, step - rows + 1), min(columns, step + 1))
        yield np.stack([column, rows - 1 - step + column], axis=1)


def _ends(values: Floats) -> Ends:
    return float(values[0]), float(values[-1])


def _surface(field: Field, view: View, points: Floats, tones: tuple[str, str]) -> Iterator[Mark]:
    """Paints the cells diagonal by diagonal, and each test row soon after the cells around it."""
    x, y = np.meshgrid(field.x, field.y, indexing="ij")
    corners = view(np.stack([x, y, field.heights], axis=-1))
    columns, rows = field.heights.shape[0] - 1, field.heights.shape[1] - 1
    steps, is_above = _placed(field, points, room=_ON_IT * (view.z[1] - view.z[0]))
    places = view(points)
    finite = _finite_cells(field.heights)
    for step, cells in enumerate(diagonals(columns, rows)):
        seen = cells[finite[cells[:, 0], cells[:, 1]]]
        yield from _cells(seen, corners, field.heights, view.z, tones)
        if len(seen):
            yield _mesh(seen, corners, finite)
        yield from _dots(places[is_above & (steps == step - _AHEAD)], 1.0)
    yield from _dots(places[is_above & (steps >= columns + rows - 1 - _AHEAD)], 1.0)
    yield from _dots(places[~is_above], _PALE)


def _cells(
    cells: NDArray[np.intp], corners: Floats, heights: Floats, z: Ends, tones: tuple[str, str]
) -> Iterator[Mark]:
    """Fills cells that cannot hide each other: with paper, or those behind would shine through, then by height."""
    if not len(cells):
        return
    around = np.array([(0, 0), (1, 0), (1, 1), (0, 1)])
    at = cells[:, None] + around
    rings = corners[at[..., 0], at[..., 1]]
    share = (heights[at[..., 0], at[..., 1]].mean(1) - z[0]) / (z[1] - z[0])
    yield Area(tuple(rings), "paper")
    tone, strength = (np.ones(len(cells), dtype=int), share) if not tones[0] else (
        (share >= 0.5).astype(int), np.abs(2 * share - 1)
    )  # fmt: skip
    shades = np.clip(np.ceil(strength * _SHADES), 1, _SHADES).astype(int)
    for which, shade in sorted({*zip(tone.tolist(), shades.tolist(), strict=True)}):
        opacity = _FAINTEST + (_STRONGEST - _FAINTEST) * (shade - 1) / (_SHADES - 1)
        yield Area(tuple(rings[(tone == which) & (shades == shade)]), tones[which], opacity)


def _mesh(cells: NDArray[np.intp], corners: Floats, finite: NDArray[np.bool_]) -> Lines:
    """Draws each cell's two far edges, and its near ones where no cell lies before them."""
    there = np.pad(finite, 1)
    ends = []
    for column, row in cells.tolist():
        edges = [((0, 0), (0, 1)), ((0, 1), (1, 1))]
        if not there[column + 2, row + 1]:
            edges.append(((1, 1), (1, 0)))
        if not there[column + 1, row]:
            edges.append(((1, 0), (0, 0)))
        for (a, b), (c, d) in edges:
            ends.append([*corners[column + a, row + b], *corners[column + c, row + d]])
    return Lines(np.array(ends), "ink", np.full(len(ends), 0.5), np.full(len(ends), 0.25))


def _finite_cells(heights: Floats) -> NDArray[np.bool_]:
    good = np.isfinite(heights)
    cells: NDArray[np.bool_] = good[:-1, :-1] & good[1:, :-1] & good[:-1, 1:] & good[1:, 1:]
    return cells


def _placed(field: Field, points: Floats, *, room: float) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Returns in which diagonal each point lies, and whether it is above the surface or on it."""
    columns, rows = field.heights.shape[0] - 1, field.heights.shape[1] - 1
    column = np.clip(np.searchsorted(field.x, points[:, 0], side="right") - 1, 0, columns - 1)
    row = np.clip(np.searchsorted(field.y, points[:, 1], side="right") - 1, 0, rows - 1)
    around = [field.heights[column + a, row + b] for a in (0, 1) for b in (0, 1)]
    below = points[:, 2] < np.min(around, axis=0) - room
    return column + rows - 1 - row, ~below


def _dots(places: Floats, opacity: float) -> Iterator[Mark]:
    if len(places):
        yield Dots(places, "paper", 2.9, opacity)
        yield Dots(places, "ink", 2.0, opacity)


def _box(view: View) -> Iterator[Mark]:
    """Draws the floor and the two walls behind, with lines at the ticks."""
    (left, right), (front, back), (floor, roof) = view.x, view.y, view.z
    lines = [((t, front, floor), (t, back, floor), (t, back, roof)) for t in _ticks(view.x)]
    lines += [((right, t, floor), (left, t, floor), (left, t, roof)) for t in _ticks(view.y)]
    lines += [((left, front, t), (left, back, t), (right, back, t)) for t in _ticks(view.z, 6)]
    yield from (_curve(view, line, "grid") for line in lines)
    floor_edge = [(left, front), (left, back), (right, back), (right, front), (left, front)]
    yield _curve(view, tuple((x, y, floor) for x, y in floor_edge), "faint")
    yield _curve(view, ((left, front, floor), (left, front, roof), (left, back, roof), (right, back, roof)), "faint")
    yield _curve(view, ((left, back, floor), (left, back, roof)), "faint")


def _axes(view: View, labels: list[str]) -> Iterator[Mark]:
    """Writes the ticks' numbers beside three edges of the box, and the names."""
    (left, right), (front, back), floor = view.x, view.y, view.z[0]
    for t in _ticks(view.x):
        x, y = view(np.array([t, front, floor]))
        yield Words(x - 5, y + 14, tick_text(t), _LETTERS, "muted", "middle")
    for t in _ticks(view.y):
        x, y = view(np.array([right, t, floor]))
        yield Words(x + 7, y + 9, tick_text(t), _LETTERS, "muted")
    for t in _ticks(view.z, 6):
        x, y = view(np.array([left, front, t]))
        yield Words(x - 6, y + 4, tick_text(t), _LETTERS, "muted", "end")
    ends = {
        0: ((left, front, floor), (right, front, floor), 36.0, 190.0),
        1: ((right, front, floor), (right, back, floor), 46.0, 130.0),
    }
    for which, (start, end, away, width) in ends.items():
        a, b = view(np.array([start, end]))
        along = (b - a) / np.hypot(*(b - a))
        x, y = (a + b) / 2 + away * np.array([-along[1], along[0]])
        angle = math.degrees(math.atan2(along[1], along[0]))
        yield Words(x, y, fitted(labels[which], width, 12), 12, "ink", "middle", angle=angle)
    yield Words(4, 16, fitted(labels[2], _WIDTH - 8, 12), 12, "ink", "start", True)


def _ticks(ends: Ends, most: int = 4) -> list[float]:
    return Scale(*ends, 0.0, 1.0).ticks(most)


def _curve(view: View, points: tuple[tuple[Length, Length, Length], ...], tone: str) -> Curve:
    return Curve(tuple((float(x), float(y)) for x, y in view(np.array(points, dtype=float))), tone, 1)
