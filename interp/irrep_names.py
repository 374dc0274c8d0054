"""What irreps are called: trivial, sign, a partition, a frequency, or their dimension and a letter."""

import math
import string
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from bimt.tasks.group import FiniteGroup, Permutation

_CLOSE = 1e-6
_LETTERS = string.ascii_lowercase
Partition = tuple[int, ...]
Characters = Sequence[Float[np.ndarray, " elements"]]


class Name(NamedTuple):
    """A name, and what sorts irreps of one dimension."""

    text: str
    order: tuple[float, ...]


def name_irreps(group: FiniteGroup, characters: Characters, commutants: Sequence[int]) -> tuple[Name, ...]:
    """Names the real irreps of a group.

    Symmetric groups (their elements must be given as permutations): the partition, by the rule of Murnaghan and
    Nakayama, with the words trivial, sign and standard where they fit. Groups with an element of order |G| or |G| / 2:
    the frequency at which the first such element turns a plane. Else: standard (as many dimensions as points, less
    one), sign, or the dimension. Names that would be the same get a letter.

    Args:
        group: Its elements as permutations help.
        characters: Of each irrep.
        commutants: Of each irrep, as in `Irrep`.
    """
    namer = _by_partition(group) or _by_rotation(group)
    plain = [namer(character, commutant) for character, commutant in zip(characters, commutants, strict=True)]
    counts = Counter(name.text for name in plain)
    order = sorted(range(len(plain)), key=lambda which: (plain[which].order, *(-characters[which]).round(6)))
    letters: Counter[str] = Counter()
    named = list(plain)
    for rank, which in enumerate(order):
        text = plain[which].text
        lettered = f"{text} {_letter(letters[text])}" if counts[text] > 1 else text
        letters[text] += 1
        named[which] = Name(lettered, (*plain[which].order, rank))
    return tuple(named)


def partitions(total: int, largest: int | None = None) -> Iterator[Partition]:
    """Yields the ways to write a number as a sum, parts falling, the largest first.

    Example:
        >>> list(partitions(4))
        [(4,), (3, 1), (2, 2), (2, 1, 1), (1, 1, 1, 1)]
    """
    if total == 0:
        yield ()
        return
    for part in range(min(total, largest or total), 0, -1):
        yield from ((part, *rest) for rest in partitions(total - part, part))


def symmetric_character(partition: Partition, cycles: Partition) -> int:
    """Returns the character of a symmetric group's irrep at permutations of a cycle type.

    Rim hooks as long as the first cycle are taken off in every way, each with its sign, by moving one bead down an
    abacus (Murnaghan and Nakayama; James and Kerber, The Representation Theory of the Symmetric Group, 2.4).

    Args:
        partition: Names the irrep: parts falling, summing to the degree.
        cycles: Lengths of the cycles, fixed points included.

    Example:
        >>> [symmetric_character((3, 1), cycles) for cycles in partitions(4)]
        [-1, 0, -1, 1, 3]
    """
    if not cycles:
        return 1
    beads = [part + len(partition) - 1 - row for row, part in enumerate(partition)]
    total = 0
    for bead in beads:
        moved = bead - cycles[0]
        if moved >= 0 and moved not in beads:
            passed = sum(moved < other < bead for other in beads)
            left = sorted((other if other != bead else moved for other in beads), reverse=True)
            smaller = tuple(place - (len(left) - 1 - row) for row, place in enumerate(left))
            total += (-1) ** passed * symmetric_character(smaller, cycles[1:])
    return total


def cycle_type(permutation: Permutation) -> Partition:
    """Returns the lengths of a permutation's cycles, the longest first.

    Example:
        >>> cycle_type((1, 0, 2, 3))
        (2, 1, 1)
    """
    lengths, seen = [], set()
    for start in range(len(permutation)):
        at, length = start, 0
        while at not in seen:
            seen.add(at)
            at, length = permutation[at], length + 1
        if length:
            lengths.append(length)
    return tuple(sorted(lengths, reverse=True))


def _by_partition(group: FiniteGroup) -> Callable[..., Name] | None:
    """Returns what names the irreps of a symmetric group; None for another group."""
    degree = len(group.permutations[0]) if group.permutations else 0
    if not degree or len(group) != math.factorial(degree):
        return None
    types = [cycle_type(each) for each in group.permutations]
    known = {
        each: np.array([symmetric_character(each, cycles) for cycles in types], dtype=np.float64)
        for each in partitions(degree)
    }
    return partial(_partition_name, known)


def _partition_name(known: dict[Partition, np.ndarray], character: np.ndarray, _commutant: int) -> Name:
    rank, partition = min(enumerate(known), key=lambda each: float(np.abs(known[each[1]] - character).max()))
    degree = sum(partition)
    words = {  # of a small degree several fit: the last one stands
        (2,) + (1,) * (degree - 2): "standard x sign",
        (degree - 1, 1): "standard",
        (1,) * degree: "sign",
        (degree,): "trivial",
    }
    word = words.get(partition, "")
    written = f"({','.join(map(str, partition))})"
    return Name(word if word in ("trivial", "sign") else f"{word} {written}".strip(), (rank,))


def _by_rotation(group: FiniteGroup) -> Callable[..., Name]:
    orders, count = _orders(group), len(group)
    order = next((order for order in (count, count // 2) if order > 2 and (orders == order).any()), 0)
    turn = _Turn(int(np.argmax(orders == order)) if order else 0, order, order == count)
    fixed = np.array([sum(at == image for at, image in enumerate(each)) for each in group.permutations])
    return partial(_plain_name, fixed, turn)


class _Turn(NamedTuple):
    """The first element whose powers are the whole group, or half of it; order 0 where there is none."""

    element: int
    order: int
    is_all: bool

    def frequency(self, character: np.ndarray, dimension: int) -> int:
        """Returns by how many full turns in `order` steps an irrep turns a plane."""
        angle = math.acos(float(np.clip(character[self.element] / dimension, -1, 1)))
        return round(angle * self.order / (2 * math.pi))


def _plain_name(fixed: np.ndarray, turn: _Turn, character: np.ndarray, commutant: int) -> Name:
    """Names an irrep of a group that is not symmetric."""
    dimension = round(float(character.max()))
    if np.abs(character - 1).max() < _CLOSE:
        return Name("trivial", (0.0,))
    frequency = turn.frequency(character, dimension)
    if turn.is_all:
        return Name(f"frequency {frequency}" if dimension == 2 else f"sign (frequency {frequency})", (frequency,))
    if dimension == 1:
        is_of_flips = turn.order > 0 and frequency == 0
        return Name("sign of the flips" if is_of_flips else "sign", (0.0 if is_of_flips else 1.0,))
    if dimension == 2 and turn.order and commutant == 1:
        return Name(f"frequency {frequency}", (frequency,))
    if len(fixed) and np.abs(fixed - 1 - character).max() < _CLOSE:
        return Name(f"standard ({dimension})", (0.0,))
    return Name(f"dimension {dimension}", (1.0,))


def _orders(group: FiniteGroup) -> np.ndarray:
    """Returns how often every element must be multiplied by itself to give the identity."""
    everyone, orders = np.arange(len(group)), np.ones(len(group), dtype=np.intp)
    power = everyone
    while (moving := power != group.identity).any():
        orders += moving & (orders > 0)
        power = np.where(moving, group.table[power, everyone], power)
    return orders


def _letter(rank: int) -> str:
    """Returns a, b, ..., z, then numbers."""
    return _LETTERS[rank] if rank < len(_LETTERS) else str(rank + 1)
