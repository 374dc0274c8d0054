"""What a task is: named inputs and outputs, a training and a test split, the scaling between the table and the net."""

from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from bimt.device import CPU

Kind = Literal["regression", "classification"]


@dataclass(frozen=True, eq=False)
class Split:
    """Rows of a data set, in the units that the net sees."""

    inputs: Shaped[Tensor, "*rows inputs"]
    """(rows, inputs), or (seeds, rows, inputs) where every seed has rows of its own. Where the task has tokens, the
    index of each position's token, long; where it has several moments, the inputs of each, one moment after the other.
    """
    targets: Tensor
    """Regression: (rows, answers), float. Classification: (rows,), the index of the class, long."""

    def to(self, dtype: torch.dtype, device: torch.device = CPU) -> "Split":
        """Returns the split in another float type, on a device; class indices stay what they are."""
        inputs, targets = (
            part.to(device, dtype if part.is_floating_point() else part.dtype) for part in (self.inputs, self.targets)
        )
        return Split(inputs, targets)

    def rows(self, indices: Tensor) -> "Split":
        """Returns some of the rows; `indices` may be (rows,) or, one choice per seed, (seeds, rows)."""
        return Split(self.inputs[indices], self.targets[indices])

    def __len__(self) -> int:
        """Number of rows."""
        return self.inputs.shape[-2]


@dataclass(frozen=True, eq=False)
class Scaling:
    """How the table's units follow from the net's: table = net * scale + shift, column by column, float64."""

    input_shift: Float[Tensor, " inputs"]
    input_scale: Float[Tensor, " inputs"]
    output_shift: Float[Tensor, " outputs"]
    output_scale: Float[Tensor, " outputs"]

    @staticmethod
    def none(inputs: int, outputs: int) -> "Scaling":
        """Returns the scaling of data that the net sees as they are."""
        zeros, ones = torch.zeros, torch.ones
        return Scaling(
            zeros(inputs, dtype=torch.float64),
            ones(inputs, dtype=torch.float64),
            zeros(outputs, dtype=torch.float64),
            ones(outputs, dtype=torch.float64),
        )

    def to_net(self, table: Float[Tensor, "*rows inputs"]) -> Float[Tensor, "*rows inputs"]:
        """Turns inputs in the table's units into what the net sees."""
        return (table - self.input_shift) / self.input_scale

    def to_table(self, outputs: Float[Tensor, "*rows outputs"]) -> Float[Tensor, "*rows outputs"]:
        """Turns what the net says into the table's units (logits stay logits)."""
        return outputs * self.output_scale + self.output_shift

    def inputs_to_table(self, inputs: Float[Tensor, "*rows inputs"]) -> Float[Tensor, "*rows inputs"]:
        """Turns what the net sees back into the table's units."""
        return inputs * self.input_scale + self.input_shift


@dataclass(frozen=True, eq=False)
class Task:
    """What a net is trained on and judged by."""

    name: str
    kind: Kind
    inputs: tuple[str, ...]
    """A name for every input neuron; of tokens, for every token at every position."""
    outputs: tuple[str, ...]
    """A name for every output neuron; in classification one per class."""
    train: Split
    test: Split
    scaling: Scaling
    classes: tuple[str, ...] = ()
    """The classes as the table spells them, in the order of the outputs; empty in regression."""
    squared: bool = False
    """Classification only: the loss is the mean squared error to one-hot targets (as published for images)."""
    tokens: tuple[str, ...] = ()
    """Names of the positions that hold a token each; empty where inputs are numbers."""
    moments: int = 1
    """How often a net looks at each row: the length of a sequence."""
    reads: tuple[tuple[int, int], ...] = ()
    """Where the answers stand, as (moment, output neuron); empty where they are the outputs, in order."""
    answer_names: tuple[str, ...] = ()
    """Their names; empty where they are the outputs."""
    judged: tuple[int, ...] = ()
    """Regression only: which answers the metric averages over; empty means all."""

    @property
    def answers(self) -> tuple[str, ...]:
        """A name for every number that a net says about a row."""
        return self.answer_names or self.outputs

    @property
    def vocabulary(self) -> int:
        """How many tokens there are."""
        return len(self.inputs) // max(len(self.tokens), 1)

    def to(self, dtype: torch.dtype, device: torch.device = CPU) -> "Task":
        """Returns the task with both splits in another float type, on a device."""
        return replace(self, train=self.train.to(dtype, device), test=self.test.to(dtype, device))

    def loss(self, outputs: Float[Tensor, "seeds rows outputs"], targets: Tensor) -> Float[Tensor, " seeds"]:
        """Returns each seed's loss: the mean squared error over rows and answers, or the mean cross-entropy.

        Args:
            outputs: What the net says, in the net's units.
            targets: As in `Split`; a leading seeds axis is allowed.
        """
        if self.kind == "regression":
            return (outputs - targets).square().mean(dim=(1, 2))
        if self.squared:
            return (outputs - self._one_hot(targets, outputs)).square().mean(dim=(1, 2))
        return _cross_entropy(outputs, targets).mean(dim=1)

    def metric(self, outputs: Float[Tensor, "seeds rows outputs"], targets: Tensor) -> Float[Tensor, " seeds"]:
        """Returns each seed's R^2 averaged over the judged answers, or its accuracy: higher is better, at most 1."""
        if self.kind == "regression":
            columns = list(self.judged) or slice(None)
            return _r_squared(outputs[..., columns], targets[..., columns]).mean(dim=1)
        return (outputs.argmax(-1) == targets).to(outputs.dtype).mean(dim=1)

    def explained(self, outputs: Float[Tensor, "seeds rows outputs"], targets: Tensor) -> Float[Tensor, " seeds"]:
        """Returns the share of the loss that is explained: 1 - loss / loss of the best constant, at most 1.

        In regression it is averaged over outputs, so it equals the metric; in classification it resolves what an
        accuracy on a hundred rows cannot. Where all rows are of one class, the best constant loses nothing: 1 - loss.
        """
        if self.kind == "regression":
            return self.metric(outputs, targets)
        counts = torch.bincount(targets.flatten(), minlength=len(self.outputs)).to(outputs.dtype)
        share = counts / counts.sum()
        if self.squared:
            constant = (share * (1 - share)).mean()
        else:
            constant = -(share * share.clamp_min(torch.finfo(share.dtype).tiny).log()).sum()
        return 1 - self.loss(outputs, targets) / torch.where(constant > 0, constant, 1.0)

    def per_output(
        self, outputs: Float[Tensor, "seeds rows outputs"], targets: Tensor
    ) -> Float[Tensor, "seeds outputs"]:
        """Returns the metric output by output: R^2, or the share of each class's rows that are recognised."""
        if self.kind == "regression":
            return _r_squared(outputs, targets)
        members = self._one_hot(targets, outputs)
        right = (outputs.argmax(-1) == targets).to(outputs.dtype)[..., None] * members
        return right.sum(1) / members.sum(-2).clamp_min(1)

    def probabilities(self, outputs: Float[Tensor, "*rows outputs"]) -> Float[Tensor, "*rows outputs"]:
        """Returns the probability of every class: the softmax of logits.

        Outputs that were fitted to one-hot targets by squared error are estimates of it already; they are held between
        0 and 1 and made to sum to 1 (evenly shared out where none is above 0).
        """
        if not self.squared:
            return outputs.softmax(-1)
        held = outputs.clamp(0, 1)
        total = held.sum(-1, keepdim=True)
        return torch.where(total > 0, held / torch.where(total > 0, total, 1.0), 1 / outputs.shape[-1])

    def _one_hot(self, targets: Tensor, outputs: Tensor) -> Tensor:
        return torch.nn.functional.one_hot(targets, len(self.outputs)).to(outputs.dtype)


def _cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    log_shares = outputs.log_softmax(-1)
    return -log_shares.gather(-1, targets.expand(outputs.shape[:2])[..., None])[..., 0]


def _r_squared(outputs: Tensor, targets: Tensor) -> Tensor:
    residual = (outputs - targets).square().sum(-2)
    total = (targets - targets.mean(-2, keepdim=True)).square().sum(-2)
    # a column that never changes has nothing to explain: 1 if it is hit exactly, else 0 (as scikit-learn has it)
    constant = (residual == 0).to(residual.dtype)
    return torch.where(total > 0, 1 - residual / torch.where(total > 0, total, 1.0), constant)
