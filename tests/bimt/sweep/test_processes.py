"""Worker processes: whatever becomes of them, every block is done once, and its numbers are the serial run's."""

import os
import threading
import time

import pandas as pd
import pytest
import torch

from bimt.checkpoint import load_checkpoint
from bimt.messages import UserError
from bimt.sweep import blocks as block_module
from bimt.sweep import processes
from bimt.sweep.blocks import train_block
from bimt.sweep.engine import Begun, Ended, Halted, Lost, Reached, run_blocks
from bimt.sweep.processes import Processes
from interp.sweep import read_results, train_and_measure
from tests.bimt.sweep.works import block_at, in_trouble, killed_in_the_middle, slow

pytestmark = pytest.mark.usefixtures("unchecked")


def run(work, blocks, *, workers, should_stop=lambda: False):
    """Runs blocks and returns the outcome and all events."""
    events = []
    outcome = run_blocks(Processes(work, workers=workers), blocks, watch=events.append, should_stop=should_stop)
    return outcome, events


def never():
    return False


def test_a_killed_worker_costs_one_block_and_changes_no_number(tmp_path):
    blocks = [block_at(tmp_path / "sweep" / f"seed-{label}", label=label) for label in range(4)]
    outcome, events = run(killed_in_the_middle, blocks, workers=2)
    assert [block.name for block in outcome.finished] == [block.name for block in blocks]
    assert (outcome.failures, outcome.is_halted) == ((), False)
    (lost,) = [event for event in events if isinstance(event, Lost)]
    assert (lost.block, lost.reason) == (blocks[1], "was killed by SIGKILL")
    assert sum(isinstance(event, Begun) for event in events) == 5
    assert sum(isinstance(event, Ended) for event in events) == 4
    again = max(rank for rank, event in enumerate(events) if isinstance(event, Begun) and event.block == blocks[1])
    assert (
        min(event.moment.step for event in events[again:] if isinstance(event, Reached) and event.block == blocks[1])
        > 20
    )
    for block in blocks:
        label = block.config.first_seed
        serial = block_at(tmp_path / "serial" / f"seed-{label}", label=label)
        assert train_and_measure(serial, watch=lambda _: None, should_stop=never) == read_results(block)
        one, other = load_checkpoint(block.folder), load_checkpoint(serial.folder)
        assert all(torch.equal(tensor, other.net.parameters[name]) for name, tensor in one.net.parameters.items())
        pd.testing.assert_frame_equal(one.history, other.history, check_exact=True)


def test_failures_are_told_and_stop_nobody_else(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "ATTEMPTS", 2)
    blocks = [block_at(tmp_path / "sweep" / f"seed-{label}", label=label) for label in range(3)]
    outcome, events = run(in_trouble, blocks, workers=1)
    assert [block.name for block in outcome.finished] == [blocks[2].name]
    raised, died = outcome.failures
    assert raised.block is blocks[0]
    assert raised.reason.startswith("ZeroDivisionError: no\\nsuch luck (works.py, line ")
    assert died.block is blocks[1]
    assert died.reason == "2 workers died of it; the last was killed by SIGKILL: about to die"
    assert sum(isinstance(event, Lost) for event in events) == 1


def test_a_wish_to_stop_saves_what_was_reached(tmp_path):
    blocks = [block_at(tmp_path / "sweep" / f"seed-{label}", label=label) for label in range(2)]
    asked = threading.Event()
    events = []

    def watch(event):
        events.append(event)
        if isinstance(event, Reached):
            asked.set()

    outcome = run_blocks(Processes(slow, workers=1), blocks, watch=watch, should_stop=asked.is_set)
    assert (outcome.finished, outcome.failures, outcome.is_halted) == ((), (), True)
    assert isinstance(events[-1], Halted)
    progress = load_checkpoint(blocks[0].folder).progress
    assert progress is not None
    assert 0 < progress.step < 60
    assert not blocks[1].folder.exists()


def test_closing_the_events_ends_the_workers(tmp_path):
    block = block_at(tmp_path / "sweep" / "seed-0")
    events = Processes(slow, workers=1).run([block], should_stop=never)
    while not isinstance(next(events), Reached):
        pass
    events.close()
    (mark,) = (tmp_path / "sweep").glob("*.pid")
    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.stem), 0)


@pytest.mark.parametrize("workers", [0, -3])
def test_there_must_be_a_worker(workers):
    with pytest.raises(ValueError, match=f"`workers` must be at least 1, got {workers}"):
        Processes(train_block, workers=workers)


def test_nobody_else_trains_in_the_same_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(block_module, "_PATIENCE", 0.2)
    block = block_at(tmp_path / "sweep" / "seed-0")
    with block_module._alone_in(block.folder):  # as another process would
        begun = time.monotonic()
        with pytest.raises(UserError, match=r"another process is training in .*seed-0; end it, then --resume"):
            train_block(block, watch=lambda _: None, should_stop=never)
        assert time.monotonic() - begun < 5
    assert train_block(block, watch=lambda _: None, should_stop=never).progress is None
