"""What training changes: all parameters of all seeds in one flat tensor, and AdamW's running means of their slopes."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from bimt.device import CPU
from bimt.nets.base import Net


@dataclass(frozen=True, eq=False)
class State:
    """Tensors that are written in place; parameters one behind the other, each with all its seeds."""

    flat: Float[Tensor, " numbers"]
    first_moment: Float[Tensor, " numbers"]
    second_moment: Float[Tensor, " numbers"]

    @classmethod
    def of(cls, net: Net, device: torch.device = CPU) -> "State":
        """Copies a net's parameters onto a device; the means are zero."""
        flat = torch.cat([tensor.detach().flatten() for tensor in net.parameters.values()]).to(device)
        return cls(flat, torch.zeros_like(flat), torch.zeros_like(flat))

    def view(self, net: Net) -> Net:
        """Returns the net that looks into the state: whatever is written there is its parameters.

        Its places stay on the CPU, where neurons are moved.
        """
        return net.replaced(parameters=dict(zip(net.parameters, parts(self.flat, net), strict=True)))


class Speed(NamedTuple):
    """How far a step of AdamW goes."""

    rate: float
    """The learning rate."""
    decay: float = 0.0
    """The weight decay: rate * decay of every parameter is lost before each step (Loshchilov and Hutter 2019)."""


class Taken(NamedTuple):
    """What became of one seed that was asked to take steps."""

    steps: int
    """How many it took: fewer than asked for where the loss of the next is no finite number."""
    loss: float
    """That loss; any finite number where all were taken."""


def parts(flat: Float[Tensor, " numbers"], net: Net) -> list[Float[Tensor, "seeds ..."]]:
    """Looks at a flat tensor as a net's parameters."""
    shapes = [tensor.shape for tensor in net.parameters.values()]
    return [part.view(shape) for part, shape in zip(flat.split([s.numel() for s in shapes]), shapes, strict=True)]
