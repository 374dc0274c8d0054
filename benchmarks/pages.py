"""Report pages in a browser: how large they are, when they can be played with, how long a click takes.

Run as `make bench-pages`, or `python -m benchmarks.pages [--mnist DIR] [CHECKPOINT ...]`: reports are written for the
checkpoints named; without any, a net of independence and one of modular addition are trained first, and with the four
IDX files of MNIST in DIR one of images. Needs chromium. Times are medians over five openings, clicks the median and the
largest over every neuron and connection: from the click until the next frame is painted.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.browser import chromium

_OPENINGS = 5
_MOST_CLICKS = 300
_CLICKS = """async most => {
  const names = ["neuron", "connection"].flatMap(kind => [...document.querySelectorAll(`[data-${kind}]`)]
    .map(each => `[data-${kind}="${each.getAttribute(`data-${kind}`)}"]`)).slice(0, most);
  const frame = () => new Promise(done => requestAnimationFrame(done));
  const times = [];
  for (const name of [...names, ...names]) {
    await frame();
    const started = performance.now();
    document.querySelector(name).dispatchEvent(new MouseEvent("click", {bubbles: true}));
    document.querySelector("[data-metric]").getBoundingClientRect();
    const answered = performance.now();
    await frame();
    times.push([answered - started, performance.now() - started]);
  }
  return times;
}"""


def main() -> None:
    """Prints one line per page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", nargs="*", type=Path, help="folders that bimt train wrote")
    parser.add_argument("--mnist", type=Path, help="folder of MNIST's four IDX files")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(
            f"{'page':<20}{'KB':>8}{'interactive ms':>16}{'click ms':>10}{'largest':>9}{'to frame':>10}{'largest':>9}"
        )
        for checkpoint in asked.checkpoints or _trained(Path(folder), asked.mnist):
            out = Path(folder) / f"page-{checkpoint.name}"
            _run("reports.page_commands", "report", str(checkpoint), "--out", str(out))
            page = out / "report.html"
            ready, clicks, frames = _measure(page)
            print(
                f"{checkpoint.name:<20}{page.stat().st_size / 1000:>8.0f}{statistics.median(ready):>16.0f}"
                f"{statistics.median(clicks):>10.1f}{max(clicks):>9.1f}{statistics.median(frames):>10.1f}{max(frames):>9.1f}",
                flush=True,
            )


def _trained(folder: Path, mnist: Path | None) -> list[Path]:
    runs = {"independence": ("independence",), "modular_addition": ("modular_addition",)}
    if mnist is not None:
        runs["mnist"] = ("images", "--data", "mnist", "--data-dir", str(mnist))
    for name, words in runs.items():
        _run("bimt.commands", "train", *words, "--out", str(folder / name), "--quiet")
    return [folder / name for name in runs]


def _run(module: str, command: str, *words: str) -> None:
    code = f"from bimt.cli import run; from {module} import {command}; raise SystemExit(run({command}))"
    subprocess.run([sys.executable, "-c", code, *words], check=True, stdout=subprocess.DEVNULL)


def _measure(page: Path) -> tuple[list[float], list[float], list[float]]:
    """Returns milliseconds: until a page could be played with, until a click was answered, until it was painted."""
    with chromium() as browser:
        ready, times = [], []
        for _ in range(_OPENINGS):
            context = browser.new_context(offline=True)
            opened: Any = context.new_page()
            opened.goto(page.as_uri())
            opened.wait_for_selector("html[data-ready]")
            ready.append(float(opened.get_attribute("html", "data-ready")))
            if len(ready) == _OPENINGS:
                times = opened.evaluate(_CLICKS, _MOST_CLICKS)
            context.close()
    return ready, [answered for answered, _ in times], [painted for _, painted in times]


if __name__ == "__main__":
    main()
