"""The sweep that the author wished for: how accuracy and size trade as the price of connections rises."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bimt.config import make_config
from interp.front import on_front
from reports.experiments.arms import panel_of
from reports.experiments.claims import lower
from reports.experiments.experiment import Experiment, Fast, Variant
from reports.experiments.results import Results, Trained
from reports.figures.front import Cloud, draw_front
from reports.figures.small_nets import draw_nets
from reports.section import Finding, Section
from reports.tables import Table
from reports.words import number

FACTORS = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
"""What the published strengths are multiplied by."""
DENSE = 5
"""A net is dense if it has more than so many times the connections that are left at the published price."""
_SHOWN = (0.01, 0.1, 1.0, 3.0, 10.0)
"""The factors whose nets are drawn."""


def strengths(task: str, factors: Sequence[float] = FACTORS, *, seeds: int = 8) -> tuple[Variant, ...]:
    """Returns a task at its published strengths times each factor; the schedule keeps its shape.

    Example:
        >>> [variant.settings for variant in strengths("independence", [10.0])]
        [('cost.strength=[[0.0, 0.01], [0.25, 0.1], [0.75, 0.01]]',)]
    """
    published = make_config(task).cost.strength
    return tuple(
        Variant(
            _label(task, factor),
            f"price × {factor:g}",
            task,
            (f"cost.strength={[[fraction, float(f'{value * factor:.6g}')] for fraction, value in published]}",),
            seeds,
        )
        for factor in factors
    )


class StrengthSweep:
    """Makes the section of one task."""

    def __init__(self, task: str, factors: Sequence[float] = FACTORS) -> None:
        """Takes the task, and the factors its variants were made with."""
        self.task, self.factors = task, tuple(factors)

    def __call__(self, results: Results) -> Section:
        """Makes the section of some results; factors that were not run are left out."""
        trained = {factor: results[label] for factor in self.factors if (label := _label(self.task, factor)) in results}
        frames = {factor: each.frame for factor, each in trained.items()}
        named = self.task.replace("_", "-")
        first = next(iter(trained.values()))
        is_log = first.checkpoint.task.kind == "regression"
        error = "1 − R² on the test split" if is_log else "share of test points told apart wrongly"
        clouds = {f"× {factor:g}": Cloud(*size_and_error(frame)) for factor, frame in frames.items()}
        return Section(
            name=named,
            title=self.task.replace("_", " "),
            findings=sweep_findings(self.task, frames),
            panoramas=(
                draw_nets(
                    [panel_of(trained[factor]) for factor in _SHOWN if factor in trained],
                    name=f"{named}-nets",
                    title="The best net at some of the prices, after pruning",
                    caption="Neurons at their places, inputs at the bottom; blue is positive, orange negative. "
                    "Neurons of different independent parts have different colours.",
                ),
            ),
            figures=(
                draw_front(
                    clouds,
                    error=error,
                    is_log=is_log,
                    name=f"{named}-front",
                    title="Accuracy against connections",
                    caption="Every point is a net after pruning; down and to the left is better. The line is the "
                    "front: no net is at least as good in both and better in one.",
                ),
            ),
            tables=(_table(trained),),
        )


def size_and_error(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Returns the connections and 1 - metric of every seed, after pruning."""
    return frame["connections"].to_numpy(np.float64), 1 - frame["metric"].to_numpy(np.float64)


def sweep_findings(task: str, frames: dict[float, pd.DataFrame]) -> tuple[Finding, ...]:
    """Judges what was expected of a sweep.

    Args:
        task: Its name.
        frames: Measures of the seeds by the factor of the published price; factors that are missing are not judged.
    """
    findings = []
    high, cheap = max(frames), 0.1
    if {0.0, 1.0} <= set(frames):
        dense, published = (float(frames[factor]["connections"].median()) for factor in (0.0, 1.0))
        ours = f"{number(dense)} connections, {number(published)} at the published price"
        claim = f"{task}: without a price nets stay dense, with over {DENSE} times the connections"
        findings.append(Finding(claim, "dense", ours, dense > DENSE * published))
    dead = int((frames[high]["connections"] == 0).sum())
    shown = f"{dead} of {len(frames[high])} seeds at × {high:g}"
    findings.append(
        Finding(f"{task}: at a high price everything dies", "everything 0", shown, dead == len(frames[high]))
    )
    if 1.0 in frames and cheap in frames:
        claim = f"{task}: a tenth of the published price gives a lower test error"
        findings.append(lower(claim, "loss", frames[cheap], frames[1.0]))
    sizes, errors = (np.concatenate(part) for part in zip(*map(size_and_error, frames.values()), strict=True))
    factors = np.repeat(list(frames), [len(frame) for frame in frames.values()])
    best = ", ".join(f"× {factor:g}" for factor in sorted(set(factors[on_front(sizes, errors)].tolist())))
    findings.append(Finding(f"{task}: prices that have a net on the front", None, best, None))
    return tuple(findings)


def _table(trained: dict[float, Trained]) -> Table:
    rows = []
    for factor, each in trained.items():
        frame, middle = each.frame, each.frame.median(numeric_only=True)
        strength = max(value for _, value in each.checkpoint.config.cost.strength)
        rows.append(
            (
                f"× {factor:g}",
                number(strength, 3),
                number(float(middle["connections"])),
                f"{frame['connections'].min()}–{frame['connections'].max()}",
                number(float(middle["neurons"])),
                number(float(middle["loss"]), 3),
                number(float(frame["loss"].min()), 3),
                number(float(middle["metric"])),
                number(float(middle["parts"])),
                f"{int((frame['connections'] == 0).sum())} of {len(frame)}",
            )
        )
    metric = next(iter(trained.values())).metric_name
    columns = ("price", "highest strength", "connections", "from–to", "hidden neurons", "test loss", "best test loss",
               f"test {metric}", "parts", "dead")  # fmt: skip
    return Table(columns, tuple(rows), frozenset((0,)))


def _label(task: str, factor: float) -> str:
    return f"{task.replace('_', '-')}-{factor:g}".replace(".", "-")


_TASKS = ("independence", "two_moons")
STRENGTH_SWEEP = Experiment(
    name="strength_sweep",
    figure="A wish of the author: the Pareto front of accuracy and sparsity",
    about="How much accuracy does every connection buy? The strength of the price is swept from nothing to where "
    "everything dies.",
    variants=tuple(variant for task in _TASKS for variant in strengths(task)),
    sections=tuple(StrengthSweep(task) for task in _TASKS),
    seconds=350,
    fast=Fast(
        ("steps=600", "net.hidden=[6,6]", "learning_rate=0.015", "swaps.every=100"),
        seconds=10,
        variants=("independence-0-1", "independence-1", "independence-300", "two-moons-1", "two-moons-300"),
    ),
)
"""The sweep over both tasks."""
