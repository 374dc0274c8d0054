"""Runs a sweep into a folder: trains and measures what is not finished yet, then writes the tables."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from bimt.sweep.blocks import Block
from bimt.sweep.engine import Engine, Event, run_blocks
from bimt.sweep.grid import Cell
from bimt.sweep.plan import Plan, blocks_of, claim, load_tasks
from interp.sweep import read_results
from reports.sweeps.results import SweepResults, collect, timed, write_tables

Watch = Callable[[Event], None]


@dataclass(frozen=True, eq=False)
class Prepared:
    """A sweep that may be run: its folder is claimed, every cell can be built."""

    plan: Plan
    out: Path
    cells: tuple[Cell, ...]
    kinds: tuple[str, ...]
    """Of every cell's task: "regression" or "classification"."""
    blocks: dict[str, tuple[Block, ...]]
    """Of every cell, by its name."""
    waiting: tuple[Block, ...]
    """Those that are not finished."""

    @property
    def count(self) -> int:
        """How many blocks there are in all."""
        return sum(map(len, self.blocks.values()))


class Halt(Exception):  # noqa: N818 - it is no error
    """The sweep was asked to stop before it was done; what was reached is saved."""


def prepare(plan: Plan, out: Path, *, resume: bool) -> Prepared:
    """Builds every cell, claims the folder and finds out what is left to do.

    Raises:
        UserError: If a cell cannot be built or the folder cannot be used; then nothing was written.
    """
    cells = plan.cells()
    kinds = tuple(task.kind for task in load_tasks(cells))
    claim(out, plan, resume=resume)
    blocks = {cell.name: blocks_of(cell, out, block=plan.block, fourier=plan.fourier) for cell in cells}
    waiting = tuple(block for each in blocks.values() for block in each if read_results(block) is None)
    return Prepared(plan, out, cells, kinds, blocks, waiting)


def run_sweep(
    prepared: Prepared,
    engine: Engine,
    *,
    watched: AbstractContextManager[Watch] | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> SweepResults:
    """Does what is left of a sweep and writes the tables.

    Args:
        prepared: By `prepare`.
        engine: Its work is `interp.sweep.train_and_measure`.
        watched: Lends, while the workers are busy, what is told every event.
        should_stop: True has the workers save and stop.

    Raises:
        Halt: If `should_stop` said so before all was done.
        UserError: If the workers are out of reach.
    """
    begun = time.perf_counter()
    with watched or nullcontext(lambda _: None) as watch:
        outcome = run_blocks(engine, prepared.waiting, watch=watch, should_stop=should_stop)
    if outcome.is_halted:
        done = prepared.count - len(prepared.waiting) + len(outcome.finished)
        raise Halt(f"stopped after {done:,} of {prepared.count:,} blocks")
    found = collect(prepared.plan, prepared.cells, prepared.kinds, prepared.blocks, outcome.failures)
    skipped = prepared.count - len(prepared.waiting)
    results = timed(found, seconds=time.perf_counter() - begun, skipped=skipped)
    write_tables(results, prepared.out)
    return results
