"""The adjusted Rand index against scikit-learn's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from interp.rand_index import adjusted_rand

groups = st.integers(0, 4)


@given(st.lists(st.tuples(groups, groups), max_size=30))
def test_it_is_scikit_learns(pairs):
    one, other = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    assert adjusted_rand(one, other) == pytest.approx(adjusted_rand_score(one, other), abs=1e-12)


def test_partitions_must_be_of_the_same_things():
    with pytest.raises(ValueError, match="must group as many things as `one`, 2, got 1"):
        adjusted_rand([0, 1], [0])
