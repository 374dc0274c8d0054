"""Ratios of polynomials: y (1 + Q) = P is a sum of terms of P and of y times terms of Q."""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Float

from interp.discovery.columns import Column, monomials
from interp.discovery.deadline import NEVER, Deadline
from interp.discovery.regression import best_sums, weighted_sum
from interp.discovery.terms import Term, add, multiply, number, power

_MOST = 30
"""How many monomials of several variables may stand on each side."""
_KEPT = 60
_TAKEN = 4
"""How many ratios of each number of terms are fitted."""
_DEGREE = 3
"""Of one variable, ratios of full polynomials up to this degree are fitted, whatever else is close."""
_REWEIGHTED = 3
"""How often the rows' weights follow the denominator."""


def ratios(
    columns: Float[np.ndarray, "variables rows"],
    target: Float[np.ndarray, " rows"],
    *,
    groups: Sequence[frozenset[int]],
    deadline: Deadline = NEVER,
) -> Iterator[Term]:
    """Yields the ratios (a + P) / (1 + Q) next to a target, P and Q sums of monomials, all shares free.

    Which monomials is decided where y stands on both sides, y = a + P - y Q; shares are then fitted with rows weighed
    by 1 / (1 + Q) of the round before, which undoes that errors of y were multiplied by 1 + Q (Sanathanan and Koerner
    1963, doi 10.1109/TAC.1963.1105517).

    Args:
        columns: The variables.
        target: y.
        groups: Sets of variables; the variables of a monomial lie in one of them.
        deadline: When to stop growing.
    """
    is_single = len(columns) == 1
    powers = [column for column in monomials(columns, groups, 4 if is_single else 3) if _is_whole(column.term)][:_MOST]
    powers = [column for column in powers if np.isfinite(column.values).all()]
    above = np.array([column.values for column in powers]).reshape(len(powers), len(target))
    below = above * target
    one, even = np.ones((1, len(target))), np.ones(len(target))
    levels = best_sums(
        np.concatenate([above, below]),
        target,
        always=one,
        weights=even,
        longest=6 if is_single else 4,
        keep=_KEPT,
        paired=2 * len(powers),
        deadline=deadline,
    )
    chosen = list(itertools.product(range(_DEGREE + 1), range(1, _DEGREE + 1))) if is_single else []
    sets = [(*range(over), *range(len(powers), len(powers) + under)) for over, under in chosen]
    for fits in levels:
        ratio = [fit.terms for fit in fits if any(index >= len(powers) for index in fit.terms)]
        sets += ratio[:_TAKEN]
    for terms in dict.fromkeys(sets):
        over = [index for index in terms if index < len(powers)]
        under = [index - len(powers) for index in terms if index >= len(powers)]
        shares = _shares(np.concatenate([one, above[over]]), above[under], target)
        if np.isfinite(shares).all():
            yield _ratio(shares, [powers[index] for index in over], [powers[index] for index in under])


def _is_whole(term: Term) -> bool:
    factors = term.parts if term.kind == "multiply" else (term,)
    return all(factor.kind == "variable" or factor.value > 0 for factor in factors)


def _shares(
    over: Float[np.ndarray, "over rows"], under: Float[np.ndarray, "under rows"], target: Float[np.ndarray, " rows"]
) -> Float[np.ndarray, " shares"]:
    weights = np.ones(len(target))
    everything = np.concatenate([over, -target * under])
    shares = weighted_sum(everything, target, weights)
    for _ in range(_REWEIGHTED):
        size = np.abs(1 + shares[len(over) :] @ under)
        weights = 1 / np.maximum(size, 1e-3 * size.max())
        shares = weighted_sum(everything, target, weights)
    return shares


def _ratio(shares: Float[np.ndarray, " shares"], over: Sequence[Column], under: Sequence[Column]) -> Term:
    free = [number(share, free=True) for share in shares.tolist()]
    above = add(free[0], *map(multiply, free[1 : len(over) + 1], (column.term for column in over)))
    below = add(number(1), *map(multiply, free[len(over) + 1 :], (column.term for column in under)))
    return multiply(above, power(below, -1))
