"""What a terminal shows: the list of experiments with their last results, and the findings of one."""

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from bimt.messages import printable
from reports.experiments.catalog import catalog
from reports.experiments.experiment import Experiment
from reports.experiments.page import findings_of
from reports.experiments.running import Outcome, last_result
from reports.section import findings_table
from reports.words import duration


@dataclass(frozen=True)
class Listed:
    """One experiment, and what came out when it was last run."""

    experiment: Experiment
    folder: Path
    last: dict[str, Any] | None
    """Its result.json; None where it was never run to the end."""

    def to_json(self) -> dict[str, Any]:
        """Returns what docs/json.md describes under `experiments`."""
        experiment = self.experiment
        return {
            "name": experiment.name,
            "figure": experiment.figure,
            "about": experiment.about,
            "tasks": list(experiment.tasks),
            "runs": len(experiment.variants),
            "nets": experiment.nets,
            "expected_seconds": experiment.seconds,
            "last": None if self.last is None else {"folder": self.folder, **self._last()},
        }

    def _last(self) -> dict[str, Any]:
        last = self.last or {}
        counts = _verdicts(last["findings"])
        seconds = last.get("seconds")
        return {
            "fast": bool(last.get("fast")),
            "changed": bool(last.get("changed")),
            "seconds": seconds if isinstance(seconds, int | float) and 0 <= seconds < math.inf else None,
            "met": counts[True],
            "not_met": counts[False],
        }

    def in_words(self) -> str:
        """Says in a few words what came out."""
        if self.last is None:
            return "not run yet"
        last = self._last()
        form = ", ".join(["fast form"] * last["fast"] + ["changed settings"] * last["changed"])
        took = f" in {duration(last['seconds'])}" if last["seconds"] is not None else ""
        return f"{last['met']} of {last['met'] + last['not_met']} claims met{took}" + (f" ({form})" if form else "")


def list_experiments(runs: Path) -> list[Listed]:
    """Reads what came out last from the folders in `runs` that are named like the experiments."""
    return [Listed(each, runs / each.name, last_result(runs / each.name)) for each in catalog().values()]


def listing_table(rows: list[Listed]) -> Table:
    """Lists experiments on a terminal."""
    table = Table("experiment", "published as", "tasks", "nets", "takes about", "last result", box=None, pad_edge=False)
    for row in rows:
        experiment = row.experiment
        tasks = ", ".join(experiment.tasks)
        numbers = f"{experiment.nets:,}", duration(experiment.seconds)
        table.add_row(experiment.name, experiment.figure, tasks, *numbers, printable(row.in_words()))
    return table


def findings_listing(done: Outcome) -> Table:
    """Lists the findings of an experiment on a terminal."""
    shown = findings_table(findings_of(done.page.sections))
    table = Table(*shown.columns, box=None, pad_edge=False, title=printable(done.page.headline), title_justify="left")
    for row in shown.rows:
        table.add_row(*(printable(cell) for cell in row))
    return table


def _verdicts(findings: list[Any]) -> Counter[Any]:
    """Counts findings that are met and not met; what is neither counts as nothing."""
    verdicts = (finding.get("met") for finding in findings if isinstance(finding, dict))
    return Counter(verdict for verdict in verdicts if isinstance(verdict, bool))
