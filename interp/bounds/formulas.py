"""How far a formula can be from the pruned net on the box of the data, proven."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from interp.bounds.branch_and_bound import Bound, Enclose, largest
from interp.bounds.circuits import Difference, Spread
from interp.bounds.terms import spread_of
from interp.circuit import Circuit
from interp.discovery.terms import Term

_ROUNDING = 1e-12
"""Differences below this share of the largest output are rounding."""


class Limits(NamedTuple):
    """Where formulas are compared with the net, and what is known before."""

    low: Float[np.ndarray, " inputs"]
    """Lower end of every column, in the table's units."""
    high: Float[np.ndarray, " inputs"]
    """Upper end."""
    reached: list[float]
    """How far each output was seen apart."""
    sizes: list[float]
    """The largest |output|."""
    boxes: int
    """How many are looked at for each output."""
    seconds: float
    """For all outputs together."""

    def bound(self, enclose: Enclose, output: int) -> Bound:
        """Bounds what is enclosed for one output."""
        return largest(
            enclose,
            self.low,
            self.high,
            reached=self.reached[output],
            least=_ROUNDING * self.sizes[output],
            boxes=self.boxes,
            seconds=self.seconds / len(self.reached),
        )


def bound_circuits(exact: Circuit, other: Circuit, limits: Limits) -> tuple[Bound, ...]:
    """Bounds, output by output, how far two circuits of one shape are apart: the net, and it with other constants."""
    outputs = range(len(limits.reached))
    return tuple(limits.bound(Difference(exact, other, output).over, output) for output in outputs)


def bound_terms(exact: Circuit, terms: Sequence[Term], limits: Limits) -> tuple[Bound, ...]:
    """Bounds how far discovered formulas, one per output, are from the net.

    The bound is infinite where a formula might not be defined somewhere.
    """
    nothing = exact.with_constants(exact.constants() * 0)

    def apart(output: int) -> Bound:
        net = Difference(nothing, exact, output)

        def over(low: np.ndarray, high: np.ndarray) -> Spread:
            said, law = net.over(low, high), spread_of(terms[output], low, high)
            return Spread(law.values - said.values, law.slopes - said.slopes)

        return limits.bound(over, output)

    return tuple(map(apart, range(len(terms))))
