"""How a net came about, for a page to play: connections and places at every logged step, as rough as they are drawn."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bimt.checkpoint import Checkpoint
from bimt.nets.base import Net
from interp.events import Story
from interp.replay import Frame, replay
from reports.live.arrays import packed, shades

MOST_FRAMES = 120
"""Of more snapshots so many are shown, evenly spaced, and those with events."""
_MOST_NUMBERS = 500_000
"""Of larger films the connections that ever were the strongest are shown: so many over all frames."""


def view_film(checkpoint: Checkpoint, story: Story) -> dict[str, Any]:
    """Describes a seed's snapshots: weights above the cut in steps of 1/127 of their root, places exactly.

    Args:
        checkpoint: Holds the snapshots.
        story: Of the seed; its events are shown with their steps.

    Returns:
        What class Film of scripts/views.js reads.
    """
    numbers = chosen_frames(len(story.evolution.steps), [event.frame for event in story.events])
    frames = list(replay(checkpoint, story.evolution.label, numbers=numbers))
    values = _values(frames)
    strongest = {name: np.abs(each).max(0, initial=0) for name, each in values.items()}
    least = _least([*strongest.values()], most=_MOST_NUMBERS // len(frames))
    largest = max((float(each.max(initial=0)) for each in strongest.values()), default=0.0) or 1.0
    moved = {name: [frame.net.places[name][0].numpy() for frame in frames] for name in frames[0].net.places}
    evolution = story.evolution
    return {
        "steps": packed(evolution.steps[numbers]),
        "metric": packed(evolution.metric[numbers].astype(np.float32)),
        "connections": packed(evolution.connections[numbers]),
        "largest": largest,
        "is_whole": least == 0,
        "links": [_link(name, each, strongest[name], least, largest) for name, each in values.items()],
        "places": {name: packed(np.stack(places)) for name, places in moved.items()},
        "events": [
            {"frame": int(np.searchsorted(numbers, event.frame)), "step": event.step, "words": event.words}
            for event in story.events
        ],
    }


def chosen_frames(count: int, events: Sequence[int]) -> list[int]:
    """Chooses which snapshots are shown: all of a few; else evenly spaced ones and those with events.

    Example:
        >>> chosen_frames(3, [1])
        [0, 1, 2]
    """
    if count <= MOST_FRAMES:
        return list(range(count))
    even = np.linspace(0, count - 1, MOST_FRAMES).round().astype(int).tolist()
    return sorted({*even, *events})


def _values(frames: Sequence[Frame]) -> dict[str, np.ndarray]:
    """Returns for each link in space the weights above the cut, (frames, target, source), 0 below it."""
    net: Net = frames[0].net
    found = {}
    for link in net.wiring.links:
        if net.wiring.is_look_up(link):
            continue
        whole = np.zeros((len(frames), *net.weight(link).shape[1:]), dtype=np.float32)
        for number, frame in enumerate(frames):
            target, source = frame.cut.edges[link.name]
            whole[number, target, source] = frame.net.weight(link)[0].numpy()[target, source]
        found[link.name] = whole
    return found


def _least(strongest: Sequence[np.ndarray], *, most: int) -> float:
    """Returns the size that a connection must reach in some frame to be shown; 0 where all of them are."""
    sizes = np.concatenate([np.zeros(0), *(each.ravel() for each in strongest)])
    sizes = sizes[sizes > 0]
    return 0.0 if len(sizes) <= most else float(np.partition(sizes, -most)[-most])


def _link(name: str, values: np.ndarray, strongest: np.ndarray, least: float, largest: float) -> dict[str, Any]:
    target, source = np.nonzero(strongest >= max(least, np.finfo(np.float32).tiny))
    return {"name": name, "targets": packed(target), "sources": packed(source),
            "values": shades(values[:, target, source].astype(np.float64), largest)}  # fmt: skip
