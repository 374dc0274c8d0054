"""How many cores a process may use: where several train side by side, each has its share."""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from bimt.messages import UserError, printable

CORES = "BIMT_CORES"
"""The environment variable with the most cores that a process may use."""


def available_cores() -> int:
    """Returns the number of cores that this process may run on, at most BIMT_CORES; no result depends on it.

    Raises:
        UserError: If BIMT_CORES is no number of cores.
    """
    here = len(os.sched_getaffinity(0))
    given = os.environ.get(CORES, "")
    if not given:
        return here
    if not given.isdecimal() or int(given) < 1:
        raise UserError(f"{CORES} must be a whole number of at least 1, got {printable(given)}")
    return min(here, int(given))


@lru_cache(maxsize=1)
def threads(cores: int) -> ThreadPoolExecutor:
    """Returns so many threads for native code, which leaves Python's lock alone; all who ask share them."""
    return ThreadPoolExecutor(max_workers=cores)
