"""The multilayer perceptron: inputs, any number of hidden layers, outputs."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from bimt.nets.base import Flow, Net
from bimt.wiring import Bias, Link, Population, Role, Site, Wiring

Activation = Literal["silu", "selu", "relu", "gelu", "tanh"]
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "silu": nn.functional.silu,
    "selu": nn.functional.selu,
    "relu": nn.functional.relu,
    "gelu": nn.functional.gelu,
    "tanh": torch.tanh,
}


class MLP(Net):
    """A chain of sites `in`, `h1`, `h2`, ..., `out`, each a population of its own.

    Its parameters are `weight.h1` (seeds, out, in), `bias.h1` (seeds, out) and so on.
    """

    def __init__(self, wiring: Wiring, parameters: dict[str, Tensor], activation: Activation) -> None:
        """Joins parameters to a chain made by `mlp_wiring`."""
        super().__init__(wiring, parameters)
        self.activation = activation

    def nonlinearity(self, site: str) -> str | None:
        """Returns the activation of the hidden layers; outputs are their drive."""
        return self.activation if self.wiring.site(site).role == "hidden" else None

    def _forward(self, x: Tensor, flow: Flow) -> Tensor:
        first, *hidden, last = self.wiring.sites
        flow.put(first.name, x)
        for site in hidden:
            flow.put(site.name, ACTIVATIONS[self.activation](flow.drive(site.name)))
        return flow.put(last.name, flow.drive(last.name))

    def _with_wiring(self, wiring: Wiring) -> "MLP":
        other = object.__new__(MLP)
        other.wiring, other.activation = wiring, self.activation
        return other


def layer_names(*, hidden: int) -> tuple[str, ...]:
    """Names the layers of a chain from input to output.

    Example:
        >>> layer_names(hidden=2)
        ('in', 'h1', 'h2', 'out')
    """
    return "in", *(f"h{depth + 1}" for depth in range(hidden)), "out"


def mlp_wiring(slots: Sequence[Tensor], *, pinned: Sequence[str] = ()) -> Wiring:
    """Wires a chain of populations.

    Args:
        slots: Slots of each layer from input to output, (size, dims), at least two.
        pinned: Names of the populations whose neurons never move.

    Raises:
        ValueError: If there are fewer than two layers or `pinned` names none of them.
    """
    if len(slots) < 2:
        raise ValueError(f"an MLP must have at least an input and an output layer, got {len(slots)} layers")
    names = layer_names(hidden=len(slots) - 2)
    for name in pinned:
        if name not in names:
            raise ValueError(f"`pinned` must name populations among {', '.join(names)}, got {name!r}")
    roles: dict[str, Role] = {"in": "input", "out": "output"}
    return Wiring(
        populations=tuple(
            Population(name, len(place), place, movable=name not in pinned)
            for name, place in zip(names, slots, strict=True)
        ),
        sites=tuple(Site(name, name, roles.get(name, "hidden")) for name in names),
        links=tuple(Link(target, source, f"weight.{target}") for source, target in pairwise(names)),
        biases=tuple(Bias(name, f"bias.{name}") for name in names[1:]),
    )


def make_mlp(
    wiring: Wiring, *, activation: Activation, generators: Sequence[torch.Generator], dtype: torch.dtype
) -> MLP:
    """Draws the parameters of one MLP per generator, as torch's default linear layers would.

    Each seed's numbers equal those of `nn.Linear` layers made in order after `torch.manual_seed` of the same label.

    Args:
        wiring: A chain made by `mlp_wiring`.
        activation: Nonlinearity of the hidden layers.
        generators: One per seed.
        dtype: Float type in which the numbers are drawn and kept.
    """
    seeds = [_draw_layers(wiring, generator, dtype) for generator in generators]
    stacked = {name: torch.stack([parameters[name] for parameters in seeds]) for name in seeds[0]}
    return MLP(wiring, stacked, activation)


def _draw_layers(wiring: Wiring, generator: torch.Generator, dtype: torch.dtype) -> dict[str, Tensor]:
    parameters = {}
    for link in wiring.links:
        fan_in = wiring.population_of(link.source).size
        weight = torch.empty(wiring.population_of(link.target).size, fan_in, dtype=dtype)
        nn.init.kaiming_uniform_(weight, a=math.sqrt(5), generator=generator)
        bias = torch.empty(weight.shape[0], dtype=dtype)
        bound = 1 / math.sqrt(fan_in) if fan_in else 0.0
        parameters[link.parameter] = weight
        parameters[f"bias.{link.target}"] = bias.uniform_(-bound, bound, generator=generator)
    return parameters
