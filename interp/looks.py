"""Where an attention head looks, in words."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from bimt.messages import printable

ALIKE = "at every moment it sees alike"
MOSTLY = 2 / 3
"""From this mean share on a head is said to look at a moment."""
VARIES = 0.2
"""From this variation on where a head looks is said to depend on the data."""
EVEN = 0.05
"""Up to this total variation from looking everywhere alike, on average, a head is said to look nearly evenly."""


def in_words(
    attention: Float[np.ndarray, "moments moments"],
    moments: Sequence[str],
    *,
    asking: Sequence[int],
    is_causal: bool,
    variation: float,
) -> str:
    """Says where a head looks: at one moment, itself or the one before, or that it depends on the row.

    Args:
        attention: How much each moment (row) looks at each (column), averaged over rows of data.
        moments: Their names.
        asking: The moments that count.
        is_causal: Whether a moment sees only itself and earlier ones.
        variation: How far rows of data are from the average, as `Look.variation`.

    Example:
        >>> in_words(np.array([[1, 0], [0.9, 0.1]]), ("a", "b"), asking=(0, 1), is_causal=True, variation=0.0)
        'mostly at a (90 %)'
    """
    choosing = [moment for moment in asking if moment or not is_causal]
    if len(attention) == 1 or not choosing:
        return "at itself, all it sees"
    found, share = _favourite(attention, moments, choosing)
    if share >= MOSTLY:
        return f"{'always' if share > 0.999 else 'mostly'} {found} ({100 * share:.3g} %)"
    if variation >= VARIES:
        return "at moments that depend on the data"
    return f"nearly {ALIKE}" if _unevenness(attention, choosing, is_causal=is_causal) <= EVEN else "at several moments"


def _favourite(attention: np.ndarray, moments: Sequence[str], choosing: Sequence[int]) -> tuple[str, float]:
    """Returns where most of it goes on average, and how much: a moment, itself or the one before."""
    rows = attention[list(choosing)]
    shares = {f"at {printable(name, limit=40)}": rows[:, moment].mean() for moment, name in enumerate(moments)}
    if len(choosing) > 1:
        back = [attention[moment, moment - 1] if moment else 0.0 for moment in choosing]
        shares["at the same moment"] = attention.diagonal()[list(choosing)].mean()
        shares["one moment back"] = np.mean(back)
    best = max(shares, key=lambda where: shares[where])
    return best, float(shares[best])


def _unevenness(attention: np.ndarray, choosing: Sequence[int], *, is_causal: bool) -> float:
    """Returns the total variation of the mean attention from looking everywhere alike, averaged over moments."""
    sees = np.ones_like(attention)
    sees = np.tril(sees) if is_causal else sees
    far = np.abs(attention - sees / sees.sum(1, keepdims=True)).sum(1) / 2
    return float(far[list(choosing)].mean())
