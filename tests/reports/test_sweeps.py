"""The command sweep: tables, the page, what is refused, and what is left when it is killed."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from bimt.cli import run
from interp.sweep import ADDITION_NAMES
from reports.commands import sweep
from reports.sweeps import asked
from tests import checked
from tests.bimt.sweep.here import Here
from tests.bimt.sweep.works import TINY
from tests.bimt.test_commands import refused
from tests.reports.test_report import check_page

pytestmark = pytest.mark.usefixtures("unchecked")
ROOT = Path(__file__).parents[2]
GRID = ["--grid", "cost.distance_scale=0,1", "--grid", "swaps.every=never,20"]
SETTINGS = [word for text in TINY if not text.startswith("swaps") for word in ("--set", text)]
PAGES = {"results.csv", "results.parquet", "report.html", "report.md"}


def times(folder):
    """When every file of the cells was written."""
    return {path: path.stat().st_mtime_ns for path in (folder / "cells").rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A sweep of two tasks, four cells each; its folder."""
    out = tmp_path_factory.mktemp("sweeps") / "run"
    words = ["crossing,independence", *GRID, *SETTINGS, "--seeds", "2", "--out", str(out), "--quiet"]
    with checked.unchecked(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(asked, "Processes", Here)
        assert run(sweep, words) == 0
    return out


def test_there_is_one_row_for_every_cell_and_seed(swept):
    frame = pd.read_parquet(swept / "results.parquet")
    keys = ["task", "cost.distance_scale", "swaps.every", "seed"]
    found = list(frame[keys].itertuples(index=False, name=None))
    tasks = ("crossing", "independence")
    assert found == [(t, d, s, seed) for t in tasks for d in (0, 1) for s in ("never", "20") for seed in (0, 1)]
    assert list(frame.columns[:5]) == ["task", "cost.distance_scale", "swaps.every", "cell", "seed"]
    assert (frame.connections > 0).all()
    assert (frame.stopped == "").all()
    with open(swept / "results.csv", newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == list(frame.columns)
    for name in ("metric", "loss", "connections"):
        assert [float(row[name]) for row in rows] == frame[name].tolist()
    still = frame[frame["swaps.every"] == "never"].reset_index(drop=True)
    assert (still.length != frame[frame["swaps.every"] == "20"].length.reset_index(drop=True)).any()


def test_a_rerun_trains_nothing_and_says_the_same(swept, capsys):
    before, rows = times(swept), (swept / "results.csv").read_bytes()
    capsys.readouterr()
    assert run(sweep, ["--out", str(swept), "--resume", "--json", "--quiet"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert times(swept) == before
    assert (swept / "results.csv").read_bytes() == rows
    assert (document["skipped"], len(document["cells"]), document["failures"]) == (8, 8, [])
    assert {Path(path).name for path in document["files"]} == PAGES
    frame = pd.read_parquet(swept / "results.parquet")
    for cell in document["cells"]:
        mine = frame[frame.cell == cell["cell"]]
        assert (cell["seeds"], cell["measured"]) == (2, 2)
        assert cell["metric"] == mine.metric.median()
        assert cell["connections"] == mine.connections.median()
        assert cell["share"] == (mine.groups == "; ".join(cell["groups"])).mean()


def test_the_page_has_a_front_and_maps_for_every_task(swept):
    page, text = (swept / "report.html").read_text(), (swept / "report.md").read_text()
    for task in (1, 2):
        for part in ("front", "map-metric", "map-connections", "map-groups"):
            assert f'id="figure-task-{task}-{part}"' in page
            assert f"figures/task-{task}-{part}.png" in text
            assert (swept / "figures" / f"task-{task}-{part}.png").stat().st_size > 1000
    check_page(page)
    assert "bimt sweep crossing independence --grid cost.distance_scale=0,1 --grid swaps.every=never,20" in page
    assert "Eight cells × two seeds, over cost.distance_scale, swaps.every." in page
    assert "Not trained to the end" not in page


def test_a_cell_that_fails_stops_no_other_and_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(asked, "Processes", Here)
    words = ["crossing", "--grid", "learning_rate=0.002,1e30", *SETTINGS, "--set", "swaps.every=20", "--seeds", "2"]
    assert run(sweep, [*words, "--out", str(tmp_path / "run"), "--json"]) == 1
    out, err = capsys.readouterr()
    document = json.loads(out)
    (failure,) = document["failures"]
    assert failure["name"] == "crossing,learning_rate=1e30/seeds-0-1"
    assert failure["reason"].startswith("every seed stopped: seed 0: loss became ")
    assert err.splitlines()[-1] == f"failed: {failure['name']}: {failure['reason']}"
    assert [cell["measured"] for cell in document["cells"]] == [2, 0]
    frame = pd.read_csv(tmp_path / "run/results.csv")
    assert frame.stopped.notna().tolist() == [False, False, True, True]
    assert frame.metric.notna().tolist() == [True, True, False, False]
    assert "Not trained to the end" in (tmp_path / "run/report.html").read_text()
    before = times(tmp_path / "run")
    assert run(sweep, ["--out", str(tmp_path / "run"), "--resume", "--no-report", "--quiet"]) == 1
    assert {path: at for path, at in times(tmp_path / "run").items() if "1e30" not in str(path)} == {
        path: at for path, at in before.items() if "1e30" not in str(path)
    }


def test_nets_that_add_are_judged_unless_that_is_left_out(tmp_path, monkeypatch):
    settings = ["task.modulus=5", "net.embedding=6", "net.hidden=[7]", "steps=20", "swaps.every=never"]
    words = ["modular_addition", *(word for text in settings for word in ("--set", text)), "--workers", "1", "--quiet"]
    columns = []
    for name, more in (("not", ["--no-fourier"]), ("judged", [])):  # what is not usual goes to another process
        assert run(sweep, [*words, *more, "--no-report", "--out", str(tmp_path / name)]) == 0
        columns.append(set(pd.read_csv(tmp_path / name / "results.csv").columns))
        monkeypatch.setattr(asked, "Processes", Here)
    assert columns[1] - columns[0] == set(ADDITION_NAMES)


def test_a_task_without_a_grid_is_one_cell(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(asked, "Processes", Here)
    words = ["crossing", *SETTINGS, "--set", "swaps.every=20", "--seeds", "2", "--block", "1", "--workers", "1"]
    assert run(sweep, [*words, "--no-report", "--out", str(tmp_path / "run")]) == 0
    out, err = capsys.readouterr()
    assert [line.split(" in ")[0] for line in err.splitlines()] == [
        f"{rank} of 2: crossing/seeds-{rank - 1}-{rank - 1}" for rank in (1, 2)
    ]
    assert out.splitlines()[-1] == str(tmp_path / "run/results.parquet")
    assert not (tmp_path / "run/report.html").exists()


PARENT = """
import sys
from bimt.cli import run
from bimt.sweep import processes
from reports.commands import sweep
from reports.sweeps import asked
from tests.bimt.sweep.works import slow
asked.train_and_measure = slow
raise SystemExit(run(sweep, sys.argv[1:]))
"""


def begun_sweep(out, *, until):
    """Starts a slow sweep in a process of its own and waits until a file is there."""
    words = ["crossing", "--grid", "cost.offset=0.1,0.2,0.3", *SETTINGS, "--set", "swaps.every=20", "--seeds", "2"]
    command = [sys.executable, "-c", PARENT, *words, "--workers", "2", "--out", str(out)]
    parent = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ}
    )
    deadline = time.monotonic() + 60
    while not list(out.glob(until)):
        assert parent.poll() is None, parent.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return parent


def is_running(pid):
    """Tells whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_killed_sweep_leaves_no_worker_and_is_taken_up(tmp_path, monkeypatch):
    out = tmp_path / "run"
    parent = begun_sweep(out, until="cells/*/seeds-0-1/weights-20.safetensors")
    parent.kill()
    parent.communicate()
    workers = {int(path.stem) for path in out.glob("cells/*/*.pid")}
    deadline = time.monotonic() + 5
    while any(map(is_running, workers)):
        assert time.monotonic() < deadline, "workers outlive the sweep"
        time.sleep(0.05)
    assert workers
    assert not (out / "results.csv").exists()
    monkeypatch.setattr(asked, "Processes", Here)
    assert run(sweep, ["--out", str(out), "--resume", "--quiet", "--no-report"]) == 0
    serial = ["crossing", "--grid", "cost.offset=0.1,0.2,0.3", *SETTINGS, "--set", "swaps.every=20", "--seeds", "2"]
    other = tmp_path / "serial"
    assert run(sweep, [*serial, "--quiet", "--no-report", "--out", str(other)]) == 0
    assert (out / "results.csv").read_bytes() == (other / "results.csv").read_bytes()


def test_ctrl_c_saves_and_says_how_to_go_on(tmp_path):
    out = tmp_path / "run"
    parent = begun_sweep(out, until="cells/*/seeds-0-1/weights-20.safetensors")
    parent.send_signal(signal.SIGINT)
    _, err = parent.communicate(timeout=30)
    assert parent.returncode == 130
    last = err.splitlines()[-1]
    assert re.fullmatch(
        rf"stopped after [01] of 3 blocks, all of it saved; go on with: bimt sweep --out {out} --resume", last
    )
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "a sweep must name at least one task"),
        (["crosing"], "cell crosing: unknown task crosing; did you mean crossing?"),
        (["crossing", "--grid", "cost.offse=1"], "unknown key cost.offse; did you mean cost.offset?"),
        (["crossing", "--grid", "cost.offset="], "--grid cost.offset must list values between commas, got none"),
        (["crossing", "--grid", "cost.offset=a"], "cost.offset must be a valid number, got 'a'"),
        (["crossing", "--grid", "net.geometry.h1=line,grid"], "cell crossing,net.geometry.h1=grid: net.geometry does"),
        (["table", "--set", 'task.targets=["y"]', "--set", "task.data=no.csv"], "cell table: there is no file no.csv"),
        (["crossing", "--workers", "0"], "--workers must be at least 1, got 0"),
        (["crossing", "--seeds", "0"], "--seeds must be at least 1, got 0"),
        (["crossing", "--block", "0"], "--block must be at least 1, got 0"),
        (["--resume"], "run holds no sweep to resume; name a task to start one"),
        (["--resume", "--seeds", "3"], "--resume goes on with the plan of the folder: drop the other settings"),
        (["--resume", "--no-fourier"], "--resume goes on with the plan of the folder: drop the other settings"),
        (["crossing", "--scheduler", "a", "--scheduler-file", "b"], "name two schedulers; drop one"),
        (["crossing", "--scheduler", "tcp://127.0.0.1:9", "--workers", "2"], "--workers is for this machine"),
    ],
)  # fmt: skip
def test_what_cannot_be_swept_is_refused_in_one_line(tmp_path, monkeypatch, capsys, words, message):
    monkeypatch.chdir(tmp_path)
    assert message in refused(sweep, [*words, "--out", "run"], capsys)
    assert not (tmp_path / "run").exists()


def test_another_folder_is_refused(swept, capsys):
    line = refused(sweep, ["crossing", "--out", swept], capsys)
    assert "holds a sweep; go on with --resume, or choose another folder" in line
    line = refused(sweep, ["crossing", "--resume", "--out", swept], capsys)
    assert "holds another sweep (tasks crossing independence, now crossing); resume it as it was started" in line


def test_a_missing_package_is_named(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    line = refused(sweep, ["crossing", "--scheduler", "tcp://127.0.0.1:9", "--out", tmp_path / "run"], capsys)
    assert "a Dask cluster takes the package distributed: pip install 'bimt-toolkit[cluster]'" in line
    assert not (tmp_path / "run").exists()
