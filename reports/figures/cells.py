"""The cells of a sweep: size against error coloured by one setting, and maps over two settings."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from bimt.messages import printable
from bimt.sweep.grid import Axis
from reports.figures.drawing import Box, Disc, Dots, Drawing, Figure, Floats, Mark, Words, fitted
from reports.figures.front import SHEET_HEIGHT, SHEET_WIDTH, Cloud, Sheet, in_words
from reports.figures.palette import module_tone

_KEY = 190.0
_SIDE, _TOP, _CELL, _LONG, _HIGH = 90.0, 48.0, 84.0, 480.0, 44.0
_MAP = 480.0
"""A map is at least so wide, or small ones would be drawn larger."""
_FAINTEST, _STRONGEST = 0.06, 0.62
"""How strong the smallest and the largest value of a map are drawn: numbers stand on them."""


def draw_cells(
    clouds: Mapping[str, Cloud],
    groups: Sequence[str],
    *,
    key: str,
    error: str,
    is_log: bool,
    name: str,
    title: str,
    caption: str,
) -> Figure:
    """Draws connections to the right and error upwards, the nets of a group of cells in one hue.

    Args:
        clouds: For every cell, in order, its nets.
        groups: For every cell the group it belongs to.
        key: What the groups differ in.
        error: What the error is called.
        is_log: Whether the error's axis is logarithmic.
        name: As in `Figure`.
        title: As in `Figure`.
        caption: As in `Figure`.
    """
    sheet = Sheet.around(clouds.values(), is_log=is_log)
    tones = {group: module_tone(rank) for rank, group in enumerate(dict.fromkeys(groups))}
    pairs = list(zip(clouds.items(), groups, strict=True))
    marks = sheet.axes(error, medians="median of a cell", tone="muted")
    marks += [Dots(sheet.places(cloud.sizes, cloud.errors), tones[group], 2.5, 0.4) for (_, cloud), group in pairs]
    marks.append(sheet.front(clouds.values()))
    for (cell, cloud), group in pairs:
        across, down = sheet.median(cloud)
        marks.append(Disc(across, down, 5, tones[group], "paper", title=printable(cell)))
    left = SHEET_WIDTH + 18
    marks.append(Words(left, 60, fitted(printable(key), _KEY, 12), 12, "ink", is_bold=True))
    for rank, (group, tone) in enumerate(tones.items()):
        down = 80 + 19.0 * rank
        marks += [Disc(left + 5, down - 4, 5, tone), Words(left + 17, down, fitted(printable(group), _KEY - 20, 12))]
    height = max(SHEET_HEIGHT + 46, 90 + 19.0 * len(tones))
    return Figure(name, title, caption, in_words(clouds, error), Drawing(left + _KEY, height, (*marks,)))


def draw_phase(
    values: Floats,
    *,
    down: Axis,
    across: Axis,
    write: Callable[[float], str],
    name: str,
    title: str,
    caption: str,
) -> Figure:
    """Draws a map over two settings: the larger a number, the stronger its box.

    Args:
        values: (rows, columns); what is not finite has no box.
        down: The setting that changes downwards, row by row.
        across: The one that changes to the right.
        write: How a number is written.
        name: As in `Figure`.
        title: As in `Figure`.
        caption: As in `Figure`.
    """
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 0.0)

    def shaded(value: float) -> _Box | None:
        if not np.isfinite(value):
            return None
        share = (value - low) / (high - low) if high > low else 0.5
        return _Box("positive", _FAINTEST + (_STRONGEST - _FAINTEST) * share)

    return _map(
        [[_Field(write(value), shaded(value)) for value in line] for line in values.tolist()],
        down=down, across=across, name=name, title=title, caption=caption,
    )  # fmt: skip


def draw_kinds(
    kinds: Sequence[Sequence[str | None]],
    tones: Mapping[str, str],
    *,
    down: Axis,
    across: Axis,
    name: str,
    title: str,
    caption: str,
) -> Figure:
    """Draws a map over two settings: every kind has a hue of its own.

    Args:
        kinds: (rows, columns); None has no box.
        tones: The hue of every kind.
        down: As in `draw_phase`.
        across: As in `draw_phase`.
        name: As in `Figure`.
        title: As in `Figure`.
        caption: As in `Figure`.
    """
    fields = [
        [_Field("–", None) if kind is None else _Field(kind, _Box(tones[kind], _STRONGEST)) for kind in line]
        for line in kinds
    ]
    return _map(fields, down=down, across=across, name=name, title=title, caption=caption)


class _Box(NamedTuple):
    tone: str
    strength: float


class _Field(NamedTuple):
    text: str
    box: _Box | None


def _map(
    fields: Sequence[Sequence[_Field]],
    *,
    down: Axis,
    across: Axis,
    name: str,
    title: str,
    caption: str,
) -> Figure:
    wide = min(_CELL, _LONG / len(across.values))
    right = _SIDE + wide * len(across.values)
    marks: list[Mark] = [
        Words(4, 14, fitted(f"↓ {printable(down.key)}", _MAP, 12), 12, "ink", "start", True),
        Words(_SIDE, 32, fitted(f"→ {printable(across.key)}", _MAP - _SIDE, 12), 12, "ink", "start", True),
    ]
    for column, text in enumerate(across.values):
        middle = _SIDE + wide * (column + 0.5)
        marks.append(Words(middle, _TOP + 4, fitted(printable(text), wide - 4, 11), 11, "muted", "middle"))
    said = []
    for row, text in enumerate(down.values):
        top = _TOP + 12 + _HIGH * row
        shown = fitted(printable(text), _SIDE - 12, 11)
        marks.append(Words(_SIDE - 8, top + _HIGH / 2 + 4, shown, 11, "muted", "end"))
        for column, (written, box) in enumerate(fields[row]):
            left = _SIDE + wide * column
            said.append(f"{down.key}={text}, {across.key}={across.values[column]}: {written}")
            if box is not None:
                place = left + 1, top + 1, wide - 2, _HIGH - 2
                marks.append(Box(*place, box.tone, box.strength, printable(said[-1])))
            short = fitted(written, wide - 4, 11)
            marks.append(Words(left + wide / 2, top + _HIGH / 2 + 4, short, 11, "ink", "middle"))
    height = _TOP + 16 + _HIGH * len(down.values)
    drawing = Drawing(max(right + 4, _MAP), height, (*marks,))
    return Figure(name, title, caption, printable("; ".join(said), limit=2000), drawing)
