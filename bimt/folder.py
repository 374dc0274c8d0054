"""A sealed folder: plain files, and a manifest that vouches for every byte of them and of itself.

Each file is written under a temporary name, synced and renamed, the manifest last. So whenever the process is killed
the folder is what it was, or what it was to become.
"""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from bimt.messages import UserError, printable

MANIFEST = "manifest.json"
FORMAT = 2
_TEMPORARY = ".writing-"
_CURE = "restore it from a copy, or train again"


class CheckpointError(UserError):
    """A folder is not a checkpoint, or not a whole one."""


def is_temporary(name: str) -> bool:
    """Tells whether a file of that name was never finished, so that nothing is lost with it."""
    return name.startswith(_TEMPORARY)


def found_in(path: Path) -> list[str]:
    """Makes a folder where there is none, and returns the names of what lies there, less what was never finished.

    Raises:
        UserError: If it is a file, or cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise UserError(f"{printable(path)} must be a folder, but there is a file of that name") from None
    except OSError as error:
        raise UserError(f"the folder {printable(path)} cannot be made: {error.strerror}") from error
    return sorted(entry.name for entry in path.iterdir() if not is_temporary(entry.name))


def refuse_unwritable(file: Path | None) -> None:
    """Says before the work is done that a new file could not be written.

    Raises:
        UserError: If it is there already, or its folder is not.
    """
    if file is not None and file.exists():
        raise UserError(f"{printable(file)} is there already; choose another name")
    if file is not None and not file.parent.is_dir():
        raise UserError(f"{printable(file)}: no such file or directory")


def write_file(file: Path, content: bytes) -> None:
    """Writes a file so that it is there whole or not at all, even after a power cut.

    Raises:
        UserError: If it cannot be written; then what was there before is untouched.
    """
    temporary = file.with_name(f"{_TEMPORARY}{os.getpid()}-{file.name}")
    try:
        with open(temporary, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, file)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise UserError(f"{printable(file)} cannot be written: {error.strerror or error}") from error
    _sync_folder(file.parent)


def try_writing(path: Path) -> None:
    """Finds out whether files can be made in a folder.

    Raises:
        UserError: If not.
    """
    probe = path / f"{_TEMPORARY}{os.getpid()}"
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UserError(f"the folder {printable(path)} cannot be written: {error.strerror or error}") from error


def write_sealed(
    path: Path, files: Mapping[str, bytes], facts: Mapping[str, Any], *, obsolete: re.Pattern[str]
) -> None:
    """Replaces the content of a sealed folder.

    Args:
        path: The folder, which is there.
        files: Content of each file by name. Names of an earlier content may return only with the same bytes: until
            the new manifest stands, the old one vouches for them.
        facts: What else the manifest says; JSON's own types.
        obsolete: Files whose whole name matches, and that the new manifest does not list, are removed at the end.

    Raises:
        UserError: If a file cannot be written; then the folder is as good as before.
    """
    for name, content in files.items():
        if not _is_there(path / name, content):
            write_file(path / name, content)
    listed = {name: _fingerprint(content) for name, content in files.items()}
    write_file(path / MANIFEST, _sealed({"format": FORMAT, **facts, "files": listed}).encode())
    for entry in path.iterdir():
        if entry.name not in files and (is_temporary(entry.name) or obsolete.fullmatch(entry.name)):
            with suppress(OSError):  # it does no harm where it is
                entry.unlink()


def read_sealed(path: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Returns a folder's manifest and the content of every file that it lists, all checked.

    Raises:
        CheckpointError: If there is no good manifest, or a file that it lists is missing or changed.
    """
    manifest = _read_manifest(path)
    try:
        return manifest, {name: _read_file(path, name, entry) for name, entry in manifest["files"].items()}
    except (KeyError, AttributeError) as error:
        raise CheckpointError(f"{printable(path)} is not a checkpoint this version can read: {error}") from error


def _read_manifest(path: Path) -> dict[str, Any]:
    """Returns a manifest that says of itself, truthfully, that not one of its bytes has changed."""
    file = _manifest_of(path)
    damaged = CheckpointError(f"{printable(file)} is damaged; {_CURE}")
    try:
        text = file.read_bytes().decode()
        manifest = json.loads(text)
        seal = manifest.pop("sha256")
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        raise damaged from None
    if not isinstance(seal, str) or _sealed(manifest) != text:
        raise damaged
    if manifest.get("format") != FORMAT:
        found = printable(manifest.get("format"))
        raise CheckpointError(f"{printable(path)} has format {found}, this version reads {FORMAT}")
    return manifest


def _manifest_of(path: Path) -> Path:
    shown = printable(path)
    if not path.exists():
        raise CheckpointError(f"there is no checkpoint {shown}")
    if not path.is_dir():
        raise CheckpointError(
            f"a checkpoint must be a folder that bimt train wrote, got the file {shown}, left unopened"
        )
    file = path / MANIFEST
    if not file.is_file():
        unfinished = (path / "config.json").is_file()
        advice = "its training was cut off: finish it with --resume" if unfinished else "give the folder after --out"
        raise CheckpointError(f"{shown} is not a checkpoint: it has no {MANIFEST}; {advice}")
    return file


def _read_file(path: Path, name: str, entry: Any) -> bytes:
    file = path / name
    if Path(name).name != name or not file.is_file():
        raise CheckpointError(f"{printable(file)} is missing; {_CURE}")
    content = file.read_bytes()
    if _fingerprint(content) != entry:
        raise CheckpointError(
            f"{printable(file)} is damaged: its {len(content):,} bytes are not those that were written; {_CURE}"
        )
    return content


def _sealed(manifest: dict[str, Any]) -> str:
    """Writes a manifest whose last entry is the sha256 of its text without that entry."""
    text = json.dumps(manifest, indent=1)
    return json.dumps(manifest | {"sha256": hashlib.sha256(text.encode()).hexdigest()}, indent=1)


def _fingerprint(content: bytes) -> dict[str, Any]:
    return {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _is_there(file: Path, content: bytes) -> bool:
    return file.is_file() and file.stat().st_size == len(content) and file.read_bytes() == content


def _sync_folder(path: Path) -> None:
    """Makes renames last through a power cut, where the system can."""
    with suppress(OSError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
