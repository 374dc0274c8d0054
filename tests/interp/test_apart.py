import os
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
