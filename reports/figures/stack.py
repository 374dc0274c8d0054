"""The picture of a net on sheets, one above the other, seen from above; what it reads lies on the lowest."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import networkx as nx
import numpy as np

from bimt.messages import printable
from interp.graph import without_look_ups
from interp.sparse import Neuron
from reports.figures.drawing import Area, Curve, Dots, Drawing, Figure, Floats, Lines, Mark, Words, fitted, ringed
from reports.figures.net import Groups, describe_net, legend

MOST_LINES = 5_000
"""Of more connections only the strongest are drawn."""
_WIDTH, _SIDE, _GAP = 460.0, 268.0, 138.0
_TURN, _TILT = math.radians(24), math.radians(27)
"""How far the sheets are turned, and how far they are looked down upon."""
_SHADES = 12


@dataclass(frozen=True)
class Projection:
    """Where points in space lie on the drawing, in parallel projection."""

    bottom: float
    """Where the middle of the lowest sheet lies."""
    rise: float
    """From the lowest to the highest sheet."""

    def __call__(self, points: Floats) -> Floats:
        """Projects points (points, 3): row, column and height of a place, all in [0, 1]."""
        down, right, up = points[:, 0] - 0.5, points[:, 1] - 0.5, points[:, 2]
        across = right * math.cos(_TURN) - down * math.sin(_TURN)
        near = right * math.sin(_TURN) + down * math.cos(_TURN)
        x = _WIDTH / 2 + _SIDE * across
        return np.stack([x, self.bottom - self.rise * up + _SIDE * math.sin(_TILT) * near], axis=1)


def draw_stack(
    graph: nx.DiGraph,
    *,
    everyone: nx.DiGraph,
    groups: Groups,
    brightness: Mapping[Neuron, float],
    name: str,
    title: str,
    caption: str,
) -> Figure:
    """Draws a net whose populations lie on sheets, inputs at the bottom; a population on a line runs through its sheet.

    Args:
        graph: What is drawn strongly.
        everyone: The graph before pruning: its other neurons stay visible as faint points.
        groups: The modules' hues.
        brightness: What input neurons see, from 0 to 1, drawn on their sheet; empty draws nothing.
        name: As in `Figure`.
        title: As in `Figure`.
        caption: As in `Figure`.
    """
    graph, everyone = without_look_ups(graph), without_look_ups(everyone)
    heights = sorted({data["position"][2] for _, data in everyone.nodes(data=True)})
    project, height = _projection(len(heights))
    level = {each: rank / max(len(heights) - 1, 1) for rank, each in enumerate(heights)}
    space = {neuron: (*data["position"][:2], level[data["position"][2]]) for neuron, data in everyone.nodes(data=True)}
    placed = project(np.array([*space.values()], dtype=float).reshape(-1, 3)).tolist()
    places = {neuron: (x, y) for neuron, (x, y) in zip(space, placed, strict=True)}
    by_sheet: dict[float, list[Neuron]] = defaultdict(list)
    for neuron, (*_, up) in space.items():
        by_sheet[up].append(neuron)
    lines = _lines_by_height(graph, places, space, _largest_weights(everyone))
    marks: list[Mark] = []
    for up in sorted(by_sheet):
        marks += _sheet(project, up, by_sheet[up], everyone)
        marks += _picture(project, space, {each: brightness[each] for each in by_sheet[up] if each in brightness})
        marks += _neurons(by_sheet[up], graph, everyone, places, groups)
        marks += lines.get(up, [])
    marks += _end_names(graph, everyone, places)
    key, depth = legend(groups, height)
    return Figure(name, title, caption, describe_net(graph, groups), Drawing(_WIDTH, height + depth, (*marks, *key)))


def _projection(sheets: int) -> tuple[Projection, float]:
    """Returns the projection of so many sheets, and the height of the drawing."""
    half = _SIDE * (math.sin(_TURN) + math.cos(_TURN)) / 2 * math.sin(_TILT)
    rise = _GAP * max(sheets - 1, 1)
    bottom = 30 + half + rise
    return Projection(bottom, rise), bottom + half + 12


def _sheet(project: Projection, up: float, neurons: list[Neuron], graph: nx.DiGraph) -> list[Mark]:
    corners = project(np.array([(0, 0, up), (0, 1, up), (1, 1, up), (1, 0, up)], dtype=float))
    border = tuple((x, y) for x, y in [*corners.tolist(), corners[0].tolist()])
    x, y = corners[3].tolist()
    sites = dict.fromkeys(graph.nodes[neuron]["site"] for neuron in neurons)
    name = fitted(printable(", ".join(sites), limit=40), x - 10, 11)
    return [
        Area((corners,), "paper", 0.3),
        Area((corners,), "grid", 0.35),
        Curve(border, "faint", 0.8),
        Words(x - 8, y + 1, name, 11, "muted", "end"),
    ]


def _picture(
    project: Projection, space: Mapping[Neuron, tuple[float, float, float]], brightness: Mapping[Neuron, float]
) -> list[Mark]:
    """Paints what the neurons of a sheet see as tiles, dark where it is bright, in a few shades."""
    if not brightness:
        return []
    middles = np.array([space[neuron] for neuron in brightness])
    half = 0.5 / max(len(np.unique(middles[:, 0])), 1), 0.5 / max(len(np.unique(middles[:, 1])), 1)
    shades = np.ceil(np.clip([*brightness.values()], 0, 1) * _SHADES).astype(int)
    marks: list[Mark] = []
    for shade in range(1, _SHADES + 1):
        chosen = middles[shades == shade]
        rings = tuple(
            project(np.array([(row + a * half[0], column + b * half[1], up) for a, b in _CORNERS]))
            for row, column, up in chosen
        )
        marks += [Area(rings, "ink", 0.85 * shade / _SHADES)] if rings else []
    return marks


_CORNERS = ((-1, -1), (-1, 1), (1, 1), (1, -1))


def _lines_by_height(
    graph: nx.DiGraph,
    places: Mapping[Neuron, tuple[float, float]],
    space: Mapping[Neuron, tuple[float, float, float]],
    largest: Mapping[str, float],
) -> dict[float, list[Mark]]:
    """Returns the lines that start at each height: they are drawn above that sheet and below the next."""
    edges = [edge for edge in graph.edges(data=True) if edge[2]["kind"] == "connection"]
    edges = sorted(edges, key=lambda edge: edge[2]["weight"])[-MOST_LINES:]
    result: dict[float, list[Mark]] = defaultdict(list)
    for up in sorted({space[source][2] for source, *_ in edges}):
        for tone, is_negative in (("negative", True), ("positive", False)):
            mine = [edge for edge in edges if space[edge[0]][2] == up and (edge[2]["value"] < 0) == is_negative]
            if mine:
                ends = np.array([(*places[source], *places[target]) for source, target, _ in mine])
                share = np.array([data["weight"] / largest[data["link"]] for *_, data in mine])
                crowd = min(1.0, 12 / len(mine) ** 0.5)
                widths = 0.3 + 3.2 * crowd * share
                result[up].append(Lines(ends, tone, widths, np.clip(0.35 * crowd + 0.65 * share, 0, 0.95)))
    return result


def _largest_weights(graph: nx.DiGraph) -> dict[str, float]:
    """Returns the |w| that is drawn thickest in each link: an input's weights are far smaller than those behind."""
    largest: dict[str, float] = defaultdict(float)
    for *_, data in graph.edges(data=True):
        largest[data["link"]] = max(largest[data["link"]], data["weight"])
    return {link: size or 1.0 for link, size in largest.items()}


def _neurons(
    neurons: Iterable[Neuron],
    graph: nx.DiGraph,
    everyone: nx.DiGraph,
    places: Mapping[Neuron, tuple[float, float]],
    groups: Groups,
) -> list[Mark]:
    """Draws hidden and output neurons in their module's hue, inputs and removed neurons as points."""
    points: dict[str, list[tuple[float, float]]] = {"muted": [], "faint": []}
    live: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for neuron in neurons:
        is_live = neuron in graph and graph.degree(neuron) > 0
        is_input = everyone.nodes[neuron]["role"] == "input"
        if is_live and not is_input:
            live[groups.tone(neuron)].append(places[neuron])
        elif is_live or not is_input:
            points["muted" if is_live else "faint"].append(places[neuron])
    marks: list[Mark] = [
        Dots(np.array(each), tone, 0.8 if tone == "muted" else 0.9, 0.8) for tone, each in points.items() if each
    ]
    for tone, each in live.items():
        marks += ringed(np.array(each), tone, 3.4)
    return marks


def _end_names(graph: nx.DiGraph, everyone: nx.DiGraph, places: Mapping[Neuron, tuple[float, float]]) -> list[Mark]:
    """Writes the names of the outputs beside them, away from their middle."""
    outputs = [neuron for neuron in everyone.graph["outputs"] if neuron in places]
    if not outputs:
        return []
    middle = np.mean([places[neuron] for neuron in outputs], axis=0)
    marks: list[Mark] = []
    for neuron in outputs:
        x, y = places[neuron]
        text = fitted(printable(everyone.nodes[neuron]["label"], limit=40), 84, 12)
        side = x - middle[0]
        anchor = "middle" if abs(side) < 0.25 * _SIDE * 0.5 else ("start" if side > 0 else "end")
        down = 17 if y > middle[1] and anchor == "middle" else (-8 if anchor == "middle" else 4)
        shift = {"middle": 0, "start": 8, "end": -8}[anchor]
        is_live = neuron in graph and graph.degree(neuron) > 0
        marks.append(Words(x + shift, y + down, text, 12, "ink" if is_live else "muted", anchor, True))
    return marks
