"""A strip of snapshots: the first, those with events, the last, and some between."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bimt.checkpoint import Checkpoint
from interp.detectors import Event, EventKind
from interp.events import Story
from interp.replay import replay
from reports.figures.axes import Frame
from reports.figures.curves import badge
from reports.figures.drawing import Drawing, Figure, Mark, Words, fitted
from reports.figures.snapshot import draw_snapshot, make_look

_PANELS, _COLUMNS = 6, 3
_WIDTH, _HEIGHT, _GAP = 226.0, 224.0, 22.0
_MOST_EVENTS = 4
_PRIORITY: tuple[EventKind, ...] = (
    *("dropped output", "split", "asymmetric", "uncrossed"),
    *("merge", "fall", "jump", "symmetric"),
)
"""Which kinds of events are shown where there is no room for all."""


def draw_strip(checkpoint: Checkpoint, story: Story, tones: Mapping[str, Sequence[str]]) -> Figure:
    """Draws six snapshots of a seed side by side, to one scale.

    Args:
        checkpoint: Holds the snapshots.
        story: Of the seed; its events are numbered from 1, as under the training curves.
        tones: For every population, the hue of each neuron.
    """
    numbers = choose_frames(story.events, story.evolution.connections)
    look = make_look(checkpoint, story.evolution.label, tones, thickness=0.7)
    marks: list[Mark] = []
    for panel, snapshot in enumerate(replay(checkpoint, story.evolution.label, numbers=numbers)):
        left = panel % _COLUMNS * (_WIDTH + _GAP)
        top = panel // _COLUMNS * (_HEIGHT + _GAP)
        marks += _heading(story, snapshot.number, left, top + 14)
        marks += draw_snapshot(snapshot, Frame(left + 4, top + 48, left + _WIDTH - 4, top + _HEIGHT - 20), look)
    rows = -(-len(numbers) // _COLUMNS)
    steps = [f"{int(story.evolution.steps[number]):,}" for number in numbers]
    return Figure(
        "evolution",
        "Evolution",
        "Connections above 0.01, all snapshots to one scale, neurons where they sat at that step; grey points are "
        "neurons without a connection. Numbers: the events listed here and marked on the training curves.",
        f"Snapshots of the net at the steps {', '.join(steps)}: "
        f"{', '.join(f'{int(story.evolution.connections[number]):,}' for number in numbers)} connections.",
        Drawing(_COLUMNS * (_WIDTH + _GAP) - _GAP, rows * (_HEIGHT + _GAP) - _GAP, tuple(marks)),
    )


def choose_frames(events: Sequence[Event], connections: NDArray[np.int64]) -> list[int]:
    """Chooses which snapshots to show: the first, the last, those with events, and others where much changes.

    The others lie in the middle of the widest gaps, measured in time and in how much the logarithm of the number of
    connections changes on the way.

    Example:
        >>> choose_frames([], np.full(11, 30))
        [0, 2, 3, 5, 7, 10]
    """
    count = len(connections)
    change = np.abs(np.diff(np.log1p(connections), prepend=np.log1p(connections[:1]))).cumsum()
    # rounded: of equal gaps the first is taken, whatever the last bits are
    way = (np.linspace(0, 1, count) + change / max(float(change[-1]), 1e-9)).round(9)
    ranked = sorted(events, key=lambda event: (_PRIORITY.index(event.kind), event.frame))
    chosen = {0, count - 1, *(event.frame for event in ranked[:_MOST_EVENTS])}
    while len(chosen) < min(_PANELS, count):
        shown = sorted(chosen)
        pairs = [(before, after) for before, after in pairwise(shown) if after - before > 1]
        gaps = [(round(way[after] - way[before], 8), before, after) for before, after in pairs]
        _, before, after = max(gaps, key=lambda gap: gap[0])
        inside = np.arange(before + 1, after)
        chosen.add(int(inside[np.argmin(np.abs(way[inside] - (way[before] + way[after]) / 2).round(8))]))
    return sorted(chosen)


def _heading(story: Story, frame: int, left: float, baseline: float) -> list[Mark]:
    """Writes the step, and numbers and titles of the events first seen here."""
    here = [(number, event) for number, event in enumerate(story.events, 1) if event.frame == frame]
    marks: list[Mark] = [Words(left, baseline, f"step {int(story.evolution.steps[frame]):,}", 12, "ink", "start", True)]
    for place, (number, event) in enumerate(here):
        marks += badge(left + 96 + 16 * place, baseline - 4, number, event)
    titles = ", ".join(event.title for _, event in here)
    return [*marks, Words(left, baseline + 15, fitted(titles, _WIDTH, 11), 11, "muted")] if titles else marks
