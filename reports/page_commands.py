"""The commands `report` and `gallery`, which write pages. Nothing heavy is imported until they run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from bimt.cli import seed_label

_Tolerance = Annotated[
    float, typer.Option("--tolerance", help="How much of the explained training share pruning may lose.")
]
_AsJson = Annotated[bool, typer.Option("--json", help="Print the paths as one JSON document.")]


def report(
    checkpoints: Annotated[
        list[Path],
        typer.Argument(
            help="Folder that bimt train wrote, or a model_RUN.pt; several with --compare.", metavar="CHECKPOINT..."
        ),
    ],
    *,
    compare: Annotated[
        bool, typer.Option("--compare", help="Put several checkpoints, or several seeds, side by side.")
    ] = False,
    seed: Annotated[
        list[str] | None,
        typer.Option(
            "--seed",
            metavar="LABEL",
            help="Label of the seed to explain, or best: the first of bimt rank, as if not given. With --compare it "
            "may be given more than once.",
        ),
    ] = None,
    tolerance: _Tolerance = 1e-3,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Folder to write into; the checkpoint's own if not given, of a comparison one beside the first.",
            metavar="DIR",
        ),
    ] = None,
    json: _AsJson = False,
) -> None:
    """Writes what a net learned as one page to play with, report.html, and as report.md with pictures.

    In the page the pruned net runs: click neurons and connections to cut them, drag an input, play the training. It
    opens without a network. Without --out it lies in the checkpoint's folder, which stays the same checkpoint. An
    earlier report is replaced.

    Example:
        bimt report runs/ind
        bimt report runs/ind --seed 3 --out reports/ind-3
        bimt report runs/a runs/b --compare
        bimt report runs/ind --compare --seed 0 --seed 3
    """
    from bimt.messages import UserError

    if not tolerance > 0:
        raise UserError(f"--tolerance must be above 0, got {tolerance}")
    labels = [seed_label(text) for text in seed or ()]
    if compare:
        _compare(checkpoints, labels, tolerance=tolerance, out=out, json=json)
        return
    if len(checkpoints) > 1 or len(labels) > 1:
        what = "checkpoints" if len(checkpoints) > 1 else "seeds"
        raise UserError(
            f"a report is of one seed of one checkpoint, got several {what}; --compare puts them side by side"
        )
    _report(checkpoints[0], labels[0] if labels else None, tolerance=tolerance, out=out, json=json)


def gallery(
    checkpoint: Annotated[Path, typer.Argument(help="Folder that bimt train wrote.", metavar="CHECKPOINT")],
    *,
    tolerance: _Tolerance = 1e-3,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder to write into; the checkpoint's own if not given.", metavar="DIR"),
    ] = None,
    json: _AsJson = False,
) -> None:
    """Shows all seeds of a run, pruned and ranked, on one page, gallery.html: click one to play with it.

    Example:
        bimt gallery runs/ind100
        bimt gallery runs/ind100 --out galleries/ind100
    """
    from bimt.messages import UserError
    from bimt.opening import open_checkpoint
    from reports.nets.gallery import make_gallery
    from reports.nets.page import write_nets_page
    from reports.report import prepare_folder

    if not tolerance > 0:
        raise UserError(f"--tolerance must be above 0, got {tolerance}")
    loaded = open_checkpoint(checkpoint)
    folder = _folder(checkpoint, out)
    prepare_folder(folder)
    paths = write_nets_page(make_gallery(loaded, tolerance=tolerance), folder, "gallery")
    _say(paths, {"checkpoint": checkpoint}, json=json)


def _report(checkpoint: Path, label: int | None, *, tolerance: float, out: Path | None, json: bool) -> None:
    from bimt.cli import console
    from reports.painting import painting_aside

    with painting_aside() as paint:  # gets ready while this process imports torch
        from bimt.opening import open_checkpoint
        from reports.report import build_report, prepare_folder, write_report

        loaded = open_checkpoint(checkpoint)
        folder = _folder(checkpoint, out)
        prepare_folder(folder)
        log = console()
        watch = (lambda doing: log.print(f"{doing} ...")) if log.is_terminal else (lambda _: None)
        built = build_report(loaded, label=label, tolerance=tolerance, watch=watch)
        paths = write_report(built, folder, paint=paint)
    _say(paths, {"checkpoint": checkpoint, "seed": built.selected.label}, json=json)


def _compare(
    checkpoints: Sequence[Path], labels: Sequence[int | None], *, tolerance: float, out: Path | None, json: bool
) -> None:
    from reports.nets.compare import compare
    from reports.nets.page import write_nets_page
    from reports.report import prepare_folder

    names = "-".join(dict.fromkeys(path.resolve().name for path in checkpoints))
    folder = checkpoints[0].resolve().parent / f"compare-{names}"[:100] if out is None else out
    page = compare(checkpoints, labels=labels, tolerance=tolerance)
    prepare_folder(folder)
    _say(write_nets_page(page, folder, "report"), {"checkpoints": checkpoints}, json=json)


def _folder(checkpoint: Path, out: Path | None) -> Path:
    """Returns where a page goes.

    Raises:
        UserError: If nothing is said and the checkpoint is a file.
    """
    from bimt.messages import UserError, printable

    if out is None and not checkpoint.is_dir():
        raise UserError(f"--out must be given where the checkpoint is a file, {printable(checkpoint)}")
    return checkpoint if out is None else out


def _say(paths: Sequence[Path], head: dict[str, object], *, json: bool) -> None:
    """Prints where page and markdown lie, or all paths as JSON."""
    from bimt.cli import emit
    from bimt.messages import printable

    page, markdown, *pictures = paths
    if json:
        emit({**head, "html": page, "markdown": markdown, "figures": pictures})
    else:
        for path in (page, markdown):
            print(printable(path, limit=5000))
