"""What a command line asks of a sweep: the plan, and who does it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bimt.messages import UserError, printable
from bimt.sweep.engine import Engine
from bimt.sweep.grid import parse_axis
from bimt.sweep.plan import Plan, read_plan
from bimt.sweep.processes import Processes
from interp.sweep import train_and_measure


def make_plan(
    tasks: Sequence[str] | None,
    grid: Sequence[str] | None,
    settings: Sequence[str] | None,
    *,
    seeds: int | None,
    first_seed: int | None,
    block: int | None,
    fourier: bool = True,
    out: Path,
    resume: bool,
) -> Plan:
    """Returns the plan asked for; to resume without naming a task, the folder's own.

    Raises:
        UserError: If it contradicts itself, or there is none.
    """
    if resume and not tasks:
        if grid or settings or not fourier or any(value is not None for value in (seeds, first_seed, block)):
            raise UserError("--resume goes on with the plan of the folder: drop the other settings, or name the tasks")
        found = read_plan(out)
        if found is None:
            raise UserError(f"{printable(out)} holds no sweep to resume; name a task to start one")
        return found
    count = 1 if seeds is None else seeds
    if count < 1:
        raise UserError(f"--seeds must be at least 1, got {count}")
    names = tuple(name for text in tasks or () for name in text.split(","))
    return Plan(
        tasks=names,
        axes=tuple(map(parse_axis, grid or ())),
        settings=tuple(settings or ()),
        seeds=count,
        first_seed=0 if first_seed is None else first_seed,
        block=count if block is None else block,
        fourier=fourier,
    )


@contextmanager
def make_engine(*, workers: int | None, scheduler: str | None, scheduler_file: Path | None) -> Iterator[Engine]:
    """Lends the workers asked for: processes of this machine, or a Dask cluster.

    Raises:
        UserError: If they contradict each other, or the cluster does not answer.
    """
    if workers is not None and workers < 1:
        raise UserError(f"--workers must be at least 1, got {workers}")
    if scheduler is None and scheduler_file is None:
        yield Processes(train_and_measure, workers=workers)
        return
    if scheduler is not None and scheduler_file is not None:
        raise UserError("--scheduler and --scheduler-file name two schedulers; drop one")
    from bimt.sweep.cluster import LOCAL, connected

    if workers is not None and scheduler != LOCAL:
        raise UserError("--workers is for this machine: a Dask cluster has the workers that it has; drop it")
    with connected(train_and_measure, address=scheduler, file=scheduler_file, workers=workers) as cluster:
        yield cluster
