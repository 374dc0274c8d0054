"""Reads IDX files, the format of MNIST and its relatives: a few big-endian numbers, then one byte per value."""

import gzip
import io
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from bimt.messages import UserError, printable

MOST_BYTES = 2**27
"""The most values that one file may hold, twice the full MNIST; as numbers they take four to eight times that."""

_MAGIC = b"\x00\x00\x08"
"""Two zeros, then the type of the values: unsigned bytes. The number of dimensions follows."""


def read_idx(path: Path, *, dims: int) -> UInt8[np.ndarray, "..."]:
    """Reads a file of unsigned bytes, gzipped if its name ends in .gz.

    Args:
        path: The file.
        dims: How many dimensions its values must have: 3 for images (count, rows, columns), 1 for labels.

    Returns:
        The values, shaped as the file says.

    Raises:
        UserError: If it cannot be read, is no such file, is shorter or longer than it says, empty, or larger than
            `MOST_BYTES`; nothing beyond that is ever unpacked.
    """
    shown = printable(path)
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as stream:
            shape = _read_shape(stream, shown, dims)
            size = math.prod(shape)
            content = stream.read(size + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"{shown} is damaged: it cannot be unpacked ({error}); fetch it again") from error
    except OSError as error:
        raise UserError(f"{shown} cannot be read: {error.strerror or error}") from error
    if len(content) != size:
        found = f"only {len(content):,}" if len(content) < size else "more"
        raise UserError(f"{shown} says it holds {size:,} values, but holds {found}; fetch it again")
    return np.frombuffer(content, dtype=np.uint8).reshape(shape)


def _read_shape(stream: io.BufferedIOBase, shown: str, dims: int) -> tuple[int, ...]:
    """Returns the sizes that the head of a file announces, refusing what cannot be true."""
    expected = _MAGIC + bytes([dims])
    magic = stream.read(4)
    if magic != expected:
        raise UserError(
            f"{shown} must be an IDX file of bytes in {dims} dimension{'s' if dims > 1 else ''}: "
            f"it must start with {expected.hex(' ')}, got {magic.hex(' ') or 'nothing'}"
        )
    sizes = stream.read(4 * dims)
    if len(sizes) < 4 * dims:
        raise UserError(f"{shown} ends before it says how large it is; fetch it again")
    shape = struct.unpack(f">{dims}I", sizes)
    if 0 in shape:
        raise UserError(f"{shown} must hold something, but says its size is {_times(shape)}")
    if math.prod(shape) > MOST_BYTES:
        raise UserError(f"{shown} must hold at most {MOST_BYTES:,} values, but says it holds {_times(shape)}")
    return shape


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(f"{size:,}" for size in shape)
