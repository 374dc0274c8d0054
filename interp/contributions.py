"""A module by itself: the net in which only its neurons speak to the outputs, or only its inputs are read."""

from collections.abc import Collection

import torch

from bimt.nets.base import Net
from bimt.wiring import Wiring
from interp.modules import Modules
from interp.sparse import Neuron


def speakers(net: Net, modules: Modules) -> dict[str, Net]:
    """Returns for each module the net in which it alone speaks to the outputs.

    Connections into the outputs from all other neurons are zero, and so are the outputs' biases. So the logits of all
    modules, and those of neurons in no module, add up to the net's logits without its bias.

    Args:
        net: One seed, pruned.
        modules: Of its graph; those without a neuron that an output reads are left out.
    """
    wiring = net.wiring
    ends = {site.name for site in wiring.outputs}
    heard = {link.source for link in wiring.links if link.target in ends}
    everyone = {Neuron(site, index) for site in heard for index in range(wiring.population_of(site).size)}
    unbiased, found = without_bias(net), {}
    for module in modules.modules:
        own = everyone.intersection(module.neurons)
        if own:
            found[module.name] = _silenced(unbiased, everyone - own, into=ends)
    return found


def without_bias(net: Net) -> Net:
    """Returns the net without the biases of its outputs."""
    silent = net.replaced(parameters={name: tensor.clone() for name, tensor in net.parameters.items()})
    for site in silent.wiring.outputs:
        bias = silent.bias(site.name)
        if bias is not None:
            bias.zero_()
    return silent


def readers(net: Net, modules: Modules) -> dict[str, Net]:
    """Returns for each module the net that is blind to the inputs (embedding dimensions) of all other modules.

    The other way to hear a module alone: biases stay, and neurons that are in no module, so it is not the same.
    """
    entries = entry_sites(net.wiring)
    inputs = {
        module.name: {neuron for neuron in module.neurons if neuron.site in entries} for module in modules.modules
    }
    found = {}
    for name, own in inputs.items():
        if own:
            others = (each for other, each in inputs.items() if other != name)
            found[name] = _silenced(net, set().union(*others))
    return found


def knocked_out(net: Net, modules: Modules) -> dict[str, Net]:
    """Returns for each module the net without it: blind to its inputs."""
    entries = entry_sites(net.wiring)
    found = {}
    for module in modules.modules:
        gone = {neuron for neuron in module.neurons if neuron.site in entries}
        if gone:
            found[module.name] = _silenced(net, gone)
    return found


def entry_sites(wiring: Wiring) -> frozenset[str]:
    """Returns where data come in: sites of inputs with slots, and those that look tokens up."""
    numbers = {site.name for site in wiring.inputs if wiring.population_of(site.name).slots is not None}
    return frozenset(numbers | {link.target for link in wiring.links if wiring.is_look_up(link)})


def _silenced(net: Net, gone: Collection[Neuron], *, into: set[str] | None = None) -> Net:
    """Returns the net in which nothing flows from some neurons (into some sites only)."""
    wiring = net.wiring
    parameters = {name: tensor.clone() for name, tensor in net.parameters.items()}
    for link in wiring.links:
        if wiring.is_look_up(link) or (into is not None and link.target not in into):
            continue
        size = wiring.population_of(link.source).size
        silent = torch.tensor([Neuron(link.source, index) in gone for index in range(size)], dtype=torch.bool)
        link.view(parameters[link.parameter])[:, :, silent] = 0.0
    return net.replaced(parameters=parameters)
