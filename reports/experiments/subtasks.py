"""How many modules? Nets on tasks made of known subtasks: the modules found against the subtasks planted."""

from collections.abc import Sequence
from typing import cast

import numpy as np
import pandas as pd

from bimt.tasks.parts import PartsTask
from bimt.tasks.planted import Subtask
from bimt.tasks.sparse_parity import SparseParityTask
from interp.agreement import agreement
from interp.graph import to_graph
from interp.modules import Modules, find_modules
from interp.sparse import SparseNet
from reports.experiments.experiment import Experiment, Fast, Variant
from reports.experiments.results import Results, Trained
from reports.figures.palette import module_tone
from reports.figures.small_nets import Panel, draw_nets
from reports.section import Finding, Section
from reports.tables import Table
from reports.words import counted, number

READOUTS = {"auto": "readout by the rule", "exclude": "readout left out"}
"""How the connections into the outputs are treated, see docs/modules.md."""


class PlantedSubtasks:
    """Makes the section: one variant for each number of subtasks."""

    def __init__(self, readouts: Sequence[str] = ("auto",), *, aside: str = "", note: str = "") -> None:
        """Takes the readouts to find modules with, the first of which decides the findings.

        Args:
            readouts: As in `find_modules`.
            aside: Inputs whose names start so are left out in a second comparison; none if empty.
            note: A paragraph of its own.
        """
        self.readouts, self.aside, self.note = tuple(readouts), aside, note

    def __call__(self, results: Results) -> Section:
        """Makes the section of some results."""
        frames = {
            each.variant.title: {
                readout: found_frame(each, readout=readout, aside=self.aside) for readout in self.readouts
            }
            for each in results
        }
        decisive = {title: frame[self.readouts[0]] for title, frame in frames.items()}
        return Section(
            name="subtasks",
            title="Modules found, subtasks planted",
            words=(
                "Exactly the subtasks: as many modules as subtasks, and every input and output that a subtask alone "
                "reads or decides lies in the module of that subtask. The adjusted Rand index of the two partitions is "
                "1 if they are the same and about 0 by chance; an input that pruning cut off stands alone.",
                *filter(None, [self.note]),
            ),
            findings=subtask_findings(decisive),
            panoramas=(
                draw_nets(
                    [_panel(each) for each in results],
                    name="subtasks-nets",
                    title="The best net for each number of subtasks, after pruning",
                    caption="Neurons at their places, inputs at the bottom; each module has its hue. Blue is positive, "
                    "orange negative; grey points are neurons that pruning removed.",
                    columns=3,
                ),
            ),
            tables=tuple(_table(frames, readout, aside=self.aside) for readout in self.readouts),
        )


def found_frame(trained: Trained, *, readout: str = "auto", aside: str = "") -> pd.DataFrame:
    """Returns one row per pruned seed: how good it is, its modules, and how they agree with what is planted.

    Args:
        trained: A variant of a task with disjoint subtasks.
        readout: As in `find_modules`.
        aside: `is_exact_aside` says whether the modules are the subtasks if inputs whose names start so do not count.
    """
    task, rows, planted = trained.checkpoint.task, [], _planted(trained)
    fewer = leave_aside(planted, aside)
    for sparse in trained.pruned:
        modules = modules_of_seed(trained, sparse, readout=readout)
        found = agreement(modules, planted, outputs=task.outputs)
        rows.append(
            {
                "seed": sparse.label,
                "metric": sparse.metric,
                "connections": sparse.connections,
                "parts": modules.parts,
                "modules": found.found,
                "planted": found.planted,
                "adjusted_rand": found.adjusted_rand,
                "is_exact": found.is_exact,
                "is_exact_aside": agreement(modules, fewer, outputs=task.outputs).is_exact,
                "unused": len(modules.unused_inputs),
                "metric_name": trained.metric_name,
            }
        )
    return pd.DataFrame(rows).set_index("seed")


def leave_aside(planted: Sequence[Subtask], start: str) -> tuple[Subtask, ...]:
    """Returns subtasks without the inputs whose names start so; an empty start leaves all of them."""
    return tuple(
        each._replace(inputs=tuple(name for name in each.inputs if not (start and name.startswith(start))))
        for each in planted
    )


def modules_of_seed(trained: Trained, sparse: SparseNet, *, readout: str = "auto") -> Modules:
    """Returns the modules that `bimt modules` finds for a seed, without their persistence."""
    graph = to_graph(sparse, trained.checkpoint.task)
    return find_modules(graph, readout=readout, generator=np.random.default_rng(0))


def subtask_findings(frames: dict[str, pd.DataFrame]) -> tuple[Finding, ...]:
    """Judges the conjecture that every subtask becomes a module.

    Args:
        frames: As `found_frame` makes them, by the title of the variant, in the order of the number of subtasks.
    """
    findings = []
    for title, frame in frames.items():
        exact = int(frame["is_exact"].sum())
        ours = f"{exact} of {len(frame)} seeds"
        claim = f"{title}: the modules are exactly the subtasks, in more than half of the seeds"
        findings.append(Finding(claim, "conjectured", ours, 2 * exact > len(frame)))
    planted = [int(frame["planted"].iloc[0]) for frame in frames.values()]
    found = [float(frame["modules"].median()) for frame in frames.values()]
    claim = "As many modules as subtasks, median over seeds"
    shown = [", ".join(number(each) for each in counts) for counts in (planted, found)]
    findings.append(Finding(claim, shown[0], shown[1], planted == found))
    scores = pd.concat(frames.values())["adjusted_rand"]
    findings.append(Finding("Adjusted Rand index, median over all seeds", None, float(scores.median()), None))
    return tuple(findings)


def _planted(trained: Trained) -> tuple[Subtask, ...]:
    return cast(PartsTask | SparseParityTask, trained.checkpoint.config.task).planted()


def _panel(trained: Trained) -> Panel:
    task, best = trained.checkpoint.task, trained.best
    modules = modules_of_seed(trained, best.sparse).modules
    tones = {neuron: module_tone(rank) for rank, module in enumerate(modules) for neuron in module.neurons}
    note = f"{best.sparse.connections:,} connections, {trained.metric_name} {number(best.sparse.metric)}"
    return Panel(
        trained.variant.title,
        note,
        to_graph(best.sparse, task),
        to_graph(best.dense, task),
        tones if modules[1:] else {},
    )


def _table(frames: dict[str, dict[str, pd.DataFrame]], readout: str, *, aside: str) -> Table:
    rows, exact = [], ["is_exact", "is_exact_aside"][: 2 if aside else 1]
    for title, both in frames.items():
        frame = both[readout]
        scores = frame["adjusted_rand"]
        counts = frame["modules"].value_counts().sort_index(ascending=False)
        rows.append(
            (
                title,
                number(float(frame["metric"].median())),
                number(float(frame["connections"].median())),
                *(f"{int(frame[column].sum())} of {len(frame)}" for column in exact),
                ", ".join(f"{count} in {seeds}" for count, seeds in counts.items()),
                f"{number(float(scores.median()), 3)} ({number(float(scores.min()), 3)})",
                number(float((frame["unused"] > 0).sum())),
            )
        )
    metric = next(iter(frames.values()))[readout]["metric_name"].iloc[0]
    columns = (
        READOUTS[readout], f"test {metric}", "connections",
        *("exactly the subtasks", f"but for the inputs {aside}1, {aside}2 …")[: len(exact)],
        "modules, seeds", "adjusted Rand (smallest)", "seeds with unused inputs",
    )  # fmt: skip
    return Table(columns, tuple(rows), frozenset((0, 3 + len(exact))))


def _variants(label: str, task: str, option: str, counts: Sequence[int], nouns: tuple[str, str]) -> tuple[Variant, ...]:
    return tuple(
        Variant(f"{label}-{count}", counted(count, *nouns), task, (f"{option}={count}",), seeds=10) for count in counts
    )


SUBTASKS = (
    Experiment(
        name="parts",
        figure="A conjecture of the author: as many modules as subtasks",
        about="One to six functions of two inputs each, side by side, their inputs interleaved: does the net fall into "
        "one module for each?",
        variants=_variants("parts", "parts", "task.parts", range(1, 7), ("function", "functions")),
        sections=(PlantedSubtasks(),),
        seconds=150,
        fast=Fast(
            ("steps=1000", "net.hidden=[16,16]", "learning_rate=0.01", "swaps.every=100", "cost.strength=0.003"),
            seconds=20,
            variants=("parts-1", "parts-3"),
        ),
    ),
    Experiment(
        name="sparse_parity",
        figure="A wish of the author: discrete skills (tasks of Michaud et al. 2023, arXiv:2303.13506)",
        about="Control bits say which three task bits are to be counted: does every parity become a module, although "
        "all share the outputs?",
        variants=_variants("subtasks", "sparse_parity", "task.subtasks", (2, 3, 4), ("parity", "parities")),
        sections=(
            PlantedSubtasks(
                ("auto", "exclude"),
                aside="c",
                note="All subtasks share the outputs, so only inputs are compared. One control bit is always the rest "
                "of the others: a net may do without it, or let another subtask read it too.",
            ),
        ),
        seconds=270,
        fast=Fast(
            ("steps=1000", "net.hidden=[20,20]", "task.subset=2", "task.rows=200", "learning_rate=0.01"),
            seconds=30,
            variants=("subtasks-2",),
        ),
    ),
)
"""Tasks whose subtasks are known and disjoint."""
