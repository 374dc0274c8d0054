"""The abstract net: parameters and places behind a wiring, a forward pass that can be watched and edited.

Every tensor leads with the seeds axis: weights (seeds, out, in), activations (seeds, batch, size).
"""

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate
from typing import TypeVar

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from bimt.nets.reading import Mixture, Reading
from bimt.nets.smaller import take_neurons
from bimt.wiring import Link, Population, Wiring

Edits = Mapping[str, Callable[..., Tensor]]
NetType = TypeVar("NetType", bound="Net")  # typing.Self, which beartype does not know outside its own classes


class MomentEdit(ABC):
    """An edit that also works where a net leaves out the moments of each row that no answer needs."""

    @abstractmethod
    def __call__(self, value: Tensor, source: Tensor | None = None) -> Tensor:
        """Returns what a site's value, or what flows along a link, is replaced by; as in `Net.run`."""

    @abstractmethod
    def at(self, moments: Sequence[int]) -> "MomentEdit":
        """Returns the edit of values that hold these moments only."""


class Flow:
    """One forward pass under way: the values so far, and the edits that replace some of them."""

    def __init__(
        self, net: "Net", edits: Edits, *, known: Mapping[str, Tensor] | None = None, watched: bool = True
    ) -> None:
        """Starts empty; `edits` and `known` as in `Net.run`.

        Not `watched`: nobody asks for values, so a net may skip sites.
        """
        self.net = net
        self.edits = edits
        self.known = known or {}
        self.watched = watched
        self.values: dict[str, Tensor] = {}
        self.found: dict[str, Tensor] = {}
        """The same before edits, at all the moments at which they were worked out."""

    def put(self, site: str, value: Tensor | Callable[[], Tensor]) -> Float[Tensor, "seeds batch size"]:
        """Records a site's value, edited if somebody asked for it, and returns what everything downstream reads.

        Args:
            site: Its name.
            value: (seeds, batch, size), or what works it out: it is not called where the value is known.
        """
        if site in self.known:
            value = self.known[site].expand(self.net.seeds, -1, -1)
        elif not isinstance(value, Tensor):
            value = value()
        self.found[site] = value
        if site in self.edits:
            value = self.edits[site](value)
        self.values[site] = value
        return value

    def can_skip(self, sites: Collection[str]) -> bool:
        """Tells whether nobody watches these sites or edits them or a link into or out of them."""
        return not self.watched and not self._edited(sites)

    def narrow(self, sites: Collection[str], moments: Sequence[int]) -> bool:
        """Goes on with these moments of each row only at some sites, if nobody watches them and every edit there can.

        Returns:
            Whether it does.
        """
        if self.watched:
            return False
        edits = dict(self.edits)
        for name in self._edited(sites):
            edit = edits[name]
            if not isinstance(edit, MomentEdit):
                return False
            edits[name] = edit.at(moments)
        self.edits = edits
        return True

    def drive(self, site: str) -> Float[Tensor, "seeds batch size"]:
        """Returns what reaches a site: its bias and what flows along every link into it."""
        bias = self.net.bias(site)
        total = None if bias is None else bias[:, None]
        for link in self.net.wiring.links_into(site):
            weight, source = self.net.weight(link), self.values[link.source]
            if total is not None and link.name not in self.edits:
                total = torch.baddbmm(total, source, weight.mT)
                continue
            part = torch.bmm(source, weight.mT)
            if link.name in self.edits:
                part = self.edits[link.name](part, source)
            total = part if total is None else total + part
        if total is None:
            raise ValueError(f"site {site!r} must have a link into it")
        return total

    def _edited(self, sites: Collection[str]) -> list[str]:
        """Returns which of these sites, and of the links into and out of them, are edited."""
        if not self.edits:
            return []
        edges = (link.name for link in self.net.wiring.links if link.source in sites or link.target in sites)
        return [name for name in dict.fromkeys((*sites, *edges)) if name in self.edits]


class Net(ABC):
    """Parameters and places of one or more seeds behind a wiring.

    Attributes:
        wiring: What is connected to what.
        parameters: Stored tensors by name, each (seeds, ...), in the wiring's order.
        places: For each population with slots, the slot that each neuron sits in, (seeds, size).
        moments: How often it looks at each row: the length of a sequence, or how many tokens one stream reads.
    """

    moments: int = 1

    def __init__(
        self, wiring: Wiring, parameters: Mapping[str, Tensor], places: Mapping[str, Tensor] | None = None
    ) -> None:
        """Joins tensors to their wiring; places default to neuron k in slot k.

        Raises:
            ValueError: If the parameters or places do not fit the wiring.
        """
        wiring.check(parameters)
        self.wiring = wiring
        self.parameters = wiring.in_order(parameters)
        self.places = _checked_places(wiring, places or {}, self.seeds)

    @abstractmethod
    def _forward(self, x: Tensor, flow: Flow) -> Tensor:
        """Sends x (seeds, batch, in) through the net, `put`ting every site in forward order; returns the outputs."""

    def blank(self) -> Tensor:
        """Returns one row of inputs that means nothing, (1, 1, in): for values that depend on no input."""
        size = sum(self.wiring.population_of(site.name).size for site in self.wiring.inputs)
        return torch.zeros(1, 1, size, dtype=self.dtype)

    def readings(self) -> dict[str, Reading]:
        """Tells for every input site how it reads a row: here side by side, one moment after the other."""
        sizes = {site.name: self.wiring.population_of(site.name).size for site in self.wiring.inputs}
        starts = accumulate(sizes.values(), initial=0)
        stride = sum(sizes.values()) if self.moments > 1 else 0
        return {site: Reading("numbers", start, stride) for site, start in zip(sizes, starts, strict=False)}

    def answers(self) -> tuple[tuple[int, int], ...]:
        """Tells where each answer stands, as (moment, output neuron): here the outputs are the answers, in order."""
        count = sum(self.wiring.population_of(site.name).size for site in self.wiring.outputs)
        return tuple((0, neuron) for neuron in range(count))

    def nonlinearity(self, site: str) -> str | None:
        """Returns the name of the function that a site applies to each of its neurons' drive.

        The names are those of `bimt.nets.activations.ACTIVATIONS`; None where the value is the drive (`Flow.drive`),
        and what skips bring.

        Raises:
            NotImplementedError: If a neuron's value there is no function of its own drive, or the net does not say.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say what site {site!r} applies to its drive")

    def mixture(self, site: str) -> Mixture | None:  # noqa: ARG002
        """Returns how a site mixes the values of several moments; None where it does not."""
        return None

    @property
    def seeds(self) -> int:
        """Length of the seeds axis."""
        return next(iter(self.parameters.values())).shape[0]

    @property
    def dtype(self) -> torch.dtype:
        """Type of every weight."""
        return next(iter(self.parameters.values())).dtype

    def weight(self, link: Link) -> Float[Tensor, "seeds target source"]:
        """Looks at the weights of a link; writing into the view writes into the parameter."""
        return link.view(self.parameters[link.parameter])

    def bias(self, site: str) -> Float[Tensor, "seeds size"] | None:
        """Returns the bias of a site, None where it has none."""
        bias = self.wiring.bias_of(site)
        return None if bias is None else bias.view(self.parameters[bias.parameter])

    def run(
        self,
        x: Shaped[Tensor, "seeds_or_one batch in"],
        edits: Edits | None = None,
        *,
        known: Mapping[str, Tensor] | None = None,
    ) -> Tensor:
        """Computes the outputs.

        Args:
            x: Inputs (1 or seeds, batch, in); where the task has tokens, their indices.
            edits: What to replace on the way. Under a site's name a function value -> value, read by everything
                downstream; under a link's name a function (contribution, source value) -> contribution,
                (seeds, batch, target), for what flows along that link only.
            known: Values that are taken instead of being worked out, before edits: those of `reusable`, for the same x,
                at sites that read nothing (see `Wiring.behind`) that is edited here or has other weights than there.
                The edits must be `MomentEdit`s then.

        Returns:
            Outputs (seeds, batch, out).

        Raises:
            ValueError: If an edit names neither a site nor a link, a known value no site, x has the wrong shape, or an
                edit is no `MomentEdit` where it must be.
        """
        return self._start(x, edits or {}, known=known, watched=False)[0]

    def reusable(self, x: Shaped[Tensor, "seeds_or_one batch in"]) -> dict[str, Tensor]:
        """Returns the values that later runs on the same x may start from (`known` in `run`); sites may lack."""
        return self._start(x, {}, watched=False)[1].found

    def activations(self, x: Shaped[Tensor, "seeds_or_one batch in"], edits: Edits | None = None) -> dict[str, Tensor]:
        """Returns the value of every site, inputs and outputs included; arguments as in `run`.

        Each is (seeds, batch, size); (seeds, batch * moments, size), row by row, in a net that looks at several
        moments of each row.
        """
        return self._start(x, edits or {}, watched=True)[1].values

    def answering(self, x: Shaped[Tensor, "seeds_or_one batch in"], edits: Edits | None = None) -> dict[str, Tensor]:
        """Returns the values that the outputs of a run are made of: sites and moments that no answer needs may lack."""
        return self._start(x, edits or {}, watched=False)[1].values

    @contextmanager
    def edited(self, edits: Edits) -> Iterator["EditedNet"]:
        """Lends a view of this net that always runs with these edits.

        Example:
            with net.edited({"h1": torch.zeros_like}) as other:
                other.run(x)
        """
        yield EditedNet(self, edits)

    def replaced(
        self: NetType, *, parameters: Mapping[str, Tensor] | None = None, places: Mapping[str, Tensor] | None = None
    ) -> NetType:
        """Returns a net of the same family and wiring with other tensors (of any number of seeds)."""
        return self.rewired(
            self.wiring,
            self.parameters if parameters is None else parameters,
            self.places if places is None else places,
        )

    def seed(self: NetType, row: int) -> NetType:
        """Returns the net of one row of the seeds axis; the axis stays, with length 1."""
        return self._map_rows(lambda tensor: tensor[row : row + 1] if row != -1 else tensor[row:])

    def copies(self: NetType, count: int) -> NetType:
        """Returns `count` copies side by side of a net with a single seed, each free to be changed."""
        if self.seeds != 1:
            raise ValueError(f"only a net with one seed can be copied along the seeds axis, got {self.seeds} seeds")
        return self._map_rows(lambda tensor: tensor.repeat(count, *([1] * (tensor.ndim - 1))))

    def to(self: NetType, dtype: torch.dtype) -> NetType:
        """Returns the net with every parameter in another float type."""
        return self.replaced(parameters={name: tensor.to(dtype) for name, tensor in self.parameters.items()})

    def positions(self, population: str) -> Float[Tensor, "seeds size dims"]:
        """Returns where each neuron sits: its coordinates in the unit cube, float64.

        Raises:
            ValueError: If the population has no slots.
        """
        return self.wiring.slots_of(population)[self.places[population]]

    def take(self: NetType, neurons: Mapping[str, Int[Tensor, " kept"]]) -> NetType:
        """Returns a physically smaller net that holds only some neurons, each at the position it had.

        Args:
            neurons: For each population to shrink, the indices of the neurons that stay, in their new order.

        Raises:
            ValueError: If the net has more than one seed: seeds keep different neurons.
        """
        if self.seeds != 1:
            raise ValueError(f"only a net with one seed can be made smaller, got {self.seeds} seeds: take one first")
        wiring, kept = self.wiring, {}
        for population in wiring.populations:
            kept[population.name] = neurons.get(population.name, torch.arange(population.size))
        populations = tuple(self._taken(population, kept[population.name]) for population in wiring.populations)
        smaller = take_neurons(wiring, self.parameters, populations, kept)
        return self.rewired(*smaller)

    def rewired(
        self: NetType,
        wiring: Wiring,
        parameters: Mapping[str, Tensor],
        places: Mapping[str, Tensor] | None = None,
    ) -> NetType:
        """Returns a net of the same family behind another wiring; places default to neuron k in slot k."""
        other = copy.copy(self)
        Net.__init__(other, wiring, parameters, places)
        return other

    def _taken(self, population: Population, keep: Tensor) -> Population:
        slots = None if population.slots is None else self.positions(population.name)[0, keep]
        counts = (keep // max(population.size // population.blocks, 1)).unique(return_counts=True)[1]
        if len(counts) and (counts != counts[0]).any():
            raise ValueError(
                f"blocks of population {population.name!r} must keep equally many neurons, got {counts.tolist()}"
            )
        return Population(population.name, len(keep), slots, max(len(counts), 1), population.movable)

    def _start(
        self, x: Tensor, edits: Edits, *, watched: bool, known: Mapping[str, Tensor] | None = None
    ) -> tuple[Tensor, Flow]:
        if edits or known:
            self._check_edits(edits, known or {})
        if x.ndim != 3 or x.shape[0] not in (1, self.seeds):
            raise ValueError(f"`x` must be (1 or {self.seeds} seeds, batch, inputs), got {tuple(x.shape)}")
        x = x.to(self.dtype) if x.is_floating_point() else x
        flow = Flow(self, edits, known=known, watched=watched)
        return self._forward(x.expand(self.seeds, -1, -1), flow), flow

    def _check_edits(self, edits: Edits, known: Mapping[str, Tensor]) -> None:
        sites, links = ({part.name for part in parts} for parts in (self.wiring.sites, self.wiring.links))
        for name, edit in edits.items():
            if name not in sites | links:
                raise ValueError(f"`edits` must name a site or a link, one of {sorted(sites | links)}, got {name!r}")
            if known and not isinstance(edit, MomentEdit):
                raise ValueError(f"`edits` must be MomentEdits beside `known`, got {edit!r} for {name!r}")
        for name in known:
            if name not in sites:
                raise ValueError(f"`known` must name sites, some of {sorted(sites)}, got {name!r}")

    def _map_rows(self: NetType, change: Callable[[Tensor], Tensor]) -> NetType:
        return self.replaced(
            parameters={name: change(tensor) for name, tensor in self.parameters.items()},
            places={name: change(tensor) for name, tensor in self.places.items()},
        )


class EditedNet:
    """A net that always runs with the same edits."""

    def __init__(self, net: Net, edits: Edits) -> None:
        """Remembers both; computes nothing."""
        self.net = net
        self.edits = edits

    def run(self, x: Tensor) -> Tensor:
        """Computes the outputs of the edited net, as `Net.run` does."""
        return self.net.run(x, self.edits)

    def activations(self, x: Tensor) -> dict[str, Tensor]:
        """Returns every site's value in the edited net, as `Net.activations` does."""
        return self.net.activations(x, self.edits)


def _checked_places(wiring: Wiring, places: Mapping[str, Tensor], seeds: int) -> dict[str, Tensor]:
    result = {}
    for population in wiring.populations:
        if population.slots is None:
            continue
        start = torch.arange(population.size).repeat(seeds, 1)
        place = places.get(population.name, start)
        if place.shape != start.shape or not torch.equal(place.sort(dim=1).values, start):
            raise ValueError(
                f"places of population {population.name!r} must give each of its {population.size} neurons "
                f"a slot of its own for every one of {seeds} seeds, got shape {tuple(place.shape)}"
            )
        result[population.name] = place
    return result
