"""The verdict of a report in plain words: what was trained, what came out, what pruning cost."""

from collections.abc import Sequence

from bimt.tasks.base import Task
from interp.modules import Module, Modules
from interp.select import best_of
from interp.splits import SIGNIFICANCE
from reports.results import Report
from reports.words import counted, listed, name, number, sentence

_MOST_NAMED = 40
"""Of more inputs the number is given, not the names."""


def what_was_trained(report: Report) -> str:
    """Says what was trained, on what, and which seed is explained."""
    checkpoint = report.selected.checkpoint
    task, net = checkpoint.task, report.selected.dense.net
    sizes = "–".join(str(net.wiring.population(each.name).size) for each in net.wiring.populations)
    nets = counted(len(checkpoint.labels), "net")
    stopped = (
        f", {counted(len(checkpoint.stopped), 'of them stopped', 'of them stopped')}" if checkpoint.stopped else ""
    )
    if checkpoint.history.empty:
        return (
            f"{sentence(nets)} of shape {sizes}, trained elsewhere {_goal(task)}; the file does not say how, nor on "
            f"which rows: training and test split are both all {len(task.test):,}. "
            f"This report explains {_which(report)}."
        )
    return (
        f"{sentence(nets)} of shape {sizes} {'was' if len(checkpoint.labels) == 1 else 'were'} trained for "
        f"{checkpoint.config.steps:,} steps{stopped}, {_goal(task)} "
        f"({len(task.train):,} rows to train on, {len(task.test):,} to test on). "
        f"This report explains {_which(report)}."
    )


def what_came_out(modules: Modules) -> str:
    """Says which modules there are: the headline."""
    found = modules.modules
    if not found:
        return "Nothing is connected: every output is a constant"
    if len(found) == 1:
        return f"One module: {_served(found[0])}"
    joined = sum(bridge.connections for bridge in modules.bridges)
    kind = "separate modules" if modules.parts >= len(found) else f"modules, joined by {counted(joined, 'connection')}"
    if modules.readout == "excluded":
        kind = "modules that meet only at the outputs" if modules.parts >= len(found) else kind
    is_excluded = modules.readout == "excluded"
    shown = [_read(module) if is_excluded else _served(module) for module in found[:4]]
    more = [f"{len(found) - 4} more"] if len(found) > 4 else []
    parts = [*shown, *more]
    return f"{sentence(counted(len(found), kind, kind))}: {', '.join(parts[:-1])} and {parts[-1]}"


def how_sure(modules: Modules) -> str:
    """Says what chance has to say to that."""
    if not modules.modules:
        return "Pruning found no connection that the training data need."
    if len(modules.modules) == 1:
        return (
            "No cut through the net stands out: even the best leaves too much across it, or nets of the same degrees "
            "and lengths have one as good. A split would not be significant, so there is one module."
        )
    if modules.parts >= len(modules.modules):
        where = " before the outputs" if modules.readout == "excluded" else ""
        words = f"No connection joins them{where}: this is exact for the pruned net."
    else:
        words = (
            "Their borders are crossed by fewer connections than chance explains "
            f"(p < {SIGNIFICANCE:g} against both nulls)."
        )
    if modules.p_structure is not None and modules.p_space is not None:
        words += (
            f" Random nets have as clean a cut with p = {number(modules.p_structure, 2)} (degrees kept) "
            f"and p = {number(modules.p_space, 2)} (degrees and lengths kept)"
            + (
                "."
                if max(modules.p_structure, modules.p_space) < SIGNIFICANCE
                else f"; only below {SIGNIFICANCE:g} is chance ruled out."
            )
        )
    return words


def what_pruning_cost(report: Report) -> str:
    """Says how many connections are kept and what cutting the others cost."""
    before, after, metric = report.dense_scores, report.scores, report.metric_name
    change = after.test_metric - before.test_metric
    amount = f"{abs(change):.4f}" if abs(change) >= 5e-5 else "less than 0.0001"
    cost = f"pruning {'gained' if change > 0 else 'cost'} {amount if change else 'nothing'}"
    return (
        f"{after.connections:,} of {before.connections:,} connections are kept. Test {metric} "
        f"{number(after.test_metric)}, against {number(before.test_metric)} as trained: {cost}."
    )


def summary(report: Report) -> str:
    """Says it in one line, for a list of reports."""
    return f"{what_came_out(report.modules)}. {what_pruning_cost(report)}"


def _goal(task: Task) -> str:
    """Says what a net has to do."""
    if task.tokens:
        tokens = f"{listed(task.tokens)} ({task.vocabulary:,} tokens)"
        return f"to find the right one of {len(task.classes):,} answers to {tokens}"
    if task.moments > 1:
        return f"to predict {listed(task.answers)} in sequences of {task.moments} tokens"
    goal = "tell apart" if task.kind == "classification" else "predict"
    return f"to {goal} {listed(task.classes or task.outputs)} from {_inputs(task.inputs, most=8)}"


def _which(report: Report) -> str:
    label = report.selected.label
    if len(report.selected.checkpoint.labels) == 1:
        return f"seed {label}"
    best = report.ranking.best if report.ranking else best_of(report.seeds, report.selected.checkpoint.task).label
    why = "the best after pruning, by the training data" if label == best else "as asked for"
    return f"seed {label}, {why}"


def _read(module: Module) -> str:
    return f"{{{listed(module.inputs, most=6) or 'no input'}}}"


def _served(module: Module) -> str:
    inputs, outputs = _inputs(module.inputs, most=6), listed(module.outputs, most=6)
    return f"{{{inputs or 'no input'} → {outputs or 'no output'}}}" if outputs or inputs else f"{name(module.name)}"


def _inputs(names: Sequence[str], most: int) -> str:
    """Names inputs; of very many, such as pixels, only the number says something."""
    return listed(names, most=most) if len(names) <= _MOST_NAMED else f"{len(names):,} inputs"
