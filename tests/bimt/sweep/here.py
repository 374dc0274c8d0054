"""A sweep's engine that starts no process: for what comes of the blocks, whoever does them."""

from bimt.sweep.engine import Begun, Ended, Halted, Reached
from bimt.sweep.worker import attempt


class Here:
    """Does one block after the other, as a worker process would."""

    workers = 1

    def __init__(self, work, *, workers=None):
        self._work = work

    def run(self, blocks, *, should_stop):
        for block in blocks:
            yield Begun(0, block)
            moments = []
            result = attempt(self._work, block, watch=moments.append, should_stop=should_stop)
            yield from (Reached(0, block, moment) for moment in moments)
            yield Halted(0, block) if result.is_halted else Ended(0, block, result.failure)
