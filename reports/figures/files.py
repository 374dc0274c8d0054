"""A figure as a file of its own: PDF, SVG or PNG."""

from typing import Literal

from bimt.messages import UserError
from reports.figures.drawing import Drawing, Figure, Length
from reports.figures.pdf import to_pdf
from reports.figures.png import to_png
from reports.figures.svg import to_svg_file

Kind = Literal["pdf", "svg", "png"]
_POINTS_PER_INCH, _MILLIMETRES_PER_INCH = 72.0, 25.4
_PRINTED = 300.0
"""Pixels to an inch of a PNG that is to be so wide."""
_MOST_PIXELS = 100_000_000


def to_file(figure: Figure, kind: Kind, *, width: Length | None = None) -> bytes:
    """Writes a figure as a file.

    Args:
        figure: What is written.
        kind: The suffix of its name.
        width: In millimetres; None makes a unit of the drawing a point, which is two pixels of a PNG.

    Raises:
        UserError: If a PNG would have too many pixels.
    """
    inches = figure.drawing.width / _POINTS_PER_INCH if width is None else width / _MILLIMETRES_PER_INCH
    scale = inches * _POINTS_PER_INCH / figure.drawing.width
    if kind == "pdf":
        return to_pdf(figure, scale=scale)
    if kind == "svg":
        return to_svg_file(figure, scale=scale)
    return to_png(figure.drawing) if width is None else _printed(figure.drawing, scale, figure.name)


def _printed(drawing: Drawing, scale: float, name: str) -> bytes:
    """Paints a PNG of as many pixels as a printer shows."""
    pixels = scale * _PRINTED / _POINTS_PER_INCH
    if pixels**2 * drawing.width * drawing.height > _MOST_PIXELS:
        raise UserError(
            f"{name}.png would have more than {_MOST_PIXELS:,} pixels; give a smaller --width, or make a PDF"
        )
    return to_png(drawing, scale=pixels, dots_per_inch=_PRINTED)
