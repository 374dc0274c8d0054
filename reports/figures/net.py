"""The picture of a net: every neuron at its place, every connection as thick as its weight."""

import itertools
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import networkx as nx
import numpy as np

from bimt.messages import printable
from interp.graph import without_look_ups
from interp.sparse import Neuron
from reports.figures.drawing import (
    Curve,
    Disc,
    Dots,
    Drawing,
    Figure,
    Floats,
    Lines,
    Mark,
    Words,
    fitted,
    ringed,
    text_width,
)
from reports.figures.palette import module_tone

MOST_LINES = 5_000
"""Of more connections only the strongest are drawn."""
_FEW = 600
"""Up to this many connections are drawn so that each is seen."""
_MOST_FIXED = 300
"""Of more skips and gates each is drawn the paler."""
_WIDTH, _LEFT, _RIGHT, _LAYER = 460.0, 46.0, 452.0, 92.0
_ROW = 26.0
"""How far apart sites are drawn that lie at one depth (the operands of a sum; q, k and v)."""
_SLANT = 0.16
"""A second coordinate moves a neuron sideways and up, by this share of the width and of the layers' distance."""


@dataclass(frozen=True)
class Groups:
    """Which module a neuron belongs to, and what the modules are called."""

    of: Mapping[Neuron, int]
    names: tuple[str, ...]

    def tone(self, neuron: Neuron) -> str:
        """Returns the hue of a neuron's module, grey where it has none."""
        return module_tone(self.of[neuron]) if neuron in self.of else "faint"


@dataclass(frozen=True)
class Layout:
    """Where neurons lie on the sheet, and how large they are drawn."""

    places: Mapping[Neuron, tuple[float, float]]
    radii: Mapping[str, float]
    """By site."""
    top: float
    bottom: float
    height: float


def largest_weight(graph: nx.DiGraph) -> float:
    """Returns the largest |w| of a graph's connections, look-ups left out; 1 where there is none."""
    edges = without_look_ups(graph).edges(data=True)
    return max((data["weight"] for *_, data in edges if data["kind"] == "connection"), default=1.0) or 1.0


def draw_net(
    graph: nx.DiGraph, *, everyone: nx.DiGraph, groups: Groups, largest: float, name: str, title: str, caption: str
) -> Figure:
    """Draws a net, inputs at the bottom.

    Args:
        graph: What is drawn strongly.
        everyone: The graph before pruning: its other neurons stay visible as faint points.
        groups: The modules' hues.
        largest: The |w| that is drawn thickest, so that pictures can be compared.
        name: As in `Figure`.
        title: As in `Figure`.
        caption: As in `Figure`.
    """
    graph, everyone = without_look_ups(graph), without_look_ups(everyone)
    labels = _end_labels(everyone)
    layout = _lay_out(everyone, labels)
    marks = [*_layer_names(everyone, layout), *_edges(graph, layout, largest)]
    marks += _neurons(graph, everyone, layout, groups)
    marks += _end_words(labels, layout)
    key, depth = legend(groups, layout.height)
    drawing = Drawing(_WIDTH, layout.height + depth, (*marks, *key))
    return Figure(name, title, caption, describe_net(graph, groups), drawing)


def _lay_out(graph: nx.DiGraph, labels: Mapping[Neuron, str]) -> Layout:
    sites: dict[float, list[str]] = defaultdict(list)
    for _, data in graph.nodes(data=True):
        if data["site"] not in sites[data["position"][2]]:
            sites[data["position"][2]].append(data["site"])
    layers = len(sites)
    lifts = {name: (rank - (len(names) - 1) / 2) * _ROW for names in sites.values() for rank, name in enumerate(names)}
    top = 18 + _label_room(graph, labels, "output")
    bottom = top + _LAYER * max(layers - 1, 1)
    lowest = min((data["position"][2] for _, data in graph.nodes(data=True)), default=0.0)
    places = {}
    rows: dict[str, list[float]] = defaultdict(list)
    for neuron, data in graph.nodes(data=True):
        x, y, z = data["position"]
        across = _LEFT + 12 + (x + _SLANT * (y - 0.5)) * (_RIGHT - _LEFT - 12)
        up = (z - lowest) / ((1 - lowest) or 1) * (bottom - top) + lifts[data["site"]]
        places[neuron] = across, bottom - up - 2 * _SLANT * (y - 0.5) * _LAYER
        rows[data["site"]].append(across)
    radii = {site: _radius(row) for site, row in rows.items()}
    return Layout(places, radii, top, bottom, bottom + 16 + _label_room(graph, labels, "input"))


def _radius(row: list[float]) -> float:
    """Returns a radius at which the neurons of a layer do not touch."""
    gaps = np.diff(np.sort(np.array(row)))
    gaps = gaps[gaps > 1e-6]
    return float(np.clip(0.34 * (gaps.min() if len(gaps) else 20), 1.2, 6.5))


def _edges(graph: nx.DiGraph, layout: Layout, largest: float) -> list[Mark]:
    """Draws connections from the weakest to the strongest; skips and gates thin and dashed below them."""
    edges = sorted(graph.edges(data=True), key=lambda edge: edge[2]["weight"])
    fixed = [edge for edge in edges if edge[2]["kind"] != "connection"]
    edges = [edge for edge in edges if edge[2]["kind"] == "connection"][-MOST_LINES:]
    is_open = len(edges) <= _FEW and all(data["weight"] > 0 for *_, data in edges) and not _is_dense(graph)
    marks = _fixed(fixed, layout)
    for tone, is_negative in (("negative", True), ("positive", False)):
        chosen = [edge for edge in edges if (edge[2]["value"] < 0) == is_negative]
        if chosen:
            share = np.array([data["weight"] for *_, data in chosen]) / largest
            widths = 0.8 + 4.2 * share if is_open else 0.4 + 3.6 * share
            opacities = np.full(len(share), 0.9) if is_open else np.clip(0.1 + 0.9 * share, 0, 1)
            marks.append(Lines(_ends(chosen, layout), tone, widths, opacities))
    return marks


def _fixed(edges: list[Any], layout: Layout) -> list[Mark]:
    """Draws skips and gates, the more of them the paler."""
    if not edges:
        return []
    pale = 0.6 * min(1.0, _MOST_FIXED / len(edges))
    return [Lines(_ends(edges, layout), "faint", np.full(len(edges), 0.6), np.full(len(edges), pale), is_dashed=True)]


def _ends(edges: list[Any], layout: Layout) -> Floats:
    return np.array([(*layout.places[source], *layout.places[target]) for source, target, _ in edges])


def _is_dense(graph: nx.DiGraph) -> bool:
    """Tells whether there are so many connections that they are only seen together."""
    return graph.number_of_edges() > 5 * graph.number_of_nodes()


def _neurons(graph: nx.DiGraph, everyone: nx.DiGraph, layout: Layout, groups: Groups) -> list[Mark]:
    """Draws neurons with a connection in their module's hue, the others as small points below them."""
    cut: dict[float, list[tuple[float, float]]] = defaultdict(list)
    live: dict[tuple[str, float], list[tuple[float, float]]] = defaultdict(list)
    for neuron, site in everyone.nodes(data="site"):
        radius = layout.radii[site]
        if neuron in graph and graph.degree(neuron):
            live[groups.tone(neuron), radius].append(layout.places[neuron])
        else:
            cut[radius].append(layout.places[neuron])
    marks: list[Mark] = [Dots(np.array(places), "faint", 0.45 * radius) for radius, places in cut.items()]
    for (tone, radius), places in live.items():
        marks += ringed(np.array(places), tone, radius)
    return marks


def _end_labels(graph: nx.DiGraph) -> dict[Neuron, str]:
    """Returns the names of inputs and outputs, harmless and short."""
    return {neuron: printable(graph.nodes[neuron]["label"], limit=40) for role in ("inputs", "outputs")
            for neuron in graph.graph[role] if neuron in graph}  # fmt: skip


def _step(graph: nx.DiGraph, role: str) -> float:
    """Returns how far apart the labels of a layer are."""
    places = sorted({data["position"][0] for _, data in graph.nodes(data=True) if data["role"] == role})
    return (_RIGHT - _LEFT) * min(np.diff(places), default=1.0)


def _label_room(graph: nx.DiGraph, labels: Mapping[Neuron, str], role: str) -> float:
    """Returns the height that the labels of a layer need: one line, or more where they must lean."""
    names = [labels[neuron] for neuron in graph.graph[f"{role}s"] if neuron in labels]
    widest = max((text_width(fitted(name, 150, 12), 12) for name in names), default=0.0)
    return 14.0 if widest <= _step(graph, role) else 0.72 * min(widest, 150) + 12


def _end_words(labels: Mapping[Neuron, str], layout: Layout) -> list[Mark]:
    """Writes names above the outputs and below the inputs, leaning where they would overlap."""
    marks: list[Mark] = []
    middle = (layout.top + layout.bottom) / 2
    for is_top in (True, False):
        chosen = {neuron: name for neuron, name in labels.items() if (layout.places[neuron][1] < middle) == is_top}
        across = sorted(layout.places[neuron][0] for neuron in chosen)
        step = min((b - a for a, b in itertools.pairwise(across)), default=_RIGHT - _LEFT)
        if step < 9 and len(across) > 1:
            continue
        leans = max((text_width(fitted(name, 150, 12), 12) for name in chosen.values()), default=0) > step
        for neuron, name in chosen.items():
            x, y = layout.places[neuron]
            room = min(150.0, 1.4 * ((_WIDTH - x if is_top else x) - 8))
            text = fitted(name, room, 11 if leans else 12)
            if not leans:
                marks.append(Words(x, y - 13 if is_top else y + 23, text, 12, "ink", "middle", True))
            elif is_top:
                marks.append(Words(x + 3, y - 11, text, 11, "ink", "start", True, -45))
            else:
                marks.append(Words(x + 3, y + 15, text, 11, "ink", "end", True, -45))
    return marks


def _layer_names(graph: nx.DiGraph, layout: Layout) -> list[Mark]:
    rows: dict[str, list[float]] = defaultdict(list)
    for neuron, data in graph.nodes(data=True):
        rows[data["site"]].append(layout.places[neuron][1])
    return [
        Words(4, sum(row) / len(row) + 4, fitted(printable(site, limit=40), _LEFT, 11), 11, "muted")
        for site, row in rows.items()
    ]


def legend(groups: Groups, top: float) -> tuple[list[Mark], float]:
    """Returns the legend's marks and its height."""
    marks: list[Mark] = []
    entries = [("positive", "positive weight"), ("negative", "negative weight")]
    entries += [(module_tone(index), f"module {name}") for index, name in enumerate(groups.names[:8])]
    x, y = 4.0, top + 18
    for tone, text in entries:
        width = 26 + text_width(text, 11) + 12
        if x + width > _WIDTH and x > 4:
            x, y = 4.0, y + 18
        if tone in ("positive", "negative"):
            marks.append(Curve(((x, y - 4), (x + 18, y - 4)), tone, 3))
        else:
            marks.append(Disc(x + 10, y - 4, 5, tone))
        marks.append(Words(x + 24, y, text, 11, "muted"))
        x += width
    return marks, y - top + 10


def describe_net(graph: nx.DiGraph, groups: Groups) -> str:
    """Says what the picture shows: layer by layer, and from which inputs each output can be reached."""
    sites: dict[str, int] = defaultdict(int)
    for _, data in graph.nodes(data=True):
        sites[data["site"]] += 1
    layers = ", ".join(f"{count} in {printable(site, limit=40)}" for site, count in sites.items())
    connections = sum(data["kind"] == "connection" for *_, data in graph.edges(data=True))
    text = f"Net with {connections:,} connections; neurons drawn: {layers}."
    return text + (f" Coloured by module: {', '.join(groups.names[:8])}." if groups.names else "")
