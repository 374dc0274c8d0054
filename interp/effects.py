"""What cuts do to the test split: metric, every output's metric and the losses, for many cuts at once."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from bimt.nets.base import Net
from bimt.tasks.base import Task
from interp.compact import without_idle
from interp.edits import Cut, Replacements, run_cuts

_LARGE = 2**14
"""A net of more numbers is run without the neurons that nothing reads, most of a large one after pruning."""


class Effects(NamedTuple):
    """The test split's answers to some cuts."""

    metric: Float[Tensor, " cuts"]
    """R^2 averaged over outputs, or accuracy; the mean over the draws."""
    per_output: Float[Tensor, "cuts outputs"]
    """The metric output by output; the mean over the draws."""
    losses: Float[Tensor, "cuts samples"]
    """Their mean is the loss. One draw (zero, mean): the loss of every test row. Several (resample): of every draw."""


def measure_cuts(net: Net, task: Task, cuts: Sequence[Cut], values: Replacements) -> Effects:
    """Runs every cut for every draw on the test split.

    Args:
        net: One seed.
        task: In the net's float type.
        cuts: What to replace; an empty cut gives the net as it is.
        values: What by, as `replacements` returns them.
    """
    draws = next(iter(values.values())).shape[0]
    targets, inputs = task.test.targets[None], task.test.inputs
    metric, per_output, losses = [], [], []
    if sum(tensor.numel() for tensor in net.parameters.values()) > _LARGE:
        compact = without_idle(net, task, {name: tensor != 0 for name, tensor in net.parameters.items()})
        net, inputs, values = compact.net, compact.inputs(inputs), compact.values(values)
        cuts = [compact.cut(cut) for cut in cuts]
    for outputs in run_cuts(net, inputs, cuts, values):
        metric.append(task.metric(outputs, targets))
        per_output.append(task.per_output(outputs, targets))
        losses.append(_row_losses(task, outputs) if draws == 1 else task.loss(outputs, targets)[:, None])
    samples = len(task.test) if draws == 1 else draws
    return Effects(
        metric=_joined(metric, net).view(len(cuts), draws).mean(1),
        per_output=_joined(per_output, net).view(len(cuts), draws, len(task.answers)).mean(1),
        losses=_joined(losses, net).view(len(cuts), samples),
    )


def standard_error(samples: Float[Tensor, "cuts samples"]) -> Float[Tensor, " cuts"]:
    """Returns the standard error of each mean over the samples; NaN where there is only one sample."""
    count = samples.shape[1]
    if count < 2:
        return samples.new_full((len(samples),), torch.nan)
    return samples.std(1) / count**0.5


def _row_losses(task: Task, outputs: Float[Tensor, "copies rows outputs"]) -> Float[Tensor, "copies rows"]:
    """Returns the loss of every row by itself: each becomes a net that was asked this row only."""
    targets = task.test.targets.expand(len(outputs), *task.test.targets.shape)
    return task.loss(outputs.flatten(0, 1)[:, None], targets.flatten(0, 1)[:, None]).view(outputs.shape[:2])


def _joined(parts: list[Tensor], net: Net) -> Tensor:
    return torch.cat(parts) if parts else torch.empty(0, dtype=net.dtype)
