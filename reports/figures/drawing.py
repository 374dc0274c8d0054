"""A drawing: marks on a sheet, in units of one CSS pixel or one point, y pointing down; and the figure around it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Length = float | int
"""In units of the sheet."""


@dataclass(frozen=True)
class Lines:
    """Many straight lines of one tone that nobody will ask for one by one."""

    ends: Floats
    """(lines, 4): x and y of the start, x and y of the end."""
    tone: str
    widths: Floats
    """(lines,)"""
    opacities: Floats
    """(lines,), from 0 to 1."""
    is_dashed: bool = False


@dataclass(frozen=True)
class Curve:
    """A line through points."""

    points: tuple[tuple[Length, Length], ...]
    tone: str
    width: Length = 1.5
    opacity: Length = 1.0
    is_dashed: bool = False


@dataclass(frozen=True)
class Dots:
    """Many round points of one tone."""

    centres: Floats
    """(points, 2)"""
    tone: str
    radius: Length = 2.5
    opacity: Length = 1.0


@dataclass(frozen=True)
class Disc:
    """Anything round that has a name."""

    x: Length
    y: Length
    radius: Length
    tone: str
    outline: str | None = None
    opacity: Length = 1.0
    title: str = ""
    """What it stands for, shown when pointed at."""


@dataclass(frozen=True)
class Box:
    """A filled rectangle."""

    x: Length
    y: Length
    width: Length
    height: Length
    tone: str
    opacity: Length = 1.0
    title: str = ""


@dataclass(frozen=True)
class Area:
    """A filled region bounded by closed rings; a ring inside another is a hole."""

    rings: tuple[Floats, ...]
    """Each (points, 2)."""
    tone: str
    opacity: Length = 1.0


@dataclass(frozen=True)
class Words:
    """A line of text; y is its baseline."""

    x: Length
    y: Length
    text: str
    size: Length = 12.0
    tone: str = "ink"
    anchor: str = "start"
    """ "start", "middle" or "end"."""
    is_bold: bool = False
    angle: Length = 0.0
    """Degrees, clockwise, around (x, y)."""


Mark = Lines | Curve | Dots | Disc | Box | Area | Words


@dataclass(frozen=True)
class Drawing:
    """Marks on a sheet, the later above the earlier."""

    width: Length
    height: Length
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Figure:
    """A drawing, and what has to stand around it."""

    name: str
    """Its file name without suffix and the prefix of its ids: letters, digits and hyphens, never from the data."""
    title: str
    caption: str
    """What to look for."""
    alt: str
    """What it shows, for those who do not see it."""
    drawing: Drawing


def ringed(centres: Floats, tone: str, radius: Length) -> list[Mark]:
    """Draws round points with a thin ring of paper around each, which keeps them apart from lines that end there."""
    return [Dots(centres, "paper", radius + 0.75), Dots(centres, tone, radius - 0.75)]


def text_width(text: str, size: Length) -> float:
    """Estimates how wide a line of text is, generously."""
    return 0.58 * size * len(text)


def fitted(text: str, width: Length, size: Length) -> str:
    """Shortens a line of text until it fits a width."""
    most = max(int(width / (0.58 * size)), 3)
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
