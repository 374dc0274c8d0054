"""`bimt figures`: every figure of a checkpoint, a sweep and an experiment as files, and what is refused."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

from bimt.cli import run
from bimt.messages import UserError
from reports.commands import sweep
from reports.content import make_page
from reports.experiments.catalog import get_experiment
from reports.experiments.experiment import shortened, with_settings
from reports.experiments.reading import read_experiment
from reports.experiments.record import RUN
from reports.experiments.running import reproduce
from reports.figure_commands import figures
from reports.report import build_report
from reports.sweeps import asked
from reports.sweeps.results import read_sweep
from tests import checked
from tests.bimt.sweep.here import Here
from tests.bimt.sweep.works import TINY
from tests.reports.checkpoints import saved, small_checkpoint, small_task
from tests.reports.experiments import test_running
from tests.reports.pdfs import Pdf


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """The folder of a checkpoint of two seeds."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    saved(small_checkpoint(small_task(outputs=("p", "q"))), folder)
    return folder


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """The folder of a sweep with its page."""
    out = tmp_path_factory.mktemp("runs") / "sweep"
    settings = [word for text in TINY for word in ("--set", text)]
    words = ["crossing", "--grid", "cost.distance_scale=0,1", "--grid", "cost.offset=0,0.1", *settings, "--quiet"]
    with checked.unchecked(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(asked, "Processes", Here)
        assert run(sweep, [*words, "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory):
    """The folder of an experiment with its page."""
    out = tmp_path_factory.mktemp("runs") / "crossing"
    form = with_settings(shortened(get_experiment("crossing")), test_running.TINY)
    with checked.unchecked():
        reproduce(replace(form, explained=""), out, is_fast=True)
    return out


def written(folder):
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("format", ["pdf", "svg", "png"])
def test_every_figure_of_the_report_is_written_under_its_name(checkpoint, tmp_path, capsys, format):
    assert (
        run(figures, [str(checkpoint), "--seed", "1", "--out", str(tmp_path / "new" / "paper"), "--format", format])
        == 0
    )
    shown = capsys.readouterr().out.split()
    names = [figure.name for figure in make_page(build_report(checkpoint, label=1)).figures]
    assert shown == [str(tmp_path / "new" / "paper" / f"{name}.{format}") for name in names]
    assert written(tmp_path / "new" / "paper") == {f"{name}.{format}" for name in names}


def test_json_lists_the_files(checkpoint, tmp_path, capsys):
    chosen = ["--figure", "training-loss", "--figure", "net-after"]
    assert run(figures, [str(checkpoint), *chosen, "--width", "85", "--out", str(tmp_path), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["files"] == [str(tmp_path / "net-after.pdf"), str(tmp_path / "training-loss.pdf")]
    assert (document["of"], document["format"], document["width"]) == ("checkpoint", "pdf", 85)
    assert document["seed"] == build_report(checkpoint).selected.label
    for file in document["files"]:
        pdf = Pdf((tmp_path / file).read_bytes())
        assert pdf.size[0] == pytest.approx(85 / 25.4 * 72, abs=0.01)
    assert {"p", "q"} <= {text.words for text in Pdf((tmp_path / "net-after.pdf").read_bytes()).texts()}


@pytest.mark.parametrize("holder", ["swept", "reproduced"])
def test_the_figures_of_a_page_of_many_runs_are_those_on_the_page(holder, request, tmp_path, capsys, monkeypatch):
    folder = request.getfixturevalue(holder)
    capsys.readouterr()
    monkeypatch.setattr("bimt.train.train", None)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert run(figures, [str(folder), "--out", str(tmp_path), "--format", "png", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["of"] == {"swept": "sweep", "reproduced": "experiment"}[holder]
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before, "it is only read"
    assert written(tmp_path) == written(folder / "figures")
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (folder / "figures" / path.name).read_bytes()


def test_python_m_is_the_same_command(checkpoint, tmp_path):
    words = [sys.executable, "-m", "reports.figures", str(checkpoint), "--out", str(tmp_path), "--width", "5"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "python -m reports.figures: error: --width must be 10 to 2000 millimetres, got 5\n"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["{none}", "--out", "{new}"], "there is no checkpoint, sweep or experiment {none}"),
        (["{new}", "--out", "{new}/x"], "is not a checkpoint: it has no manifest.json"),
        (["{run}"], "--out"),
        (["{run}", "--out", "{new}", "--format", "gif"], "--format 'gif' is not one of 'pdf', 'svg', 'png'"),
        (["{run}", "--out", "{new}", "--width", "5"], "--width must be 10 to 2000 millimetres, got 5"),
        (["{run}", "--out", "{new}", "--width", "nan"], "--width must be 10 to 2000 millimetres, got nan"),
        (["{run}", "--out", "{new}", "--tolerance", "0"], "--tolerance must be above 0"),
        (["{run}", "--out", "{new}", "--seed", "9"], "--seed must be a label of the checkpoint, 0 to 1, got 9"),
        (["{run}", "--out", "{run}/config.json"], "must be a folder, but there is a file of that name"),
        (["{run}", "--out", "{run}/config.json/x"], "must be a folder"),
        (["{run}", "--out", "{new}", "--figure", "\x1b[2J"], "there is no figure \\x1b[2J, only net-before, "),
        (["{sweep}", "--out", "{new}", "--seed", "0"], "--seed is for one checkpoint, and {sweep} holds many"),
        (["{sweep}", "--out", "{new}", "--tolerance", "0.1"], "--tolerance is for one checkpoint"),
        (["{sweep}", "--out", "{new}", "--figure", "net-after"], "no figure net-after, only task-1-front, task-1-map-"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(checkpoint, swept, tmp_path, capsys, words, complaint):
    (tmp_path / "new").mkdir()
    values = {"run": checkpoint, "sweep": swept, "none": tmp_path / "none", "new": tmp_path / "new"}
    assert run(figures, [word.format(**values) for word in words]) == 2
    found = capsys.readouterr()
    assert complaint.format(**values) in found.err
    assert (found.err.count("\n"), found.out) == (1, "")
    assert not [path for path in (tmp_path / "new").iterdir() if path.is_file()]


def test_a_sweep_that_is_not_done_has_the_figures_of_what_is(swept, tmp_path):
    folder = shutil.copytree(swept, tmp_path / "sweep")
    cell = sorted((folder / "cells").iterdir())[0]
    shutil.rmtree(cell)
    results = read_sweep(folder)
    assert [len(each.measured) for each in results.cells] == [
        1 - (each.cell.name == cell.name) for each in results.cells
    ]
    assert run(figures, [str(folder), "--out", str(tmp_path / "out")]) == 0
    assert written(tmp_path / "out") == {name.replace(".png", ".pdf") for name in written(folder / "figures")}
    with pytest.raises(UserError, match="holds no sweep"):
        read_sweep(cell.parent)


def test_an_experiment_is_read_as_it_was_run(reproduced):
    results = read_experiment(reproduced)
    assert results.is_fast
    for each in results:
        assert each.variant.settings[-len(test_running.TINY) :] == test_running.TINY
        assert each.variant.seeds == len(each.pruned) == 2
        assert each.seconds > 0


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda record: record["finished"].remove("l1"), "is not finished: l1 is to be trained; go on with --resume"),
        (lambda record: record["form"].update(experiment="x"), "unknown experiment x"),
        (lambda record: record["form"].update(fast=[]), None),
        (lambda record: record["form"].update(seeds=[2]), "holds another crossing than this version knows"),
        (lambda record: record["form"].update(settings=[3] * 5), "holds another crossing than this version knows"),
        (lambda record: record["form"].pop("seeds"), "holds another crossing than this version knows"),
        (lambda record: record.pop("form"), "experiment.json is damaged or missing; run the experiment again"),
    ],
)
def test_records_that_say_something_else_are_refused(reproduced, tmp_path, change, complaint):
    folder = shutil.copytree(reproduced, tmp_path / "run")
    record = json.loads((folder / RUN).read_text(encoding="utf-8"))
    change(record)
    (folder / RUN).write_text(json.dumps(record), encoding="utf-8")
    if complaint is None:
        assert not read_experiment(folder).is_fast
        return
    with pytest.raises(UserError, match=complaint):
        read_experiment(folder)


def test_galleries_and_comparisons_are_drawn_too(tmp_path, capsys):
    paths = [str(saved(small_checkpoint(small_task(), seeds=2), tmp_path / name).path) for name in "ab"]
    out = tmp_path / "out"
    assert run(figures, [paths[0], "--gallery", "--format", "svg", "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["of"] == "gallery"
    assert run(figures, [*paths, "--format", "svg", "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["of"] == "comparison"
    assert written(out) == {"gallery.svg", "comparison.svg"}
    assert run(figures, [*paths, "--gallery", "--out", str(out)]) == 2
    assert "--gallery is of all seeds of one checkpoint" in capsys.readouterr().err
