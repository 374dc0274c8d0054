"""Runs an experiment: trains its variants one after the other, measures them, writes the page and result.json."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bimt.checkpoint import Checkpoint
from bimt.config import TrainConfig
from bimt.folder import is_temporary, try_writing, write_file
from bimt.messages import UserError, printable
from bimt.train import train
from reports.experiments.experiment import Experiment
from reports.experiments.page import ExperimentPage, make_experiment_page
from reports.experiments.results import Results, Trained, examine
from reports.experiments.writing import RESULT, to_document, write_experiment
from reports.report import build_report, write_report
from reports.words import counted, duration, number

RUN = "experiment.json"
"""What the folder holds is written down here: which experiment, in which form, how long each variant took."""
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
    record = _Record.claim(out, experiment, resume=resume, is_fast=is_fast)
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


class _Record:
    """What experiment.json holds: it claims the folder, and remembers how long each variant took."""

    def __init__(self, path: Path, form: dict[str, Any], seconds: dict[str, float], finished: list[str]) -> None:
        self.path, self.form, self.seconds, self.finished = path, form, seconds, finished

    @classmethod
    def claim(cls, out: Path, experiment: Experiment, *, resume: bool, is_fast: bool) -> "_Record":
        """Makes sure, before anything is trained, that the experiment may be run into a folder."""
        shown, path = printable(out), out / RUN
        form = {
            "experiment": experiment.name,
            "fast": is_fast,
            "seeds": [each.seeds for each in experiment.variants],
            "settings": [list(each.settings) for each in experiment.variants],
        }
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"the folder {shown} cannot be made: {error.strerror}") from error
        if _is_unused(out):
            record = cls(path, form, {}, [])
        elif resume:
            record = cls(path, form, *cls._before(path, form))
        else:
            raise UserError(f"the folder {shown} must be empty; --resume goes on with what is there")
        try_writing(out)
        record.write()
        return record

    @staticmethod
    def _before(path: Path, form: dict[str, Any]) -> tuple[dict[str, float], list[str]]:
        shown = printable(path.parent)
        document = _read_record(path)
        if document is None:
            raise UserError(f"{shown} holds no experiment to resume; choose another folder")
        before = document["form"]
        if before != form:
            kind = " --fast" if before.get("fast") else ""
            held = f"{printable(before.get('experiment'))}{kind} with seeds {printable(before.get('seeds'))}"
            same = {key: value for key, value in before.items() if key != "settings"}
            other = " and other settings" if same == {key: form[key] for key in form if key != "settings"} else ""
            raise UserError(f"{shown} holds {held}{other}: resume it as it was started, or choose another folder")
        return document["seconds"], document["finished"]

    def timed(self, label: str) -> "_Timed":
        """Measures how long a variant takes, unless it was finished before."""
        return _Timed(self, label)

    def write(self) -> None:
        document = {"form": self.form, "seconds": self.seconds, "finished": self.finished}
        write_file(self.path, json.dumps(document, indent=1).encode())


def _read_record(path: Path) -> dict[str, Any] | None:
    """Reads what `_Record.write` wrote; None where something else is there, or nothing that can be read."""
    try:
        document = json.loads(path.read_bytes())
        form, seconds, finished = (document[key] for key in ("form", "seconds", "finished"))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    kinds = isinstance(form, dict) and isinstance(seconds, dict) and isinstance(finished, list)
    return document if kinds and all(isinstance(each, int | float) for each in seconds.values()) else None


def _is_unused(folder: Path) -> bool:
    """Tells whether a folder is empty, or holds an experiment of which nothing was trained: nothing is lost with it."""
    left = [each for each in folder.iterdir() if not is_temporary(each.name)]
    claimed = any(each.name == RUN and _read_record(each) for each in left)
    return not left or (claimed and all(each.name == RUN or _is_empty(each) for each in left))


def _is_empty(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


class _Timed:
    """The time that one variant takes, interruptions left out."""

    def __init__(self, record: _Record, label: str) -> None:
        self.record, self.label, self.start = record, label, time.perf_counter()

    def __enter__(self) -> None:
        self.start = time.perf_counter()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self.label not in self.record.finished:
            before = self.record.seconds.get(self.label, 0.0)
            self.record.seconds[self.label] = before + time.perf_counter() - self.start
            if kind is None:
                self.record.finished.append(self.label)
            self.record.write()
