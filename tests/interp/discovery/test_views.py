import numpy as np

from interp.discovery.structure import Structure
from interp.discovery.symmetries import Symmetry
from interp.discovery.terms import add, negative, variable
from interp.discovery.views import views_of

X = [variable(index) for index in range(4)]
ALL = frozenset({0, 1, 3})


def test_what_the_net_says_comes_first_and_everything_last():
    difference = Symmetry("sum", ((0, 1), (3, -1)), 0.01)
    structure = Structure((0, 1, 3), (frozenset({0, 3}), frozenset({1})), (ALL,), (difference,))
    together, read, everything = views_of(structure, 4)
    assert together.quantities == (add(X[0], negative(X[3])), X[1])
    assert together.sums == [frozenset({0}), frozenset({1})]
    assert together.products == [frozenset({0, 1})]
    assert read.quantities == (X[0], X[1], X[3])
    assert read.sums == [frozenset({0, 2}), frozenset({1})]
    assert everything.quantities == tuple(X)
    assert everything.sums is everything.products is None


def test_a_quantity_in_several_groups_leaves_no_groups():
    squares = Symmetry("squares", ((0, 1), (1, 1)), 0.01)
    structure = Structure((0, 1), (frozenset({0}), frozenset({1})), (frozenset({0, 1}),), (squares,))
    together, read = views_of(structure, 2)
    assert together.sums is None
    assert together.products == [frozenset({0})]
    assert read.sums == [frozenset({0}), frozenset({1})]


def test_a_net_that_reads_nothing_leaves_all_columns():
    (everything,) = views_of(Structure((), (), ()), 2)
    assert everything.quantities == (X[0], X[1])


def test_quantities_are_computed():
    difference = Symmetry("sum", ((0, 1), (1, -1)), 0.01)
    together, _ = views_of(Structure((0, 1), (frozenset({0, 1}),), (frozenset({0, 1}),), (difference,)), 2)
    np.testing.assert_array_equal(together.columns(np.array([[3.0, 4.0], [1.0, 6.0]])), [[2.0, -2.0]])
