"""What a report shows of a net that multiplies the elements of a group: irreps, cosets, and what to look at first."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from bimt.messages import printable
from interp.group import finite_group
from interp.pair_parts import PARTS
from interp.readings import CosetFamily, DimensionReading, family_name
from interp.representations import Representations
from interp.select import Selected
from interp.stages import representations_of
from reports.figures.drawing import Figure, Floats
from reports.figures.energies import Block, draw_energies
from reports.figures.tokens import Strip, draw_strips_of
from reports.results import Report
from reports.tables import Table
from reports.words import counted, listed, name, number, signed

_MOST_ROWS = 24
_MOST_COLUMNS = 8
"""Of more irreps those with the largest shares have a column each."""
_LEAST_SHARE, _LEAST_USE = 0.05, 0.01
"""Of more irreps, those have a column that make up so much of one row, and are listed that make up so much of all."""


@dataclass(frozen=True)
class GroupView:
    """The section of a net that learnt a group."""

    words: tuple[str, ...]
    figures: tuple[Figure, ...]
    irreps: Table
    first: Table


def find_group(selected: Selected) -> Representations | None:
    """Returns what the net knows of its task's group; None where the task has none."""
    return representations_of(selected) if finite_group(selected.checkpoint.config) else None


def view_group(report: Report) -> GroupView | None:
    """Makes the section; None for a task without a group."""
    found = report.representations
    if found is None:
        return None
    return GroupView(
        words=_words(found),
        figures=(*_dimensions(found), *_neurons(found), *_strips(found)),
        irreps=_irreps_table(found),
        first=_first_table(found),
    )


def _words(found: Representations) -> tuple[str, ...]:
    names = listed([use.name for use in found.uses if use.dimensions]) or "none"
    return (
        f"The tokens are the {len(found.group)} elements of {name(found.group.name)}, which has "
        f"{counted(len(found.irreps), 'real irreducible representation')} (irreps) and {_subgroups(found)}. A "
        "dimension of the embedding is a function on the group. The irreps that single dimensions are mostly made of: "
        f"{names}.",
        *(
            f"How far {what} lie along single dimensions (1: each dimension is one of them, 0: chance): "
            f"{number(basis.score, 3)}; after random rotations of the embedding {number(basis.rotated, 3)} "
            f"(p {number(basis.p, 2)})."
            for what, basis in (("irreps", found.irrep_basis), ("cosets", found.coset_basis))
            if basis is not None
        ),
    )


def _subgroups(found: Representations) -> str:
    """Says how many subgroups were looked at, and which."""
    if not found.families:
        return "no subgroups to have cosets of"
    said = counted(len(found.subgroups.chosen), "subgroup")
    if found.subgroups.is_complete:
        return f"{said} between the identity and itself"
    return f"{said} with at most {found.subgroups.largest_index} cosets that are looked at (there are more)"


def _columns(found: Representations, shares: Floats) -> list[int]:
    """Returns the irreps that have a column, in their order: all of a few, else those with the largest shares."""
    if len(found.irreps) <= _MOST_COLUMNS:
        return list(range(1, len(found.irreps)))
    largest = shares.max(0, initial=0.0)
    order = [which for which in np.argsort(-largest, kind="stable").tolist() if largest[which] >= _LEAST_SHARE]
    return sorted(which for which in order[:_MOST_COLUMNS] if not found.irreps[which].is_trivial)


def _shares_block(found: Representations, shares: Floats, title: str, *, mean: Floats | None = None) -> Block:
    """Makes the columns of the irreps from (rows, irreps); of the mean first, where it is given."""
    chosen = _columns(found, shares)
    names, parts = [found.irreps[which].name for which in chosen], [shares[:, chosen]]
    if mean is not None:
        names, parts = ["mean", *names], [mean[:, None], *parts]
    if len(chosen) < len(found.irreps) - 1:
        names.append("all others")
        parts.append(np.delete(shares, [0, *chosen], axis=1).sum(1, keepdims=True))
    return Block(title, tuple(names), np.concatenate(parts, axis=1), "positive")


def _dimensions(found: Representations) -> tuple[Figure, ...]:
    if not found.dimensions:
        return ()
    shown = found.dimensions[:_MOST_ROWS]
    energies = np.stack([each.energies for each in shown])
    block = _shares_block(found, energies, "energy in", mean=energies[:, 0])
    caption = "Energy of the dimension's values in each irrep; a row sums to 1."
    if found.families:
        caption += (
            " Beside it the cosets that explain it better than they explain shuffled values, with their share of its "
            "variance."
        )
    if len(shown) < len(found.dimensions):
        caption += f" The {len(shown)} of {len(found.dimensions)} with the largest outgoing weight."
    return (
        draw_energies(
            [block],
            rows=[each.name for each in shown],
            notes=[_note(found, each) for each in shown],
            name="irreps-dimensions",
            title="What each dimension of the embedding is made of",
            caption=caption,
        ),
    )


def _note(found: Representations, each: DimensionReading) -> str:
    cosets = found.says(each.reading.cosets, is_cosets=True)
    return f"{cosets}: {each.reading.cosets.share:.2f}" if cosets and each.reading.cosets else ""


def _neurons(found: Representations) -> tuple[Figure, ...]:
    if not found.neurons:
        return ()
    rank = {row.name: place for place, row in enumerate(found.first)}
    chosen = sorted(found.neurons, key=lambda each: rank[each.name])[:_MOST_ROWS]
    names = {each.name for each in chosen}
    shown = [each for each in found.neurons if each.name in names]
    parts = np.stack([[*each.parts, each.rest] for each in shown])
    alone = np.stack([each.pairs[0] + each.pairs[:, 0] + each.pairs.diagonal() for each in shown])
    alone[:, 0] = 0.0
    mixed = np.maximum(1 - alone.sum(1), 0.0) * np.array([each.pairs.any() for each in shown])
    block = _shares_block(found, alone, "made of one irrep")
    block = Block(
        block.title, (*block.columns, "several"), np.concatenate([block.shares, mixed[:, None]], axis=1), block.tone
    )
    caption = (
        "Shares of its variance over all pairs a, b: what depends on a, on b, on the product ab alone, and on both in "
        "another way; and on which irrep of a, of b, or of both. Each half of a row sums to 1."
    )
    if len(shown) < len(found.neurons):
        caption += f" The {len(shown)} of {len(found.neurons)} that come first below."
    return (
        draw_energies(
            [Block("depends on", (*PARTS, "both"), parts, "module0"), block],
            rows=[each.name for each in shown],
            notes=["" for _ in shown],
            name="irreps-neurons",
            title="What each hidden neuron depends on",
            caption=caption,
        ),
    )


def _strips(found: Representations) -> tuple[Figure, ...]:
    """Draws the dimensions over the elements, in the order of the cosets that most of them are constant on."""
    family = _main_family(found)
    if family is None:
        return ()
    order = family.classes.ravel()
    shades = np.repeat(np.arange(len(family.classes)) % 2 == 1, family.classes.shape[1])
    shown = [each for each in found.dimensions if _is_on(found, each, family)][:_MOST_ROWS]
    return (
        draw_strips_of(
            [Strip(each.name, each.values[order]) for each in shown],
            tokens=[found.group.elements[each] for each in order],
            marked=shades.tolist(),
            name="cosets",
            title=f"Dimensions that are constant on the {family_name(found.group, family)}",
            caption="The elements coset by coset, in turn blue and orange; each row to a scale of its own.",
        ),
    )


def _main_family(found: Representations) -> CosetFamily | None:
    """Returns the cosets that the most dimensions are matched with; None where none is."""
    matches = [each.reading.cosets for each in found.dimensions]
    counts = Counter(match.concept for match in matches if match is not None and match.is_significant)
    return found.families[counts.most_common(1)[0][0]] if counts else None


def _is_on(found: Representations, each: DimensionReading, family: CosetFamily) -> bool:
    match = each.reading.cosets
    return match is not None and match.is_significant and found.families[match.concept] is family


def _irreps_table(found: Representations) -> Table:
    """Lists every irrep but the trivial one; of many those that are used."""
    uses = [use for use, irrep in zip(found.uses, found.irreps, strict=True) if not irrep.is_trivial]
    if len(uses) > _MOST_COLUMNS:
        uses = [use for use in uses if max(use.embedding, use.r_squared) >= _LEAST_USE or use.dimensions]
    rows = [
        (
            name(use.name),
            str(use.dimension),
            number(use.embedding, 3),
            listed(use.dimensions) or "–",
            signed(use.loss_increase),
            number(use.r_squared, 3),
        )
        for use in uses
    ]
    columns = ("irrep", "its dimension", "share of the embedding", "dimensions made of it",
               "loss without it", "R² of logits on its character")  # fmt: skip
    return Table(columns, tuple(rows), frozenset((0, 3)))


def _first_table(found: Representations) -> Table:
    rows = [
        (
            row.name,
            printable(row.says) or "–",
            number(row.explained, 3),
            signed(row.loss_increase),
            number(row.stderr, 2),
        )
        for row in found.first[:_MOST_ROWS]
    ]
    return Table(("look here first", "is", "explained", "loss increase", "± error"), tuple(rows), frozenset((0, 1)))
