"""What the net of a report computes, where its task is one of which more can be said."""

from reports.addition import view_addition
from reports.results import Report
from reports.section import Section


def view_algorithm(report: Report) -> tuple[Section, ...]:
    """Returns the sections that a report's task asks for; most tasks ask for none."""
    return view_addition(report)
