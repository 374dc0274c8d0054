"""None, pairs, assignment and spectral over 40 seeds of independence: the table of docs/swaps.md.

Run as `python -m benchmarks.swap_methods [--seeds 40] [--task independence]`.
"""

import argparse
import time

import pandas as pd

from benchmarks.seeds import run, seed_frame

SEPARATE = "x1 x3 -> y1 | x2 x4 -> y2"
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
        checkpoint = run(arguments.task, seeds=arguments.seeds, first_seed=arguments.first_seed, settings=settings)
        seconds = time.perf_counter() - start
        frame = seed_frame(checkpoint)
        rows[name] = {
            "cost": frame["cost"].median(),
            "test MSE": frame["test_loss"].median(),
            "best MSE": frame["test_loss"].min(),
            "connections": frame["cut_connections"].median(),
            "pruned connections": frame["pruned_connections"].median(),
            "crossings": frame["pruned_crossings"].median(),
            "separate at 0.01": (frame["cut_parts"] == SEPARATE).sum(),
            "separate pruned": (frame["pruned_parts"] == SEPARATE).sum(),
            "seconds": seconds,
        }
        print(pd.DataFrame(rows).T.to_string(float_format=lambda value: f"{value:.4g}"), flush=True)


if __name__ == "__main__":
    main()
