"""Arrays as text that a page can carry: base64 of little-endian numbers, in the smallest type that loses nothing."""

import base64
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

_WHOLE: Sequence[str] = ("u1", "i1", "u2", "i2", "i4")
"""Types of whole numbers, the first that fits is taken."""
_MOST_LEVELS = 256
"""Numbers that take so few different values are written as their places among these."""


def packed(numbers: ArrayLike) -> dict[str, Any]:
    """Writes an array so that a script reads back the same float64 or whole numbers.

    Args:
        numbers: Finite or not; at most 32 bits where they are whole.

    Returns:
        `type`, numpy's name of the stored type; `shape`; `data`, base64; and, where the data are places among few
        different values, `levels`, these values packed.

    Example:
        >>> packed([[1, 2], [3, 4]])
        {'type': 'u1', 'shape': [2, 2], 'data': 'AQIDBA=='}
    """
    array = np.asarray(numbers)
    if array.dtype.kind == "b":
        array = array.astype(np.uint8)
    if array.dtype.kind in "iu":
        return _written(array, _smallest(array))
    array = array.astype(np.float64)
    return _by_levels(array) or _written(array, "f4" if _fits_float32(array) else "f8")


def shades(numbers: NDArray[np.float64], largest: float) -> dict[str, Any]:
    """Writes numbers roughly, a byte each, for what is only drawn: the root of the share of the largest, with its sign.

    The root keeps small numbers apart; 0 is written for 0 alone.
    """
    share = np.clip(np.abs(numbers) / largest, 0, 1)
    steps = np.where(share > 0, np.maximum(np.round(127 * np.sqrt(share)), 1), 0)
    return _written((np.sign(numbers) * steps).astype(np.int8), "i1")


def finite(number: float) -> float | None:
    """Returns a single number as JSON can say it: one that is not finite as null."""
    return number if math.isfinite(number) else None


def _by_levels(array: NDArray[np.float64]) -> dict[str, Any] | None:
    """Writes places among the different values; None where there are too many for that to take less room."""
    levels, places = np.unique(array, return_inverse=True)
    if len(levels) > _MOST_LEVELS or 8 * len(levels) > 3 * array.size:
        return None
    return {**_written(places.reshape(array.shape), "u1"), "levels": _written(levels, "f8")}


def _fits_float32(array: NDArray[np.float64]) -> bool:
    with np.errstate(over="ignore"):
        return bool(np.array_equal(array.astype(np.float32).astype(np.float64), array, equal_nan=True))


def _smallest(array: NDArray[Any]) -> str:
    low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
    for kind in _WHOLE:
        info = np.iinfo(kind)
        if info.min <= low and high <= info.max:
            return kind
    raise ValueError(f"`numbers` must fit 32 bits where they are whole, got {low} to {high}")


def _written(array: NDArray[Any], kind: str) -> dict[str, Any]:
    content = np.ascontiguousarray(array, dtype=np.dtype(kind).newbyteorder("<"))
    return {"type": kind, "shape": list(array.shape), "data": base64.b64encode(content.tobytes()).decode()}
