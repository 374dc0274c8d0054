"""Runs side by side: what differs between them, which net is which, and what is refused."""

import json
import re

import pytest

from bimt.cli import run
from reports.nets.compare import compare
from reports.nets.page import write_nets_page
from reports.page_commands import report
from tests.reports.browser import Opened, browser, needs_browser
from tests.reports.checkpoints import saved, small_checkpoint, small_task
from tests.reports.live.pages import silent_checkpoint
from tests.reports.test_report import check_page


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two runs of one name in different folders, with different hidden layers."""
    folders = []
    for hidden in (5, 3):
        folder = tmp_path_factory.mktemp("arm") / "run"
        saved(small_checkpoint(small_task(), hidden=f"[{hidden}]"), folder)
        folders.append(folder)
    return folders


@pytest.fixture(scope="module")
def page(runs):
    return compare(runs)


def section(page, name):
    return next(each for each in page.sections if each.name == name)


def test_the_settings_that_differ_are_listed(page, runs):
    assert [row[0] for row in section(page, "settings").tables[0].rows] == ["net.hidden"]
    assert section(page, "settings").tables[0].rows[0][1:] == ("[5]", "[3]")
    names = tuple(row[0] for row in section(page, "numbers").tables[0].rows)
    assert section(page, "settings").tables[0].columns == ("setting", *names)
    same = compare(runs[:1], labels=[0, 1])
    assert section(same, "settings").words == ("The runs have the same settings.",)
    assert not section(same, "settings").tables


def test_the_numbers_are_the_seeds_own(page, runs):
    rows = section(page, "numbers").tables[0].rows
    assert [re.search(r"(arm\d)/run seed", row[0])[1] for row in rows] == [each.parent.name for each in runs]
    same = compare(runs[:1], labels=[1, 0])
    assert [row[0] for row in section(same, "numbers").tables[0].rows] == ["run seed 1", "run seed 0"]


def test_the_page_is_whole_and_written_the_same_again(page, tmp_path):
    first, *_ = write_nets_page(page, tmp_path / "one", "report")
    check_page(first.read_text(encoding="utf-8"))
    for path in write_nets_page(page, tmp_path / "other", "report"):
        assert path.read_bytes() == (tmp_path / "one" / path.relative_to(tmp_path / "other")).read_bytes()


@needs_browser
def test_nets_are_cut_one_by_one(page, tmp_path):
    path = write_nets_page(page, tmp_path, "report")[0]
    with browser() as running, Opened(running, path) as opened:
        stages = opened.page.locator("[data-stage]")
        before = [each.get_attribute("data-metric") for each in opened.page.locator("[data-metric]").all()]
        stages.nth(1).locator("[data-neuron^=h1]").first.dispatch_event("click")
        after = [each.get_attribute("data-metric") for each in opened.page.locator("[data-metric]").all()]
        assert before[0] == after[0]
        assert before[1] != after[1]
        assert (opened.said, opened.requests, opened.dialogs) == ([], [], [])


def test_nets_that_cannot_run_are_drawn(tmp_path):
    saved_net = silent_checkpoint()
    page = compare_in_memory([saved_net, saved_net])
    assert page.live is None
    first, *_ = write_nets_page(page, tmp_path, "report")
    check_page(first.read_text(encoding="utf-8"))


def compare_in_memory(checkpoints):
    """Compares checkpoints that no file could hold."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("reports.nets.compare.open_checkpoint", lambda path: checkpoints[int(path)])
        return compare([str(number) for number in range(len(checkpoints))])


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (
            ["{one}", "--compare"],
            "--compare takes 2 to 12 nets, got 1; name more checkpoints, or --seed more than once",
        ),
        (["{one}", "--compare", *["--seed", "0"] * 13], "--compare takes 2 to 12 nets, got 13"),
        (["{one}", "{other}"], "got several checkpoints; --compare puts them side by side"),
        (["{one}", "--seed", "0", "--seed", "1"], "got several seeds; --compare puts them side by side"),
        (["{one}", "{other}", "--compare", "--seed", "7"], "--seed must be a label of the checkpoint, 0 to 1, got 7"),
        (["{one}", "{other}/none", "--compare"], "there is no checkpoint"),
        (["{one}", "{other}", "--compare", "--tolerance", "2"], "--tolerance must be above 0 and below 1, got 2"),
    ],
)
def test_mistakes_are_one_line(runs, words, complaint, capsys):
    assert run(report, [word.format(one=runs[0], other=runs[1]) for word in words]) == 2
    error = capsys.readouterr().err
    assert complaint in error
    assert error.count("\n") == 1


def test_the_command_writes_beside_the_first(runs, capsys):
    assert run(report, [str(runs[0]), "--compare", "--seed", "best", "--seed", "1", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["html"] == str(runs[0].parent / "compare-run" / "report.html")
    assert document["checkpoints"] == [str(runs[0])]
