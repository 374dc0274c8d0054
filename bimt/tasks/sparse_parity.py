"""Multitask sparse parity: control bits say which few of the task bits are to be counted."""

import math
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field

from bimt.messages import UserError
from bimt.strict import MOST, StrictModel
from bimt.tasks.base import Scaling, Split, Task
from bimt.tasks.planted import Subtask

SETTINGS: dict[str, Any] = {
    "net": {"hidden": [40, 40]},
    "steps": 5_000,
    "cost": {"strength": [[0.0, 0.0001], [0.25, 0.003], [0.75, 0.0003]]},
}
"""What differs from the defaults of TrainConfig: parities are hard to begin with, so connections are cheap at first."""


class SparseParityTask(StrictModel):
    """Learns several parities at once (Michaud et al. 2023, arXiv:2303.13506, section 3).

    Inputs are bits, 0 or 1: control bits c1, c2, ..., one per subtask, exactly one of them 1, then task bits b1, b2,
    ..., drawn evenly. The answer is whether the bits in the subset of the subtask that is asked for have an odd sum.
    Subtasks are asked for equally often (in the paper by a power law).
    """

    name: Literal["sparse_parity"]
    subtasks: int = Field(default=3, ge=1, le=64)
    """How many subsets, and control bits, there are."""
    subset: int = Field(default=3, ge=1, le=16)
    """How many task bits each subset has."""
    bits: int | None = Field(default=None, ge=1, le=256)
    """How many task bits there are; None takes as many as disjoint subsets need."""
    rows: int = Field(default=1000, ge=4, le=MOST)
    """Rows of the training split, and of the test split."""
    data_seed: int = Field(default=0, ge=0, lt=2**32)
    """Seed of the subsets and of the rows."""

    def load(self) -> Task:
        """Draws the subsets, then the training rows, then the test rows, from one generator.

        Raises:
            UserError: If there are not so many different subsets.
        """
        random = np.random.RandomState(self.data_seed)
        subsets = self._subsets(random)
        splits = [self._draw(random, subsets) for _ in range(2)]
        inputs = (*_names("c", self.subtasks), *_names("b", self._bits))
        return Task(
            name=self.name,
            kind="classification",
            inputs=inputs,
            outputs=("even", "odd"),
            train=splits[0],
            test=splits[1],
            scaling=Scaling.none(len(inputs), 2),
            classes=("even", "odd"),
        )

    def planted(self) -> tuple[Subtask, ...]:
        """Returns the subtasks with their control bit and task bits; the outputs are shared.

        Raises:
            UserError: As for `load`.
        """
        subsets = self._subsets(np.random.RandomState(self.data_seed))
        return tuple(
            Subtask(f"parity {index + 1}", (f"c{index + 1}", *(f"b{bit + 1}" for bit in sorted(subset))), ())
            for index, subset in enumerate(subsets.tolist())
        )

    @property
    def _bits(self) -> int:
        return self.subtasks * self.subset if self.bits is None else self.bits

    def _subsets(self, random: np.random.RandomState) -> np.ndarray:
        """(subtasks, subset): different subsets, and disjoint where the bits suffice."""
        if math.comb(self._bits, self.subset) < self.subtasks:
            raise UserError(
                f"task.bits must be large enough for {self.subtasks} different subsets of {self.subset} bits, "
                f"got {self._bits}; take more bits or fewer subtasks"
            )
        if self.subtasks * self.subset <= self._bits:
            return random.permutation(self._bits)[: self.subtasks * self.subset].reshape(self.subtasks, self.subset)
        found: dict[frozenset[int], None] = {}
        while len(found) < self.subtasks:
            found[frozenset(random.choice(self._bits, self.subset, replace=False).tolist())] = None
        return np.array([sorted(subset) for subset in found])

    def _draw(self, random: np.random.RandomState, subsets: np.ndarray) -> Split:
        asked = random.randint(self.subtasks, size=self.rows)
        bits = random.randint(2, size=(self.rows, self._bits))
        odd = np.take_along_axis(bits, subsets[asked], axis=1).sum(1) % 2
        inputs = np.concatenate([np.eye(self.subtasks)[asked], bits], axis=1)
        return Split(torch.from_numpy(inputs), torch.from_numpy(odd))


def _names(letter: str, count: int) -> tuple[str, ...]:
    return tuple(f"{letter}{index + 1}" for index in range(count))
