"""The stages between a pruned seed and its explanation, each with its own fixed randomness.

Commands and reports go through here, so that a module has the same name wherever it is mentioned.
"""

import numpy as np

from interp.graph import to_graph
from interp.modules import Modules, find_modules
from interp.select import Selected
from interp.selectivity import Selectivity, compare_with_random


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


def selectivity_of(chosen: Selected, modules: Modules) -> tuple[Selectivity, ...]:
    """Returns what removing each module does, beside removing as many random neurons."""
    return compare_with_random(chosen.sparse, modules, chosen.checkpoint.task, generator=np.random.default_rng(0))
