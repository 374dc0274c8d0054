"""What a training step of every published task costs, and which share of training goes into moving neurons.

Run as `python -m benchmarks.steps [TASK ...]`. A step is timed by two runs of different lengths, so that loading and
logging do not count; a relocation on the net of the longer run, in the proportion of proposals and assignments that
the task's settings have. One seed, the task's own number of threads, the peak of memory at the end.
"""

import argparse
import resource
import time

from bimt.config import TASK_SETTINGS, TrainConfig, make_config
from bimt.nets.base import Net
from bimt.swaps import Method, relocate_
from bimt.tasks.base import Task
from bimt.train import train

SHORT, SECONDS = 100, 3.0
"""Steps of the shorter run, and about how long the longer one takes."""
_COLUMNS = ("task", "ms per step", "ms per relocation", "share of relocation", "whole run", "memory so far")


def main() -> None:
    """Prints one row per task."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    tasks = [name for name in TASK_SETTINGS if name != "table"]
    parser.add_argument("tasks", nargs="*", default=tasks, metavar="TASK", help=f"any of {', '.join(tasks)}")
    chosen = parser.parse_args().tasks
    print("  ".join(f"{name:>20}" for name in _COLUMNS))
    for name in chosen:
        print("  ".join(f"{cell:>20}" for cell in _row(name)), flush=True)


def _row(name: str) -> tuple[str, ...]:
    config, task = make_config(name), make_config(name).task.load()
    _timed(config, task, SHORT)  # the first run of a kind is slower
    short, _ = _timed(config, task, SHORT)
    steps = SHORT + int(min(max(SECONDS / short, 3), 100)) * SHORT
    long, net = _timed(config, task, steps)
    step = (long - short) / (steps - SHORT)
    move, every = _relocation(config, net), config.swaps.every
    moves = 0.0 if every == "never" else move * (config.steps // every)
    whole = step * config.steps + moves
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    cells = f"{1e3 * step:.2f}", f"{1e3 * move:.1f}", f"{moves / whole:.1%}", f"{whole:.0f} s", f"{memory:.2f} GB"
    return (name, *cells)


def _timed(config: TrainConfig, task: Task, steps: int) -> tuple[float, Net]:
    """Trains without moving; returns seconds and the net."""
    still = config.swaps.model_copy(update={"every": "never"})
    short = config.model_copy(update={"steps": steps, "log_every": steps, "swaps": still})
    start = time.perf_counter()
    checkpoint = train(short, task=task)
    return time.perf_counter() - start, checkpoint.net


def _relocation(config: TrainConfig, net: Net) -> float:
    """Returns the mean seconds of one move."""
    swaps = config.swaps
    if swaps.method != "spectral":
        return _moved(config, net, swaps.method)
    share = 1 / swaps.proposals_every
    return share * _moved(config, net, "spectral") + (1 - share) * _moved(config, net, "assignment")


def _moved(config: TrainConfig, net: Net, method: Method) -> float:
    swaps, cost = config.swaps, config.cost
    seconds = []
    for _ in range(5):
        fresh = net.replaced()
        start = time.perf_counter()
        relocate_(
            fresh,
            method=method,
            top_k=swaps.top_k,
            rounds=swaps.rounds,
            distance_scale=cost.distance_scale,
            reduce=cost.reduce,
        )
        seconds.append(time.perf_counter() - start)
    return sorted(seconds)[2]


if __name__ == "__main__":
    main()
