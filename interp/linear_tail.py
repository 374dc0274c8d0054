"""The last stretch of a net, behind which nothing is bent: how the outputs respond to the sites that lead into it."""

import torch
from jaxtyping import Float
from torch import Tensor

from bimt.nets.base import Net
from bimt.wiring import Site


def linear_tail(net: Net) -> dict[str, Float[Tensor, "outputs size"]]:
    """Returns constant slopes: of the outputs, by each site outside the tail that speaks into it.

    The tail is made of the outputs, and of the sites before them that only lead into the tail, all of them weighted
    sums. Through the tail, outputs = constant + sum over the returned sites of slopes @ value. Where the outputs
    themselves are bent, they alone are returned.

    Args:
        net: One seed.

    Returns:
        Sites to slopes, rows in the order of the output sites' neurons.
    """
    wiring = net.wiring
    sizes = [wiring.population_of(site.name).size for site in wiring.outputs]
    rows = torch.eye(sum(sizes), dtype=net.dtype).split(sizes, dim=1)
    slopes = {site.name: row for site, row in zip(wiring.outputs, rows, strict=True)}
    tail: set[str] = set()
    for site in reversed(wiring.sites):
        readers = {edge.target for edge in wiring.edges if edge.source == site.name}
        if not readers <= tail or (site.role != "output" and not readers) or not _is_sum(net, site):
            continue
        tail.add(site.name)
        slope = slopes.pop(site.name)
        for link in wiring.links_into(site.name):
            slopes[link.source] = slopes.get(link.source, 0) + slope @ net.weight(link)[0]
        for skip in wiring.skips:
            if skip.target == site.name:
                slopes[skip.source] = slopes.get(skip.source, 0) + slope
    return slopes


def _is_sum(net: Net, site: Site) -> bool:
    """Tells whether a site holds the weighted sum of what leads into it, and nothing else."""
    if site.role == "input" or any(gate.target == site.name for gate in net.wiring.gates):
        return False
    try:
        return net.nonlinearity(site.name) is None
    except NotImplementedError:
        return False
