"""Small functions side by side, of two inputs each, with the inputs interleaved."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field

from bimt.strict import MOST, StrictModel
from bimt.tasks.base import Scaling, Split, Task
from bimt.tasks.formulas import Columns
from bimt.tasks.planted import Subtask

SETTINGS: dict[str, Any] = {
    "net": {"hidden": [40, 40]},
    "steps": 5_000,
    "cost": {"strength": [[0.0, 0.0003], [0.25, 0.003], [0.75, 0.0003]]},
}
"""What differs from the defaults of TrainConfig: more neurons for six functions, and a price that lets all of them be
learned, as the error is averaged over the outputs."""

FUNCTIONS: dict[str, Callable[[Columns, Columns], Columns]] = {
    "product": lambda a, b: 2 * a * b,
    "square": lambda a, b: (a - b) ** 2,
    "sine": lambda a, b: np.sin(np.pi * (a + b) / 2),
    "distance": lambda a, b: 2 * np.sqrt(a**2 + b**2),
    "cube": lambda a, b: (a + b) ** 3 / 2,
    "growth": lambda a, b: a * np.exp(b),
}
"""Their values spread alike (standard deviation 0.5 to 0.8), so that none is cheaper to give up than another."""


class PartsTask(StrictModel):
    """Learns `parts` functions that have nothing to do with each other: y1 of x1 and x(parts + 1), and so on.

    The inputs of one function are `parts` places apart, as in independence: the net has to sort them. No function is
    a sum of functions of one input each, and none is linear, so that each needs hidden neurons that read both.
    """

    name: Literal["parts"]
    parts: int = Field(default=3, ge=1, le=6)
    """How many functions there are: the first of `FUNCTIONS`."""
    rows: int = Field(default=400, ge=2, le=MOST)
    """Rows of the training split, and of the test split."""
    data_seed: int = Field(default=0, ge=0, lt=2**32)

    def load(self) -> Task:
        """Draws inputs uniform in (-1, 1): training rows first, then the test rows from the same generator."""
        random = np.random.RandomState(self.data_seed)
        splits = [self._draw(random) for _ in range(2)]
        return Task(
            name=self.name,
            kind="regression",
            inputs=tuple(f"x{index + 1}" for index in range(2 * self.parts)),
            outputs=tuple(f"y{index + 1}" for index in range(self.parts)),
            train=splits[0],
            test=splits[1],
            scaling=Scaling.none(2 * self.parts, self.parts),
        )

    def planted(self) -> tuple[Subtask, ...]:
        """Returns the functions with their two inputs and their output."""
        return tuple(
            Subtask(name, (f"x{index + 1}", f"x{index + self.parts + 1}"), (f"y{index + 1}",))
            for index, name in enumerate(list(FUNCTIONS)[: self.parts])
        )

    def _draw(self, random: np.random.RandomState) -> Split:
        inputs = random.rand(self.rows, 2 * self.parts) * 2 - 1
        columns = [
            evaluate(inputs[:, index], inputs[:, index + self.parts])
            for index, evaluate in enumerate(list(FUNCTIONS.values())[: self.parts])
        ]
        return Split(torch.from_numpy(inputs), torch.from_numpy(np.stack(columns, axis=1)))
