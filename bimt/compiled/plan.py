"""What a compiled step has to do for one wiring: sites in forward order, where their weights lie, how they flow.

Whatever is made of weighted sums and activations has a plan. What a look-up brings is multiplied with the weights
behind it once per token, not once per datum: such a site is never worked out, its tables are.
"""

from dataclasses import dataclass
from typing import Literal

import torch

from bimt.nets.base import Net
from bimt.tasks.base import Task
from bimt.wiring import Bias, Link, Site

Loss = Literal["squared_error", "squared_error_of_classes", "cross_entropy"]
ACTIVATIONS = frozenset({"silu", "relu", "tanh", "selu", "gelu", "gelu_tanh"})
MOST_WEIGHTS = 200_000
"""Larger nets are left to the matrix products of a library, which mind the cache."""
_LANES = {torch.float32: 8, torch.float64: 4}
_WHOLE = 16
"""A batch of at most so many vectors is one tile; larger ones are cut into tiles of `_PART`, which fit the cache."""
_PART = 12


class NotCompilable(Exception):  # noqa: N818 - it is no error
    """This net has no native step; says why."""


@dataclass(frozen=True)
class Place:
    """Where the numbers of a link or bias lie among a seed's parameters."""

    first: int
    target: int
    """From one target neuron to the next."""
    source: int = 0


@dataclass(frozen=True)
class Words:
    """The embedding of one vocabulary."""

    place: Place
    """Targets are the embedding's dimensions, sources the tokens."""
    size: int
    tokens: int
    padded: int
    """Tokens, rounded up to whole vectors."""


@dataclass(frozen=True)
class Flow:
    """What one link brings to a site."""

    place: Place
    source: int
    """Number of the site it comes from."""
    width: int
    """How many neurons that has."""
    words: int | None = None
    """Which vocabulary it looks up; None where the source's values are worked out."""
    position: int = 0
    """At which token of a row."""
    table: int = 0
    """Its number among all tables."""


@dataclass(frozen=True)
class Sums:
    """A site whose values are worked out."""

    number: int
    size: int
    function: str | None
    """The activation; None for sums as they are."""
    bias: Place | None
    flows: tuple[Flow, ...]


@dataclass(frozen=True)
class Numbers:
    """A site that the data enters as numbers."""

    number: int
    size: int
    column: int
    """The first of its columns."""


@dataclass(frozen=True)
class Plan:
    """A step of one net on batches of one size."""

    is_double: bool
    lanes: int
    tile: int
    """Data that are worked on together."""
    batch: int
    parts: int
    """How many parts of a batch are worked on apart: their sums do not depend on who does the work."""
    width: int
    """Numbers or tokens in a row."""
    loss: Loss
    stored: tuple[int, ...]
    """How many numbers each stored tensor has."""
    words: tuple[Words, ...]
    inputs: tuple[Numbers, ...]
    sites: tuple[Sums, ...]
    """In forward order; the last one answers."""

    @property
    def weights(self) -> int:
        """How many numbers a seed has."""
        return sum(self.stored)

    @property
    def tables(self) -> tuple[tuple[Flow, Sums, Words], ...]:
        """Every flow that is looked up, the site it leads to and its vocabulary."""
        return tuple(
            (flow, site, self.words[flow.words]) for site in self.sites for flow in site.flows if flow.words is not None
        )

    @property
    def tiles(self) -> int:
        """How many tiles a batch takes; the last may be short."""
        return -(-self.batch // self.tile)


def plan_step(net: Net, task: Task, batch: int) -> Plan:
    """Plans a step.

    Args:
        net: Its wiring and type are read, not its weights.
        task: Its kind of loss, and the shape of its rows.
        batch: Rows in a batch.

    Raises:
        NotCompilable: If the net is made of something else too; says of what.
    """
    _check(net, task)
    wiring, lanes = net.wiring, _LANES[net.dtype]
    number = {site.name: rank for rank, site in enumerate(wiring.sites)}
    size = {site.name: wiring.population_of(site.name).size for site in wiring.sites}
    tokens = {site.name: rank for rank, site in enumerate(wiring.inputs) if _is_token(net, site)}
    look_ups = {site.name: wiring.links_into(site.name)[0] for site in wiring.sites if _is_looked_up(net, site)}
    vocabularies = list({link.stored: link for link in look_ups.values()}.values())
    numbered = {link.stored: rank for rank, link in enumerate(vocabularies)}
    sites, tables = [], 0
    for site in wiring.sites:
        if site.role == "input" or site.name in look_ups:
            continue
        flows = []
        for link in wiring.links_into(site.name):
            looked = look_ups.get(link.source)
            ends = _place(net, link), number[link.source], size[link.source]
            if looked is None:
                flows.append(Flow(*ends))
            else:
                flows.append(Flow(*ends, numbered[looked.stored], tokens[looked.source], tables))
                tables += 1
        bias = wiring.bias_of(site.name)
        place = None if bias is None else _place(net, bias)
        sites.append(Sums(number[site.name], size[site.name], _function(net, site), place, tuple(flows)))
    inputs, column = [], 0
    for site in wiring.inputs:
        if site.name not in tokens:
            inputs.append(Numbers(number[site.name], size[site.name], column))
            column += size[site.name]
    vectors = -(-batch // lanes)
    tile = lanes * (vectors if vectors <= _WHOLE else _PART)
    tiles = -(-batch // tile)
    return Plan(
        is_double=net.dtype == torch.float64,
        lanes=lanes,
        tile=tile,
        batch=batch,
        parts=4 if tiles >= 16 else 2 if tiles >= 8 else 1,
        width=column or len(tokens),
        loss=_loss(task),
        stored=tuple(tensor[0].numel() for tensor in net.parameters.values()),
        words=tuple(_words(net, link, lanes) for link in vocabularies),
        inputs=tuple(inputs),
        sites=tuple(sites),
    )


def _check(net: Net, task: Task) -> None:
    wiring = net.wiring
    for edge in wiring.fixed:
        raise NotCompilable(f"{edge.source} and {edge.target} are joined by a {edge.kind}")
    if any(link.recurrent for link in wiring.links):
        raise NotCompilable("a population feeds itself")
    if net.moments != 1 or task.reads:
        raise NotCompilable("rows are sequences")
    if [site.role for site in wiring.sites].count("output") != 1 or wiring.sites[-1].role != "output":
        raise NotCompilable("the answers are not one site behind all others")
    if _function(net, wiring.sites[-1]) is not None:
        raise NotCompilable("the answers are not weighted sums")
    weights = sum(tensor[0].numel() for tensor in net.parameters.values())
    if weights > MOST_WEIGHTS:
        raise NotCompilable(f"{weights:,} weights are more than {MOST_WEIGHTS:,}: matrix products do better")
    for site in wiring.sites:
        if any(map(wiring.is_look_up, wiring.links_into(site.name))) and not _is_looked_up(net, site):
            raise NotCompilable(f"{site.name} mixes a look-up with other sums")


def _function(net: Net, site: Site) -> str | None:
    try:
        name = net.nonlinearity(site.name)
    except NotImplementedError as error:
        raise NotCompilable(str(error)) from error
    if name is not None and name not in ACTIVATIONS:
        raise NotCompilable(f"{site.name} applies {name}")
    return name


def _is_token(net: Net, site: Site) -> bool:
    return net.wiring.population_of(site.name).slots is None


def _is_looked_up(net: Net, site: Site) -> bool:
    """Whether a site holds what one look-up brings, and nothing else."""
    links = net.wiring.links_into(site.name)
    is_plain = site.role == "hidden" and len(links) == 1 and net.wiring.bias_of(site.name) is None
    return is_plain and net.wiring.is_look_up(links[0]) and _function(net, site) is None


def _place(net: Net, part: Link | Bias) -> Place:
    """Looks at the addresses through the part's own view: whatever the layout, they are evenly spaced."""
    names = list(net.parameters)
    start = sum(net.parameters[name][0].numel() for name in names[: names.index(part.parameter)])
    shape = net.parameters[part.parameter].shape[1:]
    seen = part.view(torch.arange(shape.numel()).view(1, *shape))[0]
    steps = [stride if size > 1 else 0 for size, stride in zip(seen.shape, seen.stride(), strict=True)]
    return Place(start + (int(seen.flatten()[0]) if seen.numel() else 0), *steps)


def _words(net: Net, link: Link, lanes: int) -> Words:
    size, tokens = (net.wiring.population_of(site).size for site in (link.target, link.source))
    return Words(_place(net, link), size, tokens, -(-tokens // lanes) * lanes)


def _loss(task: Task) -> Loss:
    if task.kind == "regression":
        return "squared_error"
    return "squared_error_of_classes" if task.squared else "cross_entropy"
