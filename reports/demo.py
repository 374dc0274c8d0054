"""The demonstration: trains and explains a published task and a real table, and writes one page that links both.

Run as `python -m reports.demo`; it takes about a minute on two cores. `make demo` clears runs/demo first.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bimt.cli import run

_TRAINING: dict[str, tuple[str, ...]] = {
    "independence": ("independence", "--seeds", "8"),
    "diabetes": (
        *("table", "--data", "{folder}/diabetes.csv", "--targets", "target", "--seeds", "8"),
        *("--set", "net.hidden=[10]", "--set", "steps=4000", "--set", "cost.strength=0.1"),
    ),
}
"""What is trained, as words of `bimt train`."""
_ABOUT = {
    "independence": "Two published functions of four inputs that have nothing in common: y1 = (x1 + x3)³ and "
    "y2 = x2² + sin(π x4).",
    "diabetes": "442 patients, ten measurements each, and how far the disease had progressed a year later.",
}


@dataclass(frozen=True)
class Card:
    """One report, as the page that links them shows it."""

    name: str
    about: str
    verdict: str
    picture: Any
    """A `Figure`."""


def main(folder: Path = Path("runs/demo")) -> int:
    """Runs the demonstration into a folder that is not there yet, or empty; returns the exit status."""
    started = time.perf_counter()
    _say("Training and explaining two nets; this takes about a minute.")
    folder.mkdir(parents=True, exist_ok=True)
    _write_diabetes(folder / "diabetes.csv")
    cards = []
    for name, words in _TRAINING.items():
        out = folder / name
        status = _train([*(word.format(folder=folder) for word in words), "--out", str(out)])
        if status:
            return status
        cards.append(_explain(name, out))
    index = folder / "report.html"
    _write_index(cards, index)
    _say(f"Done in {time.perf_counter() - started:.0f} s. Open one of these in a browser:")
    for path in (index, *(folder / card.name / file for card in cards for file in ("report.html", "report.md"))):
        print(path, flush=True)
    return 0


def _train(words: list[str]) -> int:
    """Trains as `bimt train` would."""
    from bimt.commands import train

    _say(f"bimt train {' '.join(words)}")
    return run(train, words)


def _explain(name: str, out: Path) -> Card:
    """Explains as `bimt report` would, and keeps what the linking page shows."""
    from reports.content import make_page
    from reports.report import build_report, write_report
    from reports.verdict import summary

    _say(f"bimt report {out}")
    report = build_report(out)
    write_report(report, out)
    picture = make_page(report).pictures[-1]
    return Card(name, _ABOUT[name], summary(report), picture)


def _write_diabetes(path: Path) -> None:
    """Writes scikit-learn's diabetes data in their own units (Efron et al. 2004, doi:10.1214/009053604000000067)."""
    from sklearn.datasets import load_diabetes

    load: Callable[..., Any] = load_diabetes
    load(scaled=False, as_frame=True).frame.to_csv(path, index=False)


def _write_index(cards: list[Card], path: Path) -> None:
    from bimt.folder import write_file
    from reports.html import render_page

    write_file(path, render_page("index.html.j2", cards=cards).encode())


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
