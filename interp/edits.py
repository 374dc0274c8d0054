"""Edited copies of one net, side by side: each replaces some neurons or connections, and recomputes what is behind."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from bimt.nets.base import MomentEdit, Net
from bimt.wiring import Link, Wiring
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

    What no cut of a batch reaches is worked out once, in the net as it is: copies start at what their cuts reach. That
    is what they would be from the inputs on, up to the last bit, which torch may round by where in a batch it stands.

    Args:
        net: One seed.
        inputs: Rows to run, in the units that the net sees.
        cuts: What each copy replaces; side by side run those that come one after the other and reach the same sites.
        values: As `replacements` returns them.

    Yields:
        The outputs of some of the copies. Copies are in the order of the cuts, for each cut in the order of the draws.
    """
    if not cuts:
        return
    with torch.no_grad():
        found = net.reusable(inputs[None])
    draws = next(iter(values.values())).shape[0]
    weights = sum(tensor.numel() for tensor in net.parameters.values())
    for reached, group in itertools.groupby(cuts, key=lambda cut: reached_by(net.wiring, cut)):
        alike = list(group)
        known = {site: value for site, value in found.items() if site not in reached}
        touched = {site for cut in alike for site, _ in cut.neurons}
        activations = numbers_per_row(net, without=known.keys() - touched) * len(inputs)
        together = max(1, _TOGETHER // (activations + weights))
        for copies in torch.arange(len(alike) * draws).split(together):
            which, draw = copies // draws, copies % draws
            first, last = int(which[0]), int(which[-1])
            drawn = {site: value[draw] for site, value in values.items()}
            yield _run_copies(net, inputs, alike[first : last + 1], which - first, values=drawn, known=known)


def reached_by(wiring: Wiring, cut: Cut) -> frozenset[str]:
    """Returns the sites at which a cut changes what comes in: they read what it replaces, directly or over others.

    Of a tensor that several links share, all of them count.
    """
    changed = {connection.link.parameter for connection in cut.connections}
    ends = {link.target for link in wiring.links if link.parameter in changed}
    return wiring.behind({*ends, *(site for site, _ in cut.neurons)}) | ends


def _draw(rows: int, donors: int, generator: torch.Generator | None) -> Int[Tensor, " donors"]:
    if donors < 1:
        raise ValueError(f"`donors` must be at least 1, got {donors}")
    if generator is None:
        raise ValueError("`generator` must be a torch.Generator for method 'resample', got None: it draws the donors")
    return torch.randperm(rows, generator=generator)[:donors]


def _run_copies(
    net: Net,
    inputs: Tensor,
    cuts: Sequence[Cut],
    which: Int[Tensor, " copies"],
    *,
    values: Mapping[str, Tensor],
    known: Mapping[str, Tensor],
) -> Tensor:
    """Runs one batch: copy k replaces `cuts[which[k]]` by row k of `values`."""
    parameters = {name: tensor.expand(len(which), *tensor.shape[1:]) for name, tensor in net.parameters.items()}
    edits: dict[str, MomentEdit] = {}
    for site, mask in _neuron_masks(net, cuts).items():
        edits[site] = _Replace(mask[which], values[site])
    for name, gone in _weight_masks(net, cuts).items():
        weight, mask = net.parameters[name], gone[which]
        parameters[name] = torch.where(mask, 0.0, weight)
        removed = torch.where(mask, weight, 0.0)
        for link in (link for link in net.wiring.links if link.parameter == name):
            constant = values[link.source] @ link.view(removed).mT
            if constant.any():  # by zero the copy is, bit for bit, the net whose weight was edited by hand
                edits[link.name] = _Add(constant)
    places = {name: place.expand(len(which), -1) for name, place in net.places.items()}
    with torch.no_grad():
        return net.replaced(parameters=parameters, places=places).run(inputs[None], edits, known=known)


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


@dataclass(frozen=True, eq=False)
class _Replace(MomentEdit):
    """Gives some neurons other values, each at each moment of a row its own."""

    mask: Bool[Tensor, "copies size"]
    value: Float[Tensor, "copies moments size"]

    def __call__(self, value: Tensor, source: Tensor | None = None) -> Tensor:  # noqa: ARG002
        rows = value.unflatten(1, (-1, self.value.shape[1]))
        return torch.where(self.mask[:, None, None], self.value[:, None], rows).flatten(1, 2)

    def at(self, moments: Sequence[int]) -> "_Replace":
        return replace(self, value=self.value[:, list(moments)])


@dataclass(frozen=True, eq=False)
class _Add(MomentEdit):
    """Adds to what flows along a link, at each moment of a row its own."""

    constant: Float[Tensor, "copies moments size"]

    def __call__(self, value: Tensor, source: Tensor | None = None) -> Tensor:  # noqa: ARG002
        rows = value.unflatten(1, (-1, self.constant.shape[1]))
        return (rows + self.constant[:, None]).flatten(1, 2)

    def at(self, moments: Sequence[int]) -> "_Add":
        return replace(self, constant=self.constant[:, list(moments)])
