"""Ablation: what every connection, every neuron and every module of a pruned net is worth on the test split.

Run as `python -m interp.ablation CKPT`.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import pandas as pd
import torch
from rich.console import Group, RenderableType
from rich.text import Text

from bimt.messages import printable
from bimt.nets.base import Net
from bimt.tasks.base import Task
from interp.edits import Cut, Method, Replacements, replacements
from interp.effects import Effects, measure_cuts, standard_error
from interp.graph import end_labels
from interp.sparse import Neuron, SparseNet
from interp.tables import frame_table
from interp.targets import Kind, Sites, Target, connection_targets, module_targets, neuron_targets

_BLOCK = 1024
"""How many ablations are measured before their samples are dropped."""
_WORK = 1e12
"""Weights times test rows times connections that are ablated unasked, and how many connections at least: a minute."""
_FEWEST = 100
_LONGEST_LABEL = 20_000
_MOST_PAIRS = 20
"""How many pairs are printed."""
_WIDEST = 6
"""Up to this many outputs get a column each in print."""


class Row(NamedTuple):
    """What one ablation does, on the test split."""

    kind: Kind | Literal["pair"]
    name: str
    """`h1[3]->h2[5]`, `h1[3]`, or the module's name."""
    label: str
    """The same with the task's names for inputs and outputs: `age->h1[3]`."""
    metric: float
    """R^2 averaged over outputs, or accuracy; resample: the mean over donors."""
    drop: float
    """Baseline minus ablated metric."""
    loss_increase: float
    """Ablated minus baseline loss, in the net's units; resample: the mean over donors."""
    stderr: float
    """Standard error of `loss_increase`; NaN where n is 1. Resample: over donors, the test rows given. Zero and mean:
    over test rows, of the paired difference: how far other test rows would move it."""
    n: int
    """How many numbers `loss_increase` is the mean of: donors (resample) or test rows."""
    reference: float | None
    """What stood in for the neuron's value (a connection: its source's): 0, the training mean, or the mean over donors.
    None where several values were replaced (a module, a pair, a population at several sites) by other than 0."""
    per_output: tuple[float, ...]
    """The drop output by output: of R^2, or of the share of each class's rows that are recognised."""


class Pair(NamedTuple):
    """What two neurons do together beyond what each does alone."""

    first: str
    second: str
    interaction: float
    """loss(both) - loss(first) - loss(second) + loss(none): above 0 where each can stand in for the other, below 0
    where what one does is lost with the other anyway. A squared error also couples neurons that merely add up."""
    stderr: float
    """Standard error of `interaction`, as in `Row`."""
    both: Row
    """The ablation of both at once, of kind "pair"."""


class Baseline(NamedTuple):
    """The net with nothing ablated, on the test split."""

    metric: float
    loss: float
    per_output: tuple[float, ...]


@dataclass(frozen=True)
class AblationTable:
    """What every part of a net is worth."""

    baseline: Baseline
    method: Method
    rows: tuple[Row, ...]
    """Connections, neurons, modules, each in forward order."""
    pairs: tuple[Pair, ...] | None
    """Every two of the neurons; None where nobody asked."""
    outputs: tuple[str, ...]
    """Names of the outputs, in the order of `per_output`."""
    connections: int
    """How many kept connections there are; where rows list fewer, those are the heaviest."""

    def of(self, kind: Kind) -> tuple[Row, ...]:
        """Returns the rows of one kind."""
        return tuple(row for row in self.rows if row.kind == kind)

    def share_of(self, kind: Kind) -> str:
        """Says how many of a kind were ablated where that is not all; empty where it is."""
        shown = len(self.of(kind))
        is_all = kind != "connection" or shown == self.connections
        return "" if is_all else f", the {shown:,} heaviest of {self.connections:,}"

    def to_frame(self) -> pd.DataFrame:
        """Returns one line per row, then one per pair; `per_output` becomes a column `drop NAME` for every output."""
        fields = [name for name in Row._fields if name != "per_output"]
        drops = [f"drop {printable(output, _LONGEST_LABEL)}" for output in self.outputs]
        lines = [_values(row) for row in self.rows]
        if self.pairs is None:
            return pd.DataFrame(lines, columns=[*fields, *drops])
        lines = [(*line, None, None) for line in lines]
        lines += [(*_values(pair.both), pair.interaction, pair.stderr) for pair in self.pairs]
        return pd.DataFrame(lines, columns=[*fields, *drops, "interaction", "interaction_stderr"])

    def to_json(self) -> dict[str, Any]:
        """Returns what the command prints, less what it knows of the checkpoint; `pairs` only where asked for."""
        document: dict[str, Any] = {
            "baseline": {**self.baseline._asdict(), "per_output": list(self.baseline.per_output)},
            "method": self.method,
            "connections": self.connections,
            "rows": [_row_json(row) for row in self.rows],
        }
        if self.pairs is not None:
            document["pairs"] = [_pair_json(pair) for pair in self.pairs]
        return document

    def __rich__(self) -> RenderableType:
        """Draws a table for every kind, the largest increase of the loss first."""
        kinds: tuple[Kind, ...] = ("module", "neuron", "connection")
        drawn = {f"{kind}s{self.share_of(kind)}": _drawn_rows(self.of(kind), self.outputs) for kind in kinds}
        if self.pairs:
            shown = min(len(self.pairs), _MOST_PAIRS)
            title = f"pairs of neurons: the {shown} of {len(self.pairs)} that interact most"
            drawn[title] = _drawn_pairs(self.pairs)
        tables = (frame_table(frame, title=title) for title, frame in drawn.items() if len(frame))
        return Group(Text(_headline(self)), *tables)


def ablate(
    sparse: SparseNet,
    task: Task,
    *,
    modules: Mapping[str, Iterable[Neuron]] | None = None,
    method: Method = "zero",
    donors: int = 100,
    generator: torch.Generator | None = None,
    sites: Sites = "together",
    pairs: bool = False,
    connections: int | None = None,
) -> AblationTable:
    """Replaces every connection, neuron and module in turn, recomputes what is downstream, and scores the test split.

    A neuron's post-activation value is replaced wherever it is read. Of a connection only what flows along it is
    replaced: its weight becomes 0 and weight * value is added to the target; by zero that is the weight edited by hand.
    Tied connections go together. A module loses its hidden neurons at once (its inputs, if it has no hidden ones): an
    input may serve other modules as well, and outputs are what is measured. Live neurons only, outputs not; neurons of
    populations without slots are look-ups, not ablated, nor are the weights behind them.

    The value is 0 (zero), the neuron's mean over the training split (mean), or its value at one training row, the
    same donor row for everything that goes at once, averaged over donors (resample). (Wang et al. 2022,
    arXiv:2211.00593; Zhang & Nanda 2023, arXiv:2309.16042.) All ablations use the same donors.

    Args:
        sparse: The net.
        task: Its training split gives means and donors, its test split the effects.
        modules: For each name the module's neurons, as in `Module.neurons`.
        method: "zero", "mean" or "resample".
        donors: Resample only: how many training rows are drawn, without replacement; all rows where there are fewer.
        generator: Resample only, which needs it: draws the donors.
        sites: "together": a neuron of a shared population goes at all its sites, in one row named after the
            population. "each": at one site at a time, in one row for each.
        pairs: Whether to measure every two neurons together as well.
        connections: How many connections are ablated at most, the heaviest by |w|. None: all of them, or as many as
            take about a minute in nets of hundreds of thousands of weights.

    Returns:
        Effects as differences from the net as it is.

    Raises:
        ValueError: If an option is unknown, a module holds what is no neuron of the net, or a weight is not finite.

    Example:
        ablate(sparse, task, modules={module.name: module.neurons for module in found.modules}).to_frame()
    """
    if method not in ("zero", "mean", "resample"):
        raise ValueError(f"`method` must be zero, mean or resample, got {method!r}")
    if sites not in ("together", "each"):
        raise ValueError(f"`sites` must be together or each, got {sites!r}")
    if connections is not None and connections < 0:
        raise ValueError(f"`connections` must be at least 0, got {connections}")
    net, task = sparse.net, task.to(sparse.net.dtype)
    if not all(tensor.isfinite().all() for tensor in net.parameters.values()):
        raise ValueError("`sparse` must have finite weights, got NaN or infinity: its training stopped")
    values = replacements(net, task.train.inputs, method=method, donors=donors, generator=generator)
    bench = _Bench(net, task, values, measure_cuts(net, task, [Cut()], values))
    labels = end_labels(net.wiring, task)
    neurons = neuron_targets(sparse, labels, sites)
    most = _affordable(net, task) if connections is None else connections
    single, count = connection_targets(sparse, labels), sparse.connections
    targets = [*_heaviest(net, single, most), *neurons, *module_targets(net.wiring, modules or {}, sites)]
    return AblationTable(
        baseline=bench.baseline(),
        method=method,
        rows=tuple(bench.rows(targets)),
        pairs=tuple(bench.pairs(neurons)) if pairs else None,
        outputs=task.answers,
        connections=count,
    )


def _affordable(net: Net, task: Task) -> int:
    weights = sum(tensor.numel() for tensor in net.parameters.values())
    return max(int(_WORK / max(weights * net.moments * len(task.test), 1)), _FEWEST)


def _heaviest(net: Net, targets: Sequence[Target], most: int) -> Sequence[Target]:
    """Returns the targets with the largest |w|, in their order."""
    if len(targets) <= most:
        return targets
    sizes = [
        net.weight(link)[0, row, column].abs() for target in targets for link, row, column in target.cut.connections
    ]
    kept = torch.stack(sizes).argsort(descending=True, stable=True)[:most].sort().values
    return [targets[index] for index in kept.tolist()]


@dataclass(frozen=True, eq=False)
class _Bench:
    """Where ablations are measured: the net, the data, the values that stand in, and the net as it is."""

    net: Net
    task: Task
    values: Replacements
    whole: Effects

    def baseline(self) -> Baseline:
        """Returns the net with nothing ablated."""
        return Baseline(
            self.whole.metric.item(), self.whole.losses.mean().item(), tuple(self.whole.per_output[0].tolist())
        )

    def rows(self, targets: Sequence[Target]) -> Iterable[Row]:
        """Measures every target, block by block."""
        for start in range(0, len(targets), _BLOCK):
            block = targets[start : start + _BLOCK]
            yield from self._rows(block, self._measure(block))

    def pairs(self, neurons: Sequence[Target]) -> Iterable[Pair]:
        """Measures every two neurons together, block by block."""
        alone = self._measure(neurons).losses
        couples = list(itertools.combinations(range(len(neurons)), 2))
        for start in range(0, len(couples), _BLOCK):
            block = couples[start : start + _BLOCK]
            both = [_couple(neurons[first], neurons[second]) for first, second in block]
            effects = self._measure(both)
            first, second = torch.tensor(block).T
            beyond = effects.losses - alone[first] - alone[second] + self.whole.losses
            numbers = zip(
                block, beyond.mean(1).tolist(), standard_error(beyond).tolist(), self._rows(both, effects), strict=True
            )
            for (one, other), interaction, stderr, row in numbers:
                yield Pair(neurons[one].name, neurons[other].name, interaction, stderr, row)

    def _measure(self, targets: Sequence[Target]) -> Effects:
        return measure_cuts(self.net, self.task, [target.cut for target in targets], self.values)

    def _rows(self, targets: Sequence[Target], effects: Effects) -> list[Row]:
        more = effects.losses - self.whole.losses
        columns = (
            effects.metric.tolist(),
            (self.whole.metric - effects.metric).tolist(),
            more.mean(1).tolist(),
            standard_error(more).tolist(),
            (self.whole.per_output - effects.per_output).tolist(),
        )
        return [
            Row(
                kind=target.kind,
                name=target.name,
                label=target.label,
                metric=metric,
                drop=drop,
                loss_increase=increase,
                stderr=stderr,
                n=more.shape[1],
                reference=self._reference(target.cut),
                per_output=tuple(per_output),
            )
            for target, metric, drop, increase, stderr, per_output in zip(targets, *columns, strict=True)
        ]

    def _reference(self, cut: Cut) -> float | None:
        """Returns the one value that stood in, on average, if there was only one."""
        sources = [
            Neuron(link.source, source)
            for tied, _, source in cut.connections
            for link in self.net.wiring.links
            if link.stored == tied.stored
        ]
        means = {self.values[site][..., index].mean().item() for site, index in (*cut.neurons, *sources)}
        replaced = len(cut.neurons) + len(sources)
        return means.pop() if means == {0.0} or (replaced == 1 and means) else None


def _couple(first: Target, second: Target) -> Target:
    cut = Cut(first.cut.neurons + second.cut.neurons)
    return Target("pair", f"{first.name} + {second.name}", f"{first.label} + {second.label}", cut)


def _values(row: Row) -> tuple[Any, ...]:
    """Returns the row's fields in order, its drops last, one by one."""
    plain = row._replace(label=printable(row.label, _LONGEST_LABEL))
    return (*(getattr(plain, name) for name in Row._fields if name != "per_output"), *row.per_output)


def _row_json(row: Row) -> dict[str, Any]:
    plain = {name: value for name, value in row._asdict().items() if name != "label"}
    return {**plain, "per_output": list(row.per_output)}


def _pair_json(pair: Pair) -> dict[str, Any]:
    return {
        "first": pair.first,
        "second": pair.second,
        "interaction": pair.interaction,
        "stderr": pair.stderr,
        "n": pair.both.n,
        "loss_increase": pair.both.loss_increase,
        "drop": pair.both.drop,
    }


def _headline(table: AblationTable) -> str:
    metric, loss, _ = table.baseline
    over = "donors" if table.method == "resample" else "test rows"
    numbers = f"with nothing ablated metric {metric:.4f}, loss {loss:.3g} on the test split"
    return f"ablation by {table.method}: {numbers}; ± is the standard error of the loss increase over {over}"


def _drawn_rows(rows: Sequence[Row], outputs: Sequence[str]) -> pd.DataFrame:
    """Returns the rows of one kind for print; where outputs are many, only the one that suffers most."""
    frame = pd.DataFrame({"": [_title(row) for row in rows]})
    for name, field in (("loss increase", "loss_increase"), ("±", "stderr"), ("metric", "metric"), ("drop", "drop")):
        frame[name] = [getattr(row, field) for row in rows]
    if len(outputs) <= _WIDEST:
        for index, output in enumerate(outputs):
            frame[f"drop {output}"] = [row.per_output[index] for row in rows]
    else:
        worst = [max(range(len(outputs)), key=row.per_output.__getitem__) for row in rows]
        frame["largest drop"] = [row.per_output[index] for row, index in zip(rows, worst, strict=True)]
        frame["of"] = [
            outputs[index] if row.per_output[index] > 0 else "" for row, index in zip(rows, worst, strict=True)
        ]
    return _rounded(frame.sort_values("loss increase", ascending=False, kind="stable"))


def _drawn_pairs(pairs: Sequence[Pair]) -> pd.DataFrame:
    """Returns the pairs that interact most, for print."""
    most = sorted(pairs, key=lambda pair: -abs(pair.interaction))[:_MOST_PAIRS]
    columns = ["", "interaction", "±", "loss increase of both"]
    lines = [(_title(pair.both), pair.interaction, pair.stderr, pair.both.loss_increase) for pair in most]
    return _rounded(pd.DataFrame(lines, columns=columns))


def _title(row: Row) -> str:
    return row.name if row.label == row.name else f"{row.name}  {row.label}"


def _rounded(frame: pd.DataFrame) -> pd.DataFrame:
    """Puts the first column in front and takes rounding errors for what they are: 0 (never -0)."""
    frame = frame.set_index("")
    numbers = frame.select_dtypes("number").columns
    frame[numbers] = frame[numbers].round(12) + 0.0
    return frame


if __name__ == "__main__":
    from bimt.cli import run
    from interp.commands import ablation as command

    raise SystemExit(run(command))
