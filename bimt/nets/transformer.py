"""The transformer without layer normalisation: one residual stream seen at many sites, attention heads as blocks."""

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, NamedTuple

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from bimt.messages import UserError
from bimt.nets.activations import ACTIVATIONS, Activation
from bimt.nets.base import Flow, Net
from bimt.nets.config import NetConfig, draw_linear
from bimt.strict import MOST
from bimt.tasks.base import Task
from bimt.wiring import Bias, Gate, Link, Population, Site, Skip, Wiring


class Transformer(Net):
    """Sites `in`, `resid.0`, then per layer l `q.l`, `k.l`, `v.l`, `z.l`, `resid`, `mlp.l`, `resid`, and `out`.

    Every moment sees itself and earlier ones. Moments lie behind rows: a site's value is (seeds, rows * moments, size).
    Parameters: `weight.qkv.l` (seeds, 3 * width, width) holds q, k and v one after the other.
    """

    def __init__(
        self,
        wiring: Wiring,
        parameters: Mapping[str, Tensor],
        *,
        activation: Activation,
        scale: float,
        moments: int,
        reads: tuple[tuple[int, int], ...],
    ) -> None:
        """Joins parameters to a wiring made by `TransformerConfig`.

        Args:
            wiring: What is connected to what.
            parameters: Stored tensors, (seeds, ...).
            activation: Of the layers `mlp.l`.
            scale: What the products of q and k are multiplied by before the softmax.
            moments: Length of a sequence.
            reads: Where the answers stand, as (moment, output neuron).
        """
        super().__init__(wiring, parameters)
        self.activation, self.scale, self.moments, self.reads = activation, scale, moments, reads

    @property
    def layers(self) -> int:
        """How many times attention and MLP alternate."""
        return sum(population.name.startswith("head.") for population in self.wiring.populations)

    def blank(self) -> Tensor:
        """Returns a sequence of zeros."""
        return torch.zeros(1, 1, self.moments * self.wiring.population("in").size, dtype=self.dtype)

    def _forward(self, x: Tensor, flow: Flow) -> Tensor:
        seeds, rows = x.shape[:2]
        flow.put("in", x.reshape(seeds, rows * self.moments, -1))
        stream = flow.put("resid.0", flow.drive("resid.0"))
        for layer in range(self.layers):
            q, k, v = (flow.put(name, flow.drive(name)) for name in (f"q.{layer}", f"k.{layer}", f"v.{layer}"))
            flow.put(f"z.{layer}", self._attended(q, k, v, heads=self.wiring.population(f"head.{layer}").blocks))
            attended, mixed = f"resid.{2 * layer + 1}", f"resid.{2 * layer + 2}"
            stream = flow.put(attended, stream + flow.drive(attended))
            flow.put(f"mlp.{layer}", ACTIVATIONS[self.activation](flow.drive(f"mlp.{layer}")))
            stream = flow.put(mixed, stream + flow.drive(mixed))
        out = flow.put("out", flow.drive("out")).view(seeds, rows, self.moments, -1)
        moments, neurons = zip(*self.reads, strict=True)
        return out[:, :, list(moments), list(neurons)]

    def _attended(self, q: Tensor, k: Tensor, v: Tensor, *, heads: int) -> Float[Tensor, "seeds rows_moments size"]:
        """Mixes v over this moment and earlier ones, head by head."""
        if v.shape[-1] == 0:
            return v
        q, k, v = (part.reshape(-1, self.moments, heads, v.shape[-1] // heads).transpose(1, 2) for part in (q, k, v))
        later = torch.ones(self.moments, self.moments, dtype=torch.bool).triu(1)
        scores = (self.scale * q @ k.mT).masked_fill(later, -torch.inf)
        mixed = (scores.softmax(-1) @ v).transpose(1, 2)
        return mixed.reshape(self.seeds, -1, heads * v.shape[-1])


class TransformerConfig(NetConfig):
    """A causal transformer without layer normalisation or positions (arXiv:2305.08746, section 3.4)."""

    family: Literal["transformer"] = "transformer"
    activation: Activation = "gelu_tanh"
    """Nonlinearity of the MLP layers."""
    width: int = Field(default=32, ge=0, le=MOST)
    """Width of the residual stream; 0 only in a net that was pruned until nothing was left."""
    layers: int = Field(default=2, ge=1, le=1000)
    """How many times attention and MLP alternate."""
    heads: int = Field(default=1, ge=1, le=MOST)
    """Attention heads of each layer."""
    attention: tuple[Annotated[int, Field(ge=0, le=MOST)], ...] | None = None
    """Neurons of each layer's attention, all heads together; null means the width. Pruning sets it."""
    blocks: tuple[Annotated[int, Field(ge=1, le=MOST)], ...] | None = None
    """Heads that are left in each layer; null means all. Pruning sets it."""
    mlp: tuple[Annotated[int, Field(ge=0, le=MOST)], ...] | None = None
    """Neurons of each layer's MLP; null means four times the width."""
    scale: float | None = Field(default=None, gt=0)
    """What products of q and k are multiplied by; null means one over the square root of width / heads,
    whatever `attention` and `blocks` say."""

    @property
    def populations(self) -> tuple[str, ...]:
        """Returns `in`, `resid`, `head.0`, `mlp.0`, ..., `out`."""
        inner = (f"{kind}.{layer}" for layer in range(self.layers) for kind in ("head", "mlp"))
        return "in", "resid", *inner, "out"

    def sizes(self, task: Task) -> dict[str, int]:
        """Returns the neurons of every population; as in `NetConfig`."""
        if task.tokens or not task.reads:
            raise UserError(f"net.family of the task {task.name} must not be transformer: its rows are no sequences")
        if self.width == 0:
            raise UserError("net.width must be at least 1, got 0")
        attention = self._by_layer("attention", self.attention, self.width)
        mlp = self._by_layer("mlp", self.mlp, 4 * self.width)
        blocks = self._by_layer("blocks", self.blocks, self.heads, unit="head")
        if any(size % count for size, count in zip(attention, blocks, strict=True)):
            key, found = ("heads", self.heads) if self.blocks is None else ("blocks", list(blocks))
            raise UserError(f"net.{key} must divide the attention's neurons {list(attention)}, got {found}")
        inner = (size for pair in zip(attention, mlp, strict=True) for size in pair)
        return dict(zip(self.populations, (len(task.inputs), self.width, *inner, len(task.outputs)), strict=True))

    def wiring(self, slots: Mapping[str, Tensor], task: Task, *, pinned: Sequence[str] = ()) -> Wiring:  # noqa: ARG002
        """Wires stream, heads and MLPs; as in `NetConfig`."""
        blocks = (self.heads,) * self.layers if self.blocks is None else self.blocks
        heads = {f"head.{layer}": count for layer, count in enumerate(blocks)}
        layers = [_layer(layer, len(slots[f"head.{layer}"])) for layer in range(self.layers)]
        return Wiring(
            populations=tuple(
                Population(name, len(slots[name]), slots[name], heads.get(name, 1), name not in pinned)
                for name in self.populations
            ),
            sites=(
                Site("in", "in", "input"),
                Site("resid.0", "resid"),
                *(site for layer in layers for site in layer.sites),
                Site("out", "out", "output"),
            ),
            links=(
                Link("resid.0", "in", "weight.resid.0"),
                *(link for layer in layers for link in layer.links),
                Link("out", f"resid.{2 * self.layers}", "weight.out"),
            ),
            biases=(
                Bias("resid.0", "bias.resid.0"),
                *(bias for layer in layers for bias in layer.biases),
                Bias("out", "bias.out"),
            ),
            skips=tuple(skip for layer in layers for skip in layer.skips),
            gates=tuple(gate for layer in layers for gate in layer.gates),
        )

    def draw(self, wiring: Wiring, generator: torch.Generator, dtype: torch.dtype) -> dict[str, Tensor]:
        """Draws linear layers in the order of the forward pass, q, k and v as one; as in `NetConfig`."""
        parameters: dict[str, Tensor] = {}
        for link in wiring.links:
            if link.parameter not in parameters:
                sizes = wiring.population_of(link.target).size, wiring.population_of(link.source).size
                rows = sizes[0] * (1 if link.rows is None else 3)
                weight, bias = draw_linear(rows, sizes[1], generator, dtype)
                parameters |= {link.parameter: weight, link.parameter.replace("weight", "bias", 1): bias}
        return parameters

    def assemble(self, wiring: Wiring, parameters: Mapping[str, Tensor], task: Task) -> Net:
        """Returns a `Transformer`; as in `NetConfig`."""
        return Transformer(
            wiring,
            parameters,
            activation=self.activation,
            scale=self._scale(),
            moments=task.moments,
            reads=task.reads,
        )

    def resized(self, net: Net) -> "TransformerConfig":
        """Returns it with other populations and the scale that it had; as in `NetConfig`."""
        heads, mlps = (
            [net.wiring.population(f"{kind}.{layer}") for layer in range(self.layers)] for kind in ("head", "mlp")
        )
        changed = {
            "width": net.wiring.population("resid").size,
            "attention": tuple(head.size for head in heads),
            "blocks": tuple(head.blocks for head in heads),
            "mlp": tuple(mlp.size for mlp in mlps),
            "scale": self._scale(),
        }
        return self.model_copy(update=changed)

    def _by_layer(
        self, key: str, given: tuple[int, ...] | None, usual: int, *, unit: str = "neuron"
    ) -> tuple[int, ...]:
        """Returns what a setting says of each layer; the usual number where it is null."""
        counts = (usual,) * self.layers if given is None else given
        if len(counts) != self.layers or 0 in counts:
            raise UserError(f"net.{key} must give each of {self.layers} layers at least one {unit}, got {list(counts)}")
        return counts

    def _scale(self) -> float:
        return 1 / math.sqrt(self.width / self.heads) if self.scale is None else self.scale


class _Layer(NamedTuple):
    """The wiring of one layer of a transformer."""

    sites: tuple[Site, ...]
    links: tuple[Link, ...]
    biases: tuple[Bias, ...]
    skips: tuple[Skip, ...]
    gates: tuple[Gate, ...]


def _layer(layer: int, size: int) -> _Layer:
    """Wires attention of so many neurons, and the MLP behind it."""
    before, attended, mixed = (f"resid.{2 * layer + offset}" for offset in range(3))
    head, mlp, z = f"head.{layer}", f"mlp.{layer}", f"z.{layer}"
    spans = {f"{name}.{layer}": (at * size, (at + 1) * size) for at, name in enumerate("qkv")}
    q, k, v = spans
    return _Layer(
        sites=(
            *(Site(name, head) for name in (q, k, v, z)),
            Site(attended, "resid"),
            Site(mlp, mlp),
            Site(mixed, "resid"),
        ),
        links=(
            *(Link(name, before, f"weight.qkv.{layer}", rows=rows) for name, rows in spans.items()),
            Link(attended, z, f"weight.{attended}"),
            Link(mlp, attended, f"weight.{mlp}"),
            Link(mixed, mlp, f"weight.{mixed}"),
        ),
        biases=(
            *(Bias(name, f"bias.qkv.{layer}", rows) for name, rows in spans.items()),
            *(Bias(name, f"bias.{name}") for name in (attended, mlp, mixed)),
        ),
        skips=(Skip(z, v), Skip(attended, before), Skip(mixed, attended)),
        gates=(Gate(z, q, is_mixture=True), Gate(z, k, is_mixture=True)),
    )
