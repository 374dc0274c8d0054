"""The ranking of a checkpoint's seeds: what it holds, what does not change it, the command."""

import csv
import itertools
import json
from dataclasses import asdict, replace

import pytest

from bimt.checkpoint import save_checkpoint
from bimt.cli import run
from bimt.config import make_config
from bimt.messages import UserError
from bimt.train import train
from interp import commands
from interp.description import formula_length
from interp.measures import measure
from interp.prune import prune
from interp.rank import rank, rank_pruned
from interp.score import Weights
from interp.select import prune_all, select
from interp.stages import modules_of
from interp.symbolic import extract_formulas
from tests.nets import mlp, random_mlp, task_of
from tests.reports.checkpoints import small_checkpoint, small_task


@pytest.fixture(scope="module")
def trained():
    return small_checkpoint(small_task(outputs=("y1", "y2")), seeds=6, steps=120)


@pytest.fixture(scope="module")
def folder(trained, tmp_path_factory):
    path = tmp_path_factory.mktemp("rank") / "run"
    save_checkpoint(trained, path)
    return path


@pytest.fixture(scope="module")
def ranking(folder):
    return rank(folder)


def test_every_seed_is_ranked_once_the_best_first(trained, ranking):
    assert sorted(row.seed for row in ranking.rows) == list(trained.labels)
    assert [row.rank for row in ranking.rows] == [1, 2, 3, 4, 5, 6]
    assert [row.score for row in ranking.rows] == sorted((row.score for row in ranking.rows), reverse=True)
    assert ranking.best == ranking.rows[0].seed == select(trained).label


def test_the_columns_are_those_of_the_seed_explained_alone(trained, ranking):
    for row in ranking.rows[:2]:
        chosen = select(trained, row.seed)
        modules, measured = modules_of(chosen), measure(trained, chosen.sparse)
        for name in ("metric", "connections", "neurons", "length", "wiring", "crossings", "parts"):
            assert getattr(row, name) == getattr(measured, name)
        assert (row.modules, row.modularity) == (len(modules.modules), modules.modularity)
        assert (row.p_structure, row.p_space) == (modules.p_structure, modules.p_space)
        readable = extract_formulas(chosen.sparse, trained.task, form="readable")
        assert row.formula_length == formula_length(readable) > 0


def test_no_seed_of_the_front_is_beaten(ranking):
    front = [row for row in ranking.rows if row.seed in ranking.front]
    assert front
    for one, other in itertools.permutations(ranking.rows, 2):
        beats = one.metric >= other.metric and one.connections <= other.connections
        if other in front:
            assert not beats or (one.metric, one.connections) == (other.metric, other.connections)
    assert [row.on_front for row in ranking.rows] == [row.seed in ranking.front for row in ranking.rows]


def test_the_quick_ranking_has_the_same_order_and_leaves_the_rest_out(folder, ranking):
    quick = rank(folder, quick=True)
    assert [row.seed for row in quick.rows] == [row.seed for row in ranking.rows]
    assert quick.consistency == ranking.consistency
    for row, full in zip(quick.rows, ranking.rows, strict=True):
        assert row == replace(full, modules=None, modularity=None, p_structure=None, p_space=None, formula_length=None)
        assert row.p is None


def test_pruned_seeds_are_ranked_as_they_are(trained, folder):
    assert rank_pruned(trained, prune_all(trained)) == rank(folder, quick=True)


def test_worker_processes_find_the_same(folder, ranking, monkeypatch):
    monkeypatch.setattr("interp.rank.START", 0.0)
    seen = []
    assert rank(folder, processes=2, watch=lambda *counts: seen.append(counts)) == ranking
    assert seen == [(done, 6) for done in range(1, 7)]


def test_a_checkpoint_in_memory_is_ranked_here(trained, ranking):
    assert rank(trained, processes=2) == ranking


def test_stopped_seeds_are_listed_and_not_ranked(trained):
    found = rank(replace(trained, stopped={2: "loss became nan"}), quick=True)
    assert 2 not in {row.seed for row in found.rows}
    assert found.stopped == {2: "loss became nan"}
    assert found.to_json()["stopped"] == {"2": "loss became nan"}
    with pytest.raises(UserError, match=r"every seed of .* stopped"):
        rank(replace(trained, stopped=dict.fromkeys(range(6), "nan")))


def test_weights_change_the_order(trained):
    by_size = rank(trained, weights=Weights(connections=1e6), quick=True)
    passing = [row for row in by_size.rows if row.score > 0]
    assert [row.connections for row in passing] == sorted(row.connections for row in passing)


def test_a_net_without_formulas_has_no_length():
    checkpoint = train(
        make_config(
            "modular_addition",
            settings=["task.modulus=5", "net.embedding=4", "net.hidden=[6]", "steps=2", "swaps.every=never"],
        )
    )
    (row,) = rank(checkpoint).rows
    assert row.formula_length is None
    assert row.modules is not None


def test_a_formula_is_measured_by_its_numbers_symbols_and_operations():
    net = mlp([[[2.0]], [[3.0], [-3.0]]], activation="tanh")
    formulas = extract_formulas(prune(net, task_of(net)), task_of(net))
    assert [formula.text for formula in formulas.formulas] == ["3*tanh(2*x1)", "-3*tanh(2*x1)"]
    assert formula_length(formulas) == 2 * 6  # times, 3, tanh, times, 2, x1


def test_a_neuron_that_two_long_formulas_share_counts_once():
    first, last = (random_mlp([3, 6, 1]).parameters[f"weight.{site}"][0] for site in ("h1", "out"))
    one, both = (mlp([first.tolist(), last.repeat(times, 1).tolist()], activation="tanh") for times in (1, 2))
    lengths = [
        formula_length(extract_formulas(prune(net, task_of(net), tolerance=1e-9), task_of(net))) for net in (one, both)
    ]
    assert lengths[0] < lengths[1] < 1.5 * lengths[0]


def test_it_turns_into_a_table_and_shows_itself(ranking, capsys):
    from rich.console import Console

    assert list(ranking.to_frame()["seed"]) == [row.seed for row in ranking.rows]
    Console(width=220).print(replace(ranking, stopped={9: "loss became nan"}))
    shown = capsys.readouterr().out
    for word in ("formula length", "wiring length", "front", "seed 9 stopped: loss became nan", "adjusted Rand"):
        assert word in shown


def test_the_command_prints_a_table_json_and_csv(folder, tmp_path, capsys, ranking):
    assert run(commands.rank, [str(folder), "--quick"]) == 0
    table = capsys.readouterr().out
    assert "score" in table
    assert "formula length" not in table
    file = tmp_path / "ranking.csv"
    words = [str(folder), "--json", "--csv", str(file), "--processes", "1", "--weight", "length=0"]
    assert run(commands.rank, words) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["weights"] == {"metric": 1.0, "connections": 1.0, "length": 0.0, "crossings": 0.5}
    assert document["best"] == document["rows"][0]["seed"]
    with file.open(encoding="utf-8", newline="") as lines:
        assert [int(row["seed"]) for row in csv.DictReader(lines)] == [row["seed"] for row in document["rows"]]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--weight", "size=1"], "bimt rank: error: --weight must be term=number, got size=1"),
        (["--weight", "metric=x"], "the weight of metric must be a number from 0 upwards, got x"),
        (["--processes", "0"], "--processes must be greater than or equal to 1, got '0'"),
        (["--tolerance", "2"], "--tolerance must be above 0 and below 1, got 2.0"),
        (["--csv", "."], ". is there already; choose another name"),
    ],
)
def test_bad_input_is_one_line(folder, words, message, capsys):
    assert run(commands.rank, [str(folder), "--quick", *words]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_a_table_that_cannot_be_written_is_refused_before_the_seeds_are_pruned(folder, monkeypatch, capsys):
    monkeypatch.setattr("interp.rank.rank", None)
    assert run(commands.rank, [str(folder), "--csv", "no/such/folder/file.csv"]) == 2
    assert "no/such/folder/file.csv: no such file or directory" in capsys.readouterr().err


def test_a_process_that_may_use_few_cores_ranks_on_as_many(folder, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(
        "interp.rank.rank", lambda *_, processes, **__: asked.append(processes) or rank(folder, quick=True)
    )
    monkeypatch.setenv("BIMT_CORES", "1")
    assert run(commands.rank, [str(folder), "--quick"]) == 0
    assert asked == [1]


def test_the_help_says_the_default_weights(capsys):
    assert run(commands.rank, ["--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert ", ".join(f"{name}={value:g}" for name, value in asdict(Weights()).items()) in said


def test_no_processes_are_refused(trained):
    with pytest.raises(ValueError, match="`processes` must be at least 1, got 0"):
        rank(trained, processes=0)


def test_the_best_can_be_asked_for_by_name(folder, trained, capsys):
    for words in ([], ["--seed", "best"]):
        assert run(commands.prune, [str(folder), "--json", *words]) == 0
        assert json.loads(capsys.readouterr().out)["seed"] == rank(trained, quick=True).best
    assert run(commands.prune, [str(folder), "--seed", "first"]) == 2
    assert "--seed must be the label of a seed, or best, got first" in capsys.readouterr().err
