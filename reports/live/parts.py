"""What can be pointed at and ablated on a page: neurons, connections and modules by the names of the ablation table."""

from collections.abc import Iterable, Mapping
from typing import Any

from bimt.messages import printable
from bimt.wiring import Wiring
from interp.ablation import AblationTable
from interp.graph import end_labels
from interp.modules import Module
from interp.sparse import SparseNet
from interp.targets import module_targets, site_groups
from reports.live.arrays import finite

_LONGEST = 60
_DIGITS = 6


def view_parts(sparse: SparseNet, labels: Mapping[Any, str], modules: Iterable[Module]) -> dict[str, Any]:
    """Lists which sites go together, what ends are called, and what the modules are.

    Args:
        sparse: The net.
        labels: Names of input and output neurons, as `end_labels` returns them.
        modules: Of it.
    """
    wiring = sparse.net.wiring
    return {
        "groups": [{"name": name, "sites": seen} for name, seen in site_groups(wiring, "together").items()],
        "labels": {str(neuron): printable(label, limit=_LONGEST) for neuron, label in labels.items()},
        "modules": _modules(wiring, tuple(modules)),
    }


def view_ablation(zero: AblationTable, mean: AblationTable) -> dict[str, dict[str, list[float | None]]]:
    """Lists what each part is worth, by kind and name: drop and loss increase by zero, then by mean."""
    found: dict[str, dict[str, list[float | None]]] = {}
    for row in zero.rows:
        found.setdefault(row.kind, {})[row.name] = [_short(row.drop), _short(row.loss_increase)]
    for row in mean.rows:
        if row.name in found.get(row.kind, {}):
            found[row.kind][row.name] += [_short(row.drop), _short(row.loss_increase)]
    return found


def names_of_ends(sparse: SparseNet, task: Any) -> dict[Any, str]:
    """Returns the names of the ends that lie in space; tokens have none."""
    wiring = sparse.net.wiring
    labels = end_labels(wiring, task)
    return {end: name for end, name in labels.items() if wiring.population_of(end.site).slots is not None}


def _modules(wiring: Wiring, modules: tuple[Module, ...]) -> list[dict[str, Any]]:
    """Describes each module; `cut` is what goes when it is ablated, neurons as (site, index)."""
    members = {each.name: each.neurons for each in modules}
    cuts = {target.name: target.cut.neurons for target in module_targets(wiring, members, "together")}
    return [
        {
            "name": each.name,
            "neurons": [list(neuron) for neuron in each.neurons],
            "cut": [list(neuron) for neuron in cuts[each.name]],
            "inputs": [printable(name, limit=_LONGEST) for name in each.inputs],
            "outputs": [printable(name, limit=_LONGEST) for name in each.outputs],
        }
        for each in modules
    ]


def _short(value: float) -> float | None:
    return finite(float(f"{value:.{_DIGITS}g}"))
