"""An MLP that reads tokens: each position's token is looked up in one embedding, and all of them enter the chain."""

import string
from collections.abc import Callable, Mapping, Sequence
from functools import partial, reduce
from typing import Annotated, Literal

import torch
from jaxtyping import Int
from pydantic import Field
from torch import Tensor

from bimt.messages import UserError
from bimt.nets.activations import ACTIVATIONS, Activation
from bimt.nets.base import Flow, Net
from bimt.nets.config import NetConfig
from bimt.nets.mlp import chain_biases, chain_links, draw_chain, hidden_sizes, require_neurons
from bimt.nets.reading import Reading
from bimt.strict import MOST
from bimt.tasks.base import Task
from bimt.wiring import Link, Population, Site, Wiring


class EmbeddingMLP(Net):
    """Sites `token.a`, `token.b`, ... (look-ups), `embed.a`, `embed.b`, ... (one population), then `h1`, ..., `out`.

    Its parameters are `weight.embed` (seeds, tokens, width), `weight.h1` (seeds, out, positions * width; (seeds, out,
    width) where embeddings are added up) and so on.
    """

    def __init__(self, wiring: Wiring, parameters: Mapping[str, Tensor], activation: Activation) -> None:
        """Joins parameters to a wiring made by `EmbeddingMLPConfig`."""
        super().__init__(wiring, parameters)
        self.activation = activation

    def blank(self) -> Tensor:
        """Returns the first token at every position."""
        return torch.zeros(1, 1, len(self.wiring.inputs), dtype=torch.long)

    def readings(self) -> dict[str, Reading]:
        """Every input site is a position, whose column names its token."""
        return {site.name: Reading("token", column) for column, site in enumerate(self.wiring.inputs)}

    def nonlinearity(self, site: str) -> str | None:
        """Returns the activation of the hidden layers; embeddings and outputs are their drive."""
        return self.activation if site.startswith("h") else None

    def _forward(self, x: Int[Tensor, "seeds batch positions"], flow: Flow) -> Tensor:
        tokens = [site.name for site in self.wiring.inputs]
        embeds = [site.name for site in self.wiring.sites if site.population == "embed"]
        first, *rest = [site for site in self.wiring.sites if site.name not in (*tokens, *embeds)]
        drive = partial(flow.drive, first.name)
        if flow.can_skip((*tokens, *embeds)):
            drive = partial(self._drive_by_table, x, first.name)
        else:
            for position, (token, embed) in enumerate(zip(tokens, embeds, strict=True)):
                flow.put(token, partial(self._one_hot, x[..., position], token))
                flow.put(embed, partial(flow.drive, embed))
        value = flow.put(first.name, partial(self._fired, first, drive))
        for site in rest:
            value = flow.put(site.name, partial(self._fired, site, partial(flow.drive, site.name)))
        return value

    def _one_hot(self, tokens: Int[Tensor, "seeds batch"], site: str) -> Tensor:
        return torch.nn.functional.one_hot(tokens, self.wiring.population_of(site).size).to(self.dtype)

    def _fired(self, site: Site, drive: Callable[[], Tensor]) -> Tensor:
        return drive() if site.role == "output" else ACTIVATIONS[self.activation](drive())

    def _drive_by_table(self, x: Int[Tensor, "seeds batch positions"], first: str) -> Tensor:
        """Multiplies each token's embedding once per position, not once per row, and looks the products up."""
        bias = self.bias(first)
        parts = [] if bias is None else [bias[:, None]]
        for position, link in enumerate(self.wiring.links_into(first)):
            embedding = self.weight(self.wiring.links_into(link.source)[0])
            parts.append(_looked_up(embedding.mT @ self.weight(link).mT, x[..., position]))
        return reduce(torch.add, parts)


class EmbeddingMLPConfig(NetConfig):
    """An MLP behind an embedding that all positions share (arXiv:2305.08746, section 3.3)."""

    family: Literal["embedding_mlp"] = "embedding_mlp"
    embedding: int = Field(default=32, ge=0, le=MOST)
    """Width of the embedding; 0 only in a net that was pruned until nothing was left."""
    hidden: tuple[Annotated[int, Field(ge=0, le=MOST)], ...] = (50, 50)
    """Neurons of each hidden layer."""
    join: Literal["concatenate", "add"] = "concatenate"
    """Whether the first layer has weights of its own for every position, or sees only the sum of the embeddings."""
    own_embeddings: bool = False
    """Whether every position looks its token up in a table of its own."""
    output_bias: bool = True
    """Whether the outputs have a bias."""

    @property
    def populations(self) -> tuple[str, ...]:
        """Returns `embed`, `h1`, ..., `out`."""
        return "embed", *(f"h{depth + 1}" for depth in range(len(self.hidden))), "out"

    def sizes(self, task: Task) -> dict[str, int]:
        """Returns the neurons of every layer; as in `NetConfig`."""
        if not task.tokens:
            raise UserError(f"net.family of the task {task.name} must not be embedding_mlp: its inputs are no tokens")
        require_neurons(self.hidden)
        if self.embedding == 0:
            raise UserError("net.embedding must be at least 1, got 0")
        return dict(zip(self.populations, (self.embedding, *self.hidden, len(task.outputs)), strict=True))

    def wiring(self, slots: Mapping[str, Tensor], task: Task, *, pinned: Sequence[str] = ()) -> Wiring:
        """Wires look-ups, the embedding and the chain behind it; as in `NetConfig`."""
        letters = string.ascii_lowercase[: len(task.tokens)]
        width = len(slots["embed"])
        embed, *chain = self.populations
        columns = [(at * width, (at + 1) * width) if self.join == "concatenate" else None for at in range(len(letters))]
        read = [
            Link(chain[0], f"embed.{letter}", f"weight.{chain[0]}", cols=cols)
            for letter, cols in zip(letters, columns, strict=True)
        ]
        tables = [f"weight.embed.{letter}" if self.own_embeddings else "weight.embed" for letter in letters]
        return Wiring(
            populations=(
                Population("token", task.vocabulary, None),
                *(
                    Population(name, len(slots[name]), slots[name], movable=name not in pinned)
                    for name in (embed, *chain)
                ),
            ),
            sites=(
                *(Site(f"token.{letter}", "token", "input") for letter in letters),
                *(Site(f"embed.{letter}", "embed") for letter in letters),
                *(Site(name, name) for name in chain[:-1]),
                Site(chain[-1], chain[-1], "output"),
            ),
            links=(
                *(
                    Link(f"embed.{letter}", f"token.{letter}", table, layout="source target")
                    for letter, table in zip(letters, tables, strict=True)
                ),
                *read,
                *chain_links(chain),
            ),
            biases=chain_biases(self.populations if self.output_bias else self.populations[:-1]),
        )

    def draw(self, wiring: Wiring, generator: torch.Generator, dtype: torch.dtype) -> dict[str, Tensor]:
        """Draws the embedding from N(0, 1), then layer after layer; as in `NetConfig`."""
        shape = wiring.population("token").size, wiring.population("embed").size
        tables = dict.fromkeys(link.parameter for link in wiring.links if wiring.is_look_up(link))
        embeddings = {table: torch.empty(shape, dtype=dtype).normal_(generator=generator) for table in tables}
        inputs = len(wiring.inputs) if self.join == "concatenate" else 1
        chain = draw_chain(wiring, self.populations, generator, dtype, inputs=inputs)
        if not self.output_bias:
            del chain["bias.out"]
        return embeddings | chain

    def assemble(self, wiring: Wiring, parameters: Mapping[str, Tensor], task: Task) -> Net:  # noqa: ARG002
        """Returns an `EmbeddingMLP`; as in `NetConfig`."""
        return EmbeddingMLP(wiring, parameters, self.activation)

    def resized(self, net: Net) -> "EmbeddingMLPConfig":
        """Returns it with other layers; as in `NetConfig`."""
        embedding = net.wiring.population("embed").size
        return self.model_copy(update={"embedding": embedding, "hidden": hidden_sizes(net)})


def _looked_up(table: Tensor, index: Int[Tensor, "seeds batch"]) -> Tensor:
    """Returns the rows of each seed's table, (seeds, tokens, target) to (seeds, batch, target)."""
    seeds, tokens = table.shape[:2]
    start = torch.arange(seeds, device=index.device)[:, None] * tokens
    return torch.nn.functional.embedding(index + start, table.reshape(seeds * tokens, -1))
