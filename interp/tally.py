"""Counting the votes of modules: alone, by plurality and by sum, as they are and made independent by dealing anew."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from jaxtyping import Bool

from interp.ballots import Ballots

Verdict = Literal["cooperating", "independent", "joint code", "redundant copies", "carried by one", "not accurate"]
ACCURATE = 0.5
"""The share of rows that all modules together must be right on before anything is said of how they do it."""
EFFECT, CHANCE, GAIN = 0.25, 0.01, 0.01
"""Modules cooperate, or repeat each other, if the sum makes at least this share fewer, or more, errors than independent
modules would, and of the dealt sums fewer than the second are as good, or as bad. If the best module alone is within
the third of the sum's accuracy, nothing is gained by the others."""
TOLD, SOFT = 0.8, 0.1
"""What would be independent is a joint code if the right answer explains at least the first of the variance of every
module's contributions, so that dealing anew tests little, and the soft information is at least the second."""
_MOST_OF_A_SIZE = 20


class Estimate(NamedTuple):
    """A share of rows, averaged over permutations."""

    mean: float
    stderr: float
    """Of the mean, over permutations."""


class Subset(NamedTuple):
    """What some modules get right together, all others silent; shares of rows."""

    modules: tuple[str, ...]
    sum: float
    """By their contributions added up, with the outputs' bias (and neurons in no module)."""
    plurality: float
    """By their answers, one vote each; where k answers tie and the right one is among them, the row counts 1/k."""
    permuted_sum: Estimate
    """The sum, had each module's contributions been dealt anew among the rows with the same answer."""
    permuted_plurality: Estimate
    """The plurality, likewise."""


class Overlap(NamedTuple):
    """How often two modules are wrong together."""

    one: str
    other: str
    both_wrong: float
    """Share of rows."""
    expected: float
    """The product of the shares in which either is wrong: what it would be if they were independent."""
    phi: float | None
    """Correlation of their errors: 1 the same, 0 independent; None where one of them is never wrong or never right."""


class Size(NamedTuple):
    """The share of rows that so many modules get wrong, averaged over the subsets of this size."""

    modules: int
    error_sum: float
    error_plurality: float
    error_permuted_sum: float
    error_permuted_plurality: float


@dataclass(frozen=True)
class Tally:
    """The votes on some rows."""

    rows: int
    alone: tuple[float, ...]
    """For each module the share of rows that its own contribution gets right."""
    by_answer: tuple[float, ...]
    """For each module the share of the variance of its contributions that the right answer explains."""
    union: float
    """Share of rows that at least one module gets right alone."""
    right_in: tuple[float, ...]
    """Share of rows that 0, 1, 2, ... modules get right alone."""
    overlaps: tuple[Overlap, ...]
    subsets: tuple[Subset, ...]
    """By size, all modules last; of sizes with very many subsets some."""
    sum_without_bias: float
    """Of all modules."""
    at_least: float
    """How often chance does as well: (1 + permutations whose sum is at least as good) / (1 + permutations)."""
    at_most: float
    """The same of sums at least as bad."""

    @property
    def whole(self) -> Subset:
        """All modules together."""
        return self.subsets[-1]

    @property
    def cooperation(self) -> float:
        """The sum minus the sum of independent modules: what their fitting together is worth."""
        return self.whole.sum - self.whole.permuted_sum.mean

    @property
    def soft_information(self) -> float:
        """The sum minus the plurality, of independent modules: what is in the contributions beyond one answer each."""
        return self.whole.permuted_sum.mean - self.whole.permuted_plurality.mean

    @property
    def verdict(self) -> Verdict:
        """Judges by `ACCURATE`, `EFFECT`, `CHANCE`, `GAIN`, `TOLD` and `SOFT`."""
        if self.whole.sum < ACCURATE:
            return "not accurate"
        if self.whole.sum - max(self.alone) < GAIN:
            return "redundant copies" if self.whole.sum - min(self.alone) < GAIN else "carried by one"
        errors, by_chance = 1 - self.whole.sum, 1 - self.whole.permuted_sum.mean
        if self.at_least < CHANCE and errors <= (1 - EFFECT) * by_chance:
            return "cooperating"
        if self.at_most < CHANCE and errors >= (1 + EFFECT) * by_chance:
            return "redundant copies"
        return "joint code" if min(self.by_answer) >= TOLD and self.soft_information >= SOFT else "independent"

    @property
    def sizes(self) -> tuple[Size, ...]:
        """The error against the number of modules."""
        found = []
        for size, group in itertools.groupby(self.subsets, key=lambda subset: len(subset.modules)):
            each = [(row.sum, row.plurality, row.permuted_sum.mean, row.permuted_plurality.mean) for row in group]
            found.append(Size(size, *(float(value) for value in 1 - np.mean(each, axis=0))))
        return tuple(found)

    def without(self, module: str) -> Subset:
        """Returns all modules but one."""
        kept = set(self.whole.modules) - {module}
        return next(subset for subset in self.subsets if set(subset.modules) == kept)

    def to_json(self) -> dict[str, Any]:
        """Returns what docs/json.md describes under `voting`, for all rows or for the test split."""
        return {
            "rows": self.rows,
            "verdict": self.verdict,
            "union": self.union,
            "right_in": list(self.right_in),
            "plurality": self.whole.plurality,
            "sum": self.whole.sum,
            "sum_without_bias": self.sum_without_bias,
            "permuted_plurality": self.whole.permuted_plurality._asdict(),
            "permuted_sum": self.whole.permuted_sum._asdict(),
            "cooperation": self.cooperation,
            "soft_information": self.soft_information,
            "at_least": self.at_least,
            "at_most": self.at_most,
            "overlaps": [overlap._asdict() for overlap in self.overlaps],
            "sizes": [size._asdict() for size in self.sizes],
        }


def count_votes(ballots: Ballots, *, permutations: int, generator: np.random.Generator) -> Tally:
    """Counts the votes as they are, and with each module's contributions dealt anew among rows with the same answer.

    Args:
        ballots: Of two modules or more.
        permutations: How often they are dealt, >= 2.
        generator: Deals.

    Raises:
        ValueError: If there are too few permutations for a standard error.
    """
    if permutations < 2:
        raise ValueError(f"`permutations` must be at least 2, got {permutations}")
    names = ballots.modules
    subsets = _subsets(len(names), generator)
    sums, votes = _shares(ballots, subsets)
    dealt = np.array([_shares(ballots.shuffled(generator), subsets) for _ in range(permutations)])
    means = dealt.mean(0)
    errors = np.ptp(dealt, axis=0).round(12).astype(bool) * dealt.std(0, ddof=1) / math.sqrt(permutations)
    right = ballots.right
    return Tally(
        rows=len(ballots.targets),
        alone=tuple(right.mean(1).tolist()),
        by_answer=tuple(ballots.by_answer.tolist()),
        union=float(right.any(0).mean()),
        right_in=tuple((np.bincount(right.sum(0), minlength=len(names) + 1) / right.shape[1]).tolist()),
        overlaps=tuple(
            _overlap(names[one], names[other], ~right[one], ~right[other])
            for one, other in itertools.combinations(range(len(names)), 2)
        ),
        subsets=tuple(
            Subset(
                modules=tuple(names[member] for member in subset),
                sum=sums[which],
                plurality=votes[which],
                permuted_sum=Estimate(float(means[0, which]), float(errors[0, which])),
                permuted_plurality=Estimate(float(means[1, which]), float(errors[1, which])),
            )
            for which, subset in enumerate(subsets)
        ),
        sum_without_bias=float(ballots.by_sum(subsets[-1], with_bias=False).mean()),
        at_least=float((1 + (dealt[:, 0, -1] >= sums[-1]).sum()) / (1 + permutations)),
        at_most=float((1 + (dealt[:, 0, -1] <= sums[-1]).sum()) / (1 + permutations)),
    )


def _shares(ballots: Ballots, subsets: Sequence[Sequence[int]]) -> tuple[list[float], list[float]]:
    """Returns for each subset the share of rows that are right by sum, and by plurality."""
    sums = [float(ballots.by_sum(subset).mean()) for subset in subsets]
    return sums, [float(ballots.by_plurality(subset).mean()) for subset in subsets]


def _subsets(count: int, generator: np.random.Generator) -> list[tuple[int, ...]]:
    """Lists all subsets by size; of sizes with very many, all but one and single modules excepted, some are drawn."""
    found: list[tuple[int, ...]] = []
    for size in range(1, count + 1):
        if size in (1, count - 1) or math.comb(count, size) <= _MOST_OF_A_SIZE:
            found += itertools.combinations(range(count), size)
        else:
            draws = (generator.choice(count, size, replace=False) for _ in range(_MOST_OF_A_SIZE))
            found += sorted({tuple(sorted(draw.tolist())) for draw in draws})
    return found


def _overlap(one: str, other: str, first: Bool[np.ndarray, " rows"], second: Bool[np.ndarray, " rows"]) -> Overlap:
    both, expected = float((first & second).mean()), float(first.mean() * second.mean())
    spread = float(first.std() * second.std())
    return Overlap(one, other, both, expected, (both - expected) / spread if spread > 0 else None)
