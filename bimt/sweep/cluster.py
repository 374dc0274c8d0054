"""Workers that are those of a Dask cluster: the package distributed is imported only here."""

import json
import logging
import os
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from bimt.cores import CORES, available_cores
from bimt.messages import UserError, printable
from bimt.sweep.blocks import Block, Work
from bimt.sweep.engine import Begun, Ended, Event, Halted, Reached
from bimt.sweep.worker import Result, attempt
from bimt.train import Moment

if TYPE_CHECKING:
    from distributed import Client, Future

LOCAL = "local"
"""The address that stands for a cluster of this machine's own."""
_SECONDS = 10
"""So long the scheduler, and then a first worker, have to answer."""
_POLL = 0.5
"""Seconds between two questions whether to stop, here and in a worker."""


@contextmanager
def connected(work: Work, *, address: str | None, file: Path | None, workers: int | None = None) -> Iterator["Cluster"]:
    """Lends a cluster: by the address of its scheduler, or by the file that the scheduler has written.

    Args:
        work: What is done with a block.
        address: Such as tcp://host:8786; `LOCAL` starts a cluster on this machine.
        file: Where there is no address.
        workers: How many processes a cluster on this machine has; None takes one for every core.

    Raises:
        UserError: If distributed is not installed, the file cannot be read, or nobody answers.
    """
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise UserError("a Dask cluster takes the package distributed: pip install 'bimt-toolkit[cluster]'") from None
    with _silence(), ExitStack() as stack:
        if address == LOCAL:
            count = available_cores() if workers is None else workers
            local = LocalCluster(n_workers=count, threads_per_worker=1, dashboard_address=None)
            address = stack.enter_context(local).scheduler_address
        where = printable(address if file is None else _address_in(file))
        try:
            client = stack.enter_context(Client(address=where, timeout=_SECONDS, set_as_default=False))
        except (OSError, ValueError) as error:
            raise UserError(
                f"no Dask scheduler answers at {where} within {_SECONDS} seconds; start one with: dask scheduler"
            ) from error
        try:
            client.wait_for_workers(1, timeout=_SECONDS)
        except TimeoutError:
            raise UserError(
                f"the Dask scheduler at {where} has no worker; start some with: dask worker {where} --nthreads 1"
            ) from None
        yield Cluster(client, work, where)


@contextmanager
def _silence() -> Iterator[None]:
    """Keeps its log off the terminal: that a worker or the scheduler was lost is told as an event or an error."""
    names = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == "distributed"]
    before = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


def _address_in(file: Path) -> str:
    """Reads the address that a scheduler has written down."""
    try:
        address = json.loads(file.read_bytes())["address"]
    except FileNotFoundError:
        raise UserError(
            f"there is no scheduler file {printable(file)}; write one with: dask scheduler --scheduler-file FILE"
        ) from None
    except (ValueError, KeyError, TypeError, RecursionError):
        address = None
    if not isinstance(address, str):
        raise UserError(f"{printable(file)} must be the file that a Dask scheduler wrote, with its address")
    return address


class Cluster:
    """The engine of many machines that share the folder of the sweep; Dask begins a block again if its worker dies."""

    def __init__(self, client: "Client", work: Work, where: str) -> None:
        """Takes a connected client."""
        self._client, self._work, self._where = client, work, where
        self._workers: dict[str, int] = {}

    @property
    def workers(self) -> int:
        """How many there are just now."""
        return len(self._client.scheduler_info(n_workers=-1)["workers"])

    def run(self, blocks: Sequence[Block], *, should_stop: Callable[[], bool]) -> Iterator[Event]:
        """Does every block; as in `Engine`."""
        from distributed import Event as Flag

        topic = f"bimt-sweep-{uuid.uuid4().hex}"
        heard: SimpleQueue[Future | dict[str, Any]] = SimpleQueue()
        flag = Flag(topic, client=self._client)
        flag.clear()
        self._client.subscribe_topic(topic, lambda event: heard.put(event[1]))
        waiting = {f"{topic}-{rank}": block for rank, block in enumerate(blocks)}
        futures = [
            self._client.submit(_attempt, self._work, block, topic, key=key, pure=False)
            for key, block in waiting.items()
        ]
        for future in futures:
            future.add_done_callback(heard.put)
        is_stopping = False
        try:
            while waiting:
                if not is_stopping and should_stop():
                    is_stopping = True
                    flag.set()
                try:
                    message = heard.get(timeout=_POLL)
                except Empty:
                    self._refuse_to_wait_for_nobody()
                    continue
                event = self._event(message, waiting)
                if event is not None:
                    yield event
        finally:
            if self._client.status == "running":
                flag.set()
                self._client.cancel(futures)
                self._client.unsubscribe_topic(topic)

    def _event(self, message: Any, waiting: dict[str, Block]) -> Event | None:
        """Says what a message of a worker, or the end of a future, means; None if its block is over already."""
        is_news = isinstance(message, dict)
        key = message["key"] if is_news else message.key
        block = waiting.get(key)
        if block is None:
            return None
        if is_news:
            moment, rank = message["moment"], self._rank(message["worker"])
            return Begun(rank, block) if moment is None else Reached(rank, block, _moment(moment))
        if message.status not in ("finished", "error"):
            self._refuse_to_wait_for_nobody(is_lost=True)
        del waiting[key]
        if message.status == "error":
            return Ended(0, block, f"its workers died: {printable(message.exception(), limit=400)}")
        worker, result = message.result()
        rank = self._rank(worker)
        return Halted(rank, block) if result.is_halted else Ended(rank, block, result.failure)

    def _rank(self, address: str) -> int:
        """Counts the workers in the order in which they are first heard of."""
        return self._workers.setdefault(address, len(self._workers))

    def _refuse_to_wait_for_nobody(self, *, is_lost: bool = False) -> None:
        if is_lost or self._client.status != "running":
            raise UserError(
                f"the Dask scheduler at {self._where} is gone; what is finished is kept: start one, then --resume"
            )


def _moment(told: dict[str, Any]) -> Moment:
    return Moment(**{**told, "latest": tuple(told["latest"]), "news": tuple(told["news"])})


def _attempt(work: Work, block: Block, topic: str) -> tuple[str, Result]:
    """Does a block on a worker of Dask, telling the sweep's process how it gets on.

    Unless somebody has said how many cores the worker's process may use, they are as many as its threads.
    """
    from distributed import Event as Flag
    from distributed import get_worker

    worker = get_worker()
    os.environ.setdefault(CORES, str(worker.state.nthreads))
    key = worker.get_current_task()
    asked = _Asked(Flag(topic))
    if asked():
        return worker.address, Result(is_halted=True)

    def tell(moment: Moment | None) -> None:
        told = None if moment is None else {**asdict(moment), "latest": list(moment.latest), "news": list(moment.news)}
        worker.log_event(topic, {"worker": worker.address, "key": key, "moment": told})

    tell(None)
    return worker.address, attempt(work, block, watch=tell, should_stop=asked)


class _Asked:
    """Asks the scheduler now and then whether to stop; a scheduler that is gone has nobody waiting for the result."""

    def __init__(self, flag: Any) -> None:
        self._flag, self._last = flag, 0.0

    def __call__(self) -> bool:
        now = time.monotonic()
        if now - self._last < _POLL:
            return False
        self._last = now
        try:
            return bool(self._flag.is_set())
        except (OSError, TimeoutError):
            return True
