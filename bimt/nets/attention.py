"""What all transformers share: their settings, the wiring of a layer of attention and MLP, and what is looked at."""

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, NamedTuple, TypeVar

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from bimt.messages import UserError
from bimt.nets.base import Net
from bimt.nets.config import NetConfig
from bimt.strict import MOST
from bimt.wiring import Bias, Gate, Link, Population, Site, Skip, Wiring

ConfigType = TypeVar("ConfigType", bound="AttentionConfig")


class AttentionConfig(NetConfig):
    """Layers of attention and MLP on one residual stream, without layer normalisation."""

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
    def inner_populations(self) -> tuple[str, ...]:
        """Returns `resid`, `head.0`, `mlp.0`, ..., `out`."""
        inner = (f"{kind}.{layer}" for layer in range(self.layers) for kind in ("head", "mlp"))
        return "resid", *inner, "out"

    def inner_sizes(self, *, outputs: int) -> dict[str, int]:
        """Returns the neurons of these populations.

        Raises:
            UserError: If one of them would be empty, or heads cannot share the attention's neurons evenly.
        """
        if self.width == 0:
            raise UserError("net.width must be at least 1, got 0")
        attention = self._by_layer("attention", self.attention, self.width)
        mlp = self._by_layer("mlp", self.mlp, 4 * self.width)
        blocks = self._by_layer("blocks", self.blocks, self.heads, unit="head")
        if any(size % count for size, count in zip(attention, blocks, strict=True)):
            key, found = ("heads", self.heads) if self.blocks is None else ("blocks", list(blocks))
            raise UserError(f"net.{key} must divide the attention's neurons {list(attention)}, got {found}")
        inner = (size for pair in zip(attention, mlp, strict=True) for size in pair)
        return dict(zip(self.inner_populations, (self.width, *inner, outputs), strict=True))

    def wired(
        self,
        entry: "Entry",
        layers: Sequence["Layer"],
        *,
        slots: Mapping[str, Tensor],
        pinned: Sequence[str],
        end: tuple[Bias, ...] = (),
    ) -> Wiring:
        """Joins what leads into the stream, the layers along it and what reads its end (whose biases are `end`)."""
        heads = self._by_layer("blocks", self.blocks, self.heads, unit="head")
        blocks = {f"head.{layer}": count for layer, count in enumerate(heads)}
        return Wiring(
            populations=(
                *entry.populations,
                *(
                    Population(name, len(slots[name]), slots[name], blocks.get(name, 1), name not in pinned)
                    for name in self.inner_populations
                ),
            ),
            sites=(
                *entry.sites,
                Site("resid.0", "resid"),
                *(site for layer in layers for site in layer.sites),
                Site("out", "out", "output"),
            ),
            links=(
                *entry.links,
                *(link for layer in layers for link in layer.links),
                Link("out", f"resid.{2 * self.layers}", "weight.out"),
            ),
            biases=(*entry.biases, *(bias for layer in layers for bias in layer.biases), *end),
            skips=tuple(skip for layer in layers for skip in layer.skips),
            gates=tuple(gate for layer in layers for gate in layer.gates),
        )

    def resized(self: ConfigType, net: Net) -> ConfigType:
        """Returns it with other populations and the scale that it had; as in `NetConfig`."""
        heads, mlps = (
            [net.wiring.population(f"{kind}.{layer}") for layer in range(self.layers)] for kind in ("head", "mlp")
        )
        changed = {
            "width": net.wiring.population("resid").size,
            "attention": tuple(head.size for head in heads),
            "blocks": tuple(head.blocks for head in heads),
            "mlp": tuple(mlp.size for mlp in mlps),
            "scale": self.scale_of_products,
        }
        return self.model_copy(update=changed)

    @property
    def scale_of_products(self) -> float:
        """What products of q and k are multiplied by before the softmax."""
        return 1 / math.sqrt(self.width / self.heads) if self.scale is None else self.scale

    def _by_layer(
        self, key: str, given: tuple[int, ...] | None, usual: int, *, unit: str = "neuron"
    ) -> tuple[int, ...]:
        """Returns what a setting says of each layer; the usual number where it is null."""
        counts = (usual,) * self.layers if given is None else given
        if len(counts) != self.layers or 0 in counts:
            raise UserError(f"net.{key} must give each of {self.layers} layers at least one {unit}, got {list(counts)}")
        return counts


class Entry(NamedTuple):
    """What leads into the residual stream."""

    populations: tuple[Population, ...]
    sites: tuple[Site, ...]
    links: tuple[Link, ...]
    biases: tuple[Bias, ...] = ()


class Layer(NamedTuple):
    """The wiring of one layer of a transformer."""

    sites: tuple[Site, ...]
    links: tuple[Link, ...]
    biases: tuple[Bias, ...]
    skips: tuple[Skip, ...]
    gates: tuple[Gate, ...]


def wire_layer(layer: int, size: int, *, is_fused: bool, has_biases: bool) -> Layer:
    """Wires attention of so many neurons, and the MLP behind it.

    Args:
        layer: Its number, from 0.
        size: Neurons of the attention, all heads together.
        is_fused: Whether q, k and v lie in one tensor, `weight.qkv.l`, or in three, `weight.q.l` and so on.
        has_biases: Whether attention has biases; the MLP always has.
    """
    before, attended, mixed = (f"resid.{2 * layer + offset}" for offset in range(3))
    head, mlp, z = f"head.{layer}", f"mlp.{layer}", f"z.{layer}"
    q, k, v = names = [f"{letter}.{layer}" for letter in "qkv"]
    stored = [f"qkv.{layer}"] * 3 if is_fused else names
    rows = [(at * size, (at + 1) * size) if is_fused else None for at in range(3)]
    attention = [Bias(name, f"bias.{kept}", span) for name, kept, span in zip(names, stored, rows, strict=True)]
    return Layer(
        sites=(
            *(Site(name, head) for name in (q, k, v, z)),
            Site(attended, "resid"),
            Site(mlp, mlp),
            Site(mixed, "resid"),
        ),
        links=(
            *(
                Link(name, before, f"weight.{kept}", rows=span)
                for name, kept, span in zip(names, stored, rows, strict=True)
            ),
            Link(attended, z, f"weight.{attended}"),
            Link(mlp, attended, f"weight.{mlp}"),
            Link(mixed, mlp, f"weight.{mixed}"),
        ),
        biases=(
            *((*attention, Bias(attended, f"bias.{attended}")) if has_biases else ()),
            *(Bias(name, f"bias.{name}") for name in (mlp, mixed)),
        ),
        skips=(Skip(z, v), Skip(attended, before), Skip(mixed, attended)),
        gates=(Gate(z, q, is_mixture=True), Gate(z, k, is_mixture=True)),
    )


def split_heads(
    value: Float[Tensor, "seeds rows_moments size"], *, moments: int, heads: int
) -> Float[Tensor, "seeds_rows heads moments part"]:
    """Tells apart the moments of each row, and the equal parts of the neurons that belong to each head."""
    return value.reshape(-1, moments, heads, value.shape[-1] // heads).transpose(1, 2)


def looked_at(
    q: Float[Tensor, "rows heads asking part"],
    k: Float[Tensor, "rows heads moments part"],
    *,
    scale: float,
    is_causal: bool,
    asking: Sequence[int],
) -> Float[Tensor, "rows heads asking moments"]:
    """Returns how much each moment that asks looks at each moment: softmax(scale * q . k) over those it sees.

    Args:
        q: Queries, head by head.
        k: Keys, head by head.
        scale: What products are multiplied by.
        is_causal: Whether a moment sees only itself and earlier ones.
        asking: Which moments the queries are of.
    """
    scores = scale * q @ k.mT
    if is_causal:
        moments = k.shape[-2]
        later = torch.ones(moments, moments, dtype=torch.bool, device=q.device).triu(1)[list(asking)]
        scores = scores.masked_fill(later, -torch.inf)
    return scores.softmax(-1)
