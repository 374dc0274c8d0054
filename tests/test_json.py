"""docs/json.md names every key that the commands print."""

import json
import re
from pathlib import Path

import pytest

from bimt import commands as train_commands
from bimt.cli import run
from bimt.config import make_config
from bimt.train import train
from interp import commands
from interp.formula_commands import symbolic
from reports import commands as report_commands
from reports import page_commands
from reports.experiments import catalog, listing
from reports.figure_commands import figures
from reports.sweeps import asked
from tests.bimt.sweep.here import Here
from tests.planted_votes import voting_of_family
from tests.reports.experiments.test_running import tiny

DOCUMENT = (Path(__file__).parents[1] / "docs" / "json.md").read_text(encoding="utf-8")
NAMED_BY_DATA = {"variables", "domain", "stopped", "numbers", "right"}
"""Mappings whose keys are columns, labels, modules or what a kind of event is based on."""
NODE_LINK = {"directed", "multigraph", "graph", "nodes", "edges", "node_default", "edge_default"}
"""What networkx adds."""
SETTINGS = ["steps=300", "net.hidden=[5]", "swaps.every=100"]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("json") / "run"
    train(make_config("independence", settings=SETTINGS), out=path)
    return str(path)


def keys(document) -> set[str]:
    if isinstance(document, list):
        return set().union(*map(keys, document))
    if not isinstance(document, dict):
        return set()
    inner = (keys(value) for key, value in document.items() if key not in NAMED_BY_DATA)
    return set(document).union(*inner)


def documented(command: str) -> set[str]:
    section = re.search(rf"## `bimt {command} .*?(?=\n## |\Z)", DOCUMENT, re.DOTALL)[0]
    return set(re.findall(r"`(\w+)`", section))


@pytest.mark.parametrize("command", ["prune", "graph", "modules", "rank", "ablation", "events", "signs"])
def test_every_key_of_an_explanation_is_documented(command, checkpoint, capsys):
    options = ["--pairs"] if command == "ablation" else []
    assert run(getattr(commands, command), [checkpoint, "--json", *options]) == 0
    found = keys(json.loads(capsys.readouterr().out)) - (NODE_LINK if command == "graph" else set())
    assert found - documented(command) == set()


def test_every_key_of_symbolic_is_documented(checkpoint, capsys):
    assert run(symbolic, [checkpoint, "--json", "--seconds", "6"]) == 0
    found = keys(json.loads(capsys.readouterr().out))
    assert found - documented("symbolic") == set()
    assert {"fidelity", "proven_error", "motifs", "sums"} <= found


def test_every_key_of_fourier_is_documented(tmp_path, capsys):
    settings = ["task.modulus=7", "net.embedding=4", "net.hidden=[6]", "steps=2", "swaps.every=never"]
    train(make_config("modular_addition", settings=settings), out=tmp_path / "run")
    assert run(commands.fourier, [str(tmp_path / "run"), "--json"]) == 0
    assert keys(json.loads(capsys.readouterr().out)) - documented("fourier") == set()


def test_every_key_of_group_is_documented(tmp_path, capsys):
    settings = ["task.group=S3", "steps=200", "learning_rate=0.02", "cost.strength=0.01", "swaps.every=never"]
    train(make_config("permutation_group", settings=[*settings, "net.hidden=[8]"]), out=tmp_path / "run")
    assert run(commands.group, [str(tmp_path / "run"), "--json"]) == 0
    found = keys(json.loads(capsys.readouterr().out))
    assert found - documented("group") == set()
    assert {"dimensions", "neurons", "pairs", "subgroup", "alignments"} <= found


def test_every_key_of_heads_is_documented(tmp_path, capsys):
    settings = ["task.sequences=40", "net.width=4", "net.mlp=[3,3]", "steps=20", "swaps.every=never", "batch=8"]
    train(make_config("in_context", settings=settings), out=tmp_path / "run")
    assert run(commands.heads, [str(tmp_path / "run"), "--json"]) == 0
    found = keys(json.loads(capsys.readouterr().out))
    assert found - documented("heads") == set()
    assert {"attention", "modules", "zero", "key"} <= found


def test_every_key_of_train_is_documented(tmp_path, capsys):
    settings = [word for setting in SETTINGS for word in ("--set", setting)]
    words = ["independence", "--out", str(tmp_path / "run"), "--json", "--quiet", *settings]
    assert run(train_commands.train, words) == 0
    assert keys(json.loads(capsys.readouterr().out)) - documented("train") == set()


def test_every_key_of_predict_is_documented(checkpoint, tmp_path, capsys):
    data = tmp_path / "new.csv"
    data.write_text("x1,x2,x3,x4\n0,0,0,0\n")
    assert (
        run(train_commands.predict, [checkpoint, "--data", str(data), "--out", str(tmp_path / "p.csv"), "--json"]) == 0
    )
    assert keys(json.loads(capsys.readouterr().out)) - documented("predict") == set()


def test_every_key_of_reproduce_and_experiments_is_documented(tmp_path, capsys, monkeypatch):
    small = {"crossing": tiny("crossing")}
    for module in (catalog, listing):
        monkeypatch.setattr(module, "catalog", lambda: small)
    words = ["crossing", "--json", "--quiet", "--out", str(tmp_path / "crossing")]
    assert run(report_commands.reproduce, words) == 0
    out = capsys.readouterr().out
    assert keys(json.loads(out)) - documented("reproduce") == set()
    assert json.loads((tmp_path / "crossing" / "result.json").read_text(encoding="utf-8")) == json.loads(out)
    assert run(report_commands.experiments, ["--runs", str(tmp_path), "--json"]) == 0
    assert keys(json.loads(capsys.readouterr().out)) - documented("experiments") == set()


def test_every_key_of_sweep_is_documented(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(asked, "Processes", Here)
    settings = [word for text in ("steps=60", "net.hidden=[4]", "swaps.every=never") for word in ("--set", text)]
    grid = ["--grid", "learning_rate=0.002,1e30"]
    assert run(report_commands.sweep, ["crossing", *grid, *settings, "--out", str(tmp_path), "--json", "--quiet"]) == 1
    found = keys(json.loads(capsys.readouterr().out))
    assert found - documented("sweep") == set()
    assert {"share", "reason"} <= found


def test_every_key_of_voting_is_documented():
    """A net that is trained in a test has no two modules; what the command adds is documented under prune."""
    found, *_ = voting_of_family("embedding_mlp")
    assert keys(found.to_json()) - documented("voting") == set()


def test_every_key_of_pages_is_documented(checkpoint, tmp_path, capsys):
    asked = {
        "report": (page_commands.report, [checkpoint], {"checkpoint", "seed"}),
        "compare": (page_commands.report, [checkpoint, checkpoint, "--compare"], {"checkpoints"}),
        "gallery": (page_commands.gallery, [checkpoint], {"checkpoint"}),
    }
    for name, (command, words, head) in asked.items():
        assert run(command, [*words, "--out", str(tmp_path / name), "--json"]) == 0
        found = keys(json.loads(capsys.readouterr().out))
        assert found == {*head, "html", "markdown", "figures"}
        assert found - documented("gallery" if name == "gallery" else "report") == set()


def test_every_key_of_film_is_documented(checkpoint, tmp_path, capsys):
    assert run(report_commands.film, [checkpoint, "--out", str(tmp_path / "film.gif"), "--json"]) == 0
    assert keys(json.loads(capsys.readouterr().out)) - documented("film") == set()


def test_every_key_of_figures_is_documented(checkpoint, tmp_path, capsys):
    assert run(figures, [checkpoint, "--out", str(tmp_path), "--json"]) == 0
    assert keys(json.loads(capsys.readouterr().out)) - documented("figures") == set()
