"""The figures that need data: predicted against true, and the decision boundary of a net with two inputs."""

import torch

from bimt.nets.base import Net
from bimt.tasks.base import Split, Task
from interp.sample import MOST_ROWS, sampled_rows
from reports.figures.boundary import Evaluate, draw_heights, draw_regions
from reports.figures.drawing import Figure, Floats
from reports.figures.predictions import MOST_OUTPUTS, draw_confusions, draw_scatter
from reports.results import Report


def draw_predictions(report: Report) -> tuple[tuple[Figure, ...], str]:
    """Draws what the pruned net says over what is true, in the table's units; and what to say about a sample."""
    task, net = report.selected.checkpoint.task, report.selected.sparse.net
    if task.kind == "classification":
        said = net.run(task.test.inputs[None])[0].argmax(-1)
        return (draw_confusions("confusions", task.classes or task.outputs, _confusions(task, said)),), ""
    outputs, targets = net.run(task.test.inputs[None]), task.test.targets[None]
    scores = task.per_output(outputs, targets)[0].tolist()
    train, test = (_pairs(net, task, split) for split in (task.train, task.test))
    figures = [
        draw_scatter(
            f"predicted-{column + 1}",
            task.answers[column],
            (train[0][:, column], train[1][:, column]),
            (test[0][:, column], test[1][:, column]),
            scores[column],
        )
        for column in range(min(len(task.answers), MOST_OUTPUTS))
    ]
    notes = []
    if len(task.answers) > MOST_OUTPUTS:
        notes.append(f"The first {MOST_OUTPUTS} of {len(task.answers):,} outputs.")
    if max(len(task.train), len(task.test)) > MOST_ROWS:
        notes.append(
            f"{MOST_ROWS:,} rows of each split are shown, drawn with a fixed seed; the numbers are of all rows."
        )
    return tuple(figures), " ".join(notes)


def draw_boundary(report: Report) -> tuple[Figure, ...]:
    """Draws the decision boundary or the height of every output; nothing unless there are exactly two inputs."""
    task, net = report.selected.checkpoint.task, report.selected.sparse.net
    if not has_two_inputs(task):
        return ()
    inputs = task.inputs[0], task.inputs[1]
    split = sample(task.test)
    points = task.scaling.inputs_to_table(split.inputs.to(torch.float64)).numpy()
    evaluate = evaluator(net, task)
    if task.kind == "classification":
        classes = task.classes or task.outputs
        return (draw_regions(evaluate, inputs=inputs, classes=classes, points=points, labels=split.targets.numpy()),)
    return tuple(
        draw_heights(evaluate, inputs=inputs, output=output, column=column, points=points, name=f"heights-{column + 1}")
        for column, output in enumerate(task.outputs[:MOST_OUTPUTS])
    )


def has_two_inputs(task: Task) -> bool:
    """Tells whether a net looks at exactly two numbers, once: then all that it says can be drawn."""
    return len(task.inputs) == 2 and not task.tokens and task.moments == 1


def evaluator(net: Net, task: Task) -> Evaluate:
    """Returns what a net of one seed computes in the table's units."""

    def evaluate(table: Floats) -> Floats:
        inputs = task.scaling.to_net(torch.from_numpy(table)).to(net.dtype)
        outputs: Floats = task.scaling.to_table(net.run(inputs[None])[0]).numpy()
        return outputs

    return evaluate


def sample(split: Split, most: int = MOST_ROWS) -> Split:
    """Returns the rows that the page carries; where fewer are wanted, evenly spaced ones of them."""
    split = split.rows(sampled_rows(split))
    if len(split) <= most:
        return split
    return split.rows(torch.linspace(0, len(split) - 1, most).round().long())


def _pairs(net: Net, task: Task, split: Split) -> tuple[Floats, Floats]:
    """Returns true values and predictions in the table's units, (rows, outputs) each."""
    split = sample(split)
    said = task.scaling.to_table(net.run(split.inputs[None].to(net.dtype))[0])
    return task.scaling.to_table(split.targets.to(net.dtype)).numpy(), said.numpy()


def _confusions(task: Task, said: torch.Tensor) -> Floats:
    size = len(task.outputs)
    counts = torch.bincount(task.test.targets * size + said, minlength=size * size)
    return counts.reshape(size, size).to(torch.float64).numpy()
