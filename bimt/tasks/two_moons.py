"""Two interleaved half circles to tell apart, as published."""

from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field

from bimt.strict import MOST, StrictModel
from bimt.tasks.base import Scaling, Split, Task

SETTINGS: dict[str, Any] = {
    "steps": 10001,
    "cost": {"strength": [[0.0, 0.001], [0.5, 0.01]], "offset": 0.2, "bias_from": 0.0},
    "swaps": {"top_k": 10},
}
"""What was published and differs from the defaults of TrainConfig."""


class TwoMoonsTask(StrictModel):
    """Classifies points of scikit-learn's two moons (arXiv:2305.08746, section 3.2)."""

    name: Literal["two_moons"]
    rows: int = Field(default=200, ge=4, le=MOST)
    """Rows of the training split, and of the test split."""
    noise: float = Field(default=0.1, ge=0)
    """Standard deviation of the points around their half circle."""
    data_seed: int = Field(default=1, ge=0, lt=2**32)

    def load(self) -> Task:
        """Draws the data as published: both splits in turn from one legacy generator."""
        random = np.random.RandomState(self.data_seed)
        splits = [_draw(random, self.rows, self.noise) for _ in range(2)]
        return Task(
            name=self.name,
            kind="classification",
            inputs=("x1", "x2"),
            outputs=("moon_0", "moon_1"),
            train=splits[0],
            test=splits[1],
            scaling=Scaling.none(2, 2),
            classes=("0", "1"),
        )


def _draw(random: np.random.RandomState, rows: int, noise: float) -> Split:
    from sklearn.datasets import make_moons

    inputs, labels = make_moons(rows, noise=noise, random_state=random)
    return Split(torch.from_numpy(inputs), torch.from_numpy(labels.astype(np.int64)))
