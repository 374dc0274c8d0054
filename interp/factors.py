"""Squares of one target as products: a difference of two squares is one, and it may be the shorter way to say it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from jaxtyping import Float

from interp.curves import Curve, with_unit_pivot

_SMALL = 0.05
"""Coefficients of a factor that move it less than this share of its largest may be left out."""
_FLAT = 0.05
"""Three directions lie in a plane if they stick out of it by less than this."""
_ROUNDING = 1e-12
_MOST = 12
"""Among more squares of one target only pairs are tried."""


@dataclass(frozen=True, eq=False)
class Product:
    """offset + scale * (p - p0) * (q - q0), p and q weighted sums of sources."""

    directions: tuple[Float[np.ndarray, " sources"], Float[np.ndarray, " sources"]]
    """Of p and of q; the coefficient that moves each most is 1."""
    centres: tuple[float, float]
    offset: float
    scale: float
    error: float
    """Largest deviation from what the neurons really add, as a share of its range."""
    turns: bool
    """The first-order terms cancel: p0 and q0 are inside the ranges of p and q, and what lies behind them is more than
    twice the error."""
    squares: tuple[Curve, ...] = ()
    """What it is made of, where it is made of squares."""

    @property
    def bends(self) -> bool:
        """The first-order terms cancel in it, or in each of its squares."""
        return self.turns or all(square.turns for square in self.squares)

    @property
    def saved(self) -> int:
        """How many fewer sources it mentions than its squares."""
        return _mentions(square.direction for square in self.squares) - _mentions(self.directions)


def find_products(
    squares: Sequence[Curve], sources: Float[np.ndarray, "rows sources"], *, error: float, slack: float
) -> list[Product]:
    """Returns which squares of one target are products; no square is in two.

    Two squares of opposite sign, or three along directions of one plane, are a quadratic form of rank two,
    lambda1 e1^2 - lambda2 e2^2 = (sqrt(lambda1) e1 + sqrt(lambda2) e2) (sqrt(lambda1) e1 - sqrt(lambda2) e2). That
    is always true, so a product is called only if it mentions fewer sources than its squares: x1 x2 is one,
    x1^2 - x2^2 stays as it is. Where both mention as many (weighted sums of all sources) two squares are a product
    if neither could be one with a third.

    Args:
        squares: Curves of the kind "square"; such as do not turn are parts of products that do.
        sources: What their directions are of.
        error: The largest deviation allowed, as a share of the range of what the neurons add.
        slack: Small coefficients are left out while the deviation grows by no more than this, or than itself.
    """
    sizes = (2, 3) if len(squares) <= _MOST else (2,)
    chosen = [each for size in sizes for each in combinations(squares, size)]
    factored = [_factor(each, sources, slack=slack) for each in chosen]
    candidates = [found for found in factored if found and found.error <= error and found.bends]
    candidates.sort(key=lambda product: (-product.saved, len(product.squares), product.error))
    products, used = [], set[int]()
    for product in candidates:
        members = {id(square) for square in product.squares}
        if product.saved > 0 and not members & used:
            products.append(product)
            used |= members
    level = [each for each in candidates if not each.saved and not used & {id(square) for square in each.squares}]
    uses = [id(square) for each in level for square in each.squares]
    alone = [each for each in level if all(uses.count(id(square)) == 1 for square in each.squares)]
    return [*products, *(each for each in alone if len(each.squares) == 2)]


def joint_product(
    pair: tuple[int, int],
    parts: Float[np.ndarray, "rows neurons"],
    sources: Float[np.ndarray, "rows sources"],
    *,
    error: float,
) -> Product | None:
    """Returns what neurons add as a product of two sources, if it is one whose first-order terms cancel.

    Trained nets multiply with less than four neurons: two bent ones along p + q and p - q, and a line that takes off
    what is of first order.

    Args:
        pair: The two sources.
        parts: What each neuron adds to the target.
        sources: All sources.
        error: The largest deviation allowed, as a share of the range of the sum.
    """
    total = parts.sum(1)
    if not np.ptp(total) > _ROUNDING * np.abs(parts).max():
        return None
    axes = np.eye(sources.shape[1])
    found = _fit([axes[each] for each in pair], sources, total)
    return found if found.turns and found.error <= error else None


def _factor(squares: tuple[Curve, ...], sources: Float[np.ndarray, "rows sources"], *, slack: float) -> Product | None:
    """Returns the product that squares are, or None where their quadratic form is none."""
    spread = sources.std(0)
    directions = np.stack([square.direction * spread for square in squares])
    _, sizes, axes = np.linalg.svd(directions, full_matrices=False)
    if len(sizes) > 2 and sizes[2] > _FLAT * sizes[1]:
        return None
    seen = directions @ axes[:2].T
    values, vectors = np.linalg.eigh(seen.T @ (np.array([square.scale for square in squares])[:, None] * seen))
    if not values[0] < 0 < values[1]:
        return None
    less, more = np.sqrt(np.abs(values))[:, None] * vectors.T @ axes[:2]
    factors = more + less, more - less
    total = np.sum([square.total for square in squares], axis=0)
    whole = replace(_fit(factors, sources, total), squares=squares)
    large = [np.where(np.abs(each) > _SMALL * np.abs(each).max(), each, 0.0) for each in factors]
    short = replace(_fit(large, sources, total), squares=squares)
    return short if short.error <= whole.error + max(slack, whole.error) else whole


def _fit(
    factors: Sequence[Float[np.ndarray, " sources"]],
    sources: Float[np.ndarray, "rows sources"],
    total: Float[np.ndarray, " rows"],
) -> Product:
    """Fits offset, scale and centres by least squares; factors are in the sources' standard deviations."""
    spread = sources.std(0)
    in_units = [np.divide(each, spread, out=np.zeros_like(each), where=spread > 0) for each in factors]
    first, second = sorted((with_unit_pivot(each, spread) for each in in_units), key=lambda each: tuple(-np.abs(each)))
    p, q = sources @ first, sources @ second
    means, sizes = (p.mean(), q.mean()), (p.std(), q.std())
    near, far = (p - means[0]) / sizes[0], (q - means[1]) / sizes[1]
    basis = np.stack([np.ones_like(p), near, far, near * far], 1)
    constant, of_p, of_q, both = np.linalg.lstsq(basis, total, rcond=None)[0].tolist()
    if not abs(both) > _ROUNDING * np.ptp(total):
        return Product((first, second), (0.0, 0.0), constant, 0.0, np.inf, turns=False)
    centres = float(means[0] - of_q / both * sizes[0]), float(means[1] - of_p / both * sizes[1])
    offset, scale = constant - of_p * of_q / both, float(both / (sizes[0] * sizes[1]))
    left, right = p - centres[0], q - centres[1]
    off = float(np.abs(offset + scale * left * right - total).max())
    behind = min(min(own.max(), -own.min()) * np.abs(other).max() for own, other in ((left, right), (right, left)))
    turns = bool(abs(scale) * behind > 2 * off)
    return Product((first, second), centres, offset, scale, off / float(np.ptp(total)), turns)


def _mentions(directions: Iterable[Float[np.ndarray, " sources"]]) -> int:
    return sum(int(np.count_nonzero(direction)) for direction in directions)
