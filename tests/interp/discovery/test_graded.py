import itertools

import numpy as np
import pytest
from scipy.optimize import curve_fit

from interp.discovery.constants import refitted
from interp.discovery.deadline import Deadline, TimeIsUpError
from interp.discovery.graded import graded_libraries
from interp.discovery.rational import ratios
from interp.discovery.regression import best_sums
from interp.discovery.search import search
from interp.discovery.terms import add, evaluate, multiply, number, with_numbers

pytestmark = pytest.mark.usefixtures("unchecked")  # of shapes: the search calls small functions by the thousand

LAWS = {
    "exponential": (lambda x, a, k, c: a * np.exp(-k * x[0]) + c, (2.37, 0.813, 0.741), [(0, 5)]),
    "peak": (lambda x, a, m, w: a * np.exp(-(((x[0] - m) / w) ** 2)), (2.37, 3.13, 0.741), [(0, 6)]),
    "wave": (lambda x, a, w, p, c: a * np.cos(w * x[0] + p) + c, (2.37, 3.713, 0.641, 1.23), [(0, 9)]),
    "damped wave": (lambda x, a, k, w, p: a * np.exp(-k * x[0]) * np.cos(w * x[0] + p), (2.4, 0.213, 3.713, 0.641),
                    [(0, 9)]),
    "tanh": (lambda x, a, m, w, c: a * np.tanh((x[0] - m) / w) + c, (2.37, 3.13, 0.741, 0.33), [(0, 8)]),
    "rate in one column": (lambda x, a, k, b: a * x[1] * np.exp(-k * x[0]) + b, (2.37, 0.713, 1.43), [(0, 5), (1, 3)]),
}  # fmt: skip


def draw(law, *, rows=80, noise=0.01):
    function, numbers, ends = LAWS[law]
    random = np.random.default_rng(1)
    columns = np.array([random.uniform(*end, rows) for end in ends])
    target = function(columns, *numbers)
    return columns, target + noise * np.sqrt(np.mean(target**2)) * random.standard_normal(rows)


def whole(columns):
    return [frozenset(range(len(columns)))]


def squares(term, columns, target):
    return float(np.sum((evaluate(term, columns) - target) ** 2))


def grown(columns, target, *, most=1_500):
    """Sums of graded terms that are closest on their grids, with all numbers fitted; closest first."""
    one, even = np.ones((1, len(target))), np.ones(len(target))
    found = []
    for library in graded_libraries(columns, groups=whole(columns), most=most):
        fits = best_sums(library.values, target, always=one, weights=even, longest=1, keep=60, paired=most)[-1]
        shapes = {}
        for fit in fits:
            inside = add(*(library.terms[index] for index in fit.terms))
            shapes.setdefault(with_numbers(inside, [0.0] * len(inside.free_numbers)), fit)
        for fit in itertools.islice(shapes.values(), 6):
            parts = [multiply(number(1, free=True), library.terms[index]) for index in fit.terms]
            start = add(number(0, free=True), *parts)
            found.append(refitted(start, columns, target))
    return sorted(found, key=lambda term: squares(term, columns, target))


def is_the_law(term, law, columns, target):
    """Whether a formula is of the law's form, and its constants are the true ones within what data tell."""
    function, numbers, _ = LAWS[law]
    _, covariance = curve_fit(function, columns, target, p0=numbers)
    values = evaluate(term, columns)
    implied, _ = curve_fit(function, columns, values, p0=numbers)
    has_form = np.std(values - function(columns, *implied)) < 2e-3 * np.std(target)
    return has_form and (np.abs(implied - numbers) < 3.5 * np.sqrt(np.diag(covariance))).all()


@pytest.mark.parametrize("law", LAWS)
def test_a_fit_from_the_grid_ends_at_the_law(law):
    columns, target = draw(law)
    least = np.sum((draw(law, noise=0.0)[1] - target) ** 2)
    close = [term for term in grown(columns, target) if squares(term, columns, target) < least]
    assert any(is_the_law(term, law, columns, target) for term in close)


RATIOS = {
    "quadratic": (lambda x, a, b, c, d: (a + b * x[0] ** 2) / (1 + c * x[0] + d * x[0] ** 2),
                  (1.37, 2.43, -0.31, 0.213), [(0, 6)]),
    "Michaelis and Menten": (lambda x, a, k: a * x[0] * x[1] / (1 + k * x[0]), (1.77, 0.73), [(0.1, 6), (1, 5)]),
}  # fmt: skip


@pytest.mark.parametrize("law", RATIOS)
def test_a_ratio_is_found_without_the_shift_that_errors_bring(law):
    function, numbers, ends = RATIOS[law]
    random = np.random.default_rng(0)
    columns = np.array([random.uniform(*end, 80) for end in ends])
    target = function(columns, *numbers)
    target = target + 0.01 * target.std() * random.standard_normal(80)
    best, covariance = curve_fit(function, columns, target, p0=numbers)
    least = np.sum((function(columns, *best) - target) ** 2)
    found = [refitted(term, columns, target) for term in ratios(columns, target, groups=whole(columns))]
    few = [term for term in found if len(term.free_numbers) <= len(numbers) + 1]
    closest = min(few, key=lambda term: squares(term, columns, target))
    assert squares(closest, columns, target) < 1.0001 * least
    implied, _ = curve_fit(function, columns, evaluate(closest, columns), p0=numbers)
    assert (np.abs(implied - numbers) < 3.5 * np.sqrt(np.diag(covariance))).all()


def test_graded_terms_are_on_the_rows_what_they_say_and_keep_to_their_groups():
    columns = np.random.default_rng(0).uniform(1, 5, (3, 50))
    groups = [frozenset({0}), frozenset({1, 2})]
    for library in graded_libraries(columns, groups=groups, most=300):
        assert 0 < len(library.terms) <= 300
        assert all(term.free_numbers for term in library.terms)
        assert all(any(term.variables <= group for group in groups) for term in library.terms)
        for term, values in zip(library.terms[::7], library.values[::7], strict=True):
            np.testing.assert_allclose(values, evaluate(term, columns), rtol=1e-9, atol=1e-12)


def test_a_deadline_ends_a_library():
    columns = np.random.default_rng(0).uniform(1, 5, (3, 50))
    with pytest.raises(TimeIsUpError):
        next(graded_libraries(columns, groups=whole(columns), most=300, deadline=Deadline.after(-1.0)))


def test_a_search_ends_at_the_law_with_its_constants(monkeypatch):
    monkeypatch.setattr("interp.discovery.search._POLISHED", 3)
    columns, target = draw("wave")
    best = search(columns, target, seconds=60.0, sizes=(100, 600))[0]
    assert len(best.term.free_numbers) <= 4
    assert is_the_law(best.term, "wave", columns, target)
