import numpy as np
import pytest

from benchmarks.formulas.feynman import LAWS
from benchmarks.formulas.sets import FRESH, ROWS, feynman_problem


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


def test_noise_is_a_share_of_the_root_mean_square_and_fresh_rows_have_none():
    law = LAWS[4]
    clean, noisy = (feynman_problem(law, noise=noise) for noise in (0.0, 0.01))
    assert clean.columns.shape == (2, ROWS)
    assert clean.fresh.shape == (2, FRESH)
    assert np.array_equal(clean.columns, noisy.columns)
    assert np.array_equal(clean.target, clean.columns[0] * clean.columns[1])
    size = np.sqrt(np.mean(clean.target**2))
    assert np.std(noisy.target - clean.target) == pytest.approx(0.01 * size, rel=0.1)
    assert np.array_equal(noisy.wanted, noisy.fresh[0] * noisy.fresh[1])
    assert not np.isin(noisy.fresh, noisy.columns).any()
