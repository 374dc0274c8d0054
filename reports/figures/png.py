"""A drawing as PNG or as pixels, on white, the same bytes every time."""

import io
from collections.abc import Iterable

import numpy as np
from matplotlib.backends.backend_agg import RendererAgg
from numpy.typing import NDArray
from PIL import Image

from reports.figures.drawing import Drawing, Mark
from reports.figures.paper import Paper

_POINTS_PER_INCH = 72.0


def to_png(drawing: Drawing, *, scale: float = 2.0, dots_per_inch: float = 2.0 * _POINTS_PER_INCH) -> bytes:
    """Paints a drawing in the light tones.

    Args:
        drawing: What is painted.
        scale: Pixels to a unit.
        dots_per_inch: What the file says of how large it is to be printed.
    """
    file = io.BytesIO()
    picture = Image.fromarray(_pixels(_paper(drawing, scale)))
    picture.save(file, "PNG", dpi=(dots_per_inch, dots_per_inch), compress_level=3)
    return file.getvalue()


class Painter:
    """Paints many pictures that share a background: only what differs is drawn anew."""

    def __init__(self, background: Drawing, scale: float) -> None:
        """Paints the background, `scale` pixels to a unit."""
        self._paper = _paper(background, scale)
        self._clean = self._paper.renderer.copy_from_bbox(self._paper.renderer.bbox)

    def paint(self, marks: Iterable[Mark]) -> NDArray[np.uint8]:
        """Returns the pixels of the background with marks on it, (height, width, 3)."""
        self._paper.renderer.restore_region(self._clean)
        self._paper.paint(marks)
        return _pixels(self._paper)


def _paper(drawing: Drawing, scale: float) -> Paper:
    renderer = RendererAgg(scale * drawing.width, scale * drawing.height, _POINTS_PER_INCH)
    return Paper(renderer, drawing, scale)


def _pixels(paper: Paper) -> NDArray[np.uint8]:
    return np.asarray(paper.renderer.buffer_rgba())[..., :3].copy()
