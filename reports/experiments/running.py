"""Runs an experiment: trains its variants one after the other, measures them, writes the page and result.json."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bimt.checkpoint import Checkpoint
from bimt.config import TrainConfig
from bimt.train import train
from reports.experiments.experiment import Experiment
from reports.experiments.page import ExperimentPage, make_experiment_page
from reports.experiments.record import Record
from reports.experiments.results import Results, Trained, examine
from reports.experiments.writing import RESULT, to_document, write_experiment
from reports.report import build_report, write_report
from reports.words import counted, duration, number

Train = Callable[[TrainConfig, Path, bool], Checkpoint]
"""Trains a configuration into a folder, or, where the last is True, goes on there."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """An experiment that was run."""

    results: Results
    page: ExperimentPage
    paths: tuple[Path, ...]
    """The page, the markdown, result.json."""

    def to_json(self) -> dict[str, Any]:
        """Returns what docs/json.md describes under `reproduce`."""
        return to_document(self.results, self.page)


def reproduce(
    experiment: Experiment,
    out: Path,
    *,
    resume: bool = False,
    is_fast: bool = False,
    tell: Callable[[str], None] = lambda _: None,
    trainer: Train = lambda config, folder, resume: train(config, out=folder, resume=resume),
) -> Outcome:
    """Runs an experiment into a folder: a checkpoint for every variant, report.html, report.md and result.json.

    Args:
        experiment: In the form that is to be run.
        out: New or empty, or, to resume, a folder that holds the same experiment in the same form.
        resume: Skip the variants that are finished, go on with one that is not.
        is_fast: The form is the short one: the page says so.
        tell: Told what is done next.
        trainer: Trains one variant.

    Raises:
        UserError: If the folder cannot be used, a configuration is wrong (that of the last variant, too, before the
            first is trained), or every seed of a variant stopped.
        Interrupted: If the trainer was asked to stop; everything so far is saved.
    """
    configs = [variant.config() for variant in experiment.variants]
    record = Record.claim(out, experiment, resume=resume, is_fast=is_fast)
    trained = []
    for rank, (variant, config) in enumerate(zip(experiment.variants, configs, strict=True), 1):
        tell(
            f"{rank} of {len(experiment.variants)}: {variant.title} on {variant.task}, {counted(variant.seeds, 'seed')}"
        )
        with record.timed(variant.label):
            checkpoint = trainer(config, out / variant.label, resume)
        trained.append(examine(variant, checkpoint, seconds=record.seconds[variant.label]))
        tell(_reached(trained[-1]))
    results = Results(experiment, tuple(trained), is_fast)
    if experiment.explained in results:
        best = results[experiment.explained].best
        tell(f"explaining seed {best.label} of {experiment.explained}")
        write_report(build_report(best.checkpoint, label=best.label), out / experiment.explained)
    tell("writing the page")
    page = make_experiment_page(results)
    paths = write_experiment(results, page, out)
    return Outcome(results, page, tuple(paths))


def last_result(folder: Path) -> dict[str, Any] | None:
    """Reads the result.json of a folder; None where there is none, or none that can be read."""
    try:
        document = json.loads((folder / RESULT).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) and isinstance(document.get("findings"), list) else None


def _reached(trained: Trained) -> str:
    middle = trained.frame.median(numeric_only=True)
    stopped = counted(len(trained.checkpoint.stopped), "seed")
    return (
        f"   in {duration(trained.seconds)}: test loss {number(middle['loss'], 3)}, {trained.metric_name} "
        f"{number(middle['metric'])}, {number(middle['connections'])} connections (medians, pruned)"
        + (f"; {stopped} stopped" if trained.checkpoint.stopped else "")
    )
