"""What changes while a seed trains: outputs, connections, parts and crossings at every logged step."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from bimt.checkpoint import Checkpoint
from bimt.nets.base import Net
from bimt.tasks.base import Kind, Task
from interp.components import count_crossings, find_components
from interp.features import on_sheets
from interp.replay import Frame, replay
from interp.rows import numbers_per_row

MOST_ROWS = 2_000
"""Of more training rows so many, evenly spaced, are looked at."""
_VALUES_AT_ONCE = 4_000_000
"""Roughly how many activations are held while snapshots run side by side."""


@dataclass(frozen=True, eq=False)
class Evolution:
    """One seed at every logged step."""

    label: int
    """The seed."""
    outputs: tuple[str, ...]
    """What the net's answers are called: in classification the output neurons, one per class."""
    kind: Kind
    steps: Int[np.ndarray, " frames"]
    metric: Float[np.ndarray, " frames"]
    """On the test split, as written down while training: R^2 averaged over outputs, or accuracy."""
    explained: Float[np.ndarray, " frames"]
    """The explained share of the training split."""
    spread: Float[np.ndarray, "frames outputs"]
    """Standard deviation of every output over the training split."""
    level: Float[np.ndarray, "frames outputs"]
    """Mean of every output over the training split."""
    per_output: Float[np.ndarray, "frames outputs"]
    """On the training split: R^2 of every output, or the share of each class's rows that are recognised."""
    incoming: Int[np.ndarray, "frames neurons"]
    """Connections above the cut into every output neuron."""
    connections: Int[np.ndarray, " frames"]
    """Connections above the cut on a path from an input to an output, tied ones once."""
    parts: Int[np.ndarray, " frames"]
    """How many independent parts there are."""
    parts_before_outputs: Int[np.ndarray, " frames"]
    """How many there are before the outputs, where the net is one part and that makes it several; else `parts`."""
    crossings: Int[np.ndarray, " frames"] | None
    """Pairs of connections of one link that cross; None where neurons lie on sheets: lines between them hardly meet."""

    @property
    def asymmetry(self) -> Float[np.ndarray, " frames"]:
        """(a - b) / (a + b) of the two outputs' spreads: 0 where they share the work, -1 or 1 where one does it all.

        Raises:
            ValueError: If there are not two outputs.
        """
        if len(self.outputs) != 2:
            raise ValueError(f"asymmetry takes two outputs, got {len(self.outputs)}")
        total = self.spread.sum(1)
        return (self.spread[:, 0] - self.spread[:, 1]) / np.where(total > 0, total, 1.0)


def measure_snapshots(checkpoint: Checkpoint, label: int) -> Evolution:
    """Looks at every snapshot of a seed.

    Args:
        checkpoint: With at least two snapshots.
        label: The seed.

    Raises:
        UserError: If there are fewer snapshots, or no such seed.
    """
    task = _fewer_rows(checkpoint.task)
    history = checkpoint.history[checkpoint.history["seed"] == label].set_index("step")["metric"]
    counts, outputs = [], []
    for frames in _side_by_side(replay(checkpoint, label), task):
        counts += [_counts(frame) for frame in frames]
        outputs.append(_outputs(frames, task))
    steps, incoming, connections, parts, before_outputs, crossings = zip(*counts, strict=True)
    explained, spread, level, per_output = (torch.cat(each).numpy() for each in zip(*outputs, strict=True))
    return Evolution(
        label=label,
        outputs=task.answers,
        kind=task.kind,
        steps=np.array(steps),
        metric=history.reindex(steps).to_numpy(dtype=np.float64),
        explained=explained,
        spread=spread,
        level=level,
        per_output=per_output,
        incoming=np.array(incoming),
        connections=np.array(connections),
        parts=np.array(parts),
        parts_before_outputs=np.array(before_outputs),
        crossings=None if on_sheets(checkpoint.net) else np.array(crossings),
    )


def _fewer_rows(task: Task) -> Task:
    rows = len(task.train)
    if rows <= MOST_ROWS:
        return task
    return replace(task, train=task.train.rows(torch.linspace(0, rows - 1, MOST_ROWS).long()))


def _side_by_side(frames: Iterable[Frame], task: Task) -> Iterator[list[Frame]]:
    """Yields as many frames at a time as may run as one net."""
    frames = iter(frames)
    first = next(frames)
    several = max(_VALUES_AT_ONCE // (numbers_per_row(first.net) * len(task.train)), 1)
    chunk = [first, *islice(frames, several - 1)]
    while chunk:
        yield chunk
        chunk = list(islice(frames, several))


def _counts(frame: Frame) -> tuple[int, list[int], int, int, int, int]:
    wiring, edges = frame.net.wiring, frame.cut.edges
    incoming = []
    for site in wiring.outputs:
        into = [edges[link.name][0] for link in wiring.links_into(site.name)]
        incoming += np.bincount(np.concatenate(into), minlength=wiring.population_of(site.name).size).tolist()
    parts = find_components(wiring, frame.cut)
    crossings = 0 if on_sheets(frame.net) else count_crossings(frame.net, frame.cut)
    return frame.step, incoming, frame.cut.connections, parts.count, parts.before_outputs, crossings


def _outputs(frames: list[Frame], task: Task) -> tuple[Tensor, ...]:
    """Runs frames as the seeds of one net: explained share, spread, level and metric output by output."""
    net = _stacked([frame.net for frame in frames])
    outputs, targets = net.run(task.train.inputs[None]), task.train.targets[None]
    spread = outputs.std(1, correction=0)
    return task.explained(outputs, targets), spread, outputs.mean(1), task.per_output(outputs, targets)


def _stacked(nets: list[Net]) -> Net:
    first = nets[0]
    return first.replaced(
        parameters={name: torch.cat([net.parameters[name] for net in nets]) for name in first.parameters},
        places={name: torch.cat([net.places[name] for net in nets]) for name in first.places},
    )
