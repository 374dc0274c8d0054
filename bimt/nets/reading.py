"""What a net says of sites that are no function of links alone: how they read a row, how they mix its moments."""

from typing import Literal, NamedTuple


class Reading(NamedTuple):
    """How the data enters an input site: what its neurons see of a row of inputs at moment m."""

    kind: Literal["numbers", "token", "moment"]
    """As many numbers as the site has neurons; one of the token that a column names; or one of m itself."""
    column: int = 0
    """Where in the row moment 0 is read."""
    stride: int = 0
    """How many columns further every moment is read."""


class Mixture(NamedTuple):
    """How a site adds up the values of several moments: attention, head by head.

    Head h of moment m holds sum over moments n of (rate * softmax_n(scale * q_m . k_n) + 1 - rate) * v_n, where q, k
    and v are the h-th of `heads` equal parts of the neurons of their sites.
    """

    query: str
    """Site whose values ask."""
    key: str
    """Site whose values are asked for."""
    value: str
    """Site whose values are added up."""
    heads: int
    scale: float
    """What products of query and key are multiplied by before the softmax."""
    is_causal: bool
    """Whether a moment sees only itself and earlier ones; the part 1 - rate sees all."""
    rate: float
    """How much of attention there is, 0 to 1."""
