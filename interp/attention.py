"""Attention over the test split: how much every moment looks at every moment, head by head, and how that varies."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from bimt.nets.attention import looked_at, split_heads
from bimt.nets.base import Net
from bimt.nets.reading import Mixture
from bimt.tasks.base import Task
from interp.rows import in_pieces

_NONE = 1e-9
"""A change of an answer, as a share of the largest, that is no change."""


class Look(NamedTuple):
    """Where the heads of one site look."""

    attention: Float[Tensor, "heads moments moments"]
    """How much each moment (row) looks at each (column), averaged over rows of data; every row sums to 1."""
    asking: tuple[int, ...]
    """The moments, from 0, whose mixed values can change an answer; all of them where none can."""
    variation: Float[Tensor, " heads"]
    """Total variation of a row's attention from the mean, 1/2 sum |attention - mean|, averaged over rows and over the
    moments that ask and see more than one; 0 where there are none."""
    looked: Float[Tensor, " heads"]
    """e to the entropy of a moment's attention, averaged likewise: at how many moments it looks."""
    seen: float
    """How many it could look at, averaged likewise."""


def mixtures_of(net: Net) -> dict[str, Mixture]:
    """Returns the sites that mix moments and have neurons."""
    found = {site.name: net.mixture(site.name) for site in net.wiring.sites if net.wiring.population_of(site.name).size}
    return {site: mixture for site, mixture in found.items() if mixture is not None}


def look(net: Net, task: Task, site: str, mixture: Mixture) -> Look:
    """Averages attention over the test rows, in two passes: the mean, then how far rows are from it."""
    inputs = task.test.inputs
    mean = torch.stack([part.sum(0) for part in _attention(net, inputs, mixture)]).sum(0) / len(inputs)
    asking = _asking(net, inputs, site)
    seen = torch.arange(1, net.moments + 1) if mixture.is_causal else torch.full((net.moments,), net.moments)
    choosing = [moment for moment in asking if seen[moment] > 1]
    variation, looked = torch.zeros(mixture.heads), torch.ones(mixture.heads)
    if not choosing:
        return Look(mean, asking, variation, looked, 1.0)
    far = [
        (
            (part - mean)[:, :, choosing].abs().sum(-1).mean(2).sum(0) / 2,
            torch.special.entr(part[:, :, choosing]).sum(-1).exp().mean(2).sum(0),
        )
        for part in _attention(net, inputs, mixture)
    ]
    variation, looked = (sum(parts) / len(inputs) for parts in zip(*far, strict=True))
    return Look(mean, asking, variation, looked, seen[choosing].to(mean.dtype).mean().item())


def _attention(net: Net, inputs: Tensor, mixture: Mixture) -> Iterator[Float[Tensor, "rows heads moments moments"]]:
    """Yields the attention of every head, some rows at a time."""
    for piece in in_pieces(net, inputs):
        with torch.no_grad():
            values = net.activations(piece[None])
        q, k = (
            split_heads(values[site], moments=net.moments, heads=mixture.heads) for site in (mixture.query, mixture.key)
        )
        yield looked_at(q, k, scale=mixture.scale, is_causal=mixture.is_causal, asking=range(net.moments))


def _asking(net: Net, inputs: Tensor, site: str) -> tuple[int, ...]:
    """Returns the moments at which a change of a site's value changes an answer to some row, to first order."""
    size = torch.zeros(net.moments, dtype=net.dtype)
    for piece in in_pieces(net, inputs):
        nudge = torch.zeros(1, len(piece) * net.moments, net.wiring.population_of(site).size, dtype=net.dtype)
        nudge.requires_grad_()
        answers = net.run(piece[None], {site: lambda value, nudge=nudge: value + nudge})
        # unequal weights: what raises one answer as much as it lowers another matters too
        weights = torch.arange(1, answers.shape[-1] + 1, dtype=net.dtype).sqrt()
        (slopes,) = torch.autograd.grad((answers * weights).sum(), nudge)
        size = torch.maximum(size, slopes.abs().view(len(piece), net.moments, -1).amax((0, 2)))
    found = (size > _NONE * size.max()).nonzero()[:, 0].tolist()
    return tuple(found or range(net.moments))
