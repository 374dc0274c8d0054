"""Linear assignments of many tables at once: native where a compiler is at hand, else scipy's, table by table."""

import ctypes
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from bimt.compiled.compiler import NoCompiler, load
from bimt.cores import available_cores, threads

LARGE = 512
"""Tables of so many rows and more are started by an auction, as assign.h says."""
_FEWEST = 64
"""Fewer tables are not worth waking the other cores."""


def cheapest_assignments(tables: Float[np.ndarray, "tables size size"]) -> Int[np.ndarray, "tables size"]:
    """Returns for each table the column of every row in the cheapest assignment.

    Below `LARGE` rows ties are broken as scipy breaks them; of larger tables any cheapest assignment may come.

    Raises:
        ValueError: If a table has no finite assignment.
    """
    native = _native()
    if native is None:
        from scipy.optimize import linear_sum_assignment  # a tenth of a second that few need

        return np.array([linear_sum_assignment(table)[1] for table in tables], dtype=np.int64).reshape(tables.shape[:2])
    tables = np.ascontiguousarray(tables, dtype=np.float64)
    best = np.empty(tables.shape[:2], dtype=np.int64)
    cores = available_cores()
    pieces = np.array_split(np.arange(len(tables)), cores) if len(tables) >= _FEWEST else [np.arange(len(tables))]
    spans = [(int(piece[0]), len(piece)) for piece in pieces if len(piece)]

    def solve_some(span: tuple[int, int]) -> bool:
        first, count = span
        done = native(tables[first:].ctypes.data, best[first:].ctypes.data, count, tables.shape[1])
        if done < 0:
            raise MemoryError("there is no memory for an assignment")
        return done == count

    if not all(map(solve_some, spans) if len(spans) == 1 else threads(cores).map(solve_some, spans)):
        raise ValueError("`tables` must be finite, got one without an assignment")
    return best


@lru_cache(maxsize=1)
def _native() -> Callable[..., int] | None:
    """Returns the native solver; None without a compiler."""
    try:
        library = load((Path(__file__).parent / "assign.c").read_text(encoding="utf-8"))
    except NoCompiler:
        return None
    library.assign.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_long, ctypes.c_long]
    library.assign.restype = ctypes.c_long
    solve: Callable[..., int] = library.assign
    return solve
