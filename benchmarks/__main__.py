"""Speed against a textbook loop, in one process after imports: `make bench`, or `python -m benchmarks [--rounds 3]`.

Every figure is a ratio of times measured in turn in the same run; the medians over the rounds are printed. What is
timed is the training call with swaps, logging and saving.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks.textbook import TextbookNet, train_textbook
from bimt.config import make_config
from bimt.nets.base import Net
from bimt.nets.build import make_net
from bimt.seeds import make_generators
from bimt.swaps import relocate_
from bimt.train import train

TEXTBOOK_STEPS, STEPS = 600, 4_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    task = make_config("independence").task.load().to(torch.float32)
    data = (task.train.inputs, task.train.targets), (task.test.inputs, task.test.targets)
    _textbook_step(data, 0, steps=50)
    _our_step(1, steps=200)
    figures: dict[str, list[float]] = {}
    for number in range(rounds):
        textbook = _textbook_step(data, number, steps=TEXTBOOK_STEPS)
        alone, together = _our_step(1, steps=STEPS), _our_step(8, steps=STEPS) / 8
        naive = _time(lambda: TextbookNet().relocate(), times=3)
        for name, value in {
            "textbook, one seed: us per step": textbook,
            "ours, one seed: us per step": alone,
            "ours, 8 seeds: us per seed-step": together,
            "ratio, one seed (target 3)": textbook / alone,
            "ratio, 8 seeds, per seed (target 15)": textbook / together,
            "textbook relocation: us": naive,
            **_relocation(naive),
        }.items():
            figures.setdefault(name, []).append(value)
    width = max(map(len, figures))
    for name, values in figures.items():
        print(f"{name:<{width}}  median {statistics.median(values):9.1f}   ({min(values):.1f} to {max(values):.1f})")


def _textbook_step(data: tuple, seed: int, *, steps: int) -> float:
    start = time.perf_counter()
    train_textbook(*data, steps=steps, seed=seed, watch=lambda *_: None)
    return (time.perf_counter() - start) / steps * 1e6


def _our_step(seeds: int, *, steps: int) -> float:
    """Times the first steps of the published run, everything included; 200 steps between swaps as published."""
    config = make_config(
        "independence", seeds=seeds, steps=steps, settings=["cost.bias_from=null", "cost.strength=1e-3"]
    )
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        train(config, out=Path(folder) / "run")
        return (time.perf_counter() - start) / steps * 1e6


def _relocation(naive: float) -> dict[str, float]:
    """Times one relocation of all populations, per seed."""
    figures = {}
    for method in ("pairs", "assignment", "spectral"):
        for seeds in (1, 8):
            first = _net(seeds)
            relocate_(first.replaced(), method=method)  # slots' distances are worked out once a run
            nets = [first.replaced() for _ in range(20)]
            each = _time(lambda: relocate_(nets.pop(), method=method), times=20) / seeds  # noqa: B023
            figures[f"ratio, relocation, {method}, {seeds} seeds, per seed"] = naive / each
    return figures


def _net(seeds: int) -> Net:
    config = make_config("independence", seeds=seeds)
    return make_net(config, task=config.task.load(), generators=make_generators(config.labels))


def _time(action: Callable[[], None], *, times: int) -> float:
    """Returns microseconds per call, the median over several calls."""
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds) * 1e6


if __name__ == "__main__":
    main()
