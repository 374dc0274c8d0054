"""Predictions of a trained net for new rows of a table, in the table's own units."""

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from bimt.checkpoint import Checkpoint
from bimt.messages import UserError
from bimt.tasks.table import TableTask, numeric_columns, require_columns

_CHUNK = 65_536
"""Rows that run through the net at once."""


def best_label(checkpoint: Checkpoint) -> int:
    """Returns the label of the seed with the highest metric on the training split, ties by the lower loss.

    Only seeds that did not stop count. Nothing is pruned here: commands that prune choose by the pruned metric.
    """
    net, train = checkpoint.net.to(torch.float64), checkpoint.task.to(torch.float64).train
    outputs = net.run(train.inputs[None])
    metric = checkpoint.task.metric(outputs, train.targets[None]).tolist()
    loss = checkpoint.task.loss(outputs, train.targets[None]).tolist()
    rows = [checkpoint.labels.index(label) for label in checkpoint.running]
    return checkpoint.labels[max(rows, key=lambda row: (metric[row], -loss[row]))]


def predict(checkpoint: Checkpoint, table: pd.DataFrame, *, label: int | None = None) -> pd.DataFrame:
    """Predicts the targets of every row of a table.

    Args:
        checkpoint: What training made.
        table: Holds every input column by name, as `bimt.tasks.table.read_table` returns it; others are ignored.
        label: Label of the seed to ask; None takes `best_label`.

    Returns:
        Regression: one column per target, in the table's units. Classification: the class that is most likely, under
        the target's name, then the probability of every class, under the name of its output.

    Raises:
        UserError: If there is no such seed, or a column is missing or holds anything but finite numbers.
    """
    task = checkpoint.task
    label = best_label(checkpoint) if label is None else label
    if label not in checkpoint.labels:
        raise UserError(f"seed must be one of {', '.join(map(str, checkpoint.labels))}, got {label}")
    if label in checkpoint.stopped:
        raise UserError(f"seed {label} stopped while training, choose another ({checkpoint.stopped[label]})")
    if not len(table):
        raise UserError("the table must have at least one row of data, got none")
    require_columns(table, task.inputs, "feature")
    inputs = task.scaling.to_net(numeric_columns(table, task.inputs))
    outputs = task.scaling.to_table(_run(checkpoint, label, inputs))
    if task.kind == "regression":
        return pd.DataFrame(outputs.numpy(), columns=list(task.outputs))
    chosen = pd.DataFrame({_class_column(checkpoint): np.array(task.classes)[outputs.argmax(1).numpy()]})
    return chosen.join(pd.DataFrame(outputs.softmax(1).numpy(), columns=list(task.outputs)))


def _run(checkpoint: Checkpoint, label: int, inputs: Float[Tensor, "rows inputs"]) -> Float[Tensor, "rows outputs"]:
    net = checkpoint.net.seed(checkpoint.labels.index(label)).to(torch.float64)
    return torch.cat([net.run(part[None])[0] for part in inputs.split(_CHUNK)])


def _class_column(checkpoint: Checkpoint) -> str:
    task = checkpoint.config.task
    return task.targets[0] if isinstance(task, TableTask) else "class"


if __name__ == "__main__":
    from bimt.cli import run
    from bimt.commands import predict as command

    raise SystemExit(run(command, prog="python -m bimt.predict"))
