"""Predictions of a trained net for new rows of a table, in the table's own units."""

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from bimt.checkpoint import Checkpoint
from bimt.messages import UserError, printable
from bimt.tasks.base import Task
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
        table: Holds every input column by name (of tokens, one column per position, with their names), as
            `bimt.tasks.table.read_table` returns it; others are ignored.
        label: Label of the seed to ask; None takes `best_label`.

    Returns:
        Regression: one column per target, in the table's units. Classification: the class that is most likely, under
        the target's name, then the probability of every class, under the name of its output.

    Raises:
        UserError: If there is no such seed, a column is missing or holds anything but finite numbers (or known
            tokens), or the task's rows are sequences.
    """
    task = checkpoint.task
    label = best_label(checkpoint) if label is None else label
    if label not in checkpoint.labels:
        raise UserError(f"seed must be one of {', '.join(map(str, checkpoint.labels))}, got {label}")
    if label in checkpoint.stopped:
        raise UserError(f"seed {label} stopped while training, choose another ({checkpoint.stopped[label]})")
    if not len(table):
        raise UserError("the table must have at least one row of data, got none")
    inputs = _tokens(task, table) if task.tokens else _numbers(task, table)
    outputs = task.scaling.to_table(_run(checkpoint, label, inputs))
    if task.kind == "regression":
        return pd.DataFrame(outputs.numpy(), columns=list(task.outputs))
    chosen = pd.DataFrame({_class_column(checkpoint): np.array(task.classes)[outputs.argmax(1).numpy()]})
    return chosen.join(pd.DataFrame(task.probabilities(outputs).numpy(), columns=list(task.outputs)))


def _numbers(task: Task, table: pd.DataFrame) -> Float[Tensor, "rows inputs"]:
    if task.moments > 1:
        raise UserError(f"the rows of {printable(task.name)} are sequences, and a table has none; use the net's run()")
    require_columns(table, task.inputs, "feature")
    return task.scaling.to_net(numeric_columns(table, task.inputs))


def _tokens(task: Task, table: pd.DataFrame) -> Int[Tensor, "rows positions"]:
    """Turns the names of tokens into their indices."""
    require_columns(table, task.tokens, "feature")
    names = [name.partition("=")[2] for name in task.inputs[: task.vocabulary]]
    columns = []
    for position in task.tokens:
        cells = table[position].astype(str)
        for row, cell in enumerate(cells):
            if cell not in names:
                known = f"{names[0]} to {names[-1]}" if len(names) > 8 else ", ".join(names)
                raise UserError(
                    f"row {row + 1} of column {printable(position)} must be one of {known}, got {printable(cell)}"
                )
        columns.append([names.index(cell) for cell in cells])
    return torch.tensor(columns).T


def _run(checkpoint: Checkpoint, label: int, inputs: Shaped[Tensor, "rows inputs"]) -> Float[Tensor, "rows outputs"]:
    net = checkpoint.net.seed(checkpoint.labels.index(label)).to(torch.float64)
    return torch.cat([net.run(part[None])[0] for part in inputs.split(_CHUNK)])


def _class_column(checkpoint: Checkpoint) -> str:
    task = checkpoint.config.task
    return task.targets[0] if isinstance(task, TableTask) else "class"


if __name__ == "__main__":
    from bimt.cli import run
    from bimt.commands import predict as command

    raise SystemExit(run(command, prog="python -m bimt.predict"))
