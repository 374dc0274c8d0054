"""What neurons look for, as small pictures: blue where a bright pixel speaks for it, vermilion where against."""

from collections.abc import Mapping, Sequence

import numpy as np

from bimt.messages import printable
from interp.features import Feature, Feed
from interp.sparse import Neuron
from reports.figures.drawing import Area, Box, Curve, Drawing, Figure, Floats, Mark, Words, fitted

MOST_FEATURES, MOST_FEEDS = 40, 10
_WIDTH, _COLUMNS, _TILE = 640.0, 10, 54.0
_READ = 7
"""How many features are drawn beside an output."""
_SHADES = 6


def draw_features(features: Sequence[Feature]) -> Figure:
    """Draws the features of neurons, the most important first."""
    shown = features[:MOST_FEATURES]
    step = _WIDTH / _COLUMNS
    marks: list[Mark] = []
    for number, feature in enumerate(shown):
        x, y = step * (number % _COLUMNS) + (step - _TILE) / 2, (_TILE + 22) * (number // _COLUMNS)
        marks += _tile(feature.image.numpy(), x, y)
        marks.append(Words(x + _TILE / 2, y + _TILE + 13, str(feature.neuron), 10, "muted", "middle"))
    rows = -(-len(shown) // _COLUMNS)
    most = f"The {len(shown)} most important of {len(features)}" if len(features) > len(shown) else "All"
    caption = (
        f"{most}, sorted by the sum of |w| over their connections. Blue: a bright pixel raises the neuron, vermilion: "
        "it lowers it. Each picture has a scale of its own; empty pixels have no connection."
    )
    alt = f"Input weights of {len(shown)} neurons as pictures, from {shown[0].neuron} to {shown[-1].neuron}."
    return Figure("features", "Features", caption, alt, Drawing(_WIDTH, (_TILE + 22) * rows, tuple(marks)))


def draw_feeds(feeds: Sequence[Feed], labels: Mapping[Neuron, str]) -> Figure:
    """Draws for every output the features that feed the neuron which serves it, with the weights on the way."""
    shown = feeds[:MOST_FEEDS]
    marks: list[Mark] = []
    row, left = _TILE + 26, 118.0
    for number, feed in enumerate(shown):
        y = row * number
        marks += _output(feed, printable(labels.get(feed.output, str(feed.output)), limit=40), y, left)
        for place, (feature, weight) in enumerate(feed.features[:_READ]):
            x = left + place * (_WIDTH - left) / _READ + 4
            marks += _tile(feature.image.numpy(), x, y)
            tone = "positive" if weight > 0 else "negative"
            marks.append(Words(x + _TILE / 2, y + _TILE + 13, _signed(weight), 10, tone, "middle", True))
        if number:
            marks.append(Curve(((0, y - 5), (_WIDTH, y - 5)), "grid", 1))
    caption = (
        "For each output the neuron with the largest |w| into it, step by step down to one that reads features; then "
        "the features which that neuron reads, the largest |w| first, each with its weight."
    )
    alt = f"For {len(shown)} outputs the features that feed the neuron serving each."
    return Figure("feeds", "What speaks for each output", caption, alt, Drawing(_WIDTH, row * len(shown), tuple(marks)))


def _output(feed: Feed, label: str, y: float, left: float) -> list[Mark]:
    """Names an output, and below it the neurons on the way to its features."""
    marks: list[Mark] = [Words(4, y + 18, fitted(label, left - 8, 15), 15, "ink", "start", True)]
    for step, (neuron, weight) in enumerate(zip(feed.through[:3], feed.weights[:3], strict=True)):
        tone = "positive" if weight > 0 else "negative"
        marks += [
            Words(4, y + 36 + 15 * step, f"{_signed(weight)}", 10, tone, "start", True),
            Words(46, y + 36 + 15 * step, f"× {neuron}", 10, "muted"),
        ]
    return marks


def _tile(image: Floats, x: float, y: float) -> list[Mark]:
    """Draws a signed picture on a square, in a few shades of either tone."""
    marks: list[Mark] = [Box(x, y, _TILE, _TILE, "grid", 0.45)]
    rows, columns = image.shape
    high, wide = _TILE / rows, _TILE / columns
    largest = float(np.abs(image).max(initial=0.0)) or 1.0
    shades = np.ceil(np.abs(image) / largest * _SHADES).astype(int) * np.sign(image).astype(int)
    corners = np.array([(0, 0), (wide, 0), (wide, high), (0, high)])
    for shade in (*range(-_SHADES, 0), *range(1, _SHADES + 1)):
        cells = np.argwhere(shades == shade).tolist()
        rings = tuple(np.array([x + column * wide, y + line * high]) + corners for line, column in cells)
        if rings:
            marks.append(Area(rings, "positive" if shade > 0 else "negative", 0.15 + 0.85 * abs(shade) / _SHADES))
    return marks


def _signed(weight: float) -> str:
    return f"{weight:+.2g}".replace("-", "−")
