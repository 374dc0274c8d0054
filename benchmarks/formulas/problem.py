"""What a method is asked: a table to find a formula of, and what its answer is held against."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import sympy
from jaxtyping import Float


@dataclass(frozen=True, eq=False)
class Problem:
    """A target column and the variables it may depend on."""

    name: str
    symbols: tuple[sympy.Symbol, ...]
    columns: Float[np.ndarray, "variables rows"]
    """The rows that methods are given."""
    target: Float[np.ndarray, " rows"]
    fresh: Float[np.ndarray, "variables fresh"]
    """Rows that they are not given; of measured data the same rows."""
    wanted: Float[np.ndarray, " fresh"]
    """What should come out there, without noise where the truth is known."""
    truth: sympy.Expr | None = None
    """The law behind the data, in the same symbols; None of measured data."""
    task: str = ""
    """The published task that the table is an output of, for the net; else the net is trained on the table."""
    output: int = 0
    """Which output of that task."""


class Found(NamedTuple):
    """What a method answers."""

    formula: sympy.Expr
    fidelity: float | None = None
    """R^2 of the formula against the pruned net on the fresh rows; None where there is no net."""


Method = Callable[[Problem, float], Iterator[Found]]
"""Yields the best formula so far, the last of them before so many seconds are over."""
Judge = Callable[[Problem, sympy.Expr], Iterator[dict[str, Any]]]
"""Yields scores as they become known, the quick ones first; later ones replace earlier ones of the same name."""
