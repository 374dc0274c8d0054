"""Compiled steps against torch's, which know nothing of each other."""

import os
import tempfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from bimt.compiled import compiler
from bimt.compiled.compiler import NoCompiler
from bimt.compiled.plan import NotCompilable, plan_step
from bimt.compiled.steps import CompiledSteps
from bimt.config import make_config
from bimt.messages import UserError
from bimt.nets.activations import ACTIVATIONS
from bimt.nets.build import make_net
from bimt.seeds import make_generators
from bimt.state import Speed, State
from bimt.steps import PlainSteps
from bimt.train import Interrupted, train
from tests.families import FAMILIES, config_of

CHAINS = ("mlp", "embedding_mlp", "three_operands", "added")
TASKS = {
    "independence": ["task.rows=30"],
    "two_moons": [],
    "sparse_parity": ["task.rows=40", "task.bits=8", "task.subset=2", "task.subtasks=3"],
    "modular_addition": ["task.modulus=7", "net.embedding=5", "net.hidden=[6,9]"],
    "permutation_group": ["task.group=D5", "net.embedding=6", "net.hidden=[7]"],
    "images": ["task.rows=50", "task.test_rows=20", "net.hidden=[9,4]", "batch=30"],
}


def pair_of(config):
    """The same fresh nets, once for torch and once for native code; the price differs from weight to weight."""
    task = config.task.load().to(getattr(torch, config.dtype))
    net = make_net(config, task=task, generators=make_generators(config.labels))
    states = State.of(net), State.of(net)
    price = torch.rand(len(states[0].flat), generator=torch.Generator().manual_seed(0), dtype=net.dtype) * 1e-2
    batch = len(task.train) if config.batch == "full" else config.batch
    speed = Speed(config.learning_rate, config.weight_decay)
    plain = PlainSteps(net, states[0], task, speed=speed)
    compiled = CompiledSteps(net, states[1], task, batch=batch, speed=speed)
    return SimpleNamespace(net=net, plain=plain, compiled=compiled, states=states, price=price, task=task)


def followed(config, *, steps):
    """Takes the same steps both ways; returns the largest differences of parameters, means and answers."""
    pair = pair_of(config)
    plain, compiled, states, price, task = pair.plain, pair.compiled, pair.states, pair.price, pair.task
    chosen = None
    if config.batch != "full":
        chosen = torch.randint(len(task.train), (config.seeds, steps, config.batch), generator=torch.Generator())
    rows = range(config.seeds)
    for step in range(steps):
        drawn = None if chosen is None else chosen[:, step : step + 1]
        plain.take_(price, drawn, rows=rows, begun=step, steps=1)
    taken = compiled.take_(price, chosen, rows=rows, begun=0, steps=steps)
    assert [each.steps for each in taken] == [steps] * config.seeds
    names = "flat", "first_moment", "second_moment"
    apart = [(getattr(states[0], name) - getattr(states[1], name)).abs().max().item() for name in names]
    return (*apart, (plain.answers(task.test) - compiled.answers(task.test)).abs().max().item())


@pytest.mark.parametrize("task", TASKS)
def test_steps_are_torchs_for_every_kind_of_task(task):
    config = make_config(task, settings=[*TASKS[task], "dtype=float64"], seeds=3)
    assert max(followed(config, steps=60)) < 1e-11


def test_steps_are_torchs_with_weight_decay():
    config = make_config("independence", settings=["task.rows=30", "dtype=float64", "weight_decay=2"], seeds=2)
    assert max(followed(config, steps=60)) < 1e-11


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_steps_are_torchs_for_every_activation(activation):
    settings = ["task.rows=30", f"net.activation={activation}", "dtype=float64", "net.hidden=[7,5]"]
    assert max(followed(make_config("independence", settings=settings), steps=60)) < 1e-11


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_one_step_is_torchs_where_drives_are_large_or_tiny(activation, dtype):
    settings = ["task.rows=30", f"net.activation={activation}", f"dtype={dtype}", "net.hidden=[16]"]
    pair = pair_of(make_config("independence", settings=settings))
    states, task = pair.states, pair.task
    for state in states:
        state.flat[: 4 * 16] *= torch.logspace(-6, 3, 64, dtype=state.flat.dtype)
    for way in (pair.plain, pair.compiled):
        way.take_(pair.price, None, rows=[0], begun=0, steps=1)
    accuracy = 1e-5 if dtype == "float32" else 1e-13
    for name in ("first_moment", "second_moment"):
        one, other = (getattr(state, name) for state in states)
        assert torch.allclose(one, other, rtol=accuracy, atol=accuracy * one.abs().max().item())
    one, other = pair.plain.answers(task.test), pair.compiled.answers(task.test)
    assert torch.allclose(one, other, rtol=accuracy, atol=accuracy * one.abs().max().item())


@pytest.mark.parametrize("family", CHAINS)
@pytest.mark.parametrize("batch", ["full", 7])
def test_steps_are_torchs_for_every_chain(family, batch):
    config = config_of(family, "dtype=float64", f"batch={batch}", seeds=2)
    assert max(followed(config, steps=40)) < 1e-11


def test_rows_beyond_a_tile_count_as_much():
    settings = ["task.rows=230", "dtype=float64", "net.hidden=[5]"]
    assert max(followed(make_config("independence", settings=settings), steps=20)) < 1e-12


@pytest.mark.parametrize("family", sorted(set(FAMILIES) - set(CHAINS)))
def test_other_families_are_left_to_torch(family):
    config = config_of(family)
    task = config.task.load()
    net = make_net(config, task=task, generators=make_generators(config.labels))
    with pytest.raises(NotCompilable, match=r"joined by a (skip|gate)|sequences"):
        plan_step(net, task, 10)


def test_large_nets_are_left_to_matrix_products():
    config = make_config("independence", settings=["net.hidden=[450,450]"])
    task = config.task.load()
    net = make_net(config, task=task, generators=make_generators(config.labels))
    with pytest.raises(NotCompilable, match=r"206,102 weights are more than 200,000"):
        plan_step(net, task, 10)


# Whole runs


def trained(*settings, steps=200, seeds=1, **options):
    usual = ["engine=compiled", "dtype=float64", "task.rows=40", "swaps.every=50", "log_every=100"]
    config = make_config("independence", settings=[*usual, *settings], steps=steps, seeds=seeds)
    return train(config, **options)


@pytest.mark.parametrize("method", ["none", "pairs", "assignment", "spectral"])
@pytest.mark.parametrize("schedule", ["[[0,0.001],[0.25,0.01],[0.75,0.001]]", "0.003"])
def test_a_run_is_torchs(method, schedule):
    settings = [f"swaps.method={method}", f"cost.strength={schedule}"]
    one = trained(*settings, steps=500, seeds=2)
    other = trained(*settings, "engine=plain", steps=500, seeds=2)
    assert one.versions["engine"] == "compiled"
    assert other.versions["engine"] == "torch"
    for name, tensor in one.net.parameters.items():
        assert torch.allclose(tensor, other.net.parameters[name], atol=1e-6)
    for name, place in one.net.places.items():
        assert torch.equal(place, other.net.places[name])
    numbers = [run.history.drop(columns="connections").to_numpy() for run in (one, other)]
    assert np.allclose(*numbers, atol=1e-6, rtol=1e-6)
    assert one.history.connections.tolist() == other.history.connections.tolist()


@pytest.mark.parametrize("batch", ["full", "16"])
def test_a_seed_alone_is_bit_for_bit_the_one_among_others(batch):
    alone = trained(f"batch={batch}", "first_seed=2", "dtype=float32")
    among = trained(f"batch={batch}", "dtype=float32", seeds=5)
    for name, tensor in alone.net.parameters.items():
        assert torch.equal(tensor[0], among.net.parameters[name][2])


def test_batches_are_drawn_as_one_by_one(monkeypatch):
    whole = trained("batch=16", steps=100)
    monkeypatch.setattr("bimt.compiled.steps._MOST", 7)
    piece_by_piece = trained("batch=16", steps=100)
    for name, tensor in whole.net.parameters.items():
        assert torch.equal(tensor, piece_by_piece.net.parameters[name])
    plain = trained("batch=16", "engine=plain", steps=100)
    assert torch.allclose(plain.net.parameters["weight.h1"], whole.net.parameters["weight.h1"], atol=1e-9)


def test_a_resumed_run_is_the_whole_run(tmp_path):
    config = make_config(
        "independence", settings=["engine=compiled", "task.rows=40", "batch=16", "save_every=60"], steps=300
    )
    whole = train(config)
    asked = []
    with pytest.raises(Interrupted):
        train(config, out=tmp_path / "run", should_stop=lambda: asked.append(1) or len(asked) == 3)
    again = train(config, out=tmp_path / "run", resume=True)
    for name, tensor in whole.net.parameters.items():
        assert torch.equal(tensor, again.net.parameters[name])
    assert again.history.equals(whole.history)


@pytest.mark.parametrize("task", ["independence", "two_moons", "images"])
def test_a_loss_that_is_no_number_stops_its_seed_before_its_step(task):
    config = make_config(task, settings=[*TASKS[task][:2], "batch=full"], seeds=3)
    pair = pair_of(config)
    parameters = pair.states[1].view(pair.net).parameters.values()
    next(iter(parameters))[1] = float("nan")
    before = [tensor.clone() for tensor in parameters]
    taken = pair.compiled.take_(pair.price, None, rows=[0, 1, 2], begun=0, steps=5)
    assert [each.steps for each in taken] == [5, 0, 5]
    assert not np.isfinite(taken[1].loss)
    for tensor, old in zip(parameters, before, strict=True):
        assert torch.equal(tensor[1].nan_to_num(7), old[1].nan_to_num(7))
        assert not torch.equal(tensor[0], old[0])
    assert [each.steps for each in pair.compiled.take_(pair.price, None, rows=[2], begun=5, steps=1)] == [1]


# Compilers


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    """No compiler is remembered, and nothing has been built, but for what zig builds of its own before its first."""
    usual = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    monkeypatch.setenv("ZIG_GLOBAL_CACHE_DIR", os.environ.get("ZIG_GLOBAL_CACHE_DIR") or str(Path(usual) / "zig"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    compiler.find_compiler.cache_clear()
    yield monkeypatch
    compiler.find_compiler.cache_clear()


def test_without_a_compiler_torch_trains_and_says_so(fresh):
    fresh.setenv("BIMT_COMPILER", "none")
    news = []
    run = trained("engine=auto", steps=1000, watch=lambda moment: news.extend(moment.news))
    assert run.versions["engine"] == "torch"
    assert news == ["training with torch, not with compiled steps: BIMT_COMPILER=none"]
    with pytest.raises(UserError, match='engine "compiled" cannot train this net: BIMT_COMPILER=none'):
        trained()


def test_a_compiler_that_fails_is_named(fresh):
    fresh.setenv("CC", "false")
    with pytest.raises(NoCompiler, match="false failed: it said nothing"):
        compiler.load("int x;")
    fresh.setenv("CC", "no-such-compiler")
    compiler.find_compiler.cache_clear()
    with pytest.raises(NoCompiler, match="no-such-compiler or what it built cannot be run"):
        compiler.load("int x;")


def test_a_command_that_cannot_be_read_is_no_compiler(fresh):
    fresh.setenv("CC", "gcc '")
    with pytest.raises(NoCompiler, match="CC must be a command, got gcc ': No closing quotation"):
        compiler.load("int x;")
    compiler.find_compiler.cache_clear()
    fresh.setenv("CC", " ")
    blank = compiler.find_compiler()
    fresh.delenv("CC")
    compiler.find_compiler.cache_clear()
    assert blank == compiler.find_compiler()


def test_a_compiler_that_does_not_say_its_version_is_given_up(fresh):
    fresh.setenv("CC", "sh -c 'exec sleep 9'")
    fresh.setattr(compiler, "_SECONDS", 0.1)
    with pytest.raises(NoCompiler, match=r"sh was not done after 0\.1 seconds"):
        compiler.load("int x;")


@pytest.mark.parametrize("left", [b"", b"no library"])
def test_what_a_crash_left_in_the_cache_is_built_again(fresh, tmp_path, left):
    key = compiler._key(compiler.find_compiler(), "int eight(void) { return 8; }\n")
    file = compiler._cache() / f"{key}.so"
    file.write_bytes(left)
    assert compiler.load("int eight(void) { return 8; }\n").eight() == 8
    assert file.stat().st_size > len(left)


def test_who_has_no_home_builds_among_temporary_files(fresh, tmp_path):
    fresh.delenv("XDG_CACHE_HOME")
    fresh.setattr(Path, "home", _no_home)
    fresh.setattr(tempfile, "tempdir", str(tmp_path))
    assert compiler._cache() == tmp_path / f"bimt-{os.getuid()}"


def _no_home():
    raise RuntimeError("Could not determine home directory.")


def test_without_any_folder_to_write_to_there_is_no_compiler(fresh, tmp_path):
    (tmp_path / "cache").touch()
    fresh.setattr(tempfile, "gettempdir", _no_temporary_files)
    with pytest.raises(NoCompiler, match="no usable temporary directory"):
        compiler.load("int x;")


def _no_temporary_files():
    raise FileNotFoundError("no usable temporary directory")


def test_what_was_built_is_kept_where_nobody_else_can_write(fresh, tmp_path):
    library = compiler.load("int seven(void) { return 7; }\n")
    assert library.seven() == 7
    folder = tmp_path / "cache" / "bimt"
    assert folder.stat().st_mode & 0o777 == 0o700
    (built,) = folder.iterdir()
    before = built.stat().st_mtime_ns
    compiler.load("int seven(void) { return 7; }\n")
    assert built.stat().st_mtime_ns == before
    folder.chmod(0o777)
    assert compiler._cache() != folder
    assert compiler._cache().stat().st_uid == os.getuid()


def test_short_runs_are_not_compiled():
    assert train(make_config("independence", steps=200)).versions["engine"] == "torch"
    assert train(make_config("independence", steps=1000)).versions["engine"] == "compiled"
