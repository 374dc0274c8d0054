"""What the training split says to many cuts of one net at once, in bounded memory and without idle neurons."""

import torch
from jaxtyping import Float
from torch import Tensor

from bimt.nets.base import Net
from bimt.tasks.base import Task
from interp.compact import without_idle
from interp.rows import run_rows

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
    compact = without_idle(net, task, kept)
    net, inputs = compact.net, compact.inputs(task.train.inputs)
    many = {}
    for name, tensor in net.parameters.items():
        copies = tensor.expand(len(cuts), *tensor.shape[1:])
        limit = cuts.view(-1, *([1] * (tensor.ndim - 1)))
        many[name] = torch.where(tensor.abs() >= limit, copies, 0.0) if name in weights else copies
    places = {name: place.expand(len(cuts), -1) for name, place in net.places.items()}
    return task.explained(run_rows(net.replaced(parameters=many, places=places), inputs), task.train.targets[None])
