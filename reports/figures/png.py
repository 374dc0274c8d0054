"""A drawing as PNG or as pixels, on white, the same bytes every time.

Marks go straight to matplotlib's renderer: figures and axes would take longer to import and to ask than painting does.
"""

import io
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from matplotlib.backend_bases import GraphicsContextBase as Pen
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.colors import to_rgba
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path as Outline
from matplotlib.transforms import Affine2D, IdentityTransform
from numpy.typing import NDArray
from PIL import Image

from reports.figures.drawing import Area, Box, Curve, Disc, Dots, Drawing, Floats, Length, Lines, Mark, Words
from reports.figures.palette import PALETTE

_DOTS_PER_POINT = 2.0
Colour = tuple[float, float, float, float]


def to_png(drawing: Drawing) -> bytes:
    """Paints a drawing in the light tones, two pixels to a unit."""
    sheet = _Sheet(drawing, _DOTS_PER_POINT)
    file = io.BytesIO()
    dots_per_inch = 72 * _DOTS_PER_POINT
    Image.fromarray(sheet.pixels()).save(file, "PNG", dpi=(dots_per_inch, dots_per_inch), compress_level=3)
    return file.getvalue()


class Painter:
    """Paints many pictures that share a background: only what differs is drawn anew."""

    def __init__(self, background: Drawing, scale: float) -> None:
        """Paints the background, `scale` pixels to a unit."""
        self._sheet = _Sheet(background, scale)
        self._clean = self._sheet.renderer.copy_from_bbox(self._sheet.renderer.bbox)

    def paint(self, marks: Iterable[Mark]) -> NDArray[np.uint8]:
        """Returns the pixels of the background with marks on it, (height, width, 3)."""
        self._sheet.renderer.restore_region(self._clean)
        self._sheet.paint(marks)
        return self._sheet.pixels()


class _Sheet:
    """Paper under paint: a renderer whose y points up, in pixels, and marks whose y points down, in units."""

    def __init__(self, drawing: Drawing, scale: float) -> None:
        width, height = scale * drawing.width, scale * drawing.height
        self.renderer: Any = RendererAgg(width, height, 72 * scale)  # takes arrays that its types do not know of
        self.scale = scale
        self.to_pixels = Affine2D().scale(scale, -scale).translate(0, height)
        everything = Box(0, 0, drawing.width, drawing.height, "paper")
        self.paint((everything, *drawing.marks))

    def paint(self, marks: Iterable[Mark]) -> None:
        with _any_letters():
            for mark in marks:
                _PAINTERS[type(mark)](self, mark)

    def pixels(self) -> NDArray[np.uint8]:
        return np.asarray(self.renderer.buffer_rgba())[..., :3].copy()

    def pen(self, colour: Colour = (0.0, 0.0, 0.0, 0.0), width: Length = 0.0) -> Pen:
        """Returns what strokes are made with; by default there are none."""
        pen = self.renderer.new_gc()
        pen.set_foreground(colour, isRGBA=True)
        pen.set_linewidth(width)
        return pen

    def fill(
        self, outline: Outline, colour: Colour, *, transform: Affine2D | None = None, pen: Pen | None = None
    ) -> None:
        """Fills an outline, given in units after the transform, and strokes it if there is a pen."""
        moved = self.to_pixels if transform is None else transform + self.to_pixels
        pen = pen or self.pen()
        pen.set_joinstyle("miter")
        self.renderer.draw_path(pen, outline, moved, colour)

    def many(
        self,
        outlines: Sequence[Outline],
        transform: Affine2D,
        *,
        shifts: Floats | None = None,
        faces: Floats | None = None,
        edges: Floats | None = None,
        widths: Floats | None = None,
        dashes: list[Length] | None = None,
    ) -> None:
        """Paints many outlines at once: they go round, each transformed into pixels, then shifted by so many pixels."""
        self.renderer.draw_path_collection(
            self.pen(),
            transform,
            outlines,
            np.empty((0, 3, 3)),
            np.zeros((1, 2)) if shifts is None else shifts,
            IdentityTransform(),
            np.empty((0, 4)) if faces is None else faces,
            np.empty((0, 4)) if edges is None else edges,
            np.zeros(1) if widths is None else widths,
            [(0, dashes)],
            [True],
            [None],
            "screen",
        )


@contextmanager
def _any_letters() -> Iterator[None]:
    """Names may hold letters that the font lacks: they become boxes, as in any other program."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"(?s).*Glyph.*missing")
        yield


@cache
def _light(tone: str, opacity: Length = 1.0) -> Colour:
    return to_rgba(PALETTE[tone].light, opacity)


def _lines(sheet: _Sheet, mark: Lines) -> None:
    colours = np.tile(_light(mark.tone), (len(mark.ends), 1))
    colours[:, 3] = mark.opacities
    outlines = [Outline(ends) for ends in mark.ends.reshape(-1, 2, 2)]
    widest = float(mark.widths.max(initial=0))
    sheet.many(outlines, sheet.to_pixels, edges=colours, widths=mark.widths, dashes=_dashes(mark, widest))


def _curve(sheet: _Sheet, mark: Curve) -> None:
    pen = sheet.pen(_light(mark.tone, mark.opacity), mark.width)
    pen.set_joinstyle("round")
    pen.set_capstyle("butt" if mark.is_dashed else "projecting")
    pen.set_dashes(0, _dashes(mark, mark.width))
    sheet.renderer.draw_path(pen, Outline(np.array(mark.points, dtype=float)), sheet.to_pixels)


def _dashes(mark: Lines | Curve, width: Length) -> list[Length] | None:
    return [4 * width, 3 * width] if mark.is_dashed else None


def _dots(sheet: _Sheet, mark: Dots) -> None:
    size = Affine2D().scale(sheet.scale * mark.radius)
    colour = np.array([_light(mark.tone, mark.opacity)])
    sheet.many([Outline.unit_circle()], size, shifts=sheet.to_pixels.transform(mark.centres), faces=colour)


def _disc(sheet: _Sheet, mark: Disc) -> None:
    pen = sheet.pen(_light(mark.outline, mark.opacity), 1.5) if mark.outline else None
    place = Affine2D().scale(mark.radius).translate(mark.x, mark.y)
    sheet.fill(Outline.unit_circle(), _light(mark.tone, mark.opacity), transform=place, pen=pen)


def _box(sheet: _Sheet, mark: Box) -> None:
    place = Affine2D().scale(mark.width, mark.height).translate(mark.x, mark.y)
    sheet.fill(Outline.unit_rectangle(), _light(mark.tone, mark.opacity), transform=place)


def _area(sheet: _Sheet, mark: Area) -> None:
    rings = (Outline(np.concatenate([ring, ring[:1]]), closed=True) for ring in mark.rings)
    sheet.fill(Outline.make_compound_path(*rings), _light(mark.tone, mark.opacity))


def _words(sheet: _Sheet, mark: Words) -> None:
    font = _font(mark.size, mark.is_bold)
    width = sheet.renderer.get_text_width_height_descent(mark.text, font, ismath=False)[0]
    back = {"start": 0.0, "middle": 0.5, "end": 1.0}[mark.anchor] * width
    turn = np.deg2rad(mark.angle)
    x = sheet.scale * mark.x - back * np.cos(turn)
    y = sheet.scale * mark.y - back * np.sin(turn)
    sheet.renderer.draw_text(sheet.pen(_light(mark.tone)), x, y, mark.text, font, -mark.angle)


@cache
def _font(size: Length, is_bold: bool) -> FontProperties:
    return FontProperties(family="DejaVu Sans", size=size, weight="bold" if is_bold else "normal")


_PAINTERS: dict[type, Callable[[_Sheet, Any], None]] = {
    Lines: _lines,
    Curve: _curve,
    Dots: _dots,
    Disc: _disc,
    Box: _box,
    Area: _area,
    Words: _words,
}
