"""The method as a textbook would write it: eager autograd, everything anew in every step.

The yardstick of `make bench`. It does what the published notebooks do: the connection cost with its distances built
in every step, a test pass in every step, and relocation by evaluating the whole cost for every exchange. Weights move,
inputs and outputs are permuted to undo the effect on the data.
"""

import itertools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

Data = tuple[Tensor, Tensor]


class TextbookNet(nn.Module):
    """An MLP on lines of neurons, with the permutations that keep its function fixed while weights move."""

    def __init__(self, shape: Sequence[int], *, tokens: int = 0, dtype: torch.dtype = torch.float32) -> None:
        """Draws one.

        Args:
            shape: Neurons of every layer; of a net on pairs of tokens the first is the width of their embedding.
            tokens: How many there are; 0 for inputs that are numbers.
            dtype: Of every weight.
        """
        super().__init__()
        self.shape, self.operands = tuple(shape), 2 if tokens else 1
        self.embedding = nn.Parameter(torch.randn(tokens, shape[0], dtype=dtype)) if tokens else None
        widths = [shape[0] * self.operands, *shape[1:]]
        self.layers = nn.ModuleList(nn.Linear(a, b, dtype=dtype) for a, b in itertools.pairwise(widths))
        self.order_in = torch.arange(shape[0])
        self.order_out = torch.arange(shape[-1])

    def forward(self, x: Tensor) -> Tensor:
        x = x[:, self.order_in] if self.embedding is None else self.embedding[x].flatten(1)
        for layer in self.layers[:-1]:
            x = nn.functional.silu(layer(x))
        return self.layers[-1](x)[:, self.order_out]

    def connection_cost(self, offset: float = 0.1, bias: bool = True) -> Tensor:
        total = torch.zeros(())
        for depth, layer in enumerate(self.layers):
            source = (torch.arange(self.shape[depth]) + 0.5) / self.shape[depth]
            target = (torch.arange(layer.out_features) + 0.5) / layer.out_features
            length = (target[:, None] - source[None, :]).abs().repeat(1, self.operands if depth == 0 else 1)
            total = total + (layer.weight.abs() * (length + offset)).sum()
            if bias:
                total = total + offset * layer.bias.abs().sum()
        return total if self.embedding is None else total + offset * self.embedding.abs().sum()

    @torch.no_grad()
    def exchange(self, layer: int, one: int, other: int) -> None:
        """Exchanges two neurons of layer 0 (inputs or embedding) to the last (outputs): weights, and what undoes it."""
        pair, swapped = [one, other], [other, one]
        if layer > 0:
            into = self.layers[layer - 1]
            into.weight[pair] = into.weight[swapped]
            into.bias[pair] = into.bias[swapped]
        elif self.embedding is None:
            self.order_in[pair] = self.order_in[swapped]
        else:
            self.embedding[:, pair] = self.embedding[:, swapped]
        if layer == len(self.layers):
            where = self.order_out.clone()
            self.order_out[where == one], self.order_out[where == other] = other, one
            return
        out = self.layers[layer].weight
        for start in range(0, out.shape[1], self.shape[layer]):
            here, there = [start + one, start + other], [start + other, start + one]
            out[:, here] = out[:, there]

    @torch.no_grad()
    def relocate(self, top_k: int = 5) -> None:
        for layer, size in enumerate(self.shape):
            score = torch.zeros(size)
            if layer > 0:
                score += self.layers[layer - 1].weight.abs().sum(1)
            if layer < len(self.layers):
                score += self.layers[layer].weight.abs().sum(0).view(-1, size).sum(0)
            for neuron in torch.topk(score, min(top_k, size)).indices.tolist():
                costs = []
                for other in range(size):
                    self.exchange(layer, neuron, other)
                    costs.append(self.connection_cost().item())
                    self.exchange(layer, neuron, other)
                self.exchange(layer, neuron, int(torch.tensor(costs).argmin()))


def train_textbook(
    net: TextbookNet,
    train: Data,
    test: Data,
    *,
    steps: int,
    every: int = 200,
    watch: Callable[[int, float, float], None] = lambda *_: None,
) -> None:
    """Trains for so many steps, moving neurons after every so many."""
    optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.0)
    for step in range(steps):
        optimizer.zero_grad()
        loss, test_loss = (_loss(net(inputs), targets) for inputs, targets in (train, test))
        (loss + 1e-3 * net.connection_cost(bias=False)).backward()
        optimizer.step()
        if (step + 1) % every == 0:
            net.relocate()
            watch(step, loss.item(), test_loss.item())


def _loss(outputs: Tensor, targets: Tensor) -> Tensor:
    if targets.is_floating_point():
        return (outputs - targets).square().mean()
    return nn.functional.cross_entropy(outputs, targets)
