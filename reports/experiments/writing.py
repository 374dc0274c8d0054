"""Writes an experiment down: report.html, report.md with its pictures, and result.json."""

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bimt.folder import write_file
from reports.experiments.page import ExperimentPage, findings_of
from reports.experiments.results import Results, Trained
from reports.figures.png import to_png
from reports.html import render_page
from reports.markdown import render_markdown
from reports.report import FIGURES, prepare_folder

RESULT = "result.json"


def write_experiment(results: Results, page: ExperimentPage, folder: Path) -> list[Path]:
    """Writes the page, the markdown and its pictures, and the numbers, replacing earlier ones; result.json last.

    Returns:
        The paths of report.html, report.md and result.json.
    """
    prepare_folder(folder)
    for figure in page.figures:
        write_file(folder / FIGURES / f"{figure.name}.png", to_png(figure.drawing))
    files = {
        "report.html": render_page("experiment.html.j2", page=page),
        "report.md": render_markdown("experiment.md.j2", FIGURES, page=page),
        RESULT: json.dumps(_finite(to_document(results, page)), indent=1, allow_nan=False) + "\n",
    }
    for name, text in files.items():
        write_file(folder / name, text.encode())
    return [folder / name for name in files]


def to_document(results: Results, page: ExperimentPage) -> dict[str, Any]:
    """Returns what docs/json.md describes under `reproduce`."""
    return {
        "experiment": results.experiment.name,
        "figure": results.experiment.figure,
        "fast": results.is_fast,
        "changed": list(results.experiment.changed),
        "seconds": sum(each.seconds for each in results),
        "findings": [finding.to_json() for finding in findings_of(page.sections)],
        "variants": [_variant(each) for each in results],
    }


def _variant(trained: Trained) -> dict[str, Any]:
    variant = trained.variant
    return {
        "label": variant.label,
        "title": variant.title,
        "task": variant.task,
        "settings": list(variant.settings),
        "seconds": trained.seconds,
        "best": trained.best.label,
        "stopped": {str(label): why for label, why in trained.checkpoint.stopped.items()},
        "seeds": [asdict(row) for row in trained.measures],
    }


def _finite(value: Any) -> Any:
    """Writes numbers that JSON does not know as null."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
