"""What a net says of every pair of numbers whose sum it has learnt: logits, gradients, embeddings.

The metrics of clock and pizza see a net through this only, so that they are the same for every family.
"""

import itertools
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeGuard

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from bimt.checkpoint import Checkpoint
from bimt.messages import UserError
from bimt.nets.base import Net
from bimt.tasks.base import Task
from bimt.tasks.modular_addition import ModularAdditionTask
from bimt.wiring import Link
from interp.embedding import token_tables
from interp.linear_tail import linear_tail
from interp.rows import in_pieces
from interp.sparse import Neuron

MOST = 250
"""The largest modulus: arrays of p^3 numbers are held, several at a time."""


@dataclass(frozen=True, eq=False)
class PairNet:
    """A net of one seed in float64 that adds two numbers modulo p."""

    net: Net
    task: Task
    modulus: int
    tokens: Int[Tensor, "pairs positions"]
    """The rows of all pairs (a, b), b running faster."""

    @cached_property
    def logits(self) -> Float[np.ndarray, "a b classes"]:
        """What the net says of every pair, of every class (a token of the second operand is one too)."""
        with torch.no_grad():
            outputs = torch.cat([self.net.run(piece[None])[0] for piece in in_pieces(self.net, self.tokens)])
        return outputs.numpy().reshape(self.modulus, self.modulus, -1)

    def gradients(self, pairs: Int[np.ndarray, " rows"]) -> Float[np.ndarray, "classes operands rows dims"]:
        """Returns how the logits of the p answers respond to the embedding of either operand.

        Args:
            pairs: The number of each row's pair, a * p + b; a few hundred at a time, for memory.
        """
        sites = list(dict.fromkeys(link.target for link in self.tables))
        moments, width = self.net.moments, self.net.wiring.population_of(sites[0]).size
        shifts = {
            site: torch.zeros(1, len(pairs) * moments, width, dtype=self.net.dtype, requires_grad=True)
            for site in sites
        }
        edits = {site: _added(shift) for site, shift in shifts.items()}
        values = self.net.answering(self.tokens[torch.from_numpy(pairs)][None], edits)
        ends = {values[site]: slopes for site, slopes in linear_tail(self.net).items()}
        found = []
        for answer in range(self.modulus):
            # what lies behind the ends is the same for all pairs: worked out once, not pair by pair
            slopes = [row[answer].expand_as(value) for value, row in ends.items()]
            gradient = torch.autograd.grad(list(ends), list(shifts.values()), slopes, retain_graph=True)
            by_moment = [part.view(len(pairs), moments, width) for part in gradient]
            # one site that both operands pass at different moments, or a site for each
            both = [by_moment[0][:, 0], by_moment[0][:, 1]] if len(sites) == 1 else [part[:, 0] for part in by_moment]
            found.append(torch.stack(both))
        return torch.stack(found).numpy()

    @cached_property
    def tables(self) -> tuple[Link, Link]:
        """The look-up of either operand; the same weights where both share an embedding."""
        first, *rest = token_tables(self.net.wiring)
        return first, rest[0] if rest else first

    @cached_property
    def vocabulary(self) -> Float[np.ndarray, "vocabulary dims"]:
        """The embedding of every token, an equals sign included; of two tables one below the other."""
        links = {link.stored: link for link in self.tables}.values()
        return np.concatenate([self.net.weight(link)[0].detach().numpy().T for link in links])

    @property
    def halves(self) -> tuple[Float[np.ndarray, "p dims"], ...]:
        """The embedding of the numbers, operand by operand; one where operands share their tokens."""
        p, has_two_tables = self.modulus, self.tables[0].stored != self.tables[1].stored
        has_own_tokens = self.tokens[0, 1].item() == p
        first, second = self.vocabulary[:p], self.vocabulary[p : 2 * p]
        return (first, second) if has_two_tables or has_own_tokens else (first,)

    @property
    def sees_only_sums(self) -> bool:
        """Whether the wiring adds the embeddings up before anything else: then both gradients are equal."""
        sites = [link.target for link in self.tables]
        out = [[link for link in self.net.wiring.links if link.source == site] for site in sites]
        ends = [{(link.target, link.stored) for link in links} for links in out]
        return sites[0] != sites[1] and ends[0] == ends[1]

    def embedded(self, vocabulary: Float[np.ndarray, "vocabulary dims"]) -> "PairNet":
        """Returns the same net with another embedding, shaped as `vocabulary`; all behind it is worked out anew."""
        parameters = {name: tensor.clone() for name, tensor in self.net.parameters.items()}
        start = 0
        for stored, link in {link.stored: link for link in self.tables}.items():
            table = link.view(parameters[stored[0]])
            table[0] = torch.from_numpy(vocabulary[start : start + table.shape[2]].T)
            start += table.shape[2]
        return replace(self, net=self.net.replaced(parameters=parameters))

    def restricted(self, neurons: Collection[Neuron]) -> "PairNet":
        """Returns the same net with only some dimensions of the embedding left: those of a module."""
        kept = [index for site, index in neurons if site == self.tables[0].target]
        mask = np.zeros(self.vocabulary.shape[1], dtype=bool)
        mask[kept] = True
        return self.embedded(np.where(mask, self.vocabulary, 0.0))


def pair_net(checkpoint: Checkpoint, net: Net) -> PairNet:
    """Returns what the metrics of clock and pizza look at.

    Args:
        checkpoint: Its task must be the sum of two numbers.
        net: One of its seeds, as trained, pruned or cut.

    Raises:
        UserError: If the task is another, or its modulus larger than `MOST`.
    """
    task = checkpoint.config.task
    if not adds(task):
        found = ", ".join(f"{key}={value}" for key, value in _named(task.model_dump()).items())
        raise UserError(f"clock and pizza are about modular addition of two numbers, got the task {found}")
    if task.modulus > MOST:
        raise UserError(f"a modulus of at most {MOST} can be measured (its cube is held in memory), got {task.modulus}")
    pairs = np.array(list(itertools.product(range(task.modulus), repeat=2)))
    return PairNet(net.to(torch.float64), checkpoint.task, task.modulus, torch.from_numpy(task.tokens(pairs)).long())


def adds(task: object) -> TypeGuard[ModularAdditionTask]:
    """Tells whether a task is the sum of two numbers modulo another."""
    return isinstance(task, ModularAdditionTask) and task.operands == 2 and task.operation == "+"


def can_measure(task: object) -> TypeGuard[ModularAdditionTask]:
    """Tells whether `pair_net` takes nets of a task."""
    return adds(task) and task.modulus <= MOST


def _named(task: Mapping[str, object]) -> dict[str, object]:
    return {key: task[key] for key in ("name", "operands", "operation") if key in task}


def _added(shift: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda value: value + shift
