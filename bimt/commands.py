"""The commands `bimt train` and `bimt predict`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bimt.cli import console, emit, stdout_console
from bimt.messages import UserError, printable

if TYPE_CHECKING:
    from bimt.checkpoint import Checkpoint
    from bimt.config import TrainConfig


def train(
    task: Annotated[str | None, typer.Argument(metavar="TASK", help="What to learn: independence, table, ...")] = None,
    *,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the checkpoint, new or empty.")],
    seeds: Annotated[int | None, typer.Option(metavar="N", help="How many seeds to train side by side.")] = None,
    first_seed: Annotated[int | None, typer.Option(metavar="K", help="Label of the first seed.")] = None,
    data: Annotated[
        str | None,
        typer.Option(metavar="DATA", help="The table: .csv, .tsv or .parquet. Of images: digits, mnist or fashion."),
    ] = None,
    data_dir: Annotated[
        str | None, typer.Option(metavar="DIR", help="Images only: the folder of the IDX files of mnist or fashion.")
    ] = None,
    targets: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="A column to predict; may be repeated.")
    ] = None,
    features: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="A column to predict from; by default all others.")
    ] = None,
    kind: Annotated[str | None, typer.Option(metavar="KIND", help="regression or classification.")] = None,
    set: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Any setting, such as cost.offset=0.2.")
    ] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="Settings as .json or .toml.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in the folder.")] = False,
    device: Annotated[
        str, typer.Option(metavar="DEVICE", help="Where to compute: cpu, cuda, cuda:1, or auto: a GPU if there is one.")
    ] = "cpu",
    tensorboard: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for TensorBoard's curves, a run for each seed.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> int | None:
    """Train nets whose connections have a length and a price.

    A task brings its published settings; a config file, --set and the other options change them, in that order.
    Ctrl-C saves; --resume goes on, to the very result of a run that was never stopped.

    Example:
        bimt train independence --seeds 8 --out runs/ind
        bimt train table --data my.csv --targets price --targets "run time" --out runs/mine
        bimt train --out runs/ind --resume
    """
    from bimt import progress, stopping, tracking
    from bimt import train as training

    given = {
        "seeds": seeds,
        "first_seed": first_seed,
        "task__data": data,
        "task__data_dir": data_dir,
        "task__targets": targets or None,
        "task__features": features or None,
        "task__kind": kind,
    }
    wanted = _wanted(task, out, config, set or [], given, resume=resume)
    log = console()
    try:
        with (
            stopping.asked_to_stop() as should_stop,
            tracking.tracked(tensorboard) as track,
            progress.shown(log, quiet=quiet) as show,
        ):

            def watch(moment: training.Moment) -> None:
                show(moment)
                track(moment)

            checkpoint = training.train(
                wanted, out=out, resume=resume, device=device, watch=watch, should_stop=should_stop
            )
    except training.Interrupted as stop:
        import shlex

        folder = printable(shlex.quote(str(out)), limit=5000)
        log.print(f"{stop}, all of it saved; go on with: bimt train --out {folder} --resume")
        return 128 + 2
    if json:
        emit(_document(checkpoint))
    else:
        _print_results(checkpoint)
    return None


def predict(
    checkpoint: Annotated[Path, typer.Argument(metavar="CKPT", help="The folder that bimt train wrote.")],
    *,
    data: Annotated[Path, typer.Option(metavar="FILE", help="A table with the input columns: .csv, .tsv, .parquet.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where to write the predictions, as .csv.")],
    seed: Annotated[
        int | None, typer.Option(metavar="K", help="Label of the seed to ask; by default the best on training data.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Predict the targets for the rows of a table.

    Writes one column per target in the table's units; of a class, its name and every class's probability. The best
    seed is the one with the highest metric on the training data, before any pruning.

    Example:
        bimt predict runs/mine --data new.csv --out predictions.csv
    """
    from bimt import predict as predicting
    from bimt.folder import write_file
    from bimt.opening import open_checkpoint
    from bimt.tasks.table import read_table

    _refuse_output(out, data, force=force)
    trained = open_checkpoint(checkpoint)
    label = predicting.best_label(trained) if seed is None else seed
    predictions = predicting.predict(trained, read_table(data), label=label)
    write_file(out, predictions.to_csv(index=False).encode())
    if json:
        emit(
            {
                "checkpoint": checkpoint,
                "seed": label,
                "rows": len(predictions),
                "columns": list(predictions.columns),
                "out": out,
            }
        )
    else:
        console().print(f"{len(predictions):,} rows predicted by seed {label}: {printable(out)}")


def _wanted(
    task: str | None, out: Path, file: Path | None, settings: list[str], given: dict[str, Any], *, resume: bool
) -> TrainConfig:
    """The configuration asked for; to resume without naming a task, the folder's own."""
    from bimt.checkpoint import read_config
    from bimt.config import make_config

    if not resume or task is not None or file is not None:
        return make_config(task, file=file, settings=settings, **given)
    if settings or any(value is not None for value in given.values()):
        raise UserError("--resume goes on with the settings of the folder: drop the others")
    found = read_config(out)
    if found is None:
        raise UserError(f"{printable(out)} holds no run to resume; name a task to start one")
    return found


def _results(checkpoint: Checkpoint) -> list[dict[str, Any]]:
    history = checkpoint.history
    last = history[history.step == history.step.max()]
    columns = ["seed", "train_loss", "test_loss", "metric", "cost", "connections"]
    return [dict(zip(columns, row, strict=True)) for row in last[columns].itertuples(index=False)]


def _document(checkpoint: Checkpoint) -> dict[str, Any]:
    return {
        "checkpoint": checkpoint.path,
        "labels": list(checkpoint.labels),
        "stopped": {str(label): why for label, why in checkpoint.stopped.items()},
        "results": _results(checkpoint),
    }


def _print_results(checkpoint: Checkpoint) -> None:
    from rich.table import Table

    metric = "test R^2" if checkpoint.task.kind == "regression" else "test accuracy"
    table = Table("seed", "test loss", metric, "connections", box=None, pad_edge=False)
    for row in _results(checkpoint):
        table.add_row(str(row["seed"]), f"{row['test_loss']:.3g}", f"{row['metric']:.4f}", str(row["connections"]))
    stdout = stdout_console()
    stdout.print(table)
    for why in checkpoint.stopped.values():
        stdout.print(printable(f"stopped: {why}", limit=500))
    stdout.print(f"checkpoint: {printable(checkpoint.path)}")


def _refuse_output(out: Path, data: Path, *, force: bool) -> None:
    if out.suffix.lower() != ".csv":
        raise UserError(f"--out must end in .csv, got {printable(out)}")
    if out.is_dir() or (out.exists() and (not force or out.samefile(data))):
        raise UserError(f"{printable(out)} is there already; choose another name, or --force to overwrite a file")
