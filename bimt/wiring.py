"""What a net is made of: populations of neurons in space, sites of the forward pass, links between them.

Everything downstream (cost, swaps, pruning, graphs, ablation) is one loop over a `Wiring` and never asks what class
a net is.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import torch
from einops import rearrange
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from bimt.geometry import distances

Role = Literal["input", "hidden", "output"]


@dataclass(frozen=True, eq=False)
class Population:
    """A set of neurons that share a geometry and may trade places."""

    name: str
    size: int
    slots: Float[Tensor, "size dims"] | None
    """Where its neurons may sit, in the unit cube; None where distance means nothing (tokens)."""
    blocks: int = 1
    """Neurons trade places inside a block, whole blocks trade too (attention heads)."""
    movable: bool = True
    """False pins every neuron to its slot (the pixels of an image)."""


@dataclass(frozen=True)
class Site:
    """One activation in the forward pass: a population at one moment."""

    name: str
    population: str
    role: Role = "hidden"


@dataclass(frozen=True)
class Link:
    """The weights from every neuron of one site to every neuron of another."""

    target: str
    source: str
    parameter: str
    """Name of the stored tensor, (seeds, ...)."""
    layout: str = "target source"
    """How the tensor is stored behind its seeds axis, as an einops pattern over `target` and `source`."""
    rows: tuple[int, int] | None = None
    """First and one past the last target row where the tensor holds several links (fused q, k, v)."""
    cols: tuple[int, int] | None = None
    """The same for source columns (the operands of modular addition)."""
    recurrent: bool = False
    """True declares that source and target share a population."""
    kind: ClassVar[str] = "connection"

    @property
    def name(self) -> str:
        """The link as text: `h1<-in`."""
        return f"{self.target}<-{self.source}"

    @property
    def stored(self) -> tuple[str, tuple[int, int] | None, tuple[int, int] | None]:
        """Which stored numbers it reads: links with equal keys are tied."""
        return self.parameter, self.rows, self.cols

    def view(self, tensor: Tensor) -> Shaped[Tensor, "seeds target source"]:
        """Looks at the link's part of a tensor shaped like its parameter, as (seeds, target, source).

        Args:
            tensor: The parameter or anything of its shape (a mask, prices), (seeds, ...).

        Returns:
            A view: writing into it writes into `tensor`.
        """
        if self.layout != "target source":
            tensor = rearrange(tensor, f"seeds {self.layout} -> seeds target source")
        if self.rows is not None:
            tensor = tensor[:, self.rows[0] : self.rows[1]]
        if self.cols is not None:
            tensor = tensor[:, :, self.cols[0] : self.cols[1]]
        return tensor


@dataclass(frozen=True)
class Bias:
    """Weights from the constant one to every neuron of a site."""

    site: str
    parameter: str
    """Name of the stored tensor, (seeds, size)."""
    rows: tuple[int, int] | None = None
    """First and one past the last number where the tensor holds the biases of several sites (fused q, k, v)."""

    def view(self, tensor: Tensor) -> Shaped[Tensor, "seeds size"]:
        """Looks at the site's part of a tensor shaped like its parameter; writing into the view writes into it."""
        return tensor if self.rows is None else tensor[:, self.rows[0] : self.rows[1]]


@dataclass(frozen=True)
class Skip:
    """A fixed one-to-one connection between two sites of equal size (residual; v to z in attention)."""

    target: str
    source: str
    kind: ClassVar[str] = "skip"
    is_mixture: ClassVar[bool] = False
    """It brings a value itself, whatever else does (see `Gate`)."""

    @property
    def name(self) -> str:
        """The skip as text, as a link's name."""
        return f"{self.target}<-{self.source}"

    def joins(self, population: Population) -> Bool[Tensor, "size size"]:
        """Tells which neurons of the source act on which of the target, given the target's population."""
        return torch.eye(population.size, dtype=torch.bool)


@dataclass(frozen=True)
class Gate:
    """A multiplicative influence without a weight (q and k on the z of their head): a path, but no weighted edge."""

    target: str
    source: str
    is_mixture: bool = False
    """True where it only weighs what skips bring, with weights that sum to one (attention): a neuron whose skip brings
    a constant is that constant, whatever the gate does."""
    kind: ClassVar[str] = "gate"

    @property
    def name(self) -> str:
        """The gate as text, as a link's name."""
        return f"{self.target}<-{self.source}"

    def joins(self, population: Population) -> Bool[Tensor, "size size"]:
        """Tells the same as for a skip: here every neuron of a block acts on the whole block."""
        block = torch.arange(population.size) // (population.size // population.blocks)
        return block[:, None] == block


@dataclass(frozen=True)
class Wiring:
    """The populations, sites, links, biases, skips and gates of a net, sites in forward order."""

    populations: tuple[Population, ...]
    sites: tuple[Site, ...]
    links: tuple[Link, ...]
    biases: tuple[Bias, ...] = ()
    skips: tuple[Skip, ...] = ()
    gates: tuple[Gate, ...] = ()
    _populations: dict[str, Population] = field(init=False, repr=False, compare=False)
    _sites: dict[str, Site] = field(init=False, repr=False, compare=False)
    _into: dict[str, tuple[Link, ...]] = field(init=False, repr=False, compare=False)
    _biases: dict[str, Bias] = field(init=False, repr=False, compare=False)
    _lengths: dict[tuple[str, str], Tensor] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Builds the look-ups and refuses a wiring that contradicts itself."""
        object.__setattr__(self, "_populations", {population.name: population for population in self.populations})
        object.__setattr__(self, "_sites", {site.name: site for site in self.sites})
        _check_names(self)
        _check_ends(self)
        _check_sizes(self)
        into = {name: tuple(link for link in self.links if link.target == name) for name in self._sites}
        object.__setattr__(self, "_into", into)
        object.__setattr__(self, "_biases", {bias.site: bias for bias in self.biases})
        object.__setattr__(self, "_lengths", {})
        _check_reach(self)

    @property
    def fixed(self) -> tuple[Skip | Gate, ...]:
        """What leads from one site to another without a weight."""
        return *self.skips, *self.gates

    @property
    def edges(self) -> tuple[Link | Skip | Gate, ...]:
        """Everything that leads from one site to another."""
        return *self.links, *self.fixed

    def joins(self, edge: Skip | Gate) -> Bool[Tensor, "size size"]:
        """Tells which neurons of the source of a skip or gate act on which of its target: rows are targets."""
        return edge.joins(self.population_of(edge.target))

    @property
    def inputs(self) -> tuple[Site, ...]:
        """The sites that the data enters."""
        return tuple(site for site in self.sites if site.role == "input")

    @property
    def outputs(self) -> tuple[Site, ...]:
        """The sites that the loss reads."""
        return tuple(site for site in self.sites if site.role == "output")

    def population(self, name: str) -> Population:
        """Returns the population of that name."""
        return self._populations[name]

    def site(self, name: str) -> Site:
        """Returns the site of that name."""
        return self._sites[name]

    def population_of(self, site: str) -> Population:
        """Returns the population that is active at a site."""
        return self._populations[self._sites[site].population]

    def slots_of(self, population: str) -> Float[Tensor, "size dims"]:
        """Returns the slots of a population.

        Raises:
            ValueError: If it has none.
        """
        slots = self._populations[population].slots
        if slots is None:
            raise ValueError(f"population {population!r} has no slots, so its neurons have no position")
        return slots

    def lengths(self, one: str, other: str) -> Float[Tensor, "slots_of_one slots_of_other"]:
        """Returns the distance of every slot of one population to every slot of another; worked out once.

        Raises:
            ValueError: If one of them has no slots.
        """
        if (one, other) not in self._lengths:
            self._lengths[one, other] = distances(self.slots_of(one), self.slots_of(other))
        return self._lengths[one, other]

    def is_look_up(self, link: Link) -> bool:
        """Tells whether a link leads out of a population without slots: a table of tokens, no connections in space."""
        return self.population_of(link.source).slots is None

    def behind(self, sites: Iterable[str]) -> frozenset[str]:
        """Returns the sites that read any of these, directly or over others."""
        found: set[str] = set()
        new = set(sites)
        while new := {edge.target for edge in self.edges if edge.source in new} - found:
            found |= new
        return frozenset(found)

    def links_into(self, site: str) -> tuple[Link, ...]:
        """Returns the links that end at a site."""
        return self._into[site]

    def bias_of(self, site: str) -> Bias | None:
        """Returns the bias of a site, None where it has none."""
        return self._biases.get(site)

    def distinct_links(self, *, look_ups: bool = True) -> Iterator[Link]:
        """Yields every link once per stored weights: of tied links only the first; look-ups only if asked for."""
        seen = set()
        for link in self.links:
            if link.stored not in seen and (look_ups or not self.is_look_up(link)):
                seen.add(link.stored)
                yield link

    def in_order(self, parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Returns the same parameters site by site, weights before biases, whatever order a file kept them in."""
        names: dict[str, None] = {}
        for site in self.sites:
            names |= dict.fromkeys(link.parameter for link in self.links_into(site.name))
            bias = self.bias_of(site.name)
            names |= {} if bias is None else {bias.parameter: None}
        return {name: parameters[name] for name in names | dict.fromkeys(sorted(parameters))}

    def check(self, parameters: Mapping[str, Tensor]) -> None:
        """Refuses parameters that this wiring does not describe.

        Args:
            parameters: Stored tensors by name, each (seeds, ...).

        Raises:
            ValueError: If a name is missing, a shape does not fit or the seeds axes differ.
        """
        seeds = {name: tensor.shape[0] for name, tensor in parameters.items()}
        if len(set(seeds.values())) > 1:
            raise ValueError(f"every parameter must lead with the same number of seeds, got {seeds}")
        for name in (*(link.parameter for link in self.links), *(bias.parameter for bias in self.biases)):
            if name not in parameters:
                raise ValueError(f"`parameters` must hold {name!r}, got {sorted(parameters)}")
        for link in self.links:
            expected = self.population_of(link.target).size, self.population_of(link.source).size
            found = tuple(link.view(parameters[link.parameter]).shape[1:])
            if found != expected:
                raise ValueError(f"the weights of {link.name} must be (target, source) = {expected}, got {found}")
        for bias in self.biases:
            size = self.population_of(bias.site).size
            found = tuple(bias.view(parameters[bias.parameter]).shape[1:])
            if found != (size,):
                raise ValueError(f"the bias of {bias.site} must be ({size},), got {found}")


def _check_names(wiring: Wiring) -> None:
    for kind, parts in (("population", wiring.populations), ("site", wiring.sites), ("link", wiring.links)):
        twice = [name for name, count in Counter(part.name for part in parts).items() if count > 1]
        if twice:
            raise ValueError(f"every {kind} must have a name of its own, got {twice[0]!r} twice")
    biased = [bias.site for bias in wiring.biases]
    for site in biased:
        if site not in wiring._sites:
            raise ValueError(f"a bias must belong to a site of the wiring, got {site!r}")
        if biased.count(site) > 1:
            raise ValueError(f"a site must have one bias at most, got two for {site!r}")


def _check_ends(wiring: Wiring) -> None:
    for site in wiring.sites:
        if site.population not in wiring._populations:
            raise ValueError(f"site {site.name!r} must name a population of the wiring, got {site.population!r}")
    for edge in wiring.edges:
        for end in (edge.target, edge.source):
            if end not in wiring._sites:
                raise ValueError(f"a link must join two sites of the wiring, got {edge.name}")
    for link in wiring.links:
        same = wiring.site(link.target).population == wiring.site(link.source).population
        if same and not link.recurrent:
            raise ValueError(f"link {link.name} joins a population to itself: declare it with recurrent=True")


def _check_sizes(wiring: Wiring) -> None:
    for skip in wiring.skips:
        if wiring.population_of(skip.target).size != wiring.population_of(skip.source).size:
            raise ValueError(f"skip {skip.name} must join sites of one size")
    for population in wiring.populations:
        if population.slots is not None and population.slots.shape[0] != population.size:
            found = population.slots.shape[0]
            raise ValueError(f"population {population.name!r} must have {population.size} slots, got {found}")
        if population.blocks < 1 or population.size % population.blocks:
            raise ValueError(
                f"`blocks` of population {population.name!r} must divide its size {population.size}, "
                f"got {population.blocks}"
            )


def _check_reach(wiring: Wiring) -> None:
    inputs = {site.name for site in wiring.inputs}
    reached = inputs | wiring.behind(inputs)
    for site in wiring.sites:
        if site.name not in reached:
            raise ValueError(f"every site must be reachable from an input, got {site.name!r}, which is not")
