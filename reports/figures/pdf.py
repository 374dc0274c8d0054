"""A drawing as PDF: vectors, letters as text in embedded fonts, on white, the same bytes every time."""

import io
from typing import Any

from matplotlib import rc_context
from matplotlib.backends.backend_pdf import PdfFile, RendererPdf

from reports.figures.drawing import Figure, Length
from reports.figures.paper import Paper

_POINTS_PER_INCH = 72.0
_SETTINGS: dict[Any, Any] = {
    "pdf.fonttype": 42,  # whole TrueType outlines: journals refuse type 3
    "ps.fonttype": 42,  # by which matplotlib divides the letters of a PDF into fonts, too
    "pdf.compression": 6,
    "pdf.use14corefonts": False,
    "pdf.inheritcolor": False,
}
"""What a person's own settings of matplotlib must not change."""


def to_pdf(figure: Figure, *, scale: Length = 1.0) -> bytes:
    """Paints a figure in the light tones on one page of its size, `scale` points to a unit.

    The file has the figure's title and no date.
    """
    drawing, content = figure.drawing, io.BytesIO()
    width, height = (scale * side / _POINTS_PER_INCH for side in (drawing.width, drawing.height))
    with rc_context(_SETTINGS):
        file = PdfFile(content, metadata={"Title": figure.title, "Creator": "bimt", "CreationDate": None})
        file.newPage(width, height)
        renderer = RendererPdf(file, _POINTS_PER_INCH, height, width)
        Paper(renderer, drawing, scale)
        renderer.finalize()
        file.finalize()
        file.close()
    return content.getvalue()
