"""A checkpoint: a folder of plain files, and a manifest that vouches for every byte of them.

Data files carry their step in the name; each is written under a temporary name, synced and renamed, the manifest last.
So whenever the process is killed the folder is a good checkpoint, or has no manifest yet. Nothing is ever unpickled.
"""

import hashlib
import io
import json
import os
import platform
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
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
from bimt.messages import UserError, printable
from bimt.nets.base import Net
from bimt.nets.build import net_tensors, restore_net
from bimt.tasks.base import Scaling, Split, Task

FORMAT = 1
_MANIFEST, _CONFIG = "manifest.json", "config.json"
_OURS = re.compile(r"((weights|snapshots|optimizer|data)-\d+\.safetensors|history-\d+\.csv|\.writing-.*)")


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
    """One row per logged step and seed: step, seed, train_loss, test_loss, metric, cost, connections, strength."""
    snapshots: dict[str, Tensor]
    """`step` (frames,), and weights and places at each, (frames, seeds, ...)."""
    progress: Progress | None
    """None once training has finished."""
    command: tuple[str, ...] = ()
    """The command line that made it."""
    versions: Mapping[str, str] | None = None
    """Of Python, torch and numpy, and the number of threads, where it was trained; None while in memory."""

    @property
    def labels(self) -> tuple[int, ...]:
        """Labels of all seeds, in the order of the seeds axis."""
        return self.config.labels

    @property
    def running(self) -> tuple[int, ...]:
        """Labels of the seeds that did not stop."""
        return tuple(label for label in self.labels if label not in self.stopped)


class CheckpointError(UserError):
    """A folder is not a checkpoint, or not a whole one."""


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
    manifest = _read_manifest(path)
    files = {name: _read_file(path, name, entry) for name, entry in manifest["files"].items()}
    try:
        return _assemble(path, manifest, files)
    except (KeyError, ValueError, TypeError, SafetensorError, ValidationError) as error:
        raise CheckpointError(f"{printable(path)} is not a checkpoint this version can read: {error}") from error


def save_checkpoint(checkpoint: Checkpoint, path: Path) -> Checkpoint:
    """Writes a checkpoint into a new or empty folder and returns it as read back.

    Raises:
        UserError: If the folder is not empty or cannot be written.
    """
    folder = CheckpointFolder.claim(path, checkpoint.config, resume=False)
    folder.write(checkpoint)
    return folder.written()


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


class CheckpointFolder:
    """A folder that a run writes its checkpoints into."""

    def __init__(self, path: Path, config: TrainConfig) -> None:
        """Remembers where; `claim` is the way to get one."""
        self.path, self.config = path, config
        self._kept: dict[str, dict[str, Any]] = {}

    @classmethod
    def claim(cls, path: Path, config: TrainConfig, *, resume: bool) -> "CheckpointFolder":
        """Makes sure, before anything is computed, that a run may write here, and writes its config.json.

        Raises:
            UserError: If the folder is not empty (or, to resume, holds a run of another configuration) or not writable.
        """
        shown = printable(path)
        try:
            path.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise UserError(f"{shown} must be a folder, but there is a file of that name") from None
        except OSError as error:
            raise UserError(f"the folder {shown} cannot be made: {error.strerror}") from error
        found = sorted(entry.name for entry in path.iterdir() if not entry.name.startswith(".writing-"))
        if found and not resume:
            raise UserError(
                f"the folder {shown} must be empty, found {printable(found[0])}; choose another, or --resume"
            )
        folder = cls(path, config)
        before = read_config(path)
        if before is None:
            if found:
                raise UserError(f"{shown} holds no run to resume, found {printable(found[0])}; choose another folder")
            folder._write(_CONFIG, config.model_dump_json(indent=1).encode())
        elif before != config:
            raise UserError(
                f"{shown} holds a run with other settings ({_difference(before, config)}); drop them to resume"
            )
        else:
            _try_writing(path)
        return folder

    def latest(self) -> Checkpoint | None:
        """Returns the checkpoint in the folder; None where no manifest was ever written.

        Raises:
            CheckpointError: If there is a damaged one.
        """
        return load_checkpoint(self.path) if (self.path / _MANIFEST).exists() else None

    def write(self, checkpoint: Checkpoint) -> None:
        """Writes a checkpoint: its data files, then the manifest, then removes what the manifest no longer lists."""
        step = checkpoint.config.steps if checkpoint.progress is None else checkpoint.progress.step
        files = {_CONFIG: self._entry(_CONFIG)} | {
            name: self._write(name, content) for name, content in _data_files(checkpoint, step).items()
        }
        manifest = {
            "format": FORMAT,
            "step": step,
            "finished": checkpoint.progress is None,
            "task": _task_names(checkpoint.task),
            "stopped": {str(label): why for label, why in checkpoint.stopped.items()},
            "generators": [] if checkpoint.progress is None else list(checkpoint.progress.generators),
            "versions": checkpoint.versions or _versions(),
            "command": list(checkpoint.command),
            "files": files,
        }
        self._write(_MANIFEST, _sealed(manifest).encode())
        for entry in self.path.iterdir():
            if _OURS.fullmatch(entry.name) and entry.name not in files:
                with suppress(FileNotFoundError):
                    entry.unlink()

    def written(self) -> Checkpoint:
        """Returns the checkpoint as it lies on disk."""
        return load_checkpoint(self.path)

    def _entry(self, name: str) -> dict[str, Any]:
        if name not in self._kept:
            self._kept[name] = _fingerprint((self.path / name).read_bytes())
        return self._kept[name]

    def _write(self, name: str, content: bytes) -> dict[str, Any]:
        """Writes a file so that it is there whole or not at all; returns its manifest entry."""
        temporary = self.path / f".writing-{os.getpid()}-{name}"
        try:
            with open(temporary, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self.path / name)
            _sync_folder(self.path)
        except OSError as error:
            with suppress(OSError):
                temporary.unlink()
            raise UserError(f"{printable(self.path / name)} cannot be written: {error.strerror}") from error
        self._kept[name] = _fingerprint(content)
        return self._kept[name]


def _data_files(checkpoint: Checkpoint, step: int) -> dict[str, bytes]:
    history = checkpoint.history.to_csv(index=False).encode()
    files = {
        f"weights-{step}.safetensors": safetensors.torch.save(net_tensors(checkpoint.net)),
        f"data-{step}.safetensors": safetensors.torch.save(_task_tensors(checkpoint.task)),
        f"snapshots-{step}.safetensors": safetensors.torch.save(checkpoint.snapshots),
        f"history-{step}.csv": history,
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
    progress = None
    if not manifest["finished"]:
        state = safetensors.torch.load(files[f"optimizer-{step}.safetensors"])
        progress = Progress(step=step, generators=tuple(manifest["generators"]), **state)
    history = pd.read_csv(io.BytesIO(files[f"history-{step}.csv"]), float_precision="round_trip")
    return Checkpoint(
        path=path,
        config=config,
        net=restore_net(config, safetensors.torch.load(files[f"weights-{step}.safetensors"])),
        task=_restore_task(manifest["task"], safetensors.torch.load(files[f"data-{step}.safetensors"])),
        stopped={int(label): why for label, why in manifest["stopped"].items()},
        history=history,
        snapshots=safetensors.torch.load(files[f"snapshots-{step}.safetensors"]),
        progress=progress,
        command=tuple(manifest["command"]),
        versions=manifest["versions"],
    )


def _task_names(task: Task) -> dict[str, Any]:
    return {
        "name": task.name,
        "kind": task.kind,
        "inputs": task.inputs,
        "outputs": task.outputs,
        "classes": task.classes,
    }


def _task_tensors(task: Task) -> dict[str, Tensor]:
    tensors = {f"scaling.{name}": tensor for name, tensor in vars(task.scaling).items()}
    for name, split in (("train", task.train), ("test", task.test)):
        tensors |= {f"{name}.inputs": split.inputs, f"{name}.targets": split.targets}
    return {name: tensor.contiguous() for name, tensor in tensors.items()}


def _restore_task(names: dict[str, Any], tensors: dict[str, Tensor]) -> Task:
    scaling = {key.partition(".")[2]: tensor for key, tensor in tensors.items() if key.startswith("scaling.")}
    train, test = (Split(tensors[f"{name}.inputs"], tensors[f"{name}.targets"]) for name in ("train", "test"))
    return Task(
        name=names["name"],
        kind=names["kind"],
        inputs=tuple(names["inputs"]),
        outputs=tuple(names["outputs"]),
        classes=tuple(names["classes"]),
        train=train,
        test=test,
        scaling=Scaling(**scaling),
    )


def _read_manifest(path: Path) -> dict[str, Any]:
    """Returns a manifest that says of itself, truthfully, that not one of its bytes has changed."""
    shown = printable(path)
    if not path.exists():
        raise CheckpointError(f"there is no checkpoint {shown}")
    if not path.is_dir():
        raise CheckpointError(
            f"a checkpoint must be a folder that bimt train wrote, got the file {shown}, left unopened"
        )
    file = path / _MANIFEST
    if not file.is_file():
        unfinished = (path / _CONFIG).is_file()
        advice = "its training was cut off: finish it with --resume" if unfinished else "give the folder after --out"
        raise CheckpointError(f"{shown} is not a checkpoint: it has no {_MANIFEST}; {advice}")
    content = file.read_bytes()
    damaged = CheckpointError(f"{printable(file)} is damaged; restore it from a copy, or train again")
    try:
        text = content.decode()
        manifest = json.loads(text)
        seal = manifest.pop("sha256")
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        raise damaged from None
    if not isinstance(seal, str) or _sealed(manifest) != text:
        raise damaged
    if manifest["format"] != FORMAT:
        raise CheckpointError(f"{shown} has format {manifest['format']}, this version reads {FORMAT}")
    return manifest


def _read_file(path: Path, name: str, entry: dict[str, Any]) -> bytes:
    file = path / name
    if Path(name).name != name or not file.is_file():
        raise CheckpointError(f"{printable(file)} is missing; restore it from a copy, or train again")
    content = file.read_bytes()
    if _fingerprint(content) != entry:
        raise CheckpointError(
            f"{printable(file)} is damaged: its {len(content):,} bytes are not those that were written; "
            "restore it from a copy, or train again"
        )
    return content


def _sealed(manifest: dict[str, Any]) -> str:
    """Writes a manifest whose last entry is the sha256 of its text without that entry."""
    text = json.dumps(manifest, indent=1)
    return json.dumps(manifest | {"sha256": hashlib.sha256(text.encode()).hexdigest()}, indent=1)


def _fingerprint(content: bytes) -> dict[str, Any]:
    return {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _versions() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "threads": str(torch.get_num_threads()),
    }


def _difference(before: TrainConfig, now: TrainConfig) -> str:
    """Names the first setting in which two configurations differ."""
    one, other = before.model_dump(), now.model_dump()
    path = ""
    while isinstance(one, dict) and isinstance(other, dict):
        key = next(key for key in one | other if one.get(key) != other.get(key))
        path, one, other = f"{path}.{key}".lstrip("."), one.get(key), other.get(key)
    return f"{path} = {printable(one, limit=60)}, now {printable(other, limit=60)}"


def _try_writing(path: Path) -> None:
    probe = path / f".writing-{os.getpid()}"
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UserError(f"the folder {printable(path)} cannot be written: {error.strerror}") from error


def _sync_folder(path: Path) -> None:
    """Makes renames last through a power cut, where the system can."""
    with suppress(OSError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
