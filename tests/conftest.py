"""What tests of whole runs share."""

import gc
import os

# There is a worker for every core: numpy's own threads would only wait for each other, and that takes processor time.
# Read when numpy is loaded, so set before; whatever is started inherits it.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import pytest
import torch

from tests import checked

checked.install()

from bimt.steps import PlainSteps  # noqa: E402 - what is imported before has no checks

checked.check_first_steps(PlainSteps, count=10)


def pytest_collection_finish():
    """What all tests have in common stays: to look for garbage among a million objects of libraries takes time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def one_thread():
    """Bits depend on the number of threads, and so does the time that small nets take on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def unchecked():
    """Runs without checks of shapes, which make a training step many times slower."""
    with checked.unchecked():
        yield
