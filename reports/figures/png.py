"""A drawing as PNG, on white, the same bytes every time."""

import io
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import EllipseCollection, LineCollection
from matplotlib.colors import to_rgba_array
from matplotlib.figure import Figure as Sheet
from matplotlib.patches import Circle, PathPatch, Rectangle
from matplotlib.path import Path as Outline

from reports.figures.drawing import Area, Box, Curve, Disc, Dots, Drawing, Floats, Lines, Words
from reports.figures.palette import PALETTE

_DOTS_PER_POINT = 2


def to_png(drawing: Drawing) -> bytes:
    """Paints a drawing in the light tones, two pixels to a unit."""
    sheet = Sheet(
        figsize=(drawing.width / 72, drawing.height / 72), dpi=72 * _DOTS_PER_POINT, facecolor=_light("paper")
    )
    FigureCanvasAgg(sheet)
    axes = sheet.add_axes((0, 0, 1, 1), xlim=(0, drawing.width), ylim=(drawing.height, 0))
    axes.set_axis_off()
    for layer, mark in enumerate(drawing.marks):
        _PAINTERS[type(mark)](axes, mark, layer + 1)
    file = io.BytesIO()
    with warnings.catch_warnings():
        # Names may hold letters that the font lacks: they become boxes, as in any other program.
        warnings.filterwarnings("ignore", message=r"(?s).*Glyph.*missing")
        sheet.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def _light(tone: str) -> str:
    return PALETTE[tone].light


def _lines(axes: Axes, mark: Lines, layer: int) -> None:
    colours = np.tile(to_rgba_array(_light(mark.tone)), (len(mark.ends), 1))
    colours[:, 3] = mark.opacities
    segments = list(mark.ends.reshape(-1, 2, 2))
    axes.add_collection(LineCollection(segments, colors=colours, linewidths=mark.widths, zorder=layer), autolim=False)


def _curve(axes: Axes, mark: Curve, layer: int) -> None:
    x, y = zip(*mark.points, strict=True)
    axes.plot(
        x,
        y,
        color=_light(mark.tone),
        linewidth=mark.width,
        alpha=mark.opacity,
        linestyle=(0, (4, 3)) if mark.is_dashed else "-",
        solid_joinstyle="round",
        zorder=layer,
        scalex=False,
        scaley=False,
    )


def _dots(axes: Axes, mark: Dots, layer: int) -> None:
    size = np.full(len(mark.centres), 2 * mark.radius)
    axes.add_collection(
        EllipseCollection(
            size,
            size,
            np.zeros(len(size)),
            units="xy",
            offsets=mark.centres,
            offset_transform=axes.transData,
            facecolors=_light(mark.tone),
            alpha=mark.opacity,
            linewidths=0,
            zorder=layer,
        ),
        autolim=False,
    )


def _disc(axes: Axes, mark: Disc, layer: int) -> None:
    edge = _light(mark.outline) if mark.outline else "none"
    axes.add_artist(
        Circle(
            (mark.x, mark.y),
            mark.radius,
            facecolor=_light(mark.tone),
            edgecolor=edge,
            linewidth=1.5 if mark.outline else 0,
            alpha=mark.opacity,
            zorder=layer,
        )
    )


def _box(axes: Axes, mark: Box, layer: int) -> None:
    corner = (mark.x, mark.y)
    axes.add_artist(
        Rectangle(
            corner, mark.width, mark.height, facecolor=_light(mark.tone), alpha=mark.opacity, linewidth=0, zorder=layer
        )
    )


def _area(axes: Axes, mark: Area, layer: int) -> None:
    outline = Outline.make_compound_path(*(_ring(ring) for ring in mark.rings))
    axes.add_artist(PathPatch(outline, facecolor=_light(mark.tone), alpha=mark.opacity, linewidth=0, zorder=layer))


def _ring(ring: Floats) -> Outline:
    return Outline(np.concatenate([ring, ring[:1]]), closed=True)


def _words(axes: Axes, mark: Words, layer: int) -> None:
    axes.text(
        mark.x,
        mark.y,
        mark.text,
        fontsize=mark.size,
        color=_light(mark.tone),
        ha={"start": "left", "middle": "center", "end": "right"}[mark.anchor],
        va="baseline",
        rotation=-mark.angle,
        rotation_mode="anchor",
        fontweight="bold" if mark.is_bold else "normal",
        fontfamily="DejaVu Sans",
        parse_math=False,
        zorder=layer,
    )


_PAINTERS: dict[type, Callable[[Axes, Any, int], None]] = {
    Lines: _lines,
    Curve: _curve,
    Dots: _dots,
    Disc: _disc,
    Box: _box,
    Area: _area,
    Words: _words,
}
