"""Arrays come back from the page's text as they went in."""

import base64
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from reports.live.arrays import finite, packed, shades

SHAPES = arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=6)
FEW = st.sampled_from([0.0, 1.0, -1.5, 1 / 3, math.inf, -math.inf, math.nan])


def unpacked(text):
    """Reads what was packed, as scripts/arrays.js does."""
    stored = np.frombuffer(base64.b64decode(text["data"]), np.dtype(text["type"]).newbyteorder("<"))
    stored = stored.reshape(text["shape"])
    return unpacked(text["levels"])[stored] if "levels" in text else stored


def back(array):
    """There and back, by way of JSON."""
    return unpacked(json.loads(json.dumps(packed(array), allow_nan=False)))


@given(
    st.one_of(
        arrays.arrays(np.float64, SHAPES),
        arrays.arrays(np.float64, SHAPES, elements=st.floats(width=32)),
        arrays.arrays(np.float64, arrays.array_shapes(max_side=30), elements=FEW),
    )
)
def test_numbers_come_back_exactly(array):
    assert np.array_equal(back(array).astype(np.float64), array, equal_nan=True)
    assert back(array).shape == array.shape


@given(arrays.arrays(st.sampled_from([np.bool_, np.uint8, np.int8, np.uint16, np.int16, np.int32]), SHAPES))
def test_whole_numbers_come_back_in_no_larger_a_type(array):
    found = back(array)
    assert np.array_equal(found, array)
    assert found.dtype.itemsize <= array.dtype.itemsize


@pytest.mark.parametrize(
    ("array", "kind", "bits"),
    [
        (np.arange(4.0), "f4", 32),
        (np.full(100, 1 / 3), "u1", 8),
        (np.arange(300) / 7, "f8", 64),
        (np.arange(256), "u1", 8),
        (np.arange(-1, 100), "i1", 8),
        (np.arange(300), "u2", 16),
        (np.array([-300, 5]), "i2", 16),
        (np.array([70_000]), "i4", 32),
    ],
)
def test_the_smallest_type_is_taken(array, kind, bits):
    text = packed(array)
    assert text["type"] == kind
    assert 8 * len(base64.b64decode(text["data"])) == bits * array.size


def test_numbers_too_large_for_a_script_are_refused():
    with pytest.raises(ValueError, match="`numbers` must fit 32 bits where they are whole, got 0 to 4294967296"):
        packed(np.array([0, 2**32]))


LARGEST = st.floats(1e-30, 1e30)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=40), LARGEST)
def test_shades_keep_sign_zero_and_order(shares, largest):
    numbers = np.array(shares) * largest
    found = unpacked(shades(numbers, largest)).astype(int)
    assert np.array_equal(np.sign(found), np.sign(numbers))
    assert (np.diff(found[np.argsort(numbers)]) >= 0).all()
    assert (np.abs(np.sqrt(np.abs(numbers) / largest) * 127 - np.abs(found))[np.abs(found) > 1] <= 0.5 + 1e-9).all()


@pytest.mark.parametrize(("number", "written"), [(1.5, 1.5), (math.nan, None), (math.inf, None), (-math.inf, None)])
def test_single_numbers_are_json(number, written):
    assert finite(number) == written
