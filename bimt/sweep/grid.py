"""The grid of a sweep: settings, each with its values, and the cells that follow from them."""

import hashlib
import itertools
import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bimt.config import TrainConfig, make_config
from bimt.messages import UserError, printable

MOST_CELLS = 10_000
_PLAIN = re.compile(r"[a-z][a-z0-9_.-]*|-?[0-9][0-9.]*(e[+-]?[0-9]+)?")
"""Values that stand in a folder's name as they are: numbers, and words that no other value is written like."""
_LONGEST = 120
_NOT_SWEPT = {"task": "name tasks as arguments", "task.name": "name tasks as arguments",
              "seeds": "give --seeds", "first_seed": "give --first-seed"}  # fmt: skip


@dataclass(frozen=True)
class Axis:
    """One setting and the values it takes."""

    key: str
    """Dotted, as in `--set`."""
    values: tuple[str, ...]
    """As they are written: JSON, or text where that is not JSON."""


@dataclass(frozen=True)
class Cell:
    """One configuration of a sweep."""

    name: str
    """The name of its folder: small letters, digits and a few marks, different for different cells."""
    task: str
    values: tuple[str, ...]
    """One for every axis, in order."""
    config: TrainConfig


def parse_axis(text: str) -> Axis:
    """Reads `key=value,value,...`; commas inside brackets, braces or double quotes belong to a value.

    Raises:
        UserError: If it is not written like that, a value is empty, or the key is none that can be swept.

    Example:
        >>> parse_axis("net.hidden=[20,20],[40]")
        Axis(key='net.hidden', values=('[20,20]', '[40]'))
    """
    key, sign, rest = text.partition("=")
    key = key.strip()
    if not sign or not key:
        raise UserError(f"--grid must be key=value,value,..., got {printable(text)}")
    refuse_fixed(key, "--grid")
    values = tuple(value.strip() for value in _split(rest))
    if not all(values):
        found = "none" if len(values) == 1 else printable(rest)
        raise UserError(f"--grid {printable(key)} must list values between commas, got {found}; leave no value empty")
    return Axis(key, values)


def refuse_fixed(key: str, option: str) -> None:
    """Refuses settings that a sweep sets itself.

    Raises:
        UserError: If this is one.
    """
    if key in _NOT_SWEPT:
        raise UserError(f"{option} {key} cannot be given in a sweep: {_NOT_SWEPT[key]}")


def make_cells(
    tasks: Sequence[str], axes: Sequence[Axis], settings: Sequence[str], *, seeds: int, first_seed: int
) -> tuple[Cell, ...]:
    """Builds every cell: each task with each combination of values, the last axis changing fastest.

    Args:
        tasks: Names.
        axes: May be none: then every task is one cell.
        settings: `key=value` texts for all cells.
        seeds: Of every cell.
        first_seed: Label of the first.

    Raises:
        UserError: If a cell cannot be configured, there are too many, or two are the same.
    """
    count = len(tasks) * math.prod(len(axis.values) for axis in axes)
    if count > MOST_CELLS:
        raise UserError(f"a sweep may have at most {MOST_CELLS:,} cells, got {count:,}; name fewer values")
    cells, before = [], dict[str, str]()
    for task, *values in itertools.product(tasks, *(axis.values for axis in axes)):
        words = ", ".join([task, *_assignments(axes, values)])
        try:
            config = make_config(
                task, settings=[*settings, *_assignments(axes, values)], seeds=seeds, first_seed=first_seed
            )
        except UserError as error:
            raise UserError(f"cell {printable(words)}: {error}") from error
        same = before.setdefault(config.model_dump_json(), words)
        if same is not words:
            raise UserError(f"cells {printable(same)} and {printable(words)} are the same; name every value once")
        cells.append(Cell(_name(task, axes, values), task, tuple(values), config))
    return tuple(cells)


def _assignments(axes: Sequence[Axis], values: Sequence[str]) -> list[str]:
    return [f"{axis.key}={value}" for axis, value in zip(axes, values, strict=True)]


def _name(task: str, axes: Sequence[Axis], values: Sequence[str]) -> str:
    """Names a cell's folder; where the values cannot stand in a name as they are, a digest tells cells apart."""
    name = ",".join([task, *_assignments(axes, values)])
    if all(map(_PLAIN.fullmatch, values)) and name == name.lower() and len(name) <= _LONGEST:
        return name
    digest = hashlib.sha256(json.dumps([task, *_assignments(axes, values)]).encode()).hexdigest()[:10]
    return f"{re.sub('[^a-z0-9_.,=+-]+', '_', name.lower())[:_LONGEST]}-{digest}"


def _split(text: str) -> Iterator[str]:
    """Splits at the commas that are in no brackets and no quotes."""
    depth, begun, is_quoted = 0, 0, False
    for place, letter in enumerate(text):
        if letter == '"' and text[place - 1 : place] != "\\":
            is_quoted = not is_quoted
        elif not is_quoted:
            depth += (letter in "[{") - (letter in "]}")
            if letter == "," and depth <= 0:
                yield text[begun:place]
                begun = place + 1
    yield text[begun:]
