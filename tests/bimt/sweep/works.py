"""What workers do in tests: training that is killed, raises or takes its time. Worker processes import it by name.

What only some need is imported there: a process is ready sooner.
"""

import os
import signal
import time

from bimt.config import make_config
from bimt.sweep.blocks import Block, train_block

TINY = ["net.hidden=[4]", "steps=60", "log_every=20", "save_every=20", "swaps.every=20", "task.rows=40"]


def block_at(folder, *, label=0, seeds=1, settings=()):
    """A tiny block."""
    config = make_config("crossing", settings=[*TINY, *settings], seeds=seeds, first_seed=label)
    return Block(cell=folder.parent.name, config=config, folder=folder)


def killed_in_the_middle(block, *, watch, should_stop):
    """Kills its own process at step 40 of the block with label 1, the first time."""
    from interp.sweep import train_and_measure

    mark = block.folder.parent / f"{block.folder.name}.killed"

    def watched(moment):
        watch(moment)
        if block.config.first_seed == 1 and moment.step == 40 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    train_and_measure(block, watch=watched, should_stop=should_stop)


def in_trouble(block, *, watch, should_stop):
    """Raises for label 0, kills its process for label 1, each time."""
    if block.config.first_seed == 0:
        raise ZeroDivisionError("no\nsuch luck")
    if block.config.first_seed == 1:
        print("about to die", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    train_block(block, watch=watch, should_stop=should_stop)


def slow(block, *, watch, should_stop):
    """Leaves its process's number beside the folder and takes half a second between logged steps."""
    from interp.sweep import train_and_measure

    block.folder.parent.mkdir(parents=True, exist_ok=True)
    (block.folder.parent / f"{os.getpid()}.pid").touch()

    def watched(moment):
        watch(moment)
        time.sleep(0.5)

    train_and_measure(block, watch=watched, should_stop=should_stop)
