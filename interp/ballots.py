"""What every module of a net says of every row, all modules' contributions side by side."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from bimt.messages import UserError
from bimt.nets.base import Net
from interp.contributions import speakers, without_bias
from interp.modules import Modules
from interp.rows import run_rows


@dataclass(frozen=True, eq=False)
class Ballots:
    """The contributions of a net's modules to its logits; together with the rest and the bias they are its logits.

    Everything is centred over classes: what speaks for all classes alike speaks for none.
    """

    modules: tuple[str, ...]
    contributions: Float[np.ndarray, "modules rows classes"]
    """c_m = W_out,m h_m."""
    rest: Float[np.ndarray, "rows classes"]
    """The contribution of neurons in no module."""
    bias: Float[np.ndarray, "rows classes"]
    """The outputs' bias, the same in every row."""
    targets: Int[np.ndarray, " rows"]
    """The right answers."""

    @property
    def answers(self) -> Int[np.ndarray, "modules rows"]:
        """The class that each module speaks for most; -1 where two are exactly alike: then it gives no answer."""
        return np.stack([_largest(each) for each in self.contributions])

    @property
    def right(self) -> Bool[np.ndarray, "modules rows"]:
        """Where each module's answer is right."""
        return self.answers == self.targets

    @property
    def margins(self) -> Float[np.ndarray, "modules rows"]:
        """By how much each module prefers the right answer to its best wrong one."""
        return np.stack([margins_of(each, self.targets) for each in self.contributions])

    @property
    def by_answer(self) -> Float[np.ndarray, " modules"]:
        """The share of the variance of each module's contributions that the right answer explains.

        1: it says the same of all rows that have one answer; dealing anew then changes nothing.
        """
        return np.array([explained_by(each, self.targets) for each in self.contributions])

    def by_sum(self, members: Sequence[int], *, with_bias: bool = True) -> Bool[np.ndarray, " rows"]:
        """Tells which rows some modules get right together: their contributions added up, with the rest (and bias)."""
        total = self.rest + self.bias if with_bias else self.rest.copy()
        for member in members:
            total += self.contributions[member]
        return margins_of(total, self.targets) > 0

    def by_plurality(self, members: Sequence[int]) -> Float[np.ndarray, " rows"]:
        """Returns how far each row is right by the modules' votes, one each.

        1 where the right answer has most votes; where k answers have equally many and the right one is among them, 1/k.
        """
        answers = self.answers[list(members)]
        given = answers >= 0
        votes = np.where(given, (answers[:, None] == answers[None]).sum(1), 0)
        most = votes.max(0)
        leading = np.where(given & (votes == most), 1 / np.maximum(votes, 1), 0.0).sum(0)
        is_right = (answers == self.targets).sum(0) == most
        return np.where(most > 0, is_right / np.maximum(leading, 1), 1 / self.rest.shape[1])

    def rows(self, chosen: Bool[np.ndarray, " rows"]) -> "Ballots":
        """Returns some of the rows."""
        return replace(
            self,
            contributions=self.contributions[:, chosen],
            rest=self.rest[chosen],
            bias=self.bias[chosen],
            targets=self.targets[chosen],
        )

    def shuffled(self, generator: np.random.Generator) -> "Ballots":
        """Returns the same with each module's contributions dealt anew among the rows that have the same answer.

        So every module is right as often as before, answer by answer, and independent of the others.
        """
        places = np.argsort(self.targets, kind="stable")
        dealt = np.empty_like(self.contributions)
        for old, new in zip(self.contributions, dealt, strict=True):
            new[places] = old[np.lexsort((generator.random(len(places)), self.targets))]
        return replace(self, contributions=dealt)


def cast_ballots(
    net: Net, modules: Modules, inputs: Shaped[Tensor, "rows inputs"], targets: Int[Tensor, " rows"]
) -> Ballots:
    """Lets every module that speaks to the outputs speak alone.

    Args:
        net: One seed, pruned, that classifies.
        modules: Of its graph.
        inputs: In the units that the net sees.
        targets: The right answers.

    Raises:
        UserError: If there are no two modules that speak to the same output.
    """
    alone = speakers(net, modules)
    if len(alone) < 2:
        raise UserError(f"modules vote where at least two speak to the outputs, got {len(alone)}: see bimt modules")
    if not _meet(list(alone.values())):
        raise UserError("modules vote where they meet in the same outputs, got modules with outputs of their own")
    silent = without_bias(net)
    whole, unbiased = _logits(net, inputs), _logits(silent, inputs)
    contributions = np.stack([_logits(each, inputs) for each in alone.values()])
    return Ballots(
        modules=tuple(alone),
        contributions=contributions,
        rest=_exact(unbiased - contributions.sum(0), scale=unbiased),
        bias=whole - unbiased,
        targets=targets.numpy(),
    )


def can_meet(net: Net, modules: Modules) -> bool:
    """Tells whether at least two modules speak to the same output."""
    alone = speakers(net, modules)
    return len(alone) > 1 and _meet(list(alone.values()))


def explained_by(values: Float[np.ndarray, "rows columns"], groups: Int[np.ndarray, " rows"]) -> float:
    """Returns which share of the variance over rows the groups explain; 0 where there is none.

    Example:
        >>> explained_by(np.array([[1.0], [1.0], [3.0], [3.0]]), np.array([0, 0, 1, 1]))
        1.0
    """
    centred = values - values.mean(0)
    whole = float(np.square(centred).sum())
    sums = np.zeros((int(groups.max()) + 1, values.shape[1]))
    np.add.at(sums, groups, centred)
    counts = np.maximum(np.bincount(groups, minlength=len(sums)), 1)
    return float((np.square(sums) / counts[:, None]).sum()) / whole if whole > 0 else 0.0


def margins_of(
    values: Float[np.ndarray, "rows classes"], targets: Int[np.ndarray, " rows"]
) -> Float[np.ndarray, " rows"]:
    """Returns by how much each row prefers the right answer to its best wrong one: above 0 where it is right.

    A tie is no answer, so it is not right.
    """
    wrong, rows = values.copy(), np.arange(len(targets))
    wrong[rows, targets] = -np.inf
    return values[rows, targets] - wrong.max(1)


def _largest(values: Float[np.ndarray, "rows classes"]) -> Int[np.ndarray, " rows"]:
    """Returns the class with the largest value of each row; -1 where two have it."""
    first = values.argmax(1)
    alike = (values == values.max(1, keepdims=True)).sum(1)
    return np.where(alike == 1, first, -1)


def _meet(alone: Sequence[Net]) -> bool:
    """Tells whether some output hears two modules."""
    ends = {site.name for site in alone[0].wiring.outputs}
    for link in alone[0].wiring.links:
        if link.target in ends:
            heard = torch.stack([(net.weight(link)[0] != 0).any(1) for net in alone])
            if bool((heard.sum(0) > 1).any()):
                return True
    return False


def _logits(net: Net, inputs: Tensor) -> Float[np.ndarray, "rows classes"]:
    logits = run_rows(net, inputs)[0].numpy()
    return logits - logits.mean(1, keepdims=True)


def _exact(values: np.ndarray, *, scale: np.ndarray) -> np.ndarray:
    """Returns zeros where there is nothing but rounding."""
    return np.zeros_like(values) if np.abs(values).max() <= 1e-10 * np.abs(scale).max() else values
