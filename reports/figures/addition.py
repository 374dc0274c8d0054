"""A net that adds, as pictures: its right logits as a map, its spectra, where it stands between clock and pizza."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from bimt.messages import printable
from reports.figures.axes import Frame
from reports.figures.drawing import Area, Box, Disc, Drawing, Figure, Floats, Lines, Mark, Words, fitted

_SHADES = 10
_MAP, _PLANE, _BARS = 400.0, 400.0, 640.0
_SHAPE, _GAP = 300.0, 26.0
_TURN, _TILT = np.deg2rad(35.0), np.deg2rad(28.0)
"""From where a shape in three dimensions is looked at."""


def draw_logit_map(values: Float[np.ndarray, "p p"]) -> Figure:
    """Draws the right logit of every pair by the difference and the sum of its numbers.

    Args:
        values: The right logit of each pair (a, b).
    """
    p = len(values)
    box = Frame(46, 20, _MAP - 6, _MAP - 60)
    a, b = np.indices(values.shape)
    by_sum = np.empty_like(values)
    if p % 2:
        by_sum[(a + b) % p, (a - b) % p] = values
    else:  # sum and difference have one parity: rows are a instead
        by_sum[a, (a - b) % p] = values
    low, high = float(values.min()), float(values.max())
    shade = np.ceil((by_sum - low) / ((high - low) or 1.0) * _SHADES).astype(int)
    wide, tall = (box.right - box.left) / p, (box.bottom - box.top) / p
    marks: list[Mark] = [Box(box.left, box.top, box.right - box.left, box.bottom - box.top, "grid", 0.3)]
    for level in range(1, _SHADES + 1):
        rings = tuple(_runs(shade == level, box, wide, tall))
        if rings:
            marks.append(Area(rings, "positive", 0.06 + 0.9 * level / _SHADES))
    for share in (0, 0.5, 1):
        tick = round(share * (p - 1))
        x, y = box.left + (tick + 0.5) * wide, box.bottom - (tick + 0.5) * tall
        marks.append(Words(x, box.bottom + 16, str(tick), 11, "muted", "middle"))
        marks.append(Words(box.left - 6, y + 4, str(tick), 11, "muted", "end"))
    marks.append(Words((box.left + box.right) / 2, box.bottom + 35, f"a − b modulo {p}", 12, "ink", "middle"))
    marks.append(Words(box.left, box.top - 8, f"{'a + b' if p % 2 else 'a'} modulo {p}", 12, "ink"))
    ends = " to ".join(f"{value:.3g}".replace("-", "−") for value in (low, high))
    caption = (
        f"The logit of the right answer for every pair, from pale to strong: {ends}. Upright stripes: only the "
        "difference of the two numbers decides how sure the net is, as in a pizza. An even colour or lying stripes: it "
        "does not, as in a clock."
    )
    alt = f"Map of the right logit over the difference and the sum of both numbers modulo {p}."
    return Figure("right-logits", "The right logit of every pair", caption, alt, Drawing(_MAP, _MAP - 10, tuple(marks)))


def _runs(mask: np.ndarray, box: Frame, wide: float, tall: float) -> list[Floats]:
    """Returns the marked cells as rectangles, neighbours in a column joined; row 0 is at the bottom."""
    rings = []
    for column in range(mask.shape[1]):
        edges = np.flatnonzero(np.diff(np.concatenate([[False], mask[:, column], [False]]).astype(int)))
        for first, last in edges.reshape(-1, 2).tolist():
            left, low, high = box.left + column * wide, box.bottom - first * tall, box.bottom - last * tall
            rings.append(np.array([(left, low), (left + wide, low), (left + wide, high), (left, high)]))
    return rings


def draw_spectrum(embedding: Floats, logits: Floats) -> Figure:
    """Draws which share of the embedding and of the logits every frequency has.

    Args:
        embedding: From frequency 1 up.
        logits: The same of the logits' waves of a + b - c.
    """
    box = Frame(46, 30, _BARS - 6, 200)
    top = max(float(embedding.max(initial=0)), float(logits.max(initial=0)), 1e-9)
    x, y = box.x(0.4, len(embedding) + 0.6), box.y(0, top)
    marks = box.axes(x, y, x_label="frequency", y_label="share of the variance")
    width = 0.36 * (x.at(2) - x.at(1)) if len(embedding) > 1 else 12.0
    for series, tone, shift in ((embedding, "positive", -1.0), (logits, "negative", 0.0)):
        for index, value in enumerate(series.tolist()):
            place, height = x.at(index + 1) + shift * width, y.at(0) - y.at(value)
            if height > 0.2:
                marks.append(Box(place, y.at(value), width, height, tone, 0.9, f"frequency {index + 1}: {value:.3f}"))
    for place, (tone, text) in enumerate((("positive", "embedding"), ("negative", "logits"))):
        marks += [
            Box(_BARS - 190 + 95 * place, 8, 10, 10, tone),
            Words(_BARS - 176 + 95 * place, 17, text, 11, "muted"),
        ]
    caption = (
        "A net that works on circles needs a few frequencies only. A pizza's embedding also has their doubles, which "
        "its logits hardly show."
    )
    largest = ", ".join(str(index + 1) for index in np.argsort(-embedding, kind="stable")[:3])
    alt = f"Bars by frequency; the largest of the embedding are {largest}."
    return Figure("spectrum", "Which frequencies are used", caption, alt, Drawing(_BARS, 246, tuple(marks)))


def draw_plane(
    points: Mapping[str, tuple[float, float]], *, symmetric: float, relevant: float, tones: Mapping[str, str]
) -> Figure:
    """Draws where nets stand between clock and pizza.

    Args:
        points: For each name gradient symmetricity and distance irrelevance.
        symmetric: The symmetricity above which a net may be a pizza.
        relevant: The irrelevance below which it may be one.
        tones: The hue of each name.
    """
    box = Frame(46, 26, _PLANE - 8, _PLANE - 60)
    x = box.x(min(-0.1, *(point[0] for point in points.values())), 1.04)
    y = box.y(0, max(1.04, *(point[1] for point in points.values())))
    marks: list[Mark] = [
        Box(x.at(symmetric), y.at(relevant), x.at(1.04) - x.at(symmetric), y.at(0) - y.at(relevant), "module2", 0.3),
        Box(x.at(x.low), box.top, x.at(symmetric) - x.at(x.low), y.at(relevant) - box.top, "module3", 0.14),
        *box.axes(x, y, x_label="gradient symmetricity", y_label="distance irrelevance"),
        Words(x.at(0.42), y.at(0.66), "clock", 13, "muted", "middle", True),
        Words(x.at(symmetric) - 8, y.at(0.3), "pizza", 13, "muted", "end", True),
    ]
    taken: list[tuple[float, float]] = []
    for label, (symmetricity, irrelevance) in points.items():
        place = x.at(symmetricity), y.at(irrelevance)
        marks.append(Disc(*place, 5, tones.get(label, "ink"), "paper", title=f"{label}: {symmetricity:.3f}, "
                          f"{irrelevance:.3f}"))  # fmt: skip
        taken.append(place)
    marks += _names(list(points), taken, middle=(box.left + box.right) / 2)
    caption = (
        "A clock multiplies: the two gradients of a logit have nothing to do with each other, and the difference of "
        "the numbers does not matter. A pizza adds first: its gradients agree, and the difference decides. Blue and "
        "yellow: where the verdict is clear."
    )
    alt = "; ".join(f"{label} at {point[0]:.2f}, {point[1]:.2f}" for label, point in points.items())
    return Figure("clock-or-pizza", "Between clock and pizza", caption, f"Scatter plot: {alt}.",
                  Drawing(_PLANE, _PLANE - 10, tuple(marks)))  # fmt: skip


def _names(labels: Sequence[str], places: Sequence[tuple[float, float]], *, middle: float) -> list[Mark]:
    """Writes names beside points, one below the other where points lie together."""
    marks: list[Mark] = []
    last = -np.inf
    for index in sorted(range(len(labels)), key=lambda each: places[each][1]):
        x, y = places[index]
        line = max(y + 4, last + 14)
        last = line
        near = [left for left, top in places if abs(left - x) < 60 and abs(top - y) < 30]
        side, beside = ("start", max(near) + 10) if x < middle else ("end", min(near) - 10)
        marks.append(Words(beside, line, fitted(labels[index], 120, 12), 12, "ink", side))
    return marks


@dataclass(frozen=True, eq=False)
class Shape:
    """The tokens as one module sees them, in three dimensions."""

    title: str
    values: Floats
    """(tokens, dimensions), at least three."""
    step: int
    """Lines lead from token t to token t + step: round the circle of its main frequency."""
    tone: str = "positive"


def draw_shapes(shapes: Sequence[Shape], *, caption: str) -> Figure:
    """Draws for each module its tokens along the first three principal components, seen from above and aside."""
    marks: list[Mark] = []
    for rank, shape in enumerate(shapes):
        left = rank * (_SHAPE + _GAP)
        centred = shape.values - shape.values.mean(0)
        around, sizes, _ = np.linalg.svd(centred, full_matrices=False)
        places, depth = _seen((around * sizes)[:, :3])
        reach = float(np.abs(places).max()) or 1.0
        centres = np.array([left + _SHAPE / 2, 34 + _SHAPE / 2]) + places / reach * (_SHAPE / 2 - 14)
        after = (np.arange(len(centres)) + shape.step) % len(centres)
        near = (depth - depth.min()) / ((depth.max() - depth.min()) or 1.0)
        ends = np.concatenate([centres, centres[after]], axis=1)
        marks.append(Words(left + 4, 16, fitted(printable(shape.title, limit=60), _SHAPE, 13), 13, "ink", is_bold=True))
        marks.append(Lines(ends, "faint", np.full(len(ends), 1.0), 0.25 + 0.6 * (near + near[after]) / 2))
        for t in np.argsort(near).tolist():
            (x, y), nearness = centres[t].tolist(), float(near[t])
            opacity = 0.45 + 0.55 * nearness
            marks.append(Disc(x, y, 1.6 + 2.2 * nearness, shape.tone, None, opacity, title=str(t)))
    width = max(len(shapes), 1) * (_SHAPE + _GAP) - _GAP
    alt = "; ".join(f"{shape.title}: {len(shape.values)} tokens" for shape in shapes)
    drawing = Drawing(max(width, 3 * (_SHAPE + _GAP) - _GAP), _SHAPE + 44, tuple(marks))
    return Figure(
        "shapes", "The modules' tokens in space", caption, f"Shapes in space. {printable(alt, limit=300)}.", drawing
    )


def _seen(values: Float[np.ndarray, "tokens 3"]) -> tuple[Floats, Floats]:
    """Returns where points appear on the sheet, and how near they are."""
    x, y, z = values.T
    across = np.cos(_TURN) * x - np.sin(_TURN) * y
    back = np.sin(_TURN) * x + np.cos(_TURN) * y
    down = -(np.cos(_TILT) * z + np.sin(_TILT) * back)
    return np.stack([across, down], axis=1), -back
