"""A drawing as SVG, inside a page or as a file: text stays text, colours are classes of the page's or its own style."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from markupsafe import Markup

from reports.figures.drawing import Area, Box, Curve, Disc, Dots, Figure, Floats, Length, Lines, Mark, Words
from reports.figures.palette import light_classes

_OPACITIES, _WIDTHS = 12, 12
"""Lines that nobody asks for one by one share a path when they look alike: so many steps are told apart."""
_DASHES = "5 4"
_FONTS = "'DejaVu Sans',Verdana,Arial,sans-serif"
"""Of a file: the letters of PNG and PDF where they are installed, else what is about as wide."""


def to_svg(figure: Figure, prefix: str = "") -> Markup:
    """Writes a figure's drawing as one <svg> element with its title and its text alternative, for a page.

    The page's style sheet has the colours. Ids start with the prefix, which tells apart figures of one name on a page,
    and the figure's name.
    """
    size = _number(figure.drawing.width), _number(figure.drawing.height)
    return _root(figure, f"{prefix}-{figure.name}" if prefix else figure.name, size, Markup())


def to_svg_file(figure: Figure, *, scale: Length = 1.0) -> bytes:
    """Writes a figure as an SVG file of its own, in the light tones on white, `scale` points to a unit."""
    drawing = figure.drawing
    size = f"{_number(scale * drawing.width)}pt", f"{_number(scale * drawing.height)}pt"
    # The style is our own, no value from outside is in it.
    style = Markup(f"<style>text{{font-family:{_FONTS}}}{light_classes()}</style>\n")  # noqa: S704
    paper = _box(Box(0, 0, drawing.width, drawing.height, "paper"))
    root = _root(figure, figure.name, size, style + paper + "\n")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{root}\n'.encode()


def _root(figure: Figure, name: str, size: tuple[str, str], first: Markup) -> Markup:
    """Writes the element: its ids start with the name; `first` comes before the marks."""
    drawing = figure.drawing
    marks = Markup("\n").join(_mark(mark) for mark in drawing.marks)
    return Markup(
        '<svg viewBox="0 0 {} {}" width="{}" height="{}" role="img" '
        'aria-labelledby="{name}-title {name}-desc" xmlns="http://www.w3.org/2000/svg">\n'
        '<title id="{name}-title">{title}</title>\n<desc id="{name}-desc">{alt}</desc>\n{first}{marks}\n</svg>'
    ).format(
        _number(drawing.width),
        _number(drawing.height),
        *size,
        name=name,
        title=figure.title,
        alt=figure.alt,
        first=first,
        marks=marks,
    )


def _mark(mark: Mark) -> Markup:
    return _WRITERS[type(mark)](mark)


def _lines(mark: Lines) -> Markup:
    """Writes lines of about the same width and opacity as one path."""
    widest = max(float(mark.widths.max(initial=0)), 1e-9)
    width_steps = np.maximum(np.ceil(mark.widths / widest * _WIDTHS), 1).astype(int)
    opacity_steps = np.ceil(mark.opacities * _OPACITIES).astype(int)
    paths = []
    for opacity, width in sorted({*zip(opacity_steps.tolist(), width_steps.tolist(), strict=True)}):
        ends = mark.ends[(opacity_steps == opacity) & (width_steps == width)]
        path = "".join(f"M{_number(a)} {_number(b)}L{_number(c)} {_number(d)}" for a, b, c, d in ends.tolist())
        paths.append(
            _element(
                "path",
                {
                    "class": f"s-{mark.tone}",
                    "fill": "none",
                    "stroke-width": width * widest / _WIDTHS,
                    "stroke-opacity": opacity / _OPACITIES,
                    "stroke-dasharray": _DASHES if mark.is_dashed else None,
                    "d": path,
                },
            )
        )
    return Markup("\n").join(paths)


def _curve(mark: Curve) -> Markup:
    attributes = {
        "class": f"s-{mark.tone}",
        "fill": "none",
        "stroke-width": mark.width,
        "stroke-opacity": mark.opacity if mark.opacity < 1 else None,
        "stroke-dasharray": _DASHES if mark.is_dashed else None,
        "stroke-linejoin": "round",
        "points": " ".join(f"{_number(x)},{_number(y)}" for x, y in mark.points),
    }
    return _element("polyline", attributes)


def _dots(mark: Dots) -> Markup:
    """Writes all points as one path: lines without length, with round ends."""
    attributes = {
        "class": f"s-{mark.tone}",
        "fill": "none",
        "stroke-width": 2 * mark.radius,
        "stroke-linecap": "round",
        "stroke-opacity": mark.opacity if mark.opacity < 1 else None,
        "d": "".join(f"M{_number(x)} {_number(y)}h0" for x, y in mark.centres.tolist()),
    }
    return _element("path", attributes)


def _disc(mark: Disc) -> Markup:
    outline = f" s-{mark.outline}" if mark.outline else ""
    attributes = {
        "class": f"f-{mark.tone}{outline}",
        "stroke-width": 1.5 if mark.outline else None,
        "opacity": mark.opacity if mark.opacity < 1 else None,
        "cx": mark.x,
        "cy": mark.y,
        "r": mark.radius,
    }
    return _element("circle", attributes, title=mark.title)


def _box(mark: Box) -> Markup:
    attributes = {
        "class": f"f-{mark.tone}",
        "fill-opacity": mark.opacity if mark.opacity < 1 else None,
        "x": mark.x,
        "y": mark.y,
        "width": mark.width,
        "height": mark.height,
    }
    return _element("rect", attributes, title=mark.title)


def _area(mark: Area) -> Markup:
    attributes = {
        "class": f"f-{mark.tone}",
        "fill-opacity": mark.opacity if mark.opacity < 1 else None,
        "fill-rule": "evenodd",
        "d": "".join(_ring(ring) for ring in mark.rings),
    }
    return _element("path", attributes)


def _ring(ring: Floats) -> str:
    return "M" + "L".join(f"{_number(x)} {_number(y)}" for x, y in ring.tolist()) + "Z"


def _words(mark: Words) -> Markup:
    attributes = {
        "class": f"f-{mark.tone}",
        "x": mark.x,
        "y": mark.y,
        "font-size": mark.size,
        "font-weight": 600 if mark.is_bold else None,
        "text-anchor": mark.anchor if mark.anchor != "start" else None,
        "transform": f"rotate({_number(mark.angle)} {_number(mark.x)} {_number(mark.y)})" if mark.angle else None,
    }
    return _element("text", attributes, content=mark.text)


def _element(tag: str, attributes: Mapping[str, Any], *, content: str = "", title: str = "") -> Markup:
    """Writes one element; everything that is not markup already is escaped."""
    written = Markup("").join(
        Markup(' {}="{}"').format(key, _number(value) if isinstance(value, float) else value)
        for key, value in attributes.items()
        if value is not None
    )
    inside = Markup("<title>{}</title>").format(title) if title else content
    return Markup("<{tag}{written}>{inside}</{tag}>").format(tag=tag, written=written, inside=inside)


def _number(value: Length) -> str:
    """Writes a length to a hundredth of a unit: 12, 3.5, 0.25."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


_WRITERS: dict[type, Callable[[Any], Markup]] = {
    Lines: _lines,
    Curve: _curve,
    Dots: _dots,
    Disc: _disc,
    Box: _box,
    Area: _area,
    Words: _words,
}
