"""Shares as a map: one row for each dimension or neuron, one column for each thing that it may be made of."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bimt.messages import printable
from reports.figures.drawing import Area, Box, Curve, Drawing, Figure, Floats, Mark, Words, fitted, text_width

_WIDTH, _LEFT, _ROW = 1120.0, 96.0, 24.0
_HEAD, _LINE = 37.0, 13.0
_CELL, _NARROWEST, _GAP, _MARGIN = 104.0, 46.0, 26.0, 2.0
_WRITTEN = 0.05
"""Shares from this on are written into their cell."""
_DARK = 0.7
"""Cells of larger shares are dark enough for light figures."""


@dataclass(frozen=True, eq=False)
class Block:
    """Columns that belong together, such as the irreps."""

    title: str
    columns: tuple[str, ...]
    shares: Floats
    """(rows, columns), from 0 to 1."""
    tone: str


def draw_energies(
    blocks: Sequence[Block],
    *,
    rows: Sequence[str],
    notes: Sequence[str],
    name: str,
    title: str,
    caption: str,
) -> Figure:
    """Draws every share as a cell, the larger the darker, with its number in it.

    Args:
        blocks: Side by side; all with as many rows.
        rows: The rows' names.
        notes: What is written to the right of each row; may be empty.
        name: As in `Figure`.
        title: As in `Figure`.
        caption: As in `Figure`.
    """
    note_width = max((min(text_width(note, 11), 330.0) + 16 for note in notes), default=0.0)
    columns = sum(len(block.columns) for block in blocks)
    room = _WIDTH - _LEFT - note_width - _GAP * (len(blocks) - 1)
    cell = min(max(room / max(columns, 1), _NARROWEST), _CELL)
    head = _HEAD + _LINE * any(" (" in column for block in blocks for column in block.columns)
    marks: list[Mark] = []
    left = _LEFT
    for block in blocks:
        marks += _block(block, left, cell, head)
        left += cell * len(block.columns) + _GAP
    for row, (label, note) in enumerate(zip(rows, notes, strict=True)):
        baseline = head + row * _ROW + _ROW / 2 + 4
        marks.append(Words(4, baseline, fitted(printable(label, limit=40), _LEFT - 10, 12), 12, "ink"))
        if note:
            marks.append(Words(left - _GAP + 10, baseline, fitted(printable(note), note_width, 11), 11, "muted"))
    bottom = head + len(rows) * _ROW
    alt = f"{len(rows)} rows: {'; '.join(_in_words(block, rows) for block in blocks)}."
    width = max(left - _GAP + note_width, 560.0)
    return Figure(name, title, caption, printable(alt, limit=600), Drawing(width, bottom + 6, tuple(marks)))


def _block(block: Block, left: float, cell: float, head: float) -> list[Mark]:
    wide, high = cell - 2 * _MARGIN, _ROW - 2 * _MARGIN
    corners = np.array([(0, 0), (wide, 0), (wide, high), (0, high)]) + _MARGIN
    places = [(left + column * cell, head + row * _ROW) for row, column in np.ndindex(block.shares.shape)]
    marks: list[Mark] = [Words(left + _MARGIN, 11, printable(block.title, limit=60), 11, "muted")]
    marks += [Area(tuple(corners + np.array(place) for place in places), "grid", 0.45)] if places else []
    for column, label in enumerate(block.columns):
        x = left + column * cell
        word, bracket, rest = printable(label).partition(" (")
        lines = [word, f"({rest}"] if bracket else [word]
        for line, text in enumerate(reversed(lines)):
            marks.append(Words(x + cell / 2, head - 7 - _LINE * line, fitted(text, cell, 11), 11, "ink", "middle"))
        for row, share in enumerate(block.shares[:, column].tolist()):
            y = head + row * _ROW
            if share > 0.005:
                marks.append(Box(x + _MARGIN, y + _MARGIN, wide, high, block.tone, round(0.08 + 0.84 * share, 3)))
            if share >= _WRITTEN:
                tone = "paper" if share > _DARK else "ink"
                marks.append(Words(x + cell / 2, y + _ROW / 2 + 4, f"{share:.2f}", 11, tone, "middle"))
    end = left + len(block.columns) * cell - _MARGIN
    marks.append(Curve(((left + _MARGIN, head - 2), (end, head - 2)), "faint", 0.8))
    return marks


def _in_words(block: Block, rows: Sequence[str]) -> str:
    best = block.shares.argmax(1) if block.columns else np.zeros(0, dtype=int)
    said = [f"{row} {block.columns[which]}" for row, which in zip(rows[:8], best[:8].tolist(), strict=True)]
    return f"{block.title}: mostly {', '.join(said)}"
