"""The page of a sweep: a section for every task, with its front, its maps and its cells."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bimt.messages import printable
from bimt.sweep.grid import Axis
from interp.fourier import ACCURATE, CIRCULAR, RELEVANT, SYMMETRIC
from interp.front import on_front
from reports.content import Fact
from reports.figures.cells import draw_cells, draw_kinds, draw_phase
from reports.figures.drawing import Figure, Floats
from reports.figures.front import Cloud, together
from reports.figures.palette import MODULES
from reports.section import Section
from reports.sweeps.results import CellResult, SweepResults
from reports.sweeps.summary import (
    CellSummary,
    counted_cells,
    events_in_words,
    failures_in_words,
    in_words,
    summarise,
    verdicts_in_words,
)
from reports.tables import Table
from reports.words import command_line, name, number, percent, sentence

_MOST_MAPS = 8
"""Kinds of events that get a map of their own."""
_VERDICTS = {"clock": "module3", "pizza": "module2", "unclear": "module4", "not circular": "muted",
             "not accurate": "faint"}  # fmt: skip
"""The hues of what is said of nets that add."""
_RULE = (
    f"Pizza: gradient symmetricity above {SYMMETRIC} and distance irrelevance below {RELEVANT}; clock: neither; "
    f"unclear: one of them. A net is judged if its accuracy on all pairs is {ACCURATE:g} and its circularity at least "
    f"{CIRCULAR}."
)


@dataclass(frozen=True)
class SweepPage:
    """A sweep, in words; the templates only arrange it."""

    title: str
    headline: str
    facts: tuple[Fact, ...]
    sections: tuple[Section, ...]
    failures: Table
    """What was not trained to the end; may have no rows."""
    command: str
    """Makes all of it again."""

    @property
    def figures(self) -> Iterator[Figure]:
        """All figures, in order."""
        for section in self.sections:
            yield from section.panoramas
            yield from section.figures


def make_sweep_page(results: SweepResults) -> SweepPage:
    """Puts the results of a sweep into words, tables and figures."""
    plan = results.plan
    swept = ", ".join(name(axis.key) for axis in plan.axes) or "no setting"
    nets = sum(len(each.measured) for each in results.cells)
    failed = failures_in_words(results)
    return SweepPage(
        title=f"Sweep of {', '.join(map(name, plan.tasks))}",
        headline=sentence(f"{counted_cells(results)}, over {swept}."),
        facts=(
            Fact(f"{len(results.cells):,}", "cells"),
            Fact(f"{nets:,}", "nets trained, pruned and measured"),
            Fact(f"{sum(len(each.seeds) for each in results.cells) - nets:,}", "seeds not trained to the end"),
        ),
        sections=tuple(_section(task, rank, results) for rank, task in enumerate(plan.tasks)),
        failures=Table(
            ("what", "reason"),
            tuple((name(what), printable(why, limit=500)) for what, why in failed),
            frozenset((0, 1)),
        ),
        command=command_line(_words(results)),
    )


def _section(task: str, rank: int, results: SweepResults) -> Section:
    """Makes the section of one task; its anchor and its figures are numbered, for names come from the data."""
    cells = [each for each in results.cells if each.cell.task == task]
    summaries = [summarise(each) for each in cells]
    has_front = any(each.measured for each in cells)
    varied = [axis for axis in results.plan.axes if len(axis.values) > 1]
    prefix = f"task-{rank + 1}"
    return Section(
        name=prefix,
        title=name(task).replace("_", " "),
        panoramas=(_front(cells, results.plan.axes, prefix),) if has_front else (),
        figures=tuple(_maps(summaries, results.plan.axes, varied, prefix)) if has_front and len(varied) == 2 else (),
        tables=(_table(summaries, results.plan.axes, _on_front(cells)),),
    )


def _front(cells: Sequence[CellResult], axes: Sequence[Axis], prefix: str) -> Figure:
    measured = [each for each in cells if each.measured]
    is_regression = measured[0].kind == "regression"
    key, groups = _groups(measured, axes)
    return draw_cells(
        {each.cell.name: _cloud(each) for each in measured},
        groups,
        key=key,
        error="1 − R² on the test split" if is_regression else "share of test rows told apart wrongly",
        is_log=is_regression,
        name=f"{prefix}-front",
        title="Accuracy against connections",
        caption="Every point is a net after pruning; down and to the left is better. The line is the front: no net is "
        "at least as good in both and better in one. Point at a median to see its cell.",
    )


def _maps(
    summaries: Sequence[CellSummary], axes: Sequence[Axis], varied: Sequence[Axis], prefix: str
) -> Iterator[Figure]:
    """Draws what depends on two settings."""
    down, across = varied
    places = [axes.index(axis) for axis in varied]
    at = {tuple(each.cell.values[place] for place in places): each for each in summaries}

    def drawn(
        get: Callable[[CellSummary], float | None], write: Callable[[float], str], part: str, title: str, caption: str
    ) -> Figure:
        found = [[get(at[row, column]) for column in across.values] for row in down.values]
        values: Floats = np.array([[np.nan if value is None else value for value in line] for line in found])
        return draw_phase(
            values, down=down, across=across, write=write, name=f"{prefix}-map-{part}", title=title, caption=caption,
        )  # fmt: skip

    def share(value: float) -> str:
        return percent(None if np.isnan(value) else value, 3)

    def rounded(value: float) -> str:
        return "–" if np.isnan(value) else f"{value:.3f}"

    yield drawn(lambda each: each.metric, number, "metric", "Test metric", "Median over the seeds, after pruning.")
    yield drawn(lambda each: each.connections, number, "connections", "Connections", "Median of those kept by pruning.")
    yield drawn(
        lambda each: each.share, share, "groups", "Agreement of the seeds",
        "Share of the seeds whose independent parts are the most common ones of the cell; the table says which.",
    )  # fmt: skip
    if any(each.verdicts for each in summaries):
        yield draw_kinds(
            [[_commonest(at[row, column]) for column in across.values] for row in down.values], _VERDICTS,
            down=down, across=across, name=f"{prefix}-map-verdict", title="Clock or pizza",
            caption=f"What most seeds are said to be. {_RULE}",
        )  # fmt: skip
        yield drawn(
            lambda each: each.symmetricity, rounded, "symmetricity", "Gradient symmetricity",
            f"Median over the seeds, as trained. A pizza has more than {SYMMETRIC}, a clock less.",
        )  # fmt: skip
        yield drawn(
            lambda each: each.irrelevance, rounded, "irrelevance", "Distance irrelevance",
            f"Median over the seeds, as trained. A pizza has less than {RELEVANT}, a clock more.",
        )  # fmt: skip
    kinds = dict.fromkeys(kind for each in summaries for kind in each.events)
    for rank, kind in enumerate(list(kinds)[:_MOST_MAPS]):
        yield drawn(
            lambda each, kind=kind: each.events.get(kind, 0.0) if each.measured else None, share,  # type: ignore[misc]
            f"event-{rank + 1}", f"Event: {kind}", "Share of the seeds in which it happened at least once.",
        )  # fmt: skip


def _commonest(each: CellSummary) -> str | None:
    return next(iter(each.verdicts), None)


def _table(summaries: Sequence[CellSummary], axes: Sequence[Axis], best: Sequence[bool]) -> Table:
    rows = []
    is_judged = any(each.verdicts for each in summaries)
    for each in summaries:
        seeds = f"{each.measured} of {each.seeds}" if each.failed else str(each.seeds)
        rows.append(
            (
                _title(each, axes),
                seeds,
                number(each.metric),
                number(each.loss, 3),
                number(each.connections),
                percent(each.share, 3),
                name(in_words(each.groups)),
                events_in_words(each.events) if each.measured else "–",
                *((verdicts_in_words(each.verdicts),) if is_judged else ()),
            )
        )  # fmt: skip
    marked = frozenset(rank for rank, is_best in enumerate(best) if is_best)
    columns = ("cell", "seeds", "test metric", "test loss", "connections", "agree", "most common groups",
               "events: share of seeds", *(("clock or pizza",) if is_judged else ()))  # fmt: skip
    return Table(columns, tuple(rows), frozenset((0, 6, 7, 8) if is_judged else (0, 6, 7)), marked)


def _title(each: CellSummary, axes: Sequence[Axis]) -> str:
    """Names a cell by what it sets, less the groups that its keys are in."""
    pairs = zip(axes, each.cell.values, strict=True)
    return ", ".join(f"{axis.key.rpartition('.')[2]} {name(value)}" for axis, value in pairs) or "as published"


def _on_front(cells: Sequence[CellResult]) -> list[bool]:
    """Tells of every cell whether one of its nets is on the front."""
    measured = [each for each in cells if each.measured]
    if not measured:
        return [False] * len(cells)
    chosen = on_front(*together(map(_cloud, measured)))
    owners = np.repeat([each.cell.name for each in measured], [len(each.measured) for each in measured])
    winners = set(owners[chosen].tolist())
    return [each.cell.name in winners for each in cells]


def _groups(cells: Sequence[CellResult], axes: Sequence[Axis]) -> tuple[str, list[str]]:
    """Chooses what the hues stand for: the cells, or, if they are too many, the values of one setting."""
    if len(cells) <= len(MODULES):
        return "cell", [", ".join(each.cell.values) or each.cell.task for each in cells]
    few = [place for place, axis in enumerate(axes) if 1 < len(axis.values) <= len(MODULES)]
    if not few:
        return "", ["all cells"] * len(cells)
    return axes[few[0]].key, [each.cell.values[few[0]] for each in cells]


def _cloud(each: CellResult) -> Cloud:
    measures = [seed.measures for seed in each.seeds if seed.measures is not None]
    sizes = np.array([found.connections for found in measures], dtype=np.float64)
    return Cloud(sizes, 1 - np.array([found.metric for found in measures], dtype=np.float64))


def _words(results: SweepResults) -> list[str]:
    """The command that makes the sweep again, less --out."""
    plan = results.plan
    words = ["bimt", "sweep", *plan.tasks]
    for axis in plan.axes:
        words += ["--grid", f"{axis.key}={','.join(axis.values)}"]
    for text in plan.settings:
        words += ["--set", text]
    words += ["--seeds", str(plan.seeds)]
    words += ["--first-seed", str(plan.first_seed)] if plan.first_seed else []
    words += [] if plan.fourier else ["--no-fourier"]
    return words + (["--block", str(plan.block)] if plan.block != plan.seeds else [])
