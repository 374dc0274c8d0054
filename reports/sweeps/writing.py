"""Writes the page of a sweep: report.html, report.md and its pictures."""

import re
from pathlib import Path

from bimt.folder import write_file
from reports.figures.png import to_png
from reports.html import render_page
from reports.markdown import render_markdown
from reports.report import FIGURES, prepare_folder
from reports.sweeps.page import make_sweep_page
from reports.sweeps.results import SweepResults

_OURS = re.compile(r"task-\d+-(front|map-(metric|connections|groups|verdict|symmetricity|irrelevance|event-\d+))\.png")
"""The pictures that a page may have: those of an earlier one that this one has not are removed."""


def write_report(results: SweepResults, out: Path) -> list[Path]:
    """Writes the page and the markdown with its pictures, replacing earlier ones; returns the paths of the two.

    Raises:
        UserError: If the folder cannot be written.
    """
    page = make_sweep_page(results)
    prepare_folder(out)
    for figure in page.figures:
        write_file(out / FIGURES / f"{figure.name}.png", to_png(figure.drawing))
    files = {
        "report.html": render_page("sweep.html.j2", page=page),
        "report.md": render_markdown("sweep.md.j2", FIGURES, page=page),
    }
    for name, text in files.items():
        write_file(out / name, text.encode())
    drawn = {f"{figure.name}.png" for figure in page.figures}
    for old in (out / FIGURES).iterdir():
        if _OURS.fullmatch(old.name) and old.name not in drawn:
            old.unlink()
    return [out / name for name in files]
