"""The transformer that reads tokens and answers at the last of them, with as much attention as is asked for."""

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from bimt.messages import UserError
from bimt.nets.activations import Activation
from bimt.nets.attention import AttentionConfig, Entry, wire_layer
from bimt.nets.base import Net
from bimt.nets.transformer import Transformer
from bimt.strict import MOST
from bimt.tasks.base import Task
from bimt.wiring import Link, Population, Site, Wiring


class TokenTransformerConfig(AttentionConfig):
    """A transformer on tokens: embedding and positions, no causal mask, biases in the MLPs only (arXiv:2306.17844).

    Its parameters are `weight.embed` (seeds, width, tokens), `weight.position` (seeds, width, positions), and for each
    layer l `weight.q.l`, `weight.k.l`, `weight.v.l`, `weight.resid.2l+1`, `weight.mlp.l` and `weight.resid.2l+2`, the
    last two with biases.
    """

    family: Literal["token_transformer"] = "token_transformer"
    activation: Activation = "relu"
    """Nonlinearity of the MLP layers."""
    width: int = Field(default=128, ge=0, le=MOST)
    """Width of the residual stream; 0 only in a net that was pruned until nothing was left."""
    layers: int = Field(default=1, ge=1, le=1000)
    """How many times attention and MLP alternate."""
    heads: int = Field(default=4, ge=1, le=MOST)
    """Attention heads of each layer."""
    attention_rate: float = Field(default=1.0, ge=0, le=1)
    """How much of attention there is: values are added up with the weights rate * softmax + 1 - rate."""

    @property
    def populations(self) -> tuple[str, ...]:
        """Returns `resid`, `head.0`, `mlp.0`, ..., `out`."""
        return self.inner_populations

    def sizes(self, task: Task) -> dict[str, int]:
        """Returns the neurons of every population; as in `NetConfig`."""
        if not task.tokens:
            raise UserError(
                f"net.family of the task {task.name} must not be token_transformer: its inputs are no tokens"
            )
        return self.inner_sizes(outputs=len(task.outputs))

    def wiring(self, slots: Mapping[str, Tensor], task: Task, *, pinned: Sequence[str] = ()) -> Wiring:
        """Wires look-ups, stream, heads and MLPs; as in `NetConfig`."""
        entry = Entry(
            (Population("token", task.vocabulary, None), Population("position", len(task.tokens), None)),
            (Site("token", "token", "input"), Site("position", "position", "input")),
            (Link("resid.0", "token", "weight.embed"), Link("resid.0", "position", "weight.position")),
        )
        layers = [
            wire_layer(layer, len(slots[f"head.{layer}"]), is_fused=False, has_biases=False)
            for layer in range(self.layers)
        ]
        return self.wired(entry, layers, slots=slots, pinned=pinned)

    def draw(self, wiring: Wiring, generator: torch.Generator, dtype: torch.dtype) -> dict[str, Tensor]:
        """Draws every weight from N(0, 1 / width), those into outputs from N(0, 1 / outputs); biases are zero.

        As published, in the order of the forward pass.
        """
        width = max(wiring.population("resid").size, 1)
        parameters: dict[str, Tensor] = {}
        for link in wiring.links:
            target, source = wiring.population_of(link.target).size, wiring.population_of(link.source).size
            spread = max(target, 1) if link.target == "out" else width
            drawn = torch.empty(target, source, dtype=dtype).normal_(generator=generator)
            parameters[link.parameter] = drawn / spread**0.5
        for bias in wiring.biases:
            parameters[bias.parameter] = torch.zeros(wiring.population_of(bias.site).size, dtype=dtype)
        return parameters

    def assemble(self, wiring: Wiring, parameters: Mapping[str, Tensor], task: Task) -> Net:
        """Returns a `Transformer` whose answers are all outputs at the last token; as in `NetConfig`."""
        moments = len(task.tokens)
        return Transformer(
            wiring,
            parameters,
            activation=self.activation,
            scale=self.scale_of_products,
            moments=moments,
            reads=tuple((moments - 1, output) for output in range(len(task.outputs))),
            is_causal=False,
            attention_rate=self.attention_rate,
        )
