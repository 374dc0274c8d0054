"""What the neurons of a net on sheets look for: the weights into them, laid out as pictures."""

from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from bimt.nets.base import Net
from bimt.wiring import Link
from interp.sparse import Neuron, SparseNet


class Feature(NamedTuple):
    """What one neuron reads from an input sheet."""

    neuron: Neuron
    image: Float[Tensor, "rows columns"]
    """The kept weights into it, each at its pixel; 0 where there is none."""
    importance: float
    """The sum of |w| over its kept connections, incoming and outgoing."""


class Feed(NamedTuple):
    """What speaks for and against one output: the features that feed the neuron which serves it."""

    output: Neuron
    through: tuple[Neuron, ...]
    """From the output down, each the one with the largest |w| into the neuron before, to the last that reads features;
    empty where the output reads them itself."""
    weights: tuple[float, ...]
    """Of the connections along `through`."""
    features: tuple[tuple[Feature, float], ...]
    """Each feature read there, with the weight by which it is read, the largest |w| first."""


def on_sheets(net: Net) -> bool:
    """Tells whether any population lies in two dimensions."""
    slots = (population.slots for population in net.wiring.populations)
    return any(each is not None and each.shape[1] >= 2 for each in slots)


def sheet_of(net: Net, site: str) -> Int[Tensor, "rows columns"] | None:
    """Returns which neuron sits at which row and column of a sheet; None where a site is no full sheet.

    Args:
        net: One seed.
        site: A site whose population may lie on a grid.
    """
    population = net.wiring.population_of(site)
    if population.slots is None or population.slots.shape[1] != 2 or not population.size:
        return None
    places = [torch.unique(axis, return_inverse=True) for axis in net.positions(population.name)[0].T]
    (rows, row), (columns, column) = places
    sheet = torch.full((len(rows), len(columns)), -1)
    sheet[row, column] = torch.arange(population.size)
    return sheet if min(sheet.shape) > 1 and sheet.numel() == population.size and (sheet >= 0).all() else None


def find_features(sparse: SparseNet) -> tuple[Feature, ...]:
    """Returns a feature for every live neuron that reads an input sheet, the most important first."""
    net, importance = sparse.net, _importance(sparse)
    features = []
    for link, sheet in _reading_links(net):
        weights = _kept_weights(sparse, link)
        for index in weights.any(1).nonzero()[:, 0].tolist():
            neuron = Neuron(link.target, index)
            features.append(Feature(neuron, weights[index][sheet], importance[neuron]))
    return tuple(sorted(features, key=lambda feature: -feature.importance))


def find_feeds(sparse: SparseNet) -> tuple[Feed, ...]:
    """Returns for every output that reads features, itself or through other neurons, which ones."""
    by_neuron = {feature.neuron: feature for feature in find_features(sparse)}
    sources = _sources(sparse)
    feeds = []
    for site in sparse.net.wiring.outputs:
        for index in range(sparse.net.wiring.population_of(site.name).size):
            feed = _feed(Neuron(site.name, index), sources, by_neuron)
            feeds += [] if feed is None else [feed]
    return tuple(feeds)


def pixels_read(sparse: SparseNet) -> dict[str, Tensor]:
    """Tells for every input sheet, by its site, which neurons have a kept connection."""
    read: dict[str, Tensor] = {}
    for link, _ in _reading_links(sparse.net):
        mine = _kept_weights(sparse, link).any(0)
        read[link.source] = read.get(link.source, torch.zeros_like(mine)) | mine
    return read


def _feed(
    output: Neuron, sources: Mapping[Neuron, list[tuple[Neuron, float]]], features: Mapping[Neuron, Feature]
) -> Feed | None:
    neuron, through, weights = output, list[Neuron](), list[float]()
    while found := sources.get(neuron):
        read = [(features[source], weight) for source, weight in found if source in features]
        if read:
            return Feed(output, tuple(through), tuple(weights), tuple(read))
        neuron, weight = found[0]
        if neuron in through:
            return None
        through.append(neuron)
        weights.append(weight)
    return None


def _reading_links(net: Net) -> list[tuple[Link, Tensor]]:
    """Returns the links out of input sheets, each with its sheet."""
    inputs = {site.name for site in net.wiring.inputs}
    sheets = [(link, sheet_of(net, link.source)) for link in net.wiring.links if link.source in inputs]
    return [(link, sheet) for link, sheet in sheets if sheet is not None]


def _sources(sparse: SparseNet) -> dict[Neuron, list[tuple[Neuron, float]]]:
    """Returns the kept connections into every neuron, the largest |w| first."""
    found: dict[Neuron, list[tuple[Neuron, float]]] = defaultdict(list)
    for link in sparse.net.wiring.links:
        weights = _kept_weights(sparse, link)
        for target, source in weights.nonzero().tolist():
            found[Neuron(link.target, target)].append((Neuron(link.source, source), weights[target, source].item()))
    return {neuron: sorted(each, key=lambda pair: -abs(pair[1])) for neuron, each in found.items()}


def _importance(sparse: SparseNet) -> dict[Neuron, float]:
    total: dict[Neuron, float] = defaultdict(float)
    for link in sparse.net.wiring.links:
        sizes = _kept_weights(sparse, link).abs()
        for site, sums in ((link.target, sizes.sum(1)), (link.source, sizes.sum(0))):
            for index, amount in enumerate(sums.tolist()):
                total[Neuron(site, index)] += amount
    return total


def _kept_weights(sparse: SparseNet, link: Link) -> Float[Tensor, "target source"]:
    return sparse.net.weight(link)[0] * link.view(sparse.kept[link.parameter])[0]
