"""What a sweep has given, cell by cell: medians, the most common groups, which events how often."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table as RichTable

from bimt.sweep.grid import Cell
from interp.fourier import Verdict
from reports.sweeps.results import CellResult, SweepResults
from reports.words import counted, number, percent


@dataclass(frozen=True)
class CellSummary:
    """One cell: medians over the seeds that were trained to the end, after pruning."""

    cell: Cell
    seeds: int
    """Of the cell."""
    measured: int
    """Those that were trained to the end; medians and shares are over these."""
    metric: float | None
    """Median test R^2 or accuracy; None, as all that follows, where no seed was measured."""
    loss: float | None
    """Median test loss."""
    connections: float | None
    """Median number of kept connections."""
    groups: tuple[str, ...] | None
    """The inputs and outputs of every independent part, as they are most often."""
    share: float | None
    """Of the seeds that have these groups."""
    events: dict[str, float]
    """For each kind of event, the share of the seeds in which it happened; the most frequent first."""
    verdicts: dict[Verdict, int]
    """Of how many seeds, as trained, it is said that they are a clock, a pizza or neither; the most frequent first,
    empty where nets do not add two numbers."""
    symmetricity: float | None
    """Their median gradient symmetricity; None where there is no verdict."""
    irrelevance: float | None
    """Their median distance irrelevance."""

    @property
    def failed(self) -> int:
        """How many seeds were not trained to the end."""
        return self.seeds - self.measured


def summarise(result: CellResult) -> CellSummary:
    """Takes the medians of a cell."""
    measured = [seed.measures for seed in result.seeds if seed.measures is not None]
    judged = [seed.addition for seed in result.seeds if seed.addition is not None]
    verdicts = Counter(each.verdict for each in judged)
    kinds = Counter(kind for seed in result.measured for kind in sorted({event.kind for event in seed.events}))
    found = Counter(each.groups for each in measured)
    groups = min(found, key=lambda each: (-found[each], each)) if found else None
    return CellSummary(
        cell=result.cell,
        seeds=len(result.seeds),
        measured=len(measured),
        metric=_median([each.metric for each in measured]),
        loss=_median([each.loss for each in measured]),
        connections=_median([each.connections for each in measured]),
        groups=groups,
        share=None if groups is None else found[groups] / len(measured),
        events={
            kind: count / len(measured) for kind, count in sorted(kinds.items(), key=lambda item: (-item[1], item[0]))
        },
        verdicts=dict(sorted(verdicts.items(), key=lambda item: (-item[1], item[0]))),
        symmetricity=_median([each.gradient_symmetricity for each in judged]),
        irrelevance=_median([each.distance_irrelevance for each in judged]),
    )


def summary_listing(results: SweepResults) -> RichTable:
    """Lists every cell for a terminal."""
    table = RichTable(box=None, pad_edge=False)
    for name in ("task", *(axis.key for axis in results.plan.axes), "seeds", "metric", "connections"):
        table.add_column(name, no_wrap=True)
    table.add_column("most common groups")
    table.add_column("share", no_wrap=True)
    for each in map(summarise, results.cells):
        seeds = f"{each.measured} of {each.seeds}" if each.failed else str(each.seeds)
        cells = (seeds, number(each.metric), number(each.connections), in_words(each.groups), percent(each.share))
        table.add_row(each.cell.task, *each.cell.values, *cells)
    return table


def in_words(groups: Sequence[str] | None) -> str:
    """Writes groups in a cell of a table."""
    if groups is None:
        return "–"
    return "; ".join(groups) if groups else "no connection"


def events_in_words(events: dict[str, float]) -> str:
    """Writes kinds of events, each with the share of seeds in which it happened.

    Example:
        >>> events_in_words({"jump": 1.0, "split": 0.25})
        'jump 100 %, split 25 %'
    """
    return ", ".join(f"{kind} {percent(share, 3)}" for kind, share in events.items()) or "none"


def verdicts_in_words(verdicts: Mapping[Verdict, int]) -> str:
    """Writes what nets are said to be, with their number where they differ.

    Example:
        >>> verdicts_in_words({"clock": 2, "unclear": 1})
        'clock 2, unclear 1'
    """
    if len(verdicts) == 1:
        return next(iter(verdicts))
    return ", ".join(f"{verdict} {count}" for verdict, count in verdicts.items()) or "–"


def failures_in_words(results: SweepResults) -> list[tuple[str, str]]:
    """Names everything that was not trained to the end, and why: blocks that failed, and seeds that stopped."""
    failed = [(failure.block.name, failure.reason) for failure in results.failures]
    reasons = {reason for _, reason in failed}
    stopped = [
        (f"{each.cell.name}, seed {seed.seed}", seed.stopped)
        for each in results.cells
        for seed in each.seeds
        if seed.stopped and seed.stopped not in reasons
    ]
    return failed + stopped


def counted_cells(results: SweepResults) -> str:
    """Says how large the sweep is."""
    plan = results.plan
    return f"{counted(len(results.cells), 'cell')} × {counted(plan.seeds, 'seed')}"


def to_document(results: SweepResults, paths: Sequence[Path]) -> dict[str, Any]:
    """Returns what docs/json.md describes under `sweep`."""
    plan = results.plan
    return {
        "tasks": plan.tasks,
        "grid": [{"key": axis.key, "values": axis.values} for axis in plan.axes],
        "settings": plan.settings,
        "labels": [plan.first_seed, plan.first_seed + plan.seeds - 1],
        "seconds": results.seconds,
        "skipped": results.skipped,
        "cells": [_entry(summarise(each)) for each in results.cells],
        "failures": [{"name": name, "reason": reason} for name, reason in failures_in_words(results)],
        "files": [str(path) for path in paths],
    }


def _entry(each: CellSummary) -> dict[str, Any]:
    return {
        "cell": each.cell.name,
        "task": each.cell.task,
        "values": each.cell.values,
        "seeds": each.seeds,
        "measured": each.measured,
        "metric": each.metric,
        "loss": each.loss,
        "connections": each.connections,
        "groups": each.groups,
        "share": each.share,
        "events": [{"kind": kind, "share": share} for kind, share in each.events.items()],
        "verdicts": each.verdicts,
        "gradient_symmetricity": each.symmetricity,
        "distance_irrelevance": each.irrelevance,
    }


def _median(values: Sequence[float | int]) -> float | None:
    return float(np.median(values)) if values else None
