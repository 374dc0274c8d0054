"""How good a pruned seed is to read: one score from its error, its size, its lengths and its crossings."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace

import numpy as np

from bimt.cost import link_lengths
from bimt.messages import UserError, printable, suggestion
from bimt.tasks.base import Task
from interp.features import on_sheets
from interp.graph import link_crossings
from interp.rows import run_rows
from interp.sparse import SparseNet, joined

GATE = 0.05
"""A seed whose training metric is below the best one's by more than this share of it scores 0, however small it is."""


@dataclass(frozen=True)
class Weights:
    """How much each term of the score counts; only their ratios matter."""

    metric: float = 1.0
    """Of the error on the training split."""
    connections: float = 1.0
    """Of how many connections are kept."""
    length: float = 0.5
    """Of how long they are on average."""
    crossings: float = 0.5
    """Of how many crossings there are per connection."""


@dataclass(frozen=True)
class Traits:
    """What the score is made of: it can be had of a pruned seed without any null model, and without the test split."""

    seed: int
    """Its label."""
    train_metric: float
    """R^2 or accuracy on the training split, pruned."""
    floor: float
    """Differences in the metric below this mean nothing: the tolerance of pruning; of accuracies at least one row."""
    connections: int
    """Kept ones; tied ones once."""
    length: float
    """Summed over them."""
    crossings: int
    """Pairs that cross; 0 on sheets, where lines hardly ever meet."""


def make_weights(settings: Sequence[str] = ()) -> Weights:
    """Returns the default weights, changed by settings such as "metric=2".

    Raises:
        UserError: If a setting names no term, a weight is no number from 0 upwards, or all of them are 0.

    Example:
        >>> make_weights(["length=0", "metric=2"])
        Weights(metric=2.0, connections=1.0, length=0.0, crossings=0.5)
    """
    names = [field.name for field in fields(Weights)]
    weights = Weights()
    for setting in settings:
        name, _, text = setting.partition("=")
        if name not in names:
            raise UserError(f"--weight must be term=number, got {printable(setting)}{suggestion(name, names)}")
        weights = replace(weights, **{name: _number(name, text)})
    check_weights(weights)
    return weights


def check_weights(weights: Weights) -> None:
    """Refuses weights that order nothing.

    Raises:
        UserError: If one is no number from 0 upwards, or all of them are 0.
    """
    values = asdict(weights)
    for name, value in values.items():
        if not (math.isfinite(value) and value >= 0):
            raise UserError(f"the weight of {name} must be a number from 0 upwards, got {value}")
    if not any(values.values()):
        raise UserError("at least one weight must be above 0: all of them are 0, and every seed would score the same")


def traits(sparse: SparseNet, task: Task) -> Traits:
    """Measures of a pruned seed what its score is made of, in a millisecond or two where nets are small."""
    metric = task.metric(run_rows(sparse.net, task.train.inputs), task.train.targets[None]).item()
    one_row = 1 / max(len(task.train), 1) if task.kind == "classification" else 0.0
    return Traits(
        seed=sparse.label,
        train_metric=metric,
        floor=max(sparse.tolerance, one_row),
        connections=sparse.connections,
        length=kept_lengths(sparse)[0],
        crossings=0 if on_sheets(sparse.net) else _crossings(sparse),
    )


def kept_lengths(sparse: SparseNet) -> tuple[float, float]:
    """Returns the summed length of the kept connections, and that of |w| * length."""
    net, length, wiring = sparse.net, 0.0, 0.0
    for link in net.wiring.distinct_links():
        lengths = link_lengths(net, link) * link.view(sparse.kept[link.parameter])
        length += lengths.sum().item()
        wiring += (lengths * net.weight(link).abs()).sum().item()
    return length, wiring


def scores(seeds: Sequence[Traits], weights: Weights | None = None) -> dict[int, float]:
    """Scores the seeds of a checkpoint, from 0 to 1: the weighted geometric mean of what each takes beside the least.

    Every seed has four numbers, each the better the smaller:

        metric       1 - its training metric + floor
        connections  1 + its connections
        length       1 + their mean length
        crossings    1 + crossings per connection

    and score = product over terms of (smallest of all seeds / its own) ** (weight / sum of weights). Twice the error
    costs as much as twice the connections where both weigh the same, and the order of two seeds does not depend on a
    third. But a seed whose training metric falls short of the best one's by more than a twentieth of it scores 0:
    being small does not make up for not having learned. The test split is not asked.

    Args:
        seeds: Of one checkpoint.
        weights: None for the defaults.

    Returns:
        The score of every seed by its label, in the order given; 1 is the best in every term.
    """
    weights = Weights() if weights is None else weights
    best = max((seed.train_metric for seed in seeds), default=0.0)
    passing = [seed for seed in seeds if seed.train_metric >= best - GATE * abs(best)]
    powers = np.array(list(asdict(weights).values()))
    powers = powers / powers.max()  # the sum of huge ones would be infinite
    costs = np.array([_costs(seed) for seed in passing]).reshape(len(passing), len(powers))
    shares = (np.log(costs / costs.min(0, initial=np.inf)) * (powers / powers.sum())).sum(1)
    found = {seed.seed: float(np.exp(-share)) for seed, share in zip(passing, shares, strict=True)}
    return {seed.seed: found.get(seed.seed, 0.0) for seed in seeds}


def in_order(seeds: Sequence[Traits], weights: Weights | None = None) -> tuple[Traits, ...]:
    """Returns the seeds, the highest score first; of equal ones that with fewer connections, then the lower label.

    Those that score 0 come last, the higher training metric first.
    """
    score = scores(seeds, weights)

    def key(seed: Traits) -> tuple[float, float, int, int]:
        own = score[seed.seed]
        return -own, 0.0 if own else -seed.train_metric, seed.connections, seed.seed

    return tuple(sorted(seeds, key=key))


def _costs(seed: Traits) -> tuple[float, float, float, float]:
    """Returns the four numbers of the score, in the order of the weights."""
    count = max(seed.connections, 1)
    error = max(1 - seed.train_metric, 0.0) + seed.floor
    return error, 1.0 + seed.connections, 1 + seed.length / count, 1 + seed.crossings / count


def _crossings(sparse: SparseNet) -> int:
    live = sparse.live()
    edges = {}
    for link in sparse.net.wiring.links:
        target, source = np.nonzero(joined(link, sparse.kept, live).numpy())
        edges[link.name] = target, source
    return link_crossings(sparse.net, edges)


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UserError(
            f"the weight of {name} must be a number from 0 upwards, got {printable(text) or 'nothing'}"
        ) from None
