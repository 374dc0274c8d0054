"""The section that compares the five arms: no price, L1, L1 + local, L1 + swap, L1 + local + swap."""

from collections.abc import Collection, Sequence

import pandas as pd

from interp.graph import to_graph
from reports.experiments.claims import lower
from reports.experiments.experiment import ARMS
from reports.experiments.results import Results, Trained
from reports.figures.drawing import Figure
from reports.figures.small_nets import Panel, draw_nets, part_tones
from reports.figures.strips import Measure, draw_strips
from reports.section import Finding, Section
from reports.tables import Table
from reports.words import number

MEASURES = (
    Measure("loss", "test loss", "log"),
    Measure("connections", "connections kept", "count"),
    Measure("length", "length of the kept connections", "count"),
    Measure("modularity", "modularity Q"),
    Measure("parts", "independent parts", "whole"),
    Measure("crossings", "crossings", "count"),
)
_ROWS = (
    ("loss", "1,000 × test loss, pruned"),
    ("dense_loss", "1,000 × test loss, as trained"),
    ("metric", "test {metric}, pruned"),
    ("connections", "connections kept"),
    ("live", "weights above 0.01, as trained"),
    ("neurons", "hidden neurons kept"),
    ("length", "summed length of the kept connections"),
    ("wiring", "summed |w| × length"),
    ("modularity", "modularity Q (Louvain)"),
    ("parts", "independent parts"),
    ("crossings", "crossings"),
)


class Arms:
    """Makes the section for variants that `experiment.arms` made."""

    def __init__(
        self, prefix: str = "", *, title: str = "What each ingredient is worth", also: Collection[str] = ()
    ) -> None:
        """Takes the prefix of the arms' labels, the section's title, and labels of variants to show beside them."""
        self.prefix, self.title = prefix, title
        self.labels = {*(prefix + label for label in ARMS), *also}

    def __call__(self, results: Results) -> Section:
        """Makes the section of some results; arms that were not run are left out."""
        trained = [each for each in results if each.variant.label in self.labels]
        frames = {each.variant.title: each.frame for each in trained}
        return Section(
            name=f"{self.prefix}arms",
            title=self.title,
            words=(
                "L1 prices every connection alike; local adds its length to the price; swap lets neurons trade places. "
                "L1 + swap moves neurons to where connections are short although their weights are trained as if "
                "length were free: it trains exactly as L1 does, only its places differ. All arms start from the same "
                "weights and see the same data.",
            ),
            findings=arm_findings({each.variant.label.removeprefix(self.prefix): each.frame for each in trained}),
            panoramas=(_nets(trained, self.prefix), _strips(frames, self.prefix)),
            tables=(compared(trained),),
        )


def arm_findings(frames: dict[str, pd.DataFrame]) -> tuple[Finding, ...]:
    """Judges what the arms show: pairs of arms whose only difference is one ingredient.

    Args:
        frames: Measures of the seeds by the arm's label; arms that are missing are not judged.
    """
    pairs: tuple[tuple[str, str, str, str, bool], ...] = (
        ("A price makes nets sparse: fewer connections with L1 than without", "connections", "l1", "none", True),
        ("Locality shortens the wiring: summed length, L1 + local against L1", "length", "l1-local", "l1", True),
        ("Swaps shorten it further: L1 + local + swap against L1 + local", "length", "l1-local-swap", "l1-local", True),
        ("Swaps untangle: crossings, L1 + local + swap against L1 + local", "crossings", "l1-local-swap", "l1-local",
         True),
        ("Swaps lower the prediction loss too (for some tasks), L1 + local + swap against L1 + local", "dense_loss",
         "l1-local-swap", "l1-local", False),
        ("Swaps save connections, L1 + local + swap against L1 + local", "connections", "l1-local-swap", "l1-local",
         False),
    )  # fmt: skip
    return tuple(
        lower(claim, column, frames[one], frames[other], is_claimed=is_claimed)
        for claim, column, one, other, is_claimed in pairs
        if one in frames and other in frames and not frames[one][column].isna().all()  # sheets have no crossings
    )


def compared(trained: Sequence[Trained]) -> Table:
    """Lists every measure, one column per variant: the median over seeds, smallest and largest in brackets."""
    rows = []
    for column, title in _ROWS:
        if all(each.frame[column].isna().all() for each in trained):
            continue
        factor, digits = (1000 if "loss" in column else 1), (3 if column == "metric" else 2)
        cells = [_range(factor * each.frame[column], digits) for each in trained]
        rows.append((title.format(metric=trained[0].metric_name if trained else ""), *cells))
    return Table(("median (smallest–largest)", *(each.variant.title for each in trained)), tuple(rows))


def _range(values: pd.Series, digits: int) -> str:
    middle, low, high = (float(value) for value in (values.median(), values.min(), values.max()))
    return number(middle, 3) if low == high else f"{number(middle, 3)} ({number(low, digits)}–{number(high, digits)})"


def _nets(trained: Sequence[Trained], prefix: str) -> Figure:
    return draw_nets(
        [panel_of(each) for each in trained],
        name=f"{prefix}arms-nets",
        title="The best net of every arm, after pruning",
        caption="Neurons at their places, inputs at the bottom; blue is positive, orange negative, the thickest line "
        "the largest weight of all nets shown. Neurons of different independent parts have different colours; grey "
        "points are neurons that pruning removed.",
    )


def panel_of(trained: Trained, title: str = "") -> Panel:
    """Returns the best seed of a variant as one of several nets side by side."""
    task, best = trained.checkpoint.task, trained.best
    note = f"{best.sparse.connections:,} connections, {trained.metric_name} {number(best.sparse.metric, 3)}"
    graph = to_graph(best.sparse, task)
    return Panel(title or trained.variant.title, note, graph, to_graph(best.dense, task), part_tones(graph))


def _strips(frames: dict[str, pd.DataFrame], prefix: str) -> Figure:
    return draw_strips(
        frames,
        [each for each in MEASURES if any(frame[each.column].notna().any() for frame in frames.values())],
        name=f"{prefix}arms-measures",
        title="Every seed of every arm",
        caption="Each point is a seed, after pruning; the orange bar is the median. Further left is better, but for "
        "modularity and parts.",
    )
