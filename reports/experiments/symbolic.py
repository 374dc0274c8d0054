"""The published experiments on formulas (section 3.1), on two moons (3.2), and the author's crossing."""

from collections.abc import Callable, Sequence

import pandas as pd

from reports.experiments.arms import Arms
from reports.experiments.claims import Judge, at_least, at_most, every, share_of, some
from reports.experiments.experiment import Experiment, Fast, arms
from reports.experiments.published import Published

MAIN = "l1-local-swap"
"""The arm that is published: all others are what it is compared with."""
_SEPARATE = ("x1 x3 -> y1", "x2 x4 -> y2")


def _separates(row: pd.Series) -> bool:
    return bool(row["groups"] == _SEPARATE)


def _separates_live(row: pd.Series) -> bool:
    return bool(row["live_groups"] == _SEPARATE)


def _has_three_and_two(row: pd.Series) -> bool:
    return ("x2 x4 -> y2", "3 + 2") in zip(row["groups"], row["hidden"], strict=True)


def _reaches(metric: float, *, column: str = "dense_metric") -> Callable[[pd.Series], bool]:
    """Tells of a seed whether its R^2 or accuracy, as trained or pruned, is at least so large."""
    return lambda row: bool(row[column] >= metric)


_fits, _fits_pruned = _reaches(0.999), _reaches(0.999, column="metric")
_tells, _tells_pruned = _reaches(0.99), _reaches(0.99, column="metric")


def _experiment(
    task: str, *, figure: str, about: str, claims: Sequence[Judge], seconds: float | int, note: str, fast: Fast
) -> Experiment:
    """One published task in its five arms, held against the published numbers."""
    return Experiment(
        name=task,
        figure=figure,
        about=about,
        variants=arms(task),
        sections=(Published(MAIN, claims, note=note), Arms()),
        seconds=seconds,
        fast=fast,
        explained=MAIN,
    )


_FAST = Fast(("steps=1000", "net.hidden=[8,8]", "learning_rate=0.015", "swaps.every=50"), seconds=10)

SYMBOLIC = (
    _experiment(
        "independence",
        figure="Section 3.1, independence",
        about="Two functions of four inputs that have nothing in common, (x1 + x3)³ and x2² + sin(π x4): does the net "
        "fall into two?",
        note="The published net has a test error of 7.4e-3. Its notebook run with 100 other initial weights gives a "
        "median of 1.04e-2 and 21 connections; of 60 runs 42 fall into exactly two parts when cut at 0.01.",
        claims=(
            at_most("Smallest test error of any seed, as trained", "dense_loss", 7.4e-3, of="min"),
            at_most("Median test error, as trained", "dense_loss", 1.04e-2, of="median"),
            at_most(
                "Median of weights above 0.01, of seeds with R² of 0.99",
                "live",
                21,
                of="median",
                among=_tells,
            ),
            at_least("Highest R² of any seed, as trained", "dense_metric", 0.999, of="max"),
            share_of("Exactly {x1, x3 → y1} and {x2, x4 → y2} when cut at 0.01", _separates_live, published=(42, 60)),
            every("Exactly these two parts after pruning", _separates, published="two separate parts"),
            some("x2² + sin(π x4) is done by 3 + 2 hidden neurons", _has_three_and_two, published="3 + 2"),
        ),
        seconds=180,
        fast=_FAST,
    ),
    _experiment(
        "feature_sharing",
        figure="Section 3.1, feature sharing",
        about="x1², x1² + x2² and x1² + x2² + x3²: are the squares computed once and shared?",
        note="The published net has a test error of 8.5e-5 with 18 weights above 0.01.",
        claims=(
            at_most("Smallest test error of any seed, as trained", "dense_loss", 8.5e-5, of="min"),
            at_most("Fewest weights above 0.01, of seeds with R² of 0.999", "live", 18, of="min", among=_fits),
            at_least("Highest R² of any seed, as trained", "dense_metric", 0.999, of="max"),
        ),
        seconds=220,
        fast=_FAST,
    ),
    _experiment(
        "compositionality",
        figure="Section 3.1, compositionality",
        about="√((x1 − x2)² + (x3 − x4)²): does the net build the differences, the squares and the root in turn?",
        note="The published net has a test error of 1.3e-3 with 21 weights above 0.01; ten runs of its notebook have a "
        "median of 3.7e-3.",
        claims=(
            at_most("Smallest test error of any seed, as trained", "dense_loss", 1.3e-3, of="min"),
            at_most("Median test error, as trained", "dense_loss", 3.7e-3, of="median"),
            at_most(
                "Fewest weights above 0.01, of seeds no worse than the median published",
                "live",
                21,
                of="min",
                among=lambda row: bool(row["dense_loss"] <= 3.7e-3),
            ),
        ),
        seconds=360,
        fast=Fast(("steps=1500", "net.hidden=[8,8,8]", "learning_rate=0.01", "swaps.every=50"), seconds=15),
    ),
    _experiment(
        "two_moons",
        figure="Section 3.2, two moons",
        about="Two interleaved half circles of points: how few connections tell them apart?",
        note="The published net tells 99 % of the test points apart with 11 weights above 0.01 and 4 + 2 hidden "
        "neurons, and leaves one of the two logits constant. A later remark speaks of 7 weights.",
        claims=(
            at_least("Median test accuracy, as trained", "dense_metric", 0.99, of="median"),
            at_most("Fewest weights above 0.01, of seeds with accuracy 0.99", "live", 11, of="min", among=_tells),
            at_most("Fewest connections, pruned, with accuracy 0.99", "connections", 7, of="min", among=_tells_pruned),
            some("One logit is left constant", lambda row: len(row["constant_outputs"]) == 1, published="yes"),
            some(
                "4 + 2 hidden neurons are enough, for accuracy 0.99",
                lambda row: row["hidden"] == ("4 + 2",) and _tells_pruned(row),
                published="4 + 2",
            ),
        ),
        seconds=150,
        fast=_FAST,
    ),
    _experiment(
        "crossing",
        figure="A wish of the author: (x, y) → (y, x)",
        about="A net that has to exchange its two inputs: it must uncross by moving neurons, for weights alone cannot.",
        note="Nothing is published. Uncrossed, six connections are enough: two chains of three.",
        claims=(
            every(
                "No crossing is left, with R² of 0.999",
                lambda row: row["crossings"] == 0 and _fits_pruned(row),
                published="must uncross",
            ),
            at_most(
                "Median of connections, pruned, of seeds with R² of 0.999",
                "connections",
                6,
                of="median",
                among=_fits_pruned,
            ),
        ),
        seconds=180,
        fast=_FAST,
    ),
)
"""One entry per task."""
