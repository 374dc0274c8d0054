"""What the net of a report computes, where its task or its attention is one of which more can be said."""

from reports.addition import view_addition
from reports.groups import view_group
from reports.heads import view_heads
from reports.results import Report
from reports.section import Section


def view_algorithm(report: Report) -> tuple[Section, ...]:
    """Returns the sections that a report's task or attention asks for; most ask for none."""
    return *view_addition(report), *_group_sections(report), *view_heads(report)


def _group_sections(report: Report) -> tuple[Section, ...]:
    view = view_group(report)
    if view is None:
        return ()
    without = "Loss without it: the irrep taken out of every dimension of the embedding, test split."
    order = (
        "Sorted by explained share of variance times the increase of the test loss where the value is replaced by its "
        "training mean."
    )
    return (
        Section("group", "What it knows of the group", (*view.words, without), (), view.figures, (), (view.irreps,)),
        Section("look-here", "Look here first", (order,), (), (), (), (view.first,)),
    )
