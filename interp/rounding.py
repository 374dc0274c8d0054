"""Rounds the constants of a circuit as far as a stated error allows."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from interp.circuit import Circuit

Deviation = Callable[[Tensor], Tensor]
"""From constants (copies, constants) to each copy's largest deviation."""

_MOST_DIGITS = 17
"""So many significant digits hold any float64."""
_PROBE = 300
"""The search looks at so many points. What it finds is checked on all of them; the worst join the search."""
_NOTHING = 1e-14
"""Below this share of an output's range rounding is left alone."""
_TOGETHER = 64
"""How many candidate circuits run as one batch."""


def output_scale(outputs: Float[Tensor, "rows outputs"]) -> Float[Tensor, " outputs"]:
    """Returns what deviations are measured in: the range of each output; of a constant one its size, or 1 for zero."""
    spread = outputs.amax(0) - outputs.amin(0)
    size = outputs.abs().amax(0)
    return torch.where(varies(outputs), spread, torch.where(size > 0, size, 1.0))


def varies(outputs: Float[Tensor, "rows outputs"]) -> Bool[Tensor, " outputs"]:
    """Tells which columns differ from row to row by more than rounding."""
    return outputs.amax(0) - outputs.amin(0) > 1e-12 * outputs.abs().amax(0)


def rounded(
    circuit: Circuit,
    table: Float[Tensor, "rows inputs"],
    truth: Float[Tensor, "rows outputs"],
    *,
    scale: Float[Tensor, "rows outputs"],
    error: float,
) -> Circuit:
    """Drops terms and rounds constants while no output moves by more than an error.

    First the terms that matter least go, for half of the error; neurons left without inputs become constants. Then all
    constants get the same number of significant digits, the fewest that stay within the error, and last each
    constant on its own loses whatever digits it can.

    Args:
        circuit: One copy.
        table: Points to stay faithful on, in the table's units.
        truth: What the outputs should be there.
        scale: What a deviation is measured in at each point, > 0.
        error: Largest deviation allowed, as a share of the scale, > 0.
    """
    probe = torch.linspace(0, len(table) - 1, min(_PROBE, len(table))).long().unique()
    allowed = error
    while allowed > _NOTHING:
        found = _search(circuit, table[probe], truth[probe], scale[probe], allowed)
        shares = ((found.run(table)[0] - truth).abs() / scale).amax(1)
        worst = shares.amax().item()
        if worst <= error:
            return found
        probe = torch.cat([probe, shares.topk(min(_PROBE, len(table))).indices]).unique()
        allowed *= min(0.97, max(0.7, (error / worst) ** 0.5))
    return circuit


def _search(circuit: Circuit, table: Tensor, truth: Tensor, scale: Tensor, error: float) -> Circuit:
    def deviation(constants: Tensor) -> Float[Tensor, " copies"]:
        copies = circuit.with_constants(constants)
        return _deviation(copies, table, truth, scale)

    start = circuit.constants()
    kept = _drop(start, _by_effect(start, deviation), deviation, error / 2)
    circuit = circuit.with_constants(kept).folded()
    exact = circuit.constants()
    digits = next(
        (digits for digits in range(1, _MOST_DIGITS) if deviation(_round_all(exact, digits))[0] <= error),
        _MOST_DIGITS,
    )
    constants = _round_all(exact, digits)
    for index in _by_effect(constants, deviation):
        value = exact[0, index].item()
        options = torch.tensor([_round(value, fewer) for fewer in range(1, digits)], dtype=exact.dtype)
        candidates = constants.repeat(len(options), 1)
        candidates[:, index] = options
        fits = deviation(candidates) <= error if len(options) else torch.zeros(0)
        if fits.any():
            first = int(fits.nonzero()[0, 0])
            constants = candidates[first : first + 1]
    return circuit.with_constants(constants)


def _deviation(circuit: Circuit, table: Tensor, truth: Tensor, scale: Tensor) -> Float[Tensor, " copies"]:
    """Returns each copy's largest deviation over points and outputs, in the outputs' scales."""
    return ((circuit.run(table) - truth).abs() / scale).amax((1, 2))


def _by_effect(constants: Tensor, deviation: Deviation) -> list[int]:
    """Returns the constants that are not zero, those first whose loss moves the outputs least."""
    live = constants[0].nonzero()[:, 0]
    effects = []
    for chunk in live.split(_TOGETHER):
        without = constants.repeat(len(chunk), 1)
        without[torch.arange(len(chunk)), chunk] = 0.0
        effects.append(deviation(without))
    return live[torch.cat(effects).argsort()].tolist() if effects else []


def _drop(constants: Tensor, order: Sequence[int], deviation: Deviation, error: float) -> Tensor:
    for index in order:
        without = constants.clone()
        without[0, index] = 0.0
        if deviation(without)[0] <= error:
            constants = without
    return constants


def _round_all(constants: Tensor, digits: int) -> Tensor:
    rounded_row = [_round(value, digits) for value in constants[0].tolist()]
    return torch.tensor([rounded_row], dtype=constants.dtype)


def _round(value: float, digits: int) -> float:
    return float(f"{value:.{digits - 1}e}")
