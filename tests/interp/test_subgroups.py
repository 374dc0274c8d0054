"""Subgroups, counted where they are known, and their cosets."""

import numpy as np
import pytest

from interp.irreps import closed
from interp.subgroups import cosets, find_subgroups, is_normal
from tests.groups import from_table, group_named


@pytest.mark.parametrize(
    ("name", "count"),
    [("S3", 6), ("S4", 30), ("A4", 10), ("D4", 10), ("D6", 16), ("C7", 2), ("C12", 6), ("Q8", 6), ("C3xC3", 6)],
)
def test_all_subgroups_are_found(name, count):
    group = group_named(name)
    found = find_subgroups(group)
    assert (len(found.chosen) + 2, found.is_complete) == (count, True)  # and the identity alone, and the whole
    assert len({each.members.tobytes() for each in found.chosen}) == len(found.chosen)
    for each in found.chosen:
        assert np.array_equal(np.flatnonzero(closed(group, list(each.generators))), each.members)
        assert len(group) % each.order == 0


def test_there_are_156_subgroups_of_s5():
    assert len(find_subgroups(group_named("S5"), most_cosets=10**6).chosen) == 154


@pytest.mark.parametrize("side", ["left", "right"])
def test_cosets_are_a_partition(side):
    group = group_named("S4")
    for each in find_subgroups(group).chosen:
        classes = cosets(group, each, side)
        assert np.array_equal(np.sort(classes, axis=None), np.arange(24))
        for members in classes:
            products = (
                group.table[members[0], each.members] if side == "left" else group.table[each.members, members[0]]
            )
            assert sorted(products) == members.tolist()


def test_normal_subgroups_are_known():
    group = group_named("S4")
    normal = [each.order for each in find_subgroups(group).chosen if is_normal(group, each)]
    assert normal == [12, 4]


def test_of_a_large_group_the_subgroups_with_few_cosets_are_taken():
    found = find_subgroups(group_named("S5"))
    assert (found.is_complete, found.largest_index) == (False, 30)
    assert min(each.order for each in found.chosen) == 4
    assert len(find_subgroups(group_named("S4"), most_cosets=1).chosen) == 0


def test_the_search_stops_where_there_are_too_many():
    numbers = np.arange(32)
    found = find_subgroups(from_table(numbers[:, None] ^ numbers), most=20, most_cosets=10**6)
    assert (found.is_complete, found.generators) == (False, 1)
    assert len(found.chosen) == 31
