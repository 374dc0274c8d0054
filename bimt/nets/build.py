"""Makes nets from a configuration, and back from stored tensors."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from bimt.config import TrainConfig
from bimt.geometry import make_slots
from bimt.messages import UserError
from bimt.nets.base import Net
from bimt.tasks.base import Task
from bimt.wiring import Wiring


def make_net(config: TrainConfig, *, task: Task, generators: Sequence[torch.Generator]) -> Net:
    """Draws a fresh net for every generator.

    Each seed's numbers equal those of torch's default layers made in order after `torch.manual_seed` of its label.

    Args:
        config: Its `net`, `swaps.pinned` and `dtype` are read.
        task: What the net has to fit at both ends.
        generators: One per seed; each is advanced.

    Raises:
        UserError: If the family cannot learn the task, a layer has no neurons or a geometry cannot hold a population.
    """
    family, dtype = config.net, getattr(torch, config.dtype)
    wiring = fresh_wiring(config, task)
    seeds = [family.draw(wiring, generator, dtype) for generator in generators]
    stacked = {name: torch.stack([parameters[name] for parameters in seeds]) for name in seeds[0]}
    return family.assemble(wiring, stacked, task)


def fresh_wiring(config: TrainConfig, task: Task) -> Wiring:
    """Returns the wiring of a net that no neuron has moved in; errors as in `make_net`."""
    return config.net.wiring(_slots(config, task), task, pinned=config.swaps.pinned)


def net_tensors(net: Net) -> dict[str, Tensor]:
    """Returns everything that a net is made of besides its wiring: parameters, slots and places, for a file."""
    tensors = dict(net.parameters)
    for name, place in net.places.items():
        tensors[f"places.{name}"] = place
        slots = net.wiring.population(name).slots
        if slots is not None:
            tensors[f"slots.{name}"] = slots
    return {name: tensor.detach().contiguous() for name, tensor in tensors.items()}


def restore_net(config: TrainConfig, task: Task, tensors: Mapping[str, Tensor]) -> Net:
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
    wiring = config.net.wiring(groups["slots"], task, pinned=config.swaps.pinned)
    return config.net.assemble(wiring, parameters, task).replaced(places=groups["places"])


def _slots(config: TrainConfig, task: Task) -> dict[str, Tensor]:
    sizes = config.net.sizes(task)
    try:
        return {name: make_slots(config.net.geometry_of(name), size) for name, size in sizes.items()}
    except ValueError as error:
        raise UserError(f"net.geometry does not fit the net's sizes {list(sizes.values())}: {error}") from error
