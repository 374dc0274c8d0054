"""Small pictures to tell apart: handwritten digits, or pieces of clothing."""

from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Int, UInt8
from pydantic import Field

from bimt.messages import UserError, printable
from bimt.strict import StrictModel
from bimt.tasks.base import Scaling, Split, Task
from bimt.tasks.idx import read_idx

SETTINGS: dict[str, Any] = {
    "net": {"hidden": [100, 100], "geometry": {"in": "grid", "hidden": "grid", "out": "ring"}},
    "steps": 40_000,
    "learning_rate": 1e-3,
    "batch": 100,
    "log_every": 500,
    "cost": {
        "strength": [[0.0, 0.01], [0.25, 0.1], [0.5, 1.0]],
        "distance_scale": 2.0,
        "offset": 0.5,
        "reduce": "mean",
        "bias_from": 0.0,
        "last_link_distance": False,
    },
    "swaps": {"every": 500, "top_k": 30, "pinned": ["in"], "method": "assignment"},
}
"""What was published and differs from the defaults of TrainConfig, but for the method of swaps (published: pairs).

Pinned pixels tell every neuron where it belongs: proposals for a thousand neurons take long and hardly ever win. See
docs/swaps.md.
"""

_DIGITS = tuple(str(digit) for digit in range(10))
_CLOTHES = ("T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")


class _Source(NamedTuple):
    """One collection of pictures."""

    classes: tuple[str, ...]
    openml: str
    """Its name at openml.org, version 1; empty where it is part of scikit-learn."""
    trained: int
    """Rows of the training split there, which come first."""
    levels: int
    """The brightness of white."""


_SOURCES = {
    "digits": _Source(_DIGITS, "", 0, 16),
    "mnist": _Source(_DIGITS, "mnist_784", 60_000, 255),
    "fashion": _Source(_CLOTHES, "Fashion-MNIST", 60_000, 255),
}


class _Pictures(NamedTuple):
    """Pictures with the number of the class of each."""

    images: UInt8[np.ndarray, "count rows columns"]
    labels: Int[np.ndarray, " count"]

    def some(self, chosen: np.ndarray) -> "_Pictures":
        return _Pictures(self.images[chosen], self.labels[chosen])


class ImagesTask(StrictModel):
    """Classifies square grey pictures by the squared error to one-hot targets (arXiv:2305.08746, section 3.5)."""

    name: Literal["images"]
    data: Literal["digits", "mnist", "fashion"] = "digits"
    """scikit-learn's digits (1,797 of 8 x 8, always there), MNIST or Fashion-MNIST (28 x 28)."""
    data_dir: str | None = None
    """Folder with the four IDX files of MNIST or Fashion-MNIST, gzipped or not; None fetches them from openml.org."""
    rows: int | None = Field(default=None, ge=10)
    """How many training rows to use, drawn at random; None uses all."""
    test_rows: int | None = Field(default=None, ge=10)
    """The same of the test rows."""
    test_fraction: float = Field(default=0.2, gt=0, lt=1)
    """Digits only, which come unsplit: share of the rows kept apart for testing."""
    split_seed: int = Field(default=0, ge=0, lt=2**32)
    """Seed of the split, and of the rows drawn."""

    def load(self) -> Task:
        """Reads the pictures; brightness becomes a number between 0 and 1.

        Raises:
            UserError: If there are no such files, they are not what they should be, or nothing can be fetched.
        """
        source = _SOURCES[self.data]
        random = np.random.RandomState(self.split_seed)
        if self.data == "digits":
            train, test = self._digits(random)
        elif self.data_dir is None:
            train, test = _fetch(source)
        else:
            train, test = (_read_pair(Path(self.data_dir), prefix) for prefix in ("train", "t10k"))
        if train.images.shape[1:] != test.images.shape[1:]:
            sizes = [" x ".join(map(str, part.images.shape[1:])) for part in (train, test)]
            raise UserError(f"training and test images must have one size, got {sizes[0]} and {sizes[1]}")
        inputs = pixel_names(*train.images.shape[1:])
        return Task(
            name=self.name,
            kind="classification",
            inputs=inputs,
            outputs=source.classes,
            train=_split(_drawn(train, self.rows, random), source),
            test=_split(_drawn(test, self.test_rows, random), source),
            scaling=Scaling.none(len(inputs), len(source.classes)),
            classes=source.classes,
            squared=True,
        )

    def _digits(self, random: np.random.RandomState) -> tuple[_Pictures, _Pictures]:
        from sklearn.datasets import load_digits

        if self.data_dir is not None:
            raise UserError("task.data_dir belongs to MNIST and Fashion-MNIST: say which with --data mnist or fashion")
        found = load_digits()
        pictures = _Pictures(found.images.astype(np.uint8), found.target.astype(np.int64))
        order = random.permutation(len(pictures.labels))
        tested = min(max(round(len(order) * self.test_fraction), 10), len(order) - 10)
        return pictures.some(np.sort(order[tested:])), pictures.some(np.sort(order[:tested]))


def pixel_names(rows: int, columns: int) -> tuple[str, ...]:
    """Names the pixels row by row from the top left.

    Example:
        >>> pixel_names(2, 2)
        ('pixel 0,0', 'pixel 0,1', 'pixel 1,0', 'pixel 1,1')
    """
    return tuple(f"pixel {row},{column}" for row in range(rows) for column in range(columns))


def _split(pictures: _Pictures, source: _Source) -> Split:
    """Turns bytes into numbers between 0 and 1, float32: as exact as bytes are, and half the memory of float64."""
    images = torch.from_numpy(pictures.images.reshape(len(pictures.labels), -1).copy())
    return Split(images.float().div_(source.levels), torch.from_numpy(pictures.labels.astype(np.int64)))


def _drawn(pictures: _Pictures, rows: int | None, random: np.random.RandomState) -> _Pictures:
    count = len(pictures.labels)
    if rows is None or rows >= count:
        return pictures
    return pictures.some(np.sort(random.permutation(count)[:rows]))


def _read_pair(folder: Path, prefix: str) -> _Pictures:
    """Reads images and their labels, and refuses those that do not belong together."""
    image_file, label_file = (_find(folder, f"{prefix}-{kind}") for kind in ("images-idx3-ubyte", "labels-idx1-ubyte"))
    images, labels = read_idx(image_file, dims=3), read_idx(label_file, dims=1)
    if len(images) != len(labels):
        raise UserError(
            f"{printable(image_file)} holds {len(images):,} images, but {label_file.name} {len(labels):,} labels; "
            "they must belong together"
        )
    if labels.max() > 9:
        first = int(np.argmax(labels > 9))
        raise UserError(f"label {first + 1:,} in {printable(label_file)} must be 0 to 9, got {labels[first]}")
    if images.shape[1] != images.shape[2]:
        raise UserError(f"images must be square, got {images.shape[1]} x {images.shape[2]} in {printable(image_file)}")
    return _Pictures(images, labels.astype(np.int64))


def _find(folder: Path, name: str) -> Path:
    if not folder.is_dir():
        raise UserError(f"there is no folder {printable(folder)}; --data-dir must name the folder of the IDX files")
    spelled = [name, name.replace("-idx", ".idx")]
    for file in (folder / f"{spelling}{suffix}" for suffix in ("", ".gz") for spelling in spelled):
        if file.is_file():
            return file
    raise UserError(f"the folder {printable(folder)} must hold {name}, gzipped or not; it holds no such file")


def _fetch(source: _Source) -> tuple[_Pictures, _Pictures]:
    """Fetches pictures through scikit-learn, which keeps them in its own cache."""
    from sklearn.datasets import fetch_openml

    try:
        found = fetch_openml(source.openml, version=1, as_frame=False, parser="pandas", n_retries=1)
    except (OSError, ValueError) as error:
        raise UserError(
            f"{source.openml} cannot be fetched from openml.org ({printable(error, limit=100)}); "
            "give the folder of its IDX files with --data-dir, or take --data digits"
        ) from error
    side = round(found.data.shape[1] ** 0.5)
    images = np.asarray(found.data).astype(np.uint8).reshape(-1, side, side)
    whole = _Pictures(images, np.asarray(found.target).astype(np.int64))
    train, test = (whole.some(part) for part in np.split(np.arange(len(images)), [source.trained]))
    return train, test
