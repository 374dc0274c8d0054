"""Tiny IDX files of our own, and where real ones may lie."""

import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest

from bimt.config import TrainConfig, make_config

ROOT = Path(__file__).parents[2]
_FOLDER = Path(os.environ.get("BIMT_MNIST", ROOT.parent / "shared" / "data" / "mnist"))
NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")

needs_mnist = pytest.mark.skipif(
    not _FOLDER.is_dir(), reason="there are no MNIST files: name their folder with BIMT_MNIST"
)
"""For tests of real digits."""
MNIST = str(_FOLDER)


def idx(array: np.ndarray, *, magic: bytes | None = None) -> bytes:
    """An IDX file of bytes."""
    head = bytes([0, 0, 8, array.ndim]) if magic is None else magic
    return head + struct.pack(f">{array.ndim}I", *array.shape) + array.astype(np.uint8).tobytes()


def write_idx(folder: Path, *, rows=(30, 20), side=4, zipped=True, **contents: bytes) -> dict[str, np.ndarray]:
    """Writes the four files of a data set that says which quarter of a picture is bright; `contents` replaces some.

    Returns the arrays by file name; the keys of `contents` are file names with _ for -.
    """
    folder.mkdir(exist_ok=True)
    random = np.random.RandomState(0)
    arrays = {}
    for name, count in zip(NAMES[::2], rows, strict=True):
        labels = np.arange(count) % 4
        images = random.randint(0, 60, (count, side, side))
        half = side // 2
        for image, label in zip(images, labels, strict=True):
            image[label // 2 * half :, label % 2 * half :][:half, :half] += 190
        arrays |= {name: images, name.replace("images-idx3", "labels-idx1"): labels}
    for name, array in arrays.items():
        content = contents.get(name.replace("-", "_"), idx(array))
        (folder / (f"{name}.gz" if zipped else name)).write_bytes(gzip.compress(content) if zipped else content)
    return arrays


def quick_config(*settings: str, seeds: int = 1) -> TrainConfig:
    """A short run on scikit-learn's digits."""
    usual = ["steps=600", "net.hidden=[25]", "learning_rate=0.005", "swaps.every=100", "log_every=300"]
    usual.append("cost.strength=0.1")
    return make_config("images", settings=[*usual, *settings], seeds=seeds)
