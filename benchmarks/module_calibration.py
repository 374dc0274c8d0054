"""How often the module finder splits nets that have no modules, and finds planted ones.

    python -m benchmarks.module_calibration --nets 1000

Prints one table: a row per family of nets.
"""

import argparse
import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from bimt.config import TrainConfig
from bimt.nets.base import Net
from bimt.tasks.base import Split
from bimt.train import train
from interp.communities import Connections, Floats, Ints
from interp.nulls import Wires
from interp.splits import SIGNIFICANCE, compare, split

Sizes = list[int]
Masks = list[NDArray[np.bool_]]
Fill = Callable[[Floats, Floats, np.random.Generator], Floats]  # positions of targets, of sources: probabilities


def band(targets: Floats, sources: Floats, generator: np.random.Generator) -> Floats:
    """Every neuron reads its nearest neighbours, and no other."""
    distance = np.abs(targets[:, None] - sources)
    reach = generator.uniform(0.6, 2.0) / min(len(targets), len(sources))
    return (distance <= np.maximum(reach, distance.min(1, keepdims=True) + 1e-9)) * 0.95


def soft_band(targets: Floats, sources: Floats, generator: np.random.Generator) -> Floats:
    """The chance of a connection falls exponentially with distance."""
    return np.exp(-np.abs(targets[:, None] - sources) / generator.uniform(0.1, 0.3))


def hubs(targets: Floats, sources: Floats, generator: np.random.Generator) -> Floats:
    """A few neurons have most of the connections, wherever they sit."""
    appeal = [generator.pareto(1.5, len(side)) + 0.2 for side in (targets, sources)]
    return np.minimum(1.0, np.outer(*appeal))


def hubs_in_band(targets: Floats, sources: Floats, generator: np.random.Generator) -> Floats:
    """Uneven degrees and locality together."""
    return np.minimum(1.0, 2 * hubs(targets, sources, generator) * soft_band(targets, sources, generator))


FAMILIES: dict[str, Fill] = {"band": band, "soft band": soft_band, "hubs": hubs, "hubs in band": hubs_in_band}


def free_net(fill: Fill, generator: np.random.Generator, *, fewest: int = 15, most: int = 60) -> Wires:
    """A net without modules: 2-6 inputs, two or three hidden layers of 3-20 neurons, 15-60 connections, one piece."""
    while True:
        sizes = _sizes(generator)
        columns = [(np.arange(size) + 0.5) / size for size in sizes]
        masks = _live([_mask(fill, *pair, generator) for pair in zip(columns[1:], columns[:-1], strict=True)])
        hidden = [int(mask.any(1).sum()) for mask in masks[:-1]]
        wires = _wires(masks, _weights(masks, generator), columns)
        if fewest <= sum(int(mask.sum()) for mask in masks) <= most and min(hidden) >= 3 and wires.components == 1:
            return wires


def planted_net(blocks: int, generator: np.random.Generator) -> tuple[Wires, Ints]:
    """Nets without modules side by side, each next pair joined by one weak connection; and each vertex's block."""
    fills = list(FAMILIES.values())
    depth = int(generator.integers(2, 4))
    parts: list[Wires] = []
    while len(parts) < blocks:
        part = free_net(fills[generator.integers(len(fills))], generator)
        if len(np.unique(part.connections.links)) == depth + 1:
            parts.append(part)
    offsets = np.cumsum([0] + [part.connections.vertices for part in parts])
    widths = np.array([part.connections.vertices for part in parts]) / offsets[-1]
    positions = np.concatenate(
        [
            part.positions * [width, 1.0] + [left, 0.0]
            for part, width, left in zip(parts, widths, np.cumsum(widths) - widths, strict=True)
        ]
    )
    link, source, target, weight = (
        [getattr(part.connections, name).ravel() + shift for part, shift in zip(parts, shifts, strict=True)]
        for name, shifts in (
            ("links", [0] * blocks),
            ("sources", offsets[:-1]),
            ("targets", offsets[:-1]),
            ("weights", [0.0] * blocks),
        )
    )
    median = float(np.median(np.concatenate(weight)))
    for one in range(blocks - 1):
        left, right = (one, one + 1) if generator.random() < 0.5 else (one + 1, one)
        bridge = generator.integers(1, depth + 1)
        link.append(np.array([bridge]))
        source.append(generator.choice(source[left][link[left] == bridge], 1))
        target.append(generator.choice(target[right][link[right] == bridge], 1))
        weight.append(np.array([median * generator.uniform(0.1, 0.5)]))
    block = np.repeat(np.arange(blocks), [part.connections.vertices for part in parts])
    return _joined(link, source, target, weight, positions), block


def _joined(link: list[Ints], source: list[Ints], target: list[Ints], weight: list[Floats], positions: Floats) -> Wires:
    order = np.argsort(np.concatenate(link), kind="stable")
    links, sources, targets = (np.concatenate(each)[order] for each in (link, source, target))
    connections = Connections(len(positions), links, sources, targets[None], np.concatenate(weight)[order][None])
    return Wires(connections, positions, np.zeros((0, 2), dtype=np.intp))


def _sizes(generator: np.random.Generator) -> Sizes:
    hidden = generator.integers(3, 21, generator.integers(2, 4))
    return [int(generator.integers(2, 7)), *map(int, hidden), int(generator.integers(1, 5))]


def _mask(fill: Fill, targets: Floats, sources: Floats, generator: np.random.Generator) -> NDArray[np.bool_]:
    """About 5 to 20 connections, likely where `fill` says; a filled band stays filled."""
    chance = fill(targets, sources, generator)
    if fill is not band:
        chance = np.minimum(1.0, chance * generator.uniform(0.8, 1.4) * max(chance.shape) / chance.sum())
    return generator.random(chance.shape) < chance


def _live(masks: Masks) -> Masks:
    """Without the neurons that are on no path from an input to an output."""
    masks = [mask.copy() for mask in masks]
    for _ in masks:
        for below, above in itertools.pairwise(masks):
            above[:, ~below.any(1)] = False
            below[~above.any(0)] = False
    return masks


def _weights(masks: Masks, generator: np.random.Generator) -> list[Floats]:
    spread = generator.uniform(0.2, 1.0)
    return [mask * generator.lognormal(0.0, spread, mask.shape) for mask in masks]


def _wires(masks: Masks, weights: list[Floats], columns: list[Floats]) -> Wires:
    """Only live neurons are vertices."""
    alive = [masks[0].any(0), *(mask.any(1) for mask in masks)]
    number = np.cumsum(np.concatenate(alive)) - 1
    first = np.cumsum([0] + [len(column) for column in columns])
    link: list[Ints] = []
    source: list[Ints] = []
    target: list[Ints] = []
    weight: list[Floats] = []
    for which, mask in enumerate(masks):
        to, where = np.nonzero(mask)
        link.append(np.full(len(to), which))
        source.append(number[first[which] + where])
        target.append(number[first[which + 1] + to])
        weight.append(weights[which][to, where])
    height = np.linspace(0, 1, len(columns))
    places = [
        np.stack([column, np.full(len(column), y)], 1)[live]
        for column, y, live in zip(columns, height, alive, strict=True)
    ]
    return _joined(link, source, target, weight, np.concatenate(places))


def trained_nets(seed: int) -> Iterator[Wires]:
    """Endless nets, trained in space on labels shuffled over the rows, cut to 15-60 connections in one piece."""
    tasks = ("independence", "feature_sharing", "compositionality")
    for run in itertools.count():
        generator = np.random.default_rng([seed, 99, run])
        hidden = tuple(map(int, generator.integers(6, 21, generator.integers(2, 4))))
        config = TrainConfig.model_validate(
            {
                "task": {"name": tasks[run % 3]},
                "net": {"hidden": hidden},
                "steps": 1500,
                "seeds": 40,
                "first_seed": 40 * run,
            }
        )
        task = config.task.load()
        rows = slice(0, 60)
        order = torch.from_numpy(generator.permutation(60))
        split_ = Split(task.train.inputs[rows], task.train.targets[rows][order])
        net = train(config, task=replace(task, train=split_)).net
        for row in range(net.seeds):
            wires = _cut_to_size(net.seed(row), generator)
            if wires is not None:
                yield wires


def _cut_to_size(net: Net, generator: np.random.Generator) -> Wires | None:
    """The connections with the largest weights; None if no number of them from 15 to 60 is one piece."""
    weights = [net.weight(link)[0].detach().abs().double().numpy() for link in net.wiring.links]
    columns = [net.positions(site.population)[0, :, 0].numpy() for site in net.wiring.sites]
    sizes = np.sort(np.concatenate([weight.ravel() for weight in weights]))[::-1]
    for number in generator.permutation(np.arange(15, 61)):
        masks = _live([weight >= sizes[number - 1] for weight in weights])
        if all(mask.any() for mask in masks) and sum(int(mask.sum()) for mask in masks) >= 15:
            wires = _wires(masks, weights, columns)
            if wires.components == 1:
                return wires
    return None


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nets", type=int, default=1000, help="nets without modules")
    parser.add_argument("--planted", type=int, default=300, help="nets with planted modules")
    parser.add_argument("--draws", type=int, default=499, help="draws from each null")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    families: list[Callable[[int], Iterator[Wires]]] = [
        *(partial(_free_nets, fill) for fill in FAMILIES.values()),
        trained_nets,
    ]
    print("family                          nets   wrongly split   structure p < 0.01   space p < 0.01")
    answers = []
    for name, nets in zip((*FAMILIES, "trained on shuffled labels"), families, strict=True):
        rows = [
            _verdict(wires, options) for wires in itertools.islice(nets(options.seed), options.nets // len(families))
        ]
        answers += [modules > 1 for modules, *_ in rows]
        if not rows:
            continue
        split_, structure, space = np.mean([(modules > 1, *beaten) for modules, _, beaten in rows], axis=0)
        print(f"{name:30s} {len(rows):5d} {split_:13.1%} {structure:18.1%} {space:16.1%}", flush=True)
    if answers:
        print(f"{'all':30s} {len(answers):5d} {np.mean(answers):13.1%}\n")
    print("planted                         nets   found   exactly   cut further   structure p < 0.01   space p < 0.01")
    for blocks in (2, 3) if options.planted else ():
        scores = np.mean([_planted_scores(blocks, row, options) for row in range(options.planted // 2)], axis=0)
        columns = "{:8.1%} {:9.1%} {:13.1%} {:20.1%} {:16.1%}".format(*scores)
        print(f"{blocks} blocks, weak bridges         {options.planted // 2:5d}{columns}", flush=True)


def _free_nets(fill: Fill, seed: int) -> Iterator[Wires]:
    family = list(FAMILIES.values()).index(fill)
    return (free_net(fill, np.random.default_rng([seed, family, net])) for net in itertools.count())


def _verdict(wires: Wires, options: argparse.Namespace) -> tuple[int, Ints, tuple[bool, bool]]:
    """How many modules, the module of each vertex, and which null the best cut of the whole beats."""
    seeds = [options.seed, len(wires.connections.links), wires.connections.vertices]
    answer = split([wires], draws=options.draws, generator=np.random.default_rng(seeds))[0]
    # a cut that is too weak in any case has no p-values in the answer
    whole = compare([wires], draws=options.draws, generator=np.random.default_rng(seeds))[0]
    beaten = whole.p_structure < SIGNIFICANCE, whole.p_space < SIGNIFICANCE
    return int(answer.labels.max()) + 1, answer.labels, beaten


def _planted_scores(blocks: int, row: int, options: argparse.Namespace) -> tuple[bool, ...]:
    """Found: no module mixes blocks (at most one vertex in twenty astray), and no two blocks share one."""
    wires, block = planted_net(blocks, np.random.default_rng([options.seed, 10 + blocks, row]))
    modules, labels, beaten = _verdict(wires, options)
    table = np.zeros((modules, blocks))
    np.add.at(table, (labels, block), 1)
    is_found = table.max(1).sum() / table.sum() > 0.95 and len(set(table.argmax(1))) == blocks
    return (is_found, is_found and modules == blocks, is_found and modules > blocks, *beaten)


if __name__ == "__main__":
    main()
