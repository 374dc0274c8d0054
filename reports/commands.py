"""The commands `film`, `reproduce`, `experiments` and `sweep`. Nothing heavy is imported until they run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bimt.cli import seed_label

if TYPE_CHECKING:
    from rich.console import Console

    from reports.experiments.experiment import Experiment
    from reports.experiments.running import Outcome
    from reports.sweeps.results import SweepResults


def film(
    checkpoint: Annotated[
        Path, typer.Argument(help="Folder that bimt train wrote, or a model_RUN.pt.", metavar="CHECKPOINT")
    ],
    *,
    out: Annotated[Path, typer.Option("--out", help="File to write: .gif, .webp or .mp4.", metavar="FILE")],
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed",
            parser=seed_label,
            metavar="LABEL",
            help="Label of the seed to show, or best: the first of bimt rank, as if not given.",
        ),
    ] = None,
    fps: Annotated[int, typer.Option("--fps", help="Logged steps per second.", min=1, max=50)] = 10,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print what was written as one JSON document.")] = False,
) -> None:
    """Shows how a net came about: one frame per logged step, neurons where they sat, events marked on the loss.

    Nothing is made up between logged steps; to see more of them train with a lower log_every. A frame with an event
    stands longer. An .mp4 takes the program ffmpeg.

    Example:
        bimt film runs/moons --out moons.gif
        bimt film runs/moons --seed 3 --fps 20 --out moons.webp
    """
    from bimt.cli import console, emit
    from bimt.folder import try_writing, write_file
    from bimt.messages import UserError, printable
    from bimt.opening import open_checkpoint
    from reports.encode import check_suffix
    from reports.film import make_film

    check_suffix(out.suffix.lower())
    if out.is_dir() or (out.exists() and not force):
        raise UserError(f"{printable(out)} is there already; choose another name, or --force to overwrite a file")
    try_writing(out.parent)
    loaded = open_checkpoint(checkpoint)
    log = console()
    with log.status("drawing") as status:
        made = make_film(
            loaded,
            suffix=out.suffix.lower(),
            label=seed,
            fps=fps,
            watch=lambda frame, count: status.update(f"drawing frame {frame + 1} of {count}"),
        )
    write_file(out, made.content)
    if json:
        facts = {"frames": made.frames, "seconds": made.seconds, "bytes": len(made.content), "fps": fps}
        emit({"checkpoint": checkpoint, "seed": made.label, **facts, "out": out})
    else:
        size = len(made.content) / 1e6
        log.print(f"{made.frames:,} frames of seed {made.label}, {size:.1f} MB: {printable(out, limit=5000)}")


def reproduce(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Which experiment; bimt experiments lists them.")
    ] = None,
    *,
    all: Annotated[bool, typer.Option("--all", help="Every experiment that fits an evening, in turn.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help="Folder, new or empty; runs/NAME if not given. Of --all: the parent."
        ),
    ] = None,
    fast: Annotated[bool, typer.Option("--fast", help="The short form: its numbers mean little.")] = False,
    seeds: Annotated[
        int | None, typer.Option("--seeds", metavar="N", min=1, max=10_000, help="Seeds of every run.")
    ] = None,
    set: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="A setting of every run, such as task.data=mnist.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Skip what is finished, go on with what is not.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> int | None:
    """Reproduce a published experiment: train its nets, explain them, hold the numbers against the published ones.

    Every training run is a checkpoint in the folder; report.html and report.md show what came out, result.json has
    the numbers. Ctrl-C saves; --resume goes on. --all goes on after a failure and ends with status 1.

    Example:
        bimt reproduce independence --out runs/independence
        bimt reproduce two_moons --fast
        bimt reproduce images --set task.data=mnist --set task.data_dir=my/digits
        bimt reproduce --all --resume
    """
    from bimt.cli import console, emit
    from bimt.messages import UserError
    from bimt.train import Interrupted
    from reports.experiments.catalog import catalog, evening, get_experiment

    if all == (name is not None):
        raise UserError("name one experiment, or say --all; bimt experiments lists them")
    if all and set:
        raise UserError("--set is for one experiment: its keys are those of one task")
    log = console()
    parent = Path("runs") if out is None else out
    try:
        if name is not None:
            wanted = _form(get_experiment(name), fast=fast, seeds=seeds, settings=set or ())
            done = _reproduce(wanted, out or parent / name, log, fast=fast, resume=resume, quiet=quiet)
            _show(done, json=json)
            return None
        chosen, left_out = evening(_form(each, fast=fast, seeds=seeds) for each in catalog().values())
        results, failures = _reproduce_all(chosen, parent, log, fast=fast, resume=resume, quiet=quiet)
    except Interrupted as stop:
        log.print(f"{stop}, all of it saved; go on with the same command and --resume")
        return 128 + 2
    for each in left_out:
        log.print(f"left out, for it does not fit an evening: {each.name}")
    for failed, reason in failures.items():
        log.print(f"failed: {failed}: {reason}")
    if json:
        named = [{"name": failed, "reason": reason} for failed, reason in failures.items()]
        emit({"experiments": results, "failures": named, "left_out": [each.name for each in left_out]})
    return 1 if failures else None


def experiments(
    *,
    runs: Annotated[
        Path, typer.Option("--runs", metavar="DIR", help="Where bimt reproduce wrote to: each has a folder there.")
    ] = Path("runs"),
    json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """List the published experiments: what they train, how long they take, what came out last.

    Example:
        bimt experiments
        bimt experiments --runs runs --json
    """
    from bimt.cli import emit, stdout_console
    from reports.experiments.listing import list_experiments, listing_table

    rows = list_experiments(runs)
    if json:
        emit({"experiments": [row.to_json() for row in rows]})
    else:
        stdout_console().print(listing_table(rows))


def sweep(
    tasks: Annotated[list[str] | None, typer.Argument(metavar="TASK...", help="What to learn; may be several.")] = None,
    *,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the sweep, new or empty.")],
    grid: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=V,V,...", help="A setting and its values, such as cost.offset=0.1,0.2; repeatable."),
    ] = None,
    set: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="A setting of every cell.")] = None,
    seeds: Annotated[int | None, typer.Option(metavar="N", help="Seeds of every cell; 1 if not given.")] = None,
    first_seed: Annotated[int | None, typer.Option(metavar="K", help="Label of the first seed.")] = None,
    block: Annotated[
        int | None, typer.Option(metavar="N", help="Seeds that are trained side by side; all of a cell if not given.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(metavar="N", help="Processes on this machine; one per core if not given.")
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="A Dask scheduler, such as tcp://host:8786; local starts one here."),
    ] = None,
    scheduler_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The file that a Dask scheduler has written.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Skip what is finished, go on with what is not.")] = False,
    no_fourier: Annotated[
        bool, typer.Option("--no-fourier", help="Do not judge nets that add, which takes seconds each: clock or pizza.")
    ] = False,
    no_report: Annotated[bool, typer.Option("--no-report", help="Only the tables, no page.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> int | None:
    """Train every combination of settings, measure every seed, and show where what happens.

    Each cell of the grid is one configuration, each block of its seeds a checkpoint folder. results.csv and
    results.parquet have one row per cell and seed, report.html and report.md show fronts and maps. Ctrl-C saves;
    --resume goes on. The numbers do not depend on how many workers there are. A cell that fails stops no other: it is
    named at the end, and the status is 1.

    Example:
        bimt sweep independence --grid cost.offset=0.05,0.1 --grid swaps.every=never,200 --seeds 20 --out runs/phase
        bimt sweep two_moons independence --grid cost.offset=0.05,0.1 --out runs/offsets --scheduler tcp://host:8786
        bimt sweep --out runs/phase --resume
    """
    from bimt import stopping
    from bimt.cli import console
    from bimt.messages import printable
    from bimt.sweep import progress
    from reports.sweeps.asked import make_engine, make_plan
    from reports.sweeps.running import Halt, prepare, run_sweep

    plan = make_plan(
        tasks, grid, set, seeds=seeds, first_seed=first_seed, block=block, fourier=not no_fourier, out=out,
        resume=resume,
    )  # fmt: skip
    log = console()
    with make_engine(workers=workers, scheduler=scheduler, scheduler_file=scheduler_file) as engine:
        prepared = prepare(plan, out, resume=resume)
        total, left = prepared.count, len(prepared.waiting)
        watched = progress.shown(log, blocks=total, done=total - left, workers=min(engine.workers, left), quiet=quiet)
        try:
            with stopping.asked_to_stop() as should_stop:
                done = run_sweep(prepared, engine, watched=watched, should_stop=should_stop)
        except Halt as stop:
            import shlex

            folder = printable(shlex.quote(str(out)), limit=5000)
            log.print(f"{stop}, all of it saved; go on with: bimt sweep --out {folder} --resume")
            return 128 + 2
    _show_sweep(done, out, log, has_page=not no_report, json=json)
    return 1 if done.failures else None


def _show_sweep(done: SweepResults, out: Path, log: Console, *, has_page: bool, json: bool) -> None:
    """Writes the page, prints the cells and where the files lie, and names last what failed."""
    from bimt.cli import emit, stdout_console
    from bimt.messages import printable
    from reports.sweeps.results import TABLES
    from reports.sweeps.summary import failures_in_words, summary_listing, to_document
    from reports.sweeps.writing import write_report

    paths = [out / name for name in TABLES] + (write_report(done, out) if has_page else [])
    if json:
        emit(to_document(done, paths))
    else:
        stdout_console().print(summary_listing(done))
        for path in paths:
            print(printable(path, limit=5000))
    for name, reason in failures_in_words(done):
        log.print(f"failed: {printable(name)}: {printable(reason, limit=500)}")


def _form(experiment: Experiment, *, fast: bool, seeds: int | None, settings: Sequence[str] = ()) -> Experiment:
    """The experiment as it was asked for."""
    from reports.experiments.experiment import check_settings, shortened, with_seeds, with_settings

    check_settings(experiment, settings)
    form = with_settings(shortened(experiment) if fast else experiment, settings)
    return form if seeds is None else with_seeds(form, seeds)


def _reproduce(experiment: Experiment, out: Path, log: Console, *, fast: bool, resume: bool, quiet: bool) -> Outcome:
    """Runs one experiment, showing its progress; Ctrl-C saves and raises `Interrupted`."""
    from bimt import progress, stopping, train
    from bimt.checkpoint import Checkpoint
    from bimt.config import TrainConfig
    from reports.experiments.running import reproduce as run_experiment
    from reports.words import duration

    def trainer(config: TrainConfig, folder: Path, resume: bool) -> Checkpoint:
        with stopping.asked_to_stop() as should_stop, progress.shown(log, quiet=quiet) as watch:
            return train.train(config, out=folder, resume=resume, watch=watch, should_stop=should_stop)

    def tell(text: str) -> None:
        if not quiet:
            log.print(text)

    tell(f"{experiment.name}: this takes about {duration(experiment.seconds)} on a two-core laptop.")
    return run_experiment(experiment, out, resume=resume, is_fast=fast, tell=tell, trainer=trainer)


def _reproduce_all(
    chosen: list[Experiment], parent: Path, log: Console, *, fast: bool, resume: bool, quiet: bool
) -> tuple[list[Any], dict[str, str]]:
    """Runs experiments one after the other; returns their documents, and why others failed, by name."""
    from bimt.messages import printable
    from bimt.train import Interrupted

    results, failures = [], {}
    for experiment in chosen:
        try:
            done = _reproduce(experiment, parent / experiment.name, log, fast=fast, resume=resume, quiet=quiet)
            results.append(done.to_json())
            _show(done, json=False, on=log)
        except Interrupted:
            raise
        except Exception as error:  # noqa: BLE001  the others are to be run; the reason is told at the end
            failures[experiment.name] = printable(f"{error}" or type(error).__name__, limit=500)
    return results, failures


def _show(done: Outcome, *, json: bool, on: Console | None = None) -> None:
    """Prints the findings and where the pages lie."""
    from bimt.cli import emit, stdout_console
    from bimt.messages import printable
    from reports.experiments.listing import findings_listing

    if json:
        emit(done.to_json())
        return
    target = stdout_console() if on is None else on
    target.print(findings_listing(done))
    for path in done.paths[:2]:
        target.print(printable(path, limit=5000))
