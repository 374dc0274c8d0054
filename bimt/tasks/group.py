"""A finite group: its elements, and a table of their products.

The configuration of a task that asks for the product of two elements has a method `finite_group`.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

Permutation = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class FiniteGroup:
    """Elements are numbered from 0, as the tokens of the task."""

    name: str
    """Such as S4."""
    elements: tuple[str, ...]
    """A name for each element."""
    table: Int[np.ndarray, "elements products"]
    """The product of a (row) and b (column): as many columns as rows."""
    permutations: tuple[Permutation, ...] = ()
    """The elements as permutations of the same points, where they are; empty where nobody says."""

    def __len__(self) -> int:
        """Number of elements."""
        return len(self.table)

    @property
    def identity(self) -> int:
        """The element that changes nothing."""
        return int(np.flatnonzero((self.table == np.arange(len(self))).all(1))[0])

    @property
    def inverses(self) -> Int[np.ndarray, " elements"]:
        """The inverse of every element."""
        return np.argmax(self.table == self.identity, axis=1)

    def check(self) -> None:
        """Refuses what is no group.

        Raises:
            ValueError: If the table is not square, names or permutations do not fit it, an element is missing in a row
                or column, there is no identity, or (ab)c is not a(bc) somewhere.
        """
        table, count = self.table, len(self.table)
        if table.shape != (count, count) or count == 0:
            raise ValueError(f"`table` must be square, one row per element, got shape {table.shape}")
        if len(self.elements) != count or len(self.permutations) not in (0, count):
            counts = f"{len(self.elements)} names and {len(self.permutations)} permutations"
            raise ValueError(f"`elements` and `permutations` must fit the table's {count} elements, got {counts}")
        everyone = np.arange(count)
        if not all((np.sort(table, axis=axis) == np.expand_dims(everyone, 1 - axis)).all() for axis in (0, 1)):
            raise ValueError("`table` must hold every element once in each row and column: else it is no group's")
        if not ((table == everyone).all(1) & (everyone == table.T).all(1)).any():
            raise ValueError("`table` must have an element that changes nothing on either side, and has none")
        for middle in everyone:
            if (table[table[:, middle]] != table[:, table[middle]]).any():
                raise ValueError(f"`table` must be associative, and (a {middle}) c is not a ({middle} c) for some a, c")
