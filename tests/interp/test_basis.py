"""Axes that are concepts, axes that are not, and what must not change the answer."""

import numpy as np
import pytest

from interp.basis import privileged_basis
from interp.readings import coset_concepts, coset_families
from interp.subgroups import find_subgroups
from tests.groups import group_named

GROUP = group_named("S4")
FAMILIES = coset_families(GROUP, find_subgroups(GROUP).chosen)
COSETS = coset_concepts(GROUP, FAMILIES)


def test_axes_that_are_concepts_are_privileged_and_rotated_ones_are_not():
    random = np.random.default_rng(8)
    apart = [which for which, each in enumerate(FAMILIES) if each.subgroup.order == 6 and each.side == "left"][:3]
    values = np.stack([np.isin(np.arange(24), FAMILIES[which].classes[0]) for which in apart], axis=1).astype(float)
    concepts = [COSETS[which] for which in apart]
    found = privileged_basis(values, concepts, generator=random)
    assert found.score == pytest.approx(1.0)
    assert found.p < 0.01
    assert found.rotated < 0.95
    assert [each.axis for each in found.alignments] == [0, 1, 2]
    rotation = np.linalg.qr(random.normal(size=(3, 3)))[0]
    turned = privileged_basis(values @ rotation, concepts, generator=random)
    assert turned.score < 0.97
    assert turned.p > 0.01


def test_random_axes_are_not_privileged():
    random = np.random.default_rng(9)
    p = [privileged_basis(random.normal(size=(24, 6)), COSETS[:6], draws=99, generator=random).p for _ in range(30)]
    assert sum(each <= 0.1 for each in p) <= 7  # 3 in the long run


def test_order_scale_and_means_of_axes():
    random = np.random.default_rng(10)
    values = random.normal(size=(24, 4))
    one = privileged_basis(values, COSETS[:5], draws=9, generator=random)
    other = privileged_basis(-2 * values[:, ::-1] + 7, COSETS[:5], draws=9, generator=random)
    assert one.score == pytest.approx(other.score)
    assert [each.axis for each in one.alignments] == [3 - each.axis for each in other.alignments]


def test_a_single_axis_is_as_good_as_its_rotations():
    found = privileged_basis(np.arange(24.0)[:, None], COSETS, draws=9, generator=np.random.default_rng(0))
    assert found.p == 1.0
    assert found.score == pytest.approx(found.rotated)


def test_a_dead_axis_counts_nothing():
    values = np.stack([np.isin(np.arange(24), FAMILIES[0].classes[0]), np.zeros(24)], axis=1).astype(float)
    found = privileged_basis(values, COSETS, draws=9, generator=np.random.default_rng(0))
    assert found.score == pytest.approx(1.0)
    assert found.alignments[0].axis == 0


def test_a_privileged_basis_prints_and_becomes_json():
    found = privileged_basis(np.eye(24)[:, :2], COSETS[:2], draws=9, generator=np.random.default_rng(0))
    assert list(found.to_frame().index) == [each.name for each in COSETS[:2]]
    assert found.to_json()["alignments"][1]["concept"] == COSETS[1].name
    assert found.__rich__() is not None


def test_bad_input_is_refused():
    random = np.random.default_rng(0)
    with pytest.raises(ValueError, match="must have an axis and a concept, got 0 and"):
        privileged_basis(np.zeros((24, 0)), COSETS, generator=random)
    with pytest.raises(ValueError, match="must have an axis and a concept, got 2 and 0"):
        privileged_basis(np.zeros((24, 2)), (), generator=random)
    with pytest.raises(ValueError, match="`draws` must be at least 1, got 0"):
        privileged_basis(np.zeros((24, 2)), COSETS, draws=0, generator=random)
