"""The product of two elements of a finite group of permutations."""

import itertools
import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

import numpy as np
from jaxtyping import Int
from pydantic import AfterValidator, Field

from bimt.strict import StrictModel
from bimt.tasks.base import Task
from bimt.tasks.group import FiniteGroup, Permutation
from bimt.tasks.pairs import token_task

SETTINGS: dict[str, Any] = {
    "net": {"family": "embedding_mlp", "embedding": 32, "hidden": [50, 50]},
    "dtype": "float64",
    "cost": {"strength": 1.0, "offset": 0.5, "reduce": "mean", "bias_from": 0.0},
    "swaps": {"top_k": 30},
}
"""What was published and differs from the defaults of TrainConfig."""

MOST_ELEMENTS = 360
"""A net has one logit for each, for the square of as many rows."""


def _known(name: str) -> str:
    match = re.fullmatch(r"([SACD])([1-9][0-9]{0,3})", name)
    if match is None or int(match[2]) < 2:
        raise ValueError("must be S, A, C or D (symmetric, alternating, cyclic, dihedral) and a degree, such as S4")
    order = _ORDERS[match[1]](int(match[2]))
    if not 2 <= order <= MOST_ELEMENTS:
        raise ValueError(f"must have 2 to {MOST_ELEMENTS} elements, and {name} has {order:,}")
    return name


class PermutationGroupTask(StrictModel):
    """Learns the product of two elements from all pairs of them (arXiv:2305.08746, section 3.3)."""

    name: Literal["permutation_group"]
    group: Annotated[str, AfterValidator(_known)] = "S4"
    """S, A, C or D (symmetric, alternating, cyclic, dihedral) and the degree: how many things are permuted."""
    train_fraction: float = Field(default=0.8, gt=0, lt=1)
    """Share of all pairs that the net is trained on."""
    data_seed: int = Field(default=0, ge=0, lt=2**32)
    """Seed of the split."""

    def load(self) -> Task:
        """Lists all pairs and splits them."""
        elements = group_elements(self.group)
        table = product_table(elements)
        tokens = np.array(list(itertools.product(range(len(elements)), repeat=2)))
        return token_task(
            self.name,
            tokens,
            table[tokens[:, 0], tokens[:, 1]],
            positions=("a", "b"),
            vocabulary=tuple(map(element_name, elements)),
            train_fraction=self.train_fraction,
            data_seed=self.data_seed,
        )

    def finite_group(self) -> FiniteGroup:
        """Returns the group whose elements are the tokens."""
        elements = group_elements(self.group)
        return FiniteGroup(self.group, tuple(map(element_name, elements)), product_table(elements), elements)


def group_elements(name: str) -> tuple[Permutation, ...]:
    """Returns the elements of a group as permutations, in lexicographic order.

    Args:
        name: S4 (symmetric), A4 (alternating), C4 (cyclic), D4 (dihedral: the symmetries of the square), any degree.

    Raises:
        ValueError: If there is no such group, or it is too large.

    Example:
        >>> group_elements("C3")
        ((0, 1, 2), (1, 2, 0), (2, 0, 1))
    """
    _known(name)
    kind, degree = name[0], int(name[1:])
    if kind in "SA":
        every = itertools.permutations(range(degree))
        return tuple(each for each in every if kind == "S" or sign(each) == 1)
    turns = {tuple((start + index) % degree for index in range(degree)) for start in range(degree)}
    if kind == "D" and degree == 2:  # two points have one flip only; the four symmetries of a segment need two more
        return tuple(sorted({(0, 1, 2, 3), (1, 0, 2, 3), (0, 1, 3, 2), (1, 0, 3, 2)}))
    flips = {tuple((start - index) % degree for index in range(degree)) for start in range(degree)}
    return tuple(sorted(turns | flips if kind == "D" else turns))


def product_table(elements: tuple[Permutation, ...]) -> Int[np.ndarray, "elements elements"]:
    """Returns the index of the product of every two elements: first a, then b, so i goes to b[a[i]]."""
    number = {element: index for index, element in enumerate(elements)}
    return np.array([[number[tuple(b[i] for i in a)] for b in elements] for a in elements])


def sign(element: Permutation) -> int:
    """Returns 1 for an even and -1 for an odd permutation."""
    inversions = sum(one > other for one, other in itertools.combinations(element, 2))
    return -1 if inversions % 2 else 1


def element_name(element: Permutation) -> str:
    """Writes a permutation as the images of 1, 2, ...: 2134 exchanges 1 and 2."""
    images = [str(image + 1) for image in element]
    return "".join(images) if len(images) < 10 else " ".join(images)


def _factorial(degree: int) -> int:
    return int(np.prod(np.arange(1, min(degree, 12) + 1)))


_ORDERS: dict[str, Callable[[int], int]] = {
    "S": _factorial,
    "A": lambda degree: _factorial(degree) // 2,
    "C": lambda degree: degree,
    "D": lambda degree: 2 * degree,
}
