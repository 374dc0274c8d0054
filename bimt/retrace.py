"""The command line that would train a configuration again."""

import json
from collections.abc import Iterator
from typing import Any

from bimt.config import TrainConfig, make_config

_FLAGS = {
    "seeds": "--seeds",
    "first_seed": "--first-seed",
    "task.data": "--data",
    "task.data_dir": "--data-dir",
    "task.targets": "--targets",
    "task.features": "--features",
    "task.kind": "--kind",
}
"""Settings that have an option of their own; the others are given with --set."""


def command_line(config: TrainConfig) -> tuple[str, ...]:
    """Returns the words of `bimt train ...` that lead to this configuration, without --out.

    Only what differs from the task's published settings is named.

    Example:
        >>> " ".join(command_line(make_config("independence", settings=["steps=500"], seeds=8)))
        'bimt train independence --seeds 8 --set steps=500'
    """
    task = config.task.model_dump()
    required = {key: value for key, value in task.items() if config.task.__class__.model_fields[key].is_required()}
    usual = make_config(task["name"], **{f"task__{key}": _listed(value) for key, value in required.items()})
    given = dict(_leaves(config.model_dump(), ""))
    expected = {key: value for key, value in _leaves(usual.model_dump(), "") if key not in _as_keys(required)}
    changed = {key: value for key, value in given.items() if key not in expected or expected[key] != value}
    changed.pop("task.name")
    words = ["bimt", "train", task["name"]]
    for key, value in sorted(changed.items(), key=lambda item: item[0] not in _FLAGS):
        words += _words(key, value)
    return tuple(words)


def _leaves(document: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    """Yields every setting under its dotted key; net.geometry, whose keys are names, counts as one."""
    for key, value in document.items():
        if isinstance(value, dict) and key != "geometry":
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _as_keys(task: dict[str, Any]) -> set[str]:
    return {f"task.{key}" for key in task}


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _words(key: str, value: Any) -> list[str]:
    if key not in _FLAGS:
        plain = isinstance(value, str) and value.isidentifier() and value not in ("null", "true", "false")
        return ["--set", f"{key}={value if plain else json.dumps(value)}"]
    values = value if isinstance(value, tuple) else (value,)
    return [word for item in values for word in (_FLAGS[key], str(item))]
