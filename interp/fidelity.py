"""How close formulas are to the net and to the data: on both splits, in the box of the training rows, and outside."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from bimt.nets.base import Net
from bimt.tasks.base import Task
from bimt.tasks.formulas import known_law
from interp.rounding import varies

BOX = "box"
SHELLS = {"+10 %": 1.1, "+50 %": 1.5}
"""By how much the box is grown about its centre; points lie in the grown box but not in the box itself."""
_OUTSIDE = 2_000
"""Points in each shell."""


@dataclass(frozen=True)
class Fidelity:
    """How close one formula is to the net and to the data in one region; in the table's units."""

    region: str
    """One of "train", "test", "box", "+10 %", "+50 %"."""
    net_error: float
    """Largest |formula - net|; infinite where the formula is not defined somewhere."""
    net_r_squared: float | None
    """Against the net; None where the net's output does not vary, or the formula is not defined somewhere."""
    data_error: float | None
    """Largest |formula - data|; None where nothing was measured, and in classification."""
    data_r_squared: float | None
    """Against the data; None as above."""

    def to_json(self) -> dict[str, Any]:
        """Returns its fields; what is infinite is null."""
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in asdict(self).items()
        }


@dataclass(frozen=True, eq=False)
class Region:
    """Rows on which formulas are compared."""

    name: str
    inputs: Float[Tensor, "rows inputs"]
    """In the table's units."""
    net: Float[Tensor, "rows outputs"]
    """What the net says, in the table's units."""
    data: Float[Tensor, "rows outputs"] | None
    """What was measured, or what the law behind the data says; None where neither is known."""

    def judge(self, found: Float[Tensor, "rows outputs"]) -> tuple[Fidelity, ...]:
        """Compares what formulas give on its rows, output by output."""
        nothing = [(None, None)] * found.shape[1]
        against = _compared(found, self.net), nothing if self.data is None else _compared(found, self.data)
        return tuple(Fidelity(self.name, *net, *data) for net, data in zip(*against, strict=True))


def regions(task: Task, net: Net, *, points: int, seed: int) -> tuple[Region, ...]:
    """Returns the regions in which formulas are judged.

    Args:
        task: Its training rows span the box.
        net: One seed, float64.
        points: How many points are drawn uniformly from the box.
        seed: Of the points, in the box and outside.

    Returns:
        In this order: the box, the test split, the training split, and the shells around the box.
    """
    low, high = box_of(task)
    random = np.random.default_rng(seed)
    drawn = [(BOX, low + torch.from_numpy(random.random((points, len(low)))) * (high - low))]
    drawn += [(name, _around(low, high, grown, random)) for name, grown in SHELLS.items()]
    law = known_law(task)
    found = {
        name: Region(name, inputs, _said(net, task, inputs), None if law is None else law(inputs))
        for name, inputs in drawn
    }
    for name, split in (("test", task.test), ("train", task.train)):
        inputs = task.scaling.inputs_to_table(split.inputs)
        data = task.scaling.to_table(split.targets) if task.kind == "regression" else None
        found[name] = Region(name, inputs, _said(net, task, inputs), data)
    return tuple(found[name] for name in (BOX, "test", "train", *SHELLS))


def in_order(judged: Sequence[Fidelity]) -> tuple[Fidelity, ...]:
    """Returns what was judged as it is shown: from where the net was trained to far outside."""
    order = ("train", "test", BOX, *SHELLS)
    return tuple(sorted(judged, key=lambda each: order.index(each.region)))


def box_of(task: Task) -> tuple[Float[Tensor, " inputs"], Float[Tensor, " inputs"]]:
    """Returns the smallest and the largest value of every column in the training split, in the table's units."""
    table = task.scaling.inputs_to_table(task.train.inputs)
    return table.amin(0), table.amax(0)


def _compared(
    found: Float[Tensor, "rows outputs"], truth: Float[Tensor, "rows outputs"]
) -> list[tuple[float, float | None]]:
    """Returns each output's largest error and R^2."""
    errors = found - truth
    defined, vary = errors.isfinite().all(0).tolist(), varies(truth).tolist()
    largest = errors.abs().amax(0).tolist()
    scores = (1 - errors.square().mean(0) / truth.var(0, correction=0)).tolist()
    return [
        (size, score if varied else None) if is_defined else (math.inf, None)
        for size, score, is_defined, varied in zip(largest, scores, defined, vary, strict=True)
    ]


def _said(net: Net, task: Task, inputs: Float[Tensor, "rows inputs"]) -> Float[Tensor, "rows outputs"]:
    if net.seeds != 1:
        raise ValueError(f"`sparse.net` must hold one seed, got {net.seeds}: take one with net.seed(row)")
    return task.scaling.to_table(net.run(task.scaling.to_net(inputs)[None])[0])


def _around(
    low: Float[Tensor, " inputs"], high: Float[Tensor, " inputs"], grown: float, random: np.random.Generator
) -> Float[Tensor, "rows inputs"]:
    """Draws points of a box grown about its centre; one column of each is set outside the box, the others anywhere.

    Columns that do not vary are no way out of the box; where none does, it is all there is.
    """
    centre, reach = (low + high) / 2, (high - low) / 2
    varying = np.flatnonzero(reach.numpy())
    if not len(varying):
        return centre.expand(_OUTSIDE, -1)
    shares = random.uniform(-grown, grown, (_OUTSIDE, len(low)))
    shares[:, reach.numpy() == 0] = 0.0
    column = varying[random.integers(len(varying), size=_OUTSIDE)]
    outside = random.uniform(1.0, grown, _OUTSIDE) * random.choice([-1.0, 1.0], _OUTSIDE)
    inside = np.abs(shares).max(1) <= 1
    shares[inside, column[inside]] = outside[inside]
    return centre + torch.from_numpy(shares) * reach
