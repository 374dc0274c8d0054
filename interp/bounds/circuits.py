"""How far two circuits of one shape can be apart on a box, and how that changes along each input."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from interp.bounds.activations import SHAPES
from interp.bounds.intervals import Interval, rounded_reals, thin, weighted
from interp.circuit import Circuit, Layer

_UNIT = 2.0**-52


class Spread(NamedTuple):
    """What an output can be on a box."""

    values: Interval
    """(boxes, 1)."""
    slopes: Interval
    """Along each input: (boxes, 1, inputs)."""


class _Flow(NamedTuple):
    """What is known of one site: of the first circuit, and of the second minus the first."""

    values: Interval
    change: Interval
    slopes: Interval
    slopes_change: Interval


class Difference:
    """One output of the second circuit minus that of the first, on boxes of inputs.

    Differences are carried from layer to layer instead of being taken at the end: the drive of the second is off by
    W2 d + (W2 - W1) h + b2 - b1 where the values before are h and off by d, and f(z + d) - f(z) is a slope of f times
    d. So what both circuits have in common cancels.
    """

    def __init__(self, first: Circuit, second: Circuit, output: int) -> None:
        """Takes two circuits, one copy each, with the same sites and centres, and which of their outputs to compare.

        Raises:
            ValueError: If sites or centres differ.
        """
        if [layer.site for layer in first.layers] != [layer.site for layer in second.layers]:
            raise ValueError("`first` and `second` must have the same sites; write both from one net")
        if not np.array_equal(first.centres, second.centres):
            raise ValueError("`first` and `second` must have the same centres; write both from one net")
        self.inputs, self.centres = first.inputs, first.centres.numpy()
        self.output = _site_of(first, output)
        alive = _alive(first, second, *self.output)
        self.pairs = [
            _Pair(one, two, alive)
            for one, two in zip(first.layers, second.layers, strict=True)
            if len(alive.get(one.site, ()))
        ]

    def over(self, low: Float[np.ndarray, "boxes inputs"], high: Float[np.ndarray, "boxes inputs"]) -> Spread:
        """Returns what the difference, and its slopes, can be."""
        box = Interval(low, high) - thin(self.centres)
        boxes, inputs = low.shape
        flows: dict[str, _Flow] = {}
        for site, (start, end) in self.inputs.items():
            unit = np.zeros((boxes, end - start, inputs))
            unit[:, np.arange(end - start), np.arange(start, end)] = 1.0
            still = np.zeros((boxes, end - start))
            flows[site] = _Flow(box[:, start:end], thin(still), thin(unit), thin(np.zeros_like(unit)))
        for pair in self.pairs:
            flows[pair.site] = pair.over(flows, boxes, inputs)
        found = flows[self.output[0]]
        return Spread(found.change, found.slopes_change)


def _site_of(circuit: Circuit, output: int) -> tuple[str, int]:
    """Returns the site of an output, and its index there."""
    sizes = {layer.site: layer.bias.shape[1] for layer in circuit.layers}
    for site in circuit.outputs:
        if output < sizes[site]:
            return site, output
        output -= sizes[site]
    raise ValueError("`output` must be less than the number of outputs")


def _alive(first: Circuit, second: Circuit, site: str, index: int) -> dict[str, Int[np.ndarray, " neurons"]]:
    """Returns the neurons that reach an output in either circuit; of the inputs all."""
    alive = {name: np.arange(end - start) for name, (start, end) in first.inputs.items()}
    needed = {site: {index}}
    for one, two in zip(reversed(first.layers), reversed(second.layers), strict=True):
        targets = alive[one.site] = np.array(sorted(needed.get(one.site, ())), dtype=np.int64)
        for source in one.weights:
            read = (one.weights[source][0, targets] != 0) | (two.weights[source][0, targets] != 0)
            needed.setdefault(source, set()).update(read.any(0).nonzero()[:, 0].tolist())
    return alive


class _Pair:
    """The same layer of both circuits, of the neurons that matter."""

    def __init__(self, one: Layer, two: Layer, alive: Mapping[str, Int[np.ndarray, " neurons"]]) -> None:
        self.site, self.shape = one.site, SHAPES[one.function]
        targets = alive[one.site]
        self.bias = rounded_reals(one.bias[0].numpy()[targets])
        self.bias_change = rounded_reals(two.bias[0].numpy()[targets]) - self.bias
        self.weights = {
            source: tuple(layer.weights[source][0].numpy()[np.ix_(targets, alive[source])] for layer in (one, two))
            for source in one.weights
        }

    def over(self, flows: dict[str, _Flow], boxes: int, inputs: int) -> _Flow:
        targets = len(self.bias.low)
        still, flat = thin(np.zeros((boxes, targets))), thin(np.zeros((boxes, targets, inputs)))
        drive, change = still + self.bias, still + self.bias_change
        slopes, slopes_change = flat, flat
        for source, (first, second) in self.weights.items():
            if not first.size:
                continue
            seen, moved = flows[source], second - first
            unsure = _UNIT * (np.abs(first) + np.abs(second))
            drive += weighted(first, seen.values)
            change += weighted(second, seen.change) + weighted(moved, seen.values, unsure)
            slopes += weighted(first, seen.slopes)
            slopes_change += weighted(second, seen.slopes_change) + weighted(moved, seen.slopes, unsure)
        steep, steep_change = self.shape.slope.over(drive), self.shape.slope_changed(drive, change)
        steep_second = self.shape.slope.over(drive + change) & (steep + steep_change)
        return _Flow(
            self.shape.value.over(drive),
            self.shape.changed(drive, change),
            _each(steep) * slopes,
            _each(steep_second) * slopes_change + _each(steep_change) * slopes,
        )


def _each(factor: Interval) -> Interval:
    """Returns a factor of every neuron for all of its slopes."""
    return factor[..., None]
