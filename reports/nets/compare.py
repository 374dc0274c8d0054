"""Runs side by side: arms, seeds, before and after pruning, each net to be played with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bimt.checkpoint import Checkpoint
from bimt.messages import UserError, printable
from bimt.opening import open_checkpoint
from interp.events import tell
from interp.graph import to_graph
from interp.measures import Measures, measure
from interp.modules import Modules
from interp.select import Selected, select
from interp.stages import ablations_of, modules_of
from reports.figures.net import largest_weight
from reports.figures.palette import module_tone
from reports.figures.small_nets import Panel, draw_nets
from reports.live.model import Player
from reports.live.net import is_runnable
from reports.live.view import lively
from reports.nets.page import NetsPage
from reports.section import Section
from reports.tables import Table
from reports.words import command_line, name, number

MOST_NETS = 12
"""More do not fit side by side; a gallery shows them."""


@dataclass(frozen=True, eq=False)
class Entrant:
    """One of the nets that are compared."""

    name: str
    chosen: Selected
    modules: Modules
    measures: Measures


def compare(paths: Sequence[Path | str], *, labels: Sequence[int | None] = (), tolerance: float = 1e-3) -> NetsPage:
    """Puts seeds of one or more checkpoints side by side.

    Args:
        paths: Folders of checkpoints.
        labels: Which seeds of every checkpoint; None, and no labels at all, is the best of each.
        tolerance: As in `prune`.

    Raises:
        UserError: If there are fewer than two nets or too many, or a checkpoint cannot be read.
    """
    count = len(paths) * max(len(labels), 1)
    if not 2 <= count <= MOST_NETS:
        raise UserError(
            f"--compare takes 2 to {MOST_NETS} nets, got {count}; name more checkpoints, or --seed more than once"
        )
    entrants = [
        _entrant(open_checkpoint(path), label, called, tolerance)
        for path, called in zip(paths, _names(paths), strict=True)
        for label in (labels or (None,))
    ]
    is_live = all(is_runnable(entrant.chosen.sparse.net) for entrant in entrants)
    return NetsPage(
        kicker="Nets side by side",
        title=name(", ".join(entrant.name for entrant in entrants)),
        headline=_headline(entrants),
        words=("Of every run the seed that ranks first is shown, or the one that was asked for.",),
        live=lively([_player(entrant) for entrant in entrants]) if is_live else None,
        is_gallery=False,
        sections=(_numbers(entrants), _settings(entrants), _pictures(entrants)),
        commands=(_command(paths, labels, tolerance),),
    )


def _entrant(checkpoint: Checkpoint, label: int | None, called: str, tolerance: float) -> Entrant:
    chosen = select(checkpoint, label, tolerance=tolerance)
    return Entrant(f"{called} seed {chosen.label}", chosen, modules_of(chosen), measure(checkpoint, chosen.sparse))


def _names(paths: Sequence[Path | str]) -> list[str]:
    """Calls every run by the end of its path: as many folders as tell them apart."""
    parts = [Path(path).resolve().parts for path in paths]
    depths = range(1, max(map(len, parts)) + 1)
    depth = next((depth for depth in depths if len({each[-depth:] for each in parts}) == len(parts)), 1)
    return [printable("/".join(each[-depth:]), limit=40) for each in parts]


def _player(entrant: Entrant) -> Player:
    chosen, modules = entrant.chosen, entrant.modules.modules
    checkpoint = chosen.checkpoint
    frames = len(checkpoint.snapshots.get("step", ()))
    zero, mean = ablations_of(chosen, entrant.modules)
    return Player(
        name=entrant.name,
        sparse=chosen.sparse,
        task=checkpoint.task,
        modules=modules,
        dense=chosen.dense,
        zero=zero,
        mean=mean,
        checkpoint=checkpoint,
        story=tell(checkpoint, chosen.label) if frames > 1 else None,
    )


def _headline(entrants: Sequence[Entrant]) -> str:
    smallest = min(entrants, key=lambda entrant: entrant.measures.connections)
    best = max(entrants, key=lambda entrant: entrant.measures.metric)
    metric = f"{name(best.name)} has the highest test metric, {number(best.measures.metric)}"
    who = "and" if best is smallest else f"{name(smallest.name)}"
    return f"{metric}, {who} the fewest connections, {smallest.measures.connections:,}"


def _numbers(entrants: Sequence[Entrant]) -> Section:
    rows = [_row(entrant) for entrant in entrants]
    columns = (
        *("net", "task", "test metric as trained", "pruned", "test loss as trained", "pruned", "connections"),
        *("hidden neurons", "wiring length", "crossings", "independent parts", "modules", "Q", "p"),
    )
    return Section("numbers", "In numbers", ("p: the larger one against both null models.",),
                   tables=(Table(columns, tuple(rows), frozenset((0, 1))),))  # fmt: skip


def _row(entrant: Entrant) -> tuple[str, ...]:
    found, modules = entrant.measures, entrant.modules
    ps = [p for p in (modules.p_structure, modules.p_space) if p is not None]
    return (
        name(entrant.name),
        name(entrant.chosen.checkpoint.task.name),
        number(found.dense_metric),
        number(found.metric),
        number(found.dense_loss, 3),
        number(found.loss, 3),
        f"{found.connections:,}",
        f"{found.neurons:,}",
        number(found.length, 3),
        number(found.crossings),
        f"{found.parts:,}",
        f"{len(modules.modules):,}",
        number(modules.modularity, 3),
        number(max(ps), 3) if ps else "–",
    )


def _settings(entrants: Sequence[Entrant]) -> Section:
    """Lists the settings in which the runs differ."""
    flat = [dict(_flat(entrant.chosen.checkpoint.config.model_dump(mode="json"))) for entrant in entrants]
    keys = dict.fromkeys(key for each in flat for key in each)
    different = [key for key in keys if len({repr(each.get(key)) for each in flat}) > 1]
    rows = [(key, *(name(str(each.get(key, "–"))) for each in flat)) for key in different]
    table = Table(
        ("setting", *(name(entrant.name) for entrant in entrants)), tuple(rows), frozenset(range(1 + len(flat)))
    )
    words = "What differs between the runs." if rows else "The runs have the same settings."
    return Section("settings", "Settings", (words,), tables=(table,) if rows else ())


def _flat(settings: Mapping[str, Any], before: str = "") -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for key, value in settings.items():
        pairs += _flat(value, f"{before}{key}.") if isinstance(value, dict) and value else [(f"{before}{key}", value)]
    return pairs


def _pictures(entrants: Sequence[Entrant]) -> Section:
    panels = [panel for entrant in entrants for panel in _panels(entrant)]
    figure = draw_nets(
        panels,
        name="comparison",
        title="Before and after pruning",
        caption="Inputs at the bottom; the thickest line is the largest weight of all nets. Neurons have the hue of "
        "their module; grey points are neurons that pruning removed.",
        columns=4,
    )
    return Section("pictures", "Before and after", (), panoramas=(figure,))


def _panels(entrant: Entrant) -> tuple[Panel, Panel]:
    """Draws one net as trained and pruned."""
    chosen, found = entrant.chosen, entrant.measures
    before, after = (to_graph(sparse, chosen.checkpoint.task) for sparse in (chosen.dense, chosen.sparse))
    tones = {n: module_tone(rank) for rank, module in enumerate(entrant.modules.modules) for n in module.neurons}
    size = f"largest weight {number(largest_weight(before), 3)}"
    note = f"{found.connections:,} connections, test {number(found.metric, 3)}"
    return (
        Panel(f"{entrant.name}, as trained", size, before, before, tones),
        Panel(f"{entrant.name}, pruned", note, after, before, tones),
    )


def _command(paths: Sequence[Path | str], labels: Sequence[int | None], tolerance: float) -> str:
    words = ["python", "-m", "reports", *(Path(path).name or str(path) for path in paths), "--compare"]
    for label in labels:
        words += ["--seed", "best" if label is None else str(label)]
    return command_line([*words, "--tolerance", f"{tolerance:g}"])
