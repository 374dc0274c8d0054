"""What does the blocks of a sweep: anything that can tell, event by event, how its workers get on."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from bimt.sweep.blocks import Block
from bimt.train import Moment

ATTEMPTS = 3
"""So often a block is begun before it is given up, if its workers die of it."""


@dataclass(frozen=True)
class Begun:
    """A worker has begun a block."""

    worker: int
    """Counted from 0."""
    block: Block


@dataclass(frozen=True)
class Reached:
    """A worker has come so far."""

    worker: int
    block: Block
    moment: Moment


@dataclass(frozen=True)
class Lost:
    """A worker has died; its block is begun again."""

    worker: int
    block: Block
    reason: str


@dataclass(frozen=True)
class Ended:
    """A block is done, or given up."""

    worker: int
    block: Block
    failure: str = ""
    """Why it was given up; empty where it is done."""


@dataclass(frozen=True)
class Halted:
    """A worker was asked to stop, and has saved what it had reached."""

    worker: int
    block: Block


Event = Begun | Reached | Lost | Ended | Halted


@runtime_checkable
class Engine(Protocol):
    """Runs blocks, many at a time."""

    @property
    def workers(self) -> int:
        """How many; for the bars of the progress. Events may come from more, as a cluster grows."""
        ...

    def run(self, blocks: Sequence[Block], *, should_stop: Callable[[], bool]) -> Iterator[Event]:
        """Does every block once, in any order, whatever becomes of the others.

        Args:
            blocks: All different.
            should_stop: Asked a few times a second; True has the workers save and begin no other block.

        Yields:
            What happens, as it happens: one `Ended` or `Halted` for every block that was begun. Closing the iterator
            ends the workers.

        Raises:
            UserError: If the workers are out of reach.
        """
        ...


@dataclass(frozen=True)
class Failure:
    """A block that was given up."""

    block: Block
    reason: str


@dataclass(frozen=True)
class Outcome:
    """What became of the blocks."""

    finished: tuple[Block, ...]
    failures: tuple[Failure, ...]
    is_halted: bool
    """Whether some were not done because the sweep was asked to stop."""


def run_blocks(
    engine: Engine, blocks: Sequence[Block], *, watch: Callable[[Event], None], should_stop: Callable[[], bool]
) -> Outcome:
    """Does every block and says what became of each; `watch` is told every event."""
    finished, failures = [], []
    for event in engine.run(blocks, should_stop=should_stop):
        watch(event)
        if isinstance(event, Ended):
            if event.failure:
                failures.append(Failure(event.block, event.failure))
            else:
                finished.append(event.block)
    order = {block.name: rank for rank, block in enumerate(blocks)}
    return Outcome(
        finished=tuple(sorted(finished, key=lambda block: order[block.name])),
        failures=tuple(sorted(failures, key=lambda failure: order[failure.block.name])),
        is_halted=len(finished) + len(failures) < len(blocks),
    )
