"""Which laws are found again: `python -m benchmarks.formulas [--method net search pyoperon] [--noise 0.01]`.

Thirty equations of physics (feynman.py), 2,000 rows each, noise as a share of the root mean square of y; or another
set: the published tasks, NIST's nonlinear regressions, nuclear binding energies. Every method gets the same rows and
the same processor time, for every law in a process of its own. Found symbolically: the ratio to the truth is a number
that is not zero, or the difference is any. Found numerically: within 1e-6 of the range on 10,000 fresh points.
"""

import argparse
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.formulas.limited import run_apart
from benchmarks.formulas.methods import METHODS, RIVALS, missing
from benchmarks.formulas.problem import Problem
from benchmarks.formulas.sets import SETS, ProblemSet

_SPARE = 5
"""Seconds a process may take beyond its limit before it is killed, of processor time as all here."""
_JUDGING = 60
"""Seconds that judging may take, on top of a method's."""
_FIRST = ["method", "law", "symbolic", "numeric", "r_squared", "length", "seconds", "fidelity"]

_COUNTED = {"symbolic": "symbolically", "numeric": "numerically", "form_found": "of the certified form"}
_AVERAGED = {"r_squared": "median R^2", "deviation_ratio": "median residual to the reference's"}


def main() -> None:
    """Prints a line per method and law, and how many were found."""
    arguments = _arguments()
    chosen = SETS[arguments.set]
    problems = chosen.load(arguments.data / chosen.in_folder, arguments.noise)
    problems = [problem for problem in problems if not arguments.only or problem.name in arguments.only]
    if not problems:
        raise SystemExit(f"set {arguments.set} has no law called {' or '.join(arguments.only)}")
    rows: list[dict[str, Any]] = []
    for method in arguments.method:
        for problem in problems:
            rows.append(examine(problem, method, chosen, seconds=arguments.seconds))
            print(_line(rows[-1]), flush=True)
            if arguments.csv is not None:
                _write(rows, arguments.csv)
    for method, found in pd.DataFrame(rows).groupby("method", sort=False):
        print(summary(str(method), found))


def examine(problem: Problem, method: str, chosen: ProblemSet, *, seconds: float) -> dict[str, Any]:
    """Asks a method, and judges its last answer: both in processes of their own, the judging on time of its own."""
    prepare = RIVALS[method].imported if method in RIVALS else ""
    asked = run_apart(METHODS[method], problem, seconds, seconds=seconds + _SPARE, prepare=prepare)
    row: dict[str, Any] = {"method": method, "law": problem.name} | chosen.failed
    if not asked.values:
        return row | {"seconds": asked.seconds, "formula": asked.problem or "nothing was found"}
    found = asked.values[-1]
    judged = run_apart(chosen.judge, problem, found.formula, seconds=_JUDGING)
    for scores in judged.values:
        row |= scores
    row |= {"seconds": asked.seconds, "fidelity": found.fidelity, "formula": str(found.formula)}
    row["wall_seconds"] = asked.wall_seconds
    return row | {"problem": "; ".join(filter(None, (asked.problem, judged.problem and f"judging: {judged.problem}")))}


def summary(method: str, found: pd.DataFrame) -> str:
    """Returns one line on all laws of a method."""
    parts = [f"{method}: of {len(found)} laws"]
    for column, words in _COUNTED.items():
        if column in found and found[column].notna().any():
            parts.append(f"{int(found[column].fillna(False).astype(bool).sum())} {words}")
    for column, words in _AVERAGED.items():
        if column in found and found[column].notna().any():
            parts.append(f"{words} {found[column].median():.6g}")
    return ", ".join([*parts, f"{found.seconds.sum():.0f} s"])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.formulas", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--set", choices=SETS, default="feynman")
    parser.add_argument("--method", choices=METHODS, nargs="+", default=["net"])
    parser.add_argument("--noise", type=float, default=0.0, help="of the set feynman, 0 or more")
    parser.add_argument("--seconds", type=float, default=120.0, help="of processor time, for every law and method")
    parser.add_argument("--only", nargs="+", default=[], metavar="LAW", help="the names of some laws")
    parser.add_argument("--csv", type=Path, help="where to append a row per method and law")
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder with nist/ and nuclear/")
    arguments = parser.parse_args()
    chosen = SETS[arguments.set]
    if arguments.noise and not chosen.takes_noise:
        parser.error(f"set {arguments.set} takes no noise")
    if chosen.in_folder and not (arguments.data / chosen.in_folder).is_dir():
        folder = arguments.data / chosen.in_folder
        parser.error(f"set {arguments.set} needs the folder {folder}; name the one that holds it with --data")
    lacking = list(filter(None, map(missing, arguments.method)))
    if lacking:
        parser.error("; ".join(lacking))
    return arguments


def _line(row: dict[str, Any]) -> str:
    verdicts = " ".join(f"{row.get(name, '')!s:5}" for name in _COUNTED)
    return f"{row['method']:8} {row['law']:17} {verdicts} {row['seconds']:6.1f} s  {row['formula'][:200]}"


def _write(rows: list[dict[str, Any]], path: Path) -> None:
    """Appends the last row, unless columns differ: then the file is written anew with all of them."""
    row = pd.DataFrame(rows[-1:])
    row = row.reindex(columns=[*_FIRST, *(column for column in row if column not in _FIRST)])
    table = pd.concat([pd.read_csv(path), row]) if path.exists() else row
    table.to_csv(path, index=False)


if __name__ == "__main__":
    main()
