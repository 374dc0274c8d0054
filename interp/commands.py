"""The commands that explain a checkpoint. Nothing heavy is imported until one of them runs."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from bimt.cli import seed_label

CheckpointPath = Annotated[
    Path, typer.Argument(help="Folder that bimt train wrote, or a model_RUN.pt.", metavar="CHECKPOINT")
]
Seed = Annotated[
    int | None,
    typer.Option(
        "--seed",
        parser=seed_label,
        metavar="LABEL",
        help="Label of the seed to explain, or best: the first of bimt rank, as if not given.",
    ),
]
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


def modules(
    checkpoint: CheckpointPath,
    *,
    readout: Annotated[
        Literal["auto", "include", "exclude"],
        typer.Option("--readout", help="Whether the connections into the outputs count."),
    ] = "auto",
    weights: Annotated[
        Literal["weight", "functional"],
        typer.Option("--weights", help="What a connection weighs: |w|, or |w| times the spread of its source."),
    ] = "weight",
    draws: Annotated[int, typer.Option("--draws", help="Nets drawn from each null model.", min=499)] = 499,
    seed: Seed = None,
    tolerance: Tolerance = 1e-3,
    json: AsJson = False,
) -> None:
    """Finds the modules of the pruned net, what each serves, and whether chance could do as well.

    Example:
        bimt modules runs/ind --json
    """
    from dataclasses import asdict

    from bimt.cli import emit, stdout_console
    from interp.select import select
    from interp.stages import modules_of, selectivity_of

    sparse = (chosen := select(checkpoint, seed, tolerance=tolerance)).sparse
    found = modules_of(chosen, readout=readout, weights=weights, draws=draws)
    if json:
        head = {"checkpoint": str(checkpoint), "seed": sparse.label}
        tail = {"selectivity": [asdict(row) for row in selectivity_of(chosen, found)]}
        emit(head | sparse.to_json() | found.to_json() | tail)
    else:
        stdout_console().print(found)


def ablation(
    checkpoint: CheckpointPath,
    *,
    method: Annotated[
        Literal["zero", "mean", "resample"],
        typer.Option("--method", help="What stands in: 0, the training mean, or 100 random training rows in turn."),
    ] = "zero",
    pairs: Annotated[bool, typer.Option("--pairs", help="Also ablate every two neurons together.")] = False,
    connections: Annotated[
        int | None,
        typer.Option(
            "--connections", help="At most so many connections, the heaviest; else all a minute allows.", min=0
        ),
    ] = None,
    rows: Annotated[
        Literal["all", "report"],
        typer.Option("--rows", help="Test rows that are asked: all, or the 2,000 that pages carry."),
    ] = "all",
    seed: Seed = None,
    tolerance: Tolerance = 1e-3,
    csv: Annotated[Path | None, typer.Option("--csv", help="New file for the table as CSV.", metavar="FILE")] = None,
    json: AsJson = False,
) -> None:
    """Takes every connection, neuron and module out in turn, and says what the test split loses.

    Example:
        bimt ablation runs/ind --method mean --csv ablation.csv
        bimt ablation runs/digits --rows report --json
    """
    import torch

    from bimt.cli import emit, stdout_console
    from bimt.folder import refuse_unwritable
    from interp.ablation import ablate
    from interp.sample import sampled
    from interp.select import select
    from interp.stages import modules_of

    refuse_unwritable(csv)
    sparse, task = (chosen := select(checkpoint, seed, tolerance=tolerance)).sparse, chosen.checkpoint.task
    members = {module.name: module.neurons for module in modules_of(chosen).modules}
    generator = torch.Generator().manual_seed(0)
    task = sampled(task) if rows == "report" else task
    table = ablate(
        sparse, task, modules=members, method=method, generator=generator, pairs=pairs, connections=connections
    )
    if csv is not None:
        csv.write_text(table.to_frame().to_csv(index=False), encoding="utf-8")
    if json:
        emit({"checkpoint": str(checkpoint), "seed": sparse.label, "test_rows": len(task.test), **table.to_json()})
    else:
        stdout_console().print(table)


def events(checkpoint: CheckpointPath, *, seed: Seed = None, json: AsJson = False) -> None:
    """Says what happened while the net trained: a logit dropped, a split into parts, a jump, each with its step.

    Without --seed the events of the best seed are told, and those of the others in a few words.

    Example:
        bimt events runs/moons
        bimt events runs/moons --seed 3 --json
    """
    from bimt.cli import emit, stdout_console
    from bimt.opening import open_checkpoint
    from interp.events import seeds_table, tell, tell_all
    from interp.select import select

    loaded = open_checkpoint(checkpoint)
    stories = tell_all(loaded) if seed is None else (tell(loaded, seed),)
    label = select(loaded).label if seed is None else seed
    story = next(each for each in stories if each.evolution.label == label)
    if json:
        head = {"checkpoint": checkpoint, "seed": label}
        emit(head | story.to_json() | {"seeds": [each.in_short() for each in stories]})
    else:
        stdout_console().print(story)
        if len(stories) > 1:
            stdout_console().print(seeds_table(stories))


def signs(
    checkpoint: CheckpointPath,
    *,
    seed: Seed = None,
    tolerance: Tolerance = 1e-3,
    json: AsJson = False,
) -> None:
    """Says how much of every link's kept weight is positive, and how much negative.

    A link that is nearly all negative looks for what does not fit (pattern mismatch), one that is nearly all positive
    for what does (match).

    Example:
        bimt signs runs/digits
    """
    from bimt.cli import emit, stdout_console
    from interp.select import select
    from interp.signs import find_signs

    sparse = select(checkpoint, seed, tolerance=tolerance).sparse
    found = find_signs(sparse)
    if json:
        emit({"checkpoint": str(checkpoint), "seed": sparse.label, **sparse.to_json(), **found.to_json()})
    else:
        stdout_console().print(found)


def fourier(
    checkpoint: CheckpointPath,
    *,
    modules: Annotated[
        bool | None,
        typer.Option(
            "--modules/--no-modules", help="Judge every module by itself too; by default in nets small enough."
        ),
    ] = None,
    seed: Seed = None,
    tolerance: Tolerance = 1e-3,
    json: AsJson = False,
) -> None:
    """Says whether a net that adds two numbers modulo p is a clock or a pizza, and shows the measures behind it.

    The net is judged as trained, its modules as pruned. Takes checkpoints of this project and of the published
    clock-and-pizza code.

    Example:
        bimt fourier runs/addition
        bimt fourier model_p99zdpze5l.pt --json
    """
    from bimt.cli import emit, stdout_console
    from interp.stages import spectrum_of

    label, found, note = spectrum_of(checkpoint, seed, tolerance=tolerance, modules=modules)
    if json:
        emit({"checkpoint": str(checkpoint), "seed": label, **found.to_json()})
    else:
        stdout_console().print(found)
        if note:
            stdout_console().print(note)


def group(
    checkpoint: CheckpointPath,
    *,
    seed: Seed = None,
    tolerance: Tolerance = 1e-3,
    json: AsJson = False,
) -> None:
    """Says which representations of its finite group the pruned net holds: irreps, cosets, and where to look first.

    For the tasks permutation_group and modular_addition (two operands, operation +).

    Example:
        bimt group runs/s4
    """
    from bimt.cli import emit, stdout_console
    from bimt.opening import open_checkpoint
    from interp.group import group_of
    from interp.select import select
    from interp.stages import representations_of

    loaded = open_checkpoint(checkpoint)
    group_of(loaded.config)  # before anything is computed
    chosen = select(loaded, seed, tolerance=tolerance)
    found = representations_of(chosen)
    if json:
        head = {"checkpoint": str(checkpoint), "seed": chosen.label}
        emit(head | chosen.sparse.to_json() | found.to_json())
    else:
        stdout_console().print(found)


def voting(
    checkpoint: CheckpointPath,
    *,
    permutations: Annotated[
        int, typer.Option("--permutations", help="How often contributions are dealt anew, 100 or more.")
    ] = 200,
    seed: Seed = None,
    tolerance: Tolerance = 1e-3,
    json: AsJson = False,
) -> None:
    """Says how the modules of a net that classifies come to an answer together, and what each gets right alone.

    For nets in which at least two modules speak to the same outputs, such as those of modular addition. All numbers are
    of the pruned net, over all rows (training and test split together) and over the test split.

    Example:
        bimt voting runs/addition
    """
    from bimt.cli import emit, stdout_console
    from interp.select import select
    from interp.stages import voting_of

    found = voting_of(chosen := select(checkpoint, seed, tolerance=tolerance), permutations=permutations)
    if json:
        emit({"checkpoint": str(checkpoint), "seed": chosen.label, **chosen.sparse.to_json(), **found.to_json()})
    else:
        stdout_console().print(found)


def heads(
    checkpoint: CheckpointPath,
    *,
    modules: Annotated[
        bool | None,
        typer.Option(
            "--modules/--no-modules", help="Say to which modules heads belong; by default in nets small enough."
        ),
    ] = None,
    seed: Seed = None,
    tolerance: Tolerance = 1e-3,
    json: AsJson = False,
) -> None:
    """Says where every attention head of the pruned net looks, what it reads and feeds, and what is lost without it.

    For transformers. Attention is averaged over the test rows; a head is taken out by zero and by its mean.

    Example:
        bimt heads runs/sequences
    """
    from bimt.cli import emit, stdout_console
    from bimt.opening import open_checkpoint
    from interp.heads import refuse_headless
    from interp.select import select
    from interp.stages import MOST_CONNECTIONS, heads_of, modules_of

    loaded = open_checkpoint(checkpoint)
    refuse_headless(loaded.net)  # before anything is computed
    chosen = select(loaded, seed, tolerance=tolerance)
    wanted = chosen.sparse.connections <= MOST_CONNECTIONS if modules is None else modules
    found = heads_of(chosen, modules_of(chosen) if wanted else None)
    if json:
        emit({"checkpoint": str(checkpoint), "seed": chosen.label, **chosen.sparse.to_json(), **found.to_json()})
    else:
        stdout_console().print(found)


def rank(
    checkpoint: CheckpointPath,
    *,
    weight: Annotated[
        list[str] | None,
        typer.Option(metavar="TERM=NUMBER", help="metric=1, connections=1, length=0.5, crossings=0.5 if not given."),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Leave out modules, p-values and formulas.")] = False,
    processes: Annotated[
        int | None, typer.Option("--processes", help="How many work at once; all cores if not given.", min=1)
    ] = None,
    tolerance: Tolerance = 1e-3,
    csv: Annotated[Path | None, typer.Option("--csv", help="New file for the table as CSV.", metavar="FILE")] = None,
    json: AsJson = False,
) -> None:
    """Puts all seeds in the order of one score, shows the Pareto front, and says whether they found the same structure.

    The score is the weighted geometric mean of what the best seed needs over what this one needs: of 1 - its metric on
    the training split (plus what pruning does not notice), 1 + connections, 1 + their mean length, 1 + crossings per
    connection. A seed with less than 95 % of the best training metric scores 0. --weight says how much a term counts.
    The seed that is first by the default weights is the one that every command explains where none is named.

    Example:
        bimt rank runs/ind
        bimt rank runs/ind --weight metric=2 --weight crossings=0 --csv ranking.csv
    """
    from bimt.cli import console, emit, stdout_console
    from bimt.cores import available_cores
    from bimt.folder import refuse_unwritable
    from bimt.progress import counted
    from interp.rank import rank as rank_seeds
    from interp.score import make_weights

    weights = make_weights(weight or ())
    refuse_unwritable(csv)
    processes = available_cores() if processes is None else processes
    with counted(console(), "seeds") as watch:
        found = rank_seeds(
            checkpoint, weights=weights, tolerance=tolerance, quick=quick, processes=processes, watch=watch
        )
    if csv is not None:
        csv.write_text(found.to_frame().to_csv(index=False), encoding="utf-8")
    if json:
        emit({"checkpoint": checkpoint, "tolerance": tolerance, **found.to_json()})
    else:
        stdout_console().print(found)
