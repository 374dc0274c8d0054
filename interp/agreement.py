"""Do the modules found agree with the subtasks that a task was put together from?"""

from collections.abc import Sequence
from dataclasses import dataclass

from bimt.tasks.planted import Subtask
from interp.modules import Modules
from interp.rand_index import adjusted_rand


@dataclass(frozen=True)
class Agreement:
    """Modules found against subtasks planted."""

    planted: int
    """How many subtasks there are."""
    found: int
    """How many modules there are."""
    adjusted_rand: float
    """Of both partitions of the inputs and outputs: 1 if they are the same, about 0 by chance (Hubert & Arabie 1985,
    doi:10.1007/BF01908075)."""
    is_exact: bool
    """Whether there are as many modules as subtasks, and the partitions are the same."""


def agreement(modules: Modules, planted: Sequence[Subtask], *, outputs: Sequence[str]) -> Agreement:
    """Compares the modules of a net with the subtasks of its task, over the inputs and outputs that subtasks name.

    An output belongs to the module that most of the weight into it comes from; an input or output that no module
    holds (unused, constant) is a group by itself. Inputs and outputs that no subtask names, or all share, are left
    out.

    Args:
        modules: Of the pruned net.
        planted: Disjoint, as a task's `planted` returns them.
        outputs: The task's, all of them in order.

    Raises:
        ValueError: If there is no subtask, or two name the same input or output.
    """
    truth: dict[tuple[str, str], int] = {}
    for number, subtask in enumerate(planted):
        for end in (*(("input", name) for name in subtask.inputs), *(("output", name) for name in subtask.outputs)):
            if end in truth:
                raise ValueError(f"`planted` must be disjoint subtasks, got {end[1]} in two of them")
            truth[end] = number
    if not truth:
        raise ValueError("`planted` must name at least one input or output, got none")
    where = _homes(modules, outputs)
    answers = [where.get(end, f"alone {end}") for end in truth]
    score = adjusted_rand(list(truth.values()), answers)
    found = len(modules.modules)
    return Agreement(len(planted), found, score, is_exact=found == len(planted) and score == 1.0)


def _homes(modules: Modules, outputs: Sequence[str]) -> dict[tuple[str, str], str]:
    """The module of every input and output that has one."""
    homes = {("input", name): module.name for module in modules.modules for name in module.inputs}
    for column, name in enumerate(outputs):
        serving = [module for module in modules.modules if name in module.outputs]
        if serving:
            homes["output", name] = max(serving, key=lambda module: module.shares[column]).name
    return homes
