"""Groups, and hand-made nets whose dimensions and logits are known."""

import numpy as np
import torch

from bimt.config import make_config
from bimt.nets.base import Net
from bimt.nets.build import make_net
from bimt.seeds import make_generators
from bimt.tasks.base import Task
from bimt.tasks.group import FiniteGroup


def group_named(name: str) -> FiniteGroup:
    """S4 and the like, Q8, or C3xC3 (both from their tables alone)."""
    if name == "Q8":
        return quaternions()
    if name == "C3xC3":
        pairs = [(a, b) for a in range(3) for b in range(3)]
        return from_table([[pairs.index(((a + c) % 3, (b + d) % 3)) for c, d in pairs] for a, b in pairs], name)
    return make_config("permutation_group", task__group=name).task.finite_group()


def quaternions() -> FiniteGroup:
    """1, i, j, k and their negatives, as matrices of two by two complex numbers."""
    i, j = np.array([[1j, 0], [0, -1j]]), np.array([[0, 1], [-1, 0]])
    units = [np.eye(2), i, j, i @ j]
    units += [-unit for unit in units]
    table = [[next(k for k, unit in enumerate(units) if np.allclose(a @ b, unit)) for b in units] for a in units]
    return from_table(table, "Q8")


def from_table(table, name: str = "G") -> FiniteGroup:
    """A group of which nothing but the products is known."""
    return FiniteGroup(name, tuple(map(str, range(len(table)))), np.array(table))


def relabelled(group: FiniteGroup, order: np.ndarray) -> FiniteGroup:
    """The same group with its elements in another order: the new element k is the old order[k]."""
    number = np.argsort(order)
    permutations = tuple(group.permutations[old] for old in order) if group.permutations else ()
    names = tuple(group.elements[old] for old in order)
    return FiniteGroup(group.name, names, number[group.table[np.ix_(order, order)]], permutations)


def net_of(name: str, embedding: np.ndarray, *, hidden: int = 4) -> tuple[Net, Task, FiniteGroup]:
    """A net on a group with a given embedding, (elements, dimensions), and random weights behind it."""
    settings = [f"net.embedding={embedding.shape[1]}", f"net.hidden=[{hidden}]"]
    config = make_config("permutation_group", settings=settings, task__group=name)
    task = config.task.load()
    net = make_net(config, task=task, generators=make_generators(config.labels))
    net.parameters["weight.embed"][0] = torch.from_numpy(embedding)
    return net, task, config.task.finite_group()


def look_up_net(name: str, logits: np.ndarray) -> tuple[Net, Task, FiniteGroup]:
    """A net that has a hidden neuron for every pair, and says exactly these logits (a, b, class)."""
    count = len(logits)
    settings = [f"net.embedding={count}", f"net.hidden=[{count**2}]", "net.activation=relu"]
    config = make_config("permutation_group", settings=settings, task__group=name)
    task = config.task.load()
    net = make_net(config, task=task, generators=make_generators(config.labels))
    one = torch.eye(count, dtype=torch.float64)
    of_a, of_b = one.repeat_interleave(count, 0), one.repeat(count, 1)
    net.parameters["weight.embed"][0] = one
    net.parameters["weight.h1"][0] = torch.cat([of_a, of_b], 1)
    net.parameters["bias.h1"].fill_(-1.0)
    net.parameters["weight.out"][0] = torch.from_numpy(logits.reshape(count**2, count).T)
    net.parameters["bias.out"].zero_()
    return net, task, config.task.finite_group()
