"""The report of a checkpoint: everything is computed here, then written as a page and as markdown with pictures."""

import re
from collections.abc import Callable
from pathlib import Path

from bimt.checkpoint import Checkpoint
from bimt.folder import try_writing, write_file
from bimt.messages import UserError, printable
from bimt.nets.base import Net
from bimt.opening import open_checkpoint
from bimt.tasks.base import Task
from interp.events import Story, tell, tell_all
from interp.formula import Formulas
from interp.graph import to_graph
from interp.modules import Modules
from interp.rows import run_rows
from interp.select import Selected, check_label, prune_all, select_best
from interp.selectivity import loss_without_bridges
from interp.sparse import SparseNet, live_hidden
from interp.stages import ablations_of, modules_of, selectivity_of, voting_of
from interp.symbolic import extract_formulas
from interp.voting import Voting, can_vote
from reports.content import make_page
from reports.groups import find_group
from reports.html import to_html
from reports.markdown import to_markdown
from reports.painting import Paint, paint_here
from reports.ranking import find_ranking
from reports.results import Report, Scores

FIGURES = "figures"
"""The folder of the PNG files, inside the report's folder."""
MOST_CONNECTIONS = 1_000
"""Up to so many connections a net is written as formulas: beyond, nobody reads them, and they take minutes."""
_BOXES = 1_000
"""How many boxes are looked at to prove how far an output's readable formula is from the net: they take a tenth of a
second..."""
_MOST_INPUTS = 8
"""... if there are so few inputs; in more dimensions so few boxes say little."""
MOST_SNAPSHOTS = 1_000
"""Of more snapshots, over all seeds, only those of the explained seed are looked at: a thousand take two seconds."""
_OPTIONAL = re.compile(
    r"(ablation-(modules|neurons|connections)|(predicted|heights|ranks|surface|surface-error)-\d+|confusions|decision-boundary|evolution|best-seeds|"
    r"features|feeds|heads|irreps-(dimensions|neurons)|cosets|votes-(map|sizes)|(module-)?circles|shapes|"
    r"clock-or-pizza|right-logits|spectrum)\.png"
)
"""The pictures that not every report has; those of an earlier report are removed, any other file is somebody else's."""


def build_report(
    checkpoint: Checkpoint | Path | str,
    *,
    label: int | None = None,
    tolerance: float = 1e-3,
    draws: int = 499,
    watch: Callable[[str], None] = lambda _: None,
) -> Report:
    """Explains one seed of a checkpoint: prunes it, finds its modules, ablates it and writes it down as formulas.

    Every stage has its own fixed randomness: the same checkpoint gives the same report.

    Args:
        checkpoint: One in memory, or its folder.
        label: The seed to explain; None takes the best, as `select` does.
        tolerance: How much of the explained training share pruning may lose, > 0.
        draws: Nets drawn from each null, at least 499.
        watch: Told what is done next: for a net of thousands of connections the modules' nulls take minutes.

    Returns:
        All results.

    Raises:
        UserError: If the checkpoint cannot be read, there is no such seed, or its training stopped.

    Example:
        write_report(build_report("runs/ind"), Path("runs/ind"))
    """
    watch("pruning")
    checkpoint = checkpoint if isinstance(checkpoint, Checkpoint) else open_checkpoint(checkpoint)
    if label is not None:
        check_label(checkpoint, label)
    seeds = prune_all(checkpoint, tolerance=tolerance)
    ranking = find_ranking(checkpoint, seeds)
    wanted = ranking.best if label is None and ranking else label
    chosen = select_best(checkpoint, [sparse for sparse in seeds if wanted in (None, sparse.label)])
    task, sparse = chosen.checkpoint.task, chosen.sparse
    before, after = to_graph(chosen.dense, task), to_graph(sparse, task)
    watch(f"finding modules among {sparse.connections:,} connections")
    modules = modules_of(chosen, draws=draws)
    several = len(modules.modules) > 1
    watch("writing formulas")
    exact, readable, why = _formulas(sparse, task)
    watch("ablating and looking at every snapshot")
    zero, mean = ablations_of(chosen, modules)
    return Report(
        selected=chosen,
        seeds=tuple(seeds),
        dense_scores=_scores(chosen.dense, task),
        scores=_scores(sparse, task),
        before=before,
        after=after,
        modules=modules,
        selectivity=selectivity_of(chosen, modules),
        loss_without_bridges=loss_without_bridges(chosen.dense.net, modules, task) if several else None,
        zero=zero,
        mean=mean,
        exact=exact,
        readable=readable,
        no_formulas=why,
        voting=_voting(chosen, modules),
        stories=_stories(chosen),
        draws=draws,
        representations=find_group(chosen),
        ranking=ranking,
    )


def write_report(report: Report, folder: Path, *, paint: Paint = paint_here) -> list[Path]:
    """Writes report.html, report.md and the PNG files of report.md into a folder, replacing an earlier report there.

    Every file is whole or not there; their names never come from the data. The same report gives the same bytes.

    Args:
        report: Everything that is shown.
        folder: Is made if it is not there.
        paint: Where pictures are painted, as `painting_aside` lends it; in this process if not given.

    Returns:
        The paths of report.html, report.md and the pictures.

    Raises:
        UserError: If the folder cannot be written.
    """
    page = make_page(report)
    figures = list(page.figures)
    painted = paint([figure.drawing for figure in figures])
    texts = {"report.md": to_markdown(page, FIGURES).encode(), "report.html": to_html(page).encode()}
    files = {f"{FIGURES}/{figure.name}.png": file for figure, file in zip(figures, painted(), strict=True)} | texts
    prepare_folder(folder)
    for name, content in files.items():
        write_file(folder / name, content)
    for old in (folder / FIGURES).iterdir():
        if _OPTIONAL.fullmatch(old.name) and f"{FIGURES}/{old.name}" not in files:
            old.unlink()
    return [folder / "report.html", folder / "report.md", *sorted(folder / name for name in files if "/" in name)]


def prepare_folder(folder: Path) -> None:
    """Makes sure that a report can be written into a folder, before anything is computed.

    Raises:
        UserError: If it cannot.
    """
    pictures = folder / FIGURES
    if pictures.is_symlink():
        raise UserError(f"{printable(pictures)} must be a folder, got a link: remove it")
    try:
        pictures.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"the folder {printable(pictures)} cannot be made: {error.strerror}") from error
    for path in (folder, pictures):
        try_writing(path)


def _voting(chosen: Selected, modules: Modules) -> Voting | None:
    """Returns how modules come to an answer together, in nets on tokens in which at least two meet in an output."""
    is_asked = chosen.checkpoint.task.tokens and can_vote(chosen.sparse.net, modules, chosen.checkpoint.task)
    return voting_of(chosen, modules) if is_asked else None


def _stories(chosen: Selected) -> tuple[Story, ...]:
    """Tells how training went: of every seed, or of the explained one if the others would take long.

    None where there are no snapshots to compare: a pruned checkpoint holds one only.
    """
    checkpoint = chosen.checkpoint
    frames = len(checkpoint.snapshots.get("step", ()))
    if frames < 2:
        return ()
    is_quick = frames * len(checkpoint.running) <= MOST_SNAPSHOTS
    return tell_all(checkpoint) if is_quick else (tell(checkpoint, chosen.label),)


def _formulas(sparse: SparseNet, task: Task) -> tuple[Formulas | None, Formulas | None, str]:
    """Returns the exact formulas and the readable ones, or why there are none."""
    if sparse.connections > MOST_CONNECTIONS:
        return None, None, (
            f"with {sparse.connections:,} connections they would be too long to be read (the command bimt symbolic "
            "writes them all the same)"
        )  # fmt: skip
    try:
        exact = extract_formulas(sparse, task, form="exact")
        boxes = _BOXES if len(task.inputs) <= _MOST_INPUTS else 0
        return exact, extract_formulas(sparse, task, form="readable", proof=boxes), ""
    except UserError as error:
        return None, None, str(error)


def _scores(sparse: SparseNet, task: Task) -> Scores:
    train_metric, train_loss = _scored(sparse.net, task)
    return Scores(
        connections=sparse.connections,
        neurons=sum(int(mask.sum()) for mask in live_hidden(sparse).values()),
        train_metric=train_metric,
        test_metric=sparse.metric,
        train_loss=train_loss,
        test_loss=sparse.loss,
    )


def _scored(net: Net, task: Task) -> tuple[float, float]:
    """Returns metric and loss on the training split."""
    outputs, targets = run_rows(net, task.train.inputs), task.train.targets[None]
    return task.metric(outputs, targets).item(), task.loss(outputs, targets).item()
