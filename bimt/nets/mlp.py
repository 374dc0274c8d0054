"""The multilayer perceptron: inputs, any number of hidden layers, outputs."""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from bimt.messages import UserError
from bimt.nets.activations import ACTIVATIONS, Activation
from bimt.nets.base import Flow, Net
from bimt.nets.config import NetConfig, draw_linear
from bimt.strict import MOST
from bimt.tasks.base import Task
from bimt.wiring import Bias, Link, Population, Role, Site, Wiring


class MLP(Net):
    """A chain of sites `in`, `h1`, `h2`, ..., `out`, each a population of its own.

    Its parameters are `weight.h1` (seeds, out, in), `bias.h1` (seeds, out) and so on.
    """

    def __init__(self, wiring: Wiring, parameters: Mapping[str, Tensor], activation: Activation) -> None:
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
            flow.put(site.name, partial(self._fired, flow, site.name))
        return flow.put(last.name, partial(flow.drive, last.name))

    def _fired(self, flow: Flow, site: str) -> Tensor:
        return ACTIVATIONS[self.activation](flow.drive(site))


class MLPConfig(NetConfig):
    """A multilayer perceptron."""

    family: Literal["mlp"] = "mlp"
    hidden: tuple[Annotated[int, Field(ge=0, le=MOST)], ...] = (20, 20)
    """Neurons of each hidden layer; 0 only in a net that was pruned until the layer was empty."""

    @property
    def populations(self) -> tuple[str, ...]:
        """Returns `in`, `h1`, ..., `out`."""
        return layer_names(hidden=len(self.hidden))

    def sizes(self, task: Task) -> dict[str, int]:
        """Returns the neurons of every layer; as in `NetConfig`."""
        if task.tokens or task.moments > 1:
            raise UserError(f"net.family of the task {task.name} must not be mlp: its inputs are no plain numbers")
        require_neurons(self.hidden)
        return dict(zip(self.populations, (len(task.inputs), *self.hidden, len(task.outputs)), strict=True))

    def wiring(self, slots: Mapping[str, Tensor], task: Task, *, pinned: Sequence[str] = ()) -> Wiring:  # noqa: ARG002
        """Wires a chain; as in `NetConfig`."""
        return mlp_wiring([slots[name] for name in self.populations], pinned=pinned)

    def draw(self, wiring: Wiring, generator: torch.Generator, dtype: torch.dtype) -> dict[str, Tensor]:
        """Draws layer after layer; as in `NetConfig`."""
        return draw_chain(wiring, self.populations, generator, dtype)

    def assemble(self, wiring: Wiring, parameters: Mapping[str, Tensor], task: Task) -> Net:  # noqa: ARG002
        """Returns an `MLP`; as in `NetConfig`."""
        return MLP(wiring, parameters, self.activation)

    def resized(self, net: Net) -> "MLPConfig":
        """Returns it with other layers; as in `NetConfig`."""
        return self.model_copy(update={"hidden": hidden_sizes(net)})


def require_neurons(hidden: Sequence[int]) -> None:
    """Refuses hidden layers without neurons.

    Raises:
        UserError: If there is one.
    """
    if 0 in hidden:
        raise UserError(f"net.hidden must give every layer at least one neuron, got {list(hidden)}")


def hidden_sizes(net: Net) -> tuple[int, ...]:
    """Returns the sizes of a chain's hidden layers."""
    names = (f"h{depth}" for depth in range(1, len(net.wiring.populations)))
    known = {population.name: population.size for population in net.wiring.populations}
    return tuple(known[name] for name in names if name in known)


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
        links=chain_links(names),
        biases=chain_biases(names),
    )


def chain_links(names: Sequence[str]) -> tuple[Link, ...]:
    """Returns the links of a chain of sites, each from one to the next."""
    return tuple(Link(target, source, f"weight.{target}") for source, target in pairwise(names))


def chain_biases(names: Sequence[str]) -> tuple[Bias, ...]:
    """Returns the biases of a chain of sites, of all but the first."""
    return tuple(Bias(name, f"bias.{name}") for name in names[1:])


def draw_chain(
    wiring: Wiring, names: Sequence[str], generator: torch.Generator, dtype: torch.dtype, *, inputs: int = 1
) -> dict[str, Tensor]:
    """Draws weights and biases of a chain of populations in order, as torch's linear layers would.

    Args:
        wiring: Holds the populations.
        names: Of the populations, from the first to the last.
        generator: Is advanced.
        dtype: Float type in which the numbers are drawn and kept.
        inputs: How many copies of the first population the first layer reads.
    """
    parameters: dict[str, Tensor] = {}
    for depth, (source, target) in enumerate(pairwise(names)):
        read = wiring.population(source).size * (inputs if depth == 0 else 1)
        weight, bias = draw_linear(wiring.population(target).size, read, generator, dtype)
        parameters |= {f"weight.{target}": weight, f"bias.{target}": bias}
    return parameters
