"""A block: some seeds of one cell, trained side by side into a checkpoint folder of their own."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from bimt.checkpoint import Checkpoint
from bimt.config import TrainConfig
from bimt.messages import UserError, printable
from bimt.train import Moment, train

_PATIENCE = 30.0
"""Seconds that a worker waits for one that was cut off to let go of the folder."""


@dataclass(frozen=True)
class Block:
    """What one worker does in one go."""

    cell: str
    """The cell's name."""
    config: TrainConfig
    """The cell's, with the seeds of the block."""
    folder: Path
    """Where its checkpoint lies; absolute."""
    fourier: bool = True
    """Whether nets that add two numbers are judged as well: clock or pizza."""

    @property
    def name(self) -> str:
        """The cell and the seeds: different for different blocks."""
        return f"{self.cell}/{self.folder.name}"


@runtime_checkable
class Work(Protocol):
    """What is done with a block; a function of some module, so that it can be named to another process.

    It must be safe to do it again after it was cut off, or done.
    """

    def __call__(self, block: Block, *, watch: Callable[[Moment], None], should_stop: Callable[[], bool]) -> object:
        """Does it, raising `Interrupted` if it was asked to stop before it was done."""


def train_block(block: Block, *, watch: Callable[[Moment], None], should_stop: Callable[[], bool]) -> Checkpoint:
    """Trains a block, or goes on with it, and returns the finished checkpoint.

    Raises:
        UserError: If every seed stopped, or the folder cannot be used.
        Interrupted: If `should_stop` said so.
    """
    with _alone_in(block.folder):
        return train(block.config, out=block.folder, resume=True, watch=watch, should_stop=should_stop)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keeps other processes out of a folder: one whose sweep was killed may need a moment to notice."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        begun = time.monotonic()
        while not _locked(handle):
            if time.monotonic() - begun > _PATIENCE:
                raise UserError(f"another process is training in {printable(folder)}; end it, then --resume")
            time.sleep(0.1)
        yield
    finally:
        os.close(handle)


def _locked(handle: int) -> bool:
    """Takes the lock if nobody has it; a file system without locks is taken at its word."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
