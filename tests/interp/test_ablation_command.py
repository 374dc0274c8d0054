"""What an ablation looks like: the printed table, the frame, and the command."""

import csv
import io
import json
from dataclasses import replace

import pytest
import torch
from rich.console import Console

from bimt.checkpoint import save_checkpoint
from bimt.cli import run
from bimt.config import make_config
from bimt.train import train
from interp import commands
from interp.ablation import ablate
from interp.sparse import whole
from tests.interp.test_ablation import SIDE_BY_SIDE, table_of
from tests.nets import mlp, random_mlp, task_of, two_parts


def drawn(table, width=200):
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(table)
    return console.export_text()


def test_print_sorts_by_the_increase_of_the_loss():
    text = drawn(table_of(SIDE_BY_SIDE, task_of(SIDE_BY_SIDE), pairs=True))
    assert text.index("h1[1]->out[1]  h1[1]->y2") < text.index("h1[0]->out[0]  h1[0]->y1")
    assert "the 6 of 6 that interact most" in text
    assert "drop y2" in text


def test_print_names_the_output_that_suffers_most_of_many():
    net = mlp([[[1.0], [-1.0]], [[0.0, 0.0]] * 6 + [[1.0, 0.0]] + [[0.0, 1.0]] * 2], [[0.0, 0.0], [0.1] * 9])
    task = task_of(net, noise=0.01)
    line = next(line for line in drawn(table_of(net, task)).splitlines() if "h1[0]->y7" in line)
    assert line.rstrip(" │").endswith("y7")


def test_the_frame_has_a_line_per_row_and_per_pair():
    table = table_of(SIDE_BY_SIDE, task_of(SIDE_BY_SIDE), pairs=True)
    frame = table.to_frame()
    assert list(frame["kind"]) == ["connection"] * 8 + ["neuron"] * 4 + ["pair"] * 6
    assert list(frame["drop y2"][:12]) == [row.per_output[1] for row in table.rows]
    assert list(frame["interaction"][12:]) == [pair.interaction for pair in table.pairs]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """The two parts, as a checkpoint."""
    net = two_parts()
    base = train(make_config("crossing", settings=["steps=2", "net.hidden=[5]", "swaps.every=1", "dtype=float64"]))
    path = tmp_path_factory.mktemp("ablation") / "run"
    save_checkpoint(replace(base, net=net, task=task_of(net)), path)
    return path


def test_the_commands_document(checkpoint, capsys):
    assert run(commands.ablation, [str(checkpoint), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert list(document) == ["checkpoint", "seed", "test_rows", "baseline", "method", "connections", "rows"]
    assert document["method"] == "zero"
    assert document["baseline"]["metric"] == pytest.approx(1)
    keys = {"kind", "name", "metric", "drop", "loss_increase", "stderr", "n", "reference", "per_output"}
    assert all(set(row) == keys for row in document["rows"])
    assert [row["name"] for row in document["rows"] if row["kind"] == "module"] == ["A", "B"]
    assert document["rows"][-2]["per_output"] == pytest.approx([document["rows"][-2]["drop"] * 2, 0], abs=1e-12)


def test_the_command_with_every_option(checkpoint, capsys, tmp_path):
    options = ["--method", "resample", "--pairs", "--seed", "0", "--tolerance", "0.01"]
    assert run(commands.ablation, [str(checkpoint), *options, "--csv", str(tmp_path / "all.csv")]) == 0
    assert "pairs of neurons" in capsys.readouterr().out
    assert run(commands.ablation, [str(checkpoint), *options, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    with (tmp_path / "all.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == len(document["rows"]) + len(document["pairs"])
    assert set(document["pairs"][0]) == {"first", "second", "interaction", "stderr", "n", "loss_increase", "drop"}
    assert float(lines[0]["drop y1"]) == document["rows"][0]["per_output"][0]


def test_the_command_overwrites_no_file(checkpoint, capsys, tmp_path):
    file = tmp_path / "my.csv"
    file.write_text("mine")
    assert run(commands.ablation, [str(checkpoint), "--csv", str(file)]) == 2
    assert "my.csv is there already; choose another name" in capsys.readouterr().err
    assert file.read_text() == "mine"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--method", "half"], "half"),
        (["--csv", "no/such/folder/file.csv"], "no/such/folder/file.csv: no such file or directory"),
        (["--seed", "7"], "--seed must be a label of the checkpoint"),
    ],
)
def test_the_callers_mistake_is_one_line(checkpoint, options, message, capsys):
    assert run(commands.ablation, [str(checkpoint), *options]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_of_many_connections_the_heaviest_are_ablated():
    net = random_mlp([3, 6, 2])
    sparse, task = whole(net, task_of(net)), task_of(net)
    table = ablate(sparse, task, connections=5)
    rows = table.of("connection")
    assert len(rows) == 5
    assert table.connections == 30
    sizes = torch.cat([net.weight(link)[0].abs().flatten() for link in net.wiring.links]).sort(descending=True).values
    named = {
        f"{link.source}[{source}]->{link.target}[{target}]": abs(net.weight(link)[0, target, source].item())
        for link in net.wiring.links
        for target, source in torch.ones_like(net.weight(link)[0]).nonzero().tolist()
    }
    assert sorted((named[row.name] for row in rows), reverse=True) == pytest.approx(sizes[:5].tolist())
    everything = {row.name: row for row in ablate(sparse, task).of("connection")}
    assert all(everything[row.name] == row for row in rows)
    assert table.share_of("connection") == ", the 5 heaviest of 30"
    assert table.share_of("neuron") == ""
    with pytest.raises(ValueError, match="`connections` must be at least 0, got -1"):
        ablate(sparse, task, connections=-1)
