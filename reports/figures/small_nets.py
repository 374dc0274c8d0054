"""Several nets side by side on one sheet, drawn to the same scale, so that they can be compared at a glance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import networkx as nx
import numpy as np

from bimt.messages import printable
from interp.graph import without_look_ups
from interp.parts import find_parts, find_vertices
from interp.sparse import Neuron
from reports.figures.drawing import Dots, Drawing, Figure, Length, Lines, Mark, Words, fitted, ringed
from reports.figures.net import MOST_LINES, largest_weight
from reports.figures.palette import module_tone

_WIDTH, _GAP, _LAYER, _HEAD = 212.0, 16.0, 84.0, 66.0
_BANDS = 6
"""Connections are drawn from the lightest to the heaviest in so many steps, so that no sign hides the other."""
_SLANT = 0.16
"""A second coordinate moves a neuron sideways and up, by this share of the width and of the layers' distance."""


@dataclass(frozen=True, eq=False)
class Panel:
    """One of the nets."""

    title: str
    note: str
    """A line of small print below the title."""
    graph: nx.DiGraph
    """The pruned net."""
    everyone: nx.DiGraph
    """The net before pruning: its other neurons are faint points."""
    tones: Mapping[Neuron, str] = field(default_factory=dict)
    """Hues of neurons; the others are drawn in ink."""


def draw_nets(panels: Sequence[Panel], *, name: str, title: str, caption: str, columns: int = 5) -> Figure:
    """Draws nets side by side, inputs at the bottom; the thickest line is the largest weight of them all.

    Args:
        panels: The nets, in order.
        name: As in `Figure`.
        title: As in `Figure`.
        caption: As in `Figure`.
        columns: How many stand in a row.
    """
    panels = [
        replace(panel, graph=without_look_ups(panel.graph), everyone=without_look_ups(panel.everyone))
        for panel in panels
    ]
    largest = max((largest_weight(panel.graph) for panel in panels), default=1.0)
    marks: list[Mark] = []
    top, height = 0.0, 0.0
    for rank, panel in enumerate(panels):
        column = rank % columns
        if column == 0:
            top, height = top + height, 0.0
        height = max(height, _height(panel))
        marks += _panel(panel, column * (_WIDTH + _GAP), top, largest)
    width = min(len(panels), columns) * (_WIDTH + _GAP) - _GAP
    alt = "; ".join(f"{panel.title}: {_count(panel.graph):,} connections" for panel in panels)
    if any(_count(panel.graph) > MOST_LINES for panel in panels):
        caption += f" Of more than {MOST_LINES:,} connections only the heaviest are drawn."
    return Figure(name, title, caption, f"Nets side by side. {alt}.", Drawing(max(width, 100), top + height, (*marks,)))


def part_tones(graph: nx.DiGraph) -> dict[Neuron, str]:
    """Gives the neurons of every independent part of a net their hue, where there are several parts."""
    vertices = find_vertices(graph)
    parts = find_parts(vertices)
    if len(parts) < 2:
        return {}
    return {
        neuron: module_tone(rank)
        for rank, part in enumerate(parts)
        for vertex in part.vertices
        for neuron in vertices.nodes[vertex]["neurons"]
    }


def _count(graph: nx.DiGraph) -> int:
    return sum(kind == "connection" for *_, kind in graph.edges(data="kind"))


def _height(panel: Panel) -> float:
    layers = len({place[2] for _, place in panel.everyone.nodes(data="position")})
    return _HEAD + _LAYER * max(layers - 1, 1) + 36


def _panel(panel: Panel, left: Length, top: Length, largest: float) -> list[Mark]:
    places = _places(panel.everyone, left, top + _HEAD, _height(panel) - _HEAD - 36)
    marks: list[Mark] = [
        Words(left + 4, top + 16, fitted(panel.title, _WIDTH, 13), 13, "ink", is_bold=True),
        Words(left + 4, top + 33, fitted(panel.note, _WIDTH + _GAP - 4, 11), 11, "muted"),
    ]
    marks += _edges(panel.graph, places, largest)
    live: dict[str, list[tuple[float, float]]] = {}
    for neuron in panel.graph:
        if panel.graph.degree(neuron):
            live.setdefault(panel.tones.get(neuron, "ink"), []).append(places[neuron])
    rest = [places[neuron] for neuron in places if neuron not in panel.graph or not panel.graph.degree(neuron)]
    radius = _radius(panel.everyone)
    if rest:
        marks.append(Dots(np.array(rest), "faint", max(0.4 * radius, 0.9)))
    for tone, each in live.items():
        marks += ringed(np.array(each), tone, radius)
    return marks + _labels(panel.everyone, places)


def _places(graph: nx.DiGraph, left: Length, top: Length, height: Length) -> dict[Neuron, tuple[float, float]]:
    places = {}
    lowest = min((z for _, (_, _, z) in graph.nodes(data="position")), default=0.0)
    for neuron, (x, y, z) in graph.nodes(data="position"):
        across = left + (x + _SLANT * (y - 0.5)) * _WIDTH
        down = top + (1 - z) / ((1 - lowest) or 1) * height
        places[neuron] = float(across), float(down - 2 * _SLANT * (y - 0.5) * _LAYER)
    return places


def _radius(graph: nx.DiGraph) -> float:
    """Returns a radius at which the neurons of the fullest layer do not touch."""
    sizes: dict[str, int] = {}
    for _, site in graph.nodes(data="site"):
        sizes[site] = sizes.get(site, 0) + 1
    return float(np.clip(0.42 * _WIDTH / max(sizes.values(), default=1), 1.0, 4.0))


def _edges(graph: nx.DiGraph, places: dict[Neuron, tuple[float, float]], largest: float) -> list[Mark]:
    edges = [edge for edge in graph.edges(data=True) if edge[2]["kind"] == "connection"]
    edges = sorted(edges, key=lambda edge: edge[2]["weight"])[-MOST_LINES:]
    marks: list[Mark] = []
    for band in np.array_split(np.arange(len(edges)), _BANDS):
        for tone, is_negative in (("negative", True), ("positive", False)):
            chosen = [edges[rank] for rank in band if (edges[rank][2]["value"] < 0) == is_negative]
            if chosen:
                ends = np.array([(*places[source], *places[target]) for source, target, _ in chosen])
                share = np.array([data["weight"] for *_, data in chosen]) / largest
                marks.append(Lines(ends, tone, 0.5 + 3.0 * share, np.clip(0.18 + 0.82 * share**0.7, 0, 1)))
    return marks


def _labels(graph: nx.DiGraph, places: dict[Neuron, tuple[float, float]]) -> list[Mark]:
    """Names inputs and outputs where there is room."""
    marks: list[Mark] = []
    for role, down in (("inputs", 20.0), ("outputs", -10.0)):
        ends = [neuron for neuron in graph.graph[role] if neuron in places]
        if len(ends) <= 6:
            room = _WIDTH / max(len(ends), 1)
            for neuron in ends:
                x, y = places[neuron]
                text = fitted(printable(graph.nodes[neuron]["label"], limit=40), room, 11)
                marks.append(Words(x, y + down, text, 11, "ink", "middle", True))
    return marks
