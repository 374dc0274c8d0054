"""Arithmetic on a clock: sums, differences or products of tokens, modulo a number."""

import itertools
import string
from functools import reduce
from typing import Any, Literal

import numpy as np
from jaxtyping import Int
from pydantic import Field

from bimt.messages import UserError
from bimt.strict import MOST, StrictModel
from bimt.tasks.base import Task
from bimt.tasks.group import FiniteGroup
from bimt.tasks.pairs import token_task

SETTINGS: dict[str, Any] = {
    "net": {"family": "embedding_mlp", "embedding": 32, "hidden": [50, 50]},
    "learning_rate": 1e-3,
    "dtype": "float64",
    "cost": {
        "strength": [[0.0, 0.1], [0.25, 1.0], [0.75, 0.1]],
        "distance_scale": 2.0,
        "offset": 0.5,
        "reduce": "mean",
        "bias_from": 0.0,
    },
    "swaps": {"top_k": 30},
}
"""What was published and differs from the defaults of TrainConfig."""

MOST_ANSWERS = 50_000_000
"""Rows times classes at most: what the logits of all rows take."""

_OPERATIONS = {"+": np.add, "-": np.subtract, "x": np.multiply}


class ModularAdditionTask(StrictModel):
    """Learns a + b modulo p from all pairs of tokens (arXiv:2305.08746, section 3.3)."""

    name: Literal["modular_addition"]
    modulus: int = Field(default=59, ge=2, le=MOST)
    """How many tokens, and answers, there are."""
    operands: int = Field(default=2, ge=2, le=6)
    """How many tokens are put together, from left to right."""
    operation: Literal["+", "-", "x"] = "+"
    own_tokens: bool = False
    """Whether every operand has tokens of its own: p of them each."""
    equals_sign: bool = False
    """Whether a last token, always the same, stands behind the operands; it is the last of the vocabulary."""
    train_fraction: float = Field(default=0.8, gt=0, le=1)
    """Share of all rows that the net is trained on; with 1 it is also tested on all of them."""
    data_seed: int = Field(default=0, ge=0, lt=2**32)
    """Seed of the split."""

    def load(self) -> Task:
        """Lists all rows and splits them.

        Raises:
            UserError: If there are too many.
        """
        rows = self.modulus**self.operands
        if rows * self.modulus > MOST_ANSWERS:
            raise UserError(
                f"task.modulus = {self.modulus} with {self.operands} operands has {rows:,} rows, too many; "
                "take fewer operands or a smaller modulus"
            )
        numbers = np.array(list(itertools.product(range(self.modulus), repeat=self.operands)))
        answers = reduce(_OPERATIONS[self.operation], numbers.T) % self.modulus
        return token_task(
            self.name,
            self.tokens(numbers),
            answers,
            positions=(*string.ascii_lowercase[: self.operands], *("=",) * self.equals_sign),
            vocabulary=self._vocabulary,
            train_fraction=self.train_fraction,
            data_seed=self.data_seed,
        )

    def tokens(self, numbers: Int[np.ndarray, "rows operands"]) -> Int[np.ndarray, "rows positions"]:
        """Returns the tokens that stand for the operands of each row, and the equals sign if there is one."""
        own = self.modulus * np.arange(self.operands) if self.own_tokens else 0
        sign = np.full((len(numbers), int(self.equals_sign)), len(self._vocabulary) - 1)
        return np.concatenate([numbers + own, sign], axis=1)

    @property
    def _vocabulary(self) -> tuple[str, ...]:
        """The numbers, of the second operand with one prime, of the third with two; the equals sign last."""
        copies = self.operands if self.own_tokens else 1
        numbers = (f"{number}{chr(39) * copy}" for copy in range(copies) for number in range(self.modulus))
        return *numbers, *("=",) * self.equals_sign

    def finite_group(self) -> FiniteGroup | None:
        """Returns the cyclic group where the answer is the sum of two tokens; differences and products make none.

        None also where operands have tokens of their own, which are no elements, or an equals sign stands behind them.
        """
        if self.operation != "+" or self.operands != 2 or self.own_tokens or self.equals_sign:
            return None
        numbers = np.arange(self.modulus)
        return FiniteGroup(f"C{self.modulus}", tuple(map(str, numbers)), np.add.outer(numbers, numbers) % self.modulus)
