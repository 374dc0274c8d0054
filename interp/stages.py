"""The stages between a pruned seed and its explanation, each with its own fixed randomness.

Commands and reports go through here, so that a module has the same name wherever it is mentioned.
"""

import networkx as nx
import numpy as np

from interp.graph import to_graph
from interp.modules import Modules, find_modules
from interp.select import Selected
from interp.selectivity import Selectivity, compare_with_random


def graph_of(chosen: Selected) -> nx.DiGraph:
    """Returns the graph of the pruned seed."""
    return to_graph(chosen.sparse, chosen.checkpoint.task)


def modules_of(chosen: Selected, *, readout: str = "auto", weights: str = "weight", draws: int = 499) -> Modules:
    """Returns the modules of a pruned seed; arguments as in `find_modules`."""
    return find_modules(
        graph_of(chosen),
        dense=to_graph(chosen.dense, chosen.checkpoint.task),
        readout=readout,
        weights=weights,
        draws=draws,
        generator=np.random.default_rng(0),
    )


def selectivity_of(chosen: Selected, modules: Modules) -> tuple[Selectivity, ...]:
    """Returns what removing each module does, beside removing as many random neurons."""
    return compare_with_random(chosen.sparse, modules, chosen.checkpoint.task, generator=np.random.default_rng(0))
