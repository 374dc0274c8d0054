"""The rows of a task on two operands as a square: which pairs (a, b) there are, and which have their mirror (b, a)."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int, Shaped

from bimt.tasks.base import Task


@dataclass(frozen=True, eq=False)
class Pairs:
    """Where each row lies."""

    a: Int[np.ndarray, " rows"]
    """The first operand, from 0, in the order of the tokens."""
    b: Int[np.ndarray, " rows"]
    answers: Int[np.ndarray, " rows"]
    is_trained: Bool[np.ndarray, " rows"]
    size: int
    """How many operands there are."""

    def square(self, values: Shaped[np.ndarray, " rows"], *, empty: float | int | str) -> Shaped[np.ndarray, "a b"]:
        """Returns numbers of the rows as a square; `empty` where no row is."""
        found = np.full((self.size, self.size), empty, dtype=values.dtype)
        found[self.a, self.b] = values
        return found

    @property
    def is_commutative(self) -> bool:
        """Whether (a, b) and (b, a) have the same answer wherever both are rows, and some differ."""
        answers = self.square(self.answers, empty=-1)
        both = (answers >= 0) & (answers.T >= 0)
        return bool((answers == answers.T)[both].all() and np.triu(both, 1).any())

    @property
    def differences(self) -> Int[np.ndarray, " rows"] | None:
        """What the answer leaves open: a - b where it is the sum modulo their number, a + b where the difference."""
        for sign in (1, -1):
            if ((self.a + sign * self.b) % self.size == self.answers).all():
                return (self.a - sign * self.b) % self.size
        return None


class MirrorSplit(NamedTuple):
    """Test rows of one kind."""

    kind: str
    """`mirror trained`: (b, a) was in the training split; `mirror not trained`: it was not; `a = b`: its own mirror."""
    rows: int
    accuracy: float | None
    """Of the net; None where there is no row."""


def find_pairs(
    task: Task, *, trained: int, tokens: Int[np.ndarray, "rows positions"], answers: np.ndarray
) -> Pairs | None:
    """Returns where rows lie; None unless two tokens make a row (an equals sign apart) and no pair is there twice.

    Args:
        task: Its positions.
        trained: How many rows, the first ones, are of the training split.
        tokens: Of every row.
        answers: Of every row.
    """
    if len([name for name in task.tokens if name != "="]) != 2:
        return None
    a, b = (tokens[:, position] - tokens[:, position].min() for position in (0, 1))
    if len({*zip(a.tolist(), b.tolist(), strict=True)}) < len(a):
        return None
    return Pairs(a, b, answers, np.arange(len(a)) < trained, int(max(a.max(), b.max())) + 1)


def split_by_mirror(pairs: Pairs, right: Bool[np.ndarray, " rows"]) -> tuple[MirrorSplit, ...]:
    """Returns the accuracy on test rows, by whether their mirror was trained on; empty where a + b is not b + a.

    Args:
        pairs: The rows.
        right: Which of them the net gets right.
    """
    if not pairs.is_commutative:
        return ()
    mirrored = pairs.square(pairs.is_trained, empty=False)[pairs.b, pairs.a]
    test, same = ~pairs.is_trained, pairs.a == pairs.b
    kinds = {
        "mirror trained": test & ~same & mirrored,
        "mirror not trained": test & ~same & ~mirrored,
        "a = b": test & same,
    }
    return tuple(
        MirrorSplit(kind, int(rows.sum()), float(right[rows].mean()) if rows.any() else None)
        for kind, rows in kinds.items()
    )
