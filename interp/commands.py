"""The commands that explain a checkpoint. Nothing heavy is imported until one of them runs."""

from pathlib import Path
from typing import Annotated

import typer

CheckpointPath = Annotated[Path, typer.Argument(help="Folder that bimt train wrote.", metavar="CHECKPOINT")]
Seed = Annotated[int | None, typer.Option("--seed", help="Label of the seed to explain; the best if not given.")]
Tolerance = Annotated[
    float, typer.Option("--tolerance", help="How much of the explained training share pruning may lose.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of a table.")]
OutFolder = Annotated[Path | None, typer.Option("--out", help="New or empty folder to write into.", metavar="DIR")]


def prune(
    checkpoint: CheckpointPath,
    *,
    seed: Seed = None,
    tolerance: Tolerance = 1e-3,
    out: OutFolder = None,
    json: AsJson = False,
) -> None:
    """Cuts every connection that the training split does not notice, and says what that cost.

    With --out the physically smaller net is written as a checkpoint that every other command reads.

    Example:
        bimt prune runs/ind --out runs/ind-pruned
    """
    from bimt.cli import emit, stdout_console
    from interp.export import save_pruned
    from interp.select import select

    sparse = (chosen := select(checkpoint, seed, tolerance=tolerance)).sparse
    if out is not None:
        save_pruned(chosen, out)
    if json:
        emit({"checkpoint": str(checkpoint), "seed": sparse.label, **sparse.to_json()})
    else:
        stdout_console().print(sparse)


def graph(
    checkpoint: CheckpointPath,
    *,
    seed: Seed = None,
    tolerance: Tolerance = 1e-3,
    out: OutFolder = None,
    json: AsJson = False,
) -> None:
    """Turns the pruned net into a graph: GraphML, node-link JSON and a CSV edge list with --out.

    Example:
        bimt graph runs/ind --out runs/ind-graph
    """
    from bimt.cli import emit, stdout_console
    from interp.graph import graph_table, node_link, to_graph, write_graph
    from interp.select import select

    chosen = select(checkpoint, seed, tolerance=tolerance)
    found = to_graph(chosen.sparse, chosen.checkpoint.task)
    if out is not None:
        write_graph(found, out)
    if json:
        emit(node_link(found))
    else:
        stdout_console().print(graph_table(found))
