"""What a net says of every pair of group elements, taken apart: what depends on a, on b, on ab, and on which irreps."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from bimt.nets.base import Net
from bimt.tasks.group import FiniteGroup
from interp.irreps import Irrep
from interp.rows import in_pieces, run_rows

PARTS = ("a", "b", "ab")
"""What the parts of a function on pairs depend on."""


class PairParts(NamedTuple):
    """A function on pairs of elements, in parts that are orthogonal over all pairs."""

    means: Float[np.ndarray, "parts elements"]
    """The mean for each a, each b and each ab (`PARTS`), less the mean of all."""
    shares: Float[np.ndarray, " parts"]
    """Of the variance, in the order of `PARTS`; what is missing to 1 depends on both and not on ab alone. All 0 where
    there is no variance."""


class LogitShares(NamedTuple):
    """How much of the logits the irreps' characters explain."""

    shares: Float[np.ndarray, " irreps"]
    """R^2 of each irrep's character of a b c^-1 alone; 0 for the trivial one, which is the same for all c."""

    @property
    def r_squared(self) -> float:
        """R^2 of all characters together: they are orthogonal, so it is the sum."""
        return float(self.shares.sum())


def all_pairs(group: FiniteGroup) -> Int[Tensor, "pairs positions"]:
    """Returns every pair of elements, a first, as rows of tokens."""
    return torch.cartesian_prod(torch.arange(len(group)), torch.arange(len(group)))


def pair_values(
    net: Net, group: FiniteGroup, sites: Collection[str]
) -> dict[str, Float[np.ndarray, "neurons elements elements"]]:
    """Returns the value of every neuron of some sites for every a (rows) and b (columns).

    Args:
        net: One seed of a net whose rows are two tokens.
        group: Its elements are the tokens.
        sites: Their names.
    """
    pieces: dict[str, list[Tensor]] = {site: [] for site in sites}
    with torch.no_grad():
        for rows in in_pieces(net, all_pairs(group)):
            values = net.activations(rows[None])
            for site, found in pieces.items():
                found.append(values[site][0].T)
    count = len(group)
    return {site: torch.cat(found, dim=1).numpy().reshape(-1, count, count) for site, found in pieces.items()}


def take_apart(values: Float[np.ndarray, "elements elements"], group: FiniteGroup) -> PairParts:
    """Splits a function on pairs into what depends on a, on b, on ab, and the rest.

    Over all pairs any two of a, b and ab are independent, so that the parts are orthogonal.

    Args:
        values: For each a (rows) and b (columns).
        group: Says what ab is.
    """
    centred = values - values.mean()
    product = np.bincount(group.table.ravel(), weights=centred.ravel(), minlength=len(group)) / len(group)
    means = np.stack([centred.mean(1), centred.mean(0), product])
    variance = float(np.square(centred).mean())
    still = variance <= 1e-24 * float(np.square(values).mean())
    return PairParts(means, np.zeros(3) if still else np.square(means).mean(1) / variance)


def irrep_pairs(
    values: Float[np.ndarray, "elements elements"], irreps: Sequence[Irrep]
) -> Float[np.ndarray, "irreps irreps"]:
    """Returns how much energy of a function on pairs lies in each product of an irrep of a and one of b.

    They sum to 1, or are 0 where the function is. Trivial and trivial is the square of the mean; an irrep and the
    trivial one depend on one element only; what depends on ab lies in pairs of an irrep with itself.
    """
    functions = np.concatenate([each.functions for each in irreps], axis=1)
    starts = np.cumsum([0, *(each.functions.shape[1] for each in irreps)])[:-1]
    squares = np.square(functions.T @ values @ functions)
    energies = np.add.reduceat(np.add.reduceat(squares, starts, axis=0), starts, axis=1)
    total = energies.sum()
    return energies / total if total > 0 else energies


def explain_logits(net: Net, group: FiniteGroup, irreps: Sequence[Irrep]) -> LogitShares:
    """Holds a net's logits of all pairs against the characters, as `character_shares` does.

    Args:
        net: One seed; its outputs are the elements.
        group: Its elements are the tokens, and the classes.
        irreps: Of the group, all of them.
    """
    count = len(group)
    logits = run_rows(net, all_pairs(group))[0].to(torch.float64).numpy()
    return character_shares(logits.reshape(count, count, count), group, irreps)


def character_shares(
    logits: Float[np.ndarray, "elements elements elements"], group: FiniteGroup, irreps: Sequence[Irrep]
) -> LogitShares:
    """Fits the logits of every a, b and class c by the characters of a b c^-1.

    What is the same for all classes of a row is taken out first: the softmax does not see it. (Chughtai et al. 2023,
    arXiv:2302.03025; of conjugate characters the sum is one.)

    Args:
        logits: In the order a, b, c.
        group: Says what a b c^-1 is.
        irreps: Of the group, all of them.
    """
    count = len(group)
    rows = (logits - logits.mean(2, keepdims=True)).reshape(-1, count)
    of_product = np.zeros((count, count))
    np.add.at(of_product, group.table.ravel(), rows)
    quotients = group.table[:, group.inverses]  # of p = ab and c: p c^-1
    summed = np.bincount(quotients.ravel(), weights=of_product.ravel(), minlength=count)
    total = float(np.square(rows).sum())
    shares = np.zeros(len(irreps))
    for rank, irrep in enumerate(irreps):
        if not irrep.is_trivial and total > 0:
            character = irrep.character
            shares[rank] = (summed @ character) ** 2 / (count**2 * np.square(character).sum() * total)
    return LogitShares(shares)


def remove_irrep(table: Float[Tensor, "elements dimensions"], irrep: Irrep) -> Float[Tensor, "elements dimensions"]:
    """Returns an embedding without the part of every dimension that lies in an irrep."""
    functions = torch.from_numpy(irrep.functions).to(table.dtype)
    return table - functions @ (functions.T @ table)
