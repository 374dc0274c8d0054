"""A net without the neurons that nothing reads: the same outputs for less work."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int, Shaped
from torch import Tensor

from bimt.nets.base import Net
from bimt.tasks.base import Task
from interp.edits import Connection, Cut, Replacements
from interp.sparse import Kept, Neuron, reaching


@dataclass(frozen=True, eq=False)
class Compact:
    """A smaller net, and how what belongs to the whole one is said to it."""

    net: Net
    neurons: dict[str, Int[Tensor, " kept"]]
    """For each site which neurons of the whole net it has, in order."""
    columns: Int[Tensor, " kept"] | None
    """Which columns of the inputs it reads; None where all."""

    def inputs(self, inputs: Shaped[Tensor, "rows inputs"]) -> Shaped[Tensor, "rows kept"]:
        """Returns the columns that it reads."""
        return inputs if self.columns is None else inputs[:, self.columns]

    def values(self, values: Replacements) -> dict[str, Tensor]:
        """Returns what stands in for the neurons that it has."""
        return {site: value[..., self.neurons[site]] for site, value in values.items()}

    def cut(self, cut: Cut) -> Cut:
        """Returns the same cut; what concerns neurons that nothing reads falls away."""
        links = {link.name: link for link in self.net.wiring.links}
        neurons = tuple(Neuron(site, at) for site, index in cut.neurons if (at := self._at(site, index)) is not None)
        connections = tuple(
            Connection(links[link.name], row, column)
            for link, target, source in cut.connections
            if (row := self._at(link.target, target)) is not None
            and (column := self._at(link.source, source)) is not None
        )
        return Cut(neurons, connections)

    def _at(self, site: str, index: int) -> int | None:
        kept = self.neurons[site]
        at = int(torch.searchsorted(kept, index))
        return at if at < len(kept) and int(kept[at]) == index else None


def without_idle(net: Net, task: Task, kept: Kept) -> Compact:
    """Leaves out the neurons that no output depends on, and where each is a column of the inputs also the input ones.

    Args:
        net: One seed.
        task: What the net is asked; its inputs tell whether columns can be left out.
        kept: For each stored tensor which weights count.
    """
    wiring = net.wiring
    heard = reaching(wiring, kept)
    taken: dict[str, Int[Tensor, " kept"]] = {}
    columns = None
    for population in wiring.populations:
        sites = [site for site in wiring.sites if site.population == population.name]
        needed = torch.stack([heard[site.name] for site in sites]).any(0)
        if all(site.role == "hidden" for site in sites):
            taken[population.name] = filled_blocks(needed, population.blocks)
        elif sites[0].role == "input" and _are_columns(net, task) and needed.any():
            columns = taken[population.name] = needed.nonzero()[:, 0]
    everyone = {item.name: torch.arange(item.size) for item in wiring.populations} | taken
    return Compact(net.take(taken), {site.name: everyone[site.population] for site in wiring.sites}, columns)


def _are_columns(net: Net, task: Task) -> bool:
    """Tells whether there is one input site and every neuron of it reads one column of the inputs."""
    sites = net.wiring.inputs
    return (
        len(sites) == 1
        and not task.tokens
        and net.wiring.population_of(sites[0].name).size == task.train.inputs.shape[1]
    )


def filled_blocks(alive: Bool[Tensor, " size"], blocks: int) -> Int[Tensor, " kept"]:
    """Returns the live neurons; blocks with some are filled up with dead ones until all have equally many."""
    cells = alive.view(blocks, -1)
    most = int(cells.sum(1).max()) if alive.any() else 0
    # the live ones first, each group in order
    order = (~cells).to(torch.int8).argsort(dim=1, stable=True)[:, :most].sort(dim=1).values
    first = torch.arange(blocks)[:, None] * cells.shape[1]
    return (order + first)[cells.any(1)].flatten()
