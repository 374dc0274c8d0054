"""Outside the box: what nets that learned a formula say where they were never trained, activation by activation."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from bimt.tasks.formulas import FORMULAS
from interp.sparse import SparseNet
from reports.experiments.claims import lower
from reports.experiments.experiment import Experiment, Fast, Variant
from reports.experiments.results import Results, Trained
from reports.figures.drawing import Floats
from reports.figures.trends import draw_trends
from reports.section import Finding, Section
from reports.tables import Table
from reports.words import number

SHELLS = {"in the box": (0.0, 1.0), "+10 %": (1.0, 1.1), "+50 %": (1.0, 1.5), "+100 %": (1.0, 2.0)}
"""Inputs are uniform in the cube of the second half-width, but not in that of the first."""
_POINTS = 4_000
_NAMES = {"silu": "SiLU", "selu": "SELU", "relu": "ReLU", "gelu": "GELU", "tanh": "tanh"}


def activations(task: str, *, seeds: int = 8) -> tuple[Variant, ...]:
    """Returns a task with each activation, everything else as published.

    Example:
        >>> [variant.label for variant in activations("feature_sharing")][:2]
        ['feature-sharing-silu', 'feature-sharing-selu']
    """
    return tuple(Variant(_label(task, name), _NAMES[name], task, (f"net.activation={name}",), seeds) for name in _NAMES)


def errors_outside(task: str, nets: Sequence[SparseNet], *, points: int = _POINTS) -> Floats:
    """Returns how far nets are off in every shell, as a share of how much the truth varies there.

    For each output the mean squared error over the variance of the formula's value, averaged over outputs; the root of
    that. 0 is exact, 1 is no better than a constant.

    Args:
        task: A formula: it is the truth, inside the box and outside.
        nets: Pruned seeds.
        points: Inputs drawn in each shell, the same for all nets.

    Returns:
        (nets, shells)
    """
    formula, columns = FORMULAS[task], []
    for inner, outer in SHELLS.values():
        inputs = _in_shell(np.random.RandomState(0), formula.inputs, points, inner, outer)
        truth = np.stack(formula.evaluate(inputs.T), axis=1)
        said = [sparse.net.run(torch.from_numpy(inputs)[None])[0].numpy() for sparse in nets]
        share = [((each - truth) ** 2).mean(0) / truth.var(0) for each in said]
        columns.append([np.sqrt(each.mean()) for each in share])
    return np.array(columns, dtype=np.float64).reshape(len(SHELLS), len(nets)).T


class Extrapolation:
    """Makes the section over several tasks."""

    def __init__(self, tasks: Sequence[str]) -> None:
        """Takes the tasks, all of them formulas."""
        self.tasks = tuple(tasks)

    def __call__(self, results: Results) -> Section:
        """Makes the section of some results; what was not run is left out."""
        trained: dict[str, dict[str, Trained]] = {}
        for task in self.tasks:
            found = {
                shown: results[_label(task, name)] for name, shown in _NAMES.items() if _label(task, name) in results
            }
            trained |= {task: found} if found else {}
        errors = {
            task: {shown: errors_outside(task, each.pruned) for shown, each in found.items()}
            for task, found in trained.items()
        }
        return Section(
            name="outside",
            title="Inside the box and outside",
            words=(
                "Nets are trained on inputs from −1 to 1 and asked for points outside: at least one input up to 10 %, "
                "50 % or 100 % beyond the box. The formula itself is the truth. The error is the root mean squared "
                "error as a share of how much the truth varies there: 0 is exact, 1 is no better than a constant.",
            ),
            findings=tuple(
                finding
                for task, found in trained.items()
                for finding in outside_findings(task, errors[task], {key: each.frame for key, each in found.items()})
            ),
            panoramas=(
                draw_trends(
                    {task.replace("_", " "): values for task, values in errors.items()},
                    list(SHELLS),
                    axis="error as a share of the truth's spread",
                    name="outside",
                    title="Error inside the box and outside, by activation",
                    caption="Medians over the pruned seeds; strokes run from the smallest to the largest. Lower is "
                    "better; 1 is no better than a constant.",
                ),
            ),
            tables=tuple(_table(task, found, errors[task]) for task, found in trained.items()),
        )


def outside_findings(task: str, errors: dict[str, Floats], frames: dict[str, pd.DataFrame]) -> tuple[Finding, ...]:
    """Judges what was expected: nets fail outside, and smooth activations do better inside.

    Args:
        task: Its name.
        errors: By activation, (seeds, shells).
        frames: By activation, the seeds' measures.
    """
    findings = []
    if "SiLU" in errors:
        inside, outside = (float(np.median(errors["SiLU"][:, shell])) for shell in (0, -1))
        ours = f"error {number(inside, 2)} inside, {number(outside, 2)} outside"
        claim = f"{task}: SiLU fails 100 % outside the box, ten times the error inside"
        findings.append(Finding(claim, "expected to fail", ours, outside >= 10 * inside))
    if {"SiLU", "ReLU"} <= set(frames):
        claim = f"{task}: smooth is better, test loss with SiLU against ReLU"
        findings.append(lower(claim, "loss", frames["SiLU"], frames["ReLU"]))
    for title, shell in (("inside", 0), ("100 % outside", -1)):
        medians = {shown: float(np.median(values[:, shell])) for shown, values in errors.items()}
        best = min(medians, key=medians.__getitem__)
        findings.append(Finding(f"{task}: best activation {title}", None, f"{best}, {number(medians[best], 2)}", None))
    return tuple(findings)


def _table(task: str, trained: dict[str, Trained], errors: dict[str, Floats]) -> Table:
    rows = []
    for shown, each in trained.items():
        middle = each.frame.median(numeric_only=True)
        shells = [number(float(value), 3) for value in np.median(errors[shown], axis=0)]
        rows.append((shown, number(float(middle["connections"])), number(float(middle["loss"]), 3), *shells))
    columns = (task.replace("_", " "), "connections", "test loss", *(f"error {shell}" for shell in SHELLS))
    return Table(columns, tuple(rows))


def _in_shell(random: np.random.RandomState, inputs: int, points: int, inner: float, outer: float) -> Floats:
    """Draws points in a cube that do not lie in a smaller one."""
    found = np.zeros((0, inputs))
    while len(found) < points:
        drawn = (random.rand(points, inputs) * 2 - 1) * outer
        found = np.concatenate([found, drawn[np.abs(drawn).max(1) > inner]])
    return found[:points]


def _label(task: str, activation: str) -> str:
    return f"{task.replace('_', '-')}-{activation}"


_TASKS = ("independence", "feature_sharing", "compositionality")
EXTRAPOLATION = Experiment(
    name="extrapolation",
    figure="A wish of the author: outside the training box, and other activations",
    about="Does a net that has found a formula know it where it was never trained? And does the activation matter?",
    variants=tuple(variant for task in _TASKS for variant in activations(task)),
    sections=(Extrapolation(_TASKS),),
    seconds=350,
    fast=Fast(
        ("steps=600", "net.hidden=[6,6]", "learning_rate=0.015", "swaps.every=100"),
        seconds=10,
        variants=("independence-silu", "independence-relu", "feature-sharing-silu", "feature-sharing-tanh"),
    ),
)
"""All activations on all formulas but the crossing, which a linear net would do."""
