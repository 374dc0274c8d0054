"""When to stop looking: asked inside every loop that may be long."""

import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")


class TimeIsUpError(Exception):
    """A deadline has passed; whoever set it keeps what was found before."""


@dataclass(frozen=True)
class Deadline:
    """A moment of the monotonic clock."""

    until: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """Returns the moment so many seconds from now."""
        return cls(time.monotonic() + seconds)

    @property
    def is_over(self) -> bool:
        """Whether the moment has passed."""
        return time.monotonic() > self.until

    @property
    def left(self) -> float:
        """How many seconds there are until then; never less than a millisecond, for what has to begin."""
        return max(self.until - time.monotonic(), 1e-3)

    def check(self) -> None:
        """Raises `TimeIsUpError` if the moment has passed."""
        if self.is_over:
            raise TimeIsUpError

    def each(self, items: Iterable[Item]) -> Iterator[Item]:
        """Yields items while there is time, then raises `TimeIsUpError`."""
        for item in items:
            self.check()
            yield item


NEVER = Deadline(math.inf)
"""For what is short enough."""
