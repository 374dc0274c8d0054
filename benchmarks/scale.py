"""How the cost of training grows: time per step against width, seeds and batch, and the largest moves of neurons.

Run as `make bench-scale`, or `python -m benchmarks.scale [--plot docs/performance.png]`. The task is two moons with
an MLP of two hidden layers; every time is the least of three.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import torch
from torch import nn

from bimt.config import TrainConfig, make_config
from bimt.geometry import make_slots
from bimt.nets.mlp import MLP, mlp_wiring
from bimt.swaps import relocate_
from bimt.train import train

WIDTHS = (20, 50, 100, 200, 300, 500, 1_000, 2_048)
SEEDS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
BATCHES = (10, 30, 100, 300, 1_000, 3_000, 10_000)
Curve = list[tuple[int, float, str]]
"""Where, microseconds per step and seed, and what took the steps."""


def main() -> None:
    """Prints every figure, and draws the curves."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plot", type=Path, help="where the picture goes")
    where = parser.parse_args().plot
    train(_config(width=20))
    curves = {
        "width of both hidden layers": _curve(WIDTHS, lambda width: _config(width=width)),
        "seeds side by side": _curve(SEEDS, lambda seeds: _config(seeds=seeds)),
        "rows of a batch": _curve(BATCHES, lambda rows: _config(rows=rows)),
    }
    for name, curve in curves.items():
        print(f"\n{name}")
        for at, each, engine in curve:
            print(f"  {at:>6}  {each:12.1f} us per step and seed  {engine}", flush=True)
    _report_wide_net()
    _report_moves()
    if where is not None:
        _draw(curves, where)


def _config(*, width: int = 20, seeds: int = 1, rows: int = 200) -> TrainConfig:
    settings = [f"net.hidden=[{width},{width}]", f"task.rows={rows}", "swaps.every=never"]
    return make_config("two_moons", settings=settings, seeds=seeds, steps=1_000)


def _curve(places: tuple[int, ...], configure: Callable[[int], TrainConfig]) -> Curve:
    found = []
    for at in places:
        config = configure(at)
        few, many = _steps(config)
        engine = (train(_shortened(config, few)).versions or {})["engine"]
        seconds = min(_timed(config, many) - _timed(config, few) for _ in range(3))
        found.append((at, seconds / (many - few) / config.seeds * 1e6, engine))
    return found


def _steps(config: TrainConfig) -> tuple[int, int]:
    """Returns two lengths of a run, long enough to be told apart."""
    width, rows = config.net.hidden[0], config.task.rows  # type: ignore[union-attr]
    work = config.seeds * rows * (width * width + 5 * width)
    return 10, 10 + int(min(max(2e9 / work, 10), 5_000))


def _shortened(config: TrainConfig, steps: int) -> TrainConfig:
    """Chooses what takes the steps as a long run would."""
    is_small = config.net.hidden[0] ** 2 + 5 * config.net.hidden[0] < 200_000  # type: ignore[union-attr]
    engine = "compiled" if is_small else "plain"
    return config.model_copy(update={"steps": steps, "log_every": steps, "save_every": steps, "engine": engine})


def _timed(config: TrainConfig, steps: int) -> float:
    start = time.perf_counter()
    train(_shortened(config, steps))
    return time.perf_counter() - start


def _report_wide_net(width: int = 2_048, steps: int = 8) -> None:
    """Prints the steps per second of three links of that width beside those of torch with a plain L1 penalty."""
    config = _config(width=width).model_copy(update={"engine": "plain", "learning_rate": 1e-3})
    task = config.task.load().to(torch.float32)
    ours = min((_timed(config, 2 + steps) - _timed(config, 2)) / steps for _ in range(3))
    net = nn.Sequential(nn.Linear(2, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 2))
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.0)
    torch.set_num_threads(config.threads)

    def step() -> None:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(task.train.inputs), task.train.targets)
        (loss + 1e-4 * sum(parameter.abs().sum() for parameter in net.parameters())).backward()
        optimizer.step()

    step()
    plain = min(_seconds(lambda: [step() for _ in range(steps)]) / steps for _ in range(3))
    print(f"\nthree links, {width:,} wide: ours {1 / ours:.2f} steps/s, torch with plain L1 {1 / plain:.2f}, "
          f"ratio {plain / ours:.2f} (floor 0.8)")  # fmt: skip


def _report_moves(size: int = 4_096) -> None:
    """Prints the seconds of moving the neurons of one large population."""
    generator = torch.Generator().manual_seed(0)
    slots = [make_slots("line", each) for each in (50, size, 50)]
    wiring = mlp_wiring(slots, pinned=["in", "out"])
    parameters = {}
    for link in wiring.links:
        shape = wiring.population_of(link.target).size, wiring.population_of(link.source).size
        parameters[link.parameter] = torch.rand(1, *shape, generator=generator) ** 8
    parameters |= {bias.parameter: torch.zeros(1, wiring.population_of(bias.site).size) for bias in wiring.biases}
    for method, floor in (("pairs", 1.0), ("assignment", 10.0)):
        net = MLP(wiring, parameters, "silu")
        relocate_(MLP(wiring, parameters, "silu"), method="pairs", top_k=1)  # slots' distances are worked out once
        seconds = _seconds(lambda: relocate_(net, method=method))  # noqa: B023
        print(f"moving {size:,} neurons by {method}: {seconds:.2f} s (at most {floor:.0f})", flush=True)


def _seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def _draw(curves: dict[str, Curve], where: Path) -> None:
    mpl.use("svg" if where.suffix == ".svg" else "agg")
    import matplotlib.pyplot as plt
    from matplotlib.ticker import FuncFormatter, NullFormatter

    figure, axes = plt.subplots(1, len(curves), figsize=(11, 3.2), layout="constrained", sharey=False)
    for axis, (name, curve) in zip(axes, curves.items(), strict=True):
        for engine, tone in (("compiled", "#0072b2"), ("torch", "#d55e00")):
            points = [(at, each) for at, each, took in curve if took == engine]
            if points:
                axis.loglog(*zip(*points, strict=True), "o-", color=tone, label=engine, markersize=4)
        times = [each for _, each, _ in curve]
        middle = (min(times) * max(times)) ** 0.5
        axis.set_ylim(min(0.7 * min(times), middle / 4), max(1.5 * max(times), middle * 4))
        for each in (axis.xaxis, axis.yaxis):
            each.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
            each.set_minor_formatter(NullFormatter())
        axis.set_xlabel(name)
        axis.grid(which="major", alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("µs per step and seed")
    axes[0].legend(frameon=False)
    figure.savefig(where, dpi=150)


if __name__ == "__main__":
    main()
