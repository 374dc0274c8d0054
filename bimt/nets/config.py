"""What every family of nets has to say about itself: its settings, its wiring, its first weights."""

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from bimt.geometry import Geometry
from bimt.nets.activations import Activation
from bimt.nets.base import Net
from bimt.strict import StrictModel
from bimt.tasks.base import Task
from bimt.wiring import Wiring


class NetConfig(StrictModel):
    """The shape of a net. A family is one subclass, and nothing outside asks which."""

    family: str
    """Which kind of net."""
    activation: Activation = "silu"
    """Nonlinearity of the hidden neurons."""
    geometry: dict[str, Geometry] = Field(default_factory=dict)
    """Where the neurons of a population sit, by the population's name; `hidden` stands for all others but `in` and
    `out`. What is not named sits on a line."""

    @property
    @abstractmethod
    def populations(self) -> tuple[str, ...]:
        """Names of the populations with slots, from input to output."""

    def geometry_of(self, population: str) -> Geometry:
        """Returns where the neurons of a population sit."""
        usual = "line" if population in ("in", "out") else self.geometry.get("hidden", "line")
        return self.geometry.get(population, usual)

    @abstractmethod
    def sizes(self, task: Task) -> dict[str, int]:
        """Returns how many neurons each of these populations has in a net for a task.

        Raises:
            UserError: If this family cannot learn the task, or a population would be empty.
        """

    @abstractmethod
    def wiring(self, slots: Mapping[str, Tensor], task: Task, *, pinned: Sequence[str] = ()) -> Wiring:
        """Wires populations whose slots are given, (size, dims) each."""

    @abstractmethod
    def draw(self, wiring: Wiring, generator: torch.Generator, dtype: torch.dtype) -> dict[str, Tensor]:
        """Draws the parameters of one seed, without the seeds axis, as torch's default layers would."""

    @abstractmethod
    def assemble(self, wiring: Wiring, parameters: Mapping[str, Tensor], task: Task) -> Net:
        """Joins parameters, (seeds, ...), to a wiring that this configuration made."""

    @abstractmethod
    def resized(self, net: Net) -> "NetConfig":
        """Returns the configuration of a net of this family that was made smaller by pruning."""


def draw_linear(
    target: int, source: int, generator: torch.Generator, dtype: torch.dtype
) -> tuple[Float[Tensor, "target source"], Float[Tensor, " target"]]:
    """Draws weight and bias of one linear layer exactly as `nn.Linear` does: uniform in +-1 / sqrt(source)."""
    weight = torch.empty(target, source, dtype=dtype)
    nn.init.kaiming_uniform_(weight, a=math.sqrt(5), generator=generator)
    bound = 1 / math.sqrt(source) if source else 0.0
    return weight, torch.empty(target, dtype=dtype).uniform_(-bound, bound, generator=generator)
