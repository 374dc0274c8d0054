"""A net with most of its connections cut: which ones are kept, which neurons still matter, what it cost."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import pandas as pd
import torch
from jaxtyping import Bool, Float
from rich.table import Table
from torch import Tensor

from bimt.nets.base import Net
from bimt.tasks.base import Task
from bimt.wiring import Link, Wiring
from interp.rows import run_rows
from interp.tables import frame_table

Kept = Mapping[str, Bool[Tensor, "one ..."]]


class Neuron(NamedTuple):
    """One neuron at one moment of the forward pass; prints as `h1[3]`."""

    site: str
    index: int  # type: ignore[assignment]  # tuples have a method of that name, which nobody needs here

    def __str__(self) -> str:
        return f"{self.site}[{self.index}]"


@dataclass(frozen=True, eq=False)
class SparseNet:
    """One seed of a net, cut down to the connections that are kept, in float64."""

    net: Net
    """One seed; weights that are not kept are zero, constant neurons are folded into biases."""
    kept: Kept
    """For each stored weight tensor, True where the connection is kept; biases are always kept."""
    metric: float
    """On the test split: R^2 averaged over outputs, or accuracy."""
    dense_metric: float
    """The metric before anything was cut."""
    explained: float
    """On the training split: the share of the loss that is explained (see `Task.explained`)."""
    dense_explained: float
    """The same before anything was cut."""
    loss: float
    """On the test split, in the net's units."""
    dense_loss: float
    """The same before anything was cut."""
    threshold: float
    """Every connection with |w| below it was cut; 0 where nothing was."""
    tolerance: float
    """How much of the explained share pruning was allowed to lose."""
    label: int = 0
    """The seed's label in its checkpoint."""

    @property
    def connections(self) -> int:
        """How many connections are kept; tied ones count once, look-ups do not."""
        return sum(int(link.view(self.kept[link.parameter]).sum()) for link in self._links())

    @property
    def dense_connections(self) -> int:
        """How many connections there were before anything was cut."""
        return sum(self.net.weight(link).numel() for link in self._links())

    def to_json(self) -> dict[str, Any]:
        """Returns what docs/json.md describes under `prune`."""
        return {
            "tolerance": self.tolerance,
            "threshold": self.threshold,
            "metric": self.metric,
            "dense_metric": self.dense_metric,
            "loss": self.loss,
            "dense_loss": self.dense_loss,
            "connections": self.connections,
            "dense_connections": self.dense_connections,
            "neurons": sum(int(mask.sum()) for mask in self.live().values()),
        }

    def to_frame(self) -> pd.DataFrame:
        """Returns one row for the net as trained and one for the pruned net."""
        return pd.DataFrame(
            {
                "connections": [self.dense_connections, self.connections],
                "train explained": [self.dense_explained, self.explained],
                "test metric": [self.dense_metric, self.metric],
                "test loss": [self.dense_loss, self.loss],
            },
            index=["as trained", "pruned"],
        )

    def __rich__(self) -> Table:
        title = f"seed {self.label}: connections with |w| < {self.threshold:.4g} cut"
        return frame_table(self.to_frame(), title=title)

    def _links(self) -> Iterator[Link]:
        return self.net.wiring.distinct_links(look_ups=False)

    def live(self) -> dict[str, Bool[Tensor, " size"]]:
        """Tells for each site which neurons lie on a path from an input to an output."""
        return dict(self._live)

    @cached_property
    def _live(self) -> dict[str, Tensor]:
        return on_path(self.net.wiring, self.kept)


def live_hidden(sparse: SparseNet) -> dict[str, Bool[Tensor, " size"]]:
    """Tells for each population of hidden sites which neurons pruning left, at one of its sites at least."""
    live = sparse.live()
    found: dict[str, Tensor] = {}
    for site in sparse.net.wiring.sites:
        if site.role == "hidden":
            found[site.population] = found.get(site.population, torch.tensor(False)) | live[site.name]
    return found


def whole(net: Net, task: Task, *, label: int = 0) -> SparseNet:
    """Returns a net of one seed with nothing cut, as a `SparseNet` in float64."""
    net = net.to(torch.float64)
    kept = {
        link.parameter: torch.ones_like(net.parameters[link.parameter], dtype=torch.bool) for link in net.wiring.links
    }
    metric, loss = test_scores(net, task)
    explained = train_explained(net, task)
    return SparseNet(
        net=net,
        kept=kept,
        metric=metric,
        dense_metric=metric,
        explained=explained,
        dense_explained=explained,
        loss=loss,
        dense_loss=loss,
        threshold=0.0,
        tolerance=0.0,
        label=label,
    )


def test_scores(net: Net, task: Task) -> tuple[float, float]:
    """Returns metric and loss of a one-seed net on the test split."""
    outputs, targets = run_rows(net, task.test.inputs), task.test.targets[None]
    return task.metric(outputs, targets).item(), task.loss(outputs, targets).item()


def train_explained(net: Net, task: Task) -> float:
    """Returns the explained share of a one-seed net on the training split."""
    return task.explained(run_rows(net, task.train.inputs), task.train.targets[None]).item()


def on_path(wiring: Wiring, kept: Kept) -> dict[str, Bool[Tensor, " size"]]:
    """Tells for each site which neurons lie on a path from an input to an output."""
    ahead, behind = reached(wiring, kept), reaching(wiring, kept)
    return {site.name: ahead[site.name] & behind[site.name] for site in wiring.sites}


def reached(wiring: Wiring, kept: Kept) -> dict[str, Bool[Tensor, " size"]]:
    """Tells for each site which neurons depend on an input, over kept connections, skips and gates."""
    return _spread(wiring, kept, {site.name for site in wiring.inputs}, forward=True)


def reaching(wiring: Wiring, kept: Kept) -> dict[str, Bool[Tensor, " size"]]:
    """Tells for each site which neurons an output depends on, over kept connections, skips and gates."""
    return _spread(wiring, kept, {site.name for site in wiring.outputs}, forward=False)


def _spread(wiring: Wiring, kept: Kept, start: set[str], *, forward: bool) -> dict[str, Tensor]:
    """Floods from all neurons of some sites along (or against) the edges until nothing new is reached."""
    found = {
        site.name: torch.full((wiring.population_of(site.name).size,), site.name in start) for site in wiring.sites
    }
    fixed = [(edge, wiring.joins(edge)) for edge in wiring.fixed if not (forward and edge.is_mixture)]
    links = wiring.links if forward else wiring.links[::-1]
    while True:
        before = dict(found)
        for link in links:
            edges = link.view(kept[link.parameter])[0]
            near, far = (link.source, link.target) if forward else (link.target, link.source)
            ends = edges if forward else edges.T
            found[far] = found[far] | (ends & found[near]).any(1)
        for edge, pairs in fixed:
            near, far = (edge.source, edge.target) if forward else (edge.target, edge.source)
            ends = pairs if forward else pairs.T
            found[far] = found[far] | (ends & found[near]).any(1)
        if all(torch.equal(before[name], found[name]) for name in found):
            return found


def joined(link: Link, kept: Kept, live: Mapping[str, Tensor]) -> Bool[Tensor, "target source"]:
    """Tells which connections of a link are kept and join live neurons: of tied ones some may lead nowhere."""
    return link.view(kept[link.parameter])[0] & live[link.target][:, None] & live[link.source]


def masked(net: Net, kept: Kept) -> Net:
    """Returns a net in which every connection that is not kept has weight zero."""
    parameters = {
        name: tensor * kept[name] if name in kept else tensor.clone() for name, tensor in net.parameters.items()
    }
    return net.replaced(parameters=parameters)


def above(net: Net, threshold: float) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Cuts every connection of a one-seed net that is not above a threshold, look-ups not, and what then leads nowhere.

    Returns:
        For each stored weight tensor what is kept, and for each site which neurons lie on a path from an input to an
        output.
    """
    wiring = net.wiring
    kept = {link.parameter: net.parameters[link.parameter].abs() > threshold for link in wiring.links}
    for link in wiring.links:
        if wiring.is_look_up(link):
            link.view(kept[link.parameter])[:] = True
    live = on_path(wiring, kept)
    keep_between_(kept, wiring, {name: (mask, mask) for name, mask in live.items()})
    return kept, live


def keep_between_(kept: dict[str, Tensor], wiring: Wiring, ends: Mapping[str, tuple[Tensor, Tensor]]) -> None:
    """Drops connections that do not join two such neurons; of tied ones all or none.

    Args:
        kept: Is changed.
        wiring: Of the net.
        ends: For each site which neurons count as a target, and which as a source.
    """
    both: dict[Any, Tensor] = {}
    for link in wiring.links:
        pairs = ends[link.target][0][:, None] & ends[link.source][1]
        both[link.stored] = pairs | both.get(link.stored, torch.zeros_like(pairs))
    for link in wiring.distinct_links():
        link.view(kept[link.parameter])[:] &= both[link.stored]


def constants(net: Net, kept: Kept) -> dict[str, Float[Tensor, " size"]]:
    """Returns for each site the values of the neurons that depend on no input, zero elsewhere."""
    wiring = net.wiring
    values = net.activations(net.blank())
    depends = reached(wiring, kept)
    return {name: torch.where(depends[name], 0.0, value[0, 0]) for name, value in values.items()}
