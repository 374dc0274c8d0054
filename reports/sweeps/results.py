"""What a sweep has given: one row for every seed of every cell, those that failed included."""

import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from bimt.folder import write_file
from bimt.messages import UserError, printable
from bimt.sweep.blocks import Block
from bimt.sweep.engine import Failure
from bimt.sweep.grid import Cell
from bimt.sweep.plan import Plan, blocks_of, load_tasks, read_plan
from interp.sweep import ADDITION_NAMES, MEASURE_NAMES, SeedResult, read_results

TABLES = "results.csv", "results.parquet"
_TEXTS = ("groups", "hidden", "constant_outputs", "live_groups")
"""Measures that are lists of words; a table has them joined."""


@dataclass(frozen=True)
class CellResult:
    """One cell, and what became of each of its seeds."""

    cell: Cell
    kind: str
    """Of its task: "regression" or "classification"."""
    seeds: tuple[SeedResult, ...]
    """In the order of their labels; of those that failed only the reason is known."""

    @property
    def measured(self) -> tuple[SeedResult, ...]:
        """The seeds that were trained to the end."""
        return tuple(seed for seed in self.seeds if seed.measures is not None)


@dataclass(frozen=True, eq=False)
class SweepResults:
    """All cells of a sweep."""

    plan: Plan
    cells: tuple[CellResult, ...]
    failures: tuple[Failure, ...]
    """Blocks that could not be done; their seeds are in the cells with the reason."""
    seconds: float = 0.0
    """How long this call took."""
    skipped: int = 0
    """How many blocks were finished before."""

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row per cell and seed: task, the grid's keys, cell, seed, measures, events, stopped.

        Where a net was judged, clock or pizza, the verdict and what it rests on stand behind the measures.
        """
        is_judged = any(seed.addition is not None for each in self.cells for seed in each.seeds)
        measures = *MEASURE_NAMES, *(ADDITION_NAMES if is_judged else ())
        columns = ["task", *(axis.key for axis in self.plan.axes), "cell", "seed", *measures, "events", "stopped"]
        frame = pd.DataFrame(
            [_row(each, seed, is_judged=is_judged) for each in self.cells for seed in each.seeds], columns=columns
        )
        for axis in self.plan.axes:
            frame[axis.key] = _typed(frame[axis.key])
        return frame


def collect(
    plan: Plan,
    cells: Sequence[Cell],
    kinds: Sequence[str],
    blocks: dict[str, tuple[Block, ...]],
    failures: Sequence[Failure],
) -> SweepResults:
    """Reads what was measured of every block.

    Args:
        plan: Of the sweep.
        cells: All of them.
        kinds: Of every cell's task.
        blocks: Of every cell, by its name.
        failures: Blocks for which there is nothing to read.
    """
    reasons = {failure.block.name: failure.reason for failure in failures}
    found = []
    for cell, kind in zip(cells, kinds, strict=True):
        seeds: list[SeedResult] = []
        for block in blocks[cell.name]:
            results = read_results(block)
            if results is None:
                reason = reasons.get(block.name, "it was not measured")
                results = tuple(SeedResult(label, None, stopped=reason) for label in block.config.labels)
            seeds += results
        found.append(CellResult(cell, kind, tuple(seeds)))
    return SweepResults(plan, tuple(found), tuple(failures))


def read_sweep(out: Path) -> SweepResults:
    """Reads again what is measured of a sweep, from its folder; nothing is trained.

    Raises:
        UserError: If the folder holds no sweep, or the data of a cell cannot be loaded.
    """
    plan = read_plan(out)
    if plan is None:
        raise UserError(f"{printable(out)} holds no sweep")
    cells = plan.cells()
    blocks = {cell.name: blocks_of(cell, out, block=plan.block, fourier=plan.fourier) for cell in cells}
    return collect(plan, cells, [task.kind for task in load_tasks(cells)], blocks, failures=())


def timed(results: SweepResults, *, seconds: float, skipped: int) -> SweepResults:
    """Returns the same results with what is known of the call that brought them."""
    return replace(results, seconds=seconds, skipped=skipped)


def write_tables(results: SweepResults, out: Path) -> list[Path]:
    """Writes one row per cell and seed as CSV and as Parquet, replacing earlier ones; returns their paths."""
    parquet = io.BytesIO()
    results.frame.to_parquet(parquet, index=False)
    contents = results.frame.to_csv(index=False).encode(), parquet.getvalue()
    for name, content in zip(TABLES, contents, strict=True):
        write_file(out / name, content)
    return [out / name for name in TABLES]


def _row(each: CellResult, seed: SeedResult, *, is_judged: bool) -> list[Any]:
    cell = each.cell
    measured = {} if seed.measures is None else asdict(seed.measures)
    values = [
        "; ".join(measured[name]) if name in _TEXTS and measured else measured.get(name) for name in MEASURE_NAMES
    ]
    values += [getattr(seed.addition, name, None) for name in ADDITION_NAMES] if is_judged else []
    events = "; ".join(_event(kind=event.kind, step=event.step, output=event.output) for event in seed.events)
    return [cell.task, *cell.values, cell.name, seed.seed, *values, events, seed.stopped]


def _event(*, kind: str, step: int, output: str | None) -> str:
    return f"{kind} at {step}" + (f" ({output})" if output else "")


def _typed(texts: pd.Series) -> pd.Series:
    """Turns the values of a key into numbers if all are; a column of a table has one type."""
    try:
        values = [json.loads(text) for text in texts]
    except ValueError:
        return texts
    is_number = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    return pd.Series(values, index=texts.index) if is_number else texts
