"""What neurons along one direction add up to: a parabola, or a bend like |u|."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy.optimize import minimize_scalar

Bend = Literal["square", "absolute"]
SHAPES: dict[Bend, Callable[[np.ndarray], np.ndarray]] = {"square": np.square, "absolute": np.abs}
"""What is done to u - u0, by kind."""

_EVEN = 1e-6
"""Of coefficients that are equal but for rounding the first is written as 1."""
_GRID = 17
"""So many places are tried before the best is refined."""
_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class Curve:
    """What neurons of one site add to a target: offset + scale * shape(u - centre), u a weighted sum of sources."""

    kind: Bend
    neurons: tuple[int, ...]
    direction: Float[np.ndarray, " sources"]
    """Of u; the coefficient that moves u most is 1."""
    offset: float
    scale: float
    centre: float
    """Where the curve turns."""
    total: Float[np.ndarray, " rows"]
    """What the neurons really add."""
    error: float
    """Largest deviation from it, as a share of its range."""
    turns: bool
    """The first-order terms cancel: the centre is inside the range of u, and what lies behind it is more than twice the
    error."""


def find_curve(
    neurons: tuple[int, ...],
    weights: Float[np.ndarray, "neurons sources"],
    parts: Float[np.ndarray, "rows neurons"],
    sources: Float[np.ndarray, "rows sources"],
    *,
    error: float,
) -> Curve | None:
    """Fits both shapes, by least squares, to what parallel neurons add up to, and returns the closer that turns.

    Where neither does it is the parabola, and None where that is further off than the error.

    Args:
        neurons: What the neurons are called.
        weights: Their in-weights.
        parts: What each adds to the target.
        sources: What they read.
        error: The largest deviation allowed, as a share of the range of the sum.
    """
    total = parts.sum(1)
    if not np.ptp(total) > _ROUNDING * np.abs(parts).max():
        return None
    direction = common_direction(weights * np.ptp(parts, axis=0)[:, None], sources)
    u = sources @ direction
    middle, half = (u.max() + u.min()) / 2, np.ptp(u) / 2
    if not half > _ROUNDING * abs(middle):
        return None
    place = (u - middle) / half
    found = []
    fits: dict[Bend, tuple[float, float, float]] = {"square": _parabola(place, total), "absolute": _bend(place, total)}
    for kind, (centre, offset, scale) in fits.items():
        off = float(np.abs(offset + scale * SHAPES[kind](place - centre) - total).max() / np.ptp(total))
        behind = abs(scale) * float(SHAPES[kind](np.array(1 - abs(centre)))) / float(np.ptp(total))
        turns = abs(centre) < 1 and behind > 2 * off
        if off <= error and (turns or kind == "square"):
            steepness = scale / float(SHAPES[kind](half))
            where = middle + half * centre
            found.append(Curve(kind, neurons, direction, offset, steepness, where, total, off, turns))
    return min(found, key=lambda curve: (not curve.turns, curve.error), default=None)


def common_direction(
    weights: Float[np.ndarray, "neurons sources"], sources: Float[np.ndarray, "rows sources"]
) -> Float[np.ndarray, " sources"]:
    """Returns the direction that nearly parallel rows share, the coefficient that moves it most written as 1.

    The first singular vector of the rows, in the sources' standard deviations; heavier rows count for more.
    """
    spread = sources.std(0)
    shared = np.linalg.svd(weights * spread, full_matrices=False)[2][0]
    return with_unit_pivot(np.divide(shared, spread, out=np.zeros_like(shared), where=spread > 0), spread)


def with_unit_pivot(
    direction: Float[np.ndarray, " sources"], spread: Float[np.ndarray, " sources"]
) -> Float[np.ndarray, " sources"]:
    """Divides by the coefficient that moves the sum most; what is rounding of it becomes zero."""
    moves = np.abs(direction * spread)
    pivot = int(np.flatnonzero(moves >= (1 - _EVEN) * moves.max())[0])
    return np.where(moves > _ROUNDING * moves.max(), direction, 0.0) / direction[pivot]


def _parabola(place: Float[np.ndarray, " rows"], total: Float[np.ndarray, " rows"]) -> tuple[float, float, float]:
    """Returns centre, offset and scale."""
    basis = np.stack([np.ones_like(place), place, place**2], 1)
    constant, slope, scale = np.linalg.lstsq(basis, total, rcond=None)[0].tolist()
    centre = -slope / (2 * scale) if scale else np.inf
    return centre, constant - scale * centre**2 if scale else constant, scale


def _bend(place: Float[np.ndarray, " rows"], total: Float[np.ndarray, " rows"]) -> tuple[float, float, float]:
    """Returns centre, offset and scale; the centre is the best of a grid, refined."""

    def fit(centre: float) -> tuple[float, float, float]:
        shape = np.abs(place - centre)
        away = shape - shape.mean()
        scale = float(away @ (total - total.mean()) / (away @ away))
        offset = float(total.mean() - scale * shape.mean())
        return offset, scale, float(np.sum((offset + scale * shape - total) ** 2))

    grid = np.linspace(-1, 1, _GRID)
    best = int(np.argmin([fit(centre)[2] for centre in grid]))
    ends = grid[max(best - 1, 0)], grid[min(best + 1, _GRID - 1)]
    best_fit = minimize_scalar(lambda each: fit(each)[2], bounds=ends, method="bounded", options={"xatol": 1e-12})
    centre = float(best_fit.x)
    return centre, *fit(centre)[:2]
