"""Training on another device: nothing is forgotten on the way, and what comes back is the same."""

import re

import pytest
import torch

from bimt import device as devices
from bimt.checkpoint import load_checkpoint
from bimt.cli import run
from bimt.commands import train as command
from bimt.config import make_config
from bimt.device import choose_device, describe_device
from bimt.messages import UserError
from bimt.steps import PlainSteps
from bimt.train import Interrupted, train
from tests.elsewhere import ELSEWHERE, Distant, elsewhere
from tests.families import FAMILIES, config_of

pytestmark = pytest.mark.usefixtures("unchecked")
SHORT = ("steps=12", "swaps.every=4", "log_every=3", "save_every=6")
HAS_GPU = torch.cuda.is_available()


@pytest.fixture
def away(monkeypatch):
    """A GPU that is asked for is the other device, and there."""
    monkeypatch.setattr("bimt.train.choose_device", lambda asked, **_: ELSEWHERE if asked == "cuda" else devices.CPU)
    with elsewhere() as driver:
        yield driver


def same(one, other, *, within=0.0):
    """Whether two checkpoints hold the same net, history and snapshots, all of it on the CPU."""
    for mine, its in ((one.net.parameters, other.net.parameters), (one.net.places, other.net.places),
                      (one.snapshots, other.snapshots)):  # fmt: skip
        assert set(mine) == set(its)
        for name, tensor in mine.items():
            assert type(tensor) is torch.Tensor
            assert tensor.device.type == "cpu"
            assert tensor.dtype == its[name].dtype
            assert (tensor - its[name]).abs().max().item() <= within, name
    exact = ["step", "seed", "strength"]
    assert one.history[exact].equals(other.history[exact])
    assert (one.history - other.history).abs().max().max() <= within
    return True


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("settings", [(), ("batch=3", "swaps.method=pairs"), ("cost.reduce=mean", "dtype=float32")])
def test_a_run_elsewhere_is_the_run_here(away, family, settings):
    config = config_of(family, *SHORT, *settings, seeds=2)
    here = train(config)
    before = away.count
    there = train(config, device="cuda")
    assert away.count - before > 12 * 20  # it was there that it was computed
    assert same(there, here)
    assert (here.versions["device"], there.versions["device"]) == ("cpu", "meta")


@pytest.mark.parametrize("task", ["two_moons", "images"])
def test_other_losses_are_computed_there_too(away, task):
    settings = ["task.rows=40", "batch=10", "swaps.method=assignment", *SHORT]
    config = make_config(task, settings=settings if task == "two_moons" else [*settings, "net.hidden=[9]"])
    assert same(train(config, device="cuda"), train(config))


@pytest.mark.parametrize(("first", "then"), [("cuda", "cpu"), ("cpu", "cuda"), ("cuda", "cuda")])
def test_a_run_goes_on_elsewhere(away, tmp_path, first, then):
    config = config_of("mlp", *SHORT, "batch=7", seeds=2)
    seen = []
    with pytest.raises(Interrupted):
        train(config, out=tmp_path, device=first, should_stop=lambda: seen.append(1) or len(seen) == 7)
    assert load_checkpoint(tmp_path).progress.step == 7
    assert same(train(config, out=tmp_path, resume=True, device=then), train(config))


def test_a_seed_that_stops_there_stops_alone(away, monkeypatch):
    config = config_of("mlp", *SHORT, seeds=3)
    whole, losses, calls = train(config), PlainSteps._losses, []

    def spoil(steps, batch):
        calls.append(1)
        found = losses(steps, batch)
        return found * torch.tensor([1.0, torch.nan if len(calls) == 8 else 1.0, 1.0], device=found.device)

    monkeypatch.setattr(PlainSteps, "_losses", spoil)
    there = train(config, device="cuda")
    assert there.stopped == {1: "seed 1: loss became nan at step 7"}
    for name, tensor in there.net.parameters.items():
        assert torch.equal(tensor[::2], whole.net.parameters[name][::2])


def test_weights_that_overflow_there_stop_their_seeds(away):
    config = config_of("mlp", "learning_rate=1e200", "swaps.every=1", "steps=20", seeds=2)
    with pytest.raises(UserError, match="every seed stopped: seed 0"):
        train(config, device="cuda")


def test_an_engine_that_may_choose_says_that_it_took_torch(away, monkeypatch):
    monkeypatch.setattr("bimt.steps._WORTH", 12)
    news = []
    config = config_of("mlp", *SHORT, "engine=auto")
    found = train(config, device="cuda", watch=lambda moment: news.extend(moment.news))
    assert news == ["training with torch on meta: compiled steps are for the CPU"]
    assert found.versions["engine"] == "torch"


def test_the_other_device_notices_what_is_forgotten():
    with elsewhere() as driver:
        there, here = torch.arange(6.0).view(2, 3).to(ELSEWHERE), torch.ones(2, 3)
        assert isinstance(there, Distant)
        assert (there + 1).cpu().tolist() == [[1, 2, 3], [4, 5, 6]]
        assert driver.count > 1
        forgotten = (
            lambda: there + here,
            lambda: torch.cat([here, there]),
            lambda: here.mul_(there),
            lambda: torch.where(here > 0, there, 0.0),
            lambda: torch.bmm(there[None], here.T[None]),
            lambda: torch.empty(2, device=ELSEWHERE) + torch.ones(2),
            there.numpy,
        )
        for each in forgotten:
            with pytest.raises((RuntimeError, TypeError)):
                each()


@pytest.mark.parametrize("asked", ["gpu", "cuda:", "cuda:-1", "cuda:01", "CPU", "", "meta", "cuda:0\n"])
def test_a_device_has_one_of_four_names(asked):
    with pytest.raises(UserError, match=re.escape("device must be cpu, cuda, cuda:N (a GPU, counted from 0) or auto")):
        choose_device(asked, engine="auto")


@pytest.mark.parametrize(
    ("count", "built", "asked", "says"),
    [
        (0, None, "cuda", "device cuda must be a GPU that torch can use here, found torch .*, which is built for the "
                          "CPU alone: install a build for your GPU; --device cpu does without"),
        (0, "12.8", "cuda:1", r"found torch .*, which sees none: check the driver \(nvidia-smi\); --device cpu"),
        (2, "12.8", "cuda:2", "device cuda:2 must be .*, found 2, counted from cuda:0; --device cpu does without"),
    ],
)  # fmt: skip
def test_a_gpu_that_is_not_there_is_named_with_what_is(monkeypatch, count, built, asked, says):
    gpus(monkeypatch, count, built)
    with pytest.raises(UserError, match=says):
        choose_device(asked, engine="auto")


def gpus(monkeypatch, count, built="12.8"):
    """So many GPUs, and a torch for them."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.setattr(torch.version, "cuda", built)
    monkeypatch.setattr(torch.version, "hip", None)


def test_auto_takes_a_gpu_where_there_is_one_that_can_do_it(monkeypatch):
    gpus(monkeypatch, 2)
    assert choose_device("auto", engine="auto") == torch.device("cuda", 0)
    assert choose_device("auto", engine="compiled") == devices.CPU
    assert choose_device("cuda", engine="plain") == torch.device("cuda", 0)
    assert choose_device("cuda:1", engine="auto") == torch.device("cuda", 1)
    gpus(monkeypatch, 0)
    assert choose_device("auto", engine="auto") == devices.CPU


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--set", "engine=compiled", "--device", "cuda"],
         'engine "compiled" makes code for the CPU, got device cuda; set engine to "auto"'),
        (["--device", "tpu"], "device must be cpu, cuda, cuda:N (a GPU, counted from 0) or auto, got tpu"),
    ],
)  # fmt: skip
def test_a_device_that_cannot_do_it_is_refused_before_anything_is_written(tmp_path, capsys, words, says):
    out = tmp_path / "run"
    assert run(command, ["independence", *words, "--out", str(out)]) == 2
    assert capsys.readouterr().err == f"bimt train: error: {says}\n"
    assert not out.exists()


@pytest.mark.skipif(HAS_GPU, reason="there is a GPU: nothing is missing")
def test_a_missing_gpu_is_one_line(tmp_path, capsys):
    assert run(command, ["independence", "--device", "cuda", "--out", str(tmp_path / "run")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("bimt train: error: device cuda must be a GPU that torch can use here, found torch ")


def test_the_cpu_can_be_asked_for(tmp_path, capsys):
    words = [word for text in SHORT for word in ("--set", text)]
    for name in ("cpu", None):
        chosen = [] if name is None else ["--device", name]
        assert run(command, ["independence", *words, *chosen, "--out", str(tmp_path / str(name)), "--quiet"]) == 0
    assert same(load_checkpoint(tmp_path / "cpu"), load_checkpoint(tmp_path / "None"))
    assert load_checkpoint(tmp_path / "cpu").versions["device"] == "cpu"
    capsys.readouterr()


@pytest.mark.skipif(not HAS_GPU, reason="torch can use no GPU here: its results are compared only where there is one")
@pytest.mark.parametrize("family", FAMILIES)
def test_a_gpu_gives_the_same_to_rounding(family, tmp_path):
    config = config_of(family, *SHORT, "dtype=float64", "batch=3", seeds=2)
    there = train(config, out=tmp_path, device="cuda")
    assert same(there, train(config), within=1e-9)
    assert there.versions["device"] == describe_device(torch.device("cuda", 0))
