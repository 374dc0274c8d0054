"""Circles in an embedding: which ones there are, and whether what a net says of one alone is a clock's or a pizza's.

A circle is two directions of the embedding on which the tokens stand like the hours of a clock, `frequency` hours
apart. (Zhong et al. 2023, arXiv:2306.17844, section 4.)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from interp.addition import PairNet

MOST = 20
"""How many principal components are looked at, as published."""
_NEGLIGIBLE = 1e-9
"""Components with a smaller share of the variance are rounding."""


class Components(NamedTuple):
    """The principal components of an embedding, largest first; what is rounding only is left out."""

    mean: Float[np.ndarray, " dims"]
    scores: Float[np.ndarray, "tokens components"]
    """Where each token stands along each component."""
    axes: Float[np.ndarray, "components dims"]
    """Orthonormal."""
    shares: Float[np.ndarray, " components"]
    """Of the variance."""


class Formulas(NamedTuple):
    """How much of what a net says of one circle alone is said by three formulas.

    Each is 2 r - 1, with r the correlation over all pairs and classes: the published figure, which is the explained
    variance where both sides are scaled to variance one. -1 where they have nothing to do with each other.
    """

    clock: float
    """cos w(a + b - c)"""
    pizza: float
    """2 |cos w(a - b)/2| (|cos w(a + b - c)/2| - |sin w(a + b - c)/2|)"""
    accompanying: float | None
    """-cos w(a - b) cos w(a + b - c), with w of the circle that this one accompanies; None for a circle of its own."""


@dataclass(frozen=True)
class Circle:
    """One circle."""

    frequency: int
    """1 to (p - 1) / 2: neighbouring tokens stand 2 pi frequency / p apart."""
    power: float
    """Share of the embedding's variance."""
    purity: float
    """How much of the two components is of this frequency, the mean of both; 1 for an exact circle."""
    components: tuple[int, int] | None
    """Which principal components, from 1; None where it was picked by its frequency."""
    main: int | None
    """The frequency of the circle that this one accompanies, whose double it is; None for a circle of its own."""
    fve: Formulas
    """The net keeps this circle only: published figures."""

    @property
    def r2_clock(self) -> float:
        """The squared correlation with the clock's formula."""
        return ((self.fve.clock + 1) / 2) ** 2

    @property
    def r2_pizza(self) -> float:
        """The squared correlation with the pizza's formula."""
        return ((self.fve.pizza + 1) / 2) ** 2


def principal_components(values: Float[np.ndarray, "tokens dims"], *, most: int = MOST) -> Components:
    """Returns the first principal components of an embedding, every token counted once."""
    mean = values.mean(0)
    left, sizes, axes = np.linalg.svd(values - mean, full_matrices=False)
    shares = sizes**2 / max(float((sizes**2).sum()), np.finfo(np.float64).tiny)
    kept = min(int((shares > _NEGLIGIBLE).sum()), most)
    return Components(mean, (left * sizes)[:, :kept], axes[:kept], shares[:kept])


def frequency_shares(
    scores: Float[np.ndarray, "tokens components"], modulus: int, *, starts: Sequence[int] = (0,)
) -> Float[np.ndarray, "freqs components"]:
    """Returns which share of each component is a wave of each frequency 1 to (p - 1) / 2 (p / 2 where p is even).

    2 |sum over t of v_t exp(2 pi i k t / p)|^2 / (p sum of v^2), as published, clamped to [0, 1]; the sum of squares is
    over all tokens, also those beyond the first p.

    Args:
        scores: Of every token.
        modulus: p.
        starts: Where runs of p tokens begin, whose waves are added up: the first p, as published, or every operand's.
    """
    waves = sum(np.abs(np.fft.fft(scores[start : start + modulus], axis=0)) ** 2 for start in starts)
    twice = wave_counts(modulus)[:, None]
    energy = np.maximum((scores**2).sum(0), np.finfo(np.float64).tiny)
    return np.clip(twice * np.asarray(waves)[1 : modulus // 2 + 1] / (modulus * energy), 0, 1)


def wave_counts(modulus: int) -> Float[np.ndarray, " freqs"]:
    """Returns how many terms of a Fourier transform are a wave of each frequency: 2, and 1 where it is p / 2."""
    return np.where(2 * np.arange(1, modulus // 2 + 1) == modulus, 1.0, 2.0)


def circularity(vocabulary: Float[np.ndarray, "tokens dims"], modulus: int, *, most: int = 4) -> float:
    """Returns how circular an embedding is: the mean over the first components of their largest share of one frequency.

    Four components, as published, or as many as there are; 0 where tokens do not differ. Where operands have tokens of
    their own only the first p of them are seen, so judge halves by themselves.
    """
    scores = principal_components(vocabulary, most=most).scores
    return float(frequency_shares(scores, modulus).max(0).mean()) if scores.shape[1] else 0.0


def component_circles(pairs: PairNet, *, least: float = 0.5) -> tuple[Circle, ...]:
    """Pairs up principal components, (1, 2), (3, 4) and so on, and isolates each circle, as published.

    Args:
        pairs: The net.
        least: Two components make a circle if both have their largest share at one frequency, and each at least this.
    """
    parts = principal_components(pairs.vocabulary)
    starts = range(0, len(pairs.halves) * pairs.modulus, pairs.modulus)
    shares = frequency_shares(parts.scores, pairs.modulus, starts=starts)
    found: list[Circle] = []
    for first in range(0, shares.shape[1] - 1, 2):
        both = shares[:, first : first + 2]
        peaks = both.argmax(0)
        if peaks[0] == peaks[1] and both[peaks[0]].min() >= least:
            alone = parts.mean + parts.scores[:, first : first + 2] @ parts.axes[first : first + 2]
            found.append(
                _circle(
                    pairs,
                    alone,
                    frequency=int(peaks[0]) + 1,
                    power=float(parts.shares[first : first + 2].sum()),
                    purity=float(both[peaks[0]].mean()),
                    components=(first + 1, first + 2),
                    others=found,
                )
            )
    return tuple(found)


def frequency_circles(pairs: PairNet, *, least: float = 0.02) -> tuple[Circle, ...]:
    """Isolates circles by their frequency: what is left of the embedding is its mean and one wave.

    Needs no pairs of components, which break where two circles are equally large.

    Args:
        pairs: The net.
        least: The smallest share of the embedding's variance that counts.
    """
    p = pairs.modulus
    powers = frequency_powers(pairs)
    found: list[Circle] = []
    for index in np.argsort(-powers, kind="stable"):
        if powers[index] >= least and 2 * (index + 1) != p:
            found.append(
                _circle(
                    pairs,
                    _wave_only(pairs, int(index) + 1),
                    frequency=int(index) + 1,
                    power=float(powers[index]),
                    purity=1.0,
                    components=None,
                    others=found,
                )
            )
    return tuple(found)


def frequency_powers(pairs: PairNet) -> Float[np.ndarray, " freqs"]:
    """Returns which share of the embedding's variance every frequency has, both operands together; sums to 1."""
    halves = [half - half.mean(0) for half in pairs.halves]
    energy = [(half**2).sum(0) for half in halves]
    waves = [frequency_shares(half, pairs.modulus) @ each for half, each in zip(halves, energy, strict=True)]
    total = sum(each.sum() for each in energy)
    return np.asarray(sum(waves) / total) if total > 0 else np.zeros(pairs.modulus // 2)


def joint_fit(pairs: PairNet, circles: Sequence[Circle]) -> float | None:
    """Returns how much of all logits one sum of the clocks' and pizzas' formulas of all circles explains: R^2.

    None without a circle, or where logits do not differ.
    """
    frequencies = sorted({circle.frequency for circle in circles})
    logits = centred(pairs.logits[..., : pairs.modulus])
    if not frequencies or not (logits**2).sum() > 0:
        return None
    columns = [centred(make(pairs.modulus, k)).ravel() for k in frequencies for make in (clock, pizza)]
    design = np.stack([column - column.mean() for column in columns], axis=1)
    target = logits.ravel() - logits.mean()
    fitted = design @ np.linalg.lstsq(design, target, rcond=None)[0]
    return 1 - float(((target - fitted) ** 2).sum() / (target**2).sum())


def centred(logits: Float[np.ndarray, "a b classes"]) -> Float[np.ndarray, "a b classes"]:
    """Takes each pair's mean over the classes away, which no softmax sees."""
    return logits - logits.mean(-1, keepdims=True)


def clock(modulus: int, frequency: int, phase: float = 0.0) -> Float[np.ndarray, "a b c"]:  # noqa: ARG001
    """What a clock says: cos w(a + b - c)."""
    return np.cos(_angle(modulus, frequency)[0])


def pizza(modulus: int, frequency: int, phase: float = 0.0) -> Float[np.ndarray, "a b c"]:
    """What the published pizza says: 2 |cos w(a - b)/2| (|cos w(a + b - c)/2| - |sin w(a + b - c)/2|).

    Args:
        modulus: p.
        frequency: w = 2 pi frequency / p.
        phase: Added to w(a - b), radians: where operands have tokens of their own, minus the phase of b's to a's.
    """
    total, apart = _angle(modulus, frequency)
    half = total / 2
    return 2 * np.abs(np.cos((apart + phase) / 2)) * (np.abs(np.cos(half)) - np.abs(np.sin(half)))


def accompanying(modulus: int, frequency: int, phase: float = 0.0) -> Float[np.ndarray, "a b c"]:
    """What the circle of the double frequency adds to a pizza of this one: -2 cos w(a - b) cos w(a + b - c)."""
    total, apart = _angle(modulus, frequency)
    return -2 * np.cos(apart + phase) * np.cos(total)


def _angle(modulus: int, frequency: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns w(a + b - c), and w(a - b) with a last axis of length one."""
    a, b, c = np.ogrid[:modulus, :modulus, :modulus]
    w = 2 * np.pi * frequency / modulus
    return w * (a + b - c), w * (a - b)


def explained(logits: Float[np.ndarray, "a b c"], formula: Float[np.ndarray, "a b c"]) -> float:
    """Returns 2 r - 1, the published figure; -1 where one of the two does not vary."""
    one, other = (values - values.mean() for values in (logits, formula))
    size = float(np.sqrt((one**2).sum() * (other**2).sum()))
    return 2 * float((one * other).sum()) / size - 1 if size > 0 else -1.0


def phase_between(pairs: PairNet, frequency: int) -> float:
    """Returns how far the second operand's circle is turned against the first's, radians; 0 where they share one."""
    if len(pairs.halves) == 1:
        return 0.0
    waves = [np.fft.fft(half - half.mean(0), axis=0)[frequency] for half in pairs.halves]
    return float(np.angle((waves[1] * waves[0].conj()).sum()))


def _circle(
    pairs: PairNet,
    alone: Float[np.ndarray, "vocabulary dims"],
    *,
    frequency: int,
    power: float,
    purity: float,
    components: tuple[int, int] | None,
    others: Sequence[Circle],
) -> Circle:
    p = pairs.modulus
    doubles = {min(2 * other.frequency % p, -2 * other.frequency % p): other.frequency
               for other in others if other.main is None}  # fmt: skip
    main = doubles.get(frequency)
    logits = pairs.embedded(alone).logits[..., :p]
    turned = {each: -phase_between(pairs, each) for each in (frequency, main) if each is not None}
    fve = Formulas(
        clock=explained(logits, clock(p, frequency)),
        pizza=explained(logits, pizza(p, frequency, turned[frequency])),
        accompanying=None if main is None else explained(logits, accompanying(p, main, turned[main])),
    )
    return Circle(frequency, power, purity, components, main, fve)


def _wave_only(pairs: PairNet, frequency: int) -> Float[np.ndarray, "vocabulary dims"]:
    """Returns the vocabulary with the mean and one wave of every half left; other tokens stay what they are."""
    p, result = pairs.modulus, pairs.vocabulary.copy()
    angle = 2 * np.pi * frequency * np.arange(p) / p
    basis = np.stack([np.cos(angle), np.sin(angle)]) * np.sqrt(2 / p)
    for start, half in enumerate(pairs.halves):
        result[start * p : (start + 1) * p] = half.mean(0) + basis.T @ (basis @ (half - half.mean(0)))
    return result
