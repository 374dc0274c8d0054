"""Runs a net over many rows, in pieces that bound the memory."""

from collections.abc import Collection, Iterator

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from bimt.nets.base import Net

_NUMBERS = 2**25
"""How many numbers the activations of one piece may hold, all seeds together: 256 MB in float64."""


def run_rows(net: Net, inputs: Shaped[Tensor, "rows inputs"]) -> Float[Tensor, "seeds rows answers"]:
    """Returns what every seed says to every row, as `Net.run` does.

    Args:
        net: Any number of seeds.
        inputs: In the units that the net sees, of any float type.
    """
    with torch.no_grad():
        parts = [net.run(piece[None]) for piece in in_pieces(net, inputs)]
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)


def in_pieces(net: Net, inputs: Shaped[Tensor, "rows inputs"]) -> Iterator[Tensor]:
    """Splits rows into pieces that the net can run without taking too much memory."""
    yield from inputs.split(max(_NUMBERS // (numbers_per_row(net) * net.seeds), 1))


def numbers_per_row(net: Net, *, without: Collection[str] = ()) -> int:
    """Returns how many activations one seed has for one row, at all moments and sites but those; at least 1."""
    sites = [site.name for site in net.wiring.sites if site.name not in without]
    return max(sum(net.wiring.population_of(site).size for site in sites) * net.moments, 1)
