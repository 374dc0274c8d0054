"""What takes longer to say of a pruned seed: its modules held against chance, and how long its formulas are."""

from dataclasses import dataclass

import numpy as np
import sympy

from bimt.messages import UserError
from bimt.tasks.base import Task
from interp.formula import Formulas
from interp.graph import to_graph
from interp.modules import find_modules
from interp.sparse import SparseNet
from interp.symbolic import extract_formulas

MOST_CONNECTIONS = 20_000
"""In larger nets no modules are looked for: drawing null models takes minutes."""
MOST_IN_FORMULAS = 1_000
"""Of more connections no formulas are written: nobody reads them, and they take minutes."""


@dataclass(frozen=True)
class Description:
    """The modules and formulas of one seed in numbers; None where there are none."""

    modules: int | None = None
    modularity: float | None = None
    p_structure: float | None = None
    p_space: float | None = None
    formula_length: int | None = None
    """See `formula_length`."""


def describe(sparse: SparseNet, task: Task) -> Description:
    """Finds the modules of a pruned seed, as `bimt modules` does, and writes its readable formulas."""
    length = _length_of(sparse, task)
    if sparse.connections > MOST_CONNECTIONS:
        return Description(formula_length=length)
    found = find_modules(to_graph(sparse, task), generator=np.random.default_rng(0))
    return Description(len(found.modules), found.modularity, found.p_structure, found.p_space, length)


def formula_length(formulas: Formulas) -> int:
    """Counts the numbers, symbols and operations of all formulas together.

    They are counted as `bimt symbolic` writes them: short ones in one equation, others neuron by neuron, where a neuron
    that two outputs share counts once. A sum or product of any number of terms is one operation, and so is an
    activation.
    """
    equations = dict.fromkeys(equation for formula in formulas.formulas for equation in formula.layers)
    return sum(1 for _, expr in equations for _ in sympy.preorder_traversal(expr))


def _length_of(sparse: SparseNet, task: Task) -> int | None:
    if sparse.connections > MOST_IN_FORMULAS:
        return None
    try:
        return formula_length(extract_formulas(sparse, task, form="readable"))
    except UserError:  # this net, or this task, has no formulas
        return None
