"""Curves for TensorBoard: every number of the history, under its seed."""

import sys
from types import ModuleType

import pytest

from bimt.config import make_config
from bimt.messages import UserError
from bimt.tracking import tracked
from bimt.train import train

CONFIG = make_config("independence", settings=["task.rows=20", "log_every=5", "swaps.every=never"], steps=10, seeds=2)


class Writer:
    """What TensorBoard's writer is to us."""

    made: list["Writer"]

    def __init__(self, folder):
        self.folder, self.numbers, self.is_closed = folder, [], False
        Writer.made.append(self)

    def add_scalar(self, name, value, step):
        self.numbers.append((name, value, step))

    def close(self):
        self.is_closed = True


@pytest.fixture
def writers(monkeypatch):
    Writer.made = []
    stand_in = ModuleType("torch.utils.tensorboard")
    stand_in.SummaryWriter = Writer
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", stand_in)
    return Writer.made


def test_every_number_of_the_history_becomes_a_point(writers, tmp_path):
    with tracked(tmp_path) as watch:
        run = train(CONFIG, watch=watch)
    assert [writer.folder for writer in writers] == [str(tmp_path / "seed-0"), str(tmp_path / "seed-1")]
    assert all(writer.is_closed for writer in writers)
    for seed, writer in enumerate(writers):
        own = run.history[(run.history.seed == seed) & (run.history.step > 0)]
        told = {(name, step): value for name, value, step in writer.numbers}
        assert set(told) == {(name, step) for name in set(own) - {"step", "seed"} for step in (5, 10)}
        for row in own.to_dict("records"):
            assert all(told[name, row["step"]] == row[name] for name in set(own) - {"step", "seed"})


def test_without_a_folder_nothing_is_written(writers):
    with tracked(None) as watch:
        train(CONFIG, watch=watch)
    assert not writers


def test_a_missing_package_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(UserError, match=r"--tensorboard needs the package tensorboard: pip install"), tracked(tmp_path):
        pass


def test_the_real_writer_takes_it(tmp_path):
    pytest.importorskip("tensorboard", reason="the package tensorboard (extra tracking) is not installed")
    with tracked(tmp_path) as watch:
        train(CONFIG, watch=watch)
    assert len(list(tmp_path.glob("seed-*/events.*"))) == 2
