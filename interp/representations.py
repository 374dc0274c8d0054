"""What a net knows of its finite group, as a result: tables, data frames and JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from rich.console import Group as Stacked
from rich.console import RenderableType
from rich.text import Text

from bimt.messages import printable
from bimt.tasks.group import FiniteGroup
from interp.basis import PrivilegedBasis
from interp.concepts import Match
from interp.irreps import Irrep
from interp.pair_parts import PARTS, LogitShares
from interp.readings import CosetFamily, DimensionReading, NeuronReading, family_name
from interp.subgroups import Subgroups
from interp.tables import frame_table

_MOST_ROWS = 20
"""Rows of a printed table of neurons."""
_MOST_PAIRS = 3
"""Pairs of irreps that are named of each neuron."""


class IrrepUse(NamedTuple):
    """What a net does with one irrep."""

    name: str
    dimension: int
    embedding: float
    """Its share of the active dimensions' variance, each dimension counting alike."""
    dimensions: tuple[str, ...]
    """Those of which it is the largest share, told from chance."""
    loss_increase: float
    """Of the test loss, where it is taken out of every dimension; 0 for the trivial irrep, which stays."""
    r_squared: float
    """How much of the logits its character of a b c^-1 explains alone."""


class First(NamedTuple):
    """A neuron or dimension to look at."""

    name: str
    says: str
    """The irrep or the cosets that explain most of it; empty where nothing does that chance could not."""
    explained: float
    """Their share of its variance."""
    loss_increase: float
    """Of the test loss, where its value is replaced by its training mean everywhere."""
    stderr: float
    """Standard error of the increase over test rows."""


@dataclass(frozen=True, eq=False)
class Representations:
    """What a pruned net knows of its group."""

    group: FiniteGroup
    irreps: tuple[Irrep, ...]
    """All of the group: the trivial one first, then by dimension."""
    subgroups: Subgroups
    families: tuple[CosetFamily, ...]
    """The cosets that were looked for."""
    dimensions: tuple[DimensionReading, ...]
    """The active dimensions of the embedding, by falling outgoing weight."""
    neurons: tuple[NeuronReading, ...]
    """The live hidden neurons, in forward order."""
    uses: tuple[IrrepUse, ...]
    """One per irrep."""
    logits: LogitShares
    first: tuple[First, ...]
    """Dimensions and neurons by explained share times loss increase, the largest first: look here first."""
    irrep_basis: PrivilegedBasis | None
    """Whether irreps lie along single dimensions; None without dimensions."""
    coset_basis: PrivilegedBasis | None
    """The same of cosets; None where there are none either."""
    draws: int
    """Rotations behind each p-value, and shuffles at least."""

    def says(self, match: Match | None, *, is_cosets: bool) -> str:
        """Names what was matched; empty where chance could do it."""
        if match is None or not match.is_significant:
            return ""
        if is_cosets:
            return family_name(self.group, self.families[match.concept])
        return self.irreps[match.concept].name

    def sign_share(self, dimension: DimensionReading) -> float | None:
        """Returns how much of a dimension's variance is a sign, the largest of several; None without one."""
        return max((float(dimension.shares[k]) for k, each in enumerate(self.irreps) if each.is_sign), default=None)

    def to_json(self) -> dict[str, Any]:
        """Returns what docs/json.md describes under `group`."""
        return {
            "group": self.group.name,
            "order": len(self.group),
            "irreps": [use._asdict() | {"dimensions": list(use.dimensions)} for use in self.uses],
            "subgroups": {
                "count": len(self.subgroups.chosen),
                "complete": self.subgroups.is_complete,
                "largest_index": self.subgroups.largest_index,
                "generators": self.subgroups.generators,
            },
            "dimensions": [self._dimension_json(each) for each in self.dimensions],
            "neurons": [self._neuron_json(each) for each in self.neurons],
            "logits_r_squared": self.logits.r_squared,
            "first": [each._asdict() for each in self.first],
            "basis": {
                "irreps": None if self.irrep_basis is None else self.irrep_basis.to_json(),
                "cosets": None if self.coset_basis is None else self.coset_basis.to_json(),
            },
            "draws": self.draws,
        }

    def to_frame(self) -> pd.DataFrame:
        """Returns one row per active dimension: its energy in each irrep, and what it is.

        Shares are of its variance. Irrep and cosets are left out where chance could do it, the sign's share is not.
        """
        names = [each.name for each in self.irreps]
        frame = pd.DataFrame(
            [each.energies for each in self.dimensions],
            columns=names,
            index=pd.Index([each.name for each in self.dimensions], name="dimension"),
        )
        readings = [each.reading for each in self.dimensions]
        frame["sign share"] = [self.sign_share(each) for each in self.dimensions]
        frame["irrep"], frame["share"] = self._claims([each.irrep for each in readings], is_cosets=False)
        frame["cosets"], frame["coset share"] = self._claims([each.cosets for each in readings], is_cosets=True)
        return frame

    def irreps_frame(self) -> pd.DataFrame:
        """Returns one row per irrep."""
        columns = ["irrep", "dimension", "embedding", "dimensions", "loss increase", "R^2 of logits"]
        rows = [(*use[:3], ", ".join(use.dimensions), *use[4:]) for use in self.uses]
        return pd.DataFrame(rows, columns=columns).set_index("irrep")

    def neurons_frame(self) -> pd.DataFrame:
        """Returns one row per hidden neuron."""
        columns = ["neuron", *(f"of {part}" for part in PARTS), "rest"]
        frame = pd.DataFrame([(each.name, *each.parts, each.rest) for each in self.neurons], columns=columns)
        frame["irrep"], frame["share"] = self._claims([each.irrep for each in self.neurons], is_cosets=False)
        frame["coset share"] = [each.coset_share for each in self.neurons]
        return frame.set_index("neuron")

    def first_frame(self) -> pd.DataFrame:
        """Returns one row per dimension and neuron, the one to look at first on top."""
        columns = ["look here first", "is", "explained", "loss increase", "±"]
        return pd.DataFrame(self.first, columns=columns).set_index("look here first")

    def __rich__(self) -> RenderableType:
        """Draws the irreps, the dimensions and what to look at first."""
        irreps = self.irreps_frame()
        if len(irreps) > _MOST_ROWS:
            irreps = irreps.sort_values("embedding", ascending=False, kind="stable").head(_MOST_ROWS)
        head = f"{printable(self.group.name)}: {len(self.group)} elements, {len(self.irreps)} real irreps"
        dimensions = self.to_frame().drop(columns=[each.name for each in self.irreps])
        dimensions.insert(0, "mean", [each.energies[0] for each in self.dimensions])
        if not self.families:
            dimensions = dimensions.drop(columns=["cosets", "coset share"])
        if not any(each.is_sign for each in self.irreps):
            dimensions = dimensions.drop(columns="sign share")
        shown = self.first_frame().head(_MOST_ROWS)
        return Stacked(
            frame_table(irreps, title=_titled(head, len(self.irreps))),
            frame_table(dimensions, title="active dimensions of the embedding"),
            frame_table(self.neurons_frame().head(_MOST_ROWS), title=_titled("hidden neurons", len(self.neurons))),
            frame_table(shown, title=_titled("explained share times loss increase", len(self.first))),
            Text(self.in_words()),
        )

    def in_words(self) -> str:
        """Says what was found in a few sentences."""
        words = [f"The characters explain {self.logits.r_squared:.3f} of the logits."]
        for what, basis in (("irreps", self.irrep_basis), ("cosets", self.coset_basis)):
            if basis is not None:
                words.append(f"How far {what} lie along {basis.in_words()}.")
        if not self.subgroups.chosen:
            words.append("There are no subgroups to have cosets of.")
        elif not self.subgroups.is_complete:
            words.append(
                f"Subgroups: {len(self.subgroups.chosen):,} with up to {self.subgroups.largest_index:,} cosets, of "
                f"those that {self.subgroups.generators} elements generate; there are more."
            )
        return " ".join(words)

    def _claims(self, matches: Sequence[Match | None], *, is_cosets: bool) -> tuple[list[str], list[float | None]]:
        """Returns name and share of each match that chance could not do; nothing for the others."""
        claimed = [match if match is not None and match.is_significant else None for match in matches]
        names = [self.says(match, is_cosets=is_cosets) for match in claimed]
        return names, [None if match is None else match.share for match in claimed]

    def _dimension_json(self, each: DimensionReading) -> dict[str, Any]:
        return {
            "name": each.name,
            "energies": each.energies.tolist(),
            "sign_share": self.sign_share(each),
            "irrep": self._match_json(each.reading.irrep, is_cosets=False),
            "cosets": self._match_json(each.reading.cosets, is_cosets=True),
        }

    def _neuron_json(self, each: NeuronReading) -> dict[str, Any]:
        strongest = np.argsort(-each.pairs, axis=None, kind="stable")[:_MOST_PAIRS]
        pairs = [divmod(int(flat), len(self.irreps)) for flat in strongest]
        return {
            "name": each.name,
            "parts": {
                part: {
                    "share": float(share),
                    "irrep": self._match_json(reading and reading.irrep, is_cosets=False),
                    "cosets": self._match_json(reading and reading.cosets, is_cosets=True),
                }
                for part, share, reading in zip(PARTS, each.parts, each.readings, strict=True)
            },
            "rest": each.rest,
            "pairs": [
                {"a": self.irreps[a].name, "b": self.irreps[b].name, "share": float(each.pairs[a, b])}
                for a, b in pairs
                if each.pairs[a, b] > 0
            ],
            "irrep": self._match_json(each.irrep, is_cosets=False),
            "coset_share": each.coset_share,
        }

    def _match_json(self, match: Match | None, *, is_cosets: bool) -> dict[str, Any] | None:
        if match is None:
            return None
        found: dict[str, Any] = {"share": match.share, "p": match.p, "significant": match.is_significant}
        if not is_cosets:
            return {"name": self.irreps[match.concept].name} | found
        family = self.families[match.concept]
        generators = [self.group.elements[each] for each in family.subgroup.generators]
        side = "both" if family.is_normal else family.side
        return {"side": side, "subgroup": {"generators": generators, "order": family.subgroup.order}} | found


def _titled(title: str, count: int) -> str:
    return f"{title}, the first {_MOST_ROWS} of {count:,}" if count > _MOST_ROWS else title
