"""The gallery of a run: all its seeds, pruned and ranked, any of them to be played with."""

from bimt.checkpoint import Checkpoint
from bimt.messages import UserError, printable
from interp.graph import to_graph
from interp.modules import independent_parts
from interp.rank import Ranking, Row, rank_pruned
from interp.select import prune_all
from interp.sparse import SparseNet
from reports.figures.small_nets import draw_nets
from reports.live.model import Player
from reports.live.net import is_runnable
from reports.live.view import lively
from reports.nets.page import NetsPage
from reports.ranking import cells_of, panel_of
from reports.section import Section
from reports.tables import Table
from reports.words import command_line, counted, name, sentence

MOST_SEEDS = 200
"""Of more seeds the first ones are shown."""
_LARGEST = 5_000
"""Nets with more connections are no small nets: each takes seconds, and nobody can compare them at a glance."""
_MOST_DRAWN = 20
"""Seeds of the still picture."""


def make_gallery(checkpoint: Checkpoint, *, tolerance: float = 1e-3) -> NetsPage:
    """Prunes and ranks all seeds of a checkpoint and makes a page of them.

    Raises:
        UserError: If every seed stopped, the nets are too large, or do not say what their sites compute.
    """
    pruned = {sparse.label: sparse for sparse in prune_all(checkpoint, tolerance=tolerance)}
    _check(checkpoint, list(pruned.values()))
    ranking = rank_pruned(checkpoint, list(pruned.values()))
    shown = ranking.rows[:MOST_SEEDS]
    players = [_player(checkpoint, pruned[row.seed], row) for row in shown]
    task = checkpoint.task
    folder = checkpoint.path.name if checkpoint.path is not None else "CHECKPOINT"
    return NetsPage(
        kicker="Gallery",
        title=name(task.name),
        headline=f"{sentence(counted(len(pruned), 'pruned net'))}, ranked by one score",
        words=(
            printable(ranking.consistency.verdict, limit=500),
            "The score weighs the error on the training data, the connections, their mean length and their crossings. "
            "Colours: independent parts. Click one to play with it.",
        ),
        live=lively(players),
        is_gallery=True,
        sections=(_table(ranking, len(shown)), _picture(checkpoint, pruned, ranking)),
        commands=(command_line(["python", "-m", "reports", "gallery", folder, "--tolerance", f"{tolerance:g}"]),),
    )


def _check(checkpoint: Checkpoint, pruned: list[SparseNet]) -> None:
    largest = max(sparse.connections for sparse in pruned)
    if largest > _LARGEST:
        raise UserError(
            f"a gallery takes nets of at most {_LARGEST:,} kept connections, got one of {largest:,}; "
            "show one at a time with bimt report --seed"
        )
    if not is_runnable(checkpoint.net):
        raise UserError("a gallery takes nets that say what their sites compute; draw these with bimt report")


def _player(checkpoint: Checkpoint, sparse: SparseNet, row: Row) -> Player:
    graph = to_graph(sparse, checkpoint.task)
    facts = {
        "rank": row.rank,
        "score": row.score,
        "test metric": row.metric,
        "connections": row.connections,
        "length": row.length,
        "parts": row.parts,
        "on the front": float(row.on_front),
    }
    return Player(f"seed {row.seed}", sparse, checkpoint.task, independent_parts(graph), facts=facts)


def _table(ranking: Ranking, count: int) -> Section:
    rows = [cells_of(row) for row in ranking.rows[:count]]
    columns = (
        *("seed", "rank", "score", "training metric", "test metric", "connections", "length", "crossings"),
        *("independent parts", ""),
    )
    return Section("ranking", "Ranking", ("Front: no other seed has as high a test metric with as few connections.",),
                   tables=(Table(columns, tuple(rows), frozenset((0, 9))),))  # fmt: skip


def _picture(checkpoint: Checkpoint, pruned: dict[int, SparseNet], ranking: Ranking) -> Section:
    shown = ranking.rows[:_MOST_DRAWN]
    panels = [panel_of(checkpoint, pruned[row.seed], row, metric="test") for row in shown]
    figure = draw_nets(
        panels,
        name="gallery",
        title=f"The {counted(len(panels), 'seed')} that rank first",
        caption="After pruning, inputs at the bottom, to one scale; hues: independent parts.",
    )
    return Section("picture", "At a glance", (), panoramas=(figure,))
