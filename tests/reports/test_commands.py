"""`bimt report`, `python -m reports` and the demonstration."""

import json
import os
import subprocess
import sys

import pytest

from bimt.checkpoint import load_checkpoint
from bimt.cli import run
from reports import demo
from reports.page_commands import report
from reports.report import build_report, write_report
from tests.bimt.foreign.files import linear, transformer, written
from tests.reports.checkpoints import saved, small_checkpoint, small_task
from tests.reports.test_report import check_page


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A checkpoint on disk."""
    path = tmp_path_factory.mktemp("runs") / "run"
    saved(small_checkpoint(small_task()), path)
    return path


def test_python_m_reports_writes_the_bytes_that_the_library_writes(folder, tmp_path):
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    command = [sys.executable, "-m", "reports", str(folder), "--out", str(tmp_path / "one")]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == [str(tmp_path / "one" / name) for name in ("report.html", "report.md")]
    for path in write_report(build_report(folder), tmp_path / "other"):
        same = tmp_path / "one" / path.relative_to(tmp_path / "other")
        assert path.read_bytes() == same.read_bytes()


def test_json_lists_the_paths(folder, capsys):
    assert run(report, [str(folder), "--seed", "1", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["seed"] == 1
    assert document["html"] == str(folder / "report.html")
    assert load_checkpoint(folder).labels == (0, 1), "it is the same checkpoint with a report in it"
    assert all(os.path.isfile(path) for path in (document["markdown"], *document["figures"]))


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["{none}"], "there is no checkpoint"),
        (["{run}", "--seed", "9"], "--seed must be a label of the checkpoint, 0 to 1, got 9"),
        (["{run}", "--tolerance", "0"], "--tolerance must be above 0"),
        (["{run}", "--out", "{run}/config.json"], "cannot be made"),
    ],
)
def test_mistakes_are_one_line(folder, capsys, words, complaint):
    values = {"run": folder, "none": folder.parent / "none"}
    assert run(report, [word.format(**values) for word in words]) == 2
    error = capsys.readouterr().err
    assert complaint in error
    assert error.count("\n") == 1


def test_the_demonstration_links_its_reports(tmp_path, monkeypatch, capsys):
    few = ("--set", "steps=200", "--seeds", "1", "--set", "net.hidden=[3]")
    monkeypatch.setattr(demo, "_TRAINING", {name: (*words, *few) for name, words in demo._TRAINING.items()})
    assert demo.main(tmp_path / "demo") == 0
    written = capsys.readouterr().out.split("\n")
    page = (tmp_path / "demo" / "report.html").read_text(encoding="utf-8")
    linked = page.replace('href="independence/', 'href="#figure-independence" x="')
    check_page(linked.replace('href="diabetes/', 'href="#figure-diabetes" x="'))
    for name in ("independence", "diabetes"):
        for file in ("report.html", "report.md"):
            assert f'href="{name}/{file}"' in page
            assert str(tmp_path / "demo" / name / file) in written
            assert (tmp_path / "demo" / name / file).is_file()


@pytest.mark.parametrize("made", [transformer(), transformer(diff_vocab=1, eqn_sign=1), linear("X")])
def test_another_projects_file_has_a_report_without_training(tmp_path, capsys, made):
    path = written(tmp_path, *made)
    assert run(report, [str(path)]) == 2
    assert "--out must be given where the checkpoint is a file" in capsys.readouterr().err
    assert run(report, [str(path), "--out", str(tmp_path / "page")]) == 0
    page = (tmp_path / "page" / "report.html").read_text(encoding="utf-8")
    check_page(page)
    assert "trained elsewhere to find the right one of" in page
    assert "training and test split are both all 25" in page
    assert "The file does not say how it went." in page
    settings = page[page.index("&#34;net&#34;: {") :]
    assert "swaps" not in settings, "how it was trained is not known"
