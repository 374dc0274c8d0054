import multiprocessing
import os
import signal
import time

import pytest

from bimt.messages import UserError
from interp.apart import apart


def endless():
    return 9**9**9


def sleeping():
    time.sleep(60)


def test_what_is_worked_out_comes_back():
    assert apart(lambda: {"answer": 42}, seconds=30.0, what="it") == {"answer": 42}


def test_it_is_another_process():
    assert apart(os.getpid, seconds=30.0, what="it") != os.getpid()


@pytest.mark.parametrize("work", [endless, sleeping])
def test_what_takes_too_long_is_stopped(work):
    start = time.monotonic()
    with pytest.raises(UserError, match=r"the work took longer than 0\.3 seconds and was stopped; give more with"):
        apart(work, seconds=0.3, what="the work")
    assert time.monotonic() - start < 5


def test_a_user_error_is_passed_on():
    def refuse():
        raise UserError("no")

    with pytest.raises(UserError, match=r"^no$"):
        apart(refuse, seconds=30.0, what="it")


def test_a_bug_is_passed_on_with_where_it_happened():
    def fail():
        raise KeyError("key")

    with pytest.raises(KeyError, match="key") as caught:
        apart(fail, seconds=30.0, what="it")
    assert "in fail" in caught.value.__notes__[0]


def test_an_error_that_cannot_be_sent_is_told():
    class OddError(Exception):
        """Of a class that nobody else can import."""

    def fail():
        raise OddError("here")

    with pytest.raises(RuntimeError, match="OddError: here"):
        apart(fail, seconds=30.0, what="it")


def test_a_process_that_dies_is_told():
    with pytest.raises(UserError, match="the work ended with status 9 and no answer"):
        apart(lambda: os._exit(9), seconds=30.0, what="the work")


def test_a_process_that_dies_while_it_answers_is_told(monkeypatch):
    def half(connection, answer):
        os.write(connection.fileno(), (1000).to_bytes(4, "big") + b"half")
        os._exit(9)

    monkeypatch.setattr("multiprocessing.connection.Connection.send_bytes", half)
    with pytest.raises(UserError, match="the work ended with status 9 and no answer"):
        apart(lambda: 42, seconds=30.0, what="the work")


def test_nothing_outlives_a_parent_that_is_killed():
    ours, theirs = multiprocessing.Pipe(duplex=False)

    def tell_and_stay():
        theirs.send(os.getpid())
        theirs.close()
        time.sleep(60)

    context = multiprocessing.get_context("fork")
    parent = context.Process(target=apart, args=(tell_and_stay,), kwargs={"seconds": 1.0, "what": "it"})
    parent.start()
    child = ours.recv()
    os.kill(parent.pid, signal.SIGKILL)
    parent.join()
    until = time.monotonic() + 20
    while _is_running(child) and time.monotonic() < until:
        time.sleep(0.1)
    assert not _is_running(child)


def _is_running(process):
    """Tells whether it is there; what has ended and waits for somebody to ask is not."""
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
