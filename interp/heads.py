"""Attention heads of a pruned net: which moments each looks at, what it reads and feeds, what is lost without it.

Run as `python -m interp.heads CKPT`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from rich.console import Group, RenderableType
from rich.text import Text
from torch import Tensor

from bimt.messages import UserError, printable
from bimt.nets.base import Net
from bimt.nets.reading import Mixture
from bimt.tasks.base import Task
from interp.attention import Look, look, mixtures_of
from interp.edits import Cut, replacements
from interp.effects import Effects, measure_cuts, standard_error
from interp.looks import ALIKE, in_words
from interp.sparse import Neuron, SparseNet
from interp.tables import frame_table

_MOST_PRINTED = 12
"""Up to this many moments attention is printed."""


class Loss(NamedTuple):
    """What taking a head out costs, on the test split: all its mixed values replaced at once."""

    metric: float
    """R^2 averaged over outputs, or accuracy."""
    drop: float
    """Baseline minus this metric."""
    loss_increase: float
    """This loss minus the baseline's, in the net's units."""
    stderr: float
    """Standard error of `loss_increase` over test rows, of the paired difference; NaN of one row."""


class Share(NamedTuple):
    """How many of a head's live neurons belong to a module."""

    module: str
    neurons: int


class Connections(NamedTuple):
    """Kept connections of one head."""

    query: int
    """Into its queries."""
    key: int
    """Into its keys."""
    value: int
    """Into the values that it mixes."""
    out: int
    """Out of what it mixed."""


@dataclass(frozen=True, eq=False)
class Head:
    """One attention head."""

    name: str
    """`head.0.1`: the population, and the number of the block in it, from 0."""
    site: str
    """Where its mixed values are: `z.0`."""
    attention: Float[np.ndarray, "moments moments"]
    """How much each moment (row) looks at each (column): the softmax under its mask, averaged over test rows; every row
    sums to 1."""
    rate: float
    """How much of attention there is, 0 to 1: values are added up with the weights rate * attention + 1 - rate."""
    asking: tuple[int, ...]
    """The moments, from 0, whose mixed values can change an answer; all of them where none can."""
    is_causal: bool
    """Whether a moment looks at itself and earlier ones only."""
    variation: float
    """How much it depends on the row, 0 to 1: total variation from the mean, 1/2 sum |attention - mean|, averaged over
    rows and over the moments that ask and see more than one."""
    looked: float
    """At how many moments it looks: e to the entropy of a moment's attention, averaged likewise."""
    seen: float
    """How many it could look at, averaged likewise."""
    is_even: bool
    """Whether it looks at all moments it sees alike, whatever the row: no kept connection tells its keys apart, or its
    queries are zero."""
    connections: Connections
    neurons: int
    """How many of its neurons are live: its mixed values on a path from an input to an output."""
    shares: tuple[Share, ...]
    """The modules of its live neurons (queries, keys, values and mixed values), the largest share first."""
    zero: Loss
    """What is lost where its mixed values are 0."""
    mean: Loss
    """The same where they are their means over the training split, moment by moment."""

    @property
    def weights(self) -> Float[np.ndarray, "moments moments"]:
        """What values are multiplied by before they are added up, averaged over test rows."""
        weights: np.ndarray = self.rate * self.attention + 1 - self.rate
        return weights

    @property
    def is_live(self) -> bool:
        """Whether any path from an input to an output leads through what it mixed."""
        return self.neurons > 0

    def says(self, moments: Sequence[str]) -> str:
        """Says in words where it looks; the moments by their names."""
        if not self.is_live:
            return "leads nowhere"
        if self.rate == 0:
            return "adds all moments up, whatever its queries and keys"
        if self.is_even:
            keys = "keys" if self.connections.query else "queries or keys"
            return f"{ALIKE}: no kept connection into its {keys} matters"
        return in_words(self.attention, moments, asking=self.asking, is_causal=self.is_causal, variation=self.variation)


class Baseline(NamedTuple):
    """The pruned net with every head, on the test split."""

    metric: float
    loss: float


@dataclass(frozen=True, eq=False)
class Heads:
    """All heads of a net, in forward order."""

    heads: tuple[Head, ...]
    moments: tuple[str, ...]
    """Names of the moments: of the tokens, or their numbers from 1."""
    baseline: Baseline

    def to_frame(self) -> pd.DataFrame:
        """Returns one row per head."""
        return pd.DataFrame([_line(head, self.moments) for head in self.heads]).set_index("head")

    def to_json(self) -> dict[str, Any]:
        """Returns what the command prints, less what it knows of the checkpoint."""
        return {
            "moments": list(self.moments),
            "baseline": self.baseline._asdict(),
            "heads": [_head_json(head, self.moments) for head in self.heads],
        }

    def __rich__(self) -> RenderableType:
        """Draws where all heads look, their attention if moments are few, and what each is worth."""
        metric, loss = self.baseline
        head = f"attention heads; with all of them metric {metric:.4f}, loss {loss:.3g} on the test split"
        frame, first = self.to_frame(), "drop, zero"
        where, worth = frame.loc[:, :"variation"], frame.loc[:, first:]
        tables = [frame_table(where), frame_table(worth, title="without it, and its wiring")]
        if len(self.moments) <= _MOST_PRINTED:
            tables.insert(1, frame_table(_looks(self), title="how much each looks at which moment, on average"))
        return Group(Text(head), *tables)


def has_heads(net: Net) -> bool:
    """Tells whether a net has attention, and neurons in it."""
    return bool(mixtures_of(net))


def refuse_headless(net: Net) -> None:
    """Refuses a net without attention.

    Raises:
        UserError: If it has none.
    """
    if not has_heads(net):
        raise UserError(
            "the net must have attention (net.family transformer or token_transformer) for its heads to be looked at, "
            "got one without; bimt modules and bimt ablation explain it"
        )


def find_heads(sparse: SparseNet, task: Task, *, modules: Mapping[str, Iterable[Neuron]] | None = None) -> Heads:
    """Looks at every attention head of a net.

    Attention is averaged over the test split, and taking a head out is measured there (all its mixed values at once,
    by zero and by their means over the training split, as in `interp.ablation`).

    Args:
        sparse: The net.
        task: Its rows.
        modules: For each name the module's neurons, as in `Module.neurons`.

    Raises:
        UserError: If the net has no attention.

    Example:
        find_heads(chosen.sparse, chosen.checkpoint.task).to_frame()
    """
    net, task = sparse.net, task.to(sparse.net.dtype)
    refuse_headless(net)
    mixtures = mixtures_of(net)
    owner = {neuron: name for name, members in (modules or {}).items() for neuron in members}
    places = [(site, mixture, block) for site, mixture in mixtures.items() for block in range(mixture.heads)]
    whole, losses = _losses(net, task, [Cut(_neurons(net, site, block)) for site, _, block in places])
    looks = {site: look(net, task, site, mixture) for site, mixture in mixtures.items()}
    return Heads(
        heads=tuple(
            _head(sparse, site, mixture, block, seen=looks[site], losses=each, owner=owner)
            for (site, mixture, block), each in zip(places, losses, strict=True)
        ),
        moments=moment_names(net, task),
        baseline=Baseline(whole.metric.item(), whole.losses.mean().item()),
    )


def moment_names(net: Net, task: Task) -> tuple[str, ...]:
    """Names the moments of a row: as its tokens, or by their numbers from 1."""
    if len(task.tokens) == net.moments:
        return task.tokens
    return tuple(str(moment + 1) for moment in range(net.moments))


def _span(net: Net, site: str, block: int) -> slice:
    """Returns which neurons of a site belong to one of its heads."""
    population = net.wiring.population_of(site)
    size = population.size // population.blocks
    return slice(block * size, (block + 1) * size)


def _neurons(net: Net, site: str, block: int) -> tuple[Neuron, ...]:
    span = _span(net, site, block)
    return tuple(Neuron(site, index) for index in range(span.start, span.stop))


def _losses(net: Net, task: Task, cuts: Sequence[Cut]) -> tuple[Effects, list[tuple[Loss, Loss]]]:
    """Measures the net as it is, and every cut by zero and by the mean."""
    both = []
    for method in ("zero", "mean"):
        values = replacements(net, task.train.inputs, method=method)
        whole = measure_cuts(net, task, [Cut()], values)
        effects = measure_cuts(net, task, cuts, values)
        more = effects.losses - whole.losses
        drops = whole.metric - effects.metric
        numbers = effects.metric, drops, more.mean(1), standard_error(more)
        both.append([Loss(*each) for each in torch.stack(numbers, dim=1).tolist()])
    return whole, list(zip(*both, strict=True))


def _head(
    sparse: SparseNet,
    site: str,
    mixture: Mixture,
    block: int,
    *,
    seen: Look,
    losses: tuple[Loss, Loss],
    owner: Mapping[Neuron, str],
) -> Head:
    net, span, live = sparse.net, _span(sparse.net, site, block), sparse.live()
    members = (
        Neuron(name, index)
        for name in (mixture.query, mixture.key, mixture.value, site)
        for index in range(span.start, span.stop)
        if live[name][index]
    )
    counts = Counter(owner[neuron] for neuron in members if neuron in owner)
    return Head(
        name=f"{net.wiring.population_of(site).name}.{block}",
        site=site,
        attention=seen.attention[block].numpy(),
        rate=mixture.rate,
        asking=seen.asking,
        is_causal=mixture.is_causal,
        variation=seen.variation[block].item(),
        looked=seen.looked[block].item(),
        seen=seen.seen,
        is_even=_is_even(sparse, mixture, span),
        connections=Connections(
            query=int(_into(sparse, mixture.query, span).sum()),
            key=int(_into(sparse, mixture.key, span).sum()),
            value=int(_into(sparse, mixture.value, span).sum()),
            out=_out_of(sparse, site, span),
        ),
        neurons=int(live[site][span].sum()),
        shares=tuple(Share(*pair) for pair in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))),
        zero=losses[0],
        mean=losses[1],
    )


def _is_even(sparse: SparseNet, mixture: Mixture, span: slice) -> bool:
    """Tells whether in every product of a query and a key the key is constant or the query is zero."""
    bias = sparse.net.bias(mixture.query)
    asks = _into(sparse, mixture.query, span) > 0
    if bias is not None:
        asks = asks | (bias[0, span] != 0)
    return not (asks & (_into(sparse, mixture.key, span) > 0)).any()


def _into(sparse: SparseNet, site: str, span: slice) -> Tensor:
    """Returns how many kept connections end at each of these neurons."""
    links = sparse.net.wiring.links_into(site)
    return torch.stack([link.view(sparse.kept[link.parameter])[0, span].sum(1) for link in links]).sum(0)


def _out_of(sparse: SparseNet, site: str, span: slice) -> int:
    links = [link for link in sparse.net.wiring.links if link.source == site]
    return sum(int(link.view(sparse.kept[link.parameter])[0, :, span].sum()) for link in links)


def _line(head: Head, moments: Sequence[str]) -> dict[str, Any]:
    return {
        "head": head.name,
        "looks": head.says(moments),
        "moments looked at": head.looked,
        "of": head.seen,
        "variation": head.variation,
        "drop, zero": head.zero.drop,
        "drop, mean": head.mean.drop,
        "loss increase, zero": head.zero.loss_increase,
        "± zero": head.zero.stderr,
        "loss increase, mean": head.mean.loss_increase,
        "± mean": head.mean.stderr,
        "into q": head.connections.query,
        "into k": head.connections.key,
        "into v": head.connections.value,
        "out of z": head.connections.out,
        "live neurons": head.neurons,
        "modules": ", ".join(f"{share.module} ({share.neurons})" for share in head.shares),
    }


def _looks(found: Heads) -> pd.DataFrame:
    """Returns the attention of all heads, a row for every moment whose mixed values can change an answer."""
    names = [printable(name, limit=40) for name in found.moments]
    rows = {
        f"{head.name}, at {names[moment]}": head.attention[moment] for head in found.heads for moment in head.asking
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=names)


def _head_json(head: Head, moments: Sequence[str]) -> dict[str, Any]:
    return {
        "name": head.name,
        "site": head.site,
        "says": head.says(moments),
        "attention": head.attention.tolist(),
        "weights": head.weights.tolist(),
        "rate": head.rate,
        "is_causal": head.is_causal,
        "asking": list(head.asking),
        "variation": head.variation,
        "looked": head.looked,
        "seen": head.seen,
        "is_even": head.is_even,
        "connections": head.connections._asdict(),
        "live": head.neurons,
        "modules": [share._asdict() for share in head.shares],
        "zero": head.zero._asdict(),
        "mean": head.mean._asdict(),
    }


if __name__ == "__main__":
    from bimt.cli import run
    from interp.commands import heads as command

    raise SystemExit(run(command))
