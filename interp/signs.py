"""The signs of the kept connections, link by link: does a layer look for what is there, or for what is missing?

Run as `python -m interp.signs CKPT`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd
import torch
from jaxtyping import Float
from rich.console import Group
from rich.text import Text
from torch import Tensor

from interp.sparse import SparseNet
from interp.tables import frame_table

NEARLY_ALL, MOSTLY = 0.9, 2 / 3
"""The shares of the weight from which a link is called nearly all, or mostly, positive or negative."""


class LinkSigns(NamedTuple):
    """The kept connections of one link, by sign."""

    link: str
    positive: Float[Tensor, " positive"]
    """|w| of those with w > 0, largest first."""
    negative: Float[Tensor, " negative"]
    """|w| of those with w < 0, largest first."""

    @property
    def connections(self) -> int:
        """How many there are."""
        return len(self.positive) + len(self.negative)

    @property
    def positive_connections(self) -> float | None:
        """Which share of the connections is positive; None where there is none."""
        return len(self.positive) / self.connections if self.connections else None

    @property
    def positive_weight(self) -> float | None:
        """Which share of the summed |w| is positive; None where there is none."""
        return (self.positive.sum() / (self.positive.sum() + self.negative.sum())).item() if self.connections else None

    @property
    def verdict(self) -> str:
        """Says it in words."""
        share = self.positive_weight
        if share is None:
            return "empty"
        sign, part = ("positive", share) if share >= 0.5 else ("negative", 1 - share)
        if part < MOSTLY:
            return "mixed"
        return f"{'nearly all' if part >= NEARLY_ALL else 'mostly'} {sign}"


@dataclass(frozen=True, eq=False)
class Signs:
    """The signs of a pruned net."""

    links: tuple[LinkSigns, ...]
    """In forward order; tied weights once, look-ups not."""

    @property
    def verdict(self) -> str:
        """Compares with what was published: the second link nearly all negative, the third nearly all positive."""
        return _compared([link.verdict for link in self.links])

    def to_json(self) -> dict[str, Any]:
        """Returns what the command prints, less what it knows of the checkpoint."""
        return {
            "verdict": self.verdict,
            "links": [
                {
                    "link": link.link,
                    "connections": link.connections,
                    "positive_connections": link.positive_connections,
                    "positive_weight": link.positive_weight,
                    "verdict": link.verdict,
                }
                for link in self.links
            ],
        }

    def to_frame(self) -> pd.DataFrame:
        """Returns one row per link."""
        rows = [
            (each.link, each.connections, each.positive_connections, each.positive_weight, each.verdict)
            for each in self.links
        ]
        columns = ["link", "connections", "positive connections", "positive weight", "weight is"]
        return pd.DataFrame(rows, columns=columns).set_index("link")

    def __rich__(self) -> Group:
        """Draws the table, and the verdict below it."""
        return Group(frame_table(self.to_frame(), title="signs of the kept connections"), Text(self.verdict))


def find_signs(sparse: SparseNet) -> Signs:
    """Sorts the kept connections of every link by sign and size.

    Args:
        sparse: The net, pruned or whole. Kept weights of exactly zero have no sign and are left out.
    """
    found = []
    for link in sparse.net.wiring.distinct_links(look_ups=False):
        kept = sparse.net.weight(link)[link.view(sparse.kept[link.parameter])]
        sizes = (torch.sort(sign * kept[sign * kept > 0], descending=True).values for sign in (1, -1))
        found.append(LinkSigns(link.name, *sizes))
    return Signs(tuple(found))


def _compared(verdicts: Sequence[str]) -> str:
    """Says whether the links after the first mismatch patterns, then match them, as the published image net does."""
    if len(verdicts) < 3:
        return "There are too few links to mismatch patterns first and match them then."
    *_, middle, last = verdicts
    seen = f"the last but one link is {middle}, the last {last}"
    if middle.endswith("negative") and last.endswith("positive"):
        if "mostly" in middle + last:
            return f"Pattern mismatch, then match, but less purely than published (nearly all): {seen}."
        return f"Pattern mismatch, then match, as published: {seen}."
    return f"Not the published pattern mismatch, then match (nearly all negative, nearly all positive): {seen}."


if __name__ == "__main__":
    from bimt.cli import run
    from interp.commands import signs as command

    raise SystemExit(run(command))
