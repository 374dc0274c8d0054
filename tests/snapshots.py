"""Hand-made snapshots and histories whose events are known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import torch

from bimt.checkpoint import Checkpoint
from bimt.config import make_config
from bimt.nets.build import net_tensors
from interp.evolution import Evolution
from tests.nets import task_of


def checkpoint_of(nets, *, kind="regression", every=100) -> Checkpoint:
    """A one-seed checkpoint in memory with one snapshot per net, `every` steps apart, on the task of the last net."""
    task, steps = task_of(nets[-1], kind=kind), [every * number for number in range(len(nets))]
    hidden = [nets[0].wiring.population_of(site.name).size for site in nets[0].wiring.sites if site.role == "hidden"]
    settings = [f"steps={max(steps[-1], 1)}", f"net.hidden={hidden}", "swaps.every=never", "dtype=float64"]
    columns = ("train_loss", "test_loss", "metric", "cost", "connections", "strength")
    history = [{"step": step, "seed": 0, **dict.fromkeys(columns, 0.5)} for step in steps]
    frames = [{name: value for name, value in net_tensors(net).items() if "slots." not in name} for net in nets]
    return Checkpoint(
        path=None,
        config=make_config("independence", settings=settings),
        net=nets[-1],
        task=task,
        stopped={},
        history=pd.DataFrame(history),
        snapshots={"step": torch.tensor(steps), **{k: torch.stack([f[k] for f in frames]) for k in frames[0]}},
        progress=None,
    )


def evolution_of(frames=20, *, kind="classification", outputs=("a", "b"), **series) -> Evolution:
    """A seed in which nothing happens, but for the series that are given; steps 0, 100, 200, ..."""
    flat = np.ones(frames)
    wide = np.ones((frames, len(outputs)))
    quiet = Evolution(
        label=0,
        outputs=tuple(outputs),
        kind=kind,
        steps=100 * np.arange(frames),
        metric=0.9 * flat,
        explained=0.9 * flat,
        spread=wide.copy(),
        level=0 * wide,
        per_output=0.9 * wide,
        incoming=3 * wide.astype(int),
        connections=30 * flat.astype(int),
        parts=flat.astype(int),
        parts_before_outputs=flat.astype(int),
        crossings=5 * flat.astype(int),
    )
    return replace(quiet, **{name: np.array(values) for name, values in series.items()})
