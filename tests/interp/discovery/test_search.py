import time

import numpy as np
import pytest
import sympy

from interp.discovery.search import search
from interp.discovery.terms import evaluate, to_sympy

pytestmark = pytest.mark.usefixtures("unchecked")  # of shapes: the search calls small functions by the thousand

LAWS = {
    "u * v": (lambda u, v: u * v, (1, 5)),
    "v / (4 pi u^2)": (lambda u, v: v / (4 * np.pi * u**2), (1, 5)),
    "(u + v)^3": (lambda u, v: (u + v) ** 3, (-1, 1)),
    "u^2 + sin(pi v)": (lambda u, v: u**2 + np.sin(np.pi * v), (-1, 1)),
    "sqrt(u^2 + v^2)": (np.hypot, (1, 5)),
    "1 / (1 / u + 2 / v)": (lambda u, v: 1 / (1 / u + 2 / v), (1, 5)),
    "exp(-u^2 / 2 v^2)": (lambda u, v: np.exp(-(u**2) / (2 * v**2)), (1, 3)),
    "arcsin(u sin(v))": (lambda u, v: np.arcsin(u * np.sin(v)), (0.1, 0.9)),
    "u / sqrt(1 - v^2)": (lambda u, v: u / np.sqrt(1 - v**2), (0.1, 0.9)),
}


def draw(law, *, rows=100, seed=0, noise=0.0):
    function, ends = LAWS[law]
    random = np.random.default_rng(seed)
    columns = random.uniform(*ends, (2, rows))
    target = function(*columns)
    return columns, target + noise * np.sqrt(np.mean(target**2)) * random.standard_normal(rows)


@pytest.mark.parametrize("law", LAWS)
def test_a_law_is_found_to_the_last_digits_and_beyond_its_rows(law):
    columns, target = draw(law)
    best = search(columns, target, seconds=60.0, sizes=(100, 600))[0]
    fresh, truth = draw(law, rows=1_000, seed=9)
    assert np.abs(evaluate(best.term, fresh) - truth).max() < 1e-12 * np.abs(truth).max()
    assert not best.term.free_numbers


@pytest.mark.parametrize("law", ["u * v", "v / (4 pi u^2)", "exp(-u^2 / 2 v^2)"])
def test_one_per_cent_of_noise_hides_no_law(law, monkeypatch):
    monkeypatch.setattr("interp.discovery.search._POLISHED", 3)
    columns, target = draw(law, rows=300, noise=0.01)
    best = search(columns, target, seconds=60.0, sizes=(100,))[0]
    fresh, truth = draw(law, rows=1_000, seed=9)
    found = evaluate(best.term, fresh)
    assert min(np.std(found - truth) / np.std(truth), np.std(found / truth) / np.abs(np.mean(found / truth))) < 1e-9


def test_groups_are_kept_to_where_they_hold():
    columns, target = draw("u^2 + sin(pi v)")
    best = search(columns, target, sums=[frozenset({0}), frozenset({1})], seconds=60.0, sizes=(100, 600))[0]
    u, v = sympy.symbols("u v")
    assert sympy.simplify(to_sympy(best.term, [u, v]) - (u**2 + sympy.sin(sympy.pi * v))) == 0


def test_noise_alone_is_no_law():
    random = np.random.default_rng(0)
    found = search(random.uniform(-1, 1, (2, 200)), random.standard_normal(200), seconds=60.0, sizes=(100,))
    assert not found or found[0].error > 0.5


@pytest.mark.parametrize("columns", [8, 30])  # of 30, half a million pairs of monomials are alike
def test_time_is_kept(columns):
    random = np.random.default_rng(0)
    begun = time.monotonic()
    search(random.uniform(1, 2, (columns, 500)), random.standard_normal(500), seconds=0.3)
    assert time.monotonic() - begun < 3.3


def test_the_same_search_finds_the_same():
    columns, target = draw("u * v")
    first, second = (search(columns, target, seconds=60.0, sizes=(100, 600))[0] for _ in range(2))
    assert first.term == second.term


@pytest.mark.parametrize("law", ["exp(-u^2 / 2 v^2)"])
def test_groups_that_do_not_hold_hide_no_law(law):
    columns, target = draw(law)
    apart = [frozenset({0}), frozenset({1})]
    best = search(columns, target, sums=apart, products=apart, seconds=60.0, sizes=(100, 600))[0]
    assert best.error < 1e-12
