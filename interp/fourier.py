"""Clock or pizza: which algorithm a net has learnt for adding two numbers modulo p.

Run as `python -m interp.fourier CKPT`.
"""

import random
from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from rich.console import Group, RenderableType
from rich.text import Text
from scipy.special import log_softmax

from interp.addition import PairNet
from interp.circles import (
    Circle,
    centred,
    circularity,
    component_circles,
    frequency_circles,
    frequency_powers,
    joint_fit,
    phase_between,
    wave_counts,
)
from interp.sparse import Neuron
from interp.tables import frame_table

Verdict = Literal["clock", "pizza", "unclear", "not circular", "not accurate"]
CIRCULAR, SYMMETRIC, RELEVANT, ACCURATE = 0.995, 0.98, 0.6, 1.0
"""A net is judged if its circularity is at least the first and its accuracy on all pairs the last. It is a pizza if
gradient symmetricity is above the second and distance irrelevance below the third, a clock if neither, else unclear."""
_PUBLISHED_TRIPLES = 100
_PAIRS = 400
"""Pairs whose gradients are worked out at once."""


@dataclass(frozen=True)
class Metrics:
    """The published measures of one net (Zhong et al. 2023, arXiv:2306.17844, section 4)."""

    verdict: Verdict
    accuracy: float
    """On all pairs, whether trained on or not; the largest of all logits must be the right one."""
    gradient_symmetricity: float
    """Mean cosine between the gradients of a logit with respect to the two embeddings, over all pairs and classes."""
    gradient_symmetricity_100: float
    """The same over 100 triples: the published ones where p = 59, drawn likewise for another modulus."""
    distance_irrelevance: float
    """Spread of the right logit over sums at equal difference, over its whole spread: near 1 the difference of the
    operands does not matter, near 0 it decides. 1 where all right logits are equal, as an exact clock's."""
    distance_irrelevance_largest_wrong: float
    """The same of the largest wrong logit: what the published tables hold."""
    circularity: float
    """See `interp.circles.circularity`."""
    circularity_halves: tuple[float, ...]
    """Of each operand's tokens by themselves; empty where they share them."""
    sees_only_sums: bool
    """Whether the wiring adds both embeddings up before all else: gradient symmetricity is 1 whatever is learnt."""

    @property
    def judged_circularity(self) -> float:
        """What the verdict looks at: the less circular operand's where each has tokens of its own."""
        return min(self.circularity_halves, default=self.circularity)


@dataclass(frozen=True, eq=False)
class ModuleMetrics:
    """What one module by itself says: all others' connections into the outputs cut, no bias there."""

    name: str
    dimensions: int
    """Embedding dimensions in the module."""
    metrics: Metrics
    """No accuracy is asked for; circularity is over at most as many components as there are dimensions."""
    frequencies: tuple[int, ...]
    """Those with at least a tenth of the variance of its embedding, largest first."""


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Everything that is measured of one net that adds."""

    modulus: int
    metrics: Metrics
    frequencies: tuple[int, ...]
    """Those with at least a fiftieth of the embedding's variance, largest first."""
    powers: Float[np.ndarray, " freqs"]
    """Share of the embedding's variance, frequency by frequency from 1."""
    logit_powers: Float[np.ndarray, " freqs"]
    """Share of the logits' variance that is a wave of a + b - c, frequency by frequency from 1."""
    circles: tuple[Circle, ...]
    """By principal components, as published."""
    frequency_circles: tuple[Circle, ...]
    """By frequency."""
    joint_r2: float | None
    """How much of all logits the clocks and pizzas of all circles explain together."""
    phases: tuple[float, ...]
    """For each frequency how far the second operand's circle is turned, radians; empty where operands share tokens."""
    loss: float
    """Cross-entropy over all pairs."""
    restricted_loss: float
    """The same with only the waves of a + b of these frequencies left in the logits (Nanda et al. 2023,
    arXiv:2301.05217); low for clocks and pizzas alike."""
    excluded_loss: float
    """The same with these waves taken out; high for both."""
    modules: tuple[ModuleMetrics, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Returns what docs/json.md describes under `fourier`, less what the command knows of the checkpoint."""
        head = asdict(self.metrics) | {"circularity_halves": self.metrics.circularity_halves or None}
        return {
            **head,
            "modulus": self.modulus,
            "frequencies": list(self.frequencies),
            "circles": [_circle_json(circle) for circle in self.circles],
            "frequency_circles": [_circle_json(circle) for circle in self.frequency_circles],
            "joint_r2": self.joint_r2,
            "phases": list(self.phases) or None,
            "loss": self.loss,
            "restricted_loss": self.restricted_loss,
            "excluded_loss": self.excluded_loss,
            "modules": [
                {
                    "name": module.name,
                    "dimensions": module.dimensions,
                    "frequencies": list(module.frequencies),
                    **(asdict(module.metrics) | {"circularity_halves": module.metrics.circularity_halves or None}),
                }
                for module in self.modules
            ],
        }

    def to_frame(self) -> pd.DataFrame:
        """Returns one row for the net and one for each module."""
        rows = {"net": self.metrics} | {f"module {module.name}": module.metrics for module in self.modules}
        kinds = {name: (self.frequencies if name == "net" else ()) for name in rows}
        kinds |= {f"module {module.name}": module.frequencies for module in self.modules}
        return pd.DataFrame(
            [
                {
                    "": name,
                    "verdict": row.verdict,
                    "accuracy": row.accuracy,
                    "gradient symmetricity": row.gradient_symmetricity,
                    "distance irrelevance": row.distance_irrelevance,
                    "circularity": row.judged_circularity,
                    "frequencies": ", ".join(map(str, kinds[name])),
                }
                for name, row in rows.items()
            ]
        ).set_index("")

    def __rich__(self) -> Group:
        """Draws the tables, the verdict first."""
        parts: list[RenderableType] = [
            frame_table(self.to_frame(), title=f"addition modulo {self.modulus}: {self.metrics.verdict}"),
            frame_table(_circles_frame((*self.circles, *self.frequency_circles)), title="circles, each alone"),
        ]
        if self.metrics.sees_only_sums:
            parts.append(
                Text("The net sees only the sum of both embeddings: its gradient symmetricity is 1 by architecture.")
            )
        parts.append(
            Text(
                f"Loss {self.loss:.3g}; {self.restricted_loss:.3g} with only these frequencies in the logits, "
                f"{self.excluded_loss:.3g} without them (this tells no clock from a pizza)."
            )
        )
        return Group(*parts)


def measure_net(pairs: PairNet, *, needs_accuracy: bool = True) -> Metrics:
    """Measures one net.

    Args:
        pairs: The net.
        needs_accuracy: False judges also what is wrong on some pairs (a module by itself).
    """
    p, logits = pairs.modulus, pairs.logits
    answers = np.add.outer(np.arange(p), np.arange(p)) % p
    accuracy = float((logits.argmax(-1) == answers).mean())
    right = np.take_along_axis(logits, answers[..., None], axis=-1)[..., 0]
    wrong = logits.copy()
    np.put_along_axis(wrong, answers[..., None], -np.inf, axis=-1)
    cosines = gradient_cosines(pairs)
    symmetricity = float(cosines.mean())
    halves = tuple(circularity(half, p) for half in pairs.halves) if len(pairs.halves) > 1 else ()
    whole = circularity(pairs.vocabulary, p)
    irrelevance = distance_irrelevance(right)
    return Metrics(
        verdict=_verdict(
            symmetricity, irrelevance, min(halves, default=whole), accuracy if needs_accuracy else ACCURATE
        ),
        accuracy=accuracy,
        gradient_symmetricity=symmetricity,
        gradient_symmetricity_100=float(cosines[tuple(published_triples(p).T)].mean()),
        distance_irrelevance=irrelevance,
        distance_irrelevance_largest_wrong=distance_irrelevance(wrong.max(-1)),
        circularity=whole,
        circularity_halves=halves,
        sees_only_sums=pairs.sees_only_sums,
    )


def find_spectrum(pairs: PairNet, modules: tuple[ModuleMetrics, ...] = ()) -> Spectrum:
    """Measures a net, its circles and its logits.

    Args:
        pairs: The net.
        modules: Of its modules, as `measure_module` returns them.
    """
    powers = frequency_powers(pairs)
    frequencies = _largest(powers, least=0.02)
    circles = component_circles(pairs)
    by_frequency = frequency_circles(pairs)
    losses = _losses(pairs, frequencies)
    return Spectrum(
        modulus=pairs.modulus,
        metrics=measure_net(pairs),
        frequencies=frequencies,
        powers=powers,
        logit_powers=_logit_powers(pairs),
        circles=circles,
        frequency_circles=by_frequency,
        joint_r2=joint_fit(pairs, by_frequency),
        phases=tuple(phase_between(pairs, k) for k in frequencies) if len(pairs.halves) > 1 else (),
        loss=losses[0],
        restricted_loss=losses[1],
        excluded_loss=losses[2],
        modules=modules,
    )


def measure_module(name: str, pairs: PairNet, neurons: Collection[Neuron]) -> ModuleMetrics:
    """Judges one module by itself.

    Args:
        name: Of the module.
        pairs: The net in which it alone speaks to the outputs (see `interp.contributions.speakers`).
        neurons: Its neurons: of the embedding only theirs is looked at.
    """
    own = pairs.restricted(neurons)
    powers = frequency_powers(own)
    site = own.tables[0].target
    return ModuleMetrics(
        name=name,
        dimensions=sum(neuron.site == site for neuron in neurons),
        metrics=measure_net(own, needs_accuracy=False),
        frequencies=_largest(powers, least=0.1),
    )


def gradient_cosines(pairs: PairNet) -> Float[np.ndarray, "a b c"]:
    """Returns the cosine between the gradients of logit c with respect to the embeddings of a and of b.

    0 where one of the two is zero. c need not be the sum.
    """
    p = pairs.modulus
    found = []
    for part in np.array_split(np.arange(p * p), max(p * p // _PAIRS, 1)):
        both = pairs.gradients(part)
        size = np.linalg.norm(both, axis=-1).prod(1)
        product = np.einsum("crd,crd->cr", both[:, 0], both[:, 1])
        found.append(np.where(size > 0, product / np.where(size > 0, size, 1.0), 0.0).T)
    return np.concatenate(found).reshape(p, p, p)


def published_triples(modulus: int) -> Int[np.ndarray, "triples 3"]:
    """Returns the triples (a, b, c) that the published code draws: 100 of all, by `random.Random(42).shuffle`."""
    triples = list(range(modulus**3))  # in the order of (a, b, c): shuffling depends on how many there are only
    random.Random(42).shuffle(triples)  # noqa: S311 - as published
    return np.stack(np.unravel_index(triples[:_PUBLISHED_TRIPLES], (modulus,) * 3), axis=1)


def distance_irrelevance(values: Float[np.ndarray, "a b"]) -> float:
    """Returns the mean over differences a - b of the spread over sums a + b, over the spread of all values.

    1 where all values are equal up to rounding.
    """
    p = len(values)
    a, b = np.indices(values.shape)
    by_sum = np.empty_like(values)
    by_sum[(a + b) % p, (a - b) % p] = values
    if p % 2 == 0:  # sum and difference have one parity there, and do not tell a pair from (a + p/2, b + p/2)
        by_sum = np.stack([values[(a - b) % p == difference] for difference in range(p)], axis=1)
    whole = float(values.std())
    return float(by_sum.std(0).mean()) / whole if whole > 1e-12 * float(np.abs(values).max()) else 1.0


def _verdict(symmetricity: float, irrelevance: float, circular: float, accuracy: float) -> Verdict:
    if accuracy < ACCURATE:
        return "not accurate"
    if circular < CIRCULAR:
        return "not circular"
    if symmetricity > SYMMETRIC and irrelevance < RELEVANT:
        return "pizza"
    return "clock" if symmetricity <= SYMMETRIC and irrelevance >= RELEVANT else "unclear"


def _largest(powers: Float[np.ndarray, " freqs"], *, least: float) -> tuple[int, ...]:
    return tuple(int(index) + 1 for index in np.argsort(-powers, kind="stable") if powers[index] >= least)


def _logit_powers(pairs: PairNet) -> Float[np.ndarray, " freqs"]:
    """Averages the logits over all pairs and classes with the same a + b - c, and takes the waves of what is left."""
    p = pairs.modulus
    logits = centred(pairs.logits[..., :p])
    a, b, c = np.indices(logits.shape)
    profile = np.bincount(((a + b - c) % p).ravel(), weights=logits.ravel(), minlength=p) / p**2
    waves = np.abs(np.fft.fft(profile)[1 : p // 2 + 1]) ** 2
    variance = float((logits**2).mean())
    return wave_counts(p) * waves / p**2 / variance if variance > 0 else np.zeros(p // 2)


def _losses(pairs: PairNet, frequencies: tuple[int, ...]) -> tuple[float, float, float]:
    """Returns the loss of all logits, of their waves of a + b of some frequencies only, and of all but these."""
    p, logits = pairs.modulus, pairs.logits[..., : pairs.modulus]
    sums = np.add.outer(np.arange(p), np.arange(p)).ravel()
    flat = logits.reshape(p * p, p)
    angles = 2 * np.pi * np.outer(sums, frequencies) / p
    scale = np.where(2 * np.array(frequencies) == p, 1.0, np.sqrt(2)) / p  # that of p / 2 has no sine
    basis = np.concatenate([np.cos(angles) * scale, np.sin(angles) * scale], axis=1)
    waves = basis @ (basis.T @ flat)
    kept = waves + flat.mean(0)
    return tuple(float(-log_softmax(each, axis=1)[np.arange(p * p), sums % p].mean())
                 for each in (flat, kept, flat - waves))  # type: ignore[return-value]  # fmt: skip


def _circle_json(circle: Circle) -> dict[str, Any]:
    return {
        "frequency": circle.frequency,
        "power": circle.power,
        "purity": circle.purity,
        "components": circle.components,
        "main": circle.main,
        "fve_clock": circle.fve.clock,
        "fve_pizza": circle.fve.pizza,
        "fve_accompanying": circle.fve.accompanying,
        "r2_clock": circle.r2_clock,
        "r2_pizza": circle.r2_pizza,
    }


def _circles_frame(circles: tuple[Circle, ...]) -> pd.DataFrame:
    names = [
        "by frequency" if circle.components is None else "components {}, {}".format(*circle.components)
        for circle in circles
    ]
    rows = [
        (
            name,
            circle.frequency,
            circle.power,
            circle.fve.clock,
            circle.fve.pizza,
            "" if circle.main is None else f"{circle.fve.accompanying:.4f} of {circle.main}",
        )
        for name, circle in zip(names, circles, strict=True)
    ]
    return pd.DataFrame(
        rows, columns=["circle", "frequency", "share of variance", "FVE clock", "FVE pizza", "FVE accompanying"]
    ).set_index("circle")


if __name__ == "__main__":
    from bimt.cli import run
    from interp.commands import fourier as command

    raise SystemExit(run(command))
