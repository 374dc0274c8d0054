"""How numbers are bent before they are drawn, and where the bent axis has its ticks."""

from collections.abc import Callable

import numpy as np

from reports.figures.drawing import Floats, Length


def bent_ticks(scale: str, low: Length, high: Length) -> list[float]:
    """Returns round numbers between two bent ends, at most about six."""
    if scale in ("linear", "whole"):
        step = 10 ** np.floor(np.log10((high - low) / 2))
        step *= next(factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) <= 5)
        step = max(step, 1.0) if scale == "whole" else step
        values = np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step
        return [float(f"{value:.10g}") for value in values]
    digits = (1,) if high - low > 2 else (1, 3) if high - low > 1 else (1, 2, 5) if high - low > 0.6 else range(1, 10)
    values = [digit * 10.0**power for power in range(-12, 13) for digit in digits]
    if scale == "count":
        values = [0.0, *(value for value in values if value >= 1)]
    inside = [value for value in values if low <= float(BENDS[scale](np.array([value]))[0]) <= high]
    if len(inside) < 2 and high - low > 1e-9:  # so narrow that round numbers of a linear axis are nearer
        start = 1.0 if scale == "count" else 0.0
        return bent_ticks("linear", max(10**low - start, 0.0), 10**high - start)
    return inside[:: max(1, -(-len(inside) // 6))]


def _log(values: Floats) -> Floats:
    return np.log10(np.maximum(values, 1e-12))


def _count(values: Floats) -> Floats:
    return np.log10(1 + values)


BENDS: dict[str, Callable[[Floats], Floats]] = {
    "linear": lambda values: values,
    "whole": lambda values: values,
    "log": _log,
    "count": _count,
}
"""Linear; whole (linear, ticks at whole numbers); log; count: logarithmic in 1 + the number, so that 0 has a place."""
