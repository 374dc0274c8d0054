"""What a report shows of all seeds together: their ranking, what they agree on, and the best of them side by side."""

from collections.abc import Sequence

from bimt.checkpoint import Checkpoint
from bimt.messages import printable
from interp.consistency import FEWEST, Consistency
from interp.graph import to_graph
from interp.rank import Ranking, Row, rank_pruned
from interp.select import select_best
from interp.sparse import SparseNet
from reports.figures.drawing import Figure
from reports.figures.small_nets import Panel, draw_nets, part_tones
from reports.results import Report
from reports.section import Section
from reports.tables import Table
from reports.words import counted, number

_MOST_ROWS, _MOST_PARTITIONS, _MOST_NETS = 20, 10, 10
_LARGEST = 5_000
"""Nets with more connections are not drawn side by side: every one of them takes seconds."""


def find_ranking(checkpoint: Checkpoint, pruned: Sequence[SparseNet]) -> Ranking | None:
    """Ranks the pruned seeds of a report; None of so few that nothing can be said of them together."""
    return rank_pruned(checkpoint, pruned) if len(pruned) >= FEWEST else None


def view_ranking(report: Report) -> tuple[Section, ...]:
    """Makes the section; none of a few seeds."""
    ranking = report.ranking
    if ranking is None:
        return ()
    return (
        Section(
            name="ranking",
            title="The seeds side by side",
            words=(printable(ranking.consistency.verdict, limit=500), _how(ranking)),
            panoramas=_nets(report, ranking),
            tables=(_partitions(ranking.consistency), _table(ranking, report)),
        ),
    )


def cells_of(row: Row) -> tuple[str, ...]:
    """Returns a seed's line: its label, rank, score, metrics, connections, length, crossings, parts, front."""
    return (
        str(row.seed),
        str(row.rank),
        number(row.score, 3),
        number(row.train_metric),
        number(row.metric),
        f"{row.connections:,}",
        number(row.length, 3),
        number(row.crossings),
        str(row.parts),
        "front" if row.on_front else "",
    )


def panel_of(checkpoint: Checkpoint, sparse: SparseNet, row: Row, *, metric: str) -> Panel:
    """Draws a pruned seed among others; `metric` is what its test metric is called."""
    chosen = select_best(checkpoint, [sparse])
    graph = to_graph(sparse, checkpoint.task)
    title = f"Seed {row.seed}, score {number(row.score, 3)}"
    note = f"{sparse.connections:,} connections, {metric} {number(sparse.metric, 3)}"
    return Panel(title, note, graph, to_graph(chosen.dense, checkpoint.task), part_tones(graph))


def _how(ranking: Ranking) -> str:
    found = ranking.consistency
    return (
        f"Inputs and outputs of {counted(found.seeds, 'pruned net')} fall into independent parts in "
        f"{counted(len(found.partitions), 'way')}; the mean adjusted Rand index over all pairs of seeds is "
        f"{number(found.mean_adjusted_rand, 3)} (1: all the same, 0: as by chance). The score weighs the error on the "
        "training data, the connections, their mean length and their crossings; 1 would be the best seed in each. "
        "Front: no other seed has as high a test metric with as few connections."
    )


def _partitions(found: Consistency) -> Table:
    rows = [
        (
            printable(" | ".join(each.parts) or "nothing connected", limit=100),
            f"{len(each.seeds):,}",
            f"{each.share:.0%}",
            f"{each.low:.0%} to {each.high:.0%}",
        )
        for each in found.partitions[:_MOST_PARTITIONS]
    ]
    return Table(("independent parts", "seeds", "share", "95 % interval"), tuple(rows), frozenset((0,)))


def _table(ranking: Ranking, report: Report) -> Table:
    """Lists the first seeds, and the one that is explained wherever it stands."""
    shown = [row for row in ranking.rows if row.rank <= _MOST_ROWS or row.seed == report.selected.label]
    rows = [cells_of(row) for row in shown]
    metric = report.metric_name
    columns = (
        *("seed", "rank", "score", f"training {metric}", f"test {metric}"),
        *("connections", "length", "crossings", "parts", ""),
    )
    marked = frozenset(place for place, row in enumerate(shown) if row.seed == report.selected.label)
    return Table(columns, tuple(rows), frozenset((0, 9)), marked)


def _nets(report: Report, ranking: Ranking) -> tuple[Figure, ...]:
    """Draws the first seeds, unless they are large."""
    pruned = {sparse.label: sparse for sparse in report.seeds}
    if report.selected.dense.connections > _LARGEST:
        return ()
    panels = [
        panel_of(report.selected.checkpoint, pruned[row.seed], row, metric=f"test {report.metric_name}")
        for row in ranking.rows[:_MOST_NETS]
    ]
    figure = draw_nets(
        panels,
        name="best-seeds",
        title=f"The {counted(len(panels), 'seed')} that rank first, after pruning",
        caption="Inputs at the bottom; blue is positive, orange negative, the thickest line the largest weight of all "
        "nets shown. Neurons of different independent parts have different colours; grey points are neurons that "
        "pruning removed.",
    )
    return (figure,)
