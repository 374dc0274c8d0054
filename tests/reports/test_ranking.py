"""The seeds side by side, in a report."""

import pytest

from bimt.tasks.base import Task
from interp.rank import rank_pruned
from reports.content import make_page
from reports.html import to_html
from reports.markdown import to_markdown
from reports.ranking import find_ranking
from reports.report import build_report
from tests.reports.checkpoints import HOSTILE, small_checkpoint, small_task
from tests.reports.test_report import check_page


def page_of(task: Task, *, seeds: int):
    report = build_report(small_checkpoint(task, seeds=seeds, steps=20))
    return report, make_page(report)


@pytest.fixture(scope="module")
def six():
    return page_of(small_task(outputs=("y1", "y2")), seeds=6)


def test_a_report_of_many_seeds_ranks_them(six):
    report, page = six
    (section,) = page.ranking
    ranking = rank_pruned(report.selected.checkpoint, report.seeds)
    assert report.ranking == ranking
    assert section.words[0] == ranking.consistency.verdict
    partitions, table = section.tables
    assert [row[0] for row in table.rows] == [str(row.seed) for row in ranking.rows]
    assert table.marked == {0}, "the best is explained"
    assert sum(int(row[1]) for row in partitions.rows) == 6
    assert [figure.name for figure in page.figures].count("best-seeds") == 1
    html = check_page(to_html(page))
    assert "The seeds side by side" in "".join(html.text)
    assert "## The seeds side by side" in to_markdown(page, "figures")


def test_the_explained_seed_is_marked_wherever_it_stands(six):
    from dataclasses import replace

    from reports.ranking import view_ranking

    report, _ = six
    last = report.ranking.rows[-1].seed
    other = replace(report, selected=replace(report.selected, label=last))
    (section,) = view_ranking(other)
    assert section.tables[1].marked == {5}


def test_names_from_the_data_are_harmless():
    names = tuple(HOSTILE[:3])
    _, page = page_of(small_task(inputs=names, outputs=names[:2]), seeds=5)
    assert page.ranking
    check_page(to_html(page))


def test_of_few_seeds_nothing_is_said():
    report, page = page_of(small_task(), seeds=2)
    assert (report.ranking, page.ranking) == (None, ())
    assert find_ranking(report.selected.checkpoint, report.seeds) is None
    assert 'id="ranking"' not in to_html(page)
