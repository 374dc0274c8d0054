"""Which seed of a checkpoint is explained: the one asked for, or the best."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bimt.checkpoint import Checkpoint
from bimt.messages import UserError, printable
from bimt.opening import open_checkpoint
from bimt.tasks.base import Task
from interp.prune import prune
from interp.score import in_order, traits
from interp.sparse import SparseNet, whole


@dataclass(frozen=True, eq=False)
class Selected:
    """One pruned seed of a checkpoint: where every explanation starts."""

    checkpoint: Checkpoint
    label: int
    """The seed's label."""
    dense: SparseNet
    """The seed as trained, in float64."""
    sparse: SparseNet
    """The seed pruned."""


def select(checkpoint: Checkpoint | Path | str, label: int | None = None, *, tolerance: float = 1e-3) -> Selected:
    """Prunes one seed of a checkpoint.

    Args:
        checkpoint: One in memory, or its folder.
        label: The seed; None takes the best: the first of `interp.rank`, by the default weights of its score.
        tolerance: As in `prune`.

    Raises:
        UserError: If there is no such seed, its training stopped, or the tolerance is not positive.
    """
    if not isinstance(checkpoint, Checkpoint):
        checkpoint = open_checkpoint(checkpoint)
    if label is not None:
        check_label(checkpoint, label)
    return select_best(
        checkpoint, prune_all(checkpoint, tolerance=tolerance, labels=None if label is None else [label])
    )


def select_best(checkpoint: Checkpoint, pruned: Sequence[SparseNet]) -> Selected:
    """Takes the best of a checkpoint's pruned seeds, as `select` does, where they are at hand already."""
    sparse = best_of(pruned, checkpoint.task)
    net = checkpoint.net.seed(checkpoint.labels.index(sparse.label))
    return Selected(checkpoint, sparse.label, whole(net, checkpoint.task, label=sparse.label), sparse)


def best_of(pruned: Sequence[SparseNet], task: Task) -> SparseNet:
    """Returns the seed with the highest score (see `interp.score.scores`), worked out on the training split."""
    if len(pruned) == 1:
        return pruned[0]
    best = in_order([traits(sparse, task) for sparse in pruned])[0].seed
    return next(sparse for sparse in pruned if sparse.label == best)


def prune_all(
    checkpoint: Checkpoint, *, tolerance: float = 1e-3, labels: Sequence[int] | None = None
) -> list[SparseNet]:
    """Prunes every seed that did not stop, or only those with these labels.

    Raises:
        UserError: If all of them stopped, or the tolerance is not positive.
    """
    if not checkpoint.running:
        raise UserError(f"every seed of {printable(checkpoint.path)} stopped; train again with a lower learning_rate")
    return [_prune_label(checkpoint, label, tolerance) for label in labels or checkpoint.running]


def _prune_label(checkpoint: Checkpoint, label: int, tolerance: float) -> SparseNet:
    if not 0 < tolerance < 1:
        raise UserError(f"--tolerance must be above 0 and below 1, got {tolerance}")
    net = checkpoint.net.seed(checkpoint.labels.index(label))
    return prune(net, checkpoint.task, tolerance=tolerance, label=label)


def check_label(checkpoint: Checkpoint, label: int) -> None:
    """Refuses a label that cannot be explained.

    Raises:
        UserError: If there is no such seed, or its training stopped.
    """
    if label in checkpoint.stopped:
        raise UserError(f"seed {label} stopped while training ({checkpoint.stopped[label]}); choose another")
    if label not in checkpoint.labels:
        first, last = checkpoint.labels[0], checkpoint.labels[-1]
        known = str(first) if first == last else f"{first} to {last}"
        raise UserError(f"--seed must be a label of the checkpoint, {known}, got {label}")
