"""Hand-made nets whose modules say of every row exactly what a test wants them to say."""

from dataclasses import replace

import numpy as np
import torch

from bimt.nets.base import Net
from bimt.tasks.base import Scaling, Split, Task
from bimt.wiring import Bias, Link, Site, Wiring
from interp.contributions import entry_sites
from interp.modules import Module, Modules
from interp.sparse import Neuron, SparseNet, whole
from interp.voting import Voting, find_voting
from tests.families import config_of, made
from tests.wired import Bare, bare, population

CLASSES, ROWS = 5, 600
TARGETS = np.arange(ROWS) % CLASSES


def contributions(right, *, seed=0, right_size=1.0, wrong_size=1.0):
    """For each module (rows, classes): one answer per row, the right one where `right` says so, else any other."""
    random = np.random.RandomState(seed)
    found = np.zeros((len(right), ROWS, CLASSES))
    for rows, said in zip(right, found, strict=True):
        wrong = (TARGETS + random.randint(1, CLASSES, ROWS)) % CLASSES
        answers = np.where(rows, TARGETS, wrong)
        said[np.arange(ROWS), answers] = np.where(rows, right_size, wrong_size)
    return found + 1e-3 * random.rand(*found.shape)


def planted_net(said, bias=None) -> Bare:
    """A net that looks every row up: module m's neurons `embed.a[m * classes ...]` each speak to one output."""
    modules, rows, classes = said.shape
    wiring = Wiring(
        populations=(
            population("token", rows, None),
            population("embed", modules * classes),
            population("out", classes),
        ),
        sites=(Site("token.a", "token", "input"), Site("embed.a", "embed"), Site("out", "out", "output")),
        links=(Link("embed.a", "token.a", "embedding", layout="source target"), Link("out", "embed.a", "readout")),
        biases=(Bias("out", "bias"),),
    )
    net = bare(wiring, {"embedding": (rows, modules * classes), "readout": (classes, modules * classes), "bias": (5,)})
    parameters = {
        "embedding": torch.from_numpy(said.transpose(1, 0, 2).reshape(1, rows, -1).copy()),
        "readout": torch.eye(classes, dtype=torch.float64).repeat(1, modules)[None],
        "bias": torch.zeros(1, classes, dtype=torch.float64) if bias is None else torch.tensor([bias]).double(),
    }
    return net.replaced(parameters=parameters)


def voting_of_family(family) -> tuple[Voting, Net, Task]:
    """The votes of a random net of a family, its embedding and what the outputs read cut in two modules."""
    (net, _), task = made(family), config_of(family).task.load()
    wiring = net.wiring
    ends = {link.source for link in wiring.links if link.target in {site.name for site in wiring.outputs}}
    halves = [
        tuple(
            Neuron(site, index)
            for site in sorted(ends | entry_sites(wiring))
            for index in range(wiring.population_of(site).size)
            if index % 2 == half
        )
        for half in range(2)
    ]
    modules = planted_modules(2)
    members = tuple(replace(each, neurons=half) for each, half in zip(modules.modules, halves, strict=True))
    found = find_voting(
        whole(net, task),
        replace(modules, modules=members),
        task,
        permutations=100,
        generator=np.random.default_rng(0),
    )
    return found, net, task


def planted_modules(count, *, classes=CLASSES) -> Modules:
    """The modules of such a net, A, B, ..."""
    found = tuple(
        Module(
            name=chr(ord("A") + which),
            neurons=tuple(Neuron("embed.a", which * classes + index) for index in range(classes)),
            inputs=(),
            outputs=(),
            shares=(),
            connections=classes,
            is_significant=True,
        )
        for which in range(count)
    )
    empty = {"modularity": 0.0, "separation": None, "p_structure": None, "p_space": None, "persistence": None}
    loose = {"bridges": (), "constant_outputs": (), "unused_inputs": (), "connections": 0, "weights": "weight"}
    return Modules(modules=found, readout="excluded", parts=1, **empty, **loose)


def planted_task(*, tested=200) -> Task:
    """The rows as one-hot inputs, the last ones the test split."""
    inputs, targets = torch.eye(ROWS, dtype=torch.float64), torch.from_numpy(TARGETS)
    train = Split(inputs[:-tested], targets[:-tested])
    test = Split(inputs[-tested:], targets[-tested:])
    names = tuple(f"c{index}" for index in range(CLASSES))
    rows = tuple(f"row {index}" for index in range(ROWS))
    return Task("planted", "classification", rows, names, train, test, Scaling.none(ROWS, CLASSES), names)


def planted_sparse(said, bias=None) -> SparseNet:
    """The same with every connection kept."""
    return whole(planted_net(said, bias), planted_task())
