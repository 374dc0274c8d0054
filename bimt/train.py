"""The training loop: prediction loss plus connection cost, neurons on the move, a checkpoint now and then."""

import math
import statistics
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from bimt.checkpoint import Checkpoint, CheckpointFolder, Progress, load_checkpoint, machine_versions
from bimt.config import TrainConfig
from bimt.cost import connection_cost, prices
from bimt.device import CPU, choose_device, describe_device
from bimt.messages import UserError
from bimt.nets.base import Net
from bimt.nets.build import make_net, net_tensors
from bimt.retrace import command_line
from bimt.seeds import generator_states, make_generators, restore_generators
from bimt.state import State, parts
from bimt.steps import choose_steps
from bimt.swaps import Mover
from bimt.tasks.base import Task

LIVE = 1e-2
"""A weight above this counts as a connection while training is watched (the published cut)."""


@dataclass(frozen=True)
class Moment:
    """Where a run stands, for whoever watches it."""

    step: int
    """Steps done."""
    steps: int
    """Steps to do in all."""
    loss: float
    """Median training loss over the seeds still running."""
    cost: float
    """Median connection cost."""
    connections: float
    """Median number of weights above `LIVE`."""
    latest: tuple[Mapping[str, float | int], ...] = ()
    """What was written down last, a row for each seed, as in a checkpoint's history."""
    news: tuple[str, ...] = ()
    """What has happened since the last moment: seeds that stopped, and why."""


class Interrupted(Exception):  # noqa: N818 - it is no error
    """Training was asked to stop; what it had reached is saved, if it saves at all."""

    def __init__(self, step: int, steps: int) -> None:
        """Remembers after which step."""
        super().__init__(f"stopped after {step:,} of {steps:,} steps")
        self.step = step


def train(
    config: TrainConfig,
    *,
    task: Task | None = None,
    out: Path | None = None,
    resume: bool = False,
    device: str = "cpu",
    watch: Callable[[Moment], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Checkpoint:
    """Trains every seed of a configuration side by side.

    Each step minimises the prediction loss plus strength * connection cost with AdamW (without weight decay, as
    published, unless set); now and then neurons move to cheaper places. (Liu et al. 2023, arXiv:2305.08746.) The run
    of a seed does not depend on which others run beside it.

    Args:
        config: Every setting.
        task: The data; None loads `config.task`.
        out: Folder for the checkpoint: new or empty unless `resume`. None keeps everything in memory.
        resume: Go on with the checkpoint in `out`; the result is bit-identical to an uninterrupted run (to rounding
            on a GPU).
        device: Where the steps are computed, as in `bimt.device.choose_device`. No setting, as results are the same to
            rounding: weights and batches are drawn, neurons moved and checkpoints kept on the CPU.
        watch: Called at every logged step.
        should_stop: Asked after every step; True saves and raises `Interrupted`.

    Returns:
        The finished checkpoint.

    Raises:
        UserError: If `out`, the data or the device cannot be used (before anything is written), the checkpoint there is
            of another configuration, or every seed stopped.
        Interrupted: If `should_stop` said so.
    """
    where = choose_device(device, engine=config.engine)
    folder = None if out is None else CheckpointFolder.claim(out, config, resume=resume)
    begun = None if folder is None else folder.latest()
    if begun is not None and begun.progress is None:
        return begun
    with _threads(config.threads):
        if begun is None or begun.progress is None:
            run = _Run.start(config, task or config.task.load(), where)
        else:
            run = _Run.resume(config, begun, begun.progress, where)
        if folder is not None:
            folder.begin()
        for moment in run.advance(should_stop or (lambda: False)):
            if watch is not None:
                watch(moment)
            finished = run.step == config.steps
            if folder is not None and (run.step % config.save_every == 0 or finished or run.interrupted):
                folder.write(run.checkpoint())
            if run.interrupted and not finished:
                raise Interrupted(run.step, config.steps)
    return run.checkpoint() if folder is None else load_checkpoint(folder.path)


def fresh_nets(config: TrainConfig, task: Task, generators: tuple[torch.Generator, ...]) -> Net:
    """Draws the nets that a run starts from.

    Raises:
        UserError: If this task cannot be trained with this configuration.
    """
    if isinstance(config.batch, int) and config.batch > len(task.train):
        raise UserError(f"batch must be at most the {len(task.train)} training rows, or full, got {config.batch}")
    return make_net(config, task=task, generators=generators)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Trains with this many threads, and gives torch back those that it had."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _Run:
    """One run under way: the net, its optimiser and what has been written down so far."""

    def __init__(
        self, config: TrainConfig, task: Task, net: Net, generators: tuple[torch.Generator, ...], device: torch.device
    ) -> None:
        self.config, self.task, self.device = config, task, device
        self.generators = generators
        self.dtype = getattr(torch, config.dtype)
        self.seen = task.to(self.dtype, device)
        self.state = State.of(net, device)
        self.net = self.state.view(net)
        swaps, cost = config.swaps, config.cost
        self.mover = Mover(
            net, top_k=swaps.top_k, rounds=swaps.rounds, distance_scale=cost.distance_scale, reduce=cost.reduce
        )
        self.engine, word = choose_steps(config, self.net, self.state, self.seen)
        self.step = 0
        self.interrupted = False
        self.stopped: dict[int, str] = {}
        self.news: list[str] = [word] if word else []
        self.history: list[dict[str, float]] = []
        self.frames: list[dict[str, Tensor]] = []
        self.good = self.state.flat.clone()
        self._price: tuple[float, bool, Tensor] | None = None

    @classmethod
    def start(cls, config: TrainConfig, task: Task, device: torch.device) -> "_Run":
        """Draws fresh nets."""
        generators = make_generators(config.labels)
        run = cls(config, task, fresh_nets(config, task, generators), generators, device)
        run._log()
        run._refuse_to_run_on_nothing()
        return run

    @classmethod
    def resume(cls, config: TrainConfig, saved: Checkpoint, progress: Progress, device: torch.device) -> "_Run":
        """Takes up a run where its checkpoint left it, on whatever device that was."""
        run = cls(config, saved.task, saved.net, restore_generators(progress.generators), device)
        run.step = progress.step
        run.stopped = {config.labels.index(label): why for label, why in saved.stopped.items()}
        run.history = saved.history.to_dict("records")
        run.frames = [
            {name: tensor[frame] for name, tensor in saved.snapshots.items()}
            for frame in range(len(saved.snapshots["step"]))
        ]
        run.good.copy_(progress.good)
        run.state.first_moment.copy_(progress.first_moment)
        run.state.second_moment.copy_(progress.second_moment)
        return run

    def advance(self, should_stop: Callable[[], bool]) -> Iterator[Moment]:
        """Trains to the end, yielding wherever something was written down, is to be saved or went wrong."""
        config = self.config
        while self.step < config.steps and not self.interrupted:
            self._take_steps(self._stretch())
            self._move_neurons()
            self.interrupted = should_stop()
            logged = self.step % config.log_every == 0 or self.step == config.steps
            if logged:
                self._log()
            if logged or self.interrupted or self.step % config.save_every == 0:
                yield self._moment()
            self._refuse_to_run_on_nothing()

    def checkpoint(self) -> Checkpoint:
        """Returns what the run has reached."""
        unfinished = self.step < self.config.steps
        return Checkpoint(
            path=None,
            config=self.config,
            net=self.net.replaced(parameters={name: _kept(part) for name, part in self.net.parameters.items()}),
            task=self.task,
            stopped={self.config.labels[row]: why for row, why in self.stopped.items()},
            history=pd.DataFrame(self.history),
            snapshots={name: torch.stack([frame[name] for frame in self.frames]) for name in self.frames[0]},
            progress=Progress(
                step=self.step,
                first_moment=_kept(self.state.first_moment),
                second_moment=_kept(self.state.second_moment),
                good=_kept(self.good),
                generators=tuple(generator_states(self.generators)),
            )
            if unfinished
            else None,
            command=command_line(self.config),
            versions=machine_versions() | {"engine": self.engine.name, "device": describe_device(self.device)},
        )

    def _stretch(self) -> int:
        """Returns how many steps may be taken in one go: until something is due, or the price changes."""
        config, step = self.config, self.step
        rhythms = [config.log_every, config.save_every]
        if self._swaps_every is not None:
            rhythms.append(self._swaps_every)
        ends = [config.steps, step + self.engine.at_once, *(step + rhythm - step % rhythm for rhythm in rhythms)]
        return min(ends + [change for change in config.cost.changes(config.steps) if change > step]) - step

    def _take_steps(self, count: int) -> None:
        """Moves every weight so many times; seeds whose loss is no number any more stop."""
        rows = [row for row in range(self.config.seeds) if row not in self.stopped]
        taken = self.engine.take_(self._current_price(), self._draw(count), rows=rows, begun=self.step, steps=count)
        for row, found in zip(rows, taken, strict=True):
            if found.steps < count:
                self._stop(row, f"loss became {found.loss}", self.step + found.steps)
        self.step += count

    def _draw(self, steps: int) -> Tensor | None:
        """Returns the rows of every batch, (seeds, steps, batch); None where a batch is all of them, in order."""
        rows = self.config.batch
        if rows == "full":
            return None
        count = len(self.seen.train)
        drawn = [torch.randint(count, (steps * rows,), generator=generator) for generator in self.generators]
        return torch.stack(drawn).view(len(drawn), steps, rows).to(self.device)

    @torch.no_grad()
    def _stop_lost(self, losses: Tensor) -> None:
        """Stops every seed whose loss or weights are no numbers any more."""
        values = torch.cat([part.flatten(1) for part in self.net.parameters.values()], dim=1)
        for row in torch.nonzero(~(losses.isfinite() & values.isfinite().all(1))).flatten().tolist():
            if row not in self.stopped:
                is_loss = not losses[row].isfinite()
                what = f"loss became {losses[row].item()}" if is_loss else "a weight became infinite"
                self._stop(row, what, self.step)

    def _stop(self, row: int, what: str, step: int) -> None:
        """Stops a seed and puts it back to its last good weights."""
        self.stopped[row] = f"seed {self.config.labels[row]}: {what} at step {step:,}"
        self.news.append(f"{self.stopped[row]}; it is left out, the others go on")
        for part, saved in zip(parts(self.state.flat, self.net), parts(self.good, self.net), strict=True):
            part[row] = saved[row]
        for buffer in (self.state.first_moment, self.state.second_moment):
            for part in parts(buffer, self.net):
                part[row] = 0.0

    def _refuse_to_run_on_nothing(self) -> None:
        if len(self.stopped) == self.config.seeds:
            raise UserError(f"every seed stopped: {self.stopped[0]}; lower learning_rate or cost.strength")

    def _current_price(self) -> Tensor:
        """Returns strength * price of every stored number, flat; it changes only with the schedule and the places."""
        cost, step, steps = self.config.cost, self.step, self.config.steps
        strength, bias = cost.strength_at(step, steps), cost.prices_bias_at(step, steps)
        if self._price is None or self._price[:2] != (strength, bias):
            priced = prices(
                self.net,
                distance_scale=cost.distance_scale,
                offset=cost.offset,
                reduce=cost.reduce,
                bias=bias,
                last_link_distance=cost.last_link_distance,
            )
            flat = torch.cat([priced[name].flatten() for name in self.net.parameters])
            self._price = strength, bias, (strength * flat).to(self.device, self.dtype)
        return self._price[2]

    @property
    def _swaps_every(self) -> int | None:
        swaps = self.config.swaps
        return None if swaps.every == "never" or swaps.method == "none" else swaps.every

    def _move_neurons(self) -> None:
        """Relocates the neurons if it is time."""
        swaps, every = self.config.swaps, self._swaps_every
        if every is None or self.step % every:
            return
        if not math.isfinite(self.state.flat.sum()):
            self._stop_lost(torch.zeros(self.config.seeds, device=self.device))
        proposes = (self.step // every - 1) % swaps.proposals_every == 0
        before = dict(self.net.places)
        self.mover.move_(self.net, "assignment" if swaps.method == "spectral" and not proposes else swaps.method)
        if any(place is not before[name] for name, place in self.net.places.items()):
            self._price = None

    @torch.no_grad()
    def _log(self) -> None:
        """Writes down what every running seed has reached, and a frame for the film."""
        train, test, cost = self.seen.train, self.seen.test, self.config.cost
        train_loss = self.seen.loss(self.engine.answers(train), train.targets[None])
        self._stop_lost(train_loss)
        outputs = self.engine.answers(test)
        links = self.net.wiring.distinct_links(look_ups=False)
        live = [(self.net.weight(link).abs() > LIVE).sum((1, 2)) for link in links]
        values = {
            "train_loss": train_loss,
            "test_loss": self.seen.loss(outputs, test.targets[None]),
            "metric": self.seen.metric(outputs, test.targets[None]),
            "cost": connection_cost(
                self.net,
                distance_scale=cost.distance_scale,
                offset=cost.offset,
                reduce=cost.reduce,
                bias=cost.prices_bias_at(self.step, self.config.steps),
                last_link_distance=cost.last_link_distance,
            ),
            "connections": torch.stack(live).sum(0),
        }
        strength = cost.strength_at(max(self.step - 1, 0), self.config.steps)
        for row, label in enumerate(self.config.labels):
            if row not in self.stopped:
                numbers = {name: tensor[row].item() for name, tensor in values.items()}
                self.history.append({"step": self.step, "seed": label, **numbers, "strength": strength})
        self.frames.append({"step": torch.tensor(self.step), **_frame(self.net)})
        self.good.copy_(self.state.flat)

    def _moment(self) -> Moment:
        latest = [row for row in self.history[-self.config.seeds :] if row["step"] == self.history[-1]["step"]]
        names = "train_loss", "cost", "connections"
        last = {name: float(statistics.median(row[name] for row in latest)) for name in names}
        news, self.news = tuple(self.news), []
        return Moment(
            step=self.step,
            steps=self.config.steps,
            loss=last["train_loss"],
            cost=last["cost"],
            connections=last["connections"],
            latest=tuple(latest),
            news=news,
        )


def _kept(tensor: Tensor) -> Tensor:
    """Copies a tensor to where checkpoints are: on the CPU, so that they can be read anywhere."""
    return tensor.detach().to(CPU, copy=True)


def _frame(net: Net) -> dict[str, Tensor]:
    return {name: _kept(tensor) for name, tensor in net_tensors(net).items() if not name.startswith("slots.")}


if __name__ == "__main__":
    from bimt.cli import run
    from bimt.commands import train as command

    raise SystemExit(run(command, prog="python -m bimt.train"))
