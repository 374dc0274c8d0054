"""Small checkpoints to report on, trained for a moment, on data with any names."""

from dataclasses import replace

import numpy as np
import torch

from bimt.checkpoint import Checkpoint, save_checkpoint
from bimt.config import make_config
from bimt.tasks.base import Scaling, Split, Task
from bimt.train import train

HOSTILE = (
    "<script>alert(1)</script>",
    "$\\frac{",
    "../../x",
    "nul\0nul",
    "right\u202eto left",
    "x" * 10_000,
    "a|b`c`\n# d",
    '"><img src=http://127.0.0.1:9/hit onerror=alert(1)>',
    "](javascript:alert(1)) ![i](http://127.0.0.1:9/hit)",
    "{{ 7*7 }}{% raw %}",
    "</title></style></svg></math><script>alert(2)</script>",
    "&lt;b&gt; é 漢字 שלום",
)


def small_task(*, inputs=("x1", "x2", "x3"), outputs=("y1",), kind="regression", rows=24, constant=()) -> Task:
    """Sums of squares of neighbouring inputs, or which of them is largest; some outputs constant."""
    random = np.random.RandomState(0)
    splits = []
    for _ in range(2):
        table = random.rand(rows, len(inputs)) * 2 - 1
        heights = np.stack(
            [table[:, k % len(inputs)] - table[:, (k + 1) % len(inputs)] for k in range(len(outputs))], 1
        )
        heights[:, list(constant)] = 1.0
        targets = torch.from_numpy(heights if kind == "regression" else heights.argmax(1).astype(np.int64))
        splits.append(Split(torch.from_numpy(table), targets))
    scaling = Scaling.none(len(inputs), len(outputs))
    classes = tuple(outputs) if kind == "classification" else ()
    return Task("small", kind, tuple(inputs), tuple(outputs), splits[0], splits[1], scaling, classes)


def small_checkpoint(task: Task, *, seeds=2, steps=40, hidden="[5]", command=()) -> Checkpoint:
    """Trains on a task for a moment."""
    settings = [f"steps={steps}", f"net.hidden={hidden}", "log_every=10", "learning_rate=0.02", "swaps.every=20"]
    return replace(train(make_config("independence", settings=settings, seeds=seeds), task=task), command=command)


def without_weights(checkpoint: Checkpoint) -> Checkpoint:
    """The same with all weights zero: nothing is connected."""
    zero = {name: tensor * 0 for name, tensor in checkpoint.net.parameters.items()}
    return replace(checkpoint, net=checkpoint.net.replaced(parameters=zero))


def saved(checkpoint: Checkpoint, folder) -> Checkpoint:
    """The checkpoint, written into a folder."""
    return save_checkpoint(checkpoint, folder)
