"""Makes nets from a configuration, and back from stored tensors."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from bimt.config import TrainConfig
from bimt.geometry import make_slots
from bimt.messages import UserError
from bimt.nets.base import Net
from bimt.nets.mlp import MLP, layer_names, make_mlp, mlp_wiring
from bimt.wiring import Wiring


def make_net(config: TrainConfig, *, inputs: int, outputs: int, generators: Sequence[torch.Generator]) -> Net:
    """Draws a fresh net for every generator.

    Args:
        config: Its `net`, `swaps.pinned` and `dtype` are read.
        inputs: Number of input neurons.
        outputs: Number of output neurons.
        generators: One per seed; each is advanced.

    Raises:
        UserError: If a hidden layer has no neurons or a geometry cannot hold a population.
    """
    wiring = _wiring(config, inputs, outputs)
    dtype = getattr(torch, config.dtype)
    return make_mlp(wiring, activation=config.net.activation, generators=generators, dtype=dtype)


def net_tensors(net: Net) -> dict[str, Tensor]:
    """Returns everything that a net is made of besides its wiring: parameters, slots and places, for a file."""
    tensors = dict(net.parameters)
    for name, place in net.places.items():
        tensors[f"places.{name}"] = place
        slots = net.wiring.population(name).slots
        if slots is not None:
            tensors[f"slots.{name}"] = slots
    return {name: tensor.detach().contiguous() for name, tensor in tensors.items()}


def restore_net(config: TrainConfig, tensors: Mapping[str, Tensor]) -> Net:
    """Rebuilds a net from what `net_tensors` returned.

    Raises:
        ValueError: If the tensors do not fit the configuration.
    """
    groups: dict[str, dict[str, Tensor]] = {"places": {}, "slots": {}}
    parameters = {}
    for name, tensor in tensors.items():
        group, _, population = name.partition(".")
        if group in groups:
            groups[group][population] = tensor
        else:
            parameters[name] = tensor
    names = layer_names(hidden=len(config.net.hidden))
    wiring = mlp_wiring([groups["slots"][name] for name in names], pinned=config.swaps.pinned)
    return MLP(wiring, parameters, config.net.activation).replaced(places=groups["places"])


def _wiring(config: TrainConfig, inputs: int, outputs: int) -> Wiring:
    sizes = [inputs, *config.net.hidden, outputs]
    names = layer_names(hidden=len(config.net.hidden))
    if 0 in sizes:
        raise UserError(f"net.hidden must give every layer at least one neuron, got {list(config.net.hidden)}")
    try:
        slots = [
            make_slots(config.net.geometry.get(name, "line"), size) for name, size in zip(names, sizes, strict=True)
        ]
    except ValueError as error:
        raise UserError(f"net.geometry does not fit the net's sizes {sizes}: {error}") from error
    return mlp_wiring(slots, pinned=config.swaps.pinned)
