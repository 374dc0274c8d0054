"""Packed numbers come back bit for bit, and what cannot be packed is left alone."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bimt.packing import pack, unpack


@given(
    st.lists(st.integers(0, 255), max_size=20),
    st.sampled_from([255, 16, 10, 1]),
    st.sampled_from([torch.float32, torch.float64]),
)
def test_every_bit_comes_back(numbers, levels, dtype):
    tensor = torch.tensor(numbers, dtype=dtype) / levels
    packed = pack({"x": tensor, "y": torch.arange(3)})
    back = unpack(packed)
    assert torch.equal(back["x"], tensor)
    assert back["x"].dtype == dtype
    assert back["y"].tolist() == [0, 1, 2]
    if numbers and levels in (255, 16):
        assert "x" not in packed
        assert all(part.dtype != dtype for part in packed.values())


@pytest.mark.parametrize("numbers", [[0.1], [-1.0], [-0.0], [256.0], [float("nan")], [float("inf")], [1e-30], []])
def test_other_numbers_are_left_alone(numbers):
    tensor = torch.tensor(numbers, dtype=torch.float64)
    packed = pack({"x": tensor})
    assert packed["x"] is tensor


@pytest.mark.parametrize("name", ["x/255", "x/255/int8", "x/-1/float32", "x/1/float32/y"])
def test_names_that_make_no_sense_are_refused(name):
    with pytest.raises(ValueError, match=r"packed|unpack"):
        unpack({name: torch.zeros(1, dtype=torch.uint8)})
