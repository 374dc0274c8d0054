"""The nets of one seed's snapshots, each at its step and cut at the published threshold."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool
from numpy.typing import NDArray
from torch import Tensor

from bimt.checkpoint import Checkpoint
from bimt.messages import UserError, printable
from bimt.nets.base import Net
from bimt.train import LIVE
from interp.select import check_label
from interp.sparse import above, joined

Ints = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Cut:
    """Which connections of a one-seed net are above `LIVE`, or look-ups, and lead somewhere."""

    edges: Mapping[str, tuple[Ints, Ints]]
    """For each link by name, the target and source neurons of its connections on paths from inputs to outputs."""
    live: Mapping[str, Bool[Tensor, " size"]]
    """For each site, which neurons lie on such a path."""
    connections: int
    """How many there are; tied ones count once, look-ups do not."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One snapshot of one seed."""

    number: int
    """Its place among the snapshots, counted from 0."""
    step: int
    net: Net
    """One seed in float64, nothing cut."""
    cut: Cut
    """What is left of it."""


def logged_steps(checkpoint: Checkpoint) -> tuple[int, ...]:
    """Returns the step of every snapshot.

    Raises:
        UserError: If there are fewer than two: then nothing can be seen to change.
    """
    steps = checkpoint.snapshots.get("step")
    count = 0 if steps is None else len(steps)
    if steps is None or count < 2:
        held = "no snapshot" if count == 0 else "one snapshot only"
        raise UserError(
            f"{printable(checkpoint.path)} holds {held}, and a change takes two; "
            "take the checkpoint that was trained, or train with a lower log_every"
        )
    return tuple(steps.tolist())


def replay(checkpoint: Checkpoint, label: int, *, numbers: Sequence[int] | None = None) -> Iterator[Frame]:
    """Yields the snapshots of one seed, in order.

    Each is cut at the threshold that training itself counts connections by. Pruning every snapshot properly would take
    hundreds of passes over the data per snapshot.

    Args:
        checkpoint: Of any family of nets.
        label: The seed.
        numbers: Which snapshots; None for all of them.

    Raises:
        UserError: If there are fewer than two snapshots, or no such seed.
    """
    steps = logged_steps(checkpoint)
    check_label(checkpoint, label)
    row = checkpoint.labels.index(label)
    last = checkpoint.net.seed(row)
    for number in range(len(steps)) if numbers is None else numbers:
        held = {name: tensor[number, row : row + 1] for name, tensor in checkpoint.snapshots.items() if name != "step"}
        net = last.replaced(
            parameters={name: held[name] for name in last.parameters},
            places={name: held[f"places.{name}"] for name in last.places},
        ).to(torch.float64)
        yield Frame(number, steps[number], net, cut(net))


def cut(net: Net) -> Cut:
    """Cuts a one-seed net at `LIVE`: as `above`."""
    wiring = net.wiring
    kept, live = above(net, LIVE)
    edges = {}
    for link in wiring.links:
        target, source = np.nonzero(joined(link, kept, live).numpy())
        edges[link.name] = target, source
    connections = sum(int(link.view(kept[link.parameter]).sum()) for link in wiring.distinct_links(look_ups=False))
    return Cut(edges, live, connections)
