"""A checkpoint: what a training run has made, as a sealed folder. Nothing is ever unpickled.

What changes in a run carries its step in the name, so that the files of the last checkpoint stay until the next one
stands.
"""

import dataclasses
import io
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import safetensors.torch
import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from torch import Tensor

from bimt.config import TrainConfig
from bimt.folder import MANIFEST, CheckpointError, found_in, read_sealed, try_writing, write_file, write_sealed
from bimt.messages import UserError, printable
from bimt.nets.base import Net
from bimt.nets.build import net_tensors, restore_net
from bimt.packing import pack, unpack
from bimt.tasks.base import Scaling, Split, Task

_CONFIG = "config.json"
_TENSORS = ("train", "test", "scaling")
HISTORY = ("step", "seed", "train_loss", "test_loss", "metric", "cost", "connections", "strength")
"""The columns of a checkpoint's history."""
_COUNTS = ("step", "seed", "connections")
_DATA = "data.safetensors"
"""The data never change in a run, so their file carries no step and is written once."""
_STATE_FILES = re.compile(r"(weights|snapshots|optimizer)-\d+\.safetensors|history-\d+\.csv")


@dataclass(frozen=True, eq=False)
class Progress:
    """What an unfinished run needs to go on, bit for bit."""

    step: int
    """Steps done."""
    first_moment: Tensor
    """AdamW's running mean of the gradient, flat."""
    second_moment: Tensor
    """AdamW's running mean of the squared gradient, flat."""
    good: Tensor
    """All parameters at the last logged step, flat: what a seed falls back to when its loss is no number any more."""
    generators: tuple[str, ...]
    """State of each seed's generator, hexadecimal."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What a training run has made."""

    path: Path | None
    """Its folder; None while it is in memory only."""
    config: TrainConfig
    net: Net
    """All seeds, as trained."""
    task: Task
    """The data it was trained and tested on, kept in the checkpoint."""
    stopped: dict[int, str]
    """Labels of the seeds whose loss became no number, each with what happened."""
    history: pd.DataFrame
    """One row per logged step and seed, with the columns `HISTORY`."""
    snapshots: dict[str, Tensor]
    """`step` (frames,), and weights and places at each, (frames, seeds, ...)."""
    progress: Progress | None
    """None once training has finished."""
    command: tuple[str, ...] = ()
    """The command line that makes it again, without --out."""
    versions: Mapping[str, str] | None = None
    """Of Python, torch and numpy, the number of threads and what took the steps, where it was trained; None where that
    is not known."""

    @property
    def labels(self) -> tuple[int, ...]:
        """Labels of all seeds, in the order of the seeds axis."""
        return self.config.labels

    @property
    def is_foreign(self) -> bool:
        """Whether it was trained elsewhere and lies in one file: of its settings only task and net are known."""
        return self.path is not None and self.path.is_file()

    @property
    def running(self) -> tuple[int, ...]:
        """Labels of the seeds that did not stop."""
        return tuple(label for label in self.labels if label not in self.stopped)


def load_checkpoint(path: Path | str) -> Checkpoint:
    """Reads a checkpoint, after checking every byte against its manifest.

    Args:
        path: The folder.

    Raises:
        CheckpointError: If it is not a folder with a manifest, or any file listed there is missing or changed.

    Example:
        load_checkpoint("runs/ind").net.seeds
    """
    path = Path(path)
    manifest, files = read_sealed(path)
    try:
        return _assemble(path, manifest, files)
    except (LookupError, ValueError, TypeError, AttributeError, SafetensorError) as error:
        raise CheckpointError(
            f"{printable(path)} is not a checkpoint this version can read: {printable(error)}"
        ) from error


def save_checkpoint(checkpoint: Checkpoint, path: Path) -> Checkpoint:
    """Writes a checkpoint into a new or empty folder and returns it as read back.

    Raises:
        UserError: If the folder is not empty or cannot be written.
    """
    folder = CheckpointFolder.claim(path, checkpoint.config, resume=False)
    folder.begin()
    folder.write(checkpoint)
    return load_checkpoint(path)


def read_config(path: Path) -> TrainConfig | None:
    """Returns the configuration that a run in this folder was started with; None where there is none.

    Raises:
        CheckpointError: If there is one that cannot be read.
    """
    file = path / _CONFIG
    if not file.is_file():
        return None
    try:
        return TrainConfig.model_validate_json(file.read_bytes())
    except ValidationError as error:
        raise CheckpointError(f"{printable(file)} is damaged; delete the folder and train again") from error


@dataclass(frozen=True)
class CheckpointFolder:
    """A folder that a run writes its checkpoints into; `claim` is the way to get one."""

    path: Path
    config: TrainConfig
    _data: dict[Task, bytes] = field(default_factory=dict, init=False, repr=False, compare=False)
    """The data as they lie on disk, worked out once: a run saves often, and its data never change."""

    @classmethod
    def claim(cls, path: Path, config: TrainConfig, *, resume: bool) -> "CheckpointFolder":
        """Makes sure, before anything is computed, that a run may write here; makes the folder where there is none.

        Raises:
            UserError: If the folder is not empty (or, to resume, holds a run of another configuration) or not writable.
        """
        shown = printable(path)
        found = found_in(path)
        if found and not resume:
            raise UserError(
                f"the folder {shown} must be empty, found {printable(found[0])}; choose another "
                "(bimt train goes on with a run: --resume)"
            )
        before = read_config(path)
        if before is None and found:
            raise UserError(f"{shown} holds no run to resume, found {printable(found[0])}; choose another folder")
        if before is not None and before != config:
            raise UserError(
                f"{shown} holds a run with other settings ({_difference(before, config)}); drop them to resume"
            )
        try_writing(path)
        return cls(path, config)

    def latest(self) -> Checkpoint | None:
        """Returns the checkpoint in the folder; None where no manifest was ever written.

        Raises:
            CheckpointError: If there is a damaged one.
        """
        return load_checkpoint(self.path) if (self.path / MANIFEST).exists() else None

    def begin(self) -> None:
        """Writes the configuration down: from now on the run can be resumed."""
        if read_config(self.path) is None:
            write_file(self.path / _CONFIG, self.config.model_dump_json(indent=1).encode())

    def write(self, checkpoint: Checkpoint) -> None:
        """Replaces the checkpoint in the folder by a later one."""
        progress = checkpoint.progress
        step = checkpoint.config.steps if progress is None else progress.step
        facts = {
            "step": step,
            "finished": progress is None,
            "task": _task_names(checkpoint.task),
            "stopped": {str(label): why for label, why in checkpoint.stopped.items()},
            "generators": [] if progress is None else list(progress.generators),
            "versions": dict(checkpoint.versions or machine_versions()),
            "command": list(checkpoint.command),
        }
        if checkpoint.task not in self._data:
            self._data.clear()
            self._data[checkpoint.task] = safetensors.torch.save(pack(_task_tensors(checkpoint.task)))
        files = {
            _CONFIG: (self.path / _CONFIG).read_bytes(),
            _DATA: self._data[checkpoint.task],
            **_state_files(checkpoint, step),
        }
        write_sealed(self.path, files, facts, obsolete=_STATE_FILES)


def _state_files(checkpoint: Checkpoint, step: int) -> dict[str, bytes]:
    files = {
        f"weights-{step}.safetensors": safetensors.torch.save(net_tensors(checkpoint.net)),
        f"snapshots-{step}.safetensors": safetensors.torch.save(checkpoint.snapshots),
        f"history-{step}.csv": checkpoint.history.to_csv(index=False, na_rep="nan").encode(),
    }
    if checkpoint.progress is not None:
        state = {
            "first_moment": checkpoint.progress.first_moment,
            "second_moment": checkpoint.progress.second_moment,
            "good": checkpoint.progress.good,
        }
        files[f"optimizer-{step}.safetensors"] = safetensors.torch.save(state)
    return files


def _assemble(path: Path, manifest: dict[str, Any], files: dict[str, bytes]) -> Checkpoint:
    step = manifest["step"]
    config = TrainConfig.model_validate_json(files[_CONFIG])
    task = _restore_task(manifest["task"], unpack(safetensors.torch.load(files[_DATA])))
    progress = None
    if not manifest["finished"]:
        state = safetensors.torch.load(files[f"optimizer-{step}.safetensors"])
        progress = Progress(step=step, generators=tuple(manifest["generators"]), **state)
    return Checkpoint(
        path=path,
        config=config,
        net=restore_net(config, task, safetensors.torch.load(files[f"weights-{step}.safetensors"])),
        task=task,
        stopped={int(label): why for label, why in manifest["stopped"].items()},
        history=_read_history(files[f"history-{step}.csv"]),
        snapshots=safetensors.torch.load(files[f"snapshots-{step}.safetensors"]),
        progress=progress,
        command=tuple(manifest["command"]),
        versions=manifest["versions"],
    )


def _read_history(content: bytes) -> pd.DataFrame:
    """Reads text first: not every pandas turns the text of a number into the very number that was written."""
    text = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)
    return text.astype({name: int if name in _COUNTS else float for name in text.columns})


def _task_names(task: Task) -> dict[str, Any]:
    return {item.name: getattr(task, item.name) for item in dataclasses.fields(task) if item.name not in _TENSORS}


def _task_tensors(task: Task) -> dict[str, Tensor]:
    tensors = {f"scaling.{name}": tensor for name, tensor in vars(task.scaling).items()}
    for name, split in (("train", task.train), ("test", task.test)):
        tensors |= {f"{name}.inputs": split.inputs, f"{name}.targets": split.targets}
    return {name: tensor.contiguous() for name, tensor in tensors.items()}


def _restore_task(names: dict[str, Any], tensors: dict[str, Tensor]) -> Task:
    scaling = {key.partition(".")[2]: tensor for key, tensor in tensors.items() if key.startswith("scaling.")}
    train, test = (Split(tensors[f"{name}.inputs"], tensors[f"{name}.targets"]) for name in ("train", "test"))
    plain = {key: _as_tuples(value) for key, value in names.items()}
    return Task(**plain, train=train, test=test, scaling=Scaling(**scaling))


def _as_tuples(value: Any) -> Any:
    """Turns lists, as JSON has them, back into tuples."""
    return tuple(map(_as_tuples, value)) if isinstance(value, list | tuple) else value


def machine_versions() -> dict[str, str]:
    """Returns the versions of what computes, and the number of torch's threads."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "threads": str(torch.get_num_threads()),
    }


def _difference(before: TrainConfig, now: TrainConfig) -> str:
    """Names the first setting in which two configurations differ."""
    one, other = _settings(before.model_dump()), _settings(now.model_dump())
    key = next(key for key in one | other if one.get(key) != other.get(key))
    return f"{key} = {printable(one.get(key), limit=60)}, now {printable(other.get(key), limit=60)}"


def _settings(document: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Flattens groups of settings into dotted keys."""
    result: dict[str, Any] = {}
    for key, value in document.items():
        result |= _settings(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return result
