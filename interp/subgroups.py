"""The subgroups of a finite group, and their cosets."""

from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from bimt.tasks.group import FiniteGroup
from interp.irreps import closed

MOST_SUBGROUPS = 2_000
"""Once so many are found, none that takes another generator is looked for."""
MOST_COSETS = 2_500
"""Of a group with more left cosets, of all subgroups together, only the subgroups with the fewest are looked at."""

Side = Literal["left", "right"]


class Subgroup(NamedTuple):
    """Some elements that are a group by themselves."""

    generators: tuple[int, ...]
    """A few elements whose products are the subgroup; none for the identity alone."""
    members: Int[np.ndarray, " order"]
    """Its elements, rising."""

    @property
    def order(self) -> int:
        """How many elements it has."""
        return len(self.members)


class Subgroups(NamedTuple):
    """The subgroups that are looked at."""

    chosen: tuple[Subgroup, ...]
    """Neither the identity alone nor the whole group; the largest first."""
    is_complete: bool
    """Whether these are all there are."""
    largest_index: int
    """Group order / subgroup order goes up to this; 0 where there are none."""
    generators: int
    """Subgroups that so many elements generate, or fewer, were looked for."""


def find_subgroups(group: FiniteGroup, *, most: int = MOST_SUBGROUPS, most_cosets: int = MOST_COSETS) -> Subgroups:
    """Finds all subgroups of a small group, of a large one those with the fewest cosets.

    Cyclic subgroups of prime power order are joined, one after the other, until nothing new comes up; of conjugate
    subgroups one is joined with all of them, and what comes out is conjugated.

    Args:
        group: Its table must be a group's.
        most: See `MOST_SUBGROUPS`.
        most_cosets: See `MOST_COSETS`: the largest subgroups are taken until their indices sum to more.
    """
    atoms = _cyclic(group)
    found: dict[bytes, Subgroup] = {}
    level: list[tuple[tuple[int, ...], Bool[np.ndarray, " elements"]]] = [((), closed(group, []))]
    generators = 0
    while level and len(found) <= most:
        generators += 1
        level = _joined(group, level, atoms, found)
    largest = sorted(found.values(), key=lambda each: (-each.order, each.members.tolist()))
    proper = [each for each in largest if each.order < len(group)]
    indices = np.array([len(group) // each.order for each in proper], dtype=np.intp)
    chosen = int((indices.cumsum() <= most_cosets).sum())
    if chosen < len(proper):  # of one order all or none, but some in any case
        chosen = int((indices < indices[chosen]).sum()) or chosen
    return Subgroups(
        chosen=tuple(proper[:chosen]),
        is_complete=not level and chosen == len(proper),
        largest_index=int(indices[chosen - 1]) if chosen else 0,
        generators=generators,
    )


def cosets(group: FiniteGroup, subgroup: Subgroup, side: Side) -> Int[np.ndarray, "index order"]:
    """Returns the cosets, each with its elements rising, in the order of their first element.

    Args:
        group: The whole.
        subgroup: H.
        side: "left": gH, "right": Hg.

    Example:
        >>> from bimt.tasks.modular_addition import ModularAdditionTask
        >>> group = ModularAdditionTask(name="modular_addition", modulus=4).finite_group()
        >>> cosets(group, find_subgroups(group).chosen[0], "left").tolist()
        [[0, 2], [1, 3]]
    """
    table = group.table if side == "left" else group.table.T
    return np.unique(np.sort(table[:, subgroup.members], axis=1), axis=0)


def is_normal(group: FiniteGroup, subgroup: Subgroup) -> bool:
    """Tells whether left and right cosets are the same."""
    return np.array_equal(cosets(group, subgroup, "left"), cosets(group, subgroup, "right"))


def _cyclic(group: FiniteGroup) -> list[tuple[int, Bool[np.ndarray, " elements"]]]:
    """Returns the cyclic subgroups of prime power order, each with a generator."""
    found: dict[bytes, tuple[int, np.ndarray]] = {}
    for element in range(len(group)):
        inside = np.zeros(len(group), dtype=bool)
        power = group.identity
        while not inside[power]:
            inside[power] = True
            power = int(group.table[power, element])
        if _is_prime_power(int(inside.sum())):
            found.setdefault(inside.tobytes(), (element, inside))
    return list(found.values())


def _joined(
    group: FiniteGroup,
    level: list[tuple[tuple[int, ...], Bool[np.ndarray, " elements"]]],
    atoms: list[tuple[int, Bool[np.ndarray, " elements"]]],
    found: dict[bytes, Subgroup],
) -> list[tuple[tuple[int, ...], Bool[np.ndarray, " elements"]]]:
    """Joins every subgroup of a level with every atom.

    What is new is added to `found`, with its conjugates; one of each class is returned.
    """
    new = []
    for generators, inside in level:
        for element, atom in atoms:
            if inside[element]:
                continue
            joined = closed(group, np.flatnonzero(inside | atom).tolist())
            if joined.tobytes() not in found:
                new.append(((*generators, element), joined))
                found |= _conjugates(group, Subgroup((*generators, element), np.flatnonzero(joined)))
    return new


def _conjugates(group: FiniteGroup, subgroup: Subgroup) -> dict[bytes, Subgroup]:
    """Returns g^-1 H g for all g, by the bytes of the mask of their elements."""
    moved, everyone = group.table[group.inverses], np.arange(len(group))[:, None]
    images = group.table[moved[:, subgroup.members], everyone]
    different, first = np.unique(np.sort(images, axis=1), axis=0, return_index=True)
    conjugates = {}
    for members, by in zip(different, first.tolist(), strict=True):
        inside = np.zeros(len(group), dtype=bool)
        inside[members] = True
        generators = tuple(int(group.table[moved[by, each], by]) for each in subgroup.generators)
        conjugates[inside.tobytes()] = Subgroup(generators, members)
    return conjugates


def _is_prime_power(order: int) -> bool:
    if order < 2:
        return False
    prime = next(factor for factor in range(2, order + 1) if order % factor == 0)
    while order % prime == 0:
        order //= prime
    return order == 1
