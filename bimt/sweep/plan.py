"""What a sweep's folder remembers of itself: sweep.json, which a later call must agree with to go on."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bimt.config import TrainConfig
from bimt.folder import found_in, try_writing, write_file
from bimt.messages import UserError, printable
from bimt.seeds import make_generators
from bimt.sweep.blocks import Block
from bimt.sweep.grid import Axis, Cell, make_cells, refuse_fixed
from bimt.tasks.base import Task
from bimt.train import fresh_nets

PLAN = "sweep.json"
CELLS = "cells"
"""The folder of the cells' folders."""
_FORMAT = 1


@dataclass(frozen=True)
class Plan:
    """What is to be trained."""

    tasks: tuple[str, ...]
    axes: tuple[Axis, ...]
    settings: tuple[str, ...]
    """`key=value` texts for all cells."""
    seeds: int
    first_seed: int
    block: int
    """How many seeds of a cell are trained side by side into one checkpoint."""
    fourier: bool = True
    """Whether nets that add two numbers are judged as well, which takes seconds each: clock or pizza."""

    def __post_init__(self) -> None:
        """Refuses what contradicts itself.

        Raises:
            UserError: Which says what that is.
        """
        if not self.tasks:
            raise UserError("a sweep must name at least one task")
        if not all(self.tasks):
            raise UserError("a task has no name; write names between commas, none of them empty")
        keys = [axis.key for axis in self.axes]
        for kind, names in (("task", list(self.tasks)), ("--grid", keys)):
            twice = next((name for name in names if names.count(name) > 1), None)
            if twice is not None:
                raise UserError(f"{kind} {printable(twice)} is named twice; name it once, with all its values")
        for text in self.settings:
            key = text.partition("=")[0]
            refuse_fixed(key, "--set")
            if key in keys:
                raise UserError(f"{printable(key)} is both swept and set; drop one of --grid and --set")
        if self.block < 1:
            raise UserError(f"--block must be at least 1, got {self.block}")

    def cells(self) -> tuple[Cell, ...]:
        """Builds every cell, as `make_cells` does."""
        return make_cells(self.tasks, self.axes, self.settings, seeds=self.seeds, first_seed=self.first_seed)


def load_tasks(cells: Sequence[Cell]) -> tuple[Task, ...]:
    """Returns the data of every cell, after drawing one seed of it: what cannot be trained is known before anything is.

    Raises:
        UserError: Which names the cell.
    """
    before: dict[str, Task] = {}
    tasks = []
    for cell in cells:
        config = cell.config.model_copy(update={"seeds": 1})
        try:
            tasks.append(_loaded(config, before))
            fresh_nets(config, tasks[-1], make_generators(config.labels))
        except UserError as error:
            raise UserError(f"cell {cell.name}: {error}") from error
    return tuple(tasks)


def _loaded(config: TrainConfig, before: dict[str, Task]) -> Task:
    key = config.task.model_dump_json()
    if key not in before:
        before[key] = config.task.load()
    return before[key]


def blocks_of(cell: Cell, out: Path, *, block: int, fourier: bool = True) -> tuple[Block, ...]:
    """Divides the seeds of a cell into blocks, each with a folder of its own."""
    labels = cell.config.labels
    parts = [labels[start : start + block] for start in range(0, len(labels), block)]
    return tuple(
        Block(
            cell=cell.name,
            config=cell.config.model_copy(update={"first_seed": part[0], "seeds": len(part)}),
            folder=(out / CELLS / cell.name / f"seeds-{part[0]}-{part[-1]}").absolute(),
            fourier=fourier,
        )
        for part in parts
    )


def read_plan(out: Path) -> Plan | None:
    """Reads the plan of a sweep's folder; None where there is none.

    Raises:
        UserError: If there is one that cannot be read.
    """
    file = out / PLAN
    try:
        document = json.loads(file.read_bytes())
        return _from_document(document)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError(f"{printable(file)} is damaged; restore it from a copy, or choose another folder") from error


def claim(out: Path, plan: Plan, *, resume: bool) -> None:
    """Makes sure, before anything is trained, that a sweep may be run into a folder, and writes its plan there.

    Raises:
        UserError: If the folder holds something else, or (unless `resume`) anything, or cannot be written.
    """
    shown = printable(out)
    found = found_in(out)
    before = read_plan(out)
    if found and before is None:
        raise UserError(f"the folder {shown} must be empty, found {printable(found[0])}; choose another folder")
    if before is not None and not resume:
        raise UserError(f"the folder {shown} holds a sweep; go on with --resume, or choose another folder")
    if before is not None and before != plan:
        raise UserError(f"{shown} holds another sweep ({_difference(before, plan)}); resume it as it was started")
    try_writing(out)
    if before is None:
        write_file(out / PLAN, json.dumps({"format": _FORMAT, **asdict(plan)}, indent=1).encode())


def _from_document(document: Any) -> Plan:
    if document["format"] != _FORMAT:
        raise ValueError("another format")
    axes = tuple(Axis(str(axis["key"]), tuple(map(str, axis["values"]))) for axis in document["axes"])
    tasks, settings = (tuple(map(str, document[key])) for key in ("tasks", "settings"))
    seeds, first_seed, block = (int(document[key]) for key in ("seeds", "first_seed", "block"))
    return Plan(tasks, axes, settings, seeds, first_seed, block, bool(document.get("fourier", True)))


def _difference(before: Plan, now: Plan) -> str:
    """Names the first thing in which two plans differ."""
    if before.tasks == now.tasks and before.axes != now.axes:
        one, other = ([f"{axis.key}={','.join(axis.values)}" for axis in plan.axes] for plan in (before, now))
        gone, new = (next((text for text in a if text not in b), None) for a, b in ((one, other), (other, one)))
        key, old, new = "--grid", gone or "none", new or "the same in another order" if not gone else new or "none"
    else:
        key = next(key for key, value in asdict(before).items() if value != asdict(now)[key])
        old, new = getattr(before, key), getattr(now, key)
    return f"{key} {_shown(old)}, now {_shown(new)}"


def _shown(value: Any) -> str:
    text = " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return printable(text or "none", limit=80)
