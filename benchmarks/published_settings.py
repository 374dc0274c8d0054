"""The four small published tasks and `crossing`, 20 seeds each: what comes out, before pruning and after.

Run as `python -m benchmarks.published_settings [TASK ...] [--seeds 20] [--csv FOLDER] [--set key=value]`.
"""

import argparse
import time
from pathlib import Path

import pandas as pd

from benchmarks.seeds import run, seed_frame

TASKS = ("independence", "feature_sharing", "compositionality", "two_moons", "crossing")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="*", default=TASKS)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], dest="settings")
    parser.add_argument("--csv", type=Path, default=None)
    arguments = parser.parse_args()
    for task in arguments.tasks:
        start = time.perf_counter()
        checkpoint = run(
            task, seeds=arguments.seeds, first_seed=arguments.first_seed, settings=tuple(arguments.settings)
        )
        seconds = time.perf_counter() - start
        frame = seed_frame(checkpoint)
        if arguments.csv is not None:
            arguments.csv.mkdir(parents=True, exist_ok=True)
            frame.to_csv(arguments.csv / f"{task}.csv")
        print(f"\n{task}: {arguments.seeds} seeds in {seconds:.1f} s")
        print(summary(frame).to_string(float_format=lambda value: f"{value:.4g}"))
        for column in ("cut_parts", "pruned_parts"):
            print(
                f"{column}: "
                + "; ".join(f"{count} x [{parts}]" for parts, count in frame[column].value_counts().items())
            )


def summary(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns median, smallest and largest of every number."""
    return frame.select_dtypes("number").agg(["median", "min", "max"]).T


if __name__ == "__main__":
    main()
