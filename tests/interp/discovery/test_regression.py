import itertools

import numpy as np
import pytest

from interp.discovery.regression import best_sums
from interp.discovery.term_library import log_library, plain_library
from interp.discovery.terms import evaluate


def some_library(*, terms=40, rows=60, seed=0):
    return np.random.default_rng(seed).standard_normal((terms, rows))


def left(library, terms, target, always, weights):
    """What least squares leave of a target beyond what is always there, term by term."""

    def squares(rows):
        errors = target * weights - (solution := np.linalg.lstsq((rows * weights).T, target * weights)[0]) @ (
            rows * weights
        )
        assert len(solution) == len(rows)
        return errors @ errors

    return squares(np.concatenate([always, library[list(terms)]])) / squares(always)


@pytest.mark.parametrize("seed", range(3))
def test_all_pairs_are_judged_as_least_squares_do(seed):
    library = some_library(seed=seed)
    random = np.random.default_rng(seed + 100)
    target, weights, always = random.standard_normal(60), random.uniform(0.5, 2, 60), np.ones((1, 60))
    levels = best_sums(library, target, always=always, weights=weights, longest=2, keep=20, paired=40)
    pairs = {pair: left(library, pair, target, always, weights) for pair in itertools.combinations(range(40), 2)}
    best = sorted(pairs, key=pairs.get)
    assert [fit.terms for fit in levels[2][:5]] == best[:5]
    for fit in levels[2]:
        assert fit.left == pytest.approx(pairs[fit.terms], rel=1e-9)
    for fit in levels[1]:
        assert fit.left == pytest.approx(left(library, fit.terms, target, always, weights), rel=1e-9)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_a_planted_sum_is_found(count):
    library = some_library(terms=300, seed=3)
    planted = tuple(range(7, 7 + 60 * count, 60))
    target = 5 + np.array([1.0, -2.0, 0.5, 3.0])[:count] @ library[list(planted)]
    levels = best_sums(library, target, always=np.ones((1, 60)), weights=np.ones(60), longest=4, keep=60, paired=300)
    assert levels[count][0].terms == planted
    assert levels[count][0].left < 1e-20


def test_a_constant_needs_no_term():
    levels = best_sums(
        some_library(), np.full(60, 3.0), always=np.ones((1, 60)), weights=np.ones(60), longest=2, keep=5, paired=40
    )
    assert [[fit.terms for fit in fits] for fits in levels] == [[()]]


@pytest.mark.parametrize("make", [plain_library, log_library])
def test_a_library_is_finite_distinct_and_keeps_to_its_groups(make):
    columns = np.random.default_rng(0).uniform(1, 5, (4, 80))
    groups = [frozenset({0, 1}), frozenset({2, 3})]
    library = make(columns, groups=groups, most=400)
    assert len(library.terms) == 400
    assert np.isfinite(library.values).all()
    assert all(any(term.variables <= group for group in groups) for term in library.terms)
    correlations = np.abs(np.corrcoef(library.values))
    np.fill_diagonal(correlations, 0)
    assert correlations.max() < 1


def test_values_of_a_library_are_those_of_its_terms():
    columns = np.random.default_rng(0).uniform(-1, 1, (3, 80))
    library = plain_library(columns, groups=[frozenset(range(3))], most=1_000)
    for term, values in zip(library.terms, library.values, strict=True):
        np.testing.assert_allclose(values, evaluate(term, columns), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("variables", [1, 2, 5])
def test_a_library_of_many_variables_stays_small(variables):
    columns = np.random.default_rng(0).uniform(1, 2, (variables, 40))
    library = plain_library(columns, groups=[frozenset(range(variables))], most=500)
    assert 20 < len(library.terms) <= 500
