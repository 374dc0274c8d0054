"""What tests of whole runs share."""

import jaxtyping
import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread():
    """Bits depend on the number of threads, and so does the time that small nets take on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def unchecked():
    """Runs without checks of shapes, which make a training step thirty times slower."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
