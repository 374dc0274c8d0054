"""How many cores a process takes."""

import os

import pytest

from bimt import cores
from bimt.cores import available_cores
from bimt.messages import UserError


@pytest.mark.parametrize(("given", "expected"), [(None, 3), ("", 3), ("1", 1), ("2", 2), ("64", 3)])
def test_a_share_is_at_most_what_there_is(monkeypatch, given, expected):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2})
    monkeypatch.delenv(cores.CORES, raising=False)
    if given is not None:
        monkeypatch.setenv(cores.CORES, given)
    assert available_cores() == expected


@pytest.mark.parametrize("given", ["0", "-1", "many", "1.5"])
def test_a_share_that_is_no_number_of_cores_is_refused(monkeypatch, given):
    monkeypatch.setenv(cores.CORES, given)
    with pytest.raises(UserError, match=f"BIMT_CORES must be a whole number of at least 1, got {given}"):
        available_cores()
