"""Where neurons may sit: slots on a line, a folded line, a grid or a ring, and the distances between them.

Every geometry lies in the unit cube, so that lengths of different populations can be compared.
"""

import math
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

Geometry = Literal["line", "folded", "grid", "ring"]


def make_slots(geometry: Geometry, size: int, *, folds: int = 2) -> Float[Tensor, "size dims"]:
    """Lays out the slots of a population.

    Args:
        geometry: "line" (even spacing), "folded" (a line laid over itself `folds` times, so that `folds` neurons
            share a coordinate), "grid" (a square sheet) or "ring" (a circle of radius 1/4 around the centre).
        size: Number of slots, >= 0.
        folds: How many neurons share a coordinate of a folded line; divides `size`.

    Returns:
        Coordinates in the unit cube, float64; one dimension for lines, two for grid and ring.

    Raises:
        ValueError: If the geometry is unknown or cannot hold that many neurons.

    Example:
        >>> make_slots("line", 2).tolist()
        [[0.25], [0.75]]
    """
    if size < 0:
        raise ValueError(f"`size` must be at least 0, got {size}")
    if geometry == "line":
        return _line(size)
    if geometry == "folded":
        return _folded(size, folds)
    if geometry == "grid":
        return _grid(size)
    if geometry == "ring":
        return _ring(size)
    raise ValueError(f"`geometry` must be one of {', '.join(get_args(Geometry))}, got {geometry!r}")


def distances(a: Float[Tensor, "*batch_a dims_a"], b: Float[Tensor, "*batch_b dims_b"]) -> Tensor:
    """Returns the L1 distance of every point of `a` to every point of `b`.

    A line next to a sheet runs through the sheet's middle: missing coordinates count as 1/2.

    Args:
        a: Points (..., m, dims), in the unit cube.
        b: Points (..., n, dims), in the unit cube.

    Returns:
        Distances (..., m, n), >= 0.

    Example:
        >>> distances(torch.tensor([[0.25]]), torch.tensor([[0.75], [0.25]])).tolist()
        [[0.5, 0.0]]
    """
    dims = max(a.shape[-1], b.shape[-1])
    a, b = _padded(a, dims), _padded(b, dims)
    total = (a[..., :, None, 0] - b[..., None, :, 0]).abs()
    for dim in range(1, dims):
        total = total + (a[..., :, None, dim] - b[..., None, :, dim]).abs()
    return total


def _padded(points: Tensor, dims: int) -> Tensor:
    missing = dims - points.shape[-1]
    return points if missing == 0 else torch.nn.functional.pad(points, (0, missing), value=0.5)


def _line(size: int) -> Tensor:
    return ((torch.arange(size, dtype=torch.float64) + 0.5) / max(size, 1))[:, None]


def _folded(size: int, folds: int) -> Tensor:
    if folds < 1 or size % folds:
        raise ValueError(f"`folds` must divide the population's size {size}, got {folds}")
    return _line(size // folds).repeat(folds, 1)


def _grid(size: int) -> Tensor:
    side = math.isqrt(size)
    if side * side != size:
        near = f"{side * side} or {(side + 1) ** 2}"
        raise ValueError(f"a grid must hold a square number of neurons, got {size}; take {near}")
    line = _line(side)[:, 0]
    return torch.stack([line.repeat_interleave(side), line.repeat(side)], dim=1)


def _ring(size: int) -> Tensor:
    angle = 2 * math.pi * torch.arange(size, dtype=torch.float64) / max(size, 1)
    return 0.5 + 0.25 * torch.stack([angle.cos(), angle.sin()], dim=1)
