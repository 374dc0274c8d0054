"""Tasks whose rows are a few tokens each and whose answer is a token: all rows there are, split in two."""

import numpy as np
import torch
from jaxtyping import Int

from bimt.tasks.base import Scaling, Split, Task


def token_task(
    name: str,
    tokens: Int[np.ndarray, "rows positions"],
    answers: Int[np.ndarray, " rows"],
    *,
    positions: tuple[str, ...],
    vocabulary: tuple[str, ...],
    train_fraction: float,
    data_seed: int,
) -> Task:
    """Splits rows of tokens into a training and a test split, each in the order of the rows.

    Args:
        name: Of the task.
        tokens: The index of the token at each position.
        answers: The index of the token that answers each row.
        positions: A name for each position.
        vocabulary: A name for each token.
        train_fraction: Share of the rows for training; at least one row is left on either side. With 1 all rows are
            both the training and the test split.
        data_seed: Seed of the split.
    """
    count = len(tokens)
    trained = min(max(int(count * train_fraction), 1), count - 1)
    order = np.random.RandomState(data_seed).permutation(count)
    parts = (order, order) if train_fraction == 1 else (order[:trained], order[trained:])
    train, test = (
        Split(torch.from_numpy(tokens[rows]).long(), torch.from_numpy(answers[rows]).long())
        for rows in map(np.sort, parts)
    )
    return Task(
        name=name,
        kind="classification",
        inputs=tuple(f"{position}={token}" for position in positions for token in vocabulary),
        outputs=vocabulary,
        train=train,
        test=test,
        scaling=Scaling.none(len(positions), len(vocabulary)),
        classes=vocabulary,
        tokens=positions,
    )
