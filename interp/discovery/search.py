"""Looks for short formulas of numbers in ever larger libraries, behind every outer function, until one holds."""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from interp.discovery.constants import refitted, simplified
from interp.discovery.outer import OUTERS, Outer
from interp.discovery.products import product_of
from interp.discovery.regression import Fit, best_sums, weighted_sum
from interp.discovery.term_library import Library, log_library, plain_library
from interp.discovery.terms import Term, add, evaluate, multiply, number

_SIZES = (100, 600, 6_000, 20_000)
"""How many terms the libraries have, one after the other."""
_SEARCHED = 300
"""Rows that terms are chosen on."""
_FITTED = 3_000
"""Rows that numbers are fitted on."""
_HELD = 0.25
"""Share of the rows that judges formulas and fits nothing."""
_PAIRED = 8_000
"""So many of a library's first terms are paired with each other."""
_KEPT = 120
"""How many sums of every number of terms are looked at further."""
_BITS_PER_SIGN = 4
_BITS_PER_NUMBER = 12
_HOPELESS = 0.5
"""Formulas that leave more of the spread of held-out values than this are dropped at once."""
EXACT = 1e-9
"""A formula that is closer to held-out values, as a share of their spread, ends the search after its library..."""
_ENOUGH = 600
"""... if that has so many terms: a small library writes out what a larger one says in short."""
_POLISHED = 25
"""How many of the best formulas have their numbers made simple."""


@dataclass(frozen=True)
class Candidate:
    """A formula, and how good it is on rows that it was not fitted to."""

    term: Term
    error: float
    """Root of the mean squared error on held-out rows, as a share of their standard deviation."""
    found_by: str
    """The outer function, and how many terms stand inside."""
    rows: int
    """How many held-out rows there are."""

    @property
    def bits(self) -> int:
        """How long the formula is: 4 bits for every sign, 12 more for every number that is not simple."""
        return _BITS_PER_SIGN * self.term.length + _BITS_PER_NUMBER * len(self.term.free_numbers)

    @property
    def description_length(self) -> float:
        """Bits of the formula, and of what it leaves of the held-out values."""
        return self.bits + self.rows * math.log2(max(self.error, 1e-10))


def search(
    columns: Float[np.ndarray, "variables rows"],
    target: Float[np.ndarray, " rows"],
    *,
    sums: Sequence[frozenset[int]] | None = None,
    products: Sequence[frozenset[int]] | None = None,
    seconds: float = 60.0,
    seed: int = 0,
) -> list[Candidate]:
    """Returns formulas of a target, the shortest description first; none if nothing says anything of it.

    Args:
        columns: The variables.
        target: What they should give, at least 8 rows.
        sums: Sets of variables: sums of terms of one of them each are tried before all others. None allows all.
        products: The same of factors.
        seconds: How long to look; what is begun is ended.
        seed: Of the choice of held-out rows.
    """
    everything = [frozenset(range(len(columns)))]
    until = time.monotonic() + seconds
    rows = np.random.default_rng(seed).permutation(len(target))
    held = max(2, round(_HELD * len(rows)))
    hunt = _Hunt(columns, target, rows[held:], rows[:held])
    for size in _SIZES:
        hunt.look(size, sums or everything, products or everything, until)
        if (size >= _ENOUGH and hunt.best_error < EXACT) or time.monotonic() > until:
            break
    return hunt.polished()


class _Hunt:
    """What was found so far."""

    def __init__(
        self,
        columns: Float[np.ndarray, "variables rows"],
        target: Float[np.ndarray, " rows"],
        fitted: Int[np.ndarray, " fitted"],
        held: Int[np.ndarray, " held"],
    ) -> None:
        few, many = fitted[:_SEARCHED], fitted[:_FITTED]
        self.columns, self.target = columns[:, few], target[few]
        self.more = columns[:, many], target[many]
        self.held = columns[:, held], target[held]
        self.all_target = target
        self.spread = float(target[held].std()) or 1.0
        self.found: dict[Term, Candidate] = {}
        self.best_error = math.inf

    def look(self, size: int, sums: Sequence[frozenset[int]], products: Sequence[frozenset[int]], until: float) -> None:
        """Tries a library of a size behind every outer function."""
        everything = [frozenset(range(len(self.columns)))]
        plain = plain_library(self.columns, groups=sums, most=size)
        self._take_sums(plain, OUTERS[0])
        for groups in (products,) if list(products) == everything else (products, everything):
            if self._is_over(size, until):
                return
            self._take_products(log_library(self.columns, groups=groups, most=size))
        outers = OUTERS[1:]
        if list(sums) != everything:
            plain = plain_library(self.columns, groups=everything, most=size)
            outers = OUTERS
        for outer in outers:
            if self._is_over(size, until):
                return
            self._take_sums(plain, outer)

    def polished(self) -> list[Candidate]:
        """Returns the best formulas with their numbers made simple."""
        best = sorted(self.found.values(), key=lambda one: one.description_length)[:_POLISHED]
        polished = [self._judge(simplified(refitted(one.term, *self.more), *self.more), one.found_by) for one in best]
        unique = {one.term: one for one in polished if one is not None}
        return sorted(unique.values(), key=lambda one: one.description_length)

    def _is_over(self, size: int, until: float) -> bool:
        return (size > _ENOUGH and self.best_error < EXACT) or time.monotonic() > until

    def _take_sums(self, library: Library, outer: Outer) -> None:
        if not outer.applies(self.all_target):
            return
        with np.errstate(all="ignore"):
            wanted, weights = outer.inverse(self.target), 1 / outer.slope(self.target)
        if not np.isfinite(wanted).all():
            return
        weights = _tamed(weights)
        one = np.ones((1, len(wanted)))
        fits = best_sums(library.values, wanted, always=one, weights=weights, longest=4, keep=_KEPT, paired=_PAIRED)
        for fit in self._chosen(fits, library):
            inside = np.concatenate([one, library.values[list(fit.terms)]])
            shares = weighted_sum(inside, wanted, weights)
            terms = [number(1), *(library.terms[index] for index in fit.terms)]
            parts = [multiply(number(share, free=True), term) for share, term in zip(shares, terms, strict=True)]
            self._take(outer.wrap(add(*parts), self.all_target), f"{outer.name}, {len(fit.terms)} terms")

    def _take_products(self, library: Library) -> None:
        if np.abs(self.all_target).min() <= 1e-9 * np.abs(self.all_target).max():
            return
        wanted, weights = np.log(np.abs(self.target)), _tamed(np.abs(self.target))
        powers_of = [index for index, column in enumerate(self.columns) if np.abs(column).min() > 0]
        always = np.array([np.ones(len(wanted)), *(np.log(np.abs(self.columns[index])) for index in powers_of)])
        fits = best_sums(library.values, wanted, always=always, weights=weights, longest=3, keep=_KEPT, paired=_PAIRED)
        for fit in self._chosen(fits, library):
            terms = [library.terms[index] for index in fit.terms]
            term = product_of(terms, powers_of, self.columns, self.target, weights)
            if term is not None:
                self._take(term, f"log(y), {len(fit.terms)} terms")

    def _chosen(self, levels: Sequence[Sequence[Fit]], library: Library) -> Iterator[Fit]:
        """Yields the closest few of every level, and those of short description."""

        def bits(fit: Fit) -> float:
            signs = sum(library.terms[index].length + 1 for index in fit.terms)
            return _BITS_PER_SIGN * signs + len(self.target) / 2 * math.log2(max(fit.left, 1e-24))

        for fits in levels:
            yield from dict.fromkeys([*fits[:4], *sorted(fits, key=bits)[:6]])

    def _take(self, term: Term, found_by: str) -> None:
        candidate = self._judge(term, found_by)
        if candidate is not None and candidate.error < _HOPELESS:
            self.found.setdefault(candidate.term, candidate)
            self.best_error = min(self.best_error, candidate.error)

    def _judge(self, term: Term, found_by: str) -> Candidate | None:
        columns, target = self.held
        errors = evaluate(term, columns) - target
        if not np.isfinite(errors).all():
            return None
        return Candidate(term, float(np.sqrt(np.mean(errors**2))) / self.spread, found_by, len(target))


def _tamed(weights: Float[np.ndarray, " rows"]) -> Float[np.ndarray, " rows"]:
    """Keeps single rows from deciding everything."""
    finite = weights[np.isfinite(weights)]
    most = 10 * float(np.median(finite)) if len(finite) else 1.0
    return np.minimum(np.where(np.isfinite(weights), weights, most), most)
