"""One snapshot of a net, straight from its tensors: quick enough for every frame of a film."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bimt.checkpoint import Checkpoint
from bimt.messages import printable
from bimt.nets.base import Net
from bimt.tasks.base import Task
from bimt.wiring import Wiring
from interp.graph import coordinates, end_labels, site_depths
from interp.replay import Cut
from interp.replay import Frame as Snapshot
from reports.figures.axes import Frame
from reports.figures.drawing import Area, Dots, Floats, Length, Lines, Mark, Words, fitted, text_width
from reports.figures.net import MOST_LINES

_SLANT, _RISE = 0.3, 0.75
"""What a sheet's second coordinate does: sideways, by this share of the width, and up, of the layers' distance."""
_LIFT = 22.0
"""How far apart sites lie that are equally many steps from the inputs (the operands of a sum; q, k and v)."""
_LABEL = 11.0
_BANDS = 6
"""In so many steps of strength the signs are drawn in turn, lest one hides the other."""
_CROWD = 600
"""More connections are drawn paler and thinner."""
_MOST_BESIDE = 16
"""Up to so many neurons of a sheet have their names beside them."""


@dataclass(frozen=True)
class Look:
    """What is the same in all snapshots of a film or strip."""

    largest: float
    """The |w| that is drawn thickest."""
    tones: Mapping[str, Sequence[str]]
    """For every population, the hue of each neuron."""
    names: Mapping[str, Sequence[str]]
    """For input and output sites, the name of each neuron."""
    thickness: Length = 1.0
    """Scales lines and points."""


@dataclass(frozen=True)
class _Layer:
    """One site on the sheet."""

    places: Floats
    """(neurons, 2)"""
    radius: float
    outline: Floats | None
    """The corners of a sheet."""


def make_look(
    checkpoint: Checkpoint, label: int, tones: Mapping[str, Sequence[str]], *, thickness: Length = 1.0
) -> Look:
    """Returns a look in which all snapshots of a seed have one scale."""
    row, wiring = checkpoint.labels.index(label), checkpoint.net.wiring
    parameters = {link.parameter for link in wiring.links if not wiring.is_look_up(link)}
    largest = max((float(checkpoint.snapshots[name][:, row].abs().max()) for name in parameters), default=0.0)
    return Look(largest or 1.0, tones, end_names(wiring, checkpoint.task), thickness)


def end_names(wiring: Wiring, task: Task) -> dict[str, list[str]]:
    """Names the neurons of the input and output sites as the task does; look-ups have no names."""
    names: dict[str, list[str]] = {}
    for neuron, label in end_labels(wiring, task).items():
        if wiring.population_of(neuron.site).slots is not None:
            names.setdefault(neuron.site, []).append(printable(label, limit=40))
    return names


def draw_snapshot(snapshot: Snapshot, box: Frame, look: Look) -> list[Mark]:
    """Draws a snapshot's connections above the cut and its neurons where they sit, inputs at the bottom.

    Args:
        snapshot: The net and its cut.
        box: Where on the sheet; names stand above and below it.
        look: Hues, names and scale.
    """
    net, left = snapshot.net, snapshot.cut
    layers = _lay_out(net, box, look.thickness)
    marks: list[Mark] = [Area((layer.outline,), "grid", 0.55) for layer in layers.values() if layer.outline is not None]
    marks += _skips(net.wiring, layers)
    marks += _connections(net, left, layers, look)
    marks += _neurons(net.wiring, left, layers, look)
    return [*marks, *_names(look, layers, box)]


def _lay_out(net: Net, box: Frame, thickness: Length) -> dict[str, _Layer]:
    """Places every site's neurons, the first site at the bottom, look-ups left out; sheets in oblique projection."""
    wiring, depths = net.wiring, site_depths(net.wiring)
    sites = [site for site in wiring.sites if wiring.population_of(site.name).slots is not None]
    points = {site.name: coordinates(net, site.population) for site in sites}
    is_sheet = {name: bool(np.ptp(each[:, 1]) > 0) if len(each) else False for name, each in points.items()}
    levels = {
        depth: [name for name in points if depths[name] == depth] for depth in sorted({depths[n] for n in points})
    }
    slant, rise = (_SLANT, _RISE) if any(is_sheet.values()) else (0.0, 0.0)
    most = max((len(names) for names in levels.values()), default=1)
    gap = (box.bottom - box.top) / (max(len(levels) - 1, 1) + rise)
    lift = min(_LIFT * thickness, gap / (most + 1))
    width = box.right - box.left

    def placed(each: Floats, height: float) -> Floats:
        across = box.left + width * ((1 - slant) * each[:, 0] + slant * each[:, 1])
        return np.stack([across, box.bottom - height - gap * (rise * (each[:, 1] - 0.5) + rise / 2)], 1)

    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], dtype=np.float64)
    layers = {}
    for level, names in enumerate(levels.values()):
        for rank, name in enumerate(names):
            each, height = points[name], gap * level + lift * (rank - (len(names) - 1) / 2)
            columns, rows = (max(len(np.unique(each[:, axis].round(9))), 1) for axis in (0, 1))
            back = gap * rise / rows if is_sheet[name] else lift if len(names) > 1 else gap
            room = min(width * (1 - slant) / columns, back)
            radius = float(np.clip(0.3 * room, 0.8, 5.5 * thickness))
            layers[name] = _Layer(placed(each, height), radius, placed(corners, height) if is_sheet[name] else None)
    return layers


def _connections(net: Net, left: Cut, layers: Mapping[str, _Layer], look: Look) -> list[Mark]:
    """Draws the strongest connections, from the weakest to the strongest."""
    ends, values = [np.zeros((0, 4))], [np.zeros(0)]
    for link in net.wiring.links:
        if net.wiring.is_look_up(link):
            continue
        target, source = left.edges[link.name]
        values.append(net.weight(link)[0].numpy()[target, source])
        ends.append(np.concatenate([layers[link.source].places[source], layers[link.target].places[target]], 1))
    value, end = np.concatenate(values), np.concatenate(ends)
    order = np.argsort(np.abs(value), kind="stable")[-MOST_LINES:]
    crowd = min(1.0, (_CROWD / max(len(order), 1)) ** 0.5)
    marks: list[Mark] = []
    for band in np.array_split(order, _BANDS):
        for tone, chosen in (("negative", band[value[band] < 0]), ("positive", band[value[band] >= 0])):
            share = np.clip(np.abs(value[chosen]) / look.largest, 0, 1)
            if len(chosen):
                widths = look.thickness * crowd**0.5 * (0.5 + 4.0 * share)
                marks.append(Lines(end[chosen], tone, widths, np.clip(crowd * (0.12 + 1.1 * share), 0, 1)))
    return marks


def _skips(wiring: Wiring, layers: Mapping[str, _Layer]) -> list[Mark]:
    """Draws one-to-one connections without weights, pale."""
    ends = [
        np.concatenate([layers[skip.source].places, layers[skip.target].places], 1)
        for skip in wiring.skips
        if skip.source in layers and skip.target in layers
    ]
    if not ends:
        return []
    every = np.concatenate(ends)
    return [Lines(every, "faint", np.full(len(every), 0.5), np.full(len(every), 0.4))]


def _neurons(wiring: Wiring, left: Cut, layers: Mapping[str, _Layer], look: Look) -> list[Mark]:
    """Draws the neurons: those with a connection in their hue, the others as small grey points."""
    groups: dict[tuple[str, float], list[Floats]] = {}
    for site, layer in layers.items():
        is_joined = _joined(wiring, left, site)
        groups.setdefault(("faint", 0.45 * layer.radius), []).append(layer.places[~is_joined])
        if layer.radius > 2:
            groups.setdefault(("paper", layer.radius + 1.0), []).append(layer.places[is_joined])
        tones = np.array(look.tones[wiring.site(site).population], dtype=object)
        for tone in dict.fromkeys(tones[is_joined].tolist()):
            groups.setdefault((tone, layer.radius), []).append(layer.places[is_joined & (tones == tone)])
    below = ("faint", "paper")
    order = sorted(groups, key=lambda group: below.index(group[0]) if group[0] in below else len(below))
    every = [(np.concatenate(groups[group]), *group) for group in order]
    return [Dots(places, tone, radius) for places, tone, radius in every if len(places)]


def _joined(wiring: Wiring, left: Cut, site: str) -> NDArray[np.bool_]:
    joined = np.zeros(wiring.population_of(site).size, dtype=bool)
    for link in wiring.links:
        target, source = left.edges[link.name]
        if link.target == site:
            joined[target] = True
        if link.source == site:
            joined[source] = True
    return joined


def _names(look: Look, layers: Mapping[str, _Layer], box: Frame) -> list[Mark]:
    """Writes the names of inputs below and of outputs above, where there is room."""
    marks: list[Mark] = []
    size = max(_LABEL * look.thickness, 8.0)
    for site, names in look.names.items():
        places, radius = layers[site].places, layers[site].radius
        if layers[site].outline is not None:
            beside = places if len(places) <= _MOST_BESIDE else places[:0]
            pairs = zip(beside.tolist(), names, strict=False)
            marks += [Words(x + radius + 3, y + 4, fitted(text, 60, size), size, "ink") for (x, y), text in pairs]
            continue
        room = min((float(gap) for gap in np.diff(np.sort(places[:, 0]))), default=box.right - box.left) - 4
        shown = [fitted(name, max(room, 0), size) for name in names]
        if not names or room < text_width("x" * 2, size):
            continue
        is_top = places[:, 1].mean() < (box.top + box.bottom) / 2
        drop = -radius - 5 if is_top else radius + size + 2
        for (x, y), text in zip(places.tolist(), shown, strict=False):
            marks.append(Words(x, y + drop, text, size, "ink", "middle", True))
    return marks
