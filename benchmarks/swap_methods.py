"""None, pairs, assignment and spectral over 40 seeds of independence: the table of docs/swaps.md.

Run as `python -m benchmarks.swap_methods [--seeds 40] [--task independence]`.
"""

import argparse
import time

import pandas as pd
import torch

from bimt.checkpoint import Checkpoint
from bimt.config import make_config
from bimt.cost import connection_cost
from bimt.train import train
from interp.measures import measure, measures_frame
from interp.select import prune_all

SEPARATE = ("x1 x3 -> y1", "x2 x4 -> y2")
METHODS = {
    "none": ("swaps.method=none",),
    "pairs": ("swaps.method=pairs",),
    "assignment": ("swaps.method=assignment",),
    "spectral, proposals every move": ("swaps.method=spectral", "swaps.proposals_every=1"),
    "spectral, proposals every 5th move": ("swaps.method=spectral", "swaps.proposals_every=5"),
    "spectral, proposals every 10th move": ("swaps.method=spectral", "swaps.proposals_every=10"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--task", default="independence")
    arguments = parser.parse_args()
    rows = {}
    for name, settings in METHODS.items():
        start = time.perf_counter()
        checkpoint = train(
            make_config(arguments.task, settings=settings, seeds=arguments.seeds, first_seed=arguments.first_seed)
        )
        seconds = time.perf_counter() - start
        frame = seed_frame(checkpoint)
        rows[name] = {
            "cost": frame["cost"].median(),
            "test MSE": frame["dense_loss"].median(),
            "best MSE": frame["dense_loss"].min(),
            "connections": frame["live"].median(),
            "pruned connections": frame["connections"].median(),
            "crossings": frame["crossings"].median(),
            "separate at 0.01": frame["live_groups"].map(SEPARATE.__eq__).sum(),
            "separate pruned": frame["groups"].map(SEPARATE.__eq__).sum(),
            "seconds": seconds,
        }
        print(pd.DataFrame(rows).T.to_string(float_format=lambda value: f"{value:.4g}"), flush=True)


def seed_frame(checkpoint: Checkpoint) -> pd.DataFrame:
    """Returns the measures of every seed, and what its wiring costs."""
    frame = measures_frame(measure(checkpoint, sparse) for sparse in prune_all(checkpoint))
    costs = connection_cost(checkpoint.net, distance_scale=1.0, offset=0.1, bias=False)
    frame["cost"] = [costs[checkpoint.labels.index(label)].item() for label in frame.index]
    return frame


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
