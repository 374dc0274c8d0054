"""Every seed of a checkpoint side by side: the score that orders them, the front, and what the seeds agree on.

Run as `python -m interp.rank CKPT`.
"""

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bimt.checkpoint import Checkpoint
from bimt.messages import UserError, printable
from bimt.opening import open_checkpoint
from interp.consistency import Consistency, Partition, compare_seeds, partition_of
from interp.description import Description, describe
from interp.features import on_sheets
from interp.front import on_front
from interp.score import Traits, Weights, check_weights, in_order, kept_lengths, scores, traits
from interp.select import prune_all
from interp.sparse import SparseNet, live_hidden
from interp.tables import cell

START = 6.0
"""Seconds of work that processes are started for: each imports and reads everything anew."""
_COLUMNS = {
    "rank": "",
    "seed": "seed",
    "score": "score",
    "metric": "test metric",
    "train_metric": "training metric",
    "connections": "connections",
    "length": "wiring length",
    "crossings": "crossings",
    "parts": "parts",
    "modules": "modules",
    "modularity": "modularity",
    "p": "p",
    "formula_length": "formula length",
}
"""What the table on a terminal shows, and what it calls it."""


@dataclass(frozen=True)
class Row:
    """One seed, pruned. What chance and formulas have to say is None where it was not asked for."""

    rank: int
    """1 for the best."""
    seed: int
    """Its label."""
    score: float
    """See `interp.score.scores`."""
    train_metric: float
    """R^2 or accuracy on the training split: what the score is made of."""
    metric: float
    """The same on the test split: to be looked at, not chosen by."""
    on_front: bool
    """Whether no other seed has a metric as high with as few connections, and is better in one of them."""
    connections: int
    neurons: int
    """Hidden ones."""
    length: float
    """Summed length of the kept connections."""
    wiring: float
    """Summed |w| times length."""
    crossings: int | None
    """None where neurons lie on sheets."""
    parts: int
    """Independent ones."""
    modules: int | None
    modularity: float | None
    """Q of the modules; 0 for a single one."""
    p_structure: float | None
    """As in `interp.modules.Modules`; None for a single module, too."""
    p_space: float | None
    formula_length: int | None
    """Of the readable formulas (see `interp.description`); None where no formula can be written, too."""

    @property
    def p(self) -> float | None:
        """The larger of the two p-values: chance is ruled out only if both nulls are."""
        return None if self.p_structure is None or self.p_space is None else max(self.p_structure, self.p_space)


@dataclass(frozen=True)
class Ranking:
    """The seeds of a checkpoint, the best first."""

    weights: Weights
    rows: tuple[Row, ...]
    stopped: dict[int, str]
    """Labels of the seeds that stopped while training, each with what happened: they are not ranked."""
    consistency: Consistency

    @property
    def best(self) -> int:
        """Label of the seed that every command explains where none is named."""
        return self.rows[0].seed

    @property
    def front(self) -> tuple[int, ...]:
        """Labels of the Pareto front of the test metric against connections, the smallest net first."""
        chosen = [row for row in self.rows if row.on_front]
        return tuple(row.seed for row in sorted(chosen, key=lambda row: (row.connections, row.seed)))

    def to_json(self) -> dict[str, Any]:
        """Returns what docs/json.md describes under `rank`."""
        return {
            "weights": asdict(self.weights),
            "best": self.best,
            "front": list(self.front),
            "rows": [asdict(row) for row in self.rows],
            "stopped": {str(label): why for label, why in self.stopped.items()},
            "consistency": self.consistency.to_json(),
        }

    def to_frame(self) -> pd.DataFrame:
        """Returns one row per seed, the best first."""
        return pd.DataFrame([asdict(row) for row in self.rows])

    def __rich__(self) -> RenderableType:
        """Draws the table of seeds, then what they agree on."""
        known = {key for key in _COLUMNS for row in self.rows if getattr(row, key) is not None}
        kept = {key: title for key, title in _COLUMNS.items() if key in known}
        table = Table(*kept.values(), "front")
        for column in table.columns[:-1]:
            column.justify = "right"
        for row in self.rows:
            table.add_row(*(cell(getattr(row, key)) for key in kept), "front" if row.on_front else "")
        stopped = [
            Text(printable(f"seed {label} stopped: {why}", limit=200)) for label, why in sorted(self.stopped.items())
        ]
        return Group(table, *stopped, self.consistency.__rich__())


@dataclass(frozen=True)
class _Seed:
    """What is worked out of one seed by itself."""

    traits: Traits
    metric: float
    neurons: int
    wiring: float
    is_flat: bool
    """Whether lines between its neurons can cross: not on sheets."""
    partition: Partition
    description: Description


def rank(
    checkpoint: Checkpoint | Path | str,
    *,
    weights: Weights | None = None,
    tolerance: float = 1e-3,
    quick: bool = False,
    processes: int = 1,
    watch: Callable[[int, int], None] = lambda _done, _count: None,
) -> Ranking:
    """Prunes every seed, puts them in the order of one score, and says what they agree on.

    Args:
        checkpoint: One in memory, or its folder.
        weights: Of the score's terms; None for the defaults, by which `select` chooses the best.
        tolerance: As in `prune`.
        quick: Leaves modules with their p-values and formulas out: nothing of it is needed for the order.
        processes: How many work at once, each on its own seeds, where that saves time. A script that asks for more than
            one must run under `if __name__ == "__main__"`. A checkpoint in memory only is ranked in this process.
        watch: Told how many seeds are done, and of how many.

    Raises:
        UserError: If the checkpoint cannot be read, every seed stopped, or an option makes no sense.
        ValueError: If there are fewer than one process.

    Example:
        rank("runs/ind100", quick=True).best
    """
    if processes < 1:
        raise ValueError(f"`processes` must be at least 1, got {processes}")
    check_weights(weights := Weights() if weights is None else weights)
    checkpoint = checkpoint if isinstance(checkpoint, Checkpoint) else open_checkpoint(checkpoint)
    labels = checkpoint.running
    if not labels:
        raise UserError(f"every seed of {printable(checkpoint.path)} stopped; train again with a lower learning_rate")
    found = []
    for seed in _work_out_all(checkpoint, labels, tolerance, quick, processes):
        found.append(seed)
        watch(len(found), len(labels))
    return _ranking(checkpoint, found, weights)


def rank_pruned(checkpoint: Checkpoint, pruned: Sequence[SparseNet]) -> Ranking:
    """Ranks seeds that are pruned already by the default weights, as `rank` does if it is to be quick.

    Args:
        checkpoint: Where they are from.
        pruned: At least one.
    """
    return _ranking(checkpoint, [_examine(checkpoint, sparse, quick=True) for sparse in pruned], Weights())


def _ranking(checkpoint: Checkpoint, found: Sequence[_Seed], weights: Weights) -> Ranking:
    return Ranking(
        weights=weights,
        rows=_rows(found, weights),
        stopped=dict(checkpoint.stopped),
        consistency=compare_seeds({seed.traits.seed: seed.partition for seed in found}),
    )


def _rows(found: Sequence[_Seed], weights: Weights) -> tuple[Row, ...]:
    by_label = {seed.traits.seed: seed for seed in found}
    all_traits = [seed.traits for seed in found]
    score = scores(all_traits, weights)
    order = [by_label[each.seed] for each in in_order(all_traits, weights)]
    sizes = np.array([float(seed.traits.connections) for seed in order])
    front = on_front(sizes, np.array([-seed.metric for seed in order]))
    return tuple(
        _row(number, seed, score[seed.traits.seed], on_front=bool(is_on_front))
        for number, (seed, is_on_front) in enumerate(zip(order, front, strict=True), start=1)
    )


def _row(number: int, seed: _Seed, score: float, *, on_front: bool) -> Row:
    known, more = seed.traits, seed.description
    return Row(
        rank=number,
        seed=known.seed,
        score=score,
        train_metric=known.train_metric,
        metric=seed.metric,
        on_front=on_front,
        connections=known.connections,
        neurons=seed.neurons,
        length=known.length,
        wiring=seed.wiring,
        crossings=known.crossings if seed.is_flat else None,
        parts=len(seed.partition.parts),
        modules=more.modules,
        modularity=more.modularity,
        p_structure=more.p_structure,
        p_space=more.p_space,
        formula_length=more.formula_length,
    )


def _work_out_all(
    checkpoint: Checkpoint, labels: Sequence[int], tolerance: float, quick: bool, processes: int
) -> Iterator[_Seed]:
    """Works seeds out in order: two of them here, the others in processes if these would be worth their start."""
    yield from (_work_out(checkpoint, label, tolerance, quick) for label in labels[:1])
    start = time.perf_counter()
    yield from (_work_out(checkpoint, label, tolerance, quick) for label in labels[1:2])
    rest = labels[2:]
    processes = min(processes, len(rest))
    if processes < 2 or checkpoint.path is None or (time.perf_counter() - start) * len(rest) < START:
        yield from (_work_out(checkpoint, label, tolerance, quick) for label in rest)
        return
    # not forked: a copy of a process that has run threads of torch can hang
    pool = ProcessPoolExecutor(processes, get_context("spawn"), _begin)
    work = partial(_work_out_there, path=checkpoint.path, tolerance=tolerance, quick=quick)
    try:
        yield from pool.map(work, rest)
    finally:
        pool.shutdown(cancel_futures=True)


def _work_out(checkpoint: Checkpoint, label: int, tolerance: float, quick: bool) -> _Seed:
    (sparse,) = prune_all(checkpoint, tolerance=tolerance, labels=[label])
    return _examine(checkpoint, sparse, quick=quick)


def _examine(checkpoint: Checkpoint, sparse: SparseNet, *, quick: bool) -> _Seed:
    task = checkpoint.task
    return _Seed(
        traits=traits(sparse, task),
        metric=sparse.metric,
        neurons=sum(int(mask.sum()) for mask in live_hidden(sparse).values()),
        wiring=kept_lengths(sparse)[1],
        is_flat=not on_sheets(sparse.net),
        partition=partition_of(sparse, task),
        description=Description() if quick else describe(sparse, task),
    )


def _begin() -> None:
    """Makes a worker process of this one: on one core, and Ctrl-C is for the process that started it."""
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _work_out_there(label: int, *, path: Path, tolerance: float, quick: bool) -> _Seed:
    return _work_out(_opened(path), label, tolerance, quick)


@cache
def _opened(path: Path) -> Checkpoint:
    """Reads a checkpoint once in every worker process."""
    return open_checkpoint(path)


if __name__ == "__main__":
    from bimt.cli import run
    from interp.commands import rank as command

    raise SystemExit(run(command))
