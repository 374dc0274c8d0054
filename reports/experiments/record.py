"""What an experiment's folder remembers of itself: which experiment, in which form, how long each run took."""

import json
import time
from pathlib import Path
from typing import Any

from bimt.folder import is_temporary, try_writing, write_file
from bimt.messages import UserError, printable
from reports.experiments.experiment import Experiment

RUN = "experiment.json"


class Record:
    """What experiment.json holds: it claims the folder, and remembers how long each variant took."""

    def __init__(self, path: Path, form: dict[str, Any], seconds: dict[str, float], finished: list[str]) -> None:
        """Takes where it is written, the form, the time of each variant that was begun, and which are finished."""
        self.path, self.form, self.seconds, self.finished = path, form, seconds, finished

    @classmethod
    def claim(cls, out: Path, experiment: Experiment, *, resume: bool, is_fast: bool) -> "Record":
        """Makes sure, before anything is trained, that the experiment may be run into a folder.

        Raises:
            UserError: If it may not.
        """
        shown, path = printable(out), out / RUN
        form = {
            "experiment": experiment.name,
            "fast": is_fast,
            "seeds": [each.seeds for each in experiment.variants],
            "settings": [list(each.settings) for each in experiment.variants],
        }
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"the folder {shown} cannot be made: {error.strerror}") from error
        if _is_unused(out):
            record = cls(path, form, {}, [])
        elif resume:
            record = cls(path, form, *cls._before(path, form))
        else:
            raise UserError(f"the folder {shown} must be empty; --resume goes on with what is there")
        try_writing(out)
        record.write()
        return record

    @staticmethod
    def _before(path: Path, form: dict[str, Any]) -> tuple[dict[str, float], list[str]]:
        shown = printable(path.parent)
        document = read_record(path)
        if document is None:
            raise UserError(f"{shown} holds no experiment to resume; choose another folder")
        before = document["form"]
        if before != form:
            kind = " --fast" if before.get("fast") else ""
            held = f"{printable(before.get('experiment'))}{kind} with seeds {printable(before.get('seeds'))}"
            same = {key: value for key, value in before.items() if key != "settings"}
            other = " and other settings" if same == {key: form[key] for key in form if key != "settings"} else ""
            raise UserError(f"{shown} holds {held}{other}: resume it as it was started, or choose another folder")
        return document["seconds"], document["finished"]

    def timed(self, label: str) -> "_Timed":
        """Measures how long a variant takes, unless it was finished before."""
        return _Timed(self, label)

    def write(self) -> None:
        """Writes it down."""
        document = {"form": self.form, "seconds": self.seconds, "finished": self.finished}
        write_file(self.path, json.dumps(document, indent=1).encode())


def read_record(path: Path) -> dict[str, Any] | None:
    """Reads what `Record.write` wrote; None where something else is there, or nothing that can be read."""
    try:
        document = json.loads(path.read_bytes())
        form, seconds, finished = (document[key] for key in ("form", "seconds", "finished"))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    kinds = isinstance(form, dict) and isinstance(seconds, dict) and isinstance(finished, list)
    return document if kinds and all(isinstance(each, int | float) for each in seconds.values()) else None


def _is_unused(folder: Path) -> bool:
    """Tells whether a folder is empty, or holds an experiment of which nothing was trained: nothing is lost with it."""
    left = [each for each in folder.iterdir() if not is_temporary(each.name)]
    claimed = any(each.name == RUN and read_record(each) for each in left)
    return not left or (claimed and all(each.name == RUN or _is_empty(each) for each in left))


def _is_empty(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


class _Timed:
    """The time that one variant takes, interruptions left out."""

    def __init__(self, record: Record, label: str) -> None:
        self.record, self.label, self.start = record, label, time.perf_counter()

    def __enter__(self) -> None:
        self.start = time.perf_counter()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self.label not in self.record.finished:
            before = self.record.seconds.get(self.label, 0.0)
            self.record.seconds[self.label] = before + time.perf_counter() - self.start
            if kind is None:
                self.record.finished.append(self.label)
            self.record.write()
