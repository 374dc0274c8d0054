"""How a search looks at a table: at its columns as the net takes them together, as it reads them, at all of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from interp.discovery.structure import Structure
from interp.discovery.terms import Term, evaluate, variable

Groups = Sequence[frozenset[int]]


@dataclass(frozen=True)
class View:
    """Quantities to make formulas of."""

    quantities: tuple[Term, ...]
    """In the table's columns."""
    sums: Groups | None = None
    """Sets of quantities, by their place, that act apart in a sum; None where nothing is known."""
    products: Groups | None = None
    """The same in a product."""

    def columns(self, table: Float[np.ndarray, "inputs rows"]) -> Float[np.ndarray, "quantities rows"]:
        """Computes the quantities."""
        return np.array([evaluate(quantity, table) for quantity in self.quantities])


def views_of(structure: Structure, inputs: int) -> Iterator[View]:
    """Yields the ways to look at a table, the most is said of it first.

    Args:
        structure: What the net says of one output.
        inputs: How many columns the table has.
    """
    if structure.symmetries:
        yield _view(structure, together=True)
    if structure.inputs:
        yield _view(structure, together=False)
    if len(structure.inputs) < inputs:
        yield View(tuple(map(variable, range(inputs))))


def _view(structure: Structure, *, together: bool) -> View:
    """Returns the columns that are read, with quantities in place of what they are made of or without."""
    symmetries = structure.symmetries if together else ()
    made = [(symmetry.term, symmetry.columns) for symmetry in symmetries]
    left = set(structure.inputs).difference(*(columns for _, columns in made))
    parts = [*made, *((variable(column), frozenset([column])) for column in sorted(left))]
    parts.sort(key=lambda part: min(part[1]))
    quantities = tuple(term for term, _ in parts)
    columns = [members for _, members in parts]
    return View(quantities, _placed(structure.sums, columns), _placed(structure.products, columns))


def _placed(groups: Groups, columns: Sequence[frozenset[int]]) -> Groups | None:
    """Returns groups of columns as groups of quantities; None if a quantity is in several."""
    placed = [frozenset(place for place, members in enumerate(columns) if members <= group) for group in groups]
    return placed if sum(map(len, placed)) == len(columns) else None
