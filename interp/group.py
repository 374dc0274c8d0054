"""Which representations of a finite group a net holds: irreps and cosets, dimension by dimension, neuron by neuron.

Run as `python -m interp.group CKPT`.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from bimt.config import TrainConfig
from bimt.messages import UserError, printable
from bimt.nets.base import Net
from bimt.tasks.base import Task
from bimt.tasks.group import FiniteGroup
from interp.basis import privileged_basis
from interp.edits import Cut, replacements
from interp.effects import measure_cuts, standard_error
from interp.embedding import active_dimensions, token_tables
from interp.graph import end_labels
from interp.irreps import Irrep, find_irreps
from interp.pair_parts import PARTS, LogitShares, explain_logits, pair_values, remove_irrep
from interp.readings import (
    DimensionReading,
    NeuronReading,
    coset_concepts,
    coset_families,
    irrep_concepts,
    read_dimensions,
    read_neurons,
)
from interp.representations import First, IrrepUse, Representations
from interp.sparse import SparseNet, test_scores
from interp.subgroups import find_subgroups
from interp.targets import Target, neuron_targets


def find_representations(
    sparse: SparseNet, task: Task, group: FiniteGroup, *, draws: int = 499, generator: np.random.Generator
) -> Representations:
    """Finds the irreps and cosets in a net that multiplies the elements of a finite group.

    An embedding dimension is a function on the group: its energy lies in the irreps. A hidden neuron is a function on
    pairs: its energy lies in pairs of irreps, and some of it depends on one element or on the product only. Logits are
    held against the characters of a b c^-1. (Chughtai et al. 2023, arXiv:2302.03025.) Functions are also held against
    the cosets of every subgroup: the variance between them over the variance (Stander et al. 2023, arXiv:2312.06581).
    What is called significant, chance does not reach in one net of twenty; see `fit_concepts`.

    Args:
        sparse: The net, pruned or whole.
        task: Its rows are two tokens, its classes the same tokens.
        group: Its elements are the tokens, its table has the answers.
        draws: Rotations behind each p-value, and shuffles at least; 99 or more.
        generator: Source of all randomness.

    Raises:
        ValueError: If the table is no group's, or the task has other tokens or classes.
    """
    if len(task.tokens) != 2 or not len(task.classes) == task.vocabulary == len(group):
        raise ValueError(f"`task` must have two tokens and as many classes as tokens, {len(group)}, got {task.name}")
    irreps, subgroups = find_irreps(group), find_subgroups(group)
    families = coset_families(group, subgroups.chosen)
    concepts = coset_concepts(group, families)
    task = task.to(sparse.net.dtype)
    targets = neuron_targets(sparse, end_labels(sparse.net.wiring, task), "together")
    embedded, hidden = _told_apart(sparse.net, targets)
    names = {target.cut.neurons[0].index: target.name for target in embedded}
    named = [(names[each.number], each.number, each.values) for each in active_dimensions(sparse)]
    dimensions = read_dimensions(named, irreps, concepts, draws=draws, generator=generator)
    neurons = read_neurons(_values(sparse, group, hidden), group, irreps, families, draws=draws, generator=generator)
    logits = explain_logits(sparse.net, group, irreps)
    table = np.array([each.values for each in dimensions]).T
    bases = [
        privileged_basis(table, each, draws=draws, generator=generator) if len(dimensions) and len(each) else None
        for each in (irrep_concepts(irreps)[1:], concepts)
    ]
    found = Representations(
        group=group,
        irreps=irreps,
        subgroups=subgroups,
        families=families,
        dimensions=dimensions,
        neurons=neurons,
        uses=_uses(sparse.net, task, irreps, dimensions, logits),
        logits=logits,
        first=(),
        irrep_basis=bases[0],
        coset_basis=bases[1],
        draws=draws,
    )
    return replace(found, first=_first(found, sparse.net, task, targets))


def finite_group(config: TrainConfig) -> FiniteGroup | None:
    """Returns the group whose products a net was trained on; None where its task has none.

    None also where each operand has an embedding of its own: a dimension is no one function on the group there.
    """
    find = None if getattr(config.net, "own_embeddings", False) else getattr(config.task, "finite_group", None)
    group: FiniteGroup | None = find and find()
    return group


def group_of(config: TrainConfig) -> FiniteGroup:
    """Returns the same group, of a task that must have one.

    Raises:
        UserError: If there is none.
    """
    group = finite_group(config)
    if group is None:
        raise UserError(
            f"the task {printable(config.task.name)} must ask for the product of two elements of a finite group; "
            "permutation_group does, and modular_addition with operation + and two operands that share tokens "
            "and embedding, no equals sign behind them"
        )
    return group


def _values(sparse: SparseNet, group: FiniteGroup, hidden: Sequence[Target]) -> list[tuple[str, np.ndarray]]:
    """Returns the name of each hidden neuron, and its value for every pair of elements."""
    ends = [target.cut.neurons[0] for target in hidden]
    values = pair_values(sparse.net, group, dict.fromkeys(site for site, _ in ends))
    return [(target.name, values[site][index]) for target, (site, index) in zip(hidden, ends, strict=True)]


def _told_apart(net: Net, targets: Sequence[Target]) -> tuple[list[Target], list[Target]]:
    """Returns the targets that are dimensions of an embedding, and the others, which are hidden neurons."""
    looked_up = {link.target for link in net.wiring.links if net.wiring.is_look_up(link)}
    embedded = [target for target in targets if target.cut.neurons[0].site in looked_up]
    return embedded, [target for target in targets if target.cut.neurons[0].site not in looked_up]


def _uses(
    net: Net, task: Task, irreps: Sequence[Irrep], dimensions: Sequence[DimensionReading], logits: LogitShares
) -> tuple[IrrepUse, ...]:
    shares = np.array([each.shares for each in dimensions]).reshape(-1, len(irreps))
    baseline = test_scores(net, task)[1]
    uses = []
    for rank, irrep in enumerate(irreps):
        matches = [each.reading.irrep for each in dimensions]
        mine = [
            each.name
            for each, match in zip(dimensions, matches, strict=True)
            if match is not None and match.concept == rank and match.is_significant
        ]
        increase = 0.0 if irrep.is_trivial else test_scores(_without(net, irrep), task)[1] - baseline
        embedding = float(shares[:, rank].mean()) if len(shares) else 0.0
        uses.append(IrrepUse(irrep.name, irrep.dimension, embedding, tuple(mine), increase, float(logits.shares[rank])))
    return tuple(uses)


def _without(net: Net, irrep: Irrep) -> Net:
    """Returns a net whose embedding has nothing of an irrep."""
    edited = net.copies(1)
    with torch.no_grad():
        for link in {link.stored: link for link in token_tables(net.wiring)}.values():
            weight = edited.weight(link)[0]
            weight.copy_(remove_irrep(weight.T, irrep).T)
    return edited


def _first(found: Representations, net: Net, task: Task, targets: Sequence[Target]) -> tuple[First, ...]:
    """Replaces every neuron and dimension by its mean, and ranks them."""
    if not targets:
        return ()
    means = replacements(net, task.train.inputs, method="mean")
    effects = measure_cuts(net, task, [Cut(), *(target.cut for target in targets)], means)
    increases = effects.losses[1:] - effects.losses[:1]
    read: list[DimensionReading | NeuronReading] = [*found.dimensions, *found.neurons]
    explained = {each.name: _explained(found, each) for each in read}
    rows = [
        First(target.name, *explained[target.name], increase, error)
        for target, increase, error in zip(
            targets, increases.mean(1).tolist(), standard_error(increases).tolist(), strict=True
        )
        if target.name in explained
    ]
    return tuple(sorted(rows, key=lambda row: (-row.explained * max(row.loss_increase, 0.0), -row.loss_increase)))


def _explained(found: Representations, each: DimensionReading | NeuronReading) -> tuple[str, float]:
    """Returns what explains most of a dimension or neuron, and how much; of equals the irrep."""
    if isinstance(each, DimensionReading):
        irrep, match = each.reading.irrep, each.reading.cosets
        cosets = found.says(match, is_cosets=True), match.share if match and match.is_significant else 0.0
    else:
        irrep = each.irrep
        said = [
            f"{part}: {text}"
            for part, reading in zip(PARTS, each.readings, strict=True)
            if (text := found.says(reading and reading.cosets, is_cosets=True))
        ]
        cosets = "; ".join(said), each.coset_share
    as_irrep = found.says(irrep, is_cosets=False), irrep.share if irrep and irrep.is_significant else 0.0
    return max(as_irrep, cosets, key=lambda pair: round(pair[1], 9))


if __name__ == "__main__":
    from bimt.cli import run
    from interp.commands import group as command

    raise SystemExit(run(command))
