"""How far a formula can be from the pruned net on the box of the data, proven."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from interp.bounds.branch_and_bound import Bound, largest
from interp.bounds.circuits import Difference, Spread
from interp.bounds.terms import spread_of
from interp.circuit import Circuit
from interp.discovery.terms import Term

Ends = tuple[Float[np.ndarray, " inputs"], Float[np.ndarray, " inputs"]]
"""Smallest and largest value of every column."""

_ROUNDING = 1e-12
"""Differences below this share of the largest output are rounding."""


def bound_circuits(
    exact: Circuit, other: Circuit, box: Ends, *, reached: Sequence[float], size: Sequence[float], seconds: float
) -> tuple[Bound, ...]:
    """Bounds, output by output, how far two circuits of one shape are apart on a box.

    Args:
        exact: The net.
        other: The same with other constants.
        box: In the table's units.
        reached: How far they were seen apart, one per output.
        size: The largest |output|, one per output.
        seconds: For all outputs together.
    """
    return tuple(
        largest(
            Difference(exact, other, index).over,
            *box,
            reached=reached[index],
            least=_ROUNDING * size[index],
            seconds=seconds / len(reached),
        )
        for index in range(len(reached))
    )


def bound_terms(
    exact: Circuit,
    terms: Sequence[Term],
    box: Ends,
    *,
    reached: Sequence[float],
    size: Sequence[float],
    seconds: float,
) -> tuple[Bound, ...]:
    """Bounds the same for discovered formulas; infinite where one may not be defined somewhere in the box.

    Args:
        exact: The net.
        terms: One per output; variables are columns.
        box: In the table's units.
        reached: How far they were seen apart, one per output.
        size: The largest |output|, one per output.
        seconds: For all outputs together.
    """
    nothing = exact.with_constants(exact.constants() * 0)

    def apart(index: int) -> Bound:
        net = Difference(nothing, exact, index)

        def over(low: np.ndarray, high: np.ndarray) -> Spread:
            said, law = net.over(low, high), spread_of(terms[index], low, high)
            return Spread(law.values - said.values, law.slopes - said.slopes)

        least = _ROUNDING * size[index]
        return largest(over, *box, reached=reached[index], least=least, seconds=seconds / len(terms))

    return tuple(map(apart, range(len(terms))))
