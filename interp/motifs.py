"""Motifs: the small mechanisms that nets of smooth activations are made of, found in a pruned net."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import sympy
from jaxtyping import Bool, Float
from rich.table import Table
from torch import Tensor

from interp.circuit import Circuit, Layer
from interp.curves import Curve, find_curve
from interp.expressions import name_neurons, number, text, weighted_sum
from interp.factors import Product, find_products, joint_product
from interp.parallels import parallel_groups
from interp.sparse import Neuron
from interp.tables import frame_table

Kind = Literal["linear", "saturated", "square", "absolute", "product"]

FEWEST_ROWS = 10
"""Through fewer rows a parabola always fits."""
_MANY = 6
"""Four neurons are enough for a product; many random ones may happen to add up to one."""
_ROUNDING = 1e-12
_FACTORS: dict[Kind, Callable[..., tuple[sympy.Expr, ...]]] = {
    "linear": lambda drive: (drive,),
    "square": lambda u: (sympy.Pow(u, 2, evaluate=False),),
    "absolute": lambda u: (sympy.Abs(u, evaluate=False),),
    "product": lambda p, q: (p, q),
}
"""What the scale is multiplied by, from the parts."""


@dataclass(frozen=True)
class Motif:
    """One mechanism: what some neurons of a net do, said as offset + scale * shape(parts)."""

    kind: Kind
    """linear: a neuron is a straight line in its drive. saturated: it is constant; dead where that is zero.
    square, absolute: neurons along one direction add offset + scale * (u - u0)^2, or |u - u0|, to the target.
    product: they add offset + scale * (p - p0) * (q - q0)."""
    target: Neuron | None
    """The neuron that reads it; None for linear and saturated neurons, which are so for all their readers."""
    neurons: tuple[Neuron, ...]
    parts: tuple[sympy.Expr, ...]
    """The drive; nothing; u - u0; p - p0 and q - q0. Symbols are columns in the table's units, and neurons (`h1_3`)."""
    offset: float
    """The intercept of a line, the value of a saturated neuron."""
    scale: float
    """The slope of a line; zero for a saturated neuron."""
    error: float
    """The largest deviation over the rows: as a share of the range of what the neurons add to the target (of a line's
    value); of a saturated neuron as a share of the range of its drive, which it would pass on if it were not."""

    @cached_property
    def formula(self) -> sympy.Expr:
        """What the neurons add to the target; of a linear or saturated neuron its value."""
        if not self.parts:
            return number(self.offset)
        term = sympy.Mul(number(self.scale), *_FACTORS[self.kind](*self.parts), evaluate=False)
        return weighted_sum([(1.0, term)], self.offset)

    def in_short(self, digits: int = 4) -> str:
        """Returns the formula as text, with so many digits."""
        return text(self.formula, digits=digits)

    def to_json(self) -> dict[str, Any]:
        """Returns kind, neurons and target by name, formula as text that sympy reads back, and error."""
        return self._row() | {"neurons": [str(neuron) for neuron in self.neurons]}

    def _row(self, *, digits: int | None = None) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "neurons": ", ".join(map(str, self.neurons)),
            "target": None if self.target is None else str(self.target),
            "formula": text(self.formula, digits=digits),
            "error": self.error,
        }


@dataclass(frozen=True)
class Motifs:
    """What was found in one net."""

    motifs: tuple[Motif, ...]

    def to_json(self) -> list[dict[str, Any]]:
        """Returns one entry per motif."""
        return [motif.to_json() for motif in self.motifs]

    def to_frame(self) -> pd.DataFrame:
        """Returns one row per motif: kind, neurons, target, formula, error."""
        return self._frame()

    def __rich__(self) -> Table:
        """Shows them with four digits."""
        return frame_table(self._frame(digits=4).set_index("kind"), title=f"motifs: {len(self.motifs)}", limit=100)

    def _frame(self, *, digits: int | None = None) -> pd.DataFrame:
        rows = [motif._row(digits=digits) for motif in self.motifs]
        return pd.DataFrame(rows, columns=["kind", "neurons", "target", "formula", "error"])


def find_motifs(
    circuit: Circuit,
    table: Float[Tensor, "rows inputs"],
    symbols: Sequence[sympy.Symbol],
    *,
    error: float = 0.01,
    shape_error: float = 0.1,
) -> tuple[Motif, ...]:
    """Recognises lines, constants, squares, absolute values and products in what a net's neurons do on some rows.

    Two neurons driven by c + a u and c - a u add up to 2 f(c) + f''(c) a^2 u^2 + ..., and four to a product, the
    difference of two squares. (Lin, Tegmark and Rolnick 2017, arXiv:1608.08225.) So whatever the activation, a
    square is called where one target reads neurons of in-weights that are parallel beyond chance (`interp.parallels`)
    and the first-order terms cancel inside the range of u; and |u|, if that is closer. Constants and lines among them
    are left out where all together are neither. A neuron that reads only one other looks where that one looks: a square
    may take two layers.

    A product is called where squares are one (`interp.factors`), and where all that a target reads of two sources and
    no others adds up to one. Nets that pay for connections do with three neurons: two bent ones along p + q and p - q,
    and a third that takes off what is of first order.

    A neuron that is part of a square, an absolute value or a product is not called linear, however little it bends;
    one that no other reads is not called anything. No neuron is in two of these for one target: what they add can be
    replaced by their formulas, all together.

    Args:
        circuit: One copy, as `to_circuit` makes it.
        table: The rows that count, at least 10, in the table's units.
        symbols: One per column.
        error: Of linear and saturated neurons, the largest there may be, in (0, 1); what adds less than this share to a
            square is not one of its neurons.
        shape_error: Of the others, in (0, 1). Looser, as trained nets square to a few hundredths.

    Returns:
        In forward order, those of a neuron's own first.

    Raises:
        ValueError: If the circuit has several copies, there are too few rows, or an error is no such share.
    """
    if circuit.layers[-1].bias.shape[0] != 1:
        raise ValueError(f"`circuit` must hold one copy, got {circuit.layers[-1].bias.shape[0]}")
    if len(table) < FEWEST_ROWS:
        raise ValueError(f"`table` must have at least {FEWEST_ROWS} rows, got {len(table)}")
    for name, share in (("error", error), ("shape_error", shape_error)):
        if not 0 < share < 1:
            raise ValueError(f"`{name}` must be a share between 0 and 1, got {share}")
    seen = _Seen(circuit, table, symbols)
    flat = {each.neurons[0]: each for layer in circuit.layers for each in _flat_neurons(seen, layer, error)}
    readers = [_Reader(seen, layer, index, flat) for layer in circuit.layers for index in range(layer.bias.shape[1])]
    curves = [motif for reader in readers for motif in reader.motifs(error, shape_error)]
    bent = {neuron for motif in curves for neuron in motif.neurons}
    return *(motif for neuron, motif in flat.items() if neuron not in bent), *curves


class _Beam(NamedTuple):
    """Neurons of one site that look along one direction."""

    neurons: list[int]
    weights: Float[np.ndarray, "neurons sources"]


class _Seen:
    """What every neuron of a circuit is on the rows; neurons of all sites, inputs too, are one list of sources."""

    def __init__(self, circuit: Circuit, table: Float[Tensor, "rows inputs"], symbols: Sequence[sympy.Symbol]) -> None:
        values = {site: value[0].numpy() for site, value in circuit.values(table.double()).items()}
        names = name_neurons(circuit, symbols)
        self.circuit = circuit
        self.first = dict(zip(values, np.cumsum([0, *(value.shape[1] for value in values.values())]), strict=False))
        self.values: Float[np.ndarray, "rows sources"] = np.concatenate(list(values.values()), axis=1)
        self.names = [name for site in values for name in names[site]]
        self.spread: Float[np.ndarray, " sources"] = self.values.std(0)
        self.weights = {layer.site: self._weights(layer) for layer in circuit.layers}
        self.beams = self._beams()

    def _weights(self, layer: Layer) -> Float[np.ndarray, "neurons sources"]:
        """Returns a layer's weights from all sources there are."""
        full = np.zeros((layer.bias.shape[1], len(self.names)))
        for source, weight in layer.weights.items():
            full[:, self.first[source] : self.first[source] + weight.shape[2]] = weight[0].numpy()
        return full

    def _beams(self) -> dict[str, list[_Beam]]:
        """Returns each site's parallel neurons: first by what they read, then by where that looks."""
        beams: dict[str, list[_Beam]] = {}
        origins: dict[int, np.ndarray] = {}
        for layer in self.circuit.layers:
            own = self.weights[layer.site]
            traced = np.array([_traced(row, origins) for row in own]).reshape(own.shape)
            origins |= dict(enumerate(traced, start=self.first[layer.site]))
            ways = () if layer.function is None else (own, traced)
            read = self.read(layer.site)
            groups = [(way, parallel_groups(way * self.spread, read)) for way in ways]
            beams[layer.site] = [_Beam(group, way[group]) for way, found in groups for group in found]
        return beams

    def of(self, site: str, neurons: Sequence[int]) -> Float[np.ndarray, "rows neurons"]:
        """Returns what some neurons of a site are on the rows."""
        return self.values[:, self.first[site] + np.array(neurons, dtype=np.intp)]

    def weighted(self, direction: Float[np.ndarray, " sources"], constant: float) -> sympy.Expr:
        """Returns a weighted sum of sources as an expression."""
        terms = [(weight, self.names[source]) for source, weight in enumerate(direction.tolist()) if weight]
        return weighted_sum(terms, constant)

    def less(self, direction: Float[np.ndarray, " sources"], centre: float) -> sympy.Expr:
        """Returns u - centre; a centre that is rounding only is left out."""
        size = np.abs(self.values @ direction).max()
        return self.weighted(direction, -centre if abs(centre) > _ROUNDING * size else 0.0)

    def read(self, site: str) -> Bool[np.ndarray, "targets neurons"]:
        """Tells which neurons of a site each neuron of later layers reads."""
        layers = [layer.weights[site][0] for layer in self.circuit.layers if site in layer.weights]
        size = self.weights[site].shape[0]
        return np.concatenate([np.zeros((0, size), dtype=bool), *(weight.numpy() != 0 for weight in layers)])


def _traced(row: Float[np.ndarray, " sources"], origins: Mapping[int, np.ndarray]) -> Float[np.ndarray, " sources"]:
    """Returns where a neuron looks through the others that it reads, if that is one direction; else its own weights."""
    looks = [origins.get(source, row) for source in np.flatnonzero(row).tolist()]
    sources = {tuple(np.flatnonzero(look)) for look in looks}
    return looks[0] if len(looks) == 1 or (len(sources) == 1 and len(*sources) == 1) else row


def _flat_neurons(seen: _Seen, layer: Layer, error: float) -> Iterator[Motif]:
    """Yields the neurons of a site that are constant, and those that are lines."""
    if layer.function is None:
        return
    weights, bias = seen.weights[layer.site], layer.bias[0].tolist()
    for index in np.flatnonzero(seen.read(layer.site).any(0)).tolist():
        drive, value = seen.values @ weights[index] + bias[index], seen.of(layer.site, [index])[:, 0]
        middle, largest = float(value.max() + value.min()) / 2, float(np.ptp(value)) / 2
        neurons = (Neuron(layer.site, index),)
        varies = largest > _ROUNDING * abs(middle)
        if not varies or largest <= error * np.ptp(drive):
            share = largest / float(np.ptp(drive)) if varies else 0.0
            yield Motif("saturated", None, neurons, (), middle, 0.0, share)
            continue
        away = drive - drive.mean()
        slope = float(away @ value / (away @ away))
        intercept = float(value.mean() - slope * drive.mean())
        off = float(np.abs(intercept + slope * drive - value).max() / np.ptp(value))
        if off <= error:
            parts = (seen.weighted(weights[index], bias[index]),)
            yield Motif("linear", None, neurons, parts, intercept, slope, off)


class _Reader:
    """One neuron, and what others add to it."""

    def __init__(self, seen: _Seen, layer: Layer, index: int, flat: Collection[Neuron]) -> None:
        self.seen, self.flat = seen, flat
        self.neuron = Neuron(layer.site, index)
        self.weights = {site: weight[0, index].numpy() for site, weight in layer.weights.items() if site in seen.beams}

    def motifs(self, error: float, shape_error: float) -> Iterator[Motif]:
        """Yields the squares, absolute values and products that it reads."""
        found = {site: self._curves(site, error, shape_error) for site in self.weights}
        site_of = {id(curve): site for site, curves in found.items() for curve in curves}
        curves = [curve for curves in found.values() for curve in curves]
        squares = [curve for curve in curves if curve.kind == "square"]
        products = find_products(squares, self.seen.values, error=shape_error, slack=error)
        factored = {id(square) for product in products for square in product.squares}
        for curve in curves:
            if curve.turns and id(curve) not in factored:
                yield self._curve_motif(site_of[id(curve)], curve)
        for product in products:
            members = [Neuron(site_of[id(each)], index) for each in product.squares for index in each.neurons]
            yield self._product_motif(members, product)
        for site, weights in self.weights.items():
            named = (curve for curve in found[site] if curve.turns or id(curve) in factored)
            bent = {index for curve in named for index in curve.neurons}
            rest = [index for index in np.flatnonzero(weights).tolist() if index not in bent]
            for neurons, product in self._joint_products(site, rest, shape_error):
                yield self._product_motif([Neuron(site, index) for index in neurons], product)

    def _parts(self, site: str, neurons: Sequence[int]) -> Float[np.ndarray, "rows neurons"]:
        """Returns what each neuron of a site adds."""
        return self.seen.of(site, neurons) * self.weights[site][list(neurons)]

    def _curves(self, site: str, error: float, shape_error: float) -> list[Curve]:
        """Returns the curves that beams add up to, those first that turn; no neuron is in two."""
        curves = [self._curve(site, beam, error, shape_error) for beam in self.seen.beams[site]]
        found: list[Curve] = []
        for curve in sorted((each for each in curves if each), key=lambda each: not each.turns):
            if not {index for other in found for index in other.neurons} & set(curve.neurons):
                found.append(curve)
        return found

    def _curve(self, site: str, beam: _Beam, error: float, shape_error: float) -> Curve | None:
        """Returns the curve that all neurons of a beam add up to, or those that are neither constant nor lines."""
        read = tuple(place for place, index in enumerate(beam.neurons) if self.weights[site][index])
        bent = tuple(place for place in read if Neuron(site, beam.neurons[place]) not in self.flat)
        found: list[Curve | None] = []
        for places in dict.fromkeys((read, bent)):
            parts = self._parts(site, [beam.neurons[place] for place in places])
            matter = np.ptp(parts, axis=0) > error * np.ptp(parts.sum(1))
            kept = [place for place, matters in zip(places, matter, strict=True) if matters]
            neurons = tuple(beam.neurons[place] for place in kept)
            if len(neurons) < 2:
                continue
            curve = find_curve(neurons, beam.weights[kept], parts[:, matter], self.seen.values, error=shape_error)
            if curve is not None and curve.turns:
                return curve
            found.append(curve)
        return next((curve for curve in found if curve), None)

    def _joint_products(
        self, site: str, neurons: Sequence[int], shape_error: float
    ) -> Iterator[tuple[list[int], Product]]:
        """Yields where all neurons of two sources and no others add up to the product of the two."""
        reads = self.seen.weights[site] * self.seen.spread != 0
        pairs = {tuple(np.flatnonzero(reads[index]).tolist()) for index in neurons if reads[index].sum() == 2}
        used = set[int]()
        for first, second in sorted(pairs):
            others = np.delete(reads, [first, second], axis=1).any(1)
            inside = [index for index in neurons if reads[index].any() and not others[index] and index not in used]
            if not 1 < len(inside) <= _MANY:
                continue
            parts = self._parts(site, inside)
            product = joint_product((first, second), parts, self.seen.values, error=shape_error)
            if product is not None:
                used |= set(inside)
                yield inside, product

    def _curve_motif(self, site: str, curve: Curve) -> Motif:
        neurons = tuple(Neuron(site, index) for index in curve.neurons)
        parts = (self.seen.less(curve.direction, curve.centre),)
        return Motif(curve.kind, self.neuron, neurons, parts, curve.offset, curve.scale, curve.error)

    def _product_motif(self, neurons: Sequence[Neuron], product: Product) -> Motif:
        order = list(self.seen.first)
        ranked = tuple(sorted(neurons, key=lambda neuron: (order.index(neuron.site), neuron.index)))
        ends = zip(product.directions, product.centres, strict=True)
        parts = tuple(self.seen.less(direction, centre) for direction, centre in ends)
        return Motif("product", self.neuron, ranked, parts, product.offset, product.scale, product.error)
