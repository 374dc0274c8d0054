"""What a report says of modules that meet in the outputs: who is right alone, and what they do together."""

from dataclasses import dataclass

from interp.voting import Voting
from reports.figures.drawing import Figure
from reports.figures.votes import draw_pairs, draw_sizes
from reports.tables import Table
from reports.words import name, number, percent


@dataclass(frozen=True)
class VotesView:
    """The section of a net whose modules come to an answer together."""

    verdict: str
    words: str
    members: Table
    together: Table
    causes: Table
    mirrors: Table
    """No rows where the operands may not be exchanged."""
    maps: tuple[Figure, ...]
    curves: tuple[Figure, ...]

    @property
    def figures(self) -> tuple[Figure, ...]:
        """All figures, in order."""
        return *self.maps, *self.curves


def view_votes(voting: Voting | None) -> VotesView | None:
    """Writes the section; None where there is nothing to show."""
    if voting is None:
        return None
    return VotesView(
        verdict=voting.rows.verdict,
        words=voting.words,
        members=_members_table(voting),
        together=_together_table(voting),
        causes=_causes_table(voting),
        mirrors=_mirrors_table(voting),
        maps=() if voting.pairs is None else (draw_pairs(voting, voting.pairs),),
        curves=(draw_sizes(voting.rows.sizes),),
    )


def _members_table(voting: Voting) -> Table:
    columns = (
        *("module", "right alone", "on test rows", "others at their mean", "others' inputs cut"),
        *("net without its inputs", "others' sum", "the same if independent", "explained by the answer"),
    )
    rows = [
        (
            member.name,
            percent(member.alone.rows),
            percent(member.alone.test),
            percent(member.among_means.rows),
            percent(member.reading and member.reading.rows),
            percent(member.knocked_out and member.knocked_out.rows),
            percent(member.others.rows),
            percent(member.others_predicted.rows),
            percent(member.by_answer),
        )
        for member in voting.members
    ]
    return Table(columns, tuple(rows))


def _together_table(voting: Voting) -> Table:
    def row(label: str, key: str) -> tuple[str, ...]:
        return label, *(percent(getattr(tally, key)) for tally in (voting.rows, voting.test))

    def whole(label: str, key: str) -> tuple[str, ...]:
        return label, *(percent(getattr(tally.whole, key)) for tally in (voting.rows, voting.test))

    def dealt(label: str, key: str) -> tuple[str, ...]:
        each = [getattr(tally.whole, key) for tally in (voting.rows, voting.test)]
        return label, *(f"{percent(one.mean)} ± {number(100 * one.stderr, 2)}" for one in each)

    rows = (
        row("right in at least one module alone", "union"),
        whole("plurality of their answers (ties count 1/k)", "plurality"),
        dealt("the same if independent", "permuted_plurality"),
        whole("sum, with the bias: the net", "sum"),
        row("sum, without the bias", "sum_without_bias"),
        dealt("sum if independent", "permuted_sum"),
        row("cooperation", "cooperation"),
        row("soft information", "soft_information"),
    )
    return Table(("share right", "all rows", "test rows"), rows)


def _causes_table(voting: Voting) -> Table:
    rows = [
        (
            name(cause.name),
            cause.module or "–",
            number(cause.loss_increase, 3),
            " to ".join(number(end, 3) for end in cause.interval),
            percent(cause.drop),
        )
        for cause in voting.causes
    ]
    columns = ("neuron", "module", "test loss increase, by mean", "95 % interval over test rows", "drop of accuracy")
    return Table(columns, tuple(rows), frozenset((0, 1)))


def _mirrors_table(voting: Voting) -> Table:
    rows = [(split.kind, f"{split.rows:,}", percent(split.accuracy)) for split in voting.mirrors]
    return Table(("test rows (a, b) by (b, a)", "rows", "accuracy"), tuple(rows))
