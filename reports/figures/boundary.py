"""What a net with two inputs says everywhere: the regions of its classes, or the heights of an output."""

import itertools
from collections.abc import Callable

import contourpy
import numpy as np
from numpy.typing import NDArray

from bimt.messages import printable
from reports.figures.axes import Frame, Scale, span
from reports.figures.drawing import Area, Curve, Disc, Dots, Drawing, Figure, Floats, Mark, Words, fitted, text_width
from reports.figures.palette import module_tone

_FRAME = Frame(64, 44, 384, 364)
_STEPS, _LEVELS = 81, 9
Evaluate = Callable[[Floats], Floats]
"""From inputs (rows, 2) in the table's units to outputs (rows, outputs) in the table's units."""


def draw_regions(
    evaluate: Evaluate, *, inputs: tuple[str, str], classes: tuple[str, ...], points: Floats, labels: NDArray[np.int64]
) -> Figure:
    """Draws which class the net names where, and the test rows with their true classes."""
    x, y, grid = _grid(points)
    logits = evaluate(grid).reshape(_STEPS, _STEPS, -1)
    marks: list[Mark] = []
    for index in range(logits.shape[2]):
        others = np.delete(logits, index, axis=2).max(axis=2) if logits.shape[2] > 1 else logits[..., 0] - 1
        marks += _filled(x, y, logits[..., index] - others, (0.0, np.inf), tone=module_tone(index), opacity=0.28)
    marks += _frame_marks(x, y, inputs)
    shown = [printable(label, limit=40) for label in classes]
    for index in range(len(classes)):
        mine = points[labels == index]
        marks.append(Dots(np.stack([x(mine[:, 0]), y(mine[:, 1])], axis=1), "paper", 4.2))
        marks.append(Dots(np.stack([x(mine[:, 0]), y(mine[:, 1])], axis=1), module_tone(index), 3.1))
    marks += _legend([(module_tone(index), label) for index, label in enumerate(shown)][:6])
    caption = "Regions: the class the pruned net names. Points: test rows in the colour of their true class."
    alt = f"Map of the classes {', '.join(shown[:6])} over {_names(inputs)}, with {len(points)} test rows."
    return Figure("decision-boundary", "Decision boundary", caption, alt, Drawing(400, 420, tuple(marks)))


def draw_heights(
    evaluate: Evaluate, *, inputs: tuple[str, str], output: str, column: int, points: Floats, name: str
) -> Figure:
    """Draws one output as filled levels over the two inputs, and where the test rows lie."""
    x, y, grid = _grid(points)
    heights = evaluate(grid)[:, column].reshape(_STEPS, _STEPS)
    low, high = span(heights, margin=0)
    marks: list[Mark] = []
    levels = np.linspace(low, high, _LEVELS + 1)
    if high > low:
        for index in range(_LEVELS):
            ends = (
                -np.inf if index == 0 else float(levels[index]),
                np.inf if index == _LEVELS - 1 else float(levels[index + 1]),
            )
            marks += _filled(x, y, heights, ends, tone="positive", opacity=0.06 + 0.72 * index / (_LEVELS - 1))
    marks += _frame_marks(x, y, inputs)
    marks.append(Dots(np.stack([x(points[:, 0]), y(points[:, 1])], axis=1), "ink", 1.8, 0.7))
    shown, texts = printable(output, limit=40), [f"{end:.4g}".replace("-", "−") for end in (low, high)]
    marks.append(
        Words(_FRAME.left, 14, fitted(f"{shown}: from {texts[0]} (pale) to {texts[1]} (strong)", 330, 11), 11, "muted")
    )
    caption = f"Height of {shown} over both inputs, in {_LEVELS} equal steps. Points: test rows."
    alt = f"Contour map of {shown} over {_names(inputs)}, from {texts[0]} to {texts[1]}."
    return Figure(name, f"{shown} over both inputs", caption, alt, Drawing(400, 420, tuple(marks)))


def draw_errors(
    evaluate: Evaluate, *, inputs: tuple[str, str], output: str, points: Floats, name: str, caption: str
) -> Figure:
    """Draws an error, 0 or more, as filled levels over the two inputs, and where it is largest."""
    x, y, grid = _grid(points)
    errors = evaluate(grid)[:, 0].reshape(_STEPS, _STEPS)
    high, shown = float(errors.max()), printable(output, limit=40)
    marks: list[Mark] = []
    if np.isfinite(high) and high > 0:
        for index, (low, end) in enumerate(itertools.pairwise(np.linspace(0, high, _LEVELS + 1).tolist())):
            ends = low, np.inf if index == _LEVELS - 1 else end
            marks += _filled(x, y, errors, ends, tone="negative", opacity=0.04 + 0.72 * index / (_LEVELS - 1))
    marks += _frame_marks(x, y, inputs)
    marks.append(Dots(np.stack([x(points[:, 0]), y(points[:, 1])], axis=1), "ink", 1.8, 0.7))
    place = grid[errors.argmax()]
    said = f"{high:.3g}".replace("-", "−") if np.isfinite(high) else "undefined somewhere"
    if np.isfinite(high):
        across, down = x.at(place[0]), y.at(place[1])
        marks.append(Disc(across, down, 5, "paper", "ink", title=f"largest: {said}"))
    marks.append(Words(_FRAME.left, 14, fitted(f"error in {shown}: largest {said} (ring)", 330, 11), 11, "muted"))
    alt = f"Contour map of the error of the formula of {shown} over {_names(inputs)}, at its largest {said}."
    return Figure(name, f"Where the formula of {shown} is off", caption, alt, Drawing(400, 420, tuple(marks)))


def _grid(points: Floats) -> tuple[Scale, Scale, Floats]:
    scales = _FRAME.x(*span(points[:, 0], margin=0.08)), _FRAME.y(*span(points[:, 1], margin=0.08))
    x, y = (np.linspace(scale.low, scale.high, _STEPS) for scale in scales)
    return *scales, np.stack([part.ravel() for part in np.meshgrid(x, y)], axis=1)


def _filled(
    x: Scale, y: Scale, heights: Floats, levels: tuple[float, float], *, tone: str, opacity: float
) -> list[Mark]:
    """Fills where the heights lie between two levels."""
    if not np.isfinite(heights).all():
        return []
    across, down = np.linspace(x.low, x.high, _STEPS), np.linspace(y.low, y.high, _STEPS)
    maker = contourpy.contour_generator(across, down, heights, fill_type=contourpy.FillType.OuterOffset)
    pieces = maker.filled(*levels)
    marks: list[Mark] = []
    for points, offsets in zip(*pieces, strict=True):
        placed = np.stack([x(points[:, 0]), y(points[:, 1])], axis=1)
        rings = tuple(placed[start : end - 1] for start, end in itertools.pairwise(offsets))
        marks.append(Area(rings, tone, opacity))
    return marks


def _frame_marks(x: Scale, y: Scale, inputs: tuple[str, str]) -> list[Mark]:
    """Draws axes whose grid does not cover the map."""
    names = [printable(name, limit=40) for name in inputs]
    return [
        mark
        for mark in _FRAME.axes(x, y, x_label=names[0], y_label=names[1])
        if not (isinstance(mark, Curve) and mark.tone == "grid")
    ]


def _legend(entries: list[tuple[str, str]]) -> list[Mark]:
    marks: list[Mark] = []
    place = _FRAME.left
    for tone, label in entries:
        text = fitted(label, 110, 11)
        if place + text_width(text, 11) + 18 > 400:
            break
        marks += [Dots(np.array([[place + 5, 10.0]]), tone, 4), Words(place + 14, 14, text, 11, "muted")]
        place += text_width(text, 11) + 30
    return marks


def _names(inputs: tuple[str, str]) -> str:
    return " and ".join(printable(name, limit=40) for name in inputs)
