"""What is measured of a block of seeds, and when it is measured again."""

import json
from dataclasses import replace

import pytest
import torch

from bimt.checkpoint import load_checkpoint
from bimt.compiled.compiler import NoCompiler, find_compiler
from bimt.config import make_config
from bimt.messages import UserError
from bimt.sweep.blocks import Block
from bimt.train import Interrupted
from interp import sweep
from interp.events import tell
from interp.measures import measure
from interp.select import prune_all
from interp.stages import spectrum_of
from interp.sweep import MEASURED, measure_seeds, read_results, train_and_measure
from tests.bimt.sweep.works import block_at

pytestmark = pytest.mark.usefixtures("unchecked")


def done(block, should_stop=lambda: False):
    return train_and_measure(block, watch=lambda _: None, should_stop=should_stop)


@pytest.fixture
def block(tmp_path):
    return block_at(tmp_path / "cell" / "seeds-3-4", label=3, seeds=2)


def has_compiler():
    try:
        return bool(find_compiler())
    except NoCompiler:
        return False


def test_every_seed_is_measured_as_the_commands_do(block):
    results = done(block)
    checkpoint = load_checkpoint(block.folder)
    assert [result.seed for result in results] == [3, 4]
    assert [result.measures for result in results] == [measure(checkpoint, each) for each in prune_all(checkpoint)]
    for result in results:
        events = tell(checkpoint, result.seed).events
        assert [(event.kind, event.step) for event in result.events] == [(event.kind, event.step) for event in events]
    assert read_results(block) == results


def test_what_is_finished_is_not_done_again(block, monkeypatch):
    results = done(block)
    times = {path.name: path.stat().st_mtime_ns for path in block.folder.iterdir()}
    for name in ("train_block", "measure_seeds"):
        monkeypatch.setattr(sweep, name, lambda *_, **__: pytest.fail("it was done before"))
    assert done(block) == results
    assert {path.name: path.stat().st_mtime_ns for path in block.folder.iterdir()} == times


def test_an_unfinished_block_has_no_results(block):
    with pytest.raises(Interrupted):
        done(block, should_stop=lambda: True)
    assert read_results(block) is None
    assert len(done(block)) == 2


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace('"connections": ', '"connections": 1'),
        lambda text: text[:-1],
        lambda text: "",
        lambda text: "[]",
        lambda text: json.dumps({**json.loads(text), "format": 99}),
    ],
)
def test_damaged_results_are_measured_again(block, spoil):
    results = done(block)
    file = block.folder / MEASURED
    file.write_text(spoil(file.read_text()))
    assert read_results(block) is None
    assert done(block) == results == read_results(block)


def test_results_of_another_checkpoint_are_not_believed(block, tmp_path):
    done(block)
    other = block_at(tmp_path / "cell" / "other", label=3, seeds=2, settings=["cost.offset=0.3"])
    expected = done(other)
    (other.folder / MEASURED).write_bytes((block.folder / MEASURED).read_bytes())
    assert read_results(other) is None
    assert done(other) == expected
    assert read_results(replace(block, config=block.config.model_copy(update={"first_seed": 5}))) is None


def adding(folder, *settings, fourier=True):
    """A block of two nets that add modulo 5."""
    usual = ["task.modulus=5", "net.family=token_transformer", "net.width=8", "net.heads=2", "steps=20",
             "swaps.every=never"]  # fmt: skip
    config = make_config("modular_addition", settings=[*usual, *settings], seeds=2)
    return Block("cell", config, folder, fourier=fourier)


def test_nets_that_add_are_judged_as_trained(tmp_path):
    block = adding(tmp_path / "cell" / "seeds-0-1")
    results = done(block)
    checkpoint = load_checkpoint(block.folder)
    expected = [spectrum_of(checkpoint, label, modules=False)[1].metrics for label in (0, 1)]
    assert [result.addition for result in results] == expected
    assert expected[0] != expected[1]
    assert read_results(block) == results


def test_halves_are_read_back_too(tmp_path):
    block = adding(tmp_path / "cell" / "seeds-0-1", "task.own_tokens=true")
    results = done(block)
    assert len(results[0].addition.circularity_halves) == 2
    assert read_results(block) == results


@pytest.mark.parametrize("setting", ["task.operation=-", "task.operands=3", "task.modulus=4"])
def test_what_is_no_sum_of_two_or_too_large_is_not_judged(tmp_path, monkeypatch, setting):
    monkeypatch.setattr("interp.addition.MOST", 5 if "modulus" not in setting else 3)
    block = adding(tmp_path / "cell" / "seeds-0-1", setting)
    assert [result.addition for result in done(block)] == [None, None]


def test_nobody_is_judged_unless_asked(tmp_path, block):
    assert all(result.addition is None for result in done(block))
    quiet, asked = (adding(tmp_path / "cell" / "seeds-0-1", fourier=fourier) for fourier in (False, True))
    assert [result.addition for result in done(quiet)] == [None, None]
    assert read_results(asked) is None
    assert None not in [result.addition for result in done(asked)]
    assert read_results(quiet) is None


def test_a_seed_that_stopped_is_there_with_its_reason(block):
    done(block)
    checkpoint = load_checkpoint(block.folder)
    stopped, measured = measure_seeds(replace(checkpoint, stopped={3: "seed 3: loss became nan at step 20"}))
    assert (stopped.seed, stopped.measures, stopped.stopped) == (3, None, "seed 3: loss became nan at step 20")
    assert measured.measures is not None


def test_a_block_in_which_every_seed_stops_says_so(tmp_path):
    with pytest.raises(UserError, match="every seed stopped"):
        done(block_at(tmp_path / "cell" / "one", settings=["learning_rate=1e30"]))


@pytest.mark.skipif(not has_compiler(), reason="there is no C compiler")
def test_with_compiled_steps_blocks_of_any_size_have_the_same_bits(tmp_path):
    settings = ["engine=compiled"]
    together = block_at(tmp_path / "cell" / "both", seeds=2, settings=settings)
    alone = [block_at(tmp_path / "cell" / f"{label}", label=label, settings=settings) for label in (0, 1)]
    assert done(together) == done(alone[0]) + done(alone[1])
    weights = load_checkpoint(together.folder).net.parameters
    for row, each in enumerate(alone):
        for name, tensor in load_checkpoint(each.folder).net.parameters.items():
            assert torch.equal(tensor[0], weights[name][row])
