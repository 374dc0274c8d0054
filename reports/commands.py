"""The command `report`. Nothing heavy is imported until it runs."""

from pathlib import Path
from typing import Annotated

import typer


def report(
    checkpoint: Annotated[Path, typer.Argument(help="Folder that bimt train wrote.", metavar="CHECKPOINT")],
    *,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Label of the seed to explain; the best if not given.")
    ] = None,
    tolerance: Annotated[
        float, typer.Option("--tolerance", help="How much of the explained training share pruning may lose.")
    ] = 1e-3,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder to write into; the checkpoint's own if not given.", metavar="DIR"),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the paths as one JSON document.")] = False,
) -> None:
    """Writes what a net learned as one self-contained page, report.html, and as report.md with pictures.

    Without --out they lie in the checkpoint's folder, which stays the same checkpoint. An earlier report is replaced.

    Example:
        bimt report runs/ind
        bimt report runs/ind --seed 3 --out reports/ind-3
    """
    from bimt.checkpoint import load_checkpoint
    from bimt.cli import console, emit
    from bimt.messages import UserError, printable
    from reports.report import build_report, prepare_folder, write_report

    if not tolerance > 0:
        raise UserError(f"--tolerance must be above 0, got {tolerance}")
    loaded = load_checkpoint(checkpoint)
    folder = checkpoint if out is None else out
    prepare_folder(folder)
    log = console()
    watch = (lambda doing: log.print(f"{doing} ...")) if log.is_terminal else (lambda _: None)
    built = build_report(loaded, label=seed, tolerance=tolerance, watch=watch)
    page, markdown, *pictures = write_report(built, folder)
    if json:
        emit(
            {
                "checkpoint": checkpoint,
                "seed": built.selected.label,
                "html": page,
                "markdown": markdown,
                "figures": pictures,
            }
        )
    else:
        for path in (page, markdown):
            print(printable(path, limit=5000))
