"""One small net and task of every family, for what must hold of all of them."""

from dataclasses import replace

import torch

from bimt.config import TrainConfig, make_config
from bimt.nets.base import Net
from bimt.nets.build import make_net
from bimt.seeds import make_generators
from bimt.tasks.base import Task

SETTINGS = {
    "mlp": ("independence", ["net.hidden=[6,5]", "dtype=float64", "task.rows=30"]),
    "embedding_mlp": ("modular_addition", ["task.modulus=5", "net.embedding=6", "net.hidden=[7,4]"]),
    "three_operands": (
        "modular_addition",
        ["task.modulus=3", "task.operands=3", "task.operation=x", "net.embedding=4", "net.hidden=[5]"],
    ),
    "added": (
        "modular_addition",
        [
            "task.modulus=5",
            "net.embedding=6",
            "net.hidden=[7,4]",
            "net.join=add",
            "net.own_embeddings=true",
            "net.output_bias=false",
        ],
    ),
    "token_transformer": (
        "modular_addition",
        [
            "task.modulus=5",
            "net.family=token_transformer",
            "net.width=8",
            "net.heads=2",
            "net.attention=[6]",
            "net.mlp=[7]",
            "net.attention_rate=0.5",
        ],
    ),
    "transformer": (
        "in_context",
        [
            "task.sequences=60",
            "task.examples=3",
            "net.width=8",
            "net.heads=2",
            "net.mlp=[6,5]",
            "swaps.every=20",
            "batch=20",
        ],
    ),
}
FAMILIES = tuple(SETTINGS)


def config_of(family: str, *settings: str, seeds: int = 1) -> TrainConfig:
    """The configuration of a small net of a family."""
    task, usual = SETTINGS[family]
    return make_config(task, settings=[*usual, *settings], seeds=seeds)


def made(family: str, *, seeds: int = 1, live: float = 1.0) -> tuple[Net, Task]:
    """A fresh net and the task that it solves; of its weights (not its look-ups) a random share is not zero."""
    config = config_of(family, seeds=seeds)
    task = config.task.load()
    net = make_net(config, task=task, generators=make_generators(config.labels))
    generator = torch.Generator().manual_seed(1)
    for name in dict.fromkeys(link.parameter for link in net.wiring.links if not net.wiring.is_look_up(link)):
        shape = net.parameters[name].shape
        net.parameters[name] *= 3 * (torch.rand(shape, generator=generator) < live)
    return net, answered(task, net.seed(0))


def answered(task: Task, net: Net) -> Task:
    """The regression task whose targets are what a net of one seed says."""
    splits = {
        name: replace(split, targets=net.run(split.inputs[None])[0])
        for name, split in (("train", task.train), ("test", task.test))
    }
    return replace(task, kind="regression", classes=(), judged=(), **splits)
