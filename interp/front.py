"""The Pareto front: the nets that no other net beats in size and error at once."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def on_front(sizes: Floats, errors: Floats) -> NDArray[np.bool_]:
    """Tells of every net whether no other is at least as good in both and better in one.

    Args:
        sizes: Connections of each net.
        errors: Error of each net, the lower the better.

    Example:
        >>> on_front(np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.1, 0.2])).tolist()
        [True, True, False]
    """
    no_worse = (sizes[:, None] <= sizes) & (errors[:, None] <= errors)
    better = (sizes[:, None] < sizes) | (errors[:, None] < errors)
    beaten: NDArray[np.bool_] = np.any(no_worse & better, axis=0)
    return ~beaten
