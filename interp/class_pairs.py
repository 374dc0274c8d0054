"""Which classes do neurons tell apart? Every pair of classes by itself, before and after removing some neurons."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from bimt.messages import UserError
from bimt.tasks.base import Task
from interp.edits import Cut, replacements, run_cuts
from interp.modules import Modules
from interp.sparse import Neuron, SparseNet


@dataclass(frozen=True)
class PairDrops:
    """What removing some neurons does to telling one class from another."""

    name: str
    """What was removed."""
    drops: tuple[float, ...]
    """For each pair of classes, baseline minus ablated accuracy on the rows of these two classes; NaN where
    the test split has neither."""

    @property
    def focus(self) -> float:
        """The largest pair's share of all drops (rises count as none): 1 if one pair alone suffers; 0 if none does."""
        losses = [drop for drop in self.drops if drop > 0]
        return max(losses) / sum(losses) if losses else 0.0


@dataclass(frozen=True)
class ClassPairs:
    """Every pair of classes as a task by itself."""

    pairs: tuple[str, ...]
    """The two classes of each, as "0 or 1"."""
    baseline: tuple[float, ...]
    """The accuracy of each: how often the right one of the two has the higher logit (ties count half)."""
    rows: tuple[PairDrops, ...]
    """One for each set of neurons, in the order given."""

    def to_frame(self) -> pd.DataFrame:
        """Returns one row per set of neurons: a column of drops per pair, and the focus."""
        return pd.DataFrame(
            [
                {"name": row.name, **dict(zip(self.pairs, row.drops, strict=True)), "focus": row.focus}
                for row in self.rows
            ],
            columns=["name", *self.pairs, "focus"],
        )


def compare_class_pairs(
    sparse: SparseNet,
    groups: Mapping[str, Sequence[Neuron]],
    task: Task,
    *,
    method: Literal["zero", "mean"] = "zero",
) -> ClassPairs:
    """Removes sets of neurons, and asks for every two classes whether they are still told apart.

    Args:
        sparse: The pruned net.
        groups: What is removed, by name: as `hidden_neurons` or `hidden_modules` returns them.
        task: A classification; judges on the test split.
        method: What stands in for a removed neuron: 0, or its mean over the training split.

    Raises:
        UserError: If the task is no classification.
    """
    if task.kind != "classification":
        raise UserError(f"classes must be told apart in a classification, got the {task.kind} {task.name}")
    values = replacements(sparse.net, task.train.inputs, method=method)
    cuts = [Cut(), *(Cut(tuple(neurons)) for neurons in groups.values())]
    outputs = torch.cat(list(run_cuts(sparse.net, task.test.inputs, cuts, values)))
    accuracy = _pair_accuracy(outputs, task.test.targets)
    drops = (accuracy[0] - accuracy[1:]).tolist()
    names = [f"{one} or {other}" for one, other in itertools.combinations(task.classes, 2)]
    rows = tuple(PairDrops(name, tuple(drop)) for name, drop in zip(groups, drops, strict=True))
    return ClassPairs(tuple(names), tuple(accuracy[0].tolist()), rows)


def hidden_neurons(sparse: SparseNet) -> dict[str, tuple[Neuron, ...]]:
    """Returns every hidden neuron that pruning left, by itself."""
    live = sparse.live()
    found = [
        Neuron(site.name, int(index))
        for site in sparse.net.wiring.sites
        if site.role == "hidden"
        for index in live[site.name].nonzero()
    ]
    return {str(neuron): (neuron,) for neuron in found}


def hidden_modules(sparse: SparseNet, modules: Modules) -> dict[str, tuple[Neuron, ...]]:
    """Returns the hidden neurons of every module that has some."""
    role = {site.name: site.role for site in sparse.net.wiring.sites}
    found = {
        module.name: tuple(neuron for neuron in module.neurons if role[neuron.site] == "hidden")
        for module in modules.modules
    }
    return {name: neurons for name, neurons in found.items() if neurons}


def _pair_accuracy(outputs: Float[Tensor, "copies rows classes"], targets: Tensor) -> Float[Tensor, "copies pairs"]:
    columns = []
    for one, other in itertools.combinations(range(outputs.shape[-1]), 2):
        gap = outputs[..., one] - outputs[..., other]
        right = torch.cat([gap[:, targets == one], -gap[:, targets == other]], dim=1).sign()
        columns.append((right + 1).mean(1) / 2)
    return torch.stack(columns, dim=1)
