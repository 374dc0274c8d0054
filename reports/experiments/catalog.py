"""Every experiment, by name.

A new one is one more entry in the list below: variants (`experiment.arms` makes the five published ones), sections
(`published.Published`, `arms.Arms`, or any function from `Results` to a `Section`), how long it takes, its fast form.
"""

from collections.abc import Iterable

from bimt.messages import UserError, printable, suggestion
from reports.experiments.experiment import Experiment
from reports.experiments.extrapolation import EXTRAPOLATION
from reports.experiments.images import IMAGES
from reports.experiments.sequences import IN_CONTEXT
from reports.experiments.strength import STRENGTH_SWEEP
from reports.experiments.subtasks import SUBTASKS
from reports.experiments.symbolic import SYMBOLIC
from reports.experiments.three_moons import THREE_MOONS
from reports.experiments.tokens import TOKENS

EVENING = 4 * 3600.0
"""What fits an evening, in seconds: `bimt reproduce --all` takes the quickest experiments until it is full."""


def catalog() -> dict[str, Experiment]:
    """Returns all experiments by name, in the order of the paper.

    Raises:
        ValueError: If two have the same name.
    """
    entries = (*SYMBOLIC, *TOKENS, IN_CONTEXT, IMAGES, STRENGTH_SWEEP, EXTRAPOLATION, *SUBTASKS, THREE_MOONS)
    found = {experiment.name: experiment for experiment in entries}
    if len(found) < len(entries):
        raise ValueError("experiments must have different names")
    return found


def get_experiment(name: str) -> Experiment:
    """Returns the experiment of a name.

    Raises:
        UserError: If there is none.
    """
    known = catalog()
    if name not in known:
        raise UserError(f"unknown experiment {printable(name)}{suggestion(name, known)}")
    return known[name]


def evening(experiments: Iterable[Experiment]) -> tuple[list[Experiment], list[Experiment]]:
    """Divides experiments into those that fit an evening, the quickest first, and the others."""
    fits: list[Experiment] = []
    others: list[Experiment] = []
    total = 0.0
    for experiment in sorted(experiments, key=lambda each: each.seconds):
        total += experiment.seconds
        (fits if total <= EVENING else others).append(experiment)
    return fits, others
