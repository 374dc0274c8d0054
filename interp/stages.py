"""The stages between a pruned seed and its explanation, each with its own fixed randomness.

Commands and reports go through here, so that a module has the same name wherever it is mentioned.
"""

from pathlib import Path

import numpy as np

from bimt.checkpoint import Checkpoint
from bimt.messages import UserError
from bimt.opening import open_checkpoint
from interp.ablation import AblationTable, ablate
from interp.addition import pair_net
from interp.contributions import speakers
from interp.fourier import ModuleMetrics, Spectrum, find_spectrum, measure_module
from interp.graph import to_graph
from interp.group import find_representations, group_of
from interp.heads import Heads, find_heads
from interp.modules import Modules, find_modules
from interp.representations import Representations
from interp.select import Selected, check_label, select
from interp.selectivity import Selectivity, compare_with_random
from interp.voting import Voting, find_voting

MOST_CONNECTIONS = 20_000
"""Of larger nets modules are looked for only if asked: pruning them and drawing null models takes minutes."""


def modules_of(chosen: Selected, *, readout: str = "auto", weights: str = "weight", draws: int = 499) -> Modules:
    """Returns the modules of a pruned seed; arguments as in `find_modules`."""
    task = chosen.checkpoint.task
    return find_modules(
        to_graph(chosen.sparse, task),
        dense=to_graph(chosen.dense, task),
        readout=readout,
        weights=weights,
        draws=draws,
        generator=np.random.default_rng(0),
    )


def ablations_of(chosen: Selected, modules: Modules) -> tuple[AblationTable, AblationTable]:
    """Returns what every part of a pruned seed is worth, its modules among them: by zero, and by the training mean."""
    members = {module.name: module.neurons for module in modules.modules}
    task = chosen.checkpoint.task
    return (
        ablate(chosen.sparse, task, modules=members, method="zero"),
        ablate(chosen.sparse, task, modules=members, method="mean"),
    )


def spectrum_of(
    checkpoint: Checkpoint | Path | str,
    label: int | None = None,
    *,
    tolerance: float = 1e-3,
    modules: bool | None = None,
) -> tuple[int, Spectrum, str]:
    """Measures whether a seed is a clock or a pizza: as trained, and each of its modules as pruned.

    Args:
        checkpoint: One in memory, its folder, or a file of the clock-and-pizza code.
        label: The seed; None takes the best, or the only one.
        tolerance: As in `prune`.
        modules: Whether modules are looked for; None: in nets of at most `MOST_CONNECTIONS` connections.

    Returns:
        The seed's label, what was measured, and what was left out and why (empty if nothing).

    Raises:
        UserError: If the task is no sum of two numbers, or there is no such seed.
    """
    loaded = checkpoint if isinstance(checkpoint, Checkpoint) else open_checkpoint(checkpoint)
    pair_net(loaded, loaded.net.seed(0))  # refuses another task before anything is pruned
    count = sum(loaded.net.weight(link)[0].numel() for link in loaded.net.wiring.distinct_links(look_ups=False))
    if modules is None and count > MOST_CONNECTIONS:
        said = f"Modules were not looked for among {count:,} connections; --modules does."
        if label is None and len(loaded.running) == 1:
            label = loaded.running[0]
        if label is not None:
            check_label(loaded, label)
            return label, find_spectrum(pair_net(loaded, loaded.net.seed(loaded.labels.index(label)))), said
    chosen = select(loaded, label, tolerance=tolerance)
    found = () if modules is False else module_metrics(chosen)
    spectrum = find_spectrum(pair_net(loaded, chosen.dense.net), found)
    return chosen.label, spectrum, ""


def module_metrics(chosen: Selected, modules: Modules | None = None) -> tuple[ModuleMetrics, ...]:
    """Judges every module of a pruned seed by itself; none where fewer than two speak to the outputs.

    Args:
        chosen: The seed.
        modules: Of it, where they are at hand already.
    """
    modules = modules_of(chosen) if modules is None else modules
    alone = speakers(chosen.sparse.net, modules)
    if len(alone) < 2:
        return ()
    members = {module.name: module.neurons for module in modules.modules}
    return tuple(measure_module(name, pair_net(chosen.checkpoint, net), members[name]) for name, net in alone.items())


def selectivity_of(chosen: Selected, modules: Modules) -> tuple[Selectivity, ...]:
    """Returns what removing each module does, beside removing as many random neurons."""
    return compare_with_random(chosen.sparse, modules, chosen.checkpoint.task, generator=np.random.default_rng(0))


def representations_of(chosen: Selected) -> Representations:
    """Returns what a pruned seed knows of its task's group; of a large one fewer shuffles are drawn, for their time.

    Raises:
        UserError: If the task has no group.
    """
    group = group_of(chosen.checkpoint.config)
    draws = 499 if len(group) <= 120 else 199
    return find_representations(
        chosen.sparse, chosen.checkpoint.task, group, draws=draws, generator=np.random.default_rng(0)
    )


def heads_of(chosen: Selected, modules: Modules | None) -> Heads:
    """Returns what every attention head of a pruned seed does.

    Args:
        chosen: The seed.
        modules: Of it; None where nobody looked for them.

    Raises:
        UserError: If the net has no attention.
    """
    members = {module.name: module.neurons for module in modules.modules} if modules else {}
    return find_heads(chosen.sparse, chosen.checkpoint.task, modules=members)


def voting_of(chosen: Selected, modules: Modules | None = None, *, permutations: int = 200) -> Voting:
    """Returns how the modules of a pruned seed come to an answer together; arguments as in `find_voting`.

    Raises:
        UserError: If the net does not classify, or no two of its modules meet in an output.
    """
    task = chosen.checkpoint.task
    if task.kind != "classification":
        raise UserError("modules vote for classes, got a task with numbers for answers")
    modules = modules_of(chosen) if modules is None else modules
    return find_voting(chosen.sparse, modules, task, permutations=permutations, generator=np.random.default_rng(0))
