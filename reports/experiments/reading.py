"""Reads an experiment again from its folder; nothing is trained."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from bimt.checkpoint import load_checkpoint
from bimt.messages import UserError, printable
from reports.experiments.catalog import get_experiment
from reports.experiments.experiment import Experiment, shortened
from reports.experiments.record import RUN, read_record
from reports.experiments.results import Results, examine


def read_experiment(out: Path) -> Results:
    """Prunes and measures every variant that `bimt reproduce` trained into a folder.

    Raises:
        UserError: If the folder holds no experiment of this version, or one that is not finished.
    """
    record = read_record(out / RUN)
    if record is None:
        raise UserError(f"{printable(out / RUN)} is damaged or missing; run the experiment again")
    experiment = _as_run(record["form"], out)
    left = [each.label for each in experiment.variants if each.label not in record["finished"]]
    if left:
        raise UserError(f"{printable(out)} is not finished: {left[0]} is to be trained; go on with --resume")
    trained = (
        examine(each, load_checkpoint(out / each.label), seconds=record["seconds"].get(each.label, 0.0))
        for each in experiment.variants
    )
    return Results(experiment, tuple(trained), bool(record["form"].get("fast")))


def _as_run(form: dict[str, Any], out: Path) -> Experiment:
    """Returns the experiment with the settings and the seeds that its variants were run with."""
    experiment = get_experiment(str(form.get("experiment")))
    variants = (shortened(experiment) if form.get("fast") else experiment).variants
    try:
        run = [
            replace(variant, settings=tuple(map(str, settings)), seeds=int(seeds))
            for variant, settings, seeds in zip(variants, form["settings"], form["seeds"], strict=True)
        ]
    except (KeyError, TypeError, ValueError) as error:
        shown = printable(out)
        raise UserError(f"{shown} holds another {experiment.name} than this version knows; run it again") from error
    return replace(experiment, variants=tuple(run))
