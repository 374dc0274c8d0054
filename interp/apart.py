"""Works something out in a process of its own, which is stopped when its time is up."""

import multiprocessing
import pickle
import signal
import sys
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, TypeVar

import torch

from bimt.messages import UserError

Result = TypeVar("Result")

_START = "fork" if sys.platform == "linux" else "spawn"
"""A fork costs milliseconds; elsewhere it is not safe, and the work has to be something that can be pickled."""
_LATE = 1.0
"""So many seconds after its time a process ends by itself."""


def apart(work: Callable[[], Result], *, seconds: float, what: str) -> Result:
    """Returns what some work gives, or stops it: sympy may think for hours, and no thread can be stopped.

    Args:
        work: Takes nothing; what it returns can be pickled.
        seconds: How long it may take.
        what: What to call it in messages.

    Raises:
        UserError: If the time is up, the process dies (memory, mostly), or the work raises a UserError.
        Exception: Whatever else the work raises, with its traceback as a note.
    """
    context: Any = multiprocessing.get_context(_START)
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(work, theirs, seconds + _LATE), daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(seconds):
            raise UserError(f"{what} took longer than {seconds:.3g} seconds and was stopped; give more with --seconds")
        result, error = ours.recv()
    except (EOFError, OSError) as ended:  # an OSError if it died in the middle of its answer
        process.join()
        raise UserError(
            f"{what} ended with status {process.exitcode} and no answer; if memory is short, prune further with a "
            "larger --tolerance"
        ) from ended
    finally:
        process.kill()
        process.join()
        ours.close()
    if error is not None:
        raise error
    found: Result = result
    return found


def _work(work: Callable[[], Any], answers: Connection, seconds: float) -> None:
    """Sends a result and None, or None and an error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    if hasattr(signal, "setitimer"):  # a parent that was killed stops nobody
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, seconds)
    torch.set_num_threads(1)  # threads do not survive a fork
    try:
        answer: tuple[Any, BaseException | None] = work(), None
    except Exception as error:  # noqa: BLE001 it is raised again by the parent
        if not isinstance(error, UserError):
            error.add_note(traceback.format_exc())
        answer = None, error if _travels(error) else RuntimeError(f"{type(error).__name__}: {error}")
    answers.send_bytes(pickle.dumps(answer))


def _travels(error: Exception) -> bool:
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 it is our own
    except Exception:  # noqa: BLE001 errors of other people's classes may fail in any way
        return False
    return True
