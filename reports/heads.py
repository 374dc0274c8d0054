"""What a report says of a net's attention heads: where they look, what they read and feed, what each is worth."""

from interp.heads import Head, Heads, has_heads
from interp.stages import heads_of
from reports.figures.heads import draw_heads
from reports.figures.palette import module_tone
from reports.results import Report
from reports.section import Section
from reports.tables import Table
from reports.words import counted, listed, name, number, sentence, signed


def view_heads(report: Report) -> tuple[Section, ...]:
    """Returns the section; none for a net without attention."""
    chosen = report.selected
    if not has_heads(chosen.sparse.net):
        return ()
    found = heads_of(chosen, report.modules)
    tones = {module.name: module_tone(rank) for rank, module in enumerate(report.modules.modules)}
    hues = {head.name: tones[head.shares[0].module] for head in found.heads if head.shares}
    return (
        Section(
            name="heads",
            title="Attention heads",
            words=(sum_up(found), *_notes(found)),
            panoramas=(draw_heads(found.heads, found.moments, tones=hues),),
            tables=(_looks_table(found), _wiring_table(found, report.metric_name)),
        ),
    )


def sum_up(found: Heads) -> str:
    """Says how many heads there are, which matters most, and which matter not at all."""
    live, idle = (tuple(head for head in found.heads if head.is_live == is_live) for is_live in (True, False))
    words = [f"{sentence(counted(len(found.heads), 'attention head'))}, as pruned, on the test split."]
    if live:
        worst = max(live, key=lambda head: head.zero.loss_increase)
        zero, mean = (f"{signed(loss.loss_increase)}" for loss in (worst.zero, worst.mean))
        words.append(
            f"The loss, {number(found.baseline.loss, 3)}, changes most without {worst.name}: {zero} where its mixed "
            f"values are zero, {mean} where they are their training means."
        )
    if idle:
        words.append(f"Pruning left nothing behind {listed([head.name for head in idle])}.")
    even = [head.name for head in live if head.is_even and head.rate > 0]
    if even:
        words.append(
            f"No kept connection tells moments apart for {listed(even)}: there a moment mixes all that it sees alike."
        )
    return " ".join(words)


def _notes(found: Heads) -> tuple[str, ...]:
    asking = {moment for head in found.heads for moment in head.asking}
    if asking == set(range(len(found.moments))) and all(head.asking == found.heads[0].asking for head in found.heads):
        where = ""
    else:
        where = (
            " Averages leave out the moments whose mixed values change no answer, and those that see only themselves."
        )
    return (
        "Moments looked at: e to the entropy of a moment's attention. Variation: how far a row's attention is from the "
        f"average, 0 where all rows are alike, at most 1.{where}",
    )


def _looks_table(found: Heads) -> Table:
    rows = [
        (
            head.name,
            head.says(found.moments),
            f"{number(head.looked, 3)} of {number(head.seen, 3)}",
            number(head.variation, 2),
            _modules(head),
        )
        for head in found.heads
    ]
    return Table(
        ("head", "looks", "moments looked at", "variation", "modules (neurons)"), tuple(rows), frozenset((0, 1, 4))
    )


def _wiring_table(found: Heads, metric: str) -> Table:
    rows = [
        (
            head.name,
            number(head.zero.drop, 3),
            number(head.mean.drop, 3),
            number(head.zero.loss_increase, 3),
            number(head.zero.stderr, 2),
            number(head.mean.loss_increase, 3),
            number(head.mean.stderr, 2),
            *(f"{count:,}" for count in head.connections),
            f"{head.neurons:,}",
        )
        for head in found.heads
    ]
    columns = (
        *("head", f"drop of {metric}, zero", "by mean", "loss increase, zero", "± error", "by mean", "± error"),
        *("into queries", "into keys", "into values", "out of it", "live neurons"),
    )
    return Table(columns, tuple(rows))


def _modules(head: Head) -> str:
    return ", ".join(f"{name(share.module)} ({share.neurons:,})" for share in head.shares) or "–"
