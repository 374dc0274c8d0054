"""The figures of pages, drawn again: of a checkpoint's report or gallery, of a comparison, a sweep, an experiment."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from bimt.folder import found_in, try_writing, write_file
from bimt.messages import UserError, printable
from bimt.opening import open_checkpoint
from bimt.sweep.plan import PLAN
from reports.content import make_page
from reports.experiments.page import make_experiment_page
from reports.experiments.reading import read_experiment
from reports.experiments.record import RUN
from reports.figures.drawing import Figure, Length
from reports.figures.files import Kind, to_file
from reports.nets.compare import compare
from reports.nets.gallery import make_gallery
from reports.report import build_report
from reports.sweeps.page import make_sweep_page
from reports.sweeps.results import read_sweep

_TOLERANCE = 1e-3
"""As in a report."""


class Drawn(NamedTuple):
    """Every figure of a page."""

    of: Literal["checkpoint", "sweep", "experiment", "gallery", "comparison"]
    figures: tuple[Figure, ...]
    seed: int | None = None
    """The label that a checkpoint's figures explain."""


def draw_all(
    path: Path,
    *,
    label: int | None = None,
    tolerance: float | None = None,
    watch: Callable[[str], None] = lambda _: None,
) -> Drawn:
    """Draws every figure of the page of a folder; nothing is trained.

    Args:
        path: A checkpoint, or the folder of a sweep or an experiment.
        label: The seed of a checkpoint; None takes the best.
        tolerance: How much of a checkpoint's explained training share pruning may lose; None for 1e-3.
        watch: Told what is done next.

    Raises:
        UserError: If there is nothing of the kind, or label or tolerance are given for anything but a checkpoint.
    """
    is_sweep, is_experiment = (path / PLAN).is_file(), (path / RUN).is_file()
    if (is_sweep or is_experiment) and (label, tolerance) != (None, None):
        option = "--seed" if label is not None else "--tolerance"
        raise UserError(f"{option} is for one checkpoint, and {printable(path)} holds many: name one of its folders")
    if is_sweep:
        return Drawn("sweep", tuple(make_sweep_page(read_sweep(path)).figures))
    if is_experiment:
        return Drawn("experiment", tuple(make_experiment_page(read_experiment(path)).figures))
    tolerance = _TOLERANCE if tolerance is None else tolerance
    report = build_report(open_checkpoint(path), label=label, tolerance=tolerance, watch=watch)
    return Drawn("checkpoint", tuple(make_page(report).figures), report.selected.label)


def draw_gallery(path: Path, *, tolerance: float | None = None) -> Drawn:
    """Draws the figures of a checkpoint's gallery; arguments as in `draw_all`."""
    tolerance = _TOLERANCE if tolerance is None else tolerance
    return Drawn("gallery", tuple(make_gallery(open_checkpoint(path), tolerance=tolerance).figures))


def draw_comparison(paths: Sequence[Path], *, label: int | None = None, tolerance: float | None = None) -> Drawn:
    """Draws the figures of several checkpoints side by side; arguments as in `draw_all`."""
    tolerance = _TOLERANCE if tolerance is None else tolerance
    labels = () if label is None else (label,)
    return Drawn("comparison", tuple(compare(paths, labels=labels, tolerance=tolerance).figures), label)


def choose(figures: Sequence[Figure], names: Sequence[str]) -> list[Figure]:
    """Returns the figures of some names in their own order; all of them if none is named.

    Raises:
        UserError: If there is none of a name.
    """
    known = [figure.name for figure in figures]
    wrong = next((name for name in names if name not in known), None)
    if wrong is not None:
        raise UserError(f"there is no figure {printable(wrong)}, only {', '.join(known) or 'none at all'}")
    return [figure for figure in figures if not names or figure.name in names]


def prepare(folder: Path) -> None:
    """Makes sure, before anything is drawn, that figures can be written into a folder.

    Raises:
        UserError: If they cannot.
    """
    found_in(folder)
    try_writing(folder)


def write_figures(figures: Sequence[Figure], folder: Path, kind: Kind, *, width: Length | None = None) -> list[Path]:
    """Writes figures into a folder, each under its own name, replacing what has that name; returns the paths.

    Raises:
        UserError: If a file cannot be written, or a PNG would be too large.
    """
    files = {folder / f"{figure.name}.{kind}": to_file(figure, kind, width=width) for figure in figures}
    for path, content in files.items():
        write_file(path, content)
    return list(files)
