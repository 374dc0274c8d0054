"""What a worker process does: it takes blocks from a pipe until nobody holds the other end any more."""

import os
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue

import torch

from bimt.messages import UserError, printable
from bimt.sweep.blocks import Block, Work
from bimt.train import Interrupted, Moment


@dataclass(frozen=True)
class Order:
    """A block to be done, and how."""

    work: Work
    block: Block


class Stop:
    """The wish that the worker saves and stops."""


@dataclass(frozen=True)
class Result:
    """What became of a block."""

    failure: str = ""
    """Why it cannot be done; empty where it is done."""
    is_halted: bool = False
    """Whether it was left because of a `Stop`."""


def serve(connection: Connection) -> None:
    """Does the orders that come in, one after the other, answering with moments and then a result.

    A process whose sweep is gone, however it ended, ends at once: its block is somebody else's then.
    """
    orders: SimpleQueue[Order] = SimpleQueue()
    asked = threading.Event()
    threading.Thread(target=_listen, args=(connection, orders, asked), daemon=True).start()
    while True:
        order = orders.get()
        connection.send(attempt(order.work, order.block, watch=connection.send, should_stop=asked.is_set))


def attempt(work: Work, block: Block, *, watch: Callable[[Moment], None], should_stop: Callable[[], bool]) -> Result:
    """Does a block; whatever is raised becomes a reason in one line.

    Torch has one thread outside training, too: the last bits of what is measured depend on their number.
    """
    torch.set_num_threads(1)
    try:
        work(block, watch=watch, should_stop=should_stop)
    except Interrupted:
        return Result(is_halted=True)
    except UserError as error:
        return Result(failure=printable(error, limit=500))
    except Exception as error:  # noqa: BLE001  the other blocks are to be done; the reason is told at the end
        return Result(failure=_reason(error))
    return Result()


def _listen(connection: Connection, orders: SimpleQueue[Order], asked: threading.Event) -> None:
    while True:
        try:
            message = connection.recv()
        except (EOFError, OSError):
            os._exit(0)
        if isinstance(message, Stop):
            asked.set()
        else:
            orders.put(message)


def _reason(error: Exception) -> str:
    """Names an error that nobody expected, and where it comes from."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return printable(f"{type(error).__name__}: {error}{where}", limit=500)
