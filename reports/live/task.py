"""A task as a page's script needs it: the rows that are asked, what is true of them, how answers are judged."""

from typing import Any

import numpy as np
import torch

from bimt.messages import printable
from bimt.tasks.base import Task
from interp.sample import sampled
from reports.live.arrays import packed

_LONGEST = 60


def view_task(task: Task) -> dict[str, Any]:
    """Describes a task with the test rows that reports carry (see `interp.sample`).

    Returns:
        What scripts/scores.js and scripts/probe.js read; inputs and targets exactly, in the units that the net sees.
    """
    carried, scaling = sampled(task), task.scaling
    split = carried.test
    return {
        "name": printable(task.name, limit=_LONGEST),
        "kind": task.kind,
        "is_squared": task.squared,
        "metric": "accuracy" if task.kind == "classification" else "R²",
        "rows": len(split),
        "all_rows": len(task.test),
        "inputs": packed(split.inputs.numpy()),
        "targets": packed(split.targets.numpy()),
        "input_names": _names(task.inputs),
        "output_names": _names(task.outputs),
        "answer_names": _names(task.answers),
        "class_names": _names(task.classes),
        "judged": list(task.judged),
        "tokens": _names(task.tokens),
        "token_names": _names(_tokens(task)),
        "columns": _names(_columns(task)),
        "ranges": packed(_ranges(task)),
        "input_shift": packed(scaling.input_shift.numpy()),
        "input_scale": packed(scaling.input_scale.numpy()),
        "output_shift": packed(scaling.output_shift.numpy()),
        "output_scale": packed(scaling.output_scale.numpy()),
    }


def _names(names: tuple[str, ...]) -> list[str]:
    return [printable(name, limit=_LONGEST) for name in names]


def _tokens(task: Task) -> tuple[str, ...]:
    """Returns what the tokens are called at the first position, without the position's name."""
    return tuple(name.rpartition("=")[2] for name in task.inputs[: task.vocabulary]) if task.tokens else ()


def _columns(task: Task) -> tuple[str, ...]:
    """Names every number of a row: a token's position; an input; or an input at its moment."""
    if task.tokens:
        return task.tokens
    if task.moments == 1:
        return task.inputs
    return tuple(f"{name} at {moment + 1}" for moment in range(task.moments) for name in task.inputs)


def _ranges(task: Task) -> np.ndarray:
    """Returns the smallest and largest value of every column in the training split, in the table's units."""
    if task.tokens:
        return np.tile([0, task.vocabulary - 1], (len(task.tokens), 1))
    low, high = task.scaling.inputs_to_table(task.train.inputs.to(torch.float64)).aminmax(dim=0)
    return np.stack([low.numpy(), high.numpy()], 1)
