"""Tasks whose targets are formulas of uniform random inputs, with the published settings as defaults."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from bimt.strict import MOST, StrictModel
from bimt.tasks.base import Scaling, Split, Task

Columns = np.ndarray


@dataclass(frozen=True)
class Formula:
    """A published target and the settings it was published with."""

    inputs: int
    outputs: int
    evaluate: Callable[[Columns], list[Columns]]
    """From inputs (inputs, rows) to one array (rows,) per output."""
    data_seed: int
    settings: dict[str, Any]
    """What differs from the defaults of TrainConfig."""


FORMULAS = {
    "independence": Formula(
        4, 2, lambda x: [(x[0] + x[2]) ** 3, x[1] ** 2 + np.sin(np.pi * x[3])], data_seed=0, settings={}
    ),
    "feature_sharing": Formula(
        3, 3, lambda x: [x[0] ** 2, x[0] ** 2 + x[1] ** 2, x[0] ** 2 + x[1] ** 2 + x[2] ** 2], data_seed=4, settings={}
    ),
    "compositionality": Formula(
        4,
        1,
        lambda x: [np.sqrt((x[0] - x[1]) ** 2 + (x[2] - x[3]) ** 2)],
        data_seed=3,
        settings={
            "net": {"hidden": [20, 20, 20, 20]},
            "cost": {"strength": [[0.0, 0.001], [0.25, 0.003], [0.75, 0.001]]},
        },
    ),
    "crossing": Formula(2, 2, lambda x: [x[1], x[0]], data_seed=0, settings={}),
}


class FormulaTask(StrictModel):
    """Numbers in, numbers out: x uniform in (-1, 1), y a formula of x (arXiv:2305.08746, section 3.1)."""

    name: Literal["independence", "feature_sharing", "compositionality", "crossing"]
    rows: int = Field(default=100, ge=2, le=MOST)
    """Rows of the training split, and of the test split."""
    data_seed: int | None = Field(default=None, ge=0, lt=2**32)
    """Seed of the data; None takes the published one."""

    def load(self) -> Task:
        """Draws the data as published: training rows first, then the test rows from the same generator."""
        formula = FORMULAS[self.name]
        random = np.random.RandomState(formula.data_seed if self.data_seed is None else self.data_seed)
        splits = [_draw(formula, random, self.rows) for _ in range(2)]
        return Task(
            name=self.name,
            kind="regression",
            inputs=tuple(f"x{index + 1}" for index in range(formula.inputs)),
            outputs=tuple(f"y{index + 1}" for index in range(formula.outputs)),
            train=splits[0],
            test=splits[1],
            scaling=Scaling.none(formula.inputs, formula.outputs),
        )


def known_law(task: Task) -> Callable[[Tensor], Tensor] | None:
    """Returns what the targets of a formula's task are anywhere: from (rows, inputs) to (rows, outputs), float64.

    None for all other tasks, and for a table that only bears a formula's name.
    """
    formula = FORMULAS.get(task.name)
    if formula is None or (len(task.inputs), len(task.outputs)) != (formula.inputs, formula.outputs):
        return None

    def law(inputs: Tensor) -> Tensor:
        return torch.from_numpy(np.stack(formula.evaluate(inputs.double().numpy().T), axis=1))

    inputs, targets = task.scaling.inputs_to_table(task.train.inputs), task.scaling.to_table(task.train.targets)
    return law if torch.allclose(law(inputs), targets.double(), rtol=1e-5, atol=1e-6) else None


def _draw(formula: Formula, random: np.random.RandomState, rows: int) -> Split:
    inputs = random.rand(rows, formula.inputs) * 2 - 1
    targets = np.stack(formula.evaluate(inputs.T), axis=1)
    return Split(torch.from_numpy(inputs), torch.from_numpy(targets))
