"""What a formula says over two inputs, as a surface, and how far it is from the pruned net there."""

from dataclasses import dataclass

import numpy as np
import torch

from bimt.messages import printable
from bimt.tasks.base import Split, Task
from reports.figures.axes import span
from reports.figures.boundary import Evaluate, draw_errors
from reports.figures.drawing import Figure, Floats
from reports.figures.palette import module_tone
from reports.figures.surface import CELLS, Ends, Field, draw_surface
from reports.predictions import evaluator, has_two_inputs, sample
from reports.results import Report

MOST_SURFACES = 4
_POINTS = 120
"""Of more test rows an evenly spaced sample is drawn: more would cover the surface."""
_BEYOND = 0.25
"""A formula's heights are cut off so far outside what net and data say, as a share of their range."""


@dataclass(frozen=True, eq=False)
class _Height:
    """One height over both inputs."""

    name: str
    of: Evaluate
    """What is drawn, (rows, 1): of the readable formula where there is one."""
    net: Evaluate
    """The same of the pruned net."""
    targets: Floats
    """True heights of the test rows that are drawn."""
    tones: tuple[str, str]


def draw_surfaces(report: Report) -> tuple[Figure, ...]:
    """Draws the readable formula of every output as a surface, or the pruned net, and where the two differ.

    Of two classes the probability of the second; nothing of more classes, or unless there are exactly two inputs.
    """
    task = report.selected.checkpoint.task
    if not has_two_inputs(task):
        return ()
    split = sample(task.test, _POINTS)
    points = task.scaling.inputs_to_table(split.inputs.to(torch.float64)).numpy()
    inputs = task.inputs[0], task.inputs[1]
    figures: list[Figure] = []
    for number, height in enumerate(_heights(report, split)[:MOST_SURFACES]):
        figures.append(
            _surface(height, points, inputs, f"surface-{number + 1}", is_formula=report.readable is not None)
        )
        if report.readable is not None:
            figures.append(_errors(height, points, inputs, f"surface-error-{number + 1}"))
    return tuple(figures)


def _heights(report: Report, split: Split) -> list[_Height]:
    """Returns the outputs of a regression, or the probability of the second of two classes."""
    task, readable = report.selected.checkpoint.task, report.readable
    net = _remembering(evaluator(report.selected.sparse.net, task))
    drawn = net if readable is None else _remembering(readable.evaluate)
    if task.kind == "classification":
        if len(task.outputs) != 2:
            return []
        name = f"probability of {(task.classes or task.outputs)[1]}"
        truth = split.targets.to(torch.float64).numpy()
        return [_Height(name, _second(drawn, task), _second(net, task), truth, (module_tone(0), module_tone(1)))]
    targets = task.scaling.to_table(split.targets.to(torch.float64)).numpy()
    return [
        _Height(output, _column(drawn, index), _column(net, index), targets[:, index], ("", "positive"))
        for index, output in enumerate(task.outputs)
    ]


def _remembering(evaluate: Evaluate) -> Evaluate:
    """Returns the same, worked out once for each table: all outputs are drawn over the same places."""
    found: dict[bytes, Floats] = {}

    def remembered(table: Floats) -> Floats:
        key = table.tobytes()
        if key not in found:
            found[key] = evaluate(table)
        return found[key]

    return remembered


def _column(evaluate: Evaluate, index: int) -> Evaluate:
    return lambda table: evaluate(table)[:, index : index + 1]


def _second(evaluate: Evaluate, task: Task) -> Evaluate:
    """Returns the probability of the second class, given what computes both logits."""

    def probability(table: Floats) -> Floats:
        shares: Floats = task.probabilities(torch.from_numpy(evaluate(table))).numpy()
        return shares[:, 1:]

    return probability


def _surface(height: _Height, points: Floats, inputs: tuple[str, str], name: str, *, is_formula: bool) -> Figure:
    x, y = (np.linspace(*span(points[:, axis], margin=0.08), CELLS + 1) for axis in (0, 1))
    grid = np.stack([part.ravel() for part in np.meshgrid(x, y, indexing="ij")], axis=1)
    says, net = (evaluate(grid)[:, 0].reshape(len(x), len(y)) for evaluate in (height.of, height.net))
    limits = (0.0, 1.0) if height.tones[0] else _limits(net, says, height.targets)
    what = "readable formula" if is_formula else "pruned net"
    shown = printable(height.name, limit=40)
    where = "at 1 where it is their class, at 0 where not" if height.tones[0] else "at their true heights"
    return draw_surface(
        Field(x, y, says),
        points=np.column_stack([points, height.targets]),
        limits=limits,
        inputs=inputs,
        output=height.name,
        name=name,
        title=f"The surface of {shown}",
        caption=f"What the {what} says over both inputs. Points: test rows {where}; pale ones lie below the surface.",
        tones=height.tones,
    )


def _limits(net: Floats, says: Floats, targets: Floats) -> Ends:
    """Returns the range of heights that is drawn: of net and data, and of the formula as far as it is near them."""
    low, high = span(net, targets, margin=0)
    room = _BEYOND * (high - low)
    return span(net, targets, np.clip(says, low - room, high + room), margin=0.02)


def _errors(height: _Height, points: Floats, inputs: tuple[str, str], name: str) -> Figure:
    return draw_errors(
        lambda table: np.abs(height.of(table) - height.net(table)),
        inputs=inputs,
        output=height.name,
        points=points,
        name=name,
        caption="Distance of the readable formula to the pruned net, in equal steps up to the largest seen here. "
        "Points: test rows.",
    )
