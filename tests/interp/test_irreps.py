"""Irreps of groups whose irreps are known: dimensions, characters, names; and what holds for every group."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interp.irrep_names import cycle_type, partitions, symmetric_character
from interp.irreps import find_irreps, generators_of, real_classes
from tests.groups import from_table, group_named, relabelled

DIMENSIONS = {
    "S3": (1, 1, 2),
    "S4": (1, 1, 2, 3, 3),
    "A4": (1, 2, 3),
    "D2": (1, 1, 1, 1),
    "D4": (1, 1, 1, 1, 2),
    "D5": (1, 1, 2, 2),
    "C6": (1, 1, 2, 2),
    "C7": (1, 2, 2, 2),
    "Q8": (1, 1, 1, 1, 4),
    "C3xC3": (1, 2, 2, 2, 2),
    "S5": (1, 1, 4, 4, 5, 5, 6),
}
"""Of real irreps: conjugate pairs are one."""


@pytest.mark.parametrize("name", DIMENSIONS)
def test_irreps_are_complete_orthonormal_and_multiply(name):
    group = group_named(name)
    irreps = find_irreps(group)
    assert tuple(each.dimension for each in irreps) == DIMENSIONS[name]
    functions = np.concatenate([each.functions for each in irreps], axis=1)
    assert functions.shape == (len(group), len(group))
    assert np.abs(functions.T @ functions - np.eye(len(group))).max() < 1e-10
    for irrep in irreps:
        products = np.einsum("gij,hjk->ghik", irrep.matrices, irrep.matrices)
        assert np.abs(products - irrep.matrices[group.table]).max() < 1e-10
        turned = irrep.matrices @ irrep.matrices.transpose(0, 2, 1)
        assert np.abs(turned - np.eye(irrep.dimension)).max() < 1e-10
        entries = irrep.matrices.reshape(len(group), -1)
        assert np.abs(functions @ (functions.T @ entries) - entries).max() < 1e-10
        assert np.abs(irrep.functions @ (irrep.functions.T @ entries) - entries).max() < 1e-10
        assert irrep.functions.shape[1] * irrep.commutant == irrep.dimension**2


@pytest.mark.parametrize("name", DIMENSIONS)
def test_characters_are_class_functions_and_orthogonal(name):
    group = group_named(name)
    irreps = find_irreps(group)
    characters = np.stack([each.character for each in irreps])
    assert np.abs(characters - characters[:, real_classes(group)]).max() < 1e-10
    gram = characters @ characters.T / len(group)
    assert np.abs(gram - np.diag([each.commutant for each in irreps])).max() < 1e-10
    assert len(irreps) == len(np.unique(real_classes(group)))


def test_real_irreps_have_the_factor_of_the_definition():
    group = group_named("S4")
    for irrep in find_irreps(group):
        entries = (irrep.dimension / 24) ** 0.5 * irrep.matrices.reshape(24, -1)
        assert np.array_equal(irrep.functions, entries)


def test_kinds_are_told_apart():
    assert [each.commutant for each in find_irreps(group_named("Q8"))] == [1, 1, 1, 1, 4]
    assert [each.commutant for each in find_irreps(group_named("A4"))] == [1, 2, 1]
    assert [each.commutant for each in find_irreps(group_named("C6"))] == [1, 1, 2, 2]
    sign = find_irreps(group_named("S3"))[1]
    assert (sign.is_sign, sign.is_trivial) == (True, False)


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("S2", ["trivial", "sign"]),
        ("S3", ["trivial", "sign", "standard (2,1)"]),
        ("S4", ["trivial", "sign", "(2,2)", "standard (3,1)", "standard x sign (2,1,1)"]),
        ("A4", ["trivial", "dimension 2", "standard (3)"]),
        ("A5", ["trivial", "dimension 3 a", "dimension 3 b", "standard (4)", "dimension 5"]),
        ("D4", ["trivial", "sign of the flips", "sign a", "sign b", "frequency 1"]),
        ("D5", ["trivial", "sign of the flips", "frequency 1", "frequency 2"]),
        ("C6", ["trivial", "sign (frequency 3)", "frequency 1", "frequency 2"]),
        ("Q8", ["trivial", "sign of the flips", "sign a", "sign b", "dimension 4"]),
        ("C3xC3", ["trivial", "dimension 2 a", "dimension 2 b", "dimension 2 c", "dimension 2 d"]),
    ],
)
def test_names(name, names):
    assert [each.name for each in find_irreps(group_named(name))] == names


def test_the_standard_irrep_counts_fixed_points_and_the_sign_is_the_sign():
    group = group_named("S5")
    by_name = {each.name: each.character for each in find_irreps(group)}
    fixed = np.array([sum(at == image for at, image in enumerate(each)) for each in group.permutations])
    parity = np.array([(-1) ** (5 - len(cycle_type(each))) for each in group.permutations])
    assert np.abs(by_name["standard (4,1)"] - (fixed - 1)).max() < 1e-10
    assert np.abs(by_name["sign"] - parity).max() < 1e-10
    assert np.abs(by_name["standard x sign (2,1,1,1)"] - parity * (fixed - 1)).max() < 1e-10


def test_frequencies_turn_by_the_first_generator():
    for irrep in find_irreps(group_named("C7"))[1:]:
        frequency = int(irrep.name.rpartition(" ")[2])
        assert irrep.character[1] == pytest.approx(2 * np.cos(2 * np.pi * frequency / 7))


def test_characters_of_symmetric_groups_are_those_of_the_tables():
    cycles = [(1, 1, 1, 1), (2, 1, 1), (2, 2), (3, 1), (4,)]
    known = {
        (4,): [1, 1, 1, 1, 1],
        (3, 1): [3, 1, -1, 0, -1],
        (2, 2): [2, 0, 2, -1, 0],
        (2, 1, 1): [3, -1, -1, 0, 1],
        (1, 1, 1, 1): [1, -1, 1, 1, -1],
    }
    assert {each: [symmetric_character(each, cycle) for cycle in cycles] for each in partitions(4)} == known
    assert len(list(partitions(8))) == 22


@settings(max_examples=10, deadline=None)
@given(st.permutations(range(12)), st.integers(0, 99))
def test_energies_do_not_depend_on_the_order_of_elements_or_the_generator(order, seed):
    group, order = group_named("A4"), np.array(order)
    values = np.random.default_rng(seed).normal(size=12)
    other = find_irreps(relabelled(group, order), generator=np.random.default_rng(seed))
    for one, two in zip(find_irreps(group), other, strict=True):
        assert one.name == two.name
        assert np.square(one.functions.T @ values).sum() == pytest.approx(
            np.square(two.functions.T @ values[order]).sum()
        )


def test_a_few_elements_generate_the_group():
    assert len(generators_of(group_named("S5"))) <= 4
    assert generators_of(group_named("C7")) == (1,)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ([[0, 1]], "must be square, one row per element"),
        ([[0, 1], [1, 1]], "every element once in each row and column"),
        ([[0, 2, 1], [2, 1, 0], [1, 0, 2]], "an element that changes nothing"),
        (
            [[0, 1, 2, 3, 4], [1, 0, 3, 4, 2], [2, 4, 0, 1, 3], [3, 2, 4, 0, 1], [4, 3, 1, 2, 0]],
            r"associative, and \(a 1\) c is not a \(1 c\)",
        ),
    ],
)
def test_what_is_no_group_is_refused(table, message):
    with pytest.raises(ValueError, match=message):
        find_irreps(from_table(table))


def test_names_that_do_not_fit_are_refused():
    group = group_named("C7")
    with pytest.raises(ValueError, match="must fit the table's 7 elements, got 6 names"):
        type(group)("C7", group.elements[1:], group.table).check()


def test_inexact_matrices_are_refused(monkeypatch):
    monkeypatch.setattr("interp.irreps._EXACT", 0.0)
    with pytest.raises(ArithmeticError, match="an irrep of S4 is off by"):
        find_irreps(group_named("S4"))
