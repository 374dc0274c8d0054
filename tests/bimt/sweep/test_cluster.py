"""A Dask cluster as the engine: the same numbers, whoever dies."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from bimt.messages import UserError
from bimt.sweep import cluster
from bimt.sweep.cluster import connected
from bimt.sweep.engine import Begun, Ended, Halted, Reached, run_blocks
from interp.sweep import read_results, train_and_measure
from tests.bimt.sweep.works import block_at, in_trouble, killed_in_the_middle, slow

distributed = pytest.importorskip("distributed", reason="the extra cluster is not installed")
pytestmark = [
    pytest.mark.usefixtures("unchecked"),
    # Other people's: of sockets and loops that are closed late, and versions that differ.
    pytest.mark.filterwarnings("default"),
]


def never():
    return False


def run(work, blocks, address, *, should_stop=never, watch=lambda _: None):
    """Runs blocks on the cluster at an address and returns the outcome and all events."""
    events = []

    def note(event):
        events.append(event)
        watch(event)

    with connected(work, address=address, file=None) as engine:
        return run_blocks(engine, blocks, watch=note, should_stop=should_stop), events


@pytest.fixture(scope="module")
def address():
    """The scheduler of two workers on this machine."""
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as local:
        yield local.scheduler_address


def test_a_killed_worker_changes_no_number(address, tmp_path):
    blocks = [block_at(tmp_path / "sweep" / f"seed-{label}", label=label) for label in range(3)]
    outcome, events = run(killed_in_the_middle, blocks, address)
    assert [block.name for block in outcome.finished] == [block.name for block in blocks]
    assert (outcome.failures, outcome.is_halted) == ((), False)
    assert sum(isinstance(event, Ended) for event in events) == 3
    assert sum(isinstance(event, Begun) and event.block == blocks[1] for event in events) == 2
    assert {event.moment.step for event in events if isinstance(event, Reached) and event.block == blocks[0]} == {
        20,
        40,
        60,
    }
    for block in blocks:
        label = block.config.first_seed
        serial = block_at(tmp_path / "serial" / f"seed-{label}", label=label)
        assert train_and_measure(serial, watch=lambda _: None, should_stop=never) == read_results(block)


def test_failures_are_told_and_stop_nobody_else(address, tmp_path):
    blocks = [block_at(tmp_path / "sweep" / f"seed-{label}", label=label) for label in (0, 2)]
    outcome, _ = run(in_trouble, blocks, address)
    assert [block.name for block in outcome.finished] == [blocks[1].name]
    (failure,) = outcome.failures
    assert failure.block.name == blocks[0].name
    assert failure.reason.startswith("ZeroDivisionError: no\\nsuch luck (works.py, line ")


def test_a_wish_to_stop_saves_what_was_reached(address, tmp_path):
    blocks = [block_at(tmp_path / "sweep" / f"seed-{label}", label=label) for label in range(4)]
    asked = threading.Event()
    outcome, events = run(
        slow, blocks, address, should_stop=asked.is_set, watch=lambda event: isinstance(event, Reached) and asked.set()
    )
    assert outcome.is_halted
    assert any(isinstance(event, Halted) for event in events)
    assert len(outcome.finished) < 4


def test_who_does_not_answer_is_named(monkeypatch):
    monkeypatch.setattr(cluster, "_SECONDS", 1)
    with (
        pytest.raises(UserError, match=r"no Dask scheduler answers at tcp://127.0.0.1:9 within 1 seconds; start one"),
        connected(train_and_measure, address="tcp://127.0.0.1:9", file=None),
    ):
        pass


def test_a_scheduler_without_workers_is_named(monkeypatch):
    monkeypatch.setattr(cluster, "_SECONDS", 1)
    with (
        distributed.LocalCluster(n_workers=0, processes=False, dashboard_address=None, protocol="tcp") as local,
        pytest.raises(UserError, match=r"has no worker; start some with: dask worker tcp://.* --nthreads 1"),
        connected(train_and_measure, address=local.scheduler_address, file=None),
    ):
        pass


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"address": 3}'])
def test_a_scheduler_file_of_another_kind_is_named(tmp_path, text):
    file = tmp_path / "sched.json"
    file.write_text(text)
    with (
        pytest.raises(UserError, match=r"sched.json must be the file that a Dask scheduler wrote, with its address"),
        connected(train_and_measure, address=None, file=file),
    ):
        pass


def test_a_missing_scheduler_file_is_named(tmp_path):
    with (
        pytest.raises(UserError, match=r"there is no scheduler file .*sched.json; write one with: dask scheduler"),
        connected(train_and_measure, address=None, file=tmp_path / "sched.json"),
    ):
        pass


def started(*words):
    return subprocess.Popen([sys.executable, "-m", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def test_a_killed_scheduler_is_told_and_what_is_finished_is_kept(tmp_path):
    file = tmp_path / "sched.json"
    scheduler = started(
        "distributed.cli.dask_scheduler",
        "--host",
        "127.0.0.1",
        "--port",
        "0",
        "--no-dashboard",
        "--scheduler-file",
        str(file),
    )
    deadline = time.monotonic() + 30
    while not file.exists() or not file.stat().st_size:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    worker = started(
        "distributed.cli.dask_worker", "--scheduler-file", str(file), "--nthreads", "1", "--no-dashboard", "--no-nanny",
        "--death-timeout", "5", "--local-directory", str(tmp_path),
    )  # fmt: skip
    blocks = [block_at(tmp_path / "sweep" / f"seed-{label}", label=label) for label in range(3)]

    def kill_after_the_first(event):
        if isinstance(event, Ended):
            os.kill(scheduler.pid, signal.SIGKILL)

    try:
        assert json.loads(file.read_text())["address"].startswith("tcp://127.0.0.1:")
        begun = time.monotonic()
        with (
            pytest.raises(UserError, match=r"is gone; what is finished is kept: start one, then --resume"),
            connected(slow, address=None, file=file) as engine,
        ):
            run_blocks(engine, blocks, watch=kill_after_the_first, should_stop=never)
        assert time.monotonic() - begun < 60
        assert sum(read_results(block) is not None for block in blocks) in (1, 2)
    finally:
        for process in (scheduler, worker):
            process.kill()
            process.wait()
