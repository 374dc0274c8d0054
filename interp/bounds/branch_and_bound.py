"""The largest absolute value of a function on a box, proven: boxes that could hold a larger one are cut in two."""

import heapq
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from interp.bounds.circuits import Spread
from interp.bounds.intervals import Interval, thin

Enclose = Callable[[np.ndarray, np.ndarray], Spread]
"""From lower and upper ends of boxes (boxes, inputs) to one output's values and slopes."""

_TOGETHER = 256
"""Boxes that are looked at as one batch."""


@dataclass(frozen=True)
class Bound:
    """Between which two numbers the largest absolute value on a box lies."""

    proven: float
    """No point of the box has more; infinite where nothing could be proven."""
    reached: float
    """Some point has at least so much."""
    boxes: int
    """How many boxes were looked at."""

    @property
    def gap(self) -> float:
        """How much more is proven than reached, as a share of what is proven."""
        return 1 - self.reached / self.proven if 0 < self.proven < math.inf else float(self.proven > 0)


def largest(
    enclose: Enclose,
    low: Float[np.ndarray, " inputs"],
    high: Float[np.ndarray, " inputs"],
    *,
    reached: float = 0.0,
    least: float = 0.0,
    gap: float = 0.1,
    boxes: int = 20_000,
    seconds: float = math.inf,
) -> Bound:
    """Bounds the largest absolute value of one output on a box, by branch and bound.

    A box's values lie within what the enclosure says and, by the mean value theorem, within the value at its centre
    plus slopes times how far the box reaches from there. The box that could hold the largest value is cut in two along
    the input that adds most, until no box can exceed what is reached by more than the gap.

    Args:
        enclose: Rounds outward; its values and slopes have one output.
        low: Lower end of each input.
        high: Upper end.
        reached: What is known to be reached somewhere.
        least: Stop when nothing exceeds this: rounding.
        gap: Stop when `reached` is within this share of `proven`, in [0, 1).
        boxes: Stop after so many.
        seconds: Stop then; one batch of boxes is always looked at.
    """
    until = time.monotonic() + seconds
    looked = 0
    heap: list[tuple[float, int, _Box]] = []
    lows, highs = low[None], high[None]
    whole = np.where(high > low, high - low, 1.0)
    while True:
        uppers, at_centres, along = _judge(enclose, lows, highs, whole)
        reached = max(reached, float(at_centres.max()))
        for upper, *box in zip(uppers.tolist(), lows, highs, along.tolist(), strict=True):
            looked += 1
            heapq.heappush(heap, (-upper, looked, _Box(*box)))
        enough = max(reached / (1 - gap), least)
        widest = heap[0][-1]
        is_point = not (widest.high > widest.low).any()
        if -heap[0][0] <= enough or is_point or time.monotonic() > until or looked >= boxes:
            return Bound(max(-heap[0][0], reached), reached, looked)
        taken: list[_Box] = []
        while heap and len(taken) < _TOGETHER // 2 and -heap[0][0] > enough:
            taken.append(heapq.heappop(heap)[-1])
        lows, highs = _halves(taken)


class _Box(NamedTuple):
    low: np.ndarray
    high: np.ndarray
    along: int
    """The input to cut it along."""


def _judge(
    enclose: Enclose,
    lows: Float[np.ndarray, "boxes inputs"],
    highs: Float[np.ndarray, "boxes inputs"],
    whole: Float[np.ndarray, " inputs"],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns how large the values in each box can be, how large its centre's is at least, and along what to cut it."""
    centres = lows / 2 + highs / 2
    with np.errstate(all="ignore"):
        spread, point = enclose(lows, highs), enclose(centres, centres).values
        reach = Interval(lows, highs) - thin(centres)
        steps = spread.slopes[:, 0] * reach
        uppers = (spread.values[:, 0] & (point[:, 0] + steps.sum())).magnitude
    uppers = np.where(np.isnan(uppers), np.inf, uppers)
    # Where a slope may be anything, the longest side is cut.
    longest = ~np.isfinite(steps.magnitude).all(1, keepdims=True)
    along = np.where(longest, (highs - lows) / whole, steps.magnitude * (highs > lows)).argmax(1)
    return uppers, np.nan_to_num(point.mignitude[:, 0], posinf=0.0), along


def _halves(boxes: Sequence[_Box]) -> tuple[np.ndarray, np.ndarray]:
    """Returns lower and upper ends of both halves of every box."""
    lows, highs = (np.repeat([getattr(box, end) for box in boxes], 2, axis=0) for end in ("low", "high"))
    along = np.repeat([box.along for box in boxes], 2)
    first, second = np.arange(0, len(lows), 2), np.arange(1, len(lows), 2)
    middles = lows[first, along[first]] / 2 + highs[first, along[first]] / 2
    highs[first, along[first]] = middles
    lows[second, along[second]] = middles
    return lows, highs
