"""Pruning: the largest single cut on |w| that the training split does not notice, and what it cost.

Run as `python -m interp.prune CKPT`.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from bimt.nets.base import Net
from bimt.tasks.base import Task
from bimt.wiring import Bias
from interp.candidates import cuttable, explained_by
from interp.compact import filled_blocks
from interp.sparse import (
    SparseNet,
    constants,
    keep_between_,
    masked,
    on_path,
    reached,
    test_scores,
    train_explained,
    whole,
)

_TOGETHER = 64
"""How many candidate nets run as one batch."""
_ALL = 4_096
"""Up to this many weights every cut is tried; beyond, a geometric choice of cuts and all cuts around its best."""


def prune(net: Net, task: Task, *, tolerance: float = 1e-3, label: int = 0) -> SparseNet:
    """Cuts every connection below one threshold, the largest that keeps the training split explained.

    A cut is allowed while the explained share of the training split (R^2, or 1 - loss / loss of the class
    frequencies) falls by less than the tolerance. Then neurons off every input-output path go, and neurons that
    depend on no input are folded into the biases behind them. Biases and look-ups (tokens) are never cut. What it
    costs on the test split is in the result. The smallest net of this family, not the sparsest net there is.

    Args:
        net: One seed, any float type.
        task: Data in the units that the net sees.
        tolerance: How much of the explained share may be lost, > 0.
        label: The seed's label, for the record.

    Raises:
        ValueError: If the net has several seeds, weights that are no numbers, or the tolerance is not positive.
    """
    if net.seeds != 1:
        raise ValueError(f"`net` must hold one seed, got {net.seeds}: take one with net.seed(row)")
    if not tolerance > 0:
        raise ValueError(f"`tolerance` must be above 0, got {tolerance}")
    if not all(tensor.isfinite().all() for tensor in net.parameters.values()):
        raise ValueError("`net` must have finite weights, got NaN or infinity: its training stopped")
    dense = whole(net, task, label=label)
    sizes = _sorted_sizes(dense.net)
    floor = dense.explained - tolerance
    count = _fewest(lambda counts: explained_by(dense.net, task, _cut_values(sizes, counts)) > floor, len(sizes))
    cut = float(_cut_values(sizes, [count])[0])
    weights = cuttable(dense.net)
    kept = {
        name: dense.net.parameters[name].abs() >= cut if name in weights else everything
        for name, everything in dense.kept.items()
    }
    folded, kept = _fold_constants(masked(dense.net, kept), kept)
    metric, loss = test_scores(folded, task)
    return replace(
        dense,
        net=folded,
        kept=kept,
        metric=metric,
        loss=loss,
        explained=train_explained(folded, task),
        threshold=cut,
        tolerance=tolerance,
    )


def shrink(sparse: SparseNet) -> Net:
    """Returns a physically smaller net with the same outputs: only neurons on a path from an input to an output.

    Inputs and outputs stay complete, so that the smaller net takes the same data. Every neuron keeps its position.
    """
    wiring = sparse.net.wiring
    live = sparse.live()
    neurons = {}
    for population in wiring.populations:
        sites = [site for site in wiring.sites if site.population == population.name]
        if all(site.role == "hidden" for site in sites):
            alive = torch.stack([live[site.name] for site in sites]).any(0)
            neurons[population.name] = filled_blocks(alive, population.blocks)
    return sparse.net.take(neurons)


def _sorted_sizes(net: Net) -> Float[Tensor, " weights"]:
    """Returns |w| of every connection, largest first; tied ones once."""
    sizes = [net.weight(link).abs().flatten() for link in net.wiring.distinct_links(look_ups=False)]
    return torch.cat(sizes).sort(descending=True).values


def _cut_values(sizes: Float[Tensor, " weights"], counts: Sequence[int]) -> Float[Tensor, " counts"]:
    """Returns the thresholds that keep so many connections (more, where sizes are equal)."""
    above = torch.cat([torch.full((1,), torch.inf, dtype=sizes.dtype), sizes])
    return above[torch.tensor(list(counts), dtype=torch.long)]


def _fewest(passes: Callable[[Sequence[int]], Tensor], most: int) -> int:
    """Returns the fewest connections that pass, trying from none upwards; all of them pass."""
    counts = list(range(most + 1))
    if most > _ALL:
        counts = sorted({0, most, *(round(most ** (part / 512)) for part in range(513))})
    best = _first(passes, counts)
    below = max((count for count in counts if count < best), default=best - 1)
    return best if best - below <= 1 else _first(passes, range(below + 1, best + 1))


def _first(passes: Callable[[Sequence[int]], Tensor], counts: Sequence[int]) -> int:
    for start in range(0, len(counts), _TOGETHER):
        chunk = counts[start : start + _TOGETHER]
        good = passes(chunk).nonzero()
        if len(good):
            return chunk[int(good[0])]
    return counts[-1]


def _fold_constants(net: Net, kept: dict[str, Tensor]) -> tuple[Net, dict[str, Tensor]]:
    """Moves what constant neurons contribute into biases and drops every connection off the input-output paths."""
    values, depends = constants(net, kept), reached(net.wiring, kept)
    net = _with_biases(
        net, [link.target for link in net.wiring.links if (net.weight(link) @ values[link.source]).any()]
    )
    wiring = net.wiring
    parameters = {name: tensor.clone() for name, tensor in net.parameters.items()}
    kept = {name: mask.clone() for name, mask in kept.items()}
    keep_between_(kept, wiring, {name: (torch.ones_like(mask), mask) for name, mask in depends.items()})
    for link in wiring.links:
        bias, cut = wiring.bias_of(link.target), ~link.view(kept[link.parameter])
        if bias is not None:
            bias.view(parameters[bias.parameter])[:] += (net.weight(link) * cut) @ values[link.source]
    keep_between_(kept, wiring, {name: (mask, mask) for name, mask in on_path(wiring, kept).items()})
    return masked(net.replaced(parameters=parameters), kept), kept


def _with_biases(net: Net, sites: Sequence[str]) -> Net:
    """Gives a bias of zero to those of the sites that have none, so that constants can be folded into it."""
    added = [site for site in dict.fromkeys(sites) if net.wiring.bias_of(site) is None]
    if not added:
        return net
    sizes = {site: net.wiring.population_of(site).size for site in added}
    zeros = {f"bias.{site}": torch.zeros(1, size, dtype=net.dtype) for site, size in sizes.items()}
    biases = *net.wiring.biases, *(Bias(site, f"bias.{site}") for site in added)
    return net.rewired(replace(net.wiring, biases=biases), {**net.parameters, **zeros}, net.places)


if __name__ == "__main__":
    from bimt.cli import run
    from interp.commands import prune as command

    raise SystemExit(run(command))
