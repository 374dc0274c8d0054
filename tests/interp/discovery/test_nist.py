"""Certified fits of the Statistical Reference Datasets (NIST/ITL StRD, nonlinear regression)."""

import os
import re
from pathlib import Path

import numpy as np
import pytest

from interp.discovery.constants import refitted
from interp.discovery.rational import ratios
from interp.discovery.search import search
from tests.interp.discovery.test_graded import grown, squares, whole

pytestmark = pytest.mark.usefixtures("unchecked")  # of shapes: the search calls small functions by the thousand

_FOLDER = Path(os.environ.get("BIMT_NIST", Path(__file__).parents[4] / "shared" / "data" / "nist"))
pytestmark = pytest.mark.skipif(
    not _FOLDER.is_dir(), reason=f"the data of NIST are not at {_FOLDER} (BIMT_NIST names another folder)"
)


def read(name):
    """Columns, target, certified residual sum of squares and number of parameters."""
    text = (_FOLDER / f"{name}.dat").read_text(encoding="ascii")
    first, last = map(int, re.search(r"Data\s+\(lines\s+(\d+)\s+to\s+(\d+)\)", text).groups())
    rows = np.array([line.split() for line in text.splitlines()[first - 1 : last]], dtype=float)
    certified = float(re.search(r"Residual Sum of Squares:\s+(\S+)", text).group(1))
    return rows[:, 1:].T.copy(), rows[:, 0].copy(), certified, int(re.search(r"(\d+) Parameters", text).group(1))


def test_fourteen_rows_are_enough_for_two_constants(monkeypatch):
    """Four certified models of one table: the formula must be as close as each."""
    monkeypatch.setattr("interp.discovery.search._POLISHED", 3)
    columns, target, *_ = read("Misra1a")
    best = search(columns, target, seconds=60.0, sizes=(100, 600))[0]
    for name in ("Misra1a", "Misra1b", "Misra1c", "Misra1d"):
        same, values, certified, count = read(name)
        np.testing.assert_array_equal([*same, values], [*columns, target])
        assert squares(best.term, columns, target) <= 1.02 * certified
        assert len(best.term.free_numbers) <= count


@pytest.mark.parametrize("name", ["Chwirut2", "Eckerle4"])
def test_fits_from_the_grid_are_as_close_as_the_certified_ones(name):
    columns, target, certified, count = read(name)
    found = [term for term in grown(columns, target) if len(term.free_numbers) <= count + 1]
    assert squares(found[0], columns, target) <= 1.02 * certified


def test_a_ratio_of_polynomials_is_as_close_as_the_certified_one():
    columns, target, certified, count = read("Kirby2")
    found = (refitted(term, columns, target) for term in ratios(columns, target, groups=whole(columns)))
    assert min(squares(one, columns, target) for one in found if len(one.free_numbers) <= count) <= 1.02 * certified
