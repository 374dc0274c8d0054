"""What the training split says to many cuts of one net at once, in bounded memory and without idle neurons."""

from collections.abc import Mapping

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from bimt.nets.base import Net
from bimt.tasks.base import Task
from interp.rows import run_rows
from interp.sparse import reaching

_ANSWERS = 2**23
"""How many answers all candidates of one batch may give."""


def cuttable(net: Net) -> set[str]:
    """Returns the names of the stored weights that pruning may cut: look-ups are no connections in space."""
    return {link.parameter for link in net.wiring.distinct_links(look_ups=False)}


def explained_by(net: Net, task: Task, cuts: Float[Tensor, " cuts"]) -> Float[Tensor, " cuts"]:
    """Returns the explained share of the training split after each cut.

    Args:
        net: One seed.
        task: Its training split is asked.
        cuts: Thresholds: every connection with a smaller |w| is cut.
    """
    together = max(_ANSWERS // max(len(task.train) * len(task.answers), 1), 1)
    return torch.cat([_explained(net, task, some) for some in cuts.split(together)])


def _explained(net: Net, task: Task, cuts: Float[Tensor, " cuts"]) -> Float[Tensor, " cuts"]:
    weights = cuttable(net)
    smallest = cuts.min()
    kept = {
        name: (tensor.abs() >= smallest) & (tensor != 0)
        if name in weights
        else torch.ones_like(tensor, dtype=torch.bool)
        for name, tensor in net.parameters.items()
    }
    net, inputs = _without_idle(net, task, kept)
    many = {}
    for name, tensor in net.parameters.items():
        copies = tensor.expand(len(cuts), *tensor.shape[1:])
        limit = cuts.view(-1, *([1] * (tensor.ndim - 1)))
        many[name] = torch.where(tensor.abs() >= limit, copies, 0.0) if name in weights else copies
    places = {name: place.expand(len(cuts), -1) for name, place in net.places.items()}
    return task.explained(run_rows(net.replaced(parameters=many, places=places), inputs), task.train.targets[None])


def _without_idle(net: Net, task: Task, kept: Mapping[str, Tensor]) -> tuple[Net, Tensor]:
    """Returns a smaller net with the same outputs, and the inputs that it reads: nothing reads the other neurons."""
    wiring, inputs = net.wiring, task.train.inputs
    heard = reaching(wiring, kept)
    neurons: dict[str, Int[Tensor, " kept"]] = {}
    for population in wiring.populations:
        sites = [site for site in wiring.sites if site.population == population.name]
        needed = torch.stack([heard[site.name] for site in sites]).any(0)
        if all(site.role == "hidden" for site in sites):
            neurons[population.name] = filled_blocks(needed, population.blocks)
        elif sites[0].role == "input" and _are_columns(net, task) and needed.any():
            neurons[population.name] = needed.nonzero()[:, 0]
            inputs = inputs[:, needed]
    return net.take(neurons), inputs


def _are_columns(net: Net, task: Task) -> bool:
    """Tells whether there is one input site and every neuron of it reads one column of the inputs."""
    sites = net.wiring.inputs
    return (
        len(sites) == 1
        and not task.tokens
        and net.wiring.population_of(sites[0].name).size == task.train.inputs.shape[1]
    )


def filled_blocks(alive: Bool[Tensor, " size"], blocks: int) -> Int[Tensor, " kept"]:
    """Returns the live neurons; blocks with some are filled up with dead ones until all have equally many."""
    cells = alive.view(blocks, -1)
    most = int(cells.sum(1).max()) if alive.any() else 0
    # the live ones first, each group in order
    order = (~cells).to(torch.int8).argsort(dim=1, stable=True)[:, :most].sort(dim=1).values
    first = torch.arange(blocks)[:, None] * cells.shape[1]
    return (order + first)[cells.any(1)].flatten()
