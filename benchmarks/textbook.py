"""The method as a textbook would write it: eager autograd, everything anew in every step.

The yardstick of `make bench`. It does what the published notebooks do: the connection cost with its distances built
in every step, a test pass in every step, and relocation by evaluating the whole cost for every exchange. Weights move,
inputs and outputs are permuted to undo the effect on the data.
"""

import itertools
from collections.abc import Callable

import torch
from torch import Tensor, nn

SHAPE = (4, 20, 20, 2)


class TextbookNet(nn.Module):
    """An MLP on lines of neurons, with the permutations that keep its function fixed while weights move."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(SHAPE))
        self.order_in = torch.arange(SHAPE[0])
        self.order_out = torch.arange(SHAPE[-1])

    def forward(self, x: Tensor) -> Tensor:
        x = x[:, self.order_in]
        for layer in self.layers[:-1]:
            x = nn.functional.silu(layer(x))
        return self.layers[-1](x)[:, self.order_out]

    def connection_cost(self, offset: float = 0.1, bias: bool = True) -> Tensor:
        total = torch.zeros(())
        for layer in self.layers:
            source = (torch.arange(layer.in_features) + 0.5) / layer.in_features
            target = (torch.arange(layer.out_features) + 0.5) / layer.out_features
            length = (target[:, None] - source[None, :]).abs()
            total = total + (layer.weight.abs() * (length + offset)).sum()
            if bias:
                total = total + offset * layer.bias.abs().sum()
        return total

    @torch.no_grad()
    def exchange(self, layer: int, one: int, other: int) -> None:
        """Exchanges two neurons of layer 0 (inputs) ... 3 (outputs): their weights, and what undoes it."""
        pair, swapped = [one, other], [other, one]
        if layer > 0:
            into = self.layers[layer - 1]
            into.weight[pair] = into.weight[swapped]
            into.bias[pair] = into.bias[swapped]
        else:
            self.order_in[pair] = self.order_in[swapped]
        if layer < len(self.layers):
            self.layers[layer].weight[:, pair] = self.layers[layer].weight[:, swapped]
        else:
            where = self.order_out.clone()
            self.order_out[where == one], self.order_out[where == other] = other, one

    @torch.no_grad()
    def relocate(self, top_k: int = 5) -> None:
        for layer, size in enumerate(SHAPE):
            score = torch.zeros(size)
            if layer > 0:
                score += self.layers[layer - 1].weight.abs().sum(1)
            if layer < len(self.layers):
                score += self.layers[layer].weight.abs().sum(0)
            for neuron in torch.topk(score, min(top_k, size)).indices.tolist():
                costs = []
                for other in range(size):
                    self.exchange(layer, neuron, other)
                    costs.append(self.connection_cost().item())
                    self.exchange(layer, neuron, other)
                self.exchange(layer, neuron, int(torch.tensor(costs).argmin()))


def train_textbook(
    train: tuple[Tensor, Tensor],
    test: tuple[Tensor, Tensor],
    *,
    steps: int,
    seed: int,
    watch: Callable[[int, float, float], None],
) -> TextbookNet:
    """Trains one seed of independence with the published settings, for so many of their 20,000 steps."""
    torch.manual_seed(seed)
    net = TextbookNet()
    optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.0)
    for step in range(steps):
        optimizer.zero_grad()
        loss = (net(train[0]) - train[1]).square().mean()
        test_loss = (net(test[0]) - test[1]).square().mean()
        (loss + 1e-3 * net.connection_cost(bias=False)).backward()
        optimizer.step()
        if (step + 1) % 200 == 0:
            net.relocate()
            watch(step, loss.item(), test_loss.item())
    return net
