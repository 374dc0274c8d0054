"""Hand-made nets that add two numbers: an exact clock, an exact pizza, and their checkpoints."""

from dataclasses import replace

import numpy as np
import pandas as pd
import torch

from bimt.checkpoint import HISTORY, Checkpoint
from bimt.config import make_config
from bimt.geometry import make_slots
from bimt.nets.base import Net
from bimt.nets.build import make_net
from bimt.seeds import make_generators
from bimt.wiring import Link, Population, Site, Wiring


class HandMade(Net):
    """Logits that are a formula of two embeddings on circles; nothing of it is learnt.

    Every frequency k has the two dimensions cos(2 pi k t / p) and sin(2 pi k t / p).
    """

    def __init__(self, kind, p, frequencies, *, sizes=None, noise=0.0, turned=0.0):
        """`sizes`: radius of each circle. `turned`: angle of b's own tokens against a's, radians; 0: shared tokens."""
        t = np.arange(p)
        angles = 2 * np.pi * np.outer(frequencies, t) / p
        sizes = 0.9 ** np.arange(len(frequencies)) if sizes is None else np.array(sizes)  # equal ones share components
        tables = [angles + turned * side for side in range(2 if turned else 1)]
        table = np.concatenate(
            [
                np.stack([np.cos(each), np.sin(each)], axis=1).reshape(-1, p) * sizes.repeat(2)[:, None]
                for each in tables
            ],
            axis=1,
        )
        table = table + noise * np.random.RandomState(0).randn(*table.shape)
        width = table.shape[0]
        wiring = Wiring(
            populations=(
                Population("token", table.shape[1], None),
                Population("embed", width, make_slots("line", width)),
                Population("out", table.shape[1], make_slots("line", table.shape[1])),
            ),
            sites=(
                Site("token.a", "token", "input"),
                Site("token.b", "token", "input"),
                Site("embed.a", "embed"),
                Site("embed.b", "embed"),
                Site("out", "out", "output"),
            ),
            links=(
                Link("embed.a", "token.a", "embed"),
                Link("embed.b", "token.b", "embed"),
                Link("out", "embed.a", "read", cols=(0, width)),
                Link("out", "embed.b", "read", cols=(width, 2 * width)),
            ),
        )
        parameters = {
            "embed": torch.from_numpy(table)[None],
            "read": torch.zeros(1, table.shape[1], 2 * width).double(),
        }
        super().__init__(wiring, parameters)
        self.kind, self.p, self.frequencies, self.turned = kind, p, tuple(frequencies), turned

    def _forward(self, x, flow):
        for side, letter in enumerate("ab"):
            size = self.wiring.population("token").size
            flow.put(f"token.{letter}", torch.nn.functional.one_hot(x[..., side], size).double())
            flow.put(f"embed.{letter}", flow.drive(f"embed.{letter}"))
        one, other = (flow.values[f"embed.{letter}"].unflatten(-1, (-1, 2)) for letter in "ab")
        c = torch.arange(self.wiring.population("out").size, dtype=torch.float64)
        logits = 0.0
        for at, k in enumerate(self.frequencies):
            w = 2 * np.pi * k / self.p
            u, v = one[..., at, :, None], other[..., at, :, None]
            say = _clock if self.kind == "clock" else _pizza
            logits = logits + say(u, v, w * c + self.turned)
        logits = logits + torch.where(c < self.p, 0.0, -100.0)
        return flow.put("out", logits)


def _clock(u, v, angle):
    """Multiplies: cos(w(a + b) - angle)."""
    real = u[..., 0, :] * v[..., 0, :] - u[..., 1, :] * v[..., 1, :]
    imaginary = u[..., 0, :] * v[..., 1, :] + u[..., 1, :] * v[..., 0, :]
    return real * torch.cos(angle) + imaginary * torch.sin(angle)


def _pizza(u, v, angle):
    """Adds up, then takes absolute values: the published formula."""
    total = u + v
    along = torch.cos(angle / 2) * total[..., 0, :] + torch.sin(angle / 2) * total[..., 1, :]
    across = -torch.sin(angle / 2) * total[..., 0, :] + torch.cos(angle / 2) * total[..., 1, :]
    return along.abs() - across.abs()


def adder(kind, p=11, frequencies=(2, 5, 3), **options):
    """A checkpoint in memory whose net is a clock, a pizza, or as drawn at random ("random")."""
    own = bool(options.get("turned"))
    config = make_config(
        "modular_addition", task__modulus=p, task__train_fraction=1.0, task__own_tokens=own, net__hidden=[9]
    )
    task = config.task.load()
    if kind == "random":
        net = make_net(config, task=task, generators=make_generators((0,)))
    else:
        net = HandMade(kind, p, frequencies, **options)
    return Checkpoint(
        path=None, config=config, net=net, task=task, stopped={}, history=pd.DataFrame(columns=list(HISTORY)),
        snapshots={}, progress=None,
    )  # fmt: skip


def scaled(checkpoint, factor):
    """The same with an embedding so many times as large."""
    parameters = dict(checkpoint.net.parameters)
    parameters["embed"] = parameters["embed"] * factor
    return replace(checkpoint, net=checkpoint.net.replaced(parameters=parameters))
