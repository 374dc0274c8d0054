"""What a report shows of a net on sheets: the stack, the features, the signs and the ranks of its weights."""

from dataclasses import dataclass

import networkx as nx
import torch

from bimt.tasks.base import Task
from interp.features import find_features, find_feeds, on_sheets, pixels_read, sheet_of
from interp.graph import end_labels
from interp.signs import Signs, find_signs
from interp.sparse import Neuron
from reports.figures.drawing import Figure
from reports.figures.maps import draw_features, draw_feeds
from reports.figures.net import Groups
from reports.figures.ranks import draw_ranks
from reports.figures.stack import MOST_LINES, draw_stack
from reports.results import Report
from reports.tables import Table
from reports.words import counted, name, percent


@dataclass(frozen=True)
class SheetsView:
    """The section of a net on sheets."""

    features: tuple[Figure, ...]
    ranks: tuple[Figure, ...]
    signs: Table
    verdict: str
    reads: str
    """Which pixels the pruned net reads; empty where the input is no sheet."""

    @property
    def figures(self) -> tuple[Figure, ...]:
        """All figures, in order."""
        return *self.features, *self.ranks


def view_sheets(report: Report) -> SheetsView | None:
    """Computes the section; None for a net without a population in two dimensions."""
    sparse, task = report.selected.sparse, report.selected.checkpoint.task
    if not on_sheets(sparse.net):
        return None
    features, feeds, signs = find_features(sparse), find_feeds(sparse), find_signs(sparse)
    figures = []
    if features:
        figures.append(draw_features(features))
    if feeds:
        figures.append(draw_feeds(feeds, end_labels(sparse.net.wiring, task)))
    dense = find_signs(report.selected.dense).links
    return SheetsView(
        features=tuple(figures),
        ranks=tuple(
            draw_ranks(link, threshold=sparse.threshold, name=f"ranks-{index + 1}") for index, link in enumerate(dense)
        ),
        signs=_signs_table(signs),
        verdict=signs.verdict,
        reads=_reads(report, task),
    )


def draw_stacks(report: Report, groups: Groups) -> tuple[Figure, ...]:
    """Draws the net as trained and pruned as a stack of sheets, a test row at the bottom."""
    brightness, seen = _example(report)
    before, after = report.before, report.after
    cut = f"The {MOST_LINES:,} strongest" if _connections(before) > MOST_LINES else "All"
    less = f"the {MOST_LINES:,} strongest of the" if _connections(after) > MOST_LINES else "the"
    texts = (
        ("net-before", "As trained", before, f"{cut} connections. {seen}"),
        ("net-after", "After pruning", after, f"Of {less} kept connections each is a line, drawn to the same scale; "
         "small grey points on the upper sheets are neurons that pruning removed."),
    )  # fmt: skip
    return tuple(
        draw_stack(
            graph,
            everyone=before,
            groups=groups,
            brightness=brightness,
            name=file,
            title=title,
            caption=f"{caption} Thickness grows with |w|, in each link by itself.",
        )
        for file, title, graph, caption in texts
    )


def _connections(graph: nx.DiGraph) -> int:
    return sum(data["kind"] == "connection" for *_, data in graph.edges(data=True))


def _example(report: Report) -> tuple[dict[Neuron, float], str]:
    """Returns what every input neuron of a sheet sees of one test row, from 0 to 1, and words for it.

    In classification the row is the first that the pruned net recognises.
    """
    net, task = report.selected.sparse.net, report.selected.checkpoint.task
    inputs = net.wiring.inputs
    if len(inputs) != 1 or task.tokens or task.moments > 1 or sheet_of(net, inputs[0].name) is None:
        return {}, ""
    row, words = 0, "The lowest sheet shows the first row of the test split."
    if task.kind == "classification":
        said = net.run(task.test.inputs[None])[0].argmax(-1)
        right = (said == task.test.targets).nonzero()[:, 0]
        row = int(right[0]) if len(right) else 0
        label = name((task.classes or task.outputs)[int(task.test.targets[row])])
        judged = "the first test image that the pruned net recognises" if len(right) else "the first test image"
        words = f"The lowest sheet shows {judged}, of the class {label}."
    values = task.test.inputs[row].double()
    low, high = values.min(), values.max()
    seen = ((values - low) / (high - low if high > low else 1.0)).tolist()
    return {Neuron(inputs[0].name, index): value for index, value in enumerate(seen)}, words


def _signs_table(signs: Signs) -> Table:
    rows = [
        (
            name(link.link),
            f"{link.connections:,}",
            percent(link.positive_connections, 3),
            percent(link.positive_weight, 3),
            percent(None if link.positive_weight is None else 1 - link.positive_weight, 3),
            link.verdict,
        )
        for link in signs.links
    ]
    columns = (
        "link",
        "kept",
        "positive, of connections",
        "positive, of weight",
        "negative, of weight",
        "the weight is",
    )
    return Table(columns, tuple(rows), frozenset((0, 5)))


def _reads(report: Report, task: Task) -> str:
    """Says how many pixels are read, and how many of those that never change."""
    parts = []
    for site, read in pixels_read(report.selected.sparse).items():
        count, size = int(read.sum()), len(read)
        words = f"Pruning left {counted(count, 'pixel')} of {size:,} with a connection"
        if task.train.inputs.shape[1] == size:
            values = task.train.inputs
            still = torch.tensor([bool(low == high) for low, high in zip(*values.aminmax(dim=0), strict=True)])
            if still.any():
                words += (
                    f"; of the {int(still.sum()):,} pixels that are the same in every training image it reads "
                    f"{int((read & still).sum()):,}"
                )
        parts.append(f"{words}." if len(report.selected.sparse.net.wiring.inputs) == 1 else f"{name(site)}: {words}.")
    return " ".join(parts)
