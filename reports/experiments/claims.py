"""Claims about the seeds of one variant: what is published, as data, and how ours is held against it."""

import math
from collections.abc import Callable, Sequence

import pandas as pd

from reports.section import Finding
from reports.words import number

Judge = Callable[[pd.DataFrame, int], Finding]
"""From the measures of a variant's seeds, one row each (see `interp.measures`), and how many more stopped while
training, to a finding."""
FEWEST = 3
"""Fewer seeds than this are measured, not judged, where two variants are compared: one may be lower by chance."""


def at_most(
    claim: str, column: str, published: float | int, *, of: str, among: Callable[[pd.Series], bool] | None = None
) -> Judge:
    """The seeds' median (or smallest: `of` is "median" or "min") of a measure is not larger than published.

    With `among` only seeds that have a property count: a net that has learnt nothing is easily small.
    """
    return lambda frame, _stopped: _compared(claim, published, _reduced(_having(frame, among), column, of), sign=1)


def at_least(claim: str, column: str, published: float | int, *, of: str) -> Judge:
    """The seeds' median (or largest: `of` is "median" or "max") of a measure is not smaller than published."""
    return lambda frame, _stopped: _compared(claim, published, _reduced(frame, column, of), sign=-1)


def share_of(claim: str, holds: Callable[[pd.Series], bool], *, published: tuple[int, int]) -> Judge:
    """At least as large a share of the seeds has a property as of the published runs (how many, of how many)."""

    def judge(frame: pd.DataFrame, stopped: int) -> Finding:
        have, seeds = _count(frame, holds), len(frame) + stopped
        shown = f"{published[0]} of {published[1]} seeds"
        return Finding(claim, shown, f"{have} of {seeds} seeds", have / max(seeds, 1) >= published[0] / published[1])

    return judge


def some(claim: str, holds: Callable[[pd.Series], bool], *, published: str) -> Judge:
    """The published run has a property, and so has at least one of our seeds."""

    def judge(frame: pd.DataFrame, stopped: int) -> Finding:
        have = _count(frame, holds)
        return Finding(claim, published, f"{have} of {len(frame) + stopped} seeds", have > 0)

    return judge


def every(claim: str, holds: Callable[[pd.Series], bool], *, published: str) -> Judge:
    """All seeds must have a property."""

    def judge(frame: pd.DataFrame, stopped: int) -> Finding:
        have, seeds = _count(frame, holds), len(frame) + stopped
        return Finding(claim, published, f"{have} of {seeds} seeds", have == seeds > 0)

    return judge


def lower(claim: str, column: str, one: pd.DataFrame, other: pd.DataFrame, *, is_claimed: bool = True) -> Finding:
    """Whether a measure is lower in one variant than in another: its median, and for more than half of the seeds.

    Only seeds that both have are compared; fewer than `FEWEST` of them are measured, not judged.

    Args:
        claim: What is claimed.
        column: The measure.
        one: The seeds for which it should be lower; seeds of equal label start from equal weights.
        other: The seeds it is compared with.
        is_claimed: False where nobody claims it: then it is only measured.
    """
    both = pd.DataFrame({"one": one[column], "other": other[column]}).dropna()
    fewer = int((both["one"] < both["other"]).sum())
    medians = float(both["one"].median()), float(both["other"].median())
    ours = f"{number(medians[0], 3)} against {number(medians[1], 3)}; lower in {fewer} of {len(both)} seeds"
    is_met = medians[0] < medians[1] and 2 * fewer > len(both)
    is_judged = is_claimed and len(both) >= FEWEST
    return Finding(claim, "lower" if is_claimed else None, ours, is_met if is_judged else None)


def judged(judges: Sequence[Judge], frame: pd.DataFrame, *, stopped: int = 0) -> tuple[Finding, ...]:
    """Returns the findings of all claims; seeds that stopped count among those that have no property."""
    return tuple(judge(frame, stopped) for judge in judges)


def _compared(claim: str, published: float | int, ours: float, *, sign: int) -> Finding:
    return Finding(claim, published, None if math.isnan(ours) else ours, sign * ours <= sign * published)


def _reduced(frame: pd.DataFrame, column: str, of: str) -> float:
    return float(frame[column].agg(of))


def _count(frame: pd.DataFrame, holds: Callable[[pd.Series], bool]) -> int:
    return len(_having(frame, holds))


def _having(frame: pd.DataFrame, holds: Callable[[pd.Series], bool] | None) -> pd.DataFrame:
    return frame if holds is None else frame[[bool(holds(row)) for _, row in frame.iterrows()]]
