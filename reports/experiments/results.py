"""What the runs of an experiment have given: every variant trained, pruned and measured."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from bimt.checkpoint import Checkpoint
from interp.measures import Measures, measure, measures_frame
from interp.select import Selected, prune_all, select_best
from interp.sparse import SparseNet
from reports.experiments.experiment import Experiment, Variant


@dataclass(frozen=True, eq=False)
class Trained:
    """One variant, trained, pruned and measured."""

    variant: Variant
    checkpoint: Checkpoint
    pruned: tuple[SparseNet, ...]
    """Every seed that did not stop."""
    measures: tuple[Measures, ...]
    """The same seeds, in the same order."""
    best: Selected
    """The best seed after pruning."""
    seconds: float
    """How long training took."""

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The measures, one row per seed."""
        return measures_frame(self.measures)

    @property
    def best_measures(self) -> Measures:
        """The measures of the best seed."""
        return next(row for row in self.measures if row.seed == self.best.label)

    @property
    def metric_name(self) -> str:
        """What the metric is called."""
        return "accuracy" if self.checkpoint.task.kind == "classification" else "R²"


@dataclass(frozen=True, eq=False)
class Results:
    """All variants of an experiment."""

    experiment: Experiment
    """In the form that was run: full, fast or with other seeds."""
    trained: tuple[Trained, ...]
    is_fast: bool = False

    def __getitem__(self, label: str) -> Trained:
        """Returns the variant of a label.

        Raises:
            KeyError: If there is none.
        """
        for each in self.trained:
            if each.variant.label == label:
                return each
        raise KeyError(label)

    def __contains__(self, label: object) -> bool:
        """Tells whether a variant was run."""
        return any(each.variant.label == label for each in self.trained)

    def __iter__(self) -> Iterator[Trained]:
        """Goes through the variants in order."""
        return iter(self.trained)


def examine(variant: Variant, checkpoint: Checkpoint, *, seconds: float = 0.0) -> Trained:
    """Prunes and measures every seed of a trained variant.

    Raises:
        UserError: If every seed stopped.
    """
    pruned = prune_all(checkpoint)
    return Trained(
        variant=variant,
        checkpoint=checkpoint,
        pruned=tuple(pruned),
        measures=tuple(measure(checkpoint, sparse) for sparse in pruned),
        best=select_best(checkpoint, pruned),
        seconds=seconds,
    )
