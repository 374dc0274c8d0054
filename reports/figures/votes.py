"""Votes as pictures: which pairs each module gets right, how many do, who leads; the error against the modules."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from interp.pairs import Pairs
from interp.tally import Size
from interp.voting import Voting
from reports.figures.axes import Frame
from reports.figures.drawing import Area, Box, Curve, Dots, Drawing, Figure, Mark, Words
from reports.figures.palette import module_tone

_SIDE, _GAP, _TOP, _MOST = 240.0, 36.0, 26.0, 3
_WIDTH, _HEIGHT = 520.0, 300.0
_FRAME = Frame(62, 62, 500, 252)
_LINES = (
    ("sum", "error_sum", "positive", False),
    ("plurality", "error_plurality", "negative", False),
    ("sum, independent", "error_permuted_sum", "positive", True),
    ("plurality, independent", "error_permuted_plurality", "negative", True),
)


def draw_pairs(voting: Voting, pairs: Pairs) -> Figure:
    """Draws squares over (a, b): for each module the pairs it gets right alone, how many do, and who leads."""
    names, right = [member.name for member in voting.members], voting.right
    squares = [
        (f"{name} right alone", pairs.square(each.astype(int), empty=0), {1: (module_tone(rank), 0.9)})
        for rank, (name, each) in enumerate(zip(names, right, strict=True))
    ]
    shades = {count: ("ink", 0.15 + 0.8 * count / len(names)) for count in range(1, len(names) + 1)}
    squares.append(("how many are right", pairs.square(right.sum(0), empty=0), shades))
    tones = {rank + 1: (module_tone(rank), 0.9) for rank in range(len(names))}
    squares.append(("largest margin", pairs.square(voting.leader + 1, empty=0), tones))
    marks: list[Mark] = []
    for place, (title, values, kinds) in enumerate(squares):
        left, top = (place % _MOST) * (_SIDE + _GAP) + 30, (place // _MOST) * (_SIDE + _TOP + 24)
        marks += _square(title, values, kinds, left, top)
    across, down = min(len(squares), _MOST), -(-len(squares) // _MOST)
    caption = (
        "Each small square is a row: a from left to right, b from top to bottom. Coloured: the module by its own "
        "contribution gives the right answer. How many are right: the darker, the more; empty where none is. Largest "
        "margin: the colour of the module that prefers the right answer most to its best wrong one."
    )
    alt = "Maps over both operands. " + "; ".join(
        f"{name} right alone in {100 * each.mean():.1f} % of the rows" for name, each in zip(names, right, strict=True)
    )
    size = across * (_SIDE + _GAP) + 30 - _GAP, down * (_SIDE + _TOP + 24)
    return Figure("votes-map", "Who answers which rows", caption, f"{alt}.", Drawing(*size, tuple(marks)))


def draw_sizes(sizes: Sequence[Size]) -> Figure:
    """Draws the share of wrong rows against the number of modules that are heard."""
    x, y = _FRAME.x(1, len(sizes)), _FRAME.y(0, 1)
    marks = [mark for mark in _FRAME.axes(x, y, x_label="modules heard", y_label="") if not _is_between(mark)]
    for rank, (label, field, tone, is_dashed) in enumerate(_LINES):
        values = [getattr(size, field) for size in sizes]
        points = tuple(zip(x([float(size.modules) for size in sizes]).tolist(), y(values).tolist(), strict=True))
        marks.append(Curve(points, tone, 1.6 if is_dashed else 2.2, 1.0, is_dashed))
        marks.append(Dots(np.array(points), tone, 2.6 if is_dashed else 3.4))
        left, line = _FRAME.left + 200 * (rank // 2), 20 + 16 * (rank % 2)
        marks += [
            Curve(((left, line - 4), (left + 20, line - 4)), tone, 2, 1.0, is_dashed),
            Words(left + 26, line, label, 11, "muted"),
        ]
    caption = (
        "The share of all rows that is wrong, averaged over all sets of so many modules. Independent: contributions "
        "dealt anew among the rows with the same answer. A sum below the plurality is information beyond one answer "
        "each; a sum below the dashed sum is cooperation."
    )
    said = ", ".join(f"{size.error_sum:.3g} with {size.modules}" for size in sizes)
    return Figure("votes-sizes", "Error against the number of modules", caption, f"Line chart. By sum: {said}.",
                  Drawing(_WIDTH, _HEIGHT, tuple(marks)))  # fmt: skip


def _square(
    title: str, values: Int[np.ndarray, "a b"], kinds: dict[int, tuple[str, float]], left: float, top: float
) -> list[Mark]:
    """Draws the cells of each kind as one area."""
    top += _TOP
    marks: list[Mark] = [
        Words(left, top - 8, title, 12, "ink", is_bold=True),
        Box(left, top, _SIDE, _SIDE, "grid", 0.5),
    ]
    cell = _SIDE / len(values)
    corners = np.array([(0, 0), (cell, 0), (cell, cell), (0, cell)])
    for kind, (tone, opacity) in kinds.items():
        rings = tuple(np.array([left + a * cell, top + b * cell]) + corners for a, b in np.argwhere(values == kind))
        if rings:
            marks.append(Area(rings, tone, opacity))
    last = str(len(values) - 1)
    marks += [
        Words(left, top + _SIDE + 14, "0", 11, "muted"),
        Words(left + _SIDE / 2, top + _SIDE + 14, "a", 11, "muted", "middle"),
        Words(left + _SIDE, top + _SIDE + 14, last, 11, "muted", "end"),
        Words(left - 6, top + 10, "0", 11, "muted", "end"),
        Words(left - 6, top + _SIDE / 2, "b", 11, "muted", "end"),
        Words(left - 6, top + _SIDE, last, 11, "muted", "end"),
    ]
    return marks


def _is_between(mark: Mark) -> bool:
    """Tells numbers of modules that are no whole numbers."""
    return isinstance(mark, Words) and mark.anchor == "middle" and "." in mark.text
