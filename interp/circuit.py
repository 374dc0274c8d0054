"""A net as affine layers with a named function each, from columns of the table to columns of the table."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from bimt.messages import UserError
from bimt.nets.activations import ACTIVATIONS
from bimt.nets.base import Net
from bimt.tasks.base import Scaling

_FAR = 10.0
"""An input whose mean is more than so many standard deviations from zero is written as its difference from a centre:
2003 +- 5 as (year - 2003). Without that the folded constants would cancel, and the digits with them."""


@dataclass(frozen=True, eq=False)
class Layer:
    """What one site computes: function(bias + sum of weights times sources)."""

    site: str
    function: str | None
    """Name in `ACTIVATIONS`; None is the identity."""
    weights: Mapping[str, Float[Tensor, "copies target source"]]
    """By the name of the source site."""
    bias: Float[Tensor, "copies target"]


@dataclass(frozen=True, eq=False)
class Circuit:
    """Layers in forward order, in the table's units, in one or more copies side by side."""

    inputs: Mapping[str, tuple[int, int]]
    """First column and one past the last of each input site."""
    centres: Float[Tensor, " inputs"]
    """What is taken off each column before anything reads it; mostly zero."""
    layers: tuple[Layer, ...]
    outputs: tuple[str, ...]
    """The sites whose values, side by side, are the outputs."""

    def run(self, table: Float[Tensor, "rows inputs"]) -> Float[Tensor, "copies rows outputs"]:
        """Computes every copy's outputs from inputs in the table's units."""
        values = self.values(table)
        return torch.cat([values[site] for site in self.outputs], dim=-1)

    def values(self, table: Float[Tensor, "rows inputs"]) -> dict[str, Tensor]:
        """Computes every site's value; that of an input site is what its readers see."""
        copies = self.layers[-1].bias.shape[0]
        seen = (table - self.centres).expand(copies, -1, -1)
        values = {site: seen[..., first:last] for site, (first, last) in self.inputs.items()}
        for layer in self.layers:
            total = layer.bias[:, None]
            for source, weight in layer.weights.items():
                total = total + values[source] @ weight.mT
            values[layer.site] = total if layer.function is None else ACTIVATIONS[layer.function](total)
        return values

    def constants(self) -> Float[Tensor, "copies constants"]:
        """Returns all weights and biases as one row per copy; centres are not among them."""
        copies = self.layers[-1].bias.shape[0]
        return torch.cat([part.reshape(copies, -1) for layer in self.layers for part in _parts(layer)], dim=1)

    def with_constants(self, constants: Float[Tensor, "copies constants"]) -> "Circuit":
        """Returns a circuit of the same shape with other constants, in any number of copies."""
        shapes = [part.shape[1:] for layer in self.layers for part in _parts(layer)]
        pieces = constants.split([shape.numel() for shape in shapes], dim=1)
        parts = iter(piece.reshape(len(constants), *shape) for piece, shape in zip(pieces, shapes, strict=True))
        layers = tuple(
            replace(layer, weights={source: next(parts) for source in layer.weights}, bias=next(parts))
            for layer in self.layers
        )
        return replace(self, layers=layers)

    def folded(self) -> "Circuit":
        """Moves what neurons without inputs contribute into the biases behind them (one copy only)."""
        still = {
            site: (torch.zeros(last - first, dtype=torch.bool), self.centres[first:last] * 0)
            for site, (first, last) in self.inputs.items()
        }
        layers = []
        for layer in self.layers:
            bias, weights = layer.bias.clone(), {}
            for source, weight in layer.weights.items():
                constant, value = still[source]
                bias += weight @ torch.where(constant, value, 0.0)
                weights[source] = torch.where(constant, 0.0, weight)
            alone = torch.stack([(weight[0] == 0).all(1) for weight in weights.values()]).all(0)
            value = bias[0] if layer.function is None else ACTIVATIONS[layer.function](bias[0])
            still[layer.site] = alone, value
            layers.append(replace(layer, weights=weights, bias=bias))
        return replace(self, layers=tuple(layers))


def to_circuit(net: Net, scaling: Scaling) -> Circuit:
    """Writes one seed of a net as layers that read and give the table's units.

    Args:
        net: One seed, float64.
        scaling: Between the table and the net; folded into the first links and the last.

    Raises:
        UserError: If the net is not made of sites that each apply one function, neuron by neuron, to a weighted sum.
    """
    inputs = _check(net)
    centres = _centres(scaling)
    outputs = tuple(site.name for site in net.wiring.outputs)
    layers, column = [], 0
    for site in net.wiring.sites:
        if site.role == "input":
            continue
        layer = _layer(net, site.name, inputs, centres, scaling)
        if site.role == "output":
            last = column + layer.bias.shape[1]
            layer = _scaled(layer, scaling.output_scale[column:last], scaling.output_shift[column:last])
            column = last
        layers.append(layer)
    return Circuit(inputs, centres, tuple(layers), outputs)


def _layer(net: Net, site: str, inputs: Mapping[str, tuple[int, int]], centres: Tensor, scaling: Scaling) -> Layer:
    size = net.wiring.population_of(site).size
    given = net.bias(site)
    bias = torch.zeros(1, size, dtype=net.dtype) if given is None else given.clone()
    weights = {}
    for link in net.wiring.links_into(site):
        weight = net.weight(link).clone()
        if link.source in inputs:
            columns = slice(*inputs[link.source])
            weight = weight / scaling.input_scale[columns]
            bias += weight @ (centres - scaling.input_shift)[columns]
        weights[link.source] = weight
    return Layer(site, net.nonlinearity(site), weights, bias)


def _scaled(layer: Layer, scale: Tensor, shift: Tensor) -> Layer:
    weights = {source: weight * scale[:, None] for source, weight in layer.weights.items()}
    return replace(layer, weights=weights, bias=layer.bias * scale + shift)


def _centres(scaling: Scaling) -> Float[Tensor, " inputs"]:
    """Returns for far columns their mean, rounded to the decimal place of their standard deviation; else zero."""
    shift, scale = scaling.input_shift, scaling.input_scale
    places = [-int(torch.floor(torch.log10(spread))) for spread in scale]
    near = [round(value, digits) for value, digits in zip(shift.tolist(), places, strict=True)]
    return torch.where(shift.abs() > _FAR * scale, torch.tensor(near, dtype=scale.dtype), 0.0)


def _check(net: Net) -> dict[str, tuple[int, int]]:
    """Returns the columns of each input site, after refusing nets that no formula of layers describes."""
    wiring, inputs, column = net.wiring, {}, 0
    if wiring.fixed:
        edge = wiring.fixed[0]
        raise UserError(
            f"formulas are for nets of weighted sums only; this one also joins {edge.source} to {edge.target} "
            "without a weight"
        )
    for site in wiring.sites:
        population = wiring.population_of(site.name)
        if site.role == "input":
            if population.slots is None:
                raise UserError(f"formulas need numbers as inputs; site {site.name} takes tokens")
            inputs[site.name] = column, column + population.size
            column += population.size
            continue
        try:
            function = net.nonlinearity(site.name)
        except NotImplementedError as error:
            raise UserError(f"formulas are for nets that apply one function at each site; {error}") from error
        if function is not None and (function not in ACTIVATIONS or site.role == "output"):
            raise UserError(f"no formula is known for a net whose {site.role} site {site.name} applies {function}")
        if any(link.recurrent for link in wiring.links_into(site.name)):
            raise UserError(f"formulas are for nets without loops; site {site.name} feeds its own population")
    if not all(tensor.isfinite().all() for tensor in net.parameters.values()):
        raise UserError("formulas need finite weights, got NaN or infinity: the training of this seed stopped")
    return inputs


def _parts(layer: Layer) -> list[Tensor]:
    return [*layer.weights.values(), layer.bias]
