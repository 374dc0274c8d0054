import numpy as np
import pandas as pd
import pytest
import sympy

from benchmarks.feynman import LAWS
from benchmarks.formulas import draw, is_recovered


def test_there_are_thirty_laws():
    assert len({law.name for law in LAWS}) == len(LAWS) == 30


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_a_law_has_its_variables_and_is_defined_on_its_ranges(law):
    assert law.expr.free_symbols == set(law.symbols)
    assert 2 <= len(law.symbols) <= 5
    columns = law.draw(5_000, seed=0)
    for column, (low, high) in zip(columns, law.ranges.values(), strict=True):
        assert low <= column.min() < column.max() <= high
    assert np.isfinite(law.values(columns)).all()
    assert np.ptp(law.values(columns)) > 0


def test_noise_is_a_share_of_the_root_mean_square():
    law = LAWS[4]
    clean, noisy = (draw(law, noise=noise) for noise in (0.0, 0.01))
    pd.testing.assert_frame_equal(clean.drop(columns="y"), noisy.drop(columns="y"))
    size = np.sqrt(np.mean(clean.y**2))
    assert np.std(noisy.y - clean.y) == pytest.approx(0.01 * size, rel=0.1)


def test_a_factor_or_a_constant_is_forgiven_and_nothing_else():
    x, y = sympy.symbols("x y", positive=True)
    truth = x * sympy.sin(y) / 2
    assert is_recovered(3.7 * x * sympy.sin(y), truth)
    assert is_recovered(truth + 5, truth)
    assert is_recovered((x + y) ** 2, x**2 + 2 * x * y + y**2)
    assert not is_recovered(x * sympy.sin(1.01 * y), truth)
    assert not is_recovered(x * y, truth)
    assert not is_recovered(sympy.Integer(0), truth)
