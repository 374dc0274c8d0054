"""Speed against a textbook loop, in one process after imports: `make bench`, or `python -m benchmarks [--rounds 3]`.

Every figure is a ratio of times measured in turn in the same run; the medians over the rounds are printed, and the
least and the most. What is timed is the training call with swaps, logging and saving, on all cores, after its step was
compiled; the textbook's loop is given the same cores. Time per seed and step, at the pace of the published run: neurons
move, and losses are written down, after every 200 steps, and a checkpoint is saved after every 2,000 and at the end.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch

from benchmarks.textbook import TextbookNet, train_textbook
from bimt.config import TrainConfig, make_config
from bimt.nets.base import Net
from bimt.nets.build import make_net
from bimt.seeds import make_generators
from bimt.swaps import Method, Mover
from bimt.tasks.base import Task
from bimt.train import train


class Case(NamedTuple):
    """What is timed beside the textbook's loop."""

    task: str
    seeds: int
    steps: int
    textbook_steps: int
    floor: float
    """What the ratio should reach."""


CASES = (
    Case("independence", 1, 20_000, 1_000, 25),
    Case("independence", 100, 4_000, 1_000, 100),
    Case("feature_sharing", 100, 2_000, 600, 70),
    Case("compositionality", 100, 2_000, 600, 70),
    Case("two_moons", 100, 2_000, 600, 70),
    Case("modular_addition", 1, 2_000, 200, 5),
    Case("modular_addition", 4, 1_000, 200, 5),
    Case("permutation_group", 1, 4_000, 200, 10),
    Case("permutation_group", 4, 2_000, 200, 10),
)


def main() -> None:
    """Prints a line per figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="only cases of this task")
    arguments = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    print(f"{cores} cores, torch {torch.__version__}")
    peaks = {name: _peak(getattr(torch, name)) for name in ("float32", "float64")}
    print(", ".join(f"matrix products reach {peak / 1e9:.0f} GFLOP/s on one core in {n}" for n, peak in peaks.items()))
    for case in CASES:
        if arguments.only in ("", case.task):
            _report(case, arguments.rounds, cores=cores, peaks=peaks)
    if arguments.only in ("", "independence"):
        _report_moves(arguments.rounds)
        for seeds, steps in ((1, 20_000), (100, 10_000)):
            _report_share(seeds, steps, arguments.rounds)
        print(f"bimt train independence, the whole command with its start: {_command():.1f} s")


def _report(case: Case, rounds: int, *, cores: int, peaks: dict[str, float]) -> None:
    config = make_config(case.task, seeds=case.seeds, steps=case.steps)
    task = config.task.load()
    train(config.model_copy(update={"steps": 1_000, "seeds": 1}), task=task)  # compiles
    figures: list[tuple[float, float, float]] = []
    for number in range(rounds):
        textbook = _textbook(config, task, number, steps=case.textbook_steps, cores=cores)
        ours, net, engine = _ours(config, task)
        figures.append((textbook, ours, textbook / ours))
    textbook, ours, ratio = (statistics.median(column) for column in zip(*figures, strict=True))
    share = _operations(net, len(task.train) if config.batch == "full" else config.batch) / ours
    share /= peaks[config.dtype] * cores
    spread = "{:.0f} to {:.0f}".format(*(pick(row[2] for row in figures) for pick in (min, max)))
    print(
        f"{case.task:>18} {case.seeds:>3} seeds, {config.dtype}, {engine}: textbook {textbook * 1e6:9.1f} us a step, "
        f"ours {ours * 1e6:8.1f} us a seed and step, ratio {ratio:6.1f} ({spread}; floor {case.floor:.0f}), "
        f"{share:.0%} of the cores' matrix products",
        flush=True,
    )


def _operations(net: Net, rows: int) -> float:
    """Returns what a step's matrix products take, forward and backward, look-ups multiplied once per token."""
    wiring, total = net.wiring, 0.0
    for link in wiring.links:
        tables = [table for table in wiring.links_into(link.source) if wiring.is_look_up(table)]
        times = wiring.population_of(tables[0].source).size if tables else rows
        if not wiring.is_look_up(link):
            total += 6.0 * wiring.population_of(link.target).size * wiring.population_of(link.source).size * times
    return total


def _textbook(config: TrainConfig, task: Task, seed: int, *, steps: int, cores: int) -> float:
    """Returns seconds a step."""
    torch.set_num_threads(cores if config.dtype == "float64" else 1)  # what is faster for it
    data = task.to(getattr(torch, config.dtype))
    splits = [(split.inputs, split.targets) for split in (data.train, data.test)]
    torch.manual_seed(seed)
    width = len(task.inputs) if not task.tokens else config.net.embedding  # type: ignore[union-attr]
    shape = width, *config.net.hidden, len(task.outputs)  # type: ignore[union-attr]
    net = TextbookNet(shape, tokens=task.vocabulary if task.tokens else 0, dtype=getattr(torch, config.dtype))
    train_textbook(net, *splits, steps=20, every=1_000)
    start = time.perf_counter()
    train_textbook(net, *splits, steps=steps)
    seconds = (time.perf_counter() - start) / steps
    torch.set_num_threads(1)
    return seconds


def _ours(config: TrainConfig, task: Task) -> tuple[float, Net, str]:
    """Returns seconds a seed and step."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        run = train(config, task=task, out=Path(folder) / "run")
        seconds = time.perf_counter() - start
    return seconds / config.steps / config.seeds, run.net, (run.versions or {})["engine"]


def _report_moves(rounds: int) -> None:
    """Prints what one relocation of all populations costs, per seed."""
    task = make_config("independence").task.load()
    naive = _time(lambda: TextbookNet((4, 20, 20, len(task.outputs))).relocate(), times=rounds)
    methods: tuple[Method, ...] = ("pairs", "assignment", "spectral")
    for method in methods:
        for seeds in (1, 100):
            first = _net(seeds)
            mover = Mover(first)
            mover.move_(first.replaced(), method)  # slots' distances are worked out once a run
            nets = [first.replaced() for _ in range(10)]
            each = _time(lambda: mover.move_(nets.pop(), method), times=10) / seeds  # noqa: B023
            print(f"relocation by {method}, {seeds} seeds: {each * 1e6:.0f} us a seed, ratio {naive / each:.0f}")


def _report_share(seeds: int, steps: int, rounds: int) -> None:
    """Prints how much of the processor time of a run is due to moves, prices included: least times of several runs."""
    settings = [f"save_every={steps}", "engine=compiled"]
    with_moves, without = (
        make_config("independence", seeds=seeds, steps=steps, settings=[*settings, *more])
        for more in ([], ["swaps.method=none"])
    )
    task = with_moves.task.load()
    times = [[_processor_time(lambda: train(config, task=task)) for config in (with_moves, without)]  # noqa: B023
             for _ in range(rounds)]  # fmt: skip
    moving, still = (min(column) for column in zip(*times, strict=True))
    print(f"moving neurons, {seeds} seeds: {1 - still / moving:.1%} of {moving:.2f} s of processor time")


def _processor_time(action: Callable[[], object]) -> float:
    start = time.process_time()
    action()
    return time.process_time() - start


def _net(seeds: int) -> Net:
    config = make_config("independence", seeds=seeds)
    return make_net(config, task=config.task.load(), generators=make_generators(config.labels))


def _time(action: Callable[[], object], *, times: int) -> float:
    """Returns seconds per call, the median over several calls."""
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def _peak(dtype: torch.dtype) -> float:
    """Returns floating-point operations a second of large matrix products on one core."""
    torch.set_num_threads(1)
    size = 1_024
    one, other = torch.rand(size, size, dtype=dtype), torch.rand(size, size, dtype=dtype)
    return 2 * size**3 / min(_time(lambda: one @ other, times=1) for _ in range(8))


def _command() -> float:
    """Returns the seconds of a whole run from the command line."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "bimt", "train", "independence", "--out", f"{folder}/run"]
        return _time(lambda: subprocess.run(command, check=True, capture_output=True), times=1)


if __name__ == "__main__":
    main()
