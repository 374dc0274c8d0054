"""A net as a page's script runs it: site by site, from the wiring, whatever its family."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bimt.nets.base import Net
from bimt.wiring import Link
from interp.edits import Replacements
from interp.graph import coordinates, site_depths
from interp.sparse import SparseNet, reaching
from reports.live.arrays import packed

FORMAT = 1
"""Goes up with every change that a script has to know of."""


def is_runnable(net: Net) -> bool:
    """Tells whether the net says what each of its sites computes; another one is only drawn."""
    try:
        for site in net.wiring.sites:
            if site.role != "input" and net.mixture(site.name) is None:
                net.nonlinearity(site.name)
    except NotImplementedError:
        return False
    return True


def view_net(sparse: SparseNet, means: Replacements) -> dict[str, Any]:
    """Describes a runnable net of one seed: what every site reads and does, its kept weights, where its neurons sit.

    Args:
        sparse: The net.
        means: The training mean of every neuron at every moment, as `interp.edits.replacements` returns them.

    Returns:
        What scripts/net.js reads; every number exactly.
    """
    net, wiring = sparse.net, sparse.net.wiring
    return {
        "moments": net.moments,
        "answers": packed(np.array(net.answers(), dtype=np.int64).reshape(-1, 2)),
        "sites": [_site(sparse, site.name, means) for site in wiring.sites],
        "parameters": {name: packed(values) for name, values in _kept_values(sparse).items()},
        "links": _links(sparse),
        "populations": [_population(net, item.name) for item in wiring.populations if item.slots is not None],
    }


def _site(sparse: SparseNet, name: str, means: Replacements) -> dict[str, Any]:
    """Describes one site: how it comes to its value, and which of its neurons are alive."""
    net, wiring = sparse.net, sparse.net.wiring
    site, population = wiring.site(name), wiring.population_of(name)
    reading, mixture, bias = net.readings().get(name), net.mixture(name), net.bias(name)
    is_plain = reading is None and mixture is None
    return {
        "name": name,
        "population": population.name,
        "role": site.role,
        "size": population.size,
        "is_look_up": population.slots is None,
        "depth": site_depths(wiring)[name],
        "live": packed(sparse.live()[name].numpy()),
        "reading": None if reading is None else reading._asdict(),
        "mixture": None if mixture is None else mixture._asdict(),
        "activation": net.nonlinearity(name) if is_plain else None,
        "bias": None if bias is None else packed(bias[0].numpy()),
        "skips": [skip.source for skip in wiring.skips if skip.target == name] if is_plain else [],
        "means": None if population.slots is None else packed(means[name][0].numpy()),
    }


def _links(sparse: SparseNet) -> list[dict[str, Any]]:
    """Lists every link's kept connections; of links that share their weights the first is marked as distinct."""
    wiring = sparse.net.wiring
    distinct = {link.name for link in wiring.distinct_links(look_ups=False)}
    places, heard = _places(sparse), reaching(wiring, sparse.kept)
    return [
        {
            "target": link.target,
            "source": link.source,
            "parameter": link.parameter,
            "is_distinct": link.name in distinct,
            "is_look_up": wiring.is_look_up(link),
            **_ends(link, places[link.parameter], heard),
        }
        for link in wiring.links
    ]


def _ends(link: Link, places: Tensor, heard: Mapping[str, Tensor]) -> dict[str, Any]:
    """Returns target, source and the stored weight's place of every connection that an output can depend on."""
    found = link.view(places)[0]
    target, source = ((found >= 0) & heard[link.target][:, None]).nonzero().T
    return {"targets": packed(target.numpy()), "sources": packed(source.numpy()),
            "places": packed(found[target, source].numpy())}  # fmt: skip


def _places(sparse: SparseNet) -> dict[str, Tensor]:
    """Numbers the kept weights of every stored tensor; -1 where a weight is not kept."""
    places = {}
    for name, kept in sparse.kept.items():
        numbers = torch.full(kept.shape, -1)
        numbers[kept] = torch.arange(int(kept.sum()))
        places[name] = numbers
    return places


def _kept_values(sparse: SparseNet) -> dict[str, np.ndarray]:
    return {name: sparse.net.parameters[name][kept].numpy() for name, kept in sparse.kept.items()}


def _population(net: Net, name: str) -> dict[str, Any]:
    """Says where a population's slots lie, across and back, and which slot each neuron sits in."""
    place = net.places[name][0].numpy()
    slots = np.empty((len(place), 2))
    slots[place] = coordinates(net, name)
    return {"name": name, "slots": packed(slots), "places": packed(place),
            "blocks": net.wiring.population(name).blocks}  # fmt: skip
