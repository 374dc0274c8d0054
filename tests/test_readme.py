"""The README does what it says: its commands and its Python are run, with smaller nets and fewer steps."""

import re
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bimt.cli import main

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
QUICK = shlex.split(
    "--seeds 2 --set steps=400 --set net.hidden=[4] --set cost.strength=0.03 --set swaps.every=200 --quiet"
)

FAST = shlex.split("--fast --seeds 1 --quiet")
SOON = shlex.split("--seconds 2")


EXTRA = {"train": QUICK, "symbolic": SOON}


def _commands() -> list[list[str]]:
    blocks = re.findall(r"^```sh\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    lines = [shlex.split(line) for block in blocks for line in block.splitlines()]
    return [words for words in lines if words[:1] == ["bimt"]]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    random = np.random.default_rng(0)
    table = pd.DataFrame(random.normal(size=(40, 3)), columns=["length", "width", "age"])
    table["price"] = table["length"] * 3 + table["width"] ** 2
    table["run time"] = table["age"] - table["length"]
    table.to_csv(tmp_path / "my.csv", index=False)
    table.drop(columns=["price", "run time"]).to_csv(tmp_path / "new.csv", index=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_command_of_the_readme_runs(folder, capsys):
    commands = _commands()
    shown = {words[1] for words in commands}
    assert shown >= {"train", "predict", "modules", "ablation", "symbolic", "report", "reproduce"}
    for words in commands:
        extra = FAST if words[1:3] == ["reproduce", "independence"] else EXTRA.get(words[1], [])
        assert main([*words[1:], *extra]) == 0, f"{shlex.join(words)}: {capsys.readouterr().err}"
    assert len(pd.read_csv(folder / "predictions.csv")) == 40
    assert (folder / "runs/ind/report.html").is_file()


def test_the_python_of_the_readme_runs():
    (block,) = re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    names: dict[str, object] = {}
    exec(compile(block.replace("steps=5000", "steps=400"), "README.md", "exec"), names)
    assert names["graph"].number_of_nodes() >= 6
