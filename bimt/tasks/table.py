"""A table of one's own: CSV, TSV or Parquet, columns chosen by name, scaled and split."""

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from pandas.api.types import is_numeric_dtype, is_object_dtype, is_string_dtype
from pydantic import Field

from bimt.messages import UserError, printable, suggestion
from bimt.strict import StrictModel
from bimt.tasks.base import Scaling, Split, Task

SETTINGS: dict[str, Any] = {"steps": 10_000, "cost": {"strength": [[0.0, 0.003], [0.25, 0.03], [0.75, 0.01]]}}
"""What differs from the defaults of TrainConfig: measured data are noisy, so connections cost more."""

_FEWEST_ROWS = 4


class TableTask(StrictModel):
    """Predicts some columns of a table from others."""

    name: Literal["table"]
    data: str
    """Path of a .csv, .tsv or .parquet file; the first line of a text file names the columns."""
    targets: tuple[str, ...] = Field(min_length=1)
    """Columns to predict; in classification exactly one."""
    features: tuple[str, ...] | None = None
    """Columns to predict from; None takes all others."""
    kind: Literal["regression", "classification"] = "regression"
    test_fraction: float = Field(default=0.2, gt=0, lt=1)
    """Share of the rows kept apart for testing."""
    split_seed: int = Field(default=0, ge=0, lt=2**32)
    """Seed of the split."""

    def load(self) -> Task:
        """Reads, checks, splits and scales the table.

        Raises:
            UserError: If the file or a column is not what this task needs.
        """
        frame = read_table(Path(self.data))
        features = self._columns(frame)
        inputs = numeric_columns(frame, features)
        order = torch.from_numpy(np.random.RandomState(self.split_seed).permutation(len(frame)))
        tested = min(max(round(len(frame) * self.test_fraction), 2), len(frame) - 2)
        train, test = order[tested:].sort().values, order[:tested].sort().values
        if self.kind == "classification":
            classes, targets = _classes(frame, self.targets[0], train)
            outputs = tuple(f"{self.targets[0]}={name}" for name in classes)
        else:
            classes, targets, outputs = (), numeric_columns(frame, self.targets), self.targets
        scaling = _fit_scaling(inputs[train], targets[train], features, outputs)
        inputs = scaling.to_net(inputs)
        if self.kind == "regression":
            targets = (targets - scaling.output_shift) / scaling.output_scale
        return Task(
            name=self.name,
            kind=self.kind,
            inputs=features,
            outputs=outputs,
            train=Split(inputs[train], targets[train]),
            test=Split(inputs[test], targets[test]),
            scaling=scaling,
            classes=classes,
        )

    def _columns(self, frame: pd.DataFrame) -> tuple[str, ...]:
        """Returns the features, after checking that every column named is there and none has two jobs."""
        features = self.features
        if features is None:
            features = tuple(name for name in frame.columns if name not in self.targets)
        require_columns(frame, self.targets, "target")
        require_columns(frame, features, "feature")
        for name in features:
            if name in self.targets:
                raise UserError(f"column {printable(name)} is a target and a feature; it must be one of them")
        for role, names in (("target", self.targets), ("feature", features)):
            twice = {name for name in names if names.count(name) > 1}
            if twice:
                raise UserError(f"{role} {printable(twice.pop())} is named twice; name it once")
        if not features:
            raise UserError("no column is left to predict from; name at least one feature")
        if self.kind == "classification" and len(self.targets) != 1:
            raise UserError(f"classification takes exactly one target column, got {len(self.targets)}")
        if len(frame) < _FEWEST_ROWS:
            raise UserError(f"{printable(self.data)} must have at least {_FEWEST_ROWS} rows of data, got {len(frame)}")
        return features


def read_table(path: Path) -> pd.DataFrame:
    """Reads a table; text files cell by cell as text, so that a wrong cell can be named.

    Args:
        path: A .csv, .tsv or .parquet file.

    Raises:
        UserError: If there is no such file, it is empty or no table, or two columns share a name.
    """
    shown = printable(path)
    if not path.exists():
        raise UserError(f"there is no file {shown}")
    if path.is_dir():
        raise UserError(f"{shown} must be a .csv, .tsv or .parquet file, got a folder")
    if path.stat().st_size == 0:
        raise UserError(f"{shown} is empty; expected a line of column names and rows below it")
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".tsv", ".parquet"):
        raise UserError(f"{shown} must end in .csv, .tsv or .parquet")
    try:
        frame = pd.read_parquet(path) if suffix == ".parquet" else _read_text(path, "," if suffix == ".csv" else "\t")
    except (ValueError, OSError, NotImplementedError) as error:
        raise UserError(f"{shown} cannot be read as {suffix[1:].upper()}: {printable(error)}") from error
    frame.columns = [str(name) for name in frame.columns]
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise UserError(f"{shown} has two columns named {printable(twice[0])}; every column must have its own name")
    return frame


def require_columns(frame: pd.DataFrame, names: Sequence[str], role: str) -> None:
    """Refuses names that the table does not have, suggesting the nearest.

    Raises:
        UserError: If a column is not there.
    """
    for name in names:
        if name not in frame.columns:
            raise UserError(f"{role} {printable(name)} is not a column of the table{suggestion(name, frame.columns)}")


def numeric_columns(frame: pd.DataFrame, names: Sequence[str]) -> torch.Tensor:
    """Returns columns as numbers, (rows, columns), float64.

    Raises:
        UserError: If a cell is not a finite number: the message names its row (1 is the first below the header),
            its column and what stands there.
    """
    columns = []
    for name in names:
        if not (is_numeric_dtype(frame[name]) or is_string_dtype(frame[name]) or is_object_dtype(frame[name])):
            raise UserError(f"column {printable(name)} must hold numbers, got {printable(frame[name].dtype)}")
        values = pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        bad = np.flatnonzero(~np.isfinite(values))
        if len(bad):
            cell = printable(repr(frame[name].iloc[bad[0]]), limit=60)
            raise UserError(
                f"row {bad[0] + 1} of column {printable(name)} must be a finite number, got {cell}; "
                "mend the row, or choose other columns"
            )
        columns.append(values)
    return torch.from_numpy(np.stack(columns, axis=1))


def _read_text(path: Path, separator: str) -> pd.DataFrame:
    """Reads cells as text. Blank lines count as rows, for they may be missing values, but not at the ends of a file."""
    text = io.StringIO(path.read_text(encoding="utf-8-sig").lstrip("\n"))
    rows = pd.read_csv(text, sep=separator, header=None, dtype=str, keep_default_na=False, skip_blank_lines=False)
    rows = rows.fillna("")
    last = np.flatnonzero((rows != "").any(axis=1)).max(initial=0)
    rows = rows.iloc[: last + 1]
    frame = rows.iloc[1:].reset_index(drop=True)
    frame.columns = rows.iloc[0].tolist()
    return frame


def _classes(frame: pd.DataFrame, name: str, train: torch.Tensor) -> tuple[tuple[str, ...], torch.Tensor]:
    labels = frame[name].astype(str)
    empty = np.flatnonzero((labels == "") | frame[name].isna())
    if len(empty):
        raise UserError(f"row {empty[0] + 1} of column {printable(name)} must name a class, got an empty cell")
    classes = sorted(set(labels), key=_by_number)
    known = set(labels.iloc[train.numpy()])
    if len(classes) < 2:
        raise UserError(f"column {printable(name)} must hold at least two classes, got only {printable(classes[0])}")
    if len(classes) > max(2, len(frame) // 2):
        raise UserError(
            f"column {printable(name)} has {len(classes)} different values in {len(frame)} rows, too many to be "
            "classes; for numbers use --kind regression"
        )
    unseen = [label for label in classes if label not in known]
    if unseen:
        raise UserError(
            f"class {printable(unseen[0])} of column {printable(name)} is only in the test split; use more rows"
        )
    index = {label: number for number, label in enumerate(classes)}
    return tuple(classes), torch.tensor([index[label] for label in labels])


def _by_number(label: str) -> tuple[bool, float, str]:
    try:
        number = float(label)
    except ValueError:
        number = math.nan
    return (False, number, label) if math.isfinite(number) else (True, 0.0, label)


def _fit_scaling(
    inputs: torch.Tensor, targets: torch.Tensor, features: Sequence[str], outputs: Sequence[str]
) -> Scaling:
    """Standardises by the training split's mean and standard deviation; class targets are left alone."""
    shift, scale = _standard(inputs, features)
    if targets.ndim == 1:
        plain = Scaling.none(0, len(outputs))
        return Scaling(shift, scale, plain.output_shift, plain.output_scale)
    return Scaling(shift, scale, *_standard(targets, outputs))


def _standard(columns: torch.Tensor, names: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor]:
    shift, scale = columns.mean(0), columns.std(0, correction=0)
    for name, spread, middle in zip(names, scale.tolist(), shift.tolist(), strict=True):
        if not math.isfinite(spread):
            raise UserError(f"column {printable(name)} holds numbers too large to scale; give it in another unit")
        if not spread > 1e-12 * abs(middle):
            raise UserError(
                f"column {printable(name)} is constant in the training rows ({middle:g}), so nothing can be learned "
                "from it; leave it out"
            )
    return shift, scale
