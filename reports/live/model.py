"""All that a page's script needs of one or more nets, as one JSON document."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bimt.checkpoint import Checkpoint
from bimt.messages import printable
from bimt.tasks.base import Task
from interp.ablation import AblationTable
from interp.edits import replacements
from interp.events import Story
from interp.modules import Module
from interp.rows import run_rows
from interp.sample import sampled
from interp.sparse import SparseNet
from reports.live.arrays import finite, packed
from reports.live.net import FORMAT, is_runnable, view_net
from reports.live.parts import names_of_ends, view_ablation, view_parts
from reports.live.snapshots import view_film
from reports.live.task import view_task


@dataclass(frozen=True, eq=False)
class Player:
    """A pruned net that can be played with, and what is known of it beside."""

    name: str
    """What it is called on the page: its run, or its seed."""
    sparse: SparseNet
    task: Task
    """Its splits are cast to the net's float type."""
    modules: Sequence[Module] = ()
    dense: SparseNet | None = None
    """The same seed as trained, to be shown beside it."""
    zero: AblationTable | None = None
    mean: AblationTable | None = None
    checkpoint: Checkpoint | None = None
    """Where its snapshots are; they are shown if there is a story too."""
    story: Story | None = None
    facts: Mapping[str, float | int] = field(default_factory=dict)
    """What a gallery says of it and sorts by, by title."""


def make_model(players: Iterable[Player]) -> str:
    """Writes players as JSON that may stand inside a script element: no text in it can end that.

    Players of one task share its rows. The same players give the same text.

    Raises:
        ValueError: If a net does not say what its sites compute (see `is_runnable`).
    """
    tasks: list[dict[str, Any]] = []
    nets = []
    for player in players:
        if not is_runnable(player.sparse.net):
            raise ValueError(f"`players` must be nets that say what their sites compute, got one of {player.task.name}")
        task = view_task(player.task)
        if task not in tasks:
            tasks.append(task)
        nets.append({"task": tasks.index(task), **_view_player(player)})
    document = {"format": FORMAT, "tasks": tasks, "nets": nets}
    text = json.dumps(document, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _view_player(player: Player) -> dict[str, Any]:
    sparse, task = player.sparse, player.task.to(player.sparse.net.dtype)
    means = replacements(sparse.net, task.train.inputs, method="mean")
    view: dict[str, Any] = {
        "name": printable(player.name, limit=60),
        "label": sparse.label,
        "facts": {title: finite(float(value)) for title, value in player.facts.items()},
        "baseline": _baseline(sparse, task),
        **view_net(sparse, means),
        **view_parts(sparse, names_of_ends(sparse, task), player.modules),
    }
    if player.zero is not None and player.mean is not None:
        view["ablation"] = view_ablation(player.zero, player.mean)
    if player.dense is not None:
        view["dense"] = _view_dense(player.dense)
    if player.checkpoint is not None and player.story is not None:
        view["film"] = view_film(player.checkpoint, player.story)
    return view


def _baseline(sparse: SparseNet, task: Task) -> dict[str, float | None]:
    """Returns what the script must come to with nothing ablated; None where that is no finite number."""
    asked = sampled(task).test
    outputs = run_rows(sparse.net, asked.inputs)
    return {
        "metric": finite(task.metric(outputs, asked.targets[None]).item()),
        "loss": finite(task.loss(outputs, asked.targets[None]).item()),
    }


def _view_dense(dense: SparseNet) -> dict[str, Any]:
    """Describes the net as trained for the eye: weights as float32, and which neurons are alive."""
    wiring = dense.net.wiring
    return {
        "links": [
            {"name": link.name, "weights": packed(dense.net.weight(link)[0].numpy().astype(np.float32))}
            for link in wiring.links
            if not wiring.is_look_up(link)
        ],
        "live": {name: packed(mask.numpy()) for name, mask in dense.live().items()},
    }
