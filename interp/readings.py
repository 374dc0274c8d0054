"""What single neurons and dimensions know of a finite group: irreps and cosets, told from chance."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from bimt.tasks.group import FiniteGroup
from interp.concepts import Concept, Match, fit_concepts
from interp.irreps import Irrep
from interp.pair_parts import PARTS, PairParts, irrep_pairs, take_apart
from interp.subgroups import Side, Subgroup, cosets, is_normal

LEAST_PART = 0.05
"""A part of a neuron is held against irreps and cosets from this share of the neuron's variance."""


class CosetFamily(NamedTuple):
    """The cosets of one subgroup, on one side."""

    subgroup: Subgroup
    side: Side
    is_normal: bool
    """Whether the cosets of the other side are the same; then `side` is "left"."""
    classes: np.ndarray
    """(index, order): the elements of each coset."""


class Reading(NamedTuple):
    """What a function on the group is like."""

    irrep: Match | None
    """The irrep with the largest share of its variance (its number among all irreps); None where nothing varies."""
    cosets: Match | None
    """The cosets that chance would be worst at (their number among all); None where there are no subgroups."""


class DimensionReading(NamedTuple):
    """One dimension of the embedding: a function on the group."""

    name: str
    """`embed[3]`"""
    number: int
    """Which neuron of the embedding."""
    values: Float[np.ndarray, " elements"]
    energies: Float[np.ndarray, " irreps"]
    """Of its squared values, in each irrep; they sum to 1. The trivial irrep's is the mean's."""
    shares: Float[np.ndarray, " irreps"]
    """Of its variance: the same without the trivial irrep, whose share is 0."""
    reading: Reading


class NeuronReading(NamedTuple):
    """One hidden neuron: a function on pairs of elements."""

    name: str
    """`h1[3]`"""
    parts: Float[np.ndarray, " parts"]
    """Shares of its variance that depend on a, on b, and on ab alone; what is missing to 1 depends on more."""
    readings: tuple[Reading | None, ...]
    """What each of these parts is like; None where it is too small to say."""
    pairs: Float[np.ndarray, "irreps irreps"]
    """Shares of its variance in each irrep of a (rows) and of b (columns); the mean's is 0."""
    irrep: Match | None
    """The irrep that most of its variance is made of: of a, of b, or of both; p is the smallest of its parts'."""
    coset_share: float
    """How much of its variance depends on the cosets alone that its parts are matched with; 0 where chance matches."""

    @property
    def rest(self) -> float:
        """The share of its variance that depends on both elements, but not on ab alone; 0 where nothing varies."""
        return max(1 - float(self.parts.sum()), 0.0) if self.pairs.any() else 0.0


def coset_families(group: FiniteGroup, subgroups: Sequence[Subgroup]) -> tuple[CosetFamily, ...]:
    """Lists the left and right cosets of some subgroups; of a normal one they are the same, and listed once."""
    families = []
    for subgroup in subgroups:
        normal = is_normal(group, subgroup)
        sides: tuple[Side, ...] = ("left",) if normal else ("left", "right")
        families += [CosetFamily(subgroup, side, normal, cosets(group, subgroup, side)) for side in sides]
    return tuple(families)


def irrep_concepts(irreps: Sequence[Irrep]) -> tuple[Concept, ...]:
    """Returns each irrep as the functions that its matrices' entries span; of the trivial one nothing varies."""
    return tuple(
        Concept(each.name, 0 * each.functions, 0)
        if each.is_trivial
        else Concept(each.name, each.functions, each.functions.shape[1])
        for each in irreps
    )


def coset_concepts(group: FiniteGroup, families: Sequence[CosetFamily]) -> tuple[Concept, ...]:
    """Returns each family as the functions that are constant on its cosets."""
    found = []
    for family in families:
        index, order = family.classes.shape
        columns = np.zeros((len(group), index))
        columns[family.classes.ravel(), np.repeat(np.arange(index), order)] = order**-0.5
        found.append(Concept(family_name(group, family), columns, index - 1))
    return tuple(found)


def family_name(group: FiniteGroup, family: CosetFamily) -> str:
    """Writes cosets by the generators and the order of their subgroup."""
    side = "" if family.is_normal else f"{family.side} "
    return f"{side}cosets of {subgroup_name(group, family.subgroup)}"


def subgroup_name(group: FiniteGroup, subgroup: Subgroup) -> str:
    """Writes a subgroup: <1342, 2143> (12)."""
    generators = ", ".join(group.elements[each] for each in subgroup.generators)
    return f"<{generators}> ({subgroup.order})"


def read_dimensions(
    named: Sequence[tuple[str, int, Float[np.ndarray, " elements"]]],
    irreps: Sequence[Irrep],
    families: Sequence[Concept],
    *,
    draws: int,
    generator: np.random.Generator,
) -> tuple[DimensionReading, ...]:
    """Says of every dimension which irreps and which cosets it knows.

    Args:
        named: Name, number and value for each element.
        irreps: All of the group.
        families: Of `coset_concepts`.
        draws: As in `fit_concepts`.
        generator: Shuffles.
    """
    values = np.array([each for *_, each in named]).reshape(len(named), len(irreps[0].matrices))
    readings, shares = _read(values, irreps, families, draws=draws, generator=generator)
    found = []
    for (name, number, own), reading, row in zip(named, readings, shares, strict=True):
        energies = np.array([np.square(each.functions.T @ own).sum() for each in irreps])
        total = float(np.square(own).sum())
        found.append(DimensionReading(name, number, own, energies / total if total > 0 else energies, row, reading))
    return tuple(found)


def read_neurons(
    named: Sequence[tuple[str, Float[np.ndarray, "elements elements"]]],
    group: FiniteGroup,
    irreps: Sequence[Irrep],
    families: Sequence[CosetFamily],
    *,
    draws: int,
    generator: np.random.Generator,
) -> tuple[NeuronReading, ...]:
    """Takes every hidden neuron apart, and says of its parts which irreps and cosets they know.

    Args:
        named: Name, and value for every pair of elements.
        group: The elements.
        irreps: All of the group.
        families: Of `coset_families`.
        draws: As in `fit_concepts`.
        generator: Shuffles.
    """
    parts = [take_apart(values, group) for _, values in named]
    large = [(row, part) for row, each in enumerate(parts) for part in range(3) if each.shares[part] >= LEAST_PART]
    means = np.array([parts[row].means[part] for row, part in large]).reshape(len(large), len(group))
    readings, _ = _read(means, irreps, coset_concepts(group, families), draws=draws, generator=generator)
    by_part = dict(zip(large, readings, strict=True))
    return tuple(
        _read_neuron(each, parts[row], tuple(by_part.get((row, part)) for part in range(3)), irreps, families)
        for row, each in enumerate(named)
    )


def _read(
    values: Float[np.ndarray, "functions elements"],
    irreps: Sequence[Irrep],
    families: Sequence[Concept],
    *,
    draws: int,
    generator: np.random.Generator,
) -> tuple[list[Reading], np.ndarray]:
    """Returns what each function is like, and its shares of each irrep."""
    of_irreps = fit_concepts(values, irrep_concepts(irreps), draws=draws, generator=generator)
    of_cosets = fit_concepts(values, families, draws=draws, generator=generator)
    readings = [Reading(*both) for both in zip(of_irreps.largest(), of_cosets.least_likely(), strict=True)]
    return readings, of_irreps.shares


def _read_neuron(
    named: tuple[str, np.ndarray],
    parts: PairParts,
    readings: tuple[Reading | None, ...],
    irreps: Sequence[Irrep],
    families: Sequence[CosetFamily],
) -> NeuronReading:
    name, values = named
    pairs = irrep_pairs(values - values.mean(), irreps)
    return NeuronReading(
        name=name,
        parts=parts.shares,
        readings=readings,
        pairs=pairs,
        irrep=_main_irrep(pairs, readings, irreps),
        coset_share=_coset_share(values, parts.shares, readings, families),
    )


def _main_irrep(pairs: np.ndarray, readings: tuple[Reading | None, ...], irreps: Sequence[Irrep]) -> Match | None:
    """Returns the irrep that, with the trivial one, carries most; its p-value is the smallest of the neuron's parts."""
    if not pairs.any():
        return None
    trivial = next(rank for rank, each in enumerate(irreps) if each.is_trivial)
    alone = pairs[trivial] + pairs[:, trivial] + pairs.diagonal()
    alone[trivial] = 0.0
    which = int(alone.argmax())
    seen = [each.irrep.p for each in readings if each and each.irrep and each.irrep.concept == which]
    return Match(which, float(alone[which]), min(seen, default=1.0))


def _coset_share(
    values: np.ndarray, shares: np.ndarray, readings: tuple[Reading | None, ...], families: Sequence[CosetFamily]
) -> float:
    """Returns the larger of what the matched cosets of a and b say together, and what those of ab say."""
    matches = [each.cosets if each and each.cosets and each.cosets.is_significant else None for each in readings]
    centred = values - values.mean()
    if matches[0] or matches[1]:
        averaged = centred
        for axis, match in enumerate(matches[:2]):
            averaged = _averaged(averaged, families[match.concept] if match else None, axis)
        both = float(np.square(averaged).sum() / np.square(centred).sum())
    else:
        both = 0.0
    return max(both, matches[2].share * float(shares[PARTS.index("ab")]) if matches[2] else 0.0)


def _averaged(values: np.ndarray, family: CosetFamily | None, axis: int) -> np.ndarray:
    """Replaces values by their mean over each coset along an axis, over everything where there is no family."""
    if family is None:
        return np.broadcast_to(values.mean(axis, keepdims=True), values.shape)
    result = np.empty_like(values)
    along, moved = np.moveaxis(result, axis, 0), np.moveaxis(values, axis, 0)
    for members in family.classes:
        along[members] = moved[members].mean(0)
    return result
