"""What can be ablated in a net: every kept connection, every live neuron, every module, each by its name."""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

import torch

from bimt.wiring import Site, Wiring
from interp.edits import Connection, Cut
from interp.sparse import Neuron, SparseNet

Kind = Literal["connection", "neuron", "module"]
Sites = Literal["together", "each"]


class Target(NamedTuple):
    """One ablation to make."""

    kind: Kind | Literal["pair"]
    name: str
    label: str
    cut: Cut


def connection_targets(sparse: SparseNet, labels: Mapping[Neuron, str]) -> list[Target]:
    """Lists every kept connection, tied ones once, look-ups not."""
    found = []
    for link in sparse.net.wiring.distinct_links(look_ups=False):
        for target, source in link.view(sparse.kept[link.parameter])[0].nonzero().tolist():
            ends = Neuron(link.source, source), Neuron(link.target, target)
            label = "->".join(labels.get(end, str(end)) for end in ends)
            cut = Cut(connections=(Connection(link, target, source),))
            found.append(Target("connection", "->".join(map(str, ends)), label, cut))
    return found


def neuron_targets(sparse: SparseNet, labels: Mapping[Neuron, str], sites: Sites) -> list[Target]:
    """Lists every live neuron that is no output and no look-up: by population, or by site."""
    live = sparse.live()
    found = []
    for group, seen in site_groups(sparse.net.wiring, sites).items():
        alive = torch.stack([live[site] for site in seen]).any(0)
        for index in alive.nonzero()[:, 0].tolist():
            neurons = tuple(Neuron(site, index) for site in seen)
            name = str(Neuron(group, index))
            label = ", ".join(labels[neuron] for neuron in neurons if neuron in labels)
            found.append(Target("neuron", name, label or name, Cut(neurons)))
    return found


def module_targets(wiring: Wiring, modules: Mapping[str, Iterable[Neuron]], sites: Sites) -> list[Target]:
    """Lists every module with its hidden neurons, or its inputs where it has no other neurons."""
    found = []
    for name, members in modules.items():
        neurons = [_checked(wiring, neuron, name) for neuron in members]
        if sites == "together":
            neurons = [Neuron(site.name, index) for member, index in neurons for site in _siblings(wiring, member)]
        by_role = {
            role: [neuron for neuron in dict.fromkeys(neurons) if wiring.site(neuron.site).role == role]
            for role in ("hidden", "input")
        }
        found.append(Target("module", name, name, Cut(tuple(by_role["hidden"] or by_role["input"]))))
    return found


def site_groups(wiring: Wiring, sites: Sites) -> dict[str, list[str]]:
    """Returns the sites at which neurons go at once, by the name that the neurons get: outputs and look-ups do not."""
    groups: dict[str, list[str]] = {}
    for site in wiring.sites:
        if site.role != "output" and wiring.population_of(site.name).slots is not None:
            groups.setdefault(site.population if sites == "together" else site.name, []).append(site.name)
    return {seen[0] if len(seen) == 1 else name: seen for name, seen in groups.items()}


def _siblings(wiring: Wiring, site: str) -> list[Site]:
    return [other for other in wiring.sites if other.population == wiring.site(site).population]


def _checked(wiring: Wiring, neuron: Neuron, module: str) -> Neuron:
    known = {site.name for site in wiring.sites}
    if neuron.site not in known or not 0 <= neuron.index < wiring.population_of(neuron.site).size:
        raise ValueError(f"`modules` must hold neurons of the net, got {neuron} in module {module!r}")
    return neuron
