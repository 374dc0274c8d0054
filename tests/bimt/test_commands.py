"""The commands train and predict, from the command line to files."""

import csv
import io
import json

import numpy as np
import pandas as pd
import pytest
import torch
from rich.console import Console

from bimt.checkpoint import load_checkpoint
from bimt.cli import run
from bimt.commands import predict, train
from bimt.predict import best_label
from bimt.progress import shown
from bimt.train import Moment

pytestmark = pytest.mark.usefixtures("unchecked")
QUICK = ["--set", "steps=40", "--set", "swaps.every=20", "--set", "log_every=10", "--set", "net.hidden=[5]"]
HOSTILE = ["<script>", "$\\frac{", "../../x", "a\u202eb", "nul\0", "x" * 10_000, "=1+1", "new\nline", 'q"']


def refused(command, words, capsys):
    """The one line with which a command ends."""
    assert run(command, [str(word) for word in words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return err


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A table with two targets and a class."""
    random = np.random.RandomState(0)
    frame = pd.DataFrame(random.randn(60, 3), columns=["a", "b", "run time"])
    frame["price"] = 100 + 50 * frame.a
    frame["kind"] = np.where(frame.b > 0, "yes", "no")
    path = tmp_path_factory.mktemp("table") / "t.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def regression(table, tmp_path_factory):
    """A net for two targets."""
    out = tmp_path_factory.mktemp("runs") / "two"
    words = [
        "table",
        "--data",
        table,
        "--targets",
        "price",
        "--targets",
        "run time",
        "--features",
        "a",
        "--features",
        "b",
    ]
    assert (
        run(train, [*map(str, words), "--out", str(out), "--seeds", "2", "--first-seed", "4", "--quiet", *QUICK]) == 0
    )
    return out


def test_train_prints_a_table_and_ten_lines(tmp_path, capsys):
    assert run(train, ["crossing", "--out", str(tmp_path / "run"), "--seeds", "2", *QUICK]) == 0
    out, err = capsys.readouterr()
    assert out.split("\n")[0].split() == ["seed", "test", "loss", "test", "R^2", "connections"]
    assert [line.split()[0] for line in out.split("\n")[1:3]] == ["0", "1"]
    assert f"checkpoint: {tmp_path}/run" in out.replace("\n", "")
    assert [line.split(":")[0] for line in err.splitlines()] == [f"step {step} of 40" for step in (10, 20, 30, 40)]


def test_train_prints_json_and_nothing_else(tmp_path, capsys):
    words = ["two_moons", "--out", str(tmp_path / "run"), "--json", "--quiet", *QUICK]
    assert run(train, words) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert err == ""
    assert list(document) == ["checkpoint", "labels", "stopped", "results"]
    assert (document["checkpoint"], document["labels"], document["stopped"]) == (str(tmp_path / "run"), [0], {})
    saved = load_checkpoint(tmp_path / "run").history.iloc[-1]
    (result,) = document["results"]
    assert list(result) == ["seed", "train_loss", "test_loss", "metric", "cost", "connections"]
    assert {key: saved[key] for key in result} == result
    assert run(train, ["--out", str(tmp_path / "run"), "--resume", "--json"]) == 0
    assert capsys.readouterr().out == out


def test_options_reach_the_configuration(regression, table):
    config = load_checkpoint(regression).config
    assert config.task.model_dump() | {"data": ""} == {
        "name": "table",
        "data": "",
        "targets": ("price", "run time"),
        "features": ("a", "b"),
        "kind": "regression",
        "test_fraction": 0.2,
        "split_seed": 0,
    }
    assert (config.labels, config.steps, config.net.hidden) == ((4, 5), 40, (5,))


def test_a_config_file_is_read(tmp_path, capsys):
    (tmp_path / "c.toml").write_text('task = "crossing"\nsteps = 3\nseeds = 2\nswaps.every = "never"\n')
    words = ["--config", str(tmp_path / "c.toml"), "--out", str(tmp_path / "run"), "--seeds", "1", "--json"]
    assert run(train, words) == 0
    config = load_checkpoint(tmp_path / "run").config
    assert (config.task.name, config.steps, config.seeds) == ("crossing", 3, 1)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["indepedence"], "unknown task indepedence; did you mean independence?"),
        ([], "a task must be named"),
        (["crossing", "--set", "stepz=3"], "unknown key stepz; did you mean steps?"),
        (["crossing", "--data", "x.csv"], "unknown key task.data"),
        (["table", "--data", "no.csv", "--targets", "y"], "there is no file no.csv"),
        (["table", "--data", "no.csv"], "task.targets is missing"),
        (["table", "--data", "x.csv", "--targets", "y", "--kind", "guess"], "task.kind must be 'regression' or"),
        (["--resume"], "holds no run to resume; name a task to start one"),
        (["--resume", "--seeds", "3"], "--resume goes on with the settings of the folder: drop the others"),
        (["crossing", "--config", "no.toml"], "there is no config file no.toml"),
        (["crossing", "--set", "net.geometry.h1=grid"], "a grid must hold a square number of neurons, got 20"),
    ],
)
def test_train_refuses_in_one_line(tmp_path, capsys, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    assert message in refused(train, [*words, "--out", "run"], capsys)
    assert not list(tmp_path.glob("run/*"))


def test_out_is_required(capsys):
    assert "--out" in refused(train, ["crossing"], capsys)


# Predictions


def test_predictions_are_in_the_tables_units(regression, table, tmp_path, capsys):
    out = tmp_path / "p.csv"
    assert run(predict, [str(regression), "--data", str(table), "--out", str(out), "--seed", "5"]) == 0
    assert capsys.readouterr().err.startswith("60 rows predicted by seed 5: ")
    found, trained, frame = pd.read_csv(out), load_checkpoint(regression), pd.read_csv(table)
    assert list(found.columns) == ["price", "run time"]
    net, scaling = trained.net.seed(1).to(torch.float64), trained.task.scaling
    inputs = (torch.from_numpy(frame[["a", "b"]].to_numpy()) - scaling.input_shift) / scaling.input_scale
    expected = net.run(inputs[None])[0] * scaling.output_scale + scaling.output_shift
    assert found.to_numpy() == pytest.approx(expected.numpy(), rel=1e-12)
    assert abs(found.price.mean() - 100) < 30


def test_columns_are_found_by_name(regression, table, tmp_path):
    frame = pd.read_csv(table)
    frame[["b", "kind", "a"]].to_csv(tmp_path / "other.tsv", sep="\t", index=False)
    for data, name in ((table, "one.csv"), (tmp_path / "other.tsv", "two.csv")):
        assert run(predict, [str(regression), "--data", str(data), "--out", str(tmp_path / name)]) == 0
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()


def test_classes_have_names_and_probabilities(table, tmp_path, capsys):
    words = ["table", "--data", table, "--targets", "kind", "--kind", "classification", "--features", "b", "--quiet"]
    assert run(train, [*map(str, words), "--out", str(tmp_path / "run"), *QUICK, "--set", "learning_rate=0.05"]) == 0
    capsys.readouterr()
    assert run(predict, [str(tmp_path / "run"), "--data", str(table), "--out", str(tmp_path / "p.csv"), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert list(document) == ["checkpoint", "seed", "rows", "columns", "out"]
    found = pd.read_csv(tmp_path / "p.csv")
    assert list(found.columns) == document["columns"] == ["kind", "kind=no", "kind=yes"]
    assert (found["kind=no"] + found["kind=yes"]).to_numpy() == pytest.approx(1)
    assert ((found["kind=yes"] > 0.5) == (found.kind == "yes")).all()
    assert (found.kind == pd.read_csv(table).kind).mean() > 0.9


@pytest.mark.parametrize(
    ("task", "columns"), [("crossing", ["y1", "y2"]), ("two_moons", ["class", "moon_0", "moon_1"])]
)
def test_every_tasks_net_predicts(tmp_path, task, columns):
    assert run(train, [task, "--out", str(tmp_path / "run"), "--quiet", *QUICK]) == 0
    (tmp_path / "x.csv").write_text("x2,x1\n0.5,1\n0.25,-1\n")
    assert (
        run(predict, [str(tmp_path / "run"), "--data", str(tmp_path / "x.csv"), "--out", str(tmp_path / "p.csv")]) == 0
    )
    found = pd.read_csv(tmp_path / "p.csv")
    assert (list(found.columns), len(found)) == (columns, 2)


def test_the_best_seed_is_the_best_on_training_data(regression):
    trained = load_checkpoint(regression)
    split = trained.task.train
    metric = trained.task.metric(trained.net.to(torch.float64).run(split.inputs[None]), split.targets[None])
    assert best_label(trained) == trained.labels[int(metric.argmax())]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"--seed": "9"}, "seed must be one of 4, 5, got 9"),
        ({"--out": "p.txt"}, "--out must end in .csv, got p.txt"),
        ({"--out": "there.csv"}, "there.csv is there already; choose another name, or --force"),
        ({"--out": "no/p.csv"}, "no/p.csv cannot be written: No such file or directory"),
        ({"--data": "no.csv"}, "there is no file no.csv"),
        ({"--data": "less.csv"}, "feature b is not a column of the table"),
        ({"--data": "none.csv"}, "the table must have at least one row of data, got none"),
        ({"--data": "text.csv"}, "row 2 of column b must be a finite number, got 'many'"),
        ({"CKPT": "less.csv"}, "a checkpoint must be a folder that bimt train wrote, got the file less.csv"),
    ],
)
def test_predict_refuses_in_one_line(regression, tmp_path, monkeypatch, capsys, changes, message):
    monkeypatch.chdir(tmp_path)
    texts = {"good": "a,b\n1,2\n", "less": "a\n1\n", "none": "a,b\n", "text": "a,b\n1,2\n1,many\n", "there": "mine"}
    for name, text in texts.items():
        (tmp_path / f"{name}.csv").write_text(text)
    words = {"CKPT": str(regression), "--data": "good.csv", "--out": "p.csv"} | changes
    line = [words.pop("CKPT"), *(part for item in words.items() for part in item)]
    assert message in refused(predict, line, capsys)
    assert (tmp_path / "there.csv").read_text() == "mine"
    assert not (tmp_path / "p.csv").exists()


def test_force_overwrites_but_never_the_data(regression, tmp_path, capsys):
    data, out = tmp_path / "d.csv", tmp_path / "p.csv"
    data.write_text("a,b\n1,2\n")
    out.write_text("old")
    words = [str(regression), "--data", str(data), "--force", "--out"]
    assert run(predict, [*words, str(out)]) == 0
    assert out.read_text().startswith("price,run time\n")
    capsys.readouterr()
    assert "is there already" in refused(predict, [*words, str(data)], capsys)


def test_hostile_names_stay_names(tmp_path, capsys):
    inside = tmp_path / "a" / "b" / "c"
    inside.mkdir(parents=True)
    frame = pd.DataFrame(np.random.RandomState(0).randn(20, len(HOSTILE)), columns=HOSTILE)
    frame.to_csv(inside / "t.csv", index=False)
    config = {"task": {"name": "table", "data": str(inside / "t.csv"), "targets": HOSTILE[3:6]}}
    (inside / "c.json").write_text(json.dumps(config))
    assert run(train, ["--config", str(inside / "c.json"), "--out", str(inside / "run"), *QUICK]) == 0
    assert run(predict, [str(inside / "run"), "--data", str(inside / "t.csv"), "--out", str(inside / "p.csv")]) == 0
    header = next(csv.reader(io.StringIO((inside / "p.csv").read_text())))
    assert header == HOSTILE[3:6]
    assert {path.name for path in tmp_path.rglob("*") if path.is_file() and inside not in path.parents} == set()
    assert "\u202e" not in capsys.readouterr().err


# Progress


def moments(count):
    return [
        Moment(
            step,
            count,
            0.5,
            2.0,
            7.0,
            news=("seed 3: loss became nan; it is left out, the others go on",) if step == 2 else (),
        )
        for step in range(1, count + 1)
    ]


def test_about_ten_lines_wherever_there_is_no_terminal():
    stream = io.StringIO()
    with shown(Console(file=stream, width=200), quiet=False) as watch:
        for moment in moments(1000):
            watch(moment)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 11
    assert lines[:2] == [
        "seed 3: loss became nan; it is left out, the others go on",
        "step 100 of 1,000: loss 5.00e-01, cost 2, 7 connections",
    ]


def test_quiet_still_names_stopped_seeds():
    stream = io.StringIO()
    with shown(Console(file=stream, width=200), quiet=True) as watch:
        for moment in moments(10):
            watch(moment)
    assert stream.getvalue() == "seed 3: loss became nan; it is left out, the others go on\n"


def test_a_bar_on_a_terminal():
    stream = io.StringIO()
    with shown(Console(file=stream, width=120, force_terminal=True), quiet=False) as watch:
        for moment in moments(10):
            watch(moment)
    assert "10/10" in stream.getvalue()
    assert "loss 5.00e-01, cost 2, 7 connections" in stream.getvalue()
