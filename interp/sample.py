"""Which rows of a large split a report looks at: a sample that every command can draw again."""

from dataclasses import replace

import torch
from jaxtyping import Int
from torch import Tensor

from bimt.tasks.base import Split, Task

MOST_ROWS = 2_000
"""Of more rows so many are drawn."""
_SEED = 0


def sampled_rows(split: Split) -> Int[Tensor, " rows"]:
    """Returns which rows of a split are looked at, in order: all, or 2,000 drawn without replacement, always the same.

    Example:
        >>> len(sampled_rows(Split(torch.zeros(5000, 2), torch.zeros(5000, 1))))
        2000
    """
    count = len(split)
    if count <= MOST_ROWS:
        return torch.arange(count)
    return torch.randperm(count, generator=torch.Generator().manual_seed(_SEED))[:MOST_ROWS].sort().values


def sampled(task: Task) -> Task:
    """Returns the task with the rows of its test split that reports carry; the training split stays whole."""
    return replace(task, test=task.test.rows(sampled_rows(task.test)))
