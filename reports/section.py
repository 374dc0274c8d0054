"""One section of a page, and the findings in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reports.figures.drawing import Figure
from reports.tables import Table
from reports.words import number


@dataclass(frozen=True)
class Finding:
    """A claim, what is published of it, what was measured, and whether it holds."""

    claim: str
    published: float | int | str | None
    """None where nothing is published."""
    ours: float | int | str | None
    """As measured; None where nothing could be."""
    is_met: bool | None
    """None where there is nothing to be met: the number is new."""

    def to_json(self) -> dict[str, Any]:
        """Returns what docs/json.md describes under `reproduce`."""
        return {"claim": self.claim, "published": self.published, "ours": self.ours, "met": self.is_met}


@dataclass(frozen=True)
class Section:
    """Words, figures, tables and findings under one title."""

    name: str
    """Its anchor: small letters, digits, hyphens."""
    title: str
    words: tuple[str, ...] = ()
    """Paragraphs."""
    findings: tuple[Finding, ...] = ()
    panoramas: tuple[Figure, ...] = ()
    """Figures as wide as the page."""
    figures: tuple[Figure, ...] = ()
    """Figures that share a row."""
    tables: tuple[Table, ...] = ()


def findings_table(findings: Sequence[Finding]) -> Table:
    """Lists findings: the claim, the published value, ours, and whether it is met."""
    rows = [(finding.claim, _shown(finding.published), _shown(finding.ours), verdict(finding)) for finding in findings]
    return Table(("claim", "published or asked for", "ours", ""), tuple(rows), frozenset((0, 3)))


def verdict(finding: Finding) -> str:
    """Says in a word or two whether a finding is met."""
    return {True: "met", False: "not met", None: "measured"}[finding.is_met]


def tally(findings: Sequence[Finding]) -> str:
    """Says how many findings are met.

    Example:
        >>> tally([Finding("a", 1.0, 1.0, True), Finding("b", None, 2.0, None), Finding("c", 1.0, 2.0, False)])
        '1 of 2 claims met'
    """
    judged = [finding for finding in findings if finding.is_met is not None]
    met = sum(bool(finding.is_met) for finding in judged)
    return f"{met} of {len(judged)} claims met" if judged else "no claim to be met"


def _shown(value: float | int | str | None) -> str:
    return value if isinstance(value, str) else number(value, 3)
