"""Paper under paint: marks go straight to one of matplotlib's renderers, the same for pixels and for PDF.

Figures and axes would take longer to import and to ask than painting does.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from matplotlib.backend_bases import GraphicsContextBase as Pen
from matplotlib.colors import to_rgba
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path as Outline
from matplotlib.transforms import Affine2D, IdentityTransform

from reports.figures.drawing import Area, Box, Curve, Disc, Dots, Drawing, Floats, Length, Lines, Mark, Words
from reports.figures.palette import PALETTE

Colour = tuple[float, float, float, float]


class Paper:
    """A renderer whose y points up, under marks, in units of a drawing, whose y points down."""

    def __init__(self, renderer: Any, drawing: Drawing, scale: float) -> None:
        """Lays a drawing on white.

        Args:
            renderer: Of 72 dots to the inch, so that its dots are its points; as large as the drawing.
            drawing: What is painted first.
            scale: Dots to a unit of the drawing.
        """
        self.renderer = renderer
        self.scale = scale
        self.height = scale * drawing.height
        self.to_dots = Affine2D().scale(scale, -scale).translate(0, self.height)
        everything = Box(0, 0, drawing.width, drawing.height, "paper")
        self.paint((everything, *drawing.marks))

    def paint(self, marks: Iterable[Mark]) -> None:
        """Paints marks over what is there, in the light tones."""
        with _any_letters():
            for mark in marks:
                _PAINTERS[type(mark)](self, mark)

    def pen(self, colour: Colour = (0.0, 0.0, 0.0, 0.0), width: Length = 0.0) -> Pen:
        """Returns what strokes of a width in units are made with; by default there are none."""
        pen: Pen = self.renderer.new_gc()
        pen.set_foreground(colour, isRGBA=True)
        pen.set_linewidth(self.scale * width)
        return pen

    def fill(
        self, outline: Outline, colour: Colour, *, transform: Affine2D | None = None, pen: Pen | None = None
    ) -> None:
        """Fills an outline, given in units after the transform, and strokes it if there is a pen."""
        moved = self.to_dots if transform is None else transform + self.to_dots
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
        """Paints many outlines at once: they go round, each transformed into dots, then shifted by so many dots."""
        self.renderer.draw_path_collection(
            self.pen(),
            transform,
            outlines,
            np.empty((0, 3, 3)),
            np.zeros((1, 2)) if shifts is None else shifts,
            IdentityTransform(),
            np.empty((0, 4)) if faces is None else faces,
            np.empty((0, 4)) if edges is None else edges,
            np.zeros(1) if widths is None else self.scale * widths,
            [(0, dashes)],
            [True],
            [None],
            "screen",
        )

    def dashes(self, mark: Lines | Curve, width: Length) -> list[Length] | None:
        """Returns how long the dashes of a line of that width are, and the gaps between them; None if it has none."""
        return [4 * self.scale * width, 3 * self.scale * width] if mark.is_dashed else None


@contextmanager
def _any_letters() -> Iterator[None]:
    """Names may hold letters that the font lacks: they become boxes, as in any other program."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"(?s).*Glyph.*missing")
        yield


@cache
def _light(tone: str, opacity: Length = 1.0) -> Colour:
    return to_rgba(PALETTE[tone].light, float(opacity))


def _lines(paper: Paper, mark: Lines) -> None:
    colours = np.tile(_light(mark.tone), (len(mark.ends), 1))
    colours[:, 3] = mark.opacities.round(2)  # every opacity is an object of a PDF
    outlines = [Outline(ends) for ends in mark.ends.reshape(-1, 2, 2)]
    widest = float(mark.widths.max(initial=0))
    paper.many(outlines, paper.to_dots, edges=colours, widths=mark.widths, dashes=paper.dashes(mark, widest))


def _curve(paper: Paper, mark: Curve) -> None:
    pen = paper.pen(_light(mark.tone, mark.opacity), mark.width)
    pen.set_joinstyle("round")
    pen.set_capstyle("butt" if mark.is_dashed else "projecting")
    pen.set_dashes(0, paper.dashes(mark, mark.width))
    paper.renderer.draw_path(pen, Outline(np.array(mark.points, dtype=float)), paper.to_dots)


def _dots(paper: Paper, mark: Dots) -> None:
    size = Affine2D().scale(paper.scale * mark.radius)
    colour = np.array([_light(mark.tone, mark.opacity)])
    paper.many([Outline.unit_circle()], size, shifts=paper.to_dots.transform(mark.centres), faces=colour)


def _disc(paper: Paper, mark: Disc) -> None:
    pen = paper.pen(_light(mark.outline, mark.opacity), 1.5) if mark.outline else None
    place = Affine2D().scale(mark.radius).translate(mark.x, mark.y)
    paper.fill(Outline.unit_circle(), _light(mark.tone, mark.opacity), transform=place, pen=pen)


def _box(paper: Paper, mark: Box) -> None:
    place = Affine2D().scale(mark.width, mark.height).translate(mark.x, mark.y)
    paper.fill(Outline.unit_rectangle(), _light(mark.tone, mark.opacity), transform=place)


def _area(paper: Paper, mark: Area) -> None:
    rings = (Outline(np.concatenate([ring, ring[:1]]), closed=True) for ring in mark.rings)
    paper.fill(Outline.make_compound_path(*rings), _light(mark.tone, mark.opacity))


def _words(paper: Paper, mark: Words) -> None:
    font = _font(paper.scale * mark.size, mark.is_bold)
    width = paper.renderer.get_text_width_height_descent(mark.text, font, ismath=False)[0]
    back = {"start": 0.0, "middle": 0.5, "end": 1.0}[mark.anchor] * width
    turn = np.deg2rad(mark.angle)
    x = paper.scale * mark.x - back * np.cos(turn)
    down = paper.scale * mark.y - back * np.sin(turn)
    y = down if paper.renderer.flipy() else paper.height - down  # y of letters points down in pixels, up in PDF
    paper.renderer.draw_text(paper.pen(_light(mark.tone)), x, y, mark.text, font, -mark.angle)


@cache
def _font(size: Length, is_bold: bool) -> FontProperties:
    return FontProperties(family="DejaVu Sans", size=size, weight="bold" if is_bold else "normal")


_PAINTERS: dict[type, Callable[[Paper, Any], None]] = {
    Lines: _lines,
    Curve: _curve,
    Dots: _dots,
    Disc: _disc,
    Box: _box,
    Area: _area,
    Words: _words,
}
