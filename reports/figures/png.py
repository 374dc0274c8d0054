"""A drawing as PNG or as pixels, on white, the same bytes every time."""

import io
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import EllipseCollection, LineCollection
from matplotlib.colors import to_rgba_array
from matplotlib.figure import Figure as Sheet
from matplotlib.patches import Circle, PathPatch, Rectangle
from matplotlib.path import Path as Outline
from numpy.typing import NDArray

from reports.figures.drawing import Area, Box, Curve, Disc, Dots, Drawing, Floats, Lines, Mark, Words
from reports.figures.palette import PALETTE

_DOTS_PER_POINT = 2.0


def to_png(drawing: Drawing) -> bytes:
    """Paints a drawing in the light tones, two pixels to a unit."""
    canvas = _canvas(drawing, _DOTS_PER_POINT)
    file = io.BytesIO()
    with _any_letters():
        canvas.figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


class Painter:
    """Paints many pictures that share a background: only what differs is drawn anew."""

    def __init__(self, background: Drawing, scale: float) -> None:
        """Paints the background, `scale` pixels to a unit."""
        self._canvas = _canvas(background, scale)
        with _any_letters():
            self._canvas.draw()
        self._axes = self._canvas.figure.axes[0]
        self._clean = self._canvas.copy_from_bbox(self._canvas.figure.bbox)

    def paint(self, marks: Iterable[Mark]) -> NDArray[np.uint8]:
        """Returns the pixels of the background with marks on it, (height, width, 3)."""
        self._canvas.restore_region(self._clean)
        with _any_letters():
            for layer, mark in enumerate(marks):
                artist = _PAINTERS[type(mark)](self._axes, mark, layer + 1)
                self._axes.draw_artist(artist)
                artist.remove()
        return np.asarray(self._canvas.buffer_rgba())[..., :3].copy()


def _canvas(drawing: Drawing, dots_per_point: float) -> FigureCanvasAgg:
    size = drawing.width / 72, drawing.height / 72
    sheet = Sheet(figsize=size, dpi=72 * dots_per_point, facecolor=_light("paper"))
    axes = sheet.add_axes((0, 0, 1, 1), xlim=(0, drawing.width), ylim=(drawing.height, 0))
    axes.set_axis_off()
    for layer, mark in enumerate(drawing.marks):
        _PAINTERS[type(mark)](axes, mark, layer + 1)
    return FigureCanvasAgg(sheet)


@contextmanager
def _any_letters() -> Iterator[None]:
    """Names may hold letters that the font lacks: they become boxes, as in any other program."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"(?s).*Glyph.*missing")
        yield


def _light(tone: str) -> str:
    return PALETTE[tone].light


def _lines(axes: Axes, mark: Lines, layer: int) -> Artist:
    colours = np.tile(to_rgba_array(_light(mark.tone)), (len(mark.ends), 1))
    colours[:, 3] = mark.opacities
    segments = list(mark.ends.reshape(-1, 2, 2))
    return axes.add_collection(
        LineCollection(segments, colors=colours, linewidths=mark.widths, zorder=layer), autolim=False
    )


def _curve(axes: Axes, mark: Curve, layer: int) -> Artist:
    x, y = zip(*mark.points, strict=True)
    (line,) = axes.plot(
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
    return line


def _dots(axes: Axes, mark: Dots, layer: int) -> Artist:
    size = np.full(len(mark.centres), 2 * mark.radius)
    return axes.add_collection(
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


def _disc(axes: Axes, mark: Disc, layer: int) -> Artist:
    edge = _light(mark.outline) if mark.outline else "none"
    return axes.add_artist(
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


def _box(axes: Axes, mark: Box, layer: int) -> Artist:
    corner = (mark.x, mark.y)
    return axes.add_artist(
        Rectangle(
            corner, mark.width, mark.height, facecolor=_light(mark.tone), alpha=mark.opacity, linewidth=0, zorder=layer
        )
    )


def _area(axes: Axes, mark: Area, layer: int) -> Artist:
    outline = Outline.make_compound_path(*(_ring(ring) for ring in mark.rings))
    return axes.add_artist(
        PathPatch(outline, facecolor=_light(mark.tone), alpha=mark.opacity, linewidth=0, zorder=layer)
    )


def _ring(ring: Floats) -> Outline:
    return Outline(np.concatenate([ring, ring[:1]]), closed=True)


def _words(axes: Axes, mark: Words, layer: int) -> Artist:
    return axes.text(
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


_PAINTERS: dict[type, Callable[[Axes, Any, int], Artist]] = {
    Lines: _lines,
    Curve: _curve,
    Dots: _dots,
    Disc: _disc,
    Box: _box,
    Area: _area,
    Words: _words,
}
