"""The command that writes figures as files. Nothing heavy is imported until it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from bimt.cli import seed_label


def figures(
    paths: Annotated[
        list[Path],
        typer.Argument(
            help="A checkpoint, or what bimt sweep or bimt reproduce wrote; several checkpoints are compared.",
            metavar="PATH...",
        ),
    ],
    *,
    out: Annotated[Path, typer.Option("--out", help="Folder to write into.", metavar="DIR")],
    format: Annotated[
        Literal["pdf", "svg", "png"], typer.Option("--format", help="Vectors, or pixels: two to a unit.")
    ] = "pdf",
    figure: Annotated[
        list[str] | None, typer.Option("--figure", help="Only this one, by its name; repeatable.", metavar="NAME")
    ] = None,
    width: Annotated[
        float | None,
        typer.Option(
            "--width",
            help="How wide each is, in millimetres, pixels 300 to the inch; its own width if not given.",
            metavar="MM",
        ),
    ] = None,
    gallery: Annotated[
        bool, typer.Option("--gallery", help="Of a checkpoint's gallery, all its seeds, rather than of its report.")
    ] = False,
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed",
            parser=seed_label,
            metavar="LABEL",
            help="Label of a checkpoint's seed, or best: the first of bimt rank, as if not given.",
        ),
    ] = None,
    tolerance: Annotated[
        float | None,
        typer.Option("--tolerance", help="How much of the explained training share pruning may lose, as in a report."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="List the files as one JSON document.")] = False,
) -> None:
    """Writes every figure of a page as a file of its own, to be printed: PDF, SVG or PNG, in the light tones on white.

    The page is the report of a checkpoint, or that of a sweep or an experiment, drawn again from what is in its folder;
    of several checkpoints it is their comparison.
    Text stays text, in embedded TrueType fonts of a PDF. A file is named after its figure; an earlier one is replaced.

    Example:
        bimt figures runs/ind --out paper
        bimt figures runs/ind --figure net-after --figure training-loss --width 85 --out paper
        bimt figures runs/phase --format svg --out paper
        bimt figures runs/a runs/b --out paper
    """
    from bimt.cli import console, emit
    from bimt.messages import UserError, printable

    if tolerance is not None and not tolerance > 0:
        raise UserError(f"--tolerance must be above 0, got {tolerance}")
    if width is not None and not 10 <= width <= 2000:
        raise UserError(f"--width must be 10 to 2000 millimetres, got {width:g}")
    absent = next((path for path in paths if not path.exists()), None)
    if absent is not None:
        raise UserError(f"there is no checkpoint, sweep or experiment {printable(absent)}")
    if gallery and (len(paths) > 1 or seed is not None):
        raise UserError("--gallery is of all seeds of one checkpoint: name one, without --seed")
    from reports.drawn import choose, draw_all, draw_comparison, draw_gallery, prepare, write_figures

    prepare(out)
    log = console()
    watch = (lambda doing: log.print(f"{doing} ...")) if log.is_terminal else (lambda _: None)
    if gallery:
        drawn = draw_gallery(paths[0], tolerance=tolerance)
    elif len(paths) > 1:
        drawn = draw_comparison(paths, label=seed, tolerance=tolerance)
    else:
        drawn = draw_all(paths[0], label=seed, tolerance=tolerance, watch=watch)
    files = write_figures(choose(drawn.figures, figure or ()), out, format, width=width)
    if json:
        head = {"path": paths[0], "paths": paths, "of": drawn.of, "seed": drawn.seed}
        emit({**head, "format": format, "width": width, "files": files})
    else:
        for file in files:
            print(printable(file, limit=5000))
