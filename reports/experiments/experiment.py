"""What an experiment is: nets to train under some settings, and what is shown and claimed of them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bimt.config import TrainConfig, make_config
from bimt.messages import UserError, printable
from reports.section import Section

MakeSection = Callable[[Any], Section | None]
"""From `Results` to one section of the experiment's page; None where what it shows was not run."""


@dataclass(frozen=True)
class Variant:
    """One training run of an experiment: a task under some settings, a few seeds side by side."""

    label: str
    """Its folder and its anchor: small letters, digits, hyphens."""
    title: str
    """What people call it."""
    task: str
    settings: tuple[str, ...] = ()
    """As `bimt train --set` takes them, after the task's published settings."""
    seeds: int = 20

    def config(self) -> TrainConfig:
        """Returns the configuration to train."""
        return make_config(self.task, settings=self.settings, seeds=self.seeds)


@dataclass(frozen=True)
class Fast:
    """A short form of an experiment: its numbers mean little, but everything runs."""

    settings: tuple[str, ...]
    """Laid over every variant's settings: fewer steps, a smaller net."""
    seconds: float | int
    """How long it takes, as below."""
    seeds: int = 2
    variants: tuple[str, ...] = ()
    """Labels of the variants that are left; none named: all."""


@dataclass(frozen=True)
class Experiment:
    """One published figure, or one question, as data: see `catalog.py`."""

    name: str
    """What `bimt reproduce` is told: small letters, digits, underscores."""
    figure: str
    """Where it is published, or whose question it is."""
    about: str
    """What is asked, in a sentence or two."""
    variants: tuple[Variant, ...]
    sections: tuple[MakeSection, ...]
    """In the order of the page."""
    seconds: float | int
    """How long it takes, measured on one core of a two-core laptop."""
    fast: Fast
    explained: str = ""
    """Label of the variant whose best seed gets a report of its own; none if empty."""
    changed: tuple[str, ...] = ()
    """Settings of all variants, as `key=value`, that are not the catalog's; the page names them."""

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks, each once."""
        return tuple(dict.fromkeys(variant.task for variant in self.variants))

    @property
    def nets(self) -> int:
        """How many nets are trained."""
        return sum(variant.seeds for variant in self.variants)

    def variant(self, label: str) -> Variant:
        """Returns the variant of a label."""
        return next(variant for variant in self.variants if variant.label == label)


def shortened(experiment: Experiment) -> Experiment:
    """Returns the fast form."""
    fast = experiment.fast
    variants = tuple(
        replace(variant, settings=(*variant.settings, *fast.settings), seeds=fast.seeds)
        for variant in experiment.variants
        if not fast.variants or variant.label in fast.variants
    )
    return replace(experiment, variants=variants, seconds=fast.seconds)


def with_seeds(experiment: Experiment, seeds: int) -> Experiment:
    """Returns the experiment with so many seeds of every variant; the time expected grows less than their number."""
    share = seeds * len(experiment.variants) / max(experiment.nets, 1)
    variants = tuple(replace(variant, seeds=seeds) for variant in experiment.variants)
    return replace(experiment, variants=variants, seconds=experiment.seconds * math.sqrt(share))


def with_settings(experiment: Experiment, settings: Sequence[str]) -> Experiment:
    """Returns the experiment with settings, as `key=value`, laid over every variant's own; see `check_settings`."""
    variants = tuple(replace(each, settings=(*each.settings, *settings)) for each in experiment.variants)
    return replace(experiment, variants=variants, changed=(*experiment.changed, *settings))


def check_settings(experiment: Experiment, settings: Sequence[str]) -> None:
    """Makes sure that settings of all variants leave alone what makes them what they are called.

    Args:
        experiment: As the catalog has it, not its short form, whose settings may be changed.
        settings: As `key=value`.

    Raises:
        UserError: If one of them is the seeds, or a setting of the variants' own.
    """
    own = [_key(text) for variant in experiment.variants for text in variant.settings]
    for key in map(_key, settings):
        if key == "seeds":
            raise UserError("--set must leave seeds to --seeds")
        if any(f"{one}.".startswith(f"{other}.") for each in own for one, other in ((key, each), (each, key))):
            raise UserError(
                f"--set must leave {printable(key)} as it is, for the runs of {experiment.name} are named after it; "
                "train with another value by bimt train"
            )


def _key(text: str) -> str:
    return text.partition("=")[0]


def arms(task: str, settings: Sequence[str] = (), *, seeds: int = 20, prefix: str = "") -> tuple[Variant, ...]:
    """Returns the five published ways of training a task: what each ingredient is worth.

    Args:
        task: Its name.
        settings: Settings of all five, as `key=value`; the arms' own come after them.
        seeds: Seeds of each.
        prefix: Stands before the labels, where an experiment has the arms of several tasks.

    Returns:
        No price (`none`), L1, L1 and local, L1 and swap (neurons move to where connections are short, yet length is
        free while weights are trained), L1 and local and swap: the published train_type 1 to 5.

    Example:
        >>> [variant.label for variant in arms("independence")]
        ['none', 'l1', 'l1-local', 'l1-swap', 'l1-local-swap']
    """
    return tuple(Variant(prefix + label, title, task, (*settings, *own), seeds) for label, (title, own) in ARMS.items())


_FIXED, _PLAIN = "swaps.method=none", "cost.distance_scale=0"
ARMS: dict[str, tuple[str, tuple[str, ...]]] = {
    "none": ("no price", ("cost.strength=0", _FIXED)),
    "l1": ("L1", (_PLAIN, _FIXED)),
    "l1-local": ("L1 + local", (_FIXED,)),
    "l1-swap": ("L1 + swap", (_PLAIN,)),
    "l1-local-swap": ("L1 + local + swap", ()),
}
"""Label, title and settings of the five arms."""
