"""Is the basis privileged: do concepts lie along the single axes of a representation, or across them?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float
from rich.console import Group
from rich.text import Text

from interp.concepts import Concept
from interp.tables import frame_table

_NUMBERS = 4_000_000
"""How many numbers are held at once."""


class Alignment(NamedTuple):
    """One concept and the axis that it fits best."""

    concept: str
    axis: int
    """Its number among the columns."""
    share: float
    """How much of the axis's variance the concept explains, less what it explains of anything: 1 all, 0 chance."""
    rotated: float
    """The same for the best axis after a random rotation, on average."""
    p: float
    """How often the best axis of a rotated representation fits as well."""


@dataclass(frozen=True)
class PrivilegedBasis:
    """How well concepts align with single axes, beside rotations of the same representation."""

    score: float
    """Of each axis the best concept's share, averaged over axes by their variance: 1 if each axis is one concept."""
    rotated: float
    """The score after random rotations, on average."""
    p: float
    """How often a rotated representation has as high a score."""
    alignments: tuple[Alignment, ...]
    """One per concept, in the order given."""
    draws: int
    """How many rotations."""

    def to_json(self) -> dict[str, Any]:
        """Returns what docs/json.md describes under `group`, as `basis`."""
        return {
            "score": self.score,
            "rotated": self.rotated,
            "p": self.p,
            "draws": self.draws,
            "alignments": [each._asdict() for each in self.alignments],
        }

    def to_frame(self) -> pd.DataFrame:
        """Returns one row per concept."""
        return pd.DataFrame(self.alignments, columns=Alignment._fields).set_index("concept")

    def __rich__(self) -> Group:
        """Draws the table, and the score below it."""
        return Group(frame_table(self.to_frame(), title="concepts and single axes"), Text(self.in_words()))

    def in_words(self) -> str:
        """Says the score in a sentence."""
        return f"single axes: {self.score:.3f}; after random rotations {self.rotated:.3f} (p {self.p:.3g})"


def privileged_basis(
    values: Float[np.ndarray, "items axes"],
    concepts: Sequence[Concept],
    *,
    draws: int = 499,
    generator: np.random.Generator,
) -> PrivilegedBasis:
    """Compares the axes of a representation with those of random rotations of it.

    A rotation changes nothing that a linear reader could not undo, but the axes: where they carry concepts better than
    rotated ones, the basis is privileged. An axis's share of a concept is 1 - (1 - s) / (1 - c), s the variance
    that the concept explains over the axis's variance, c = rank / (items - 1) what it explains of random values.

    Args:
        values: One column per axis: neurons, or dimensions of an embedding. Means are taken out.
        concepts: At least one; those that explain everything of anything (c = 1) count 0.
        draws: Rotations, drawn evenly from all.
        generator: Draws them.

    Raises:
        ValueError: If there is no axis or no concept, or there are no draws.

    Example:
        >>> from interp.concepts import make_concept
        >>> random = np.random.default_rng(0)
        >>> values = random.normal(size=(200, 2)) @ np.diag([1.0, 2.0])
        >>> concepts = [make_concept(name, values[:, [axis]]) for axis, name in enumerate("ab")]
        >>> found = privileged_basis(values, concepts, generator=random)
        >>> round(found.score, 3), found.p < 0.01
        (1.0, True)
    """
    if values.shape[1] < 1 or not concepts:
        raise ValueError(
            f"`values` and `concepts` must have an axis and a concept, got {values.shape[1]} and {len(concepts)}"
        )
    if draws < 1:
        raise ValueError(f"`draws` must be at least 1, got {draws}")
    centred = values - values.mean(0)
    axes, items = centred.shape[1], len(centred)
    projected = [each.functions.T @ centred for each in concepts]
    inside = np.stack([each.T @ each for each in projected])
    chance = np.array([each.rank for each in concepts]) / (items - 1)
    shares, score = (each[0] for each in _scored(np.eye(axes)[None], inside, centred.T @ centred, chance))
    rotations = _rotations(draws, axes, generator)
    together = max(1, _NUMBERS // (len(concepts) * axes * axes))
    parts = [
        _scored(some, inside, centred.T @ centred, chance)
        for some in np.split(rotations, range(together, draws, together))
    ]
    rotated = np.concatenate([each.max(2) for each, _ in parts])
    scores = np.concatenate([each for _, each in parts])
    best = shares.argmax(1)
    return PrivilegedBasis(
        score=float(score),
        rotated=float(scores.mean()),
        p=_p_value(float(score), scores),
        alignments=tuple(
            Alignment(
                each.name,
                int(axis),
                float(row[axis]),
                float(others.mean()),
                _p_value(float(row[axis]), others),
            )
            for each, axis, row, others in zip(concepts, best, shares, rotated.T, strict=True)
        ),
        draws=draws,
    )


def _scored(
    rotations: Float[np.ndarray, "draws axes axes"],
    inside: Float[np.ndarray, "concepts axes axes"],
    whole: Float[np.ndarray, "axes axes"],
    chance: Float[np.ndarray, " concepts"],
) -> tuple[Float[np.ndarray, "draws concepts axes"], Float[np.ndarray, " draws"]]:
    """Returns every concept's share of every rotated axis, and the score."""
    variance = np.einsum("dja,jk,dka->da", rotations, whole, rotations, optimize=True)
    explained = ((inside @ rotations[:, None]) * rotations[:, None]).sum(2)
    positive = variance > 1e-12 * max(float(np.trace(whole)), 1e-300)
    shares = np.where(positive[:, None], explained / np.where(positive, variance, 1.0)[:, None], 0.0)
    free = chance < 1 - 1e-9
    scale = np.where(free, 1 - chance, 1.0)[:, None]
    beyond = np.where(free[:, None], 1 - (1 - shares) / scale, 0.0)
    beyond = np.where(positive[:, None], beyond, 0.0)
    total = np.maximum(variance.sum(1), 1e-300)
    return beyond, (beyond.max(1) * variance).sum(1) / total


def _rotations(draws: int, axes: int, generator: np.random.Generator) -> Float[np.ndarray, "draws axes axes"]:
    """Draws orthogonal matrices evenly (Mezzadri 2007, arXiv:math-ph/0609050)."""
    q, r = np.linalg.qr(generator.normal(size=(draws, axes, axes)))
    return q * np.sign(np.einsum("dii->di", r))[:, None]


def _p_value(value: float, others: np.ndarray) -> float:
    return float(1 + (others >= value - 1e-9).sum()) / (1 + len(others))
