"""Which few terms of a library add up to a target: all pairs at once by their correlations, then a beam."""

import contextlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from interp.discovery.deadline import NEVER, Deadline, TimeIsUpError

Terms = tuple[int, ...]

_BLOCK = 1_500
"""So many terms are paired with all others at once."""
_SIMPLE = 120
"""Pairs among so many of the shortest terms have places of their own in the beam."""
_NEXT = 15
"""How many terms are tried behind each set of the beam."""
_EXACT = 1e-22
"""What is left of the target's square is rounding."""


@dataclass(frozen=True)
class Fit:
    """Terms whose best weighted sum leaves a share of the target's square."""

    terms: Terms
    left: float
    """In [0, 1], after the terms that every fit has."""


def best_sums(
    library: Float[np.ndarray, "terms rows"],
    target: Float[np.ndarray, " rows"],
    *,
    always: Float[np.ndarray, "always rows"],
    weights: Float[np.ndarray, " rows"],
    longest: int,
    keep: int,
    paired: int,
    deadline: Deadline = NEVER,
) -> list[list[Fit]]:
    """Returns, for no term, one, two and so on, the sets of terms that leave least of a target, best first.

    Least squares by correlations: with unit vectors f, g and t orthogonal to what every fit has, a pair explains
    (a^2 + b^2 - 2abc) / (1 - c^2) of t, a = f.t, b = g.t, c = f.g, so that one matrix product judges all pairs. Larger
    sets grow from the best pairs, and from pairs of short terms, which longer ones would crowd out.

    Args:
        library: Terms on the rows, the shortest first.
        target: What they should add up to.
        always: What every fit has, such as a constant.
        weights: How much each row counts, as a factor of its error.
        longest: How many terms a sum has at most.
        keep: How many sets are kept for each number of terms.
        paired: So many of the first terms are paired with each other.
        deadline: When to stop growing; what was found by then is returned.
    """
    frame, _ = np.linalg.qr((always * weights).T)
    wanted = target * weights
    rest = wanted - frame @ (frame.T @ wanted)
    size = math.sqrt(float(rest @ rest))
    if size <= 1e-12 * math.sqrt(float(wanted @ wanted)):
        return [[Fit((), 0.0)]]
    rest /= size
    scaled = library * weights
    unit = scaled - (scaled @ frame) @ frame.T
    sizes = np.sqrt((unit * unit).sum(1))
    alive = np.flatnonzero(sizes > 1e-6 * np.sqrt((scaled * scaled).sum(1)))
    unit = unit[alive] / sizes[alive, None]
    beam = _Beam(unit, rest, keep, deadline)
    found = [[Fit((), 1.0)], *beam.grow(longest, paired)]
    return [[Fit(tuple(alive[list(fit.terms)].tolist()), fit.left) for fit in fits] for fits in found]


def weighted_sum(
    terms: Float[np.ndarray, "terms rows"], target: Float[np.ndarray, " rows"], weights: Float[np.ndarray, " rows"]
) -> Float[np.ndarray, " terms"]:
    """Returns how much of each term adds up to the target by least squares, rows counting as in `best_sums`."""
    scaled = (terms * weights).T
    sizes = np.sqrt((scaled * scaled).sum(0))
    sizes[sizes == 0] = 1.0
    found: np.ndarray = np.linalg.lstsq(scaled / sizes, target * weights, rcond=1e-13)[0] / sizes
    return found


@dataclass(frozen=True, eq=False)
class _Beam:
    unit: Float[np.ndarray, "terms rows"]
    target: Float[np.ndarray, " rows"]
    keep: int
    deadline: Deadline

    def grow(self, longest: int, paired: int) -> list[list[Fit]]:
        """Returns the best single terms, pairs and so on."""
        if not len(self.unit):
            return []
        explained = (self.unit @ self.target) ** 2
        single = np.argsort(-explained, kind="stable")[: self.keep].tolist()
        levels = [[Fit((index,), 1 - float(explained[index])) for index in single]]
        with contextlib.suppress(TimeIsUpError):
            self._grow(levels, single, longest, paired)
        return [fits for fits in levels if fits]

    def _grow(self, levels: list[list[Fit]], single: Sequence[int], longest: int, paired: int) -> None:
        """Appends the best pairs, the best three and so on."""
        if longest < 2 or levels[0][0].left <= _EXACT:
            return
        plain = self._pairs(min(_SIMPLE, len(self.unit)), self.keep)
        pairs = [*self._pairs(min(paired, len(self.unit)), 3 * self.keep), *plain]
        simple = self._exact(plain)
        level = self._exact([*pairs, *self._extended((index,) for index in single)])
        while level:
            levels.append(level)
            if len(levels) >= longest or level[0].left <= _EXACT:
                break
            half = self.keep // 2
            short = self._extended(fit.terms for fit in simple[:half])
            simple = self._exact(terms for terms in short if sum(index < _SIMPLE for index in terms) == len(terms))
            level = self._exact([*self._extended(fit.terms for fit in level[:half]), *short])

    def _pairs(self, first: int, most: int) -> list[Terms]:
        """Returns the pairs among the first terms that explain most, in single precision."""
        terms = self.unit[:first].astype(np.float32)
        slopes = terms @ self.target.astype(np.float32)
        found: list[tuple[float, int, int]] = []
        for start in self.deadline.each(range(0, first, _BLOCK)):
            here = slice(start, min(start + _BLOCK, first))
            angles = terms[here] @ terms[start:].T
            room = np.maximum(1 - angles * angles, 1e-3)
            angles *= -2 * slopes[here, None]
            angles *= slopes[None, start:]
            angles += slopes[here, None] ** 2
            angles += slopes[None, start:] ** 2
            angles /= room
            angles[np.tril_indices(angles.shape[0], 0, angles.shape[1])] = 0
            flat = angles.ravel()
            best = np.argpartition(flat, -min(most, len(flat)))[-min(most, len(flat)) :]
            left, right = np.divmod(best, angles.shape[1])
            found += zip(flat[best].tolist(), (left + start).tolist(), (right + start).tolist(), strict=True)
        found.sort(reverse=True)
        return [(left, right) for share, left, right in found[:most] if left < right and share > 0]

    def _exact(self, sets: Iterable[Terms]) -> list[Fit]:
        """Judges sets of one size in double precision and keeps the best."""
        self.deadline.check()
        chosen, _, rests = self._frames(list(dict.fromkeys(sets)))
        left = (rests * rests).sum(1)
        order = np.argsort(left, kind="stable")[: self.keep]
        return [Fit(chosen[index], float(left[index])) for index in order]

    def _extended(self, sets: Iterable[Terms]) -> list[Terms]:
        """Returns each set with every one of the terms that then explain most of what is left."""
        found: list[Terms] = []
        for terms, frame, rest in self.deadline.each(zip(*self._frames(list(sets)), strict=True)):
            outside = 1 - ((self.unit @ frame) ** 2).sum(1)
            gains = (self.unit @ rest) ** 2 / np.maximum(outside, 1e-7)
            gains[outside < 1e-6] = 0
            more: Int[np.ndarray, " next"] = np.argpartition(-gains, min(_NEXT, len(gains) - 1))[:_NEXT]
            found += [tuple(sorted((*terms, int(index)))) for index in more if int(index) not in terms]
        return found

    def _frames(
        self, sets: Sequence[Terms]
    ) -> tuple[list[Terms], Float[np.ndarray, "sets rows terms"], Float[np.ndarray, "sets rows"]]:
        """Returns the sets whose terms do not nearly depend on each other.

        With each comes an orthonormal frame of what its terms span, and what that leaves of the target.
        """
        rows = len(self.target)
        if not sets:
            return [], np.empty((0, rows, 0)), np.empty((0, rows))
        frames, triangles = np.linalg.qr(self.unit[np.array(sets)].transpose(0, 2, 1))
        apart = np.abs(np.diagonal(triangles, axis1=1, axis2=2)).min(1) > 1e-5
        frames = frames[apart]
        rests = self.target - (frames @ (self.target @ frames)[..., None])[..., 0]
        return [terms for terms, is_apart in zip(sets, apart, strict=True) if is_apart], frames, rests
