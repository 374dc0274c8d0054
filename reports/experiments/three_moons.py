"""Two moons and a third: does a subtask appear as a module, are classifiers of two moons combined?"""

import numpy as np
import pandas as pd

from interp.class_pairs import compare_class_pairs, hidden_modules, hidden_neurons
from interp.graph import to_graph
from interp.modules import find_modules
from reports.experiments.experiment import Experiment, Fast, Variant
from reports.experiments.results import Results, Trained
from reports.experiments.section import Finding, Section
from reports.tables import Table
from reports.words import counted, number

ALONE = 0.9
"""A neuron is missed by one pair only if at least this share of all drops is that pair's."""
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
                "by themselves: which of the two has the higher logit? A neuron serves one pair if at least "
                f"{100 * ALONE:.0f} % of all drops in accuracy are that pair's; it is missed if some pair drops by at "
                f"least {100 * MISSED:.0f} %.",
            ),
            findings=moon_findings(seeds, neurons),
            tables=(_seed_table(seeds), _neuron_table(neurons)),
        )


def seed_frame(trained: Trained) -> pd.DataFrame:
    """Returns one row per pruned seed: accuracy, size, modules, what single modules serve, logits left constant."""
    task, rows = trained.checkpoint.task, []
    for sparse in trained.pruned:
        modules = find_modules(to_graph(sparse, task), generator=np.random.default_rng(0))
        groups = hidden_modules(sparse, modules)
        found = compare_class_pairs(sparse, groups, task, method="mean").rows if len(groups) > 1 else ()
        rows.append(
            {
                "seed": sparse.label,
                "metric": sparse.metric,
                "connections": sparse.connections,
                "modules": len(modules.modules),
                "modules_of_one_pair": sum(row.focus >= ALONE for row in found),
                "constant": tuple(modules.constant_outputs),
            }
        )
    return pd.DataFrame(rows).set_index("seed")


def neuron_frame(trained: Trained) -> pd.DataFrame:
    """Returns one row per hidden neuron of every pruned seed: which pair misses it most, and whether alone.

    Columns: seed, neuron, layer, `logits` (how many outputs read it directly), `drop` (the largest of any pair),
    `pair` (whose drop that is), `focus`.
    """
    task, rows = trained.checkpoint.task, []
    for sparse in trained.pruned:
        graph, groups = to_graph(sparse, task), hidden_neurons(sparse)
        found = compare_class_pairs(sparse, groups, task, method="mean")
        for row, ((neuron,)) in zip(found.rows, groups.values(), strict=True):
            largest = max(range(len(found.pairs)), key=row.drops.__getitem__)
            rows.append(
                {
                    "seed": sparse.label,
                    "neuron": row.name,
                    "layer": neuron.site,
                    "logits": sum(graph.nodes[end]["role"] == "output" for end in graph.successors(neuron)),
                    "drop": row.drops[largest],
                    "pair": found.pairs[largest],
                    "focus": row.focus,
                }
            )
    return pd.DataFrame(rows, columns=["seed", "neuron", "layer", "logits", "drop", "pair", "focus"])


def moon_findings(seeds: pd.DataFrame, neurons: pd.DataFrame) -> tuple[Finding, ...]:
    """Judges the conjecture, and says what was seen besides.

    Args:
        seeds: As `seed_frame` makes it.
        neurons: As `neuron_frame` makes it.
    """
    several = int((seeds["modules"] > 1).sum())
    constant = int((seeds["constant"].map(len) > 0).sum())
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
        Finding("One logit is left constant, as with two moons", None, f"{constant} of {len(seeds)} seeds", None),
    )


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
                ", ".join(sorted({name for names in group["constant"] for name in names})) or "none",
            )
        )
    columns = ("", "seeds", "accuracy", "connections", "with a module of one pair", "logits left constant")
    return Table(columns, tuple(rows), frozenset((0, 5)))


def _neuron_table(neurons: pd.DataFrame) -> Table:
    rows = []
    for layer, group in neurons.groupby("layer"):
        missed = group[group["drop"] >= MISSED]
        alone = missed[missed["focus"] >= ALONE]
        pairs = alone["pair"].value_counts().sort_index()
        rows.append(
            (
                str(layer),
                str(len(group)),
                str(len(missed)),
                str(len(alone)),
                ", ".join(f"{pair}: {count}" for pair, count in pairs.items()) or "none",
                ", ".join(f"{count}: {found}" for count, found in group["logits"].value_counts().sort_index().items()),
            )
        )
    columns = ("layer", "hidden neurons", "missed", "serve one pair", "which pair", "logits read it: neurons")
    return Table(columns, tuple(rows), frozenset((0, 4, 5)))


THREE_MOONS = Experiment(
    name="three_moons",
    figure="A question of the author: a third moon",
    about="Three interleaved half circles: does telling two of them apart appear as a module, are such classifiers "
    "combined?",
    variants=(Variant("three-moons", "three moons", "three_moons"),),
    sections=(ThirdMoon("three-moons"),),
    seconds=120,
    fast=Fast(("steps=1500", "net.hidden=[10,10]", "learning_rate=0.01", "swaps.every=100"), seconds=10),
    explained="three-moons",
)
"""All moons under the settings of two_moons."""
