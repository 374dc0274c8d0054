"""Is a module more than a cluster? Its ablation against random neurons, and what the dense net says to the cut."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from bimt.nets.base import Net
from bimt.tasks.base import Task
from interp.edits import Cut, replacements
from interp.effects import measure_cuts
from interp.modules import Module, Modules
from interp.sparse import Neuron, SparseNet, live_hidden, test_scores

_ROUNDING = 1e-9

Neurons = Mapping[str, np.ndarray]  # for each population the indices of some of its neurons


@dataclass(frozen=True)
class Selectivity:
    """What removing one module's hidden neurons does, beside removing as many others."""

    name: str
    """The module's."""
    neurons: int
    """How many hidden neurons were removed."""
    drop: float
    """Baseline minus ablated metric, on the test split."""
    drop_percentile: float
    """Of the random sets, how many percent lose less (ties count half)."""
    per_output: tuple[float, ...]
    """The drop of each output: a row of the module x output matrix."""
    focus: float
    """The largest output's share of all drops (rises count as none): 1 if one output alone suffers; 0 if none does."""
    focus_percentile: float
    """Of the random sets, how many percent are less focused (ties count half)."""
    choices: int
    """How many different sets of that size there are, at most 10^9: with one, the comparison says nothing."""


def compare_with_random(
    sparse: SparseNet, modules: Modules, task: Task, *, sets: int = 200, generator: np.random.Generator
) -> tuple[Selectivity, ...]:
    """Removes each module, and as many random neurons of the same layers, and compares.

    Hidden neurons only, at all sites of their population, by value 0; the random sets are drawn from the neurons that
    pruning left. (Hod et al., arXiv:2110.08058; that clusters need not be functional: Golechha et al.,
    arXiv:2502.02470.)

    Args:
        sparse: The pruned net.
        modules: Of its graph.
        task: Judges on the test split.
        sets: Random sets per module, at least 200.
        generator: Source of all randomness.

    Returns:
        One row per module that has hidden neurons, in the order of the modules.

    Raises:
        ValueError: If there are too few sets.
    """
    if sets < 200:
        raise ValueError(f"`sets` must be at least 200, got {sets}: fewer give no percentile worth having")
    net, live = sparse.net, _live_hidden(sparse)
    zero = replacements(net, task.train.inputs, method="zero")
    baseline = measure_cuts(net, task, [Cut()], zero)
    rows = []
    for module in modules.modules:
        chosen = _hidden_neurons(net, module)
        if not chosen:
            continue
        drawn = [
            {name: generator.choice(live[name], len(indices), replace=False) for name, indices in chosen.items()}
            for _ in range(sets if _choices(chosen, live) > 1 else 1)  # a net of one module has no other set to draw
        ]
        effects = measure_cuts(net, task, [_cut(net, neurons) for neurons in (chosen, *drawn)], zero)
        drops, per_output = baseline.metric - effects.metric, baseline.per_output - effects.per_output
        rows.append(_selectivity(module.name, chosen, live, drops, per_output))
    return tuple(rows)


def loss_without_bridges(dense: Net, modules: Modules, task: Task) -> float:
    """The dense net's test loss with only the connections between different modules cut.

    What modules do not mention (neurons that pruning removed, the readout where it is left out) stays.

    Args:
        dense: One seed, before pruning, float64.
        modules: Of the pruned net.
        task: Judges on the test split.
    """
    module_of = {neuron: module.name for module in modules.modules for neuron in module.neurons}
    cut = dense.copies(1)
    with torch.no_grad():
        for link in dense.wiring.links:
            ends = []
            for site in (link.target, link.source):
                size = dense.wiring.population_of(site).size
                ends.append(np.array([module_of.get(Neuron(site, index), "") for index in range(size)]))
            target, source = ends[0][:, None], ends[1]
            apart = torch.from_numpy((target != source) & (target != "") & (source != ""))
            cut.weight(link)[0].masked_fill_(apart, 0.0)
    return test_scores(cut, task)[1]


def _selectivity(name: str, chosen: Neurons, live: Neurons, drops: Tensor, per_output: Tensor) -> Selectivity:
    """The first row of `drops` (sets) and `per_output` (sets, outputs) is the module's, the others are random."""
    losses = per_output.clamp_min(0)
    whole = losses.sum(1)
    focus = torch.where(whole > _ROUNDING, losses.max(1).values / whole.clamp_min(_ROUNDING), 0.0)
    return Selectivity(
        name=name,
        neurons=sum(map(len, chosen.values())),
        drop=drops[0].item(),
        drop_percentile=_percentile(drops),
        per_output=tuple(per_output[0].tolist()),
        focus=focus[0].item(),
        focus_percentile=_percentile(focus),
        choices=_choices(chosen, live),
    )


def _percentile(values: Float[Tensor, " sets"]) -> float:
    """Where the first value stands among the others."""
    others = values[1:] - values[0]
    return 100 * ((others < -_ROUNDING).double() + 0.5 * (others.abs() <= _ROUNDING).double()).mean().item()


def _choices(chosen: Neurons, live: Neurons) -> int:
    return min(10**9, math.prod(math.comb(len(live[name]), len(indices)) for name, indices in chosen.items()))


def _cut(net: Net, neurons: Neurons) -> Cut:
    """Removes hidden neurons at all sites of their population."""
    hidden = [site for site in net.wiring.sites if site.role == "hidden"]
    return Cut(
        tuple(Neuron(site.name, index) for site in hidden for index in map(int, neurons.get(site.population, ())))
    )


def _hidden_neurons(net: Net, module: Module) -> dict[str, np.ndarray]:
    """The module's hidden neurons by population."""
    found: dict[str, set[int]] = {}
    for neuron in module.neurons:
        site = net.wiring.site(neuron.site)
        if site.role == "hidden":
            found.setdefault(site.population, set()).add(neuron.index)
    return {name: np.array(sorted(indices)) for name, indices in found.items()}


def _live_hidden(sparse: SparseNet) -> dict[str, np.ndarray]:
    """The hidden neurons that pruning left, by population."""
    return {name: np.flatnonzero(mask.numpy()) for name, mask in live_hidden(sparse).items()}
