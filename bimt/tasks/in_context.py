"""Linear regression in context: from examples of one line, say what it would do to the next number."""

from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field

from bimt.strict import MOST, StrictModel
from bimt.tasks.base import Scaling, Split, Task

SETTINGS: dict[str, Any] = {
    "net": {"family": "transformer"},
    "steps": 40_000,
    "learning_rate": 1e-3,
    "batch": 64,
    "dtype": "float64",
    "cost": {
        "strength": [[0.0, 0.001], [0.25, 0.01], [0.75, 0.1]],
        "distance_scale": 2.0,
        "offset": 0.5,
        "reduce": "mean",
        "bias_from": 0.0,
    },
    "swaps": {"every": 1000, "top_k": 20},
}
"""What was published and differs from the defaults of TrainConfig; the published run never swapped."""


class InContextTask(StrictModel):
    """Learns y = w * x in context: each sequence x1, y1, x2, ... has a w of its own (arXiv:2305.08746, section 3.4).

    A token holds two numbers, a y and an x, one of them 0. The net is asked for y at every x; the metric counts the
    last one only, for the first cannot be known.
    """

    name: Literal["in_context"]
    sequences: int = Field(default=10_000, ge=10, le=MOST)
    """How many sequences there are, training and test together."""
    examples: int = Field(default=2, ge=2, le=64)
    """How many x a sequence has; each but the last is followed by its y."""
    train_fraction: float = Field(default=0.8, gt=0, lt=1)
    """Share of the sequences that the net is trained on."""
    data_seed: int = Field(default=0, ge=0, lt=2**32)
    """Seed of the data."""

    def load(self) -> Task:
        """Draws w uniform in (-1, 1) and x uniform in (1, 3)."""
        random = np.random.RandomState(self.data_seed)
        slope = random.uniform(-1, 1, (self.sequences, 1))
        x = random.uniform(1, 3, (self.sequences, self.examples))
        y = slope * x
        moments = 2 * self.examples - 1
        tokens = np.zeros((self.sequences, moments, 2))
        tokens[:, ::2, 1] = x
        tokens[:, 1::2, 0] = y[:, :-1]
        inputs, targets = torch.from_numpy(tokens.reshape(self.sequences, -1)), torch.from_numpy(y)
        trained = min(max(int(self.sequences * self.train_fraction), 2), self.sequences - 2)
        return Task(
            name=self.name,
            kind="regression",
            inputs=("y", "x"),
            outputs=("y", "x"),
            train=Split(inputs[:trained], targets[:trained]),
            test=Split(inputs[trained:], targets[trained:]),
            scaling=Scaling.none(inputs.shape[1], self.examples),
            moments=moments,
            reads=tuple((2 * example, 0) for example in range(self.examples)),
            answer_names=tuple(f"y{example + 1}" for example in range(self.examples)),
            judged=(self.examples - 1,),
        )
