"""Tables of a report, as text: each is made once and shown on the page and in markdown."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from interp.ablation import Row
from interp.modules import Modules
from interp.selectivity import Selectivity
from interp.sparse import Neuron
from interp.targets import Kind
from reports.results import Report, Scores
from reports.words import listed, name, number, signed

_MOST_MOTIFS = 30
_MOST_OUTPUTS = 4
"""Up to this many outputs get a column each."""


@dataclass(frozen=True)
class Table:
    """Cells as they are shown; the first column names the row."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    is_text: frozenset[int] = frozenset((0,))
    """Columns that hold words; the others hold numbers and are set to the right."""
    marked: frozenset[int] = frozenset()
    """Rows to stand out."""

    def first(self, most: int) -> "Table":
        """Returns the first rows."""
        return replace(self, rows=self.rows[:most])


def prune_table(report: Report) -> Table:
    """Compares the net as trained with the pruned one."""
    before, after, metric = report.dense_scores, report.scores, report.metric_name
    wider = ((f"training {metric}", "train_metric"), (f"test {metric}", "test_metric"),
             ("training loss", "train_loss"), ("test loss", "test_loss"))  # fmt: skip
    rows = [
        (
            "connections",
            f"{before.connections:,}",
            f"{after.connections:,}",
            signed(after.connections - before.connections),
        ),
        ("hidden neurons", f"{before.neurons:,}", f"{after.neurons:,}", signed(after.neurons - before.neurons)),
        *(_change(label, before, after, field) for label, field in wider),
    ]
    return Table(("", "as trained", "pruned", "change"), tuple(rows))


def motif_table(report: Report) -> Table:
    """Lists the squares, products, lines and constants that the net's neurons make up; empty if there are none."""
    motifs = report.readable.motifs if report.readable else ()
    rows = [
        (
            motif.kind,
            listed(list(map(str, motif.neurons))),
            "" if motif.target is None else str(motif.target),
            motif.in_short(),
            f"{number(100 * motif.error, 2)} %",
        )
        for motif in motifs[:_MOST_MOTIFS]
    ]
    columns = ("motif", "neurons", "read by", "what they add", "largest error")
    return Table(columns, tuple(rows), frozenset((0, 1, 2, 3))) if rows else Table((), ())


def seeds_table(report: Report) -> Table:
    """Lists every seed: what it reached, what is left of it, which one is explained and which ones stopped."""
    checkpoint, metric = report.selected.checkpoint, report.metric_name
    pruned = {sparse.label: sparse for sparse in report.seeds}
    rows, marked = [], set()
    for row, label in enumerate(checkpoint.labels):
        if label in pruned:
            sparse = pruned[label]
            chosen = label == report.selected.label
            if chosen:
                marked.add(row)
            values = (sparse.dense_metric, sparse.metric, sparse.explained, sparse.loss)
            note = "explained here" if chosen else ""
            rows.append((str(label), *map(number, values), f"{sparse.connections:,}", note))
        else:
            rows.append((str(label), "–", "–", "–", "–", "–", f"stopped: {name(checkpoint.stopped.get(label, ''))}"))
    columns = (
        *("seed", f"test {metric}", f"test {metric}, pruned", "training share explained, pruned"),
        *("test loss, pruned", "connections", ""),
    )
    return Table(columns, tuple(rows), frozenset((0, 6)), frozenset(marked))


def stories_table(report: Report) -> Table:
    """Lists the events of every seed, each with its step, if there are several seeds."""
    if len(report.stories) < 2:
        return Table((), ())
    rows = [
        (
            str(story.evolution.label),
            "; ".join(f"{name(event.title)} ({event.step:,})" for event in story.events) or "–",
        )
        for story in report.stories
    ]
    labels = [story.evolution.label for story in report.stories]
    return Table(
        ("seed", "events (step)"), tuple(rows), frozenset((0, 1)), frozenset((labels.index(report.selected.label),))
    )


def modules_table(report: Report) -> Table:
    """Lists the modules: what is in them, what they serve and what is lost without them.

    Of a single output every set of neurons has all its effect there: then nothing is said of how focused a module is.
    """
    measures = 3 if report.compares_outputs else 1
    beside = {row.name: row for row in report.selectivity}
    rows = []
    for module in report.modules.modules:
        found = beside.get(module.name)
        compared = ("–", "–", "–") if found is None else _compared(found)
        inputs, outputs = listed(module.inputs) or "–", listed(module.outputs) or "–"
        hidden = neurons_of(report, module.name)
        rows.append((module.name, inputs, outputs, _neurons(hidden), f"{module.connections:,}", *compared[:measures]))
    compared = (f"drop of {report.metric_name} without it", "share of it in one output", "random sets less focused")
    columns = ("module", "inputs", "outputs", "hidden neurons", "connections", *compared[:measures])
    return Table(columns, tuple(rows), frozenset((0, 1, 2, 3)))


def evidence_table(modules: Modules, loss_without_bridges: float | None) -> Table:
    """Lists the numbers behind the modules."""
    rows = [("independent parts", f"{modules.parts:,}"), ("modularity Q", number(modules.modularity, 3))]
    if modules.separation is not None:
        rows.append(("separation by the best cut (1: nothing crosses it)", number(modules.separation, 3)))
    for null, p in (("degrees", modules.p_structure), ("degrees and lengths", modules.p_space)):
        rows.append((f"p, against nets with the same {null}", "nothing to compare" if p is None else number(p, 3)))
    if modules.persistence is not None:
        low, high = (number(end, 3) for end in modules.persistence)
        rows.append(("same parts for every cut on |w|", f"from {low} to {high}"))
    if loss_without_bridges is not None:
        rows.append(("test loss as trained, connections between modules cut", number(loss_without_bridges)))
    rows.append(("connections into the outputs", modules.readout))
    if modules.unused_inputs:
        rows.append(("inputs without a connection", listed(modules.unused_inputs)))
    if modules.constant_outputs:
        rows.append(("outputs without a connection (constant)", listed(modules.constant_outputs)))
    return Table(("", ""), tuple(rows))


def ablation_table(report: Report, kind: Kind) -> Table:
    """Lists what every part of a kind is worth, the most important first; output by output where there are few."""
    mean = {row.name: row for row in report.mean.of(kind)}
    outputs = report.zero.outputs
    few = outputs if 1 < len(outputs) <= _MOST_OUTPUTS else ()
    shares = [f"drop of {name(output)}" for output in few]
    columns = (kind, f"drop of {report.metric_name}, zero", *shares, "by mean", "loss increase, zero", "± error")
    rows = []
    for row in sorted(report.zero.of(kind), key=lambda row: (-row.drop, -row.loss_increase)):
        by_mean = mean[row.name].drop if row.name in mean else None
        numbers = (row.drop, *(row.per_output if few else ()), by_mean, row.loss_increase)
        cells = (number(value, 3) for value in numbers)
        rows.append((_part(row), *cells, number(row.stderr, 2)))
    return Table(columns, tuple(rows))


def neurons_of(report: Report, module: str) -> list[Neuron]:
    """Returns the hidden neurons of a module."""
    found = next(each for each in report.modules.modules if each.name == module)
    return [neuron for neuron in found.neurons if report.after.nodes[neuron]["role"] == "hidden"]


def _part(row: Row) -> str:
    """Names a part as the data do; an input neuron also as the pictures do."""
    shown = name(row.label).replace("->", " → ")
    return f"{shown} ({row.name})" if row.kind == "neuron" and row.label != row.name else shown


def _neurons(neurons: Sequence[Neuron]) -> str:
    return listed([str(neuron) for neuron in neurons], most=6) or "–"


def _compared(found: Selectivity) -> tuple[str, ...]:
    """Says how much is lost without a module, whether one output alone suffers, and what random sets do."""
    beside = "only one set" if found.choices <= 1 else f"{found.focus_percentile:.0f} %"
    return number(found.drop, 3), f"{100 * found.focus:.0f} %", beside


def _change(label: str, before: Scores, after: Scores, field: str) -> tuple[str, ...]:
    old, new = getattr(before, field), getattr(after, field)
    return label, number(old), number(new), signed(new - old)
