"""Edited copies of one net, side by side: each replaces some neurons or connections, and recomputes the rest."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from bimt.nets.base import Net
from bimt.wiring import Link
from interp.rows import numbers_per_row
from interp.sparse import Neuron

Method = Literal["zero", "mean", "resample"]
Replacements = Mapping[str, Float[Tensor, "draws moments size"]]
"""For each site what its neurons' values are replaced by: one row for each draw of a value, all neurons together, at
each of the moments of a row (one, where the net looks at a row once)."""

_TOGETHER = 2**19
"""How many numbers (activations and weights) all copies of one batch may hold."""


class Connection(NamedTuple):
    """One stored weight, and with it every connection tied to it."""

    link: Link
    target: int
    source: int


class Cut(NamedTuple):
    """What is replaced in one copy of the net, all of it at once."""

    neurons: tuple[Neuron, ...] = ()
    """Each at one site; a shared population is replaced at another site only if that is named too."""
    connections: tuple[Connection, ...] = ()


def replacements(
    net: Net,
    inputs: Shaped[Tensor, "rows inputs"],
    *,
    method: Method,
    donors: int = 100,
    generator: torch.Generator | None = None,
) -> Replacements:
    """Returns what the neurons' values are replaced by.

    Args:
        net: One seed.
        inputs: The training split, in the units that the net sees.
        method: "zero": 0. "mean": the mean over the rows. "resample": the values at random rows.
        donors: Resample only: how many rows are drawn, without replacement; all of them where there are not so many.
        generator: Resample only: what draws the rows.

    Raises:
        ValueError: If there are no donors, or resample has no generator.
    """
    with torch.no_grad():
        values = {
            site: value[0].unflatten(0, (len(inputs), -1)) for site, value in net.activations(inputs[None]).items()
        }
    if method == "zero":
        return {site: torch.zeros_like(value[:1]) for site, value in values.items()}
    if method == "mean":
        return {site: value.mean(0, keepdim=True) for site, value in values.items()}
    rows = _draw(len(inputs), donors, generator)
    return {site: value[rows] for site, value in values.items()}


def run_cuts(
    net: Net, inputs: Shaped[Tensor, "rows inputs"], cuts: Sequence[Cut], values: Replacements
) -> Iterator[Float[Tensor, "copies rows outputs"]]:
    """Runs one copy of the net for every cut and every draw, as batches along the seeds axis that bound the memory.

    Args:
        net: One seed.
        inputs: Rows to run, in the units that the net sees.
        cuts: What each copy replaces.
        values: As `replacements` returns them.

    Yields:
        The outputs of some of the copies. Copies are in the order of the cuts, for each cut in the order of the draws.
    """
    draws = next(iter(values.values())).shape[0]
    activations = numbers_per_row(net) * len(inputs)
    weights = sum(tensor.numel() for tensor in net.parameters.values())
    together = max(1, _TOGETHER // (activations + weights))
    for copies in torch.arange(len(cuts) * draws).split(together) if cuts else ():
        which, draw = copies // draws, copies % draws
        first, last = int(which[0]), int(which[-1])
        drawn = {site: value[draw] for site, value in values.items()}
        yield _run_copies(net, inputs, cuts[first : last + 1], which - first, drawn)


def _draw(rows: int, donors: int, generator: torch.Generator | None) -> Int[Tensor, " donors"]:
    if donors < 1:
        raise ValueError(f"`donors` must be at least 1, got {donors}")
    if generator is None:
        raise ValueError("`generator` must be a torch.Generator for method 'resample', got None: it draws the donors")
    return torch.randperm(rows, generator=generator)[:donors]


def _run_copies(
    net: Net, inputs: Tensor, cuts: Sequence[Cut], which: Int[Tensor, " copies"], values: Mapping[str, Tensor]
) -> Tensor:
    """Runs one batch: copy k replaces `cuts[which[k]]` by row k of `values`."""
    parameters = {name: tensor.expand(len(which), *tensor.shape[1:]) for name, tensor in net.parameters.items()}
    edits: dict[str, Callable[..., Tensor]] = {}
    for site, mask in _neuron_masks(net, cuts).items():
        edits[site] = partial(_replace, mask=mask[which][:, None], value=values[site].repeat(1, len(inputs), 1))
    for name, gone in _weight_masks(net, cuts).items():
        weight, mask = net.parameters[name], gone[which]
        parameters[name] = torch.where(mask, 0.0, weight)
        removed = torch.where(mask, weight, 0.0)
        for link in (link for link in net.wiring.links if link.parameter == name):
            constant = values[link.source] @ link.view(removed).mT
            if constant.any():  # by zero the copy is, bit for bit, the net whose weight was edited by hand
                edits[link.name] = partial(_add, constant=constant.repeat(1, len(inputs), 1))
    places = {name: place.expand(len(which), -1) for name, place in net.places.items()}
    with torch.no_grad():
        return net.replaced(parameters=parameters, places=places).run(inputs[None], edits)


def _neuron_masks(net: Net, cuts: Sequence[Cut]) -> dict[str, Bool[Tensor, "cuts size"]]:
    """Marks at every site that is touched which neurons each cut replaces."""
    masks: dict[str, Tensor] = {}
    for row, cut in enumerate(cuts):
        for site, index in cut.neurons:
            if site not in masks:
                masks[site] = torch.zeros(len(cuts), net.wiring.population_of(site).size, dtype=torch.bool)
            masks[site][row, index] = True
    return masks


def _weight_masks(net: Net, cuts: Sequence[Cut]) -> dict[str, Bool[Tensor, "cuts ..."]]:
    """Marks in every stored tensor that is touched which weights each cut removes."""
    masks: dict[str, Tensor] = {}
    for row, cut in enumerate(cuts):
        for link, target, source in cut.connections:
            if link.parameter not in masks:
                shape = net.parameters[link.parameter].shape[1:]
                masks[link.parameter] = torch.zeros(len(cuts), *shape, dtype=torch.bool)
            link.view(masks[link.parameter])[row, target, source] = True
    return masks


def _replace(found: Tensor, *, mask: Tensor, value: Tensor) -> Tensor:
    return torch.where(mask, value, found)


def _add(contribution: Tensor, _source: Tensor, *, constant: Tensor) -> Tensor:
    return contribution + constant
