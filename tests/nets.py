"""Hand-made nets and tasks whose graph, modules and formulas are known."""

import numpy as np
import torch

from bimt.geometry import make_slots
from bimt.nets.activations import Activation
from bimt.nets.base import Net
from bimt.nets.mlp import MLP, mlp_wiring
from bimt.tasks.base import Scaling, Split, Task
from bimt.wiring import Bias, Link, Population, Site, Wiring


def mlp(weights, biases=None, *, activation: Activation = "silu") -> MLP:
    """One seed of an MLP from nested lists: weights[layer][target][source], float64."""
    tensors = [torch.tensor(weight, dtype=torch.float64) for weight in weights]
    sizes = [tensors[0].shape[1], *(tensor.shape[0] for tensor in tensors)]
    names = [*(f"h{depth + 1}" for depth in range(len(tensors) - 1)), "out"]
    parameters = {}
    for index, (name, tensor) in enumerate(zip(names, tensors, strict=True)):
        parameters[f"weight.{name}"] = tensor[None]
        bias = torch.zeros(len(tensor)) if biases is None else torch.tensor(biases[index], dtype=torch.float64)
        parameters[f"bias.{name}"] = bias.to(torch.float64)[None]
    return MLP(mlp_wiring([make_slots("line", size) for size in sizes]), parameters, activation)


def random_mlp(sizes, *, seeds=1, seed=0, dtype=torch.float64, activation: Activation = "silu") -> MLP:
    """An MLP with normal weights and biases."""
    generator = torch.Generator().manual_seed(seed)
    names = [*(f"h{depth + 1}" for depth in range(len(sizes) - 2)), "out"]
    parameters = {}
    for name, source, target in zip(names, sizes, sizes[1:], strict=False):
        parameters[f"weight.{name}"] = torch.randn(seeds, target, source, generator=generator, dtype=dtype)
        parameters[f"bias.{name}"] = torch.randn(seeds, target, generator=generator, dtype=dtype)
    return MLP(mlp_wiring([make_slots("line", size) for size in sizes]), parameters, activation)


def task_of(net: Net, *, rows=64, seed=0, kind="regression", scaling=None, noise=0.0) -> Task:
    """The task that a one-seed net solves (exactly, without noise): its own outputs, or the class it says."""
    random = np.random.RandomState(seed)
    ends = net.wiring.inputs, net.wiring.outputs
    sizes = [sum(net.wiring.population_of(site.name).size for site in sites) for sites in ends]
    splits = []
    for _ in range(2):
        inputs = torch.from_numpy(random.rand(rows, sizes[0]) * 2 - 1)
        outputs = net.run(inputs[None])[0] + noise * torch.from_numpy(random.randn(rows, sizes[1]))
        splits.append(Split(inputs, outputs if kind == "regression" else outputs.argmax(-1)))
    names = tuple(f"y{index + 1}" for index in range(sizes[1]))
    return Task(
        name="hand",
        kind=kind,
        inputs=tuple(f"x{index + 1}" for index in range(sizes[0])),
        outputs=names,
        train=splits[0],
        test=splits[1],
        scaling=scaling or Scaling.none(*sizes),
        classes=names if kind == "classification" else (),
    )


def two_parts() -> MLP:
    """Two nets side by side: x1 -> h1[0] -> y1, and x2 -> h1[1], h1[2] -> y2; h1[3] is constant, h1[4] unread."""
    return mlp(
        [
            [[1.0, 0.0], [0.0, 1.5], [0.0, -2.0], [0.0, 0.0], [1.0, 1.0]],
            [[2.0, 0.0, 0.0, 0.5, 0.0], [0.0, 1.0, 3.0, -0.5, 0.0]],
        ],
        [[0.1, 0.2, -0.3, 0.7, 0.0], [0.0, 0.25]],
    )


class TwoOperands(Net):
    """out = out.a @ tanh(embed @ a) + out.b @ tanh(embed @ b) + bias: inputs and hidden neurons at two sites each.

    The links into embed.a and embed.b are tied; those out of them are the two halves of one tensor.
    """

    def __init__(self, *, tokens: bool = False, seed: int = 0):
        """Two inputs and three hidden neurons per operand, two outputs; tokens have no slots."""
        generator = torch.Generator().manual_seed(seed)
        shapes = {"embed": (1, 3, 2), "out": (1, 2, 6), "bias": (1, 2)}
        wiring = Wiring(
            populations=(
                Population("number", 2, None if tokens else make_slots("line", 2)),
                Population("embed", 3, make_slots("line", 3)),
                Population("out", 2, make_slots("line", 2)),
            ),
            sites=(
                Site("number.a", "number", "input"),
                Site("number.b", "number", "input"),
                Site("embed.a", "embed"),
                Site("embed.b", "embed"),
                Site("out", "out", "output"),
            ),
            links=(
                Link("embed.a", "number.a", "embed"),
                Link("embed.b", "number.b", "embed"),
                Link("out", "embed.a", "out", cols=(0, 3)),
                Link("out", "embed.b", "out", cols=(3, 6)),
            ),
            biases=(Bias("out", "bias"),),
        )
        super().__init__(
            wiring,
            {name: torch.randn(shape, generator=generator, dtype=torch.float64) for name, shape in shapes.items()},
        )

    def _forward(self, x, flow):
        for operand, columns in zip("ab", x.split(2, dim=2), strict=True):
            flow.put(f"number.{operand}", columns)
            flow.put(f"embed.{operand}", torch.tanh(flow.drive(f"embed.{operand}")))
        return flow.put("out", flow.drive("out"))
