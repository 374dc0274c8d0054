"""Looks for short formulas of numbers in ever larger libraries, behind every outer function, until one holds."""

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from jaxtyping import Float

from interp.discovery.constants import refitted, simplified
from interp.discovery.deadline import Deadline, TimeIsUpError
from interp.discovery.graded import graded_libraries
from interp.discovery.judging import Candidate, Judge
from interp.discovery.library import Library
from interp.discovery.outer import OUTERS, Outer
from interp.discovery.products import product_of
from interp.discovery.rational import ratios
from interp.discovery.regression import Fit, best_sums, weighted_sum
from interp.discovery.term_library import log_library, plain_library
from interp.discovery.terms import Term, add, multiply, number, with_numbers

SIZES = (100, 600, 6_000, 20_000)
"""How many terms the libraries have, one after the other; then come terms with inner numbers, after the second."""
_SEARCHED = 300
"""Rows that terms are chosen on."""
_FITTED = 3_000
"""Rows that numbers are fitted on."""
_PAIRED = 8_000
"""So many of a library's first terms are paired with each other."""
_KEPT = 120
"""How many sums of every number of terms are looked at further."""
EXACT = 1e-9
"""A formula that is closer to held-out values, as a share of their spread, ends the search after its library..."""
ENOUGH = 600
"""... if that has so many terms: a small library writes out what a larger one says in short."""
_BITS_PER_SIGN = 4
_BITS_PER_NUMBER = 12
"""What is looked at further counts signs and inner numbers so, for the numbers' errors are not known yet."""
_GRADED = 1_500
"""How many terms with inner numbers there are, ..."""
_BESIDE = 150
"""... how many others beside them, ..."""
_FITS = 4
"""... how many sums of each number of terms, closest and shortest, have all numbers fitted, ..."""
_FAR = 0.8
"""... which must leave less of the target's square than this before, ..."""
_STEPS = 60
"""... and in how many steps."""
_LOOKING = 5 / 6
"""Share of the time that formulas are looked for in."""
_POLISHED = 25
"""How many of the best formulas have their numbers made simple."""


def search(
    columns: Float[np.ndarray, "variables rows"],
    target: Float[np.ndarray, " rows"],
    *,
    sums: Sequence[frozenset[int]] | None = None,
    products: Sequence[frozenset[int]] | None = None,
    seconds: float = 60.0,
    seed: int = 0,
    sizes: Sequence[int] = SIZES,
) -> list[Candidate]:
    """Returns formulas of a target, the shortest description first; none if nothing says anything of it.

    Args:
        columns: The variables.
        target: What they should give, at least 8 rows.
        sums: Sets of variables: sums of terms of one of them each are tried before all others. None allows all.
        products: The same of factors.
        seconds: How long to look, a sixth of it kept for making numbers simple.
        seed: Of the choice of held-out rows.
        sizes: How many terms the libraries have, one after the other.
    """
    everything = [frozenset(range(len(columns)))]
    end, looking = Deadline.after(seconds), Deadline.after(_LOOKING * seconds)
    hunt = _Hunt(columns, target, Judge(columns, target, seed=seed))
    with np.errstate(all="ignore"), contextlib.suppress(TimeIsUpError):
        for size in sizes:
            has_all = hunt.look(size, sums or everything, products or everything, looking)
            if size == ENOUGH and not hunt.is_exact:
                hunt.look_graded(sums or everything, looking)
            if has_all or hunt.is_enough(size):
                break
    return hunt.polished(end)


class _Hunt:
    """What was found so far."""

    def __init__(
        self, columns: Float[np.ndarray, "variables rows"], target: Float[np.ndarray, " rows"], judge: Judge
    ) -> None:
        few, many = judge.fitted[:_SEARCHED], judge.fitted[:_FITTED]
        self.columns, self.target = columns[:, few], target[few]
        self.more = columns[:, many], target[many]
        self.judge = judge
        self.all_target = target
        self.everything = [frozenset(range(len(columns)))]
        self.found: dict[Term, Candidate] = {}
        self.best_error = math.inf
        self._libraries: dict[tuple[Callable[..., Library], tuple[frozenset[int], ...], int], Library] = {}

    @property
    def is_exact(self) -> bool:
        """Whether a formula holds to the last digits."""
        return self.best_error < EXACT

    def look(
        self, size: int, sums: Sequence[frozenset[int]], products: Sequence[frozenset[int]], deadline: Deadline
    ) -> bool:
        """Tries a library of a size behind every outer function; tells whether there are no more terms than that."""
        plain = self._library(plain_library, sums, size, deadline)
        self._take_sums(plain, OUTERS[0], deadline)
        has_all = True
        for groups in (products,) if list(products) == self.everything else (products, self.everything):
            if self.is_enough(size):
                return False
            logs = self._library(log_library, groups, size, deadline)
            has_all &= len(logs.terms) < size
            self._take_products(logs, deadline)
        outers = OUTERS[1:]
        if list(sums) != self.everything:
            plain = self._library(plain_library, self.everything, size, deadline)
            outers = OUTERS
        for outer in outers:
            if self.is_enough(size):
                return False
            self._take_sums(plain, outer, deadline)
        return has_all and len(plain.terms) < size

    def look_graded(self, sums: Sequence[frozenset[int]], deadline: Deadline) -> None:
        """Tries ratios of polynomials, and terms with inner numbers beside the shortest others."""
        for groups in (sums,) if list(sums) == self.everything else (sums, self.everything):
            for term in ratios(self.columns, self.target, groups=groups, deadline=deadline):
                deadline.check()
                self._take(refitted(term, self.columns, self.target, steps=_STEPS, deadline=deadline), "a ratio")
            plain = self._library(plain_library, groups, _BESIDE, deadline)
            for graded in graded_libraries(self.columns, groups=groups, most=_GRADED, deadline=deadline):
                self._take_graded(plain, graded, deadline)
                if self.is_exact:
                    return

    def polished(self, deadline: Deadline) -> list[Candidate]:
        """Returns the best formulas with their numbers made simple; the best first, so that it is so if one is."""
        found = [one for one in self.found.values() if one.error < EXACT or not self.is_exact]
        best = sorted(found, key=lambda one: one.description_length)[:_POLISHED]
        polished: list[Candidate | None] = list(best)
        for place, one in enumerate(best):
            if deadline.is_over:
                break
            term = simplified(refitted(one.term, *self.more, deadline=deadline), *self.more, deadline=deadline)
            polished[place] = self.judge.judge(term, one.found_by)
        worth = self.judge.mean.description_length
        unique = {one.term: one for one in polished if one is not None and one.description_length < worth}
        return sorted(unique.values(), key=lambda one: one.description_length)

    def is_enough(self, size: int) -> bool:
        """Whether nothing larger than libraries of this size need be tried."""
        return size >= ENOUGH and self.is_exact

    def _library(
        self, make: Callable[..., Library], groups: Sequence[frozenset[int]], size: int, deadline: Deadline
    ) -> Library:
        """Returns the first terms of a library; a small one is made only once, for few terms take as long as many."""
        most = max(size, ENOUGH)
        key = make, tuple(groups), most
        if key not in self._libraries:
            self._libraries[key] = make(self.columns, groups=groups, most=most, deadline=deadline)
        return self._libraries[key].first(size)

    def _take_sums(self, library: Library, outer: Outer, deadline: Deadline) -> None:
        if not outer.applies(self.all_target):
            return
        with np.errstate(all="ignore"):
            wanted, weights = outer.inverse(self.target), 1 / outer.slope(self.target)
        if not np.isfinite(wanted).all():
            return
        weights = _tamed(weights)
        one = np.ones((1, len(wanted)))
        fits = best_sums(
            library.values,
            wanted,
            always=one,
            weights=weights,
            longest=4,
            keep=_KEPT,
            paired=_PAIRED,
            deadline=deadline,
        )
        for fit in deadline.each(self._chosen(fits, library)):
            inside = _sum_of(fit, library, wanted, weights)
            self._take(outer.wrap(inside, self.all_target), f"{outer.name}, {len(fit.terms)} terms")

    def _take_products(self, library: Library, deadline: Deadline) -> None:
        if np.abs(self.all_target).min() <= 1e-9 * np.abs(self.all_target).max():
            return
        wanted, weights = np.log(np.abs(self.target)), _tamed(np.abs(self.target))
        powers_of = [index for index, column in enumerate(self.columns) if np.abs(column).min() > 0]
        always = np.array([np.ones(len(wanted)), *(np.log(np.abs(self.columns[index])) for index in powers_of)])
        fits = best_sums(
            library.values,
            wanted,
            always=always,
            weights=weights,
            longest=3,
            keep=_KEPT,
            paired=_PAIRED,
            deadline=deadline,
        )
        for fit in deadline.each(self._chosen(fits, library)):
            terms = [library.terms[index] for index in fit.terms]
            term = product_of(terms, powers_of, self.columns, self.target, weights)
            if term is not None:
                self._take(term, f"log(y), {len(fit.terms)} terms")

    def _take_graded(self, plain: Library, graded: Library, deadline: Deadline) -> None:
        """Fits all numbers of the closest sums; of those that differ in their numbers alone, of the closest one."""
        library = Library(plain.terms + graded.terms, np.concatenate([plain.values, graded.values]))
        one, even = np.ones((1, len(self.target))), np.ones(len(self.target))
        levels = best_sums(
            library.values,
            self.target,
            always=one,
            weights=even,
            longest=3,
            keep=_KEPT,
            paired=_PAIRED,
            deadline=deadline,
        )
        for fits in levels:
            shapes: dict[Term, Fit] = {}
            for fit in fits:
                inside = add(*(library.terms[index] for index in fit.terms))
                if inside.free_numbers and fit.left < _FAR:
                    shapes.setdefault(with_numbers(inside, [0.0] * len(inside.free_numbers)), fit)
            chosen = list(shapes.values())
            short = sorted(chosen, key=lambda fit: self._bits(fit, library))
            for fit in deadline.each(dict.fromkeys([*chosen[:_FITS], *short[:_FITS]])):
                term = _sum_of(fit, library, self.target, even)
                self._take(
                    refitted(term, self.columns, self.target, steps=_STEPS, deadline=deadline),
                    f"y, {len(fit.terms)} graded terms",
                )

    def _chosen(self, levels: Sequence[Sequence[Fit]], library: Library) -> Iterator[Fit]:
        """Yields the closest few of every level, and those of short description."""
        for fits in levels:
            yield from dict.fromkeys([*fits[:4], *sorted(fits, key=lambda fit: self._bits(fit, library))[:6]])

    def _bits(self, fit: Fit, library: Library) -> float:
        terms = [library.terms[index] for index in fit.terms]
        signs = sum(_BITS_PER_SIGN * (term.length + 1) + _BITS_PER_NUMBER * len(term.free_numbers) for term in terms)
        return signs + len(self.target) / 2 * math.log2(max(fit.left, 1e-24))

    def _take(self, term: Term, found_by: str) -> None:
        candidate = self.judge.judge(term, found_by)
        if candidate is not None and candidate.description_length < self.judge.mean.description_length:
            self.found.setdefault(candidate.term, candidate)
            self.best_error = min(self.best_error, candidate.error)


def _sum_of(
    fit: Fit, library: Library, target: Float[np.ndarray, " rows"], weights: Float[np.ndarray, " rows"]
) -> Term:
    """Returns the sum with its shares, and a constant."""
    inside = np.concatenate([np.ones((1, len(target))), library.values[list(fit.terms)]])
    shares = weighted_sum(inside, target, weights)
    terms = [number(1), *(library.terms[index] for index in fit.terms)]
    return add(*(multiply(number(share, free=True), term) for share, term in zip(shares, terms, strict=True)))


def _tamed(weights: Float[np.ndarray, " rows"]) -> Float[np.ndarray, " rows"]:
    """Keeps single rows from deciding everything."""
    finite = weights[np.isfinite(weights)]
    most = 10 * float(np.median(finite)) if len(finite) else 1.0
    return np.minimum(np.where(np.isfinite(weights), weights, most), most)
