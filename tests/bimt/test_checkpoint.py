"""Checkpoints: there and back, damaged, killed, with a disk that fails."""

import builtins
import errno
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from itertools import count
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bimt.checkpoint import CheckpointError, load_checkpoint, read_config, save_checkpoint
from bimt.config import make_config
from bimt.messages import UserError
from bimt.steps import PlainSteps
from bimt.train import Interrupted, train

pytestmark = pytest.mark.usefixtures("unchecked")
SETTINGS = ["steps=60", "log_every=10", "save_every=20", "swaps.every=15", "net.hidden=[6]", "batch=20"]
CONFIG = make_config("independence", seeds=2, settings=SETTINGS)


def stop_after(step):
    """Asks to stop after so many steps."""
    steps = count(1)
    return lambda: next(steps) >= step


def interrupted(path, step, config=CONFIG):
    with pytest.raises(Interrupted):
        train(config, out=path, should_stop=stop_after(step))


def same(one, other):
    """Whether two checkpoints are equal, bit for bit."""
    return (
        all(torch.equal(one.net.parameters[name], tensor) for name, tensor in other.net.parameters.items())
        and all(torch.equal(one.net.places[name], place) for name, place in other.net.places.items())
        and all(torch.equal(one.snapshots[name], frames) for name, frames in other.snapshots.items())
        and one.history.equals(other.history)
        and (one.stopped, one.labels, one.config) == (other.stopped, other.labels, other.config)
        and torch.equal(one.task.train.inputs, other.task.train.inputs)
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A finished run."""
    return train(CONFIG, out=tmp_path_factory.mktemp("whole") / "run")


@pytest.fixture(scope="module")
def good(whole, tmp_path_factory):
    """An unfinished one, to be copied."""
    path = tmp_path_factory.mktemp("good") / "run"
    interrupted(path, 33)
    return path


def test_a_run_in_memory_is_the_same(whole):
    assert same(train(CONFIG), whole)
    assert train(CONFIG).path is None


def test_everything_is_read_back(whole):
    again = load_checkpoint(whole.path)
    assert same(again, whole)
    assert again.progress is None
    assert again.labels == (0, 1)
    assert set(again.versions) == {"python", "torch", "numpy", "threads", "engine", "device"}
    assert (again.task.inputs, again.task.kind, again.task.classes) == (("x1", "x2", "x3", "x4"), "regression", ())


def test_a_checkpoint_can_be_written_elsewhere(whole, tmp_path):
    assert same(save_checkpoint(whole, tmp_path / "new"), whole)
    with pytest.raises(UserError, match=r"must be empty, found config.json; choose another \(bimt train .* --resume\)"):
        save_checkpoint(whole, tmp_path / "new")


@pytest.mark.parametrize("steps", [(1,), (20,), (33,), (59,), (7, 15, 30)])
def test_a_resumed_run_is_the_whole_run(whole, tmp_path, steps):
    interrupted(tmp_path, steps[0])
    for step in steps[1:]:
        with pytest.raises(Interrupted):
            train(CONFIG, out=tmp_path, resume=True, should_stop=stop_after(step))
    assert same(train(CONFIG, out=tmp_path, resume=True), whole)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in whole.path.iterdir())
    assert same(train(CONFIG, out=tmp_path, resume=True), whole)  # nothing left to do


def test_a_stopped_seed_stays_stopped(tmp_path, monkeypatch):
    steps = count(1)
    losses = PlainSteps._losses

    def spoil(plain, batch):
        return losses(plain, batch) * torch.tensor([1.0, float("nan") if next(steps) == 25 else 1.0])

    monkeypatch.setattr(PlainSteps, "_losses", spoil)
    interrupted(tmp_path, 40)
    resumed = train(CONFIG, out=tmp_path, resume=True)
    assert resumed.stopped == {1: "seed 1: loss became nan at step 24"}
    assert resumed.running == (0,)
    assert torch.equal(resumed.snapshots["weight.h1"][2, 1], resumed.net.parameters["weight.h1"][1])


# Folders


def test_only_an_empty_folder_is_taken(tmp_path, whole):
    (tmp_path / "mine.txt").write_text("precious")
    for resume in (False, True):
        with pytest.raises(UserError, match=r"found mine\.txt; choose another"):
            train(CONFIG, out=tmp_path, resume=resume)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="must be a folder, but there is a file of that name"):
        train(CONFIG, out=tmp_path / "file")
    with pytest.raises(UserError, match="must be a folder, but there is a file of that name"):
        train(CONFIG, out=tmp_path / "file" / "below")
    with pytest.raises(UserError, match="cannot be made: File name too long"):
        train(CONFIG, out=tmp_path / ("x" * 300))
    other = make_config("independence", seeds=2, settings=[*SETTINGS, "cost.offset=0.2"])
    with pytest.raises(UserError, match=r"holds a run with other settings \(cost.offset = 0.1, now 0.2\); drop them"):
        train(other, out=whole.path, resume=True)


def test_a_folder_that_cannot_be_written_is_found_before_training(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "touch", failing(errno.EROFS))
    unasked = getattr(train, "__wrapped__", train)  # without the types' own check
    with pytest.raises(UserError, match="cannot be written: Read-only file system"):
        unasked(CONFIG, out=tmp_path, task="never looked at")


def test_bad_data_leaves_the_folder_free(tmp_path):
    config = make_config("table", settings=[f"task.data={tmp_path}/no.csv", 'task.targets=["y"]'])
    with pytest.raises(UserError, match="there is no file"):
        train(config, out=tmp_path / "run")
    assert list((tmp_path / "run").iterdir()) == []


def test_a_run_killed_before_its_first_checkpoint_starts_again(whole, tmp_path):
    (tmp_path / "config.json").write_text(CONFIG.model_dump_json())
    (tmp_path / ".writing-1-weights-20.safetensors").write_bytes(b"half")
    (tmp_path / "weights-20.safetensors").write_bytes(b"no manifest vouches for it")
    assert read_config(tmp_path) == CONFIG
    assert same(train(CONFIG, out=tmp_path, resume=True), whole)
    assert not (tmp_path / ".writing-1-weights-20.safetensors").exists()


# Damage


def refuses(path):
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    line = str(caught.value)
    assert line.isprintable()
    assert len(line) < 600
    return line


@pytest.mark.parametrize("prefix", ["manifest", "config", "weights", "data", "snapshots", "history", "optimizer"])
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_any_byte_changed_or_cut_is_refused(good, prefix, where, flip):
    (file,) = good.glob(f"{prefix}*")
    content = file.read_bytes()
    place = int(where * len(content))
    try:
        for changed in (
            content[:place] + bytes([content[place] ^ flip]) + content[place + 1 :],
            content[:place],
            content[:place] + content[place + 1 :],
            content + b"\n",
        ):
            file.write_bytes(changed)
            assert f"{file.name} is damaged" in refuses(good)
    finally:
        file.write_bytes(content)
    assert load_checkpoint(good).progress.step == 33


def test_every_byte_of_the_manifest_counts(good):
    file = good / "manifest.json"
    content = file.read_bytes()
    sealed = len(content.rstrip())
    places = [*range(0, sealed, 97), *range(sealed - 80, sealed)]  # generator states are long and all alike
    try:
        for place in places:
            for changed in (content[:place], content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]):
                file.write_bytes(changed)
                assert "manifest.json is damaged" in refuses(good)
    finally:
        file.write_bytes(content)


@pytest.mark.parametrize("prefix", ["config", "weights", "data", "snapshots", "history", "optimizer"])
def test_a_missing_file_is_named(good, tmp_path, prefix):
    shutil.copytree(good, tmp_path / "copy")
    (file,) = (tmp_path / "copy").glob(f"{prefix}*")
    file.unlink()
    assert f"{file.name} is missing; restore it from a copy" in refuses(tmp_path / "copy")


def test_other_files_are_nobodys_business(good, tmp_path):
    shutil.copytree(good, tmp_path / "copy")
    (tmp_path / "copy" / "report.html").write_text("report")
    assert same(load_checkpoint(tmp_path / "copy"), load_checkpoint(good))
    train(CONFIG, out=tmp_path / "copy", resume=True)
    assert (tmp_path / "copy" / "report.html").read_text() == "report"


def test_what_is_no_checkpoint_says_what_to_do(tmp_path):
    assert "there is no checkpoint" in refuses(tmp_path / "no")
    assert "it has no manifest.json; give the folder after --out" in refuses(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    assert "finish it with --resume" in refuses(tmp_path)
    (tmp_path / "manifest.json").write_text("[" * 100_000)
    assert "manifest.json is damaged" in refuses(tmp_path)
    (tmp_path / "manifest.json").write_text("[]")
    assert "manifest.json is damaged" in refuses(tmp_path)


@pytest.mark.parametrize("change", [{"format": 1}, {"files": []}, {"files": {"../x": {}}}, {"step": 7}, {"task": {}}])
def test_a_manifest_that_seals_nonsense_is_refused(good, tmp_path, change):
    from bimt.folder import _sealed

    shutil.copytree(good, tmp_path / "copy")
    manifest = json.loads((good / "manifest.json").read_bytes())
    del manifest["sha256"]
    (tmp_path / "copy" / "manifest.json").write_text(_sealed(manifest | change))
    refuses(tmp_path / "copy")


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("name", ["net.pt", "net.pkl", "folder/manifest.json", "folder/weights-60.safetensors"])
def test_nothing_is_ever_unpickled(tmp_path, whole, name):
    shutil.copytree(whole.path, tmp_path / "folder")
    target = tmp_path / name
    target.write_bytes(pickle.dumps(Bomb(tmp_path / "exploded")))
    refuses(target if target.suffix in (".pt", ".pkl") else tmp_path / "folder")
    assert not (tmp_path / "exploded").exists()
    pickle.loads(target.read_bytes())
    assert (tmp_path / "exploded").exists()


# A disk that fails


def failing(number):
    def fail(*_, **__):
        raise OSError(number, os.strerror(number))

    return fail


def failing_at(monkeypatch, module, name, call):
    """Makes one call of a function fail; tells how many there were."""
    calls, original = count(1), getattr(module, name)
    made = []

    def sometimes(*arguments, **options):
        made.append(name)
        if next(calls) == call:
            raise OSError(errno.ENOSPC, "No space left on device")
        return original(*arguments, **options)

    monkeypatch.setattr(module, name, sometimes)
    return made


@pytest.mark.parametrize("name", ["replace", "fsync", "open", "unlink"])
def test_the_nth_call_fails_until_a_run_passes(whole, tmp_path, name):
    for call in count(1):
        path = tmp_path / f"run{call}"
        with pytest.MonkeyPatch.context() as patch:
            made = failing_at(patch, builtins if name == "open" else os, name, call)
            complaint = ""
            try:
                train(CONFIG, out=path)
            except UserError as error:
                complaint = str(error)
        assert complaint.endswith("No space left on device") or not complaint
        if not complaint and len(made) < call:
            assert call > 10 or name == "unlink"
            return
        assert not list(path.glob(".writing-*")) or name == "unlink"
        if (path / "manifest.json").exists():
            load_checkpoint(path)
        assert same(train(CONFIG, out=path, resume=True), whole)


# Killed


def start(path, *more):
    command = [sys.executable, "-m", "bimt.train", "--out", str(path), *more]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


LONG = ["steps=1000", "log_every=25", "save_every=25", "swaps.every=100", "net.hidden=[6]"]


@pytest.fixture(scope="module")
def uninterrupted():
    """What every killed run must end as."""
    return train(make_config("crossing", settings=LONG))


@pytest.mark.parametrize("delay", [0.0, 0.15, 0.4])
def test_a_killed_run_is_good_or_refused_and_is_finished(tmp_path, uninterrupted, delay):
    process = start(tmp_path / "run", "crossing", *(word for setting in LONG for word in ("--set", setting)))
    try:
        while not (tmp_path / "run" / "config.json").exists() and process.poll() is None:
            time.sleep(0.01)
        time.sleep(delay)
    finally:
        process.kill()
        process.communicate()
    config = make_config("crossing", settings=LONG)
    if (tmp_path / "run" / "manifest.json").exists():
        assert load_checkpoint(tmp_path / "run").config == config
    else:
        refuses(tmp_path / "run")
    assert same(train(config, out=tmp_path / "run", resume=True), uninterrupted)


def test_ctrl_c_saves_and_says_how_to_go_on(tmp_path, uninterrupted):
    folder = tmp_path / "a run"
    process = start(folder, "crossing", *(word for setting in LONG for word in ("--set", setting)))
    while not (folder / "manifest.json").exists() and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"all of it saved; go on with: bimt train --out '{folder}' --resume" in err
    assert "Traceback" not in err
    saved = load_checkpoint(folder)
    assert 0 < saved.progress.step < 1000
    config = make_config("crossing", settings=LONG)
    assert same(train(config, out=folder, resume=True), uninterrupted)
