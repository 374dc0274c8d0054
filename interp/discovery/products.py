"""Products of powers, of logarithms' arguments and of exponentials: what fits of log |y| stand for."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from interp.discovery.regression import weighted_sum
from interp.discovery.terms import Term, add, call, evaluate, multiply, negative, number, power, variable

_EXPONENTS = np.array(sorted({sign * value for value in (0, 1 / 3, 0.5, 2 / 3, 1, 1.5, 2, 2.5, 3, 4, 5, 6)
                              for sign in (1, -1)}))  # fmt: skip
"""What exponents of a formula may be."""
_NEAR = 0.03
"""A fitted exponent may be off one of those by so much, or by five standard errors if that is more."""


def product_of(
    terms: Sequence[Term],
    powers_of: Sequence[int],
    columns: Float[np.ndarray, "variables rows"],
    target: Float[np.ndarray, " rows"],
    weights: Float[np.ndarray, " rows"],
) -> Term | None:
    """Returns y as a product whose logarithm is a weighted sum of terms; None if an exponent is no simple number.

    Args:
        terms: Logarithms, whose weights are exponents, and others, which stand in an exponential.
        powers_of: Variables that may come as powers.
        columns: The variables.
        target: y, nowhere zero.
        weights: How much each row counts, as a factor of its error.
    """
    bases = [variable(index) for index in powers_of]
    bases += [term.parts[0].parts[0] for term in terms if term.kind == "log"]
    exponentials = [term for term in terms if term.kind != "log"]
    logs = np.array([np.log(np.abs(evaluate(base, columns))) for base in bases]).reshape(len(bases), len(target))
    others = np.array([np.ones(len(target)), *(evaluate(term, columns) for term in exponentials)])
    wanted = np.log(np.abs(target))
    exponents = _exponents(logs, others, wanted, weights)
    if exponents is None:
        return None
    shares = weighted_sum(others, wanted - exponents @ logs, weights)
    factors = [_raised(base, exponent, columns) for base, exponent in zip(bases, exponents, strict=True) if exponent]
    if exponentials:
        parts = [multiply(number(share, free=True), term) for share, term in zip(shares[1:], exponentials, strict=True)]
        factors.append(call("exp", add(*parts)))
    body = multiply(*factors)
    values = evaluate(body, columns)
    if not np.isfinite(values).all() or not values.any():
        return None
    return multiply(number(float(values @ target / (values @ values)), free=True), body)


def _exponents(
    logs: Float[np.ndarray, "bases rows"],
    others: Float[np.ndarray, "others rows"],
    wanted: Float[np.ndarray, " rows"],
    weights: Float[np.ndarray, " rows"],
) -> Float[np.ndarray, " bases"] | None:
    """Returns the simple exponents next to the fitted ones; None if one is too far from any."""
    everything = np.concatenate([logs, others])
    found = weighted_sum(everything, wanted, weights)
    errors = (wanted - found @ everything) * weights
    scaled = everything * weights
    variance = float(errors @ errors) / max(len(wanted) - len(everything), 1)
    spread = np.sqrt(np.maximum(np.diag(np.linalg.pinv(scaled @ scaled.T)), 0) * variance)[: len(logs)]
    fitted = found[: len(logs)]
    nearest = _EXPONENTS[np.abs(_EXPONENTS - fitted[:, None]).argmin(1)] if len(fitted) else fitted
    return nearest if (np.abs(nearest - fitted) <= np.maximum(_NEAR, 5 * spread)).all() else None


def _raised(base: Term, exponent: float, columns: Float[np.ndarray, "variables rows"]) -> Term:
    """Returns a power that is defined on every row: of a base's negative or its size where that takes it."""
    values = evaluate(base, columns)
    if not float(exponent).is_integer() and not (values > 0).all():
        base = negative(base) if (values < 0).all() else call("abs", base)
    return power(base, float(exponent))
