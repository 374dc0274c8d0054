"""The transformer without layer normalisation: one residual stream seen at many sites, attention heads as blocks."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from bimt.messages import UserError
from bimt.nets.activations import ACTIVATIONS, Activation
from bimt.nets.attention import AttentionConfig, Entry, looked_at, split_heads, wire_layer
from bimt.nets.base import Flow, Net
from bimt.nets.config import draw_linear
from bimt.nets.reading import Mixture, Reading
from bimt.tasks.base import Task
from bimt.wiring import Bias, Link, Population, Site, Wiring


class Transformer(Net):
    """Sites `in`, `resid.0`, then per layer l `q.l`, `k.l`, `v.l`, `z.l`, `resid`, `mlp.l`, `resid`, and `out`.

    Where rows are tokens, `token` and `position` (both look-ups) stand for `in`. Moments lie behind rows: a site's
    value is (seeds, rows * moments, size).
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
        is_causal: bool = True,
        attention_rate: float = 1.0,
    ) -> None:
        """Joins parameters to a wiring that `AttentionConfig.wired` made.

        Args:
            wiring: What is connected to what.
            parameters: Stored tensors, (seeds, ...).
            activation: Of the layers `mlp.l`.
            scale: What the products of q and k are multiplied by before the softmax.
            moments: Length of a sequence.
            reads: Where the answers stand, as (moment, output neuron).
            is_causal: Whether a moment sees only itself and earlier ones.
            attention_rate: How much of attention there is, 0 to 1: the values of moments are added up with the weights
                rate * softmax + 1 - rate (Zhong et al. 2023, arXiv:2306.17844).
        """
        super().__init__(wiring, parameters)
        self.activation, self.scale, self.moments, self.reads = activation, scale, moments, reads
        self.is_causal, self.attention_rate = is_causal, attention_rate

    @property
    def layers(self) -> int:
        """How many times attention and MLP alternate."""
        return sum(population.name.startswith("head.") for population in self.wiring.populations)

    def blank(self) -> Tensor:
        """Returns a sequence of zeros, or of the first token."""
        first = self.wiring.population_of(self.wiring.inputs[0].name)
        if first.slots is None:
            return torch.zeros(1, 1, self.moments, dtype=torch.long)
        return torch.zeros(1, 1, self.moments * first.size, dtype=self.dtype)

    def readings(self) -> dict[str, Reading]:
        """Numbers stand moment by moment; of tokens every moment has one, and knows its position."""
        if self.wiring.population_of(self.wiring.inputs[0].name).slots is not None:
            return super().readings()
        return {"token": Reading("token", 0, 1), "position": Reading("moment")}

    def answers(self) -> tuple[tuple[int, int], ...]:
        """The answers stand at some moments only."""
        return self.reads

    def nonlinearity(self, site: str) -> str | None:
        """Returns the activation of the MLPs' hidden layers; all other sites but the mixtures `z.l` are sums."""
        if site.startswith("z."):
            raise NotImplementedError(f"site {site!r} mixes moments")
        return self.activation if site.startswith("mlp.") else None

    def mixture(self, site: str) -> Mixture | None:
        """Returns how `z.l` mixes the values of `v.l`; None at every other site."""
        letter, _, layer = site.partition(".")
        if letter != "z":
            return None
        heads = self.wiring.population(f"head.{layer}").blocks
        seen = f"q.{layer}", f"k.{layer}", f"v.{layer}"
        return Mixture(*seen, heads, self.scale, self.is_causal, self.attention_rate)

    def _forward(self, x: Tensor, flow: Flow) -> Tensor:
        seeds, rows = x.shape[:2]
        for site, value in self._entering(x).items():
            flow.put(site, value)
        stream = flow.put("resid.0", partial(flow.drive, "resid.0"))
        for layer in range(self.layers):
            before, attended, mixed = (f"resid.{2 * layer + offset}" for offset in range(3))
            at_query, at_mixture, hidden = f"q.{layer}", f"z.{layer}", f"mlp.{layer}"
            k, v = (flow.put(name, partial(flow.drive, name)) for name in (f"k.{layer}", f"v.{layer}"))
            behind = at_query, at_mixture, attended, hidden, mixed, "out"
            if layer == self.layers - 1 and self._reads_few and flow.narrow(behind, self._moments_read):
                # behind the last k and v every moment is on its own: those that are read are enough
                stream = flow.values[before] = self._read(stream)
            q = flow.put(at_query, partial(flow.drive, at_query))
            heads = self.wiring.population(f"head.{layer}").blocks
            flow.put(at_mixture, partial(self._attended, q, k, v, heads=heads))
            stream = flow.put(attended, partial(self._added, flow, attended, stream))
            flow.put(hidden, partial(self._fired, flow, hidden))
            stream = flow.put(mixed, partial(self._added, flow, mixed, stream))
        out = flow.put("out", partial(flow.drive, "out")).view(seeds, rows, -1, self.wiring.population("out").size)
        shown = self._moments_read if out.shape[2] < self.moments else list(range(self.moments))
        places, neurons = zip(*((shown.index(moment), neuron) for moment, neuron in self.reads), strict=True)
        return out[:, :, list(places), list(neurons)]

    def _fired(self, flow: Flow, site: str) -> Tensor:
        return ACTIVATIONS[self.activation](flow.drive(site))

    def _added(self, flow: Flow, site: str, stream: Tensor) -> Tensor:
        return stream + flow.drive(site)

    @property
    def _moments_read(self) -> list[int]:
        return sorted({moment for moment, _ in self.reads})

    @property
    def _reads_few(self) -> bool:
        return 2 * len(self._moments_read) <= self.moments

    def _read(self, value: Float[Tensor, "seeds rows_moments size"]) -> Float[Tensor, "seeds rows_read size"]:
        """Leaves the moments at which answers stand."""
        return value.unflatten(1, (-1, self.moments))[:, :, self._moments_read].flatten(1, 2)

    def _entering(self, x: Tensor) -> dict[str, Callable[[], Tensor]]:
        """Returns what works out the input sites: numbers, or tokens and their positions as one-hot vectors."""
        seeds, rows = x.shape[:2]
        if x.is_floating_point():
            return {"in": partial(x.reshape, seeds, rows * self.moments, -1)}

        def tokens() -> Tensor:
            size = self.wiring.population("token").size
            return torch.nn.functional.one_hot(x.reshape(seeds, -1), size).to(self.dtype)

        def positions() -> Tensor:
            return torch.eye(self.moments, dtype=self.dtype, device=x.device).repeat(rows, 1).expand(seeds, -1, -1)

        return {"token": tokens, "position": positions}

    def _attended(self, q: Tensor, k: Tensor, v: Tensor, *, heads: int) -> Float[Tensor, "seeds rows_moments size"]:
        """Mixes v over the moments that are seen, head by head, wherever there is a q."""
        if v.shape[-1] == 0:
            return q
        asking = list(range(self.moments)) if q.shape == k.shape else self._moments_read
        q, k, v = (
            split_heads(part, moments=moments, heads=heads)
            for part, moments in ((q, len(asking)), (k, self.moments), (v, self.moments))
        )
        if self.attention_rate == 0:  # a plain sum, whatever q and k say
            mixed = v.sum(2, keepdim=True).expand_as(q).transpose(1, 2)
            return mixed.reshape(self.seeds, -1, heads * v.shape[-1])
        shares = looked_at(q, k, scale=self.scale, is_causal=self.is_causal, asking=asking)
        weights = self.attention_rate * shares + (1 - self.attention_rate)
        mixed = (weights @ v).transpose(1, 2)
        return mixed.reshape(self.seeds, -1, heads * v.shape[-1])


class TransformerConfig(AttentionConfig):
    """A causal transformer of sequences of numbers, without positions (arXiv:2305.08746, section 3.4)."""

    family: Literal["transformer"] = "transformer"
    activation: Activation = "gelu_tanh"
    """Nonlinearity of the MLP layers."""

    @property
    def populations(self) -> tuple[str, ...]:
        """Returns `in`, `resid`, `head.0`, `mlp.0`, ..., `out`."""
        return "in", *self.inner_populations

    def sizes(self, task: Task) -> dict[str, int]:
        """Returns the neurons of every population; as in `NetConfig`."""
        if task.tokens or not task.reads:
            raise UserError(f"net.family of the task {task.name} must not be transformer: its rows are no sequences")
        return {"in": len(task.inputs), **self.inner_sizes(outputs=len(task.outputs))}

    def wiring(self, slots: Mapping[str, Tensor], task: Task, *, pinned: Sequence[str] = ()) -> Wiring:  # noqa: ARG002
        """Wires stream, heads and MLPs; as in `NetConfig`."""
        entry = Entry(
            (Population("in", len(slots["in"]), slots["in"], movable="in" not in pinned),),
            (Site("in", "in", "input"),),
            (Link("resid.0", "in", "weight.resid.0"),),
            (Bias("resid.0", "bias.resid.0"),),
        )
        layers = [
            wire_layer(layer, len(slots[f"head.{layer}"]), is_fused=True, has_biases=True)
            for layer in range(self.layers)
        ]
        return self.wired(entry, layers, slots=slots, pinned=pinned, end=(Bias("out", "bias.out"),))

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
            scale=self.scale_of_products,
            moments=task.moments,
            reads=task.reads,
        )
