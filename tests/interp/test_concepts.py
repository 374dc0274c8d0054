"""Concepts against chance: known cases, random ones, and what must not change the answer."""

import numpy as np
import pytest

from interp.concepts import Fits, fit_concepts, holm, make_concept
from interp.readings import coset_concepts, coset_families
from interp.subgroups import find_subgroups
from tests.groups import group_named

GROUP = group_named("S4")
FAMILIES = coset_families(GROUP, find_subgroups(GROUP).chosen)
COSETS = coset_concepts(GROUP, FAMILIES)


def fitted(values, concepts=COSETS, *, draws=199) -> Fits:
    return fit_concepts(np.atleast_2d(values), concepts, draws=draws, generator=np.random.default_rng(0))


def test_the_share_is_the_variance_between_classes_over_the_variance():
    values = np.random.default_rng(1).normal(size=24)
    shares = fitted(values).shares[0]
    for family, share in zip(FAMILIES, shares, strict=True):
        means = np.array([values[members].mean() for members in family.classes])
        assert share == pytest.approx(means.var() / values.var())


@pytest.mark.parametrize("which", [0, 5, 20, 40])
def test_of_cosets_within_cosets_the_coarsest_are_found(which):
    family = FAMILIES[which]
    values = np.zeros(24)
    for level, members in zip(
        np.random.default_rng(which).normal(size=len(family.classes)), family.classes, strict=True
    ):
        values[members] = level
    (match,) = fitted(values + 1e-9 * np.random.default_rng(2).normal(size=24)).least_likely()
    assert match.concept == which
    assert match.share == pytest.approx(1.0)
    assert match.is_significant


def test_random_functions_are_hardly_ever_claimed():
    random = np.random.default_rng(3)
    nets = [fitted(random.normal(size=(8, 24))).least_likely() for _ in range(40)]
    assert sum(any(match.is_significant for match in matches) for matches in nets) <= 5  # 2 in the long run


def test_two_elements_of_24_are_no_coset():
    values = np.zeros((24, 24))
    values[np.arange(24), np.arange(24)] = values[:, 0] = 1.0
    matches = fitted(values[1:], draws=499).least_likely()
    assert max(match.share for match in matches) == pytest.approx(1.0)  # x and y are in one coset of <x^-1 y>
    assert not any(match.is_significant for match in matches)


def test_scale_shift_and_sign_do_not_matter():
    values = np.random.default_rng(4).normal(size=24)
    one, other = fitted(values), fitted(3 - 5 * values)
    assert np.abs(one.shares - other.shares).max() < 1e-12
    assert np.array_equal(one.p, other.p)


def test_a_constant_function_is_nothing():
    fits = fitted(np.full(24, 0.1))
    assert not fits.shares.any()
    assert fits.least_likely() == (None,)
    assert (fits.p == 1).all()


def test_without_concepts_there_is_no_match():
    assert fitted(np.arange(24.0), ()).largest() == (None,)
    assert fit_concepts(np.zeros((0, 24)), COSETS, generator=np.random.default_rng(0)).largest() == ()


def test_what_explains_everything_of_anything_is_no_claim():
    everything = make_concept("everything", np.eye(24))
    assert everything.rank == 23
    (match,) = fitted(np.random.default_rng(5).normal(size=24), [everything]).largest()
    assert (round(match.share, 9), match.p) == (1.0, 1.0)


def test_many_functions_get_enough_shuffles():
    family = FAMILIES[0]
    values = np.random.default_rng(6).normal(size=(60, 24))
    values[0] = np.isin(np.arange(24), family.classes[0])
    (match, *others) = fitted(values, draws=99).least_likely()
    assert match.is_significant
    assert sum(each.is_significant for each in others) <= 1


def test_too_few_draws_are_refused():
    with pytest.raises(ValueError, match="`draws` must be at least 99, got 98"):
        fitted(np.arange(24.0), draws=98)


def test_holm_is_monotone_and_bounded():
    p = np.random.default_rng(7).uniform(size=20)
    corrected = holm(p)
    assert (corrected >= p).all()
    assert (np.diff(corrected[p.argsort()]) >= 0).all()
    assert corrected.max() <= 1


def test_columns_that_depend_on_each_other_count_once():
    indicators = np.repeat(np.eye(3), 2, axis=0)
    concept = make_concept("thirds", np.concatenate([indicators, indicators], axis=1))
    assert (concept.rank, concept.functions.shape) == (2, (6, 2))
