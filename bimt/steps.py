"""How training takes its steps: by torch's autograd, or by native code where some can be made."""

import math
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.optim.adamw import adamw

from bimt.compiled.compiler import NoCompiler
from bimt.compiled.plan import NotCompilable
from bimt.compiled.steps import CompiledSteps
from bimt.config import TrainConfig
from bimt.device import CPU
from bimt.messages import UserError
from bimt.nets.base import Net
from bimt.state import Speed, State, Taken, parts
from bimt.tasks.base import Split, Task

_WORTH = 1_000
"""Shorter runs are not worth a compiler's second."""


@runtime_checkable
class Steps(Protocol):
    """Minimises loss plus price * |w| with AdamW, seed by seed, in place."""

    name: str
    """For the record: the last bits depend on it."""
    at_once: int
    """How many steps may be asked for."""

    def take_(
        self,
        price: Float[Tensor, " numbers"],
        chosen: Int[Tensor, "seeds steps batch"] | None,
        *,
        rows: Sequence[int],
        begun: int,
        steps: int,
    ) -> list[Taken]:
        """Takes steps.

        Args:
            price: Of every parameter.
            chosen: The training rows of every batch; None: all of them, in order.
            rows: The seeds that move.
            begun: Steps already taken.
            steps: To take.

        Returns:
            What became of each of `rows`.
        """

    def answers(self, split: Split) -> Float[Tensor, "seeds rows answers"]:
        """Returns what every seed says to a split."""


def choose_steps(config: TrainConfig, net: Net, state: State, task: Task) -> tuple[Steps, str]:
    """Returns what takes the steps, and a word to the user where that is not what the settings hope for.

    Args:
        config: Its engine, batch, learning rate and weight decay; on another device than the CPU its engine is not
            "compiled".
        net: That looks into the state.
        state: What is trained.
        task: In the net's type, on the state's device.

    Raises:
        UserError: If compiled steps must be taken and cannot.
    """
    is_asked, speed = config.engine == "compiled", Speed(config.learning_rate, config.weight_decay)
    if config.engine == "plain" or (not is_asked and config.steps < _WORTH):
        return PlainSteps(net, state, task, speed=speed), ""
    if state.flat.device != CPU:
        word = f"training with torch on {state.flat.device}: compiled steps are for the CPU"
        return PlainSteps(net, state, task, speed=speed), word
    batch = len(task.train) if config.batch == "full" else config.batch
    try:
        return CompiledSteps(net, state, task, batch=batch, speed=speed), ""
    except (NotCompilable, NoCompiler) as reason:
        if is_asked:
            raise UserError(f'engine "compiled" cannot train this net: {reason}; set engine to "auto"') from reason
        word = f"training with torch, not with compiled steps: {reason}" if isinstance(reason, NoCompiler) else ""
        return PlainSteps(net, state, task, speed=speed), word


class PlainSteps:
    """Steps by autograd: the gradient of the cost is known in closed form, autograd adds that of the loss."""

    name = "torch"
    at_once = 1

    def __init__(self, net: Net, state: State, task: Task, *, speed: Speed) -> None:
        """Looks into the state with tensors of its own, whose gradients are parts of one flat tensor."""
        self._state, self._task, self._speed = state, task, speed
        self._gradient = torch.zeros_like(state.flat)
        self._net = state.view(net)
        for leaf, part in zip(self._net.parameters.values(), parts(self._gradient, net), strict=True):
            leaf.requires_grad_()
            leaf.grad = part

    def take_(
        self, price: Tensor, chosen: Tensor | None, *, rows: Sequence[int], begun: int, steps: int
    ) -> list[Taken]:
        """Takes one step; as in `Steps`."""
        if steps != self.at_once:
            raise ValueError(f"`steps` must be 1, got {steps}: plain steps are taken one by one")
        torch.sign(self._state.flat, out=self._gradient)
        self._gradient.mul_(price)
        train = self._task.train
        batch = Split(train.inputs[None], train.targets[None]) if chosen is None else train.rows(chosen[:, 0])
        losses = self._losses(batch)
        found = losses.tolist()
        moving = [row for row in rows if math.isfinite(found[row])]
        (losses if len(moving) == len(found) else losses[moving]).sum().backward()
        self._descend(begun, still=set(range(len(found))).difference(moving))
        return [Taken(int(row in moving), found[row]) for row in rows]

    def _losses(self, batch: Split) -> Float[Tensor, " seeds"]:
        return self._task.loss(self._net.run(batch.inputs), batch.targets)

    @torch.no_grad()
    def answers(self, split: Split) -> Tensor:
        """Returns what every seed says to a split."""
        return self._net.run(split.inputs[None])

    @torch.no_grad()
    def _descend(self, begun: int, *, still: set[int]) -> None:
        """One step of AdamW on all parameters at once; torch's function, as its class costs more than the step.

        Seeds that stand still have no slope, and are given back what decay took.
        """
        leaves = self._net.parameters.values()
        before = [leaf.clone() for leaf in leaves] if still else []
        for row in still:
            for leaf in leaves:
                leaf.grad[row] = 0.0  # type: ignore[index]
        adamw(
            [self._state.flat],
            [self._gradient],
            [self._state.first_moment],
            [self._state.second_moment],
            [],
            [torch.tensor(float(begun), device=self._state.flat.device)],  # counted up by adamw
            fused=True,
            amsgrad=False,
            beta1=0.9,
            beta2=0.999,
            lr=self._speed.rate,
            weight_decay=self._speed.decay,
            eps=1e-8,
            maximize=False,
        )
        for row in still:
            for leaf, old in zip(leaves, before, strict=True):
                leaf[row] = old[row]
