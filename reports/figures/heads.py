"""Attention heads as small maps: which moment looks at which, and how much."""

from collections.abc import Mapping, Sequence

import numpy as np

from bimt.messages import printable
from interp.heads import Head
from interp.looks import ALIKE
from reports.figures.drawing import Area, Box, Disc, Drawing, Figure, Length, Mark, Words, fitted, text_width

MOST_HEADS = 16
_COLUMNS, _STEP, _HEIGHT = 4, 240.0, 280.0
_SIDE, _LEFT, _TOP = 150.0, 66.0, 88.0
_LETTERS = 11.0
_SHADES = 20
_FAINTEST, _STRONGEST = 0.05, 0.95
_DARK = 0.55
"""Words on boxes of this strength and more are written in the colour of the paper."""
_ROOM = 30.0
"""Boxes of this size hold their number."""


def draw_heads(heads: Sequence[Head], moments: Sequence[str], *, tones: Mapping[str, str]) -> Figure:
    """Draws for every head how much each moment (row) looks at each (column), averaged over test rows.

    Args:
        heads: In order; the first ones are drawn.
        moments: Their names, as they come.
        tones: The hue of the module that most of a head's neurons belong to, by the head's name.
    """
    shown = heads[:MOST_HEADS]
    names = [printable(name, limit=40) for name in moments]
    marks: list[Mark] = []
    for rank, head in enumerate(shown):
        down, across = divmod(rank, _COLUMNS)
        marks += _tile(head, names, _STEP * across, _HEIGHT * down, tones.get(head.name))
    rows = -(-len(shown) // _COLUMNS)
    most = f" The first {MOST_HEADS} of {len(heads):,} heads." if len(heads) > MOST_HEADS else ""
    rate = "" if all(head.rate == 1 for head in shown) else (
        f" The net adds values up with {shown[0].rate:g} times the softmax plus {1 - shown[0].rate:g}: that is shown."
    )  # fmt: skip
    caption = (
        "Downwards the moments that ask, to the right those that are looked at: the stronger, the more, on average "
        f"over the test split. Grey: what is mixed there changes no answer.{rate}{most}"
    )
    said = "; ".join(f"{head.name}: {head.says(moments)}" for head in shown)
    alt = f"Maps of attention over {len(names)} moments. {printable(said, limit=1500)}."
    drawing = Drawing(max(min(len(shown), _COLUMNS), 2) * _STEP, rows * _HEIGHT, tuple(marks))
    return Figure("heads", "Where every head looks", caption, alt, drawing)


def _tile(head: Head, names: Sequence[str], x: float, y: float, tone: str | None) -> list[Mark]:
    """Draws one head: its name, where it looks, the map with its moments' names, and what is lost without it."""
    start = x + 4
    marks: list[Mark] = []
    if tone is not None:
        marks.append(Disc(start + 5, y + 10, 5, tone))
        start += 16
    is_alike = head.is_live and head.is_even and head.rate > 0
    said, lost = ALIKE if is_alike else head.says(names), f"without it: loss {_signed(head.zero.loss_increase)}"
    marks += [
        Words(start, y + 15, fitted(head.name, 150, 13), 13, "ink", "start", True),
        Words(x + 4, y + 32, fitted(said, _STEP - 16, _LETTERS), _LETTERS, "muted"),
        Words(x + _LEFT, y + _TOP + _SIDE + 16, fitted(lost, _STEP - _LEFT - 4, _LETTERS), _LETTERS, "muted"),
    ]
    left, top = x + _LEFT, y + _TOP
    return [*marks, *_names(names, head.asking, left, top), *_cells(head, names, left, top)]


def _names(names: Sequence[str], asking: Sequence[int], left: float, top: float) -> list[Mark]:
    """Writes the moments' names beside the rows and above the columns, as many as there is room for."""
    side = _SIDE / len(names)
    down = int(np.ceil(13 / side))
    widest = max(text_width(name, _LETTERS) for name in names)
    is_flat = widest + 6 <= max(side, 30.0)
    across = int(np.ceil((widest + 6) / side)) if is_flat else down
    marks: list[Mark] = [
        Words(left - 7, top - 17, "looked at →", 9, "muted", "end"),
        Words(left - 7, top - 6, "asks ↓", 9, "muted", "end"),
    ]
    for moment, name in enumerate(names):
        place = (moment + 0.5) * side
        if moment % down == 0:
            text, tone = fitted(name, _LEFT - 14, _LETTERS), "ink" if moment in asking else "faint"
            marks.append(Words(left - 7, top + place + 4, text, _LETTERS, tone, "end"))
        if moment % across == 0 and is_flat:
            marks.append(Words(left + place, top - 7, name, _LETTERS, "ink", "middle"))
        elif moment % across == 0:
            text = fitted(name, _LEFT - 14, _LETTERS)
            marks.append(Words(left + place + 3, top - 6, text, _LETTERS, "ink", angle=-45))
    return marks


def _cells(head: Head, names: Sequence[str], left: float, top: float) -> list[Mark]:
    """Fills the map: boxes that can be asked for where moments are few, else areas of a few shades."""
    side = _SIDE / len(names)
    if side >= _ROOM / 3:
        return [mark for place in np.ndindex(*head.weights.shape) for mark in _cell(head, names, place, left, top)]
    marks: list[Mark] = [Box(left, top, _SIDE, _SIDE, "grid", 0.5)]
    shades = np.ceil(head.weights * _SHADES).astype(int)
    asks = np.isin(np.arange(len(names)), head.asking)
    corners = np.array([(0.0, 0.0), (side, 0.0), (side, side), (0.0, side)])
    for tone, rows in (("positive", asks), ("muted", ~asks)):
        for shade in range(1, _SHADES + 1):
            cells = np.argwhere((shades == shade) & rows[:, None]).tolist()
            rings = tuple(np.array([left + column * side, top + row * side]) + corners for row, column in cells)
            if rings:
                marks.append(Area(rings, tone, _strength(shade / _SHADES)))
    return marks


def _cell(head: Head, names: Sequence[str], place: tuple[int, ...], left: float, top: float) -> list[Mark]:
    row, column = place
    side, weight = _SIDE / len(names), float(head.weights[row, column])
    corner = left + column * side + 1, top + row * side + 1
    if weight == 0:
        return [Box(*corner, side - 2, side - 2, "grid", 0.35)]
    asks = row in head.asking
    tone, strength = ("positive", _strength(weight)) if asks else ("muted", 0.55 * _strength(weight))
    title = f"{head.name}: {names[row]} looks at {names[column]}: {weight:.3g}"
    marks: list[Mark] = [Box(*corner, side - 2, side - 2, tone, strength, title)]
    if side >= _ROOM:
        written = f"{weight:.2f}".removeprefix("0") if weight < 0.995 else "1"
        words = "paper" if strength >= _DARK else "ink"
        marks.append(Words(corner[0] + side / 2 - 1, corner[1] + side / 2 + 3, written, _LETTERS, words, "middle"))
    return marks


def _strength(weight: float) -> float:
    return _FAINTEST + (_STRONGEST - _FAINTEST) * weight


def _signed(value: Length) -> str:
    return f"{value:+.2g}".replace("-", "−")
