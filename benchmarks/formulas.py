"""Which laws are found again: `python -m benchmarks.formulas [--noise 0.01] [--method search]`.

Thirty equations of physics (benchmarks/feynman.py), 2,000 rows each, noise as a share of the root mean square of y.
Every search is a process of its own with a time limit. Found symbolically: the ratio to the truth simplifies to a
number that is not zero, or the difference to any. Found numerically: within 1e-6 of the range on 10,000 fresh points.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sympy

from benchmarks.feynman import LAWS, FeynmanLaw
from bimt.config import make_config
from bimt.train import train
from interp.discovery.search import search
from interp.discovery.terms import to_sympy
from interp.prune import prune
from interp.symbolic import extract_formulas

_ROWS, _FRESH = 2_000, 10_000
_SPARE = 5
"""Seconds a process may take beyond its limit before it is killed."""
_JUDGING = 20
"""Seconds of the limit that are kept for making numbers simple and for judging."""


def by_search(law: FeynmanLaw, table: pd.DataFrame, seconds: float) -> sympy.Expr:
    """Searches without a net."""
    columns = table.to_numpy().T
    found = search(np.ascontiguousarray(columns[:-1]), np.ascontiguousarray(columns[-1]), seconds=seconds - _JUDGING)
    return to_sympy(found[0].term, law.symbols)


def by_net(law: FeynmanLaw, table: pd.DataFrame, seconds: float) -> sympy.Expr:
    """Trains a net, prunes it and searches in the shape that it suggests."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "law.csv"
        table.to_csv(path, index=False)
        settings = [f"task.data={json.dumps(str(path))}", 'task.targets=["y"]', "task.test_fraction=0.1", "steps=2000"]
        checkpoint = train(make_config("table", settings=settings), out=Path(folder) / "run")
        sparse = prune(checkpoint.net.seed(0), checkpoint.task)
        left = max(1.0, seconds - (time.monotonic() - begun) - _JUDGING)
        formulas = extract_formulas(sparse, checkpoint.task, form="discovered", seconds=left)
    names = dict(zip(formulas.variables, law.symbols, strict=True))
    return formulas.formulas[0].expr.xreplace({sympy.Symbol(name): symbol for name, symbol in names.items()})


METHODS: dict[str, Callable[[FeynmanLaw, pd.DataFrame, float], sympy.Expr]] = {"search": by_search, "net": by_net}


def main() -> None:
    """Prints a line per law, and how many were found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--noise", type=float, default=0.0)
    parser.add_argument("--method", choices=METHODS, default="net")
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--only", default="", help="one law's name")
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    laws = [law for law in LAWS if arguments.only in ("", law.name)]
    if arguments.here:
        print(json.dumps(examine(laws[0], arguments.method, noise=arguments.noise, seconds=arguments.seconds)))
        return
    rows = []
    for law in laws:
        rows.append(_apart(law, arguments.method, noise=arguments.noise, seconds=arguments.seconds))
        print("{law:8} {symbolic!s:5} {numeric!s:5} {seconds:6.1f} s  {formula}".format(**rows[-1]), flush=True)
    found = pd.DataFrame(rows)
    if arguments.csv is not None:
        found.to_csv(arguments.csv, index=False)
    print(f"{found.symbolic.sum()} of {len(found)} found symbolically, {found.numeric.sum()} numerically")


def examine(law: FeynmanLaw, method: str, *, noise: float, seconds: float) -> dict[str, Any]:
    """Searches for one law, and judges what comes out."""
    begun = time.monotonic()
    found = METHODS[method](law, draw(law, noise=noise), seconds)
    taken = time.monotonic() - begun
    fresh = law.draw(_FRESH, seed=2)
    truth = law.values(fresh)
    with np.errstate(all="ignore"):
        values = np.broadcast_to(sympy.lambdify(law.symbols, found)(*fresh), truth.shape)
    off = float(np.abs(values - truth).max() / np.ptp(truth))
    r_squared = 1 - float(np.mean((values - truth) ** 2) / np.var(truth))
    return {
        "law": law.name,
        "symbolic": is_recovered(found, law.expr),
        "numeric": off < 1e-6,
        "off": off if math.isfinite(off) else None,
        "r_squared": r_squared if math.isfinite(r_squared) else None,
        "length": int(sympy.count_ops(found)),
        "seconds": taken,
        "formula": str(found),
    }


def draw(law: FeynmanLaw, *, noise: float) -> pd.DataFrame:
    """Returns a table of the variables and y, with noise."""
    columns = law.draw(_ROWS, seed=1)
    values = law.values(columns)
    errors = np.random.default_rng(3).standard_normal(_ROWS)
    table = pd.DataFrame(dict(zip(law.ranges, columns, strict=True)))
    return table.assign(y=values + noise * math.sqrt(float(np.mean(values**2))) * errors)


def is_recovered(found: sympy.Expr, truth: sympy.Expr) -> bool:
    """Tells whether two formulas differ by a constant or by a factor that is not zero (arXiv:2107.14351)."""
    ratio = sympy.simplify(found / truth)
    return bool((ratio.is_number and ratio != 0) or sympy.simplify(found - truth).is_number)


def _apart(law: FeynmanLaw, method: str, *, noise: float, seconds: float) -> dict[str, Any]:
    """Examines in a process that is killed when its time is up."""
    command = [sys.executable, "-m", "benchmarks.formulas", "--here", "--only", law.name, "--method", method]
    command += ["--noise", str(noise), "--seconds", str(seconds)]
    nothing = {"law": law.name, "symbolic": False, "numeric": False, "seconds": seconds}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + _SPARE, check=False)
    except subprocess.TimeoutExpired:
        return nothing | {"formula": "time is up"}
    if done.returncode:
        return nothing | {"formula": done.stderr.strip().splitlines()[-1]}
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


if __name__ == "__main__":
    main()
