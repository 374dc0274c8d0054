"""Two moons and a third: does a subtask appear as a module, are classifiers of two moons combined?"""

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd

from interp.class_pairs import compare_class_pairs, hidden_modules, hidden_neurons
from interp.graph import to_graph
from interp.modules import Modules, find_modules
from interp.sparse import SparseNet
from reports.experiments.experiment import Experiment, Fast, Variant
from reports.experiments.results import Results, Trained
from reports.section import Finding, Section
from reports.tables import Table
from reports.words import counted, number

ALONE = 0.9
"""A neuron serves one pair if at least this share of all drops is that pair's; or else one class, if this share
is that of the pairs with this class in them."""
MISSED = 0.01
"""And it is missed at all if telling some two classes apart drops by as much."""


class ThirdMoon:
    """Makes the section on which classes modules and neurons tell apart."""

    def __init__(self, label: str) -> None:
        """Takes the variant's label."""
        self.label = label

    def __call__(self, results: Results) -> Section:
        """Makes the section of some results."""
        trained = results[self.label]
        seeds, neurons = seed_frame(trained), neuron_frame(trained)
        return Section(
            name="pairs",
            title="Classes, pairs of classes, modules",
            words=(
                "Every hidden neuron is replaced by its mean over the training rows, and each two moons are asked for "
                "by themselves: which of the two has the higher logit? A neuron is missed if the accuracy of some pair "
                f"drops by at least {100 * MISSED:.0f} %. It serves one pair if at least {100 * ALONE:.0f} % of all "
                "drops are that pair's, or else one moon, if as many are those of its two pairs (it tells that moon "
                "from the others).",
            ),
            findings=moon_findings(seeds, neurons),
            tables=(_seed_table(seeds), _neuron_table(neurons)),
        )


def seed_frame(trained: Trained) -> pd.DataFrame:
    """Returns one row per pruned seed: accuracy, size, modules, what single modules serve, logits left constant."""
    task, rows = trained.checkpoint.task, []
    for sparse in trained.pruned:
        modules = _modules(trained, sparse)
        groups = hidden_modules(sparse, modules)
        found = compare_class_pairs(sparse, groups, task, method="mean").rows if len(groups) > 1 else ()
        rows.append(
            {
                "seed": sparse.label,
                "metric": sparse.metric,
                "connections": sparse.connections,
                "modules": len(modules.modules),
                "modules_excluded": len(_modules(trained, sparse, readout="exclude").modules),
                "modules_of_one_pair": sum(row.focus >= ALONE for row in found),
                "constant": tuple(modules.constant_outputs),
            }
        )
    return pd.DataFrame(rows).set_index("seed")


def neuron_frame(trained: Trained) -> pd.DataFrame:
    """Returns one row per hidden neuron of every pruned seed: which pair misses it most, and whether alone.

    Columns: seed, neuron, layer, `logits` (how many outputs read it directly), `drop` (the largest of any pair),
    `pair` (whose drop that is), `focus`, `class_focus` (of all drops, the share of one class's pairs),
    `class` (whose output).
    """
    task, rows = trained.checkpoint.task, []
    for sparse in trained.pruned:
        graph, groups = to_graph(sparse, task), hidden_neurons(sparse)
        found = compare_class_pairs(sparse, groups, task, method="mean")
        for row, ((neuron,)) in zip(found.rows, groups.values(), strict=True):
            largest = max(range(len(found.pairs)), key=row.drops.__getitem__)
            share, class_ = class_focus(row.drops, classes=len(task.classes))
            rows.append(
                {
                    "seed": sparse.label,
                    "neuron": row.name,
                    "layer": neuron.site,
                    "logits": sum(graph.nodes[end]["role"] == "output" for end in graph.successors(neuron)),
                    "drop": row.drops[largest],
                    "pair": found.pairs[largest],
                    "focus": row.focus,
                    "class_focus": share,
                    "class": task.outputs[class_],
                }
            )
    columns = ["seed", "neuron", "layer", "logits", "drop", "pair", "focus", "class_focus", "class"]
    return pd.DataFrame(rows, columns=columns)


def class_focus(drops: Sequence[float], *, classes: int) -> tuple[float, int]:
    """Of all drops (rises count as none), the share of the pairs that one class is in: the largest, and whose it is.

    Args:
        drops: One per pair of classes, as in `PairDrops`.
        classes: How many classes there are.

    Example:
        >>> class_focus([0.3, 0.1, 0.0], classes=3)
        (1.0, 0)
    """
    losses = [drop if drop > 0 else 0.0 for drop in drops]
    pairs = list(itertools.combinations(range(classes), 2))
    of_class = [sum(loss for loss, pair in zip(losses, pairs, strict=True) if each in pair) for each in range(classes)]
    largest = max(range(classes), key=of_class.__getitem__)
    return (of_class[largest] / sum(losses) if sum(losses) > 0 else 0.0), largest


def moon_findings(seeds: pd.DataFrame, neurons: pd.DataFrame) -> tuple[Finding, ...]:
    """Judges the conjecture, and says what was seen besides.

    Args:
        seeds: As `seed_frame` makes it.
        neurons: As `neuron_frame` makes it.
    """
    several = int((seeds["modules"] > 1).sum())
    constant = int((seeds["constant"].map(len) == 1).sum())
    missed = neurons[neurons["drop"] >= MISSED]
    alone = missed[missed["focus"] >= ALONE]
    most = f"{len(alone)} of {len(missed)} hidden neurons that are missed"
    return (
        Finding("Median test accuracy, pruned", None, float(seeds["metric"].median()), None),
        Finding(
            "A subtask appears as a module: several modules, in more than half of the seeds",
            "conjectured",
            f"{several} of {len(seeds)} seeds",
            2 * several > len(seeds),
        ),
        Finding(
            "Pairwise classifiers are combined: more than half of the neurons that are missed serve one pair of moons",
            "conjectured",
            most,
            2 * len(alone) > len(missed),
        ),
        Finding(
            "Hidden neurons that serve one moon against the others",
            None,
            f"{len(_of_class(missed))} of {len(missed)}",
            None,
        ),
        Finding(
            "Modules with the readout left out: several, in so many seeds",
            None,
            f"{int((seeds['modules_excluded'] > 1).sum())} of {len(seeds)} seeds",
            None,
        ),
        Finding("One logit is left constant, as with two moons", None, f"{constant} of {len(seeds)} seeds", None),
    )


def _of_class(missed: pd.DataFrame) -> pd.DataFrame:
    """The neurons that serve one class, and not one pair alone."""
    return missed[(missed["class_focus"] >= ALONE) & (missed["focus"] < ALONE)]


def _listed(names: pd.Series) -> str:
    """Counts each value: "0 or 1: 9, 1 or 2: 4"."""
    return ", ".join(f"{name}: {count}" for name, count in names.value_counts().sort_index().items()) or "none"


def _modules(trained: Trained, sparse: SparseNet, *, readout: str = "auto") -> Modules:
    graph = to_graph(sparse, trained.checkpoint.task)
    return find_modules(graph, readout=readout, generator=np.random.default_rng(0))


def _seed_table(seeds: pd.DataFrame) -> Table:
    rows = []
    for count, group in seeds.groupby("modules"):
        rows.append(
            (
                counted(int(str(count)), "module"),
                str(len(group)),
                number(float(group["metric"].median())),
                number(float(group["connections"].median())),
                str(int((group["modules_of_one_pair"] > 0).sum())),
                _listed(group["constant"].explode().dropna()),
            )
        )
    columns = ("", "seeds", "accuracy", "connections", "with a module of one pair", "logits left constant: seeds")
    return Table(columns, tuple(rows), frozenset((0, 5)))


def _neuron_table(neurons: pd.DataFrame) -> Table:
    rows = []
    for layer, group in neurons.groupby("layer"):
        missed = group[group["drop"] >= MISSED]
        rows.append(
            (
                str(layer),
                str(len(group)),
                str(len(missed)),
                _listed(missed[missed["focus"] >= ALONE]["pair"]),
                _listed(_of_class(missed)["class"]),
                _listed(group["logits"]),
            )
        )
    columns = ("layer", "hidden neurons", "missed", "serve one pair", "serve one moon", "logits that read it: neurons")
    return Table(columns, tuple(rows), frozenset((0, 3, 4, 5)))


THREE_MOONS = Experiment(
    name="three_moons",
    figure="A question of the author: a third moon",
    about="Three interleaved half circles: does telling two of them apart appear as a module, are such classifiers "
    "combined?",
    variants=(Variant("three-moons", "three moons", "three_moons"),),
    sections=(ThirdMoon("three-moons"),),
    seconds=45,
    fast=Fast(("steps=1500", "net.hidden=[10,10]", "learning_rate=0.01", "swaps.every=100"), seconds=10),
    explained="three-moons",
)
"""All moons under the settings of two_moons."""
