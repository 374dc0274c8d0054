"""The published experiments on tokens: modular addition and the symmetric group (section 3.3)."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd

from bimt.tasks.permutation_group import group_elements, sign
from interp.embedding import Dimension, active_dimensions, members, variance_explained
from interp.modules import Modules
from interp.select import select_best
from interp.stages import modules_of
from reports.experiments.arms import Arms
from reports.experiments.claims import at_least, at_most, share_of, some
from reports.experiments.experiment import Experiment, Fast, Variant, arms
from reports.experiments.published import Published
from reports.experiments.results import Results, Trained
from reports.figures.drawing import Figure
from reports.figures.tokens import Ring, Strip, draw_rings, draw_strips_of
from reports.section import Finding, Section
from reports.tables import Table
from reports.words import number

MAIN = "l1-local-swap"
_ALMOST_ALWAYS = 0.9
"""The share of seeds that this word asks for."""
_IS_SIGN = 0.95
"""A dimension is the sign where this share of its variance is explained by it."""


class ParallelModules:
    """Makes the section that counts modules, seed by seed, and shows the tokens as each module sees them."""

    def __init__(self, label: str, *, published: tuple[int, ...] | None = None) -> None:
        """Takes the variant's label and how many dimensions each published module reads."""
        self.label, self.published = label, published

    def __call__(self, results: Results) -> Section | None:
        """Makes the section of some results; none where the variant was not run."""
        if self.label not in results:
            return None
        trained = results[self.label]
        found = {sparse.label: modules_of(select_best(trained.checkpoint, [sparse])) for sparse in trained.pruned}
        best = found[trained.best.label]
        title = f"The modules of {trained.variant.title}"
        return Section(
            name=f"modules-{self.label}",
            title=title,
            words=(
                "What the command bimt modules finds without being told anything: connections into the outputs are "
                "left out where the net falls into parts without them, and every cut is held against nets with the "
                "same degrees and lengths. An embedding dimension counts as an input.",
            ),
            findings=module_findings(found, self.published, of="" if self.published else f", {trained.variant.title}"),
            panoramas=(_rings(trained, best, self.label),) if best.modules else (),
            tables=(_modules_table(trained, found),),
        )


def module_findings(
    found: dict[int, Modules], published: tuple[int, ...] | None, *, of: str = ""
) -> tuple[Finding, ...]:
    """Judges the modules of all seeds.

    Args:
        found: The modules by the seed's label.
        published: How many dimensions each published module reads; None where nothing is published.
        of: Ends the claim: whose modules they are.
    """
    counts = Counter(len(modules.modules) for modules in found.values())
    shown = ", ".join(f"{count} in {times} of {len(found)} seeds" for count, times in sorted(counts.items()))
    several = sum(times for count, times in counts.items() if count > 1)
    findings = [Finding(f"How many modules are found{of}", None, shown, None)]
    if published is not None:
        wanted = sum(module_sizes(modules) == tuple(sorted(published)) for modules in found.values())
        alike, seeds = counts[len(published)], f"{len(found)} seeds"
        named = f"{len(published)} modules on {', '.join(map(str, sorted(published)))} dimensions"
        findings += [
            Finding("Most nets fall into parallel modules", "yes", f"{several} of {seeds}", 2 * several > len(found)),
            Finding(
                f"Almost always {len(published)} of them",
                "almost always",
                f"{alike} of {seeds}",
                alike >= _ALMOST_ALWAYS * len(found),
            ),
            Finding("Exactly the published ones, in one seed at least", named, f"{wanted} of {seeds}", wanted > 0),
        ]
    return tuple(findings)


def module_sizes(modules: Modules) -> tuple[int, ...]:
    """Returns how many inputs each module reads, the fewest first."""
    return tuple(sorted(len(module.inputs) for module in modules.modules))


class ActiveDimensions:
    """Makes the section that counts embedding dimensions, and finds the one that is the sign of a permutation."""

    def __init__(self, label: str, *, published: int) -> None:
        """Takes the variant's label and how many dimensions the published net uses."""
        self.label, self.published = label, published

    def __call__(self, results: Results) -> Section:
        """Makes the section of some results."""
        trained = results[self.label]
        elements = group_elements(trained.checkpoint.config.task.model_dump()["group"])
        signs = np.array([sign(element) for element in elements], dtype=np.float64)
        solved = {
            sparse.label: active_dimensions(sparse)
            for sparse in trained.pruned
            if sparse.dense_metric >= 1 - 1e-9  # what a net uses that has not learnt the group says nothing of it
        }
        by_label = {sparse.label: sparse for sparse in trained.pruned}
        label = trained.best.label if trained.best.label in solved else next(iter(solved), trained.best.label)
        shown = active_dimensions(by_label[label])
        strips = [Strip(_named(each, signs), each.values) for each in shown]
        return Section(
            name="dimensions",
            title="The active dimensions of the embedding",
            words=(
                "Dimensions of the embedding that lie on a path to an output after pruning, in the seeds whose test "
                "accuracy is 1, and whether one of them is the sign of the permutation: even and odd ones apart, and "
                "nothing else.",
            ),
            findings=dimension_findings(solved, signs, published=self.published),
            panoramas=(
                draw_strips_of(
                    strips,
                    tokens=trained.checkpoint.task.classes,
                    marked=(signs < 0).tolist(),
                    name="dimensions",
                    title=f"The dimensions of seed {label}",
                    caption="Each row is a dimension, each point an element of the group (by the images of 1, 2, ...); "
                    "odd permutations in orange. A row that separates the colours is the sign.",
                ),
            ),
            tables=(_dimensions_table(solved, signs),),
        )


def dimension_findings(
    solved: dict[int, tuple[Dimension, ...]], signs: np.ndarray, *, published: int
) -> tuple[Finding, ...]:
    """Judges the dimensions of the seeds that have learnt the group.

    Args:
        solved: The active dimensions by the seed's label.
        signs: +1 or -1 for every token.
        published: How many dimensions the published net uses, one of them the sign.
    """
    counts = {label: len(dimensions) for label, dimensions in solved.items()}
    exact = sum(count == published for count in counts.values())
    ours = ", ".join(f"{count} (seed {label})" for label, count in counts.items()) or "no seed has test accuracy 1"
    signed = sum(any(_share(each, signs) > _IS_SIGN for each in dimensions) for dimensions in solved.values())
    of = f"of {len(solved)} seeds"
    return (
        Finding("Active embedding dimensions, in one seed at least", published, ours, exact > 0),
        Finding("One of them is the sign, in one seed at least", "yes", f"{signed} {of}", signed > 0),
    )


def _share(dimension: Dimension, signs: np.ndarray) -> float:
    return variance_explained(dimension.values, signs)


def _named(dimension: Dimension, signs: np.ndarray) -> str:
    name = f"embed[{dimension.number}]"
    return f"{name}, the sign" if _share(dimension, signs) > _IS_SIGN else name


def _dimensions_table(solved: dict[int, tuple[Dimension, ...]], signs: np.ndarray) -> Table:
    rows = []
    for label, dimensions in solved.items():
        best = max(dimensions, key=lambda each: _share(each, signs), default=None)
        nearest = "–" if best is None else f"embed[{best.number}]: {number(_share(best, signs), 3)}"
        rows.append((str(label), str(len(dimensions)), nearest))
    return Table(("seed", "active dimensions", "variance that the sign explains, at most"), tuple(rows))


def _rings(trained: Trained, modules: Modules, label: str) -> Figure:
    task, dimensions = trained.checkpoint.task, active_dimensions(trained.best.sparse)
    rings = []
    for module in modules.modules:
        inside = members(dimensions, module.neurons, "embed")
        if inside:
            names = ", ".join(str(each.number) for each in inside)
            rings.append(Ring(f"{module.name}: embed[{names}]", np.stack([each.values for each in inside], axis=1)))
    return draw_rings(
        rings[:4],
        tokens=task.classes,
        name=f"rings-{label}",
        title=f"The tokens as each module of seed {trained.best.label} sees them",
        caption="Every number at the first two principal components of the module's embedding dimensions.",
    )


def _modules_table(trained: Trained, found: dict[int, Modules]) -> Table:
    rows = []
    for sparse in trained.pruned:
        modules = found[sparse.label]
        p_values = [p for p in (modules.p_structure, modules.p_space) if p is not None]
        rows.append(
            (
                str(sparse.label),
                number(sparse.dense_metric),
                number(sparse.metric),
                f"{sparse.connections:,}",
                str(len(active_dimensions(sparse))),
                str(len(modules.modules)),
                " + ".join(map(str, module_sizes(modules))),
                modules.readout,
                number(max(p_values), 2) if p_values else "–",
            )
        )
    columns = (
        "seed", "test accuracy", "pruned", "connections", "dimensions", "modules", "dimensions of each", "readout",
        "larger p",
    )  # fmt: skip
    return Table(columns, tuple(rows))


def _arms(task: str, *, seeds: int) -> tuple[Variant, ...]:
    """Returns the five arms, one seed each, the published one with more."""
    return tuple(replace(variant, seeds=seeds if variant.label == MAIN else 1) for variant in arms(task, seeds=1))


_SOLVED = "of seeds with test accuracy 1"


def _is_solved(row: pd.Series) -> bool:
    return bool(row["dense_metric"] >= 1 - 1e-9)


_FREE = Variant(
    "last-link-free",
    "no price on the length of the last link",
    "modular_addition",
    ("cost.last_link_distance=false",),
    1,
)

TOKENS = (
    Experiment(
        name="modular_addition",
        figure="Section 3.3, modular addition",
        about="(a + b) modulo 59 from an embedding of 59 tokens: which algorithm does the net find, and in how many "
        "parallel modules?",
        variants=(*_arms("modular_addition", seeds=5), _FREE),
        sections=(
            Published(
                MAIN,
                (
                    share_of("Test accuracy 1.0, as trained", _is_solved, published=(4, 5)),
                    at_least("Median test accuracy, pruned", "metric", 1.0, of="median"),
                    at_most(f"Fewest weights above 0.01, {_SOLVED}", "live", 421, of="min", among=_is_solved),
                ),
                note="The published net has test accuracy 1.0, 421 weights above 0.01, and without its readout three "
                "modules on 2, 2 and 3 embedding dimensions; its author saw three almost always. The 4 of 5 seeds are "
                "our own aim.",
            ),
            ParallelModules(MAIN, published=(2, 2, 3)),
            ParallelModules("last-link-free"),
            Arms(also=("last-link-free",)),
        ),
        seconds=2000,
        fast=Fast(
            (
                "task.modulus=31",
                "task.train_fraction=0.9",
                "steps=5000",
                "net.hidden=[32,32]",
                "net.embedding=16",
                "learning_rate=0.003",
            ),
            seconds=40,
            seeds=1,
            variants=("l1", MAIN),
        ),
        explained=MAIN,
    ),
    Experiment(
        name="permutation_group",
        figure="Section 3.3, the symmetric group S4",
        about="The product of two permutations of four things: how many embedding dimensions does the net need, and "
        "what do they say?",
        variants=_arms("permutation_group", seeds=10),
        sections=(
            Published(
                MAIN,
                (
                    some("Test accuracy 1.0, as trained, in one seed at least", _is_solved, published="1 of 1 seeds"),
                    at_most(f"Fewest weights above 0.01, {_SOLVED}", "live", 231, of="min", among=_is_solved),
                ),
                note="The published net, a single run, has test accuracy 1.0 with 231 weights above 0.01 and uses "
                "exactly 9 embedding dimensions, one of them the sign of the permutation.",
            ),
            ActiveDimensions(MAIN, published=9),
            ParallelModules(MAIN),
            Arms(),
        ),
        seconds=480,
        fast=Fast(
            ("steps=6000", "learning_rate=0.003", "task.train_fraction=0.9"),
            seconds=30,
            seeds=1,
            variants=("l1", MAIN),
        ),
        explained=MAIN,
    ),
)
"""One entry per task."""
