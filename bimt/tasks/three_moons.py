"""Three interleaved half circles to tell apart: two moons and a third."""

import itertools
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field

from bimt.strict import MOST, StrictModel
from bimt.tasks.base import Scaling, Split, Task
from bimt.tasks.planted import Subtask
from bimt.tasks.two_moons import SETTINGS as TWO_MOONS_SETTINGS

SETTINGS: dict[str, Any] = TWO_MOONS_SETTINGS
"""What differs from the defaults of TrainConfig: as two_moons, so that only the third moon is new."""

_CENTRES = np.array([[0.0, 0.0], [1.25, 0.5], [2.5, 0.0]])
"""Further apart than scikit-learn's two (1.0), or the ends of the first and third moon would touch."""
_MOONS = 3


class ThreeMoonsTask(StrictModel):
    """Classifies points of three half circles of radius 1: open below, open above, open below, from left to right."""

    name: Literal["three_moons"]
    rows: int = Field(default=300, ge=6, le=MOST)
    """Rows of the training split, and of the test split; shared out evenly, the first moons take what is over."""
    noise: float = Field(default=0.1, ge=0)
    """Standard deviation of the points around their half circle."""
    data_seed: int = Field(default=1, ge=0, lt=2**32)

    def load(self) -> Task:
        """Draws both splits in turn from one generator; points stand evenly along their half circle."""
        random = np.random.RandomState(self.data_seed)
        splits = [self._draw(random) for _ in range(2)]
        return Task(
            name=self.name,
            kind="classification",
            inputs=("x1", "x2"),
            outputs=tuple(f"moon_{index}" for index in range(_MOONS)),
            train=splits[0],
            test=splits[1],
            scaling=Scaling.none(2, _MOONS),
            classes=tuple(str(index) for index in range(_MOONS)),
        )

    def planted(self) -> tuple[Subtask, ...]:
        """Returns the pairs of moons to tell apart: all read both inputs, and each output is in two of them."""
        return tuple(
            Subtask(f"{one} or {other}", ("x1", "x2"), (f"moon_{one}", f"moon_{other}"))
            for one, other in itertools.combinations(range(_MOONS), 2)
        )

    def _draw(self, random: np.random.RandomState) -> Split:
        points, labels = [], []
        for moon, centre in enumerate(_CENTRES):
            count = len(range(moon, self.rows, _MOONS))
            angle = np.linspace(0, np.pi, count)
            side = -1 if moon % 2 else 1
            points.append(centre + np.stack([side * np.cos(angle), side * np.sin(angle)], axis=1))
            labels += [moon] * count
        order = random.permutation(self.rows)
        inputs = np.concatenate(points)[order] + random.normal(scale=self.noise, size=(self.rows, 2))
        return Split(torch.from_numpy(inputs), torch.from_numpy(np.array(labels)[order]))
