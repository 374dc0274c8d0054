import numpy as np
import pytest

from interp.discovery.symmetries import find_symmetries
from interp.discovery.terms import add, multiply, number, power, variable

X = [variable(index) for index in range(4)]
FORMULAS = {
    "(x0 - x1)^3 + x2": (lambda x: (x[0] - x[1]) ** 3 + x[2], [("sum", ((0, 1), (1, -1)))]),
    "exp(x0 + x2) x1": (lambda x: np.exp(x[0] + x[2]) * x[1], [("sum", ((0, 1), (2, 1)))]),
    "distance": (
        lambda x: np.sqrt((x[0] - x[1]) ** 2 + (x[2] - x[3]) ** 2),
        [("sum", ((0, 1), (1, -1))), ("sum", ((2, 1), (3, -1)))],
    ),
    "sin(x0 x1 / x2)": (lambda x: np.sin(x[0] * x[1] / x[2]), [("product", ((0, 1), (1, 1), (2, -1)))]),
    "x0^2 + x1^2 + x2^2 through a root": (
        lambda x: np.sqrt(x[0] ** 2 + x[1] ** 2 + x[2] ** 2) + 1 / x[3],
        [("squares", ((0, 1), (1, 1), (2, 1)))],
    ),
    "log(x0^2 - x1^2 / 9 ...)": (lambda x: np.log(30 + x[0] ** 2 - x[1] ** 2) * x[2], [("squares", ((0, 1), (1, -1)))]),
    "nothing": (lambda x: x[0] ** 2 * x[1] + np.sin(x[2] * x[1]), []),
}


def numbers_of(law, *, rows=400, noise=0.0):
    """Columns between 1 and 3 (the last is not read by most), and the slopes of a law by central differences."""
    random = np.random.default_rng(0)
    columns = random.uniform(1, 3, (4, rows))
    step = 1e-6
    slopes = [(law(columns + step * axis) - law(columns - step * axis)) / (2 * step) for axis in np.eye(4)[..., None]]
    found = np.array(slopes)
    return columns, found + noise * found.std() * random.standard_normal(found.shape)


@pytest.mark.parametrize("noise", [0.0, 0.01])
@pytest.mark.parametrize("name", FORMULAS)
def test_what_acts_as_one_quantity_is_found(name, noise):
    law, expected = FORMULAS[name]
    columns, slopes = numbers_of(law)
    read = [index for index in range(4) if np.abs(slopes[index]).max() > 1e-9]
    columns, slopes = numbers_of(law, noise=noise)
    found = find_symmetries(columns[read], slopes[read], error=noise)
    assert [(each.kind, tuple((read[index], sign) for index, sign in each.members)) for each in found] == expected
    assert all(each.left <= 0.1 + 2 * noise for each in found)


def test_the_quantity_is_written():
    (symmetry,) = find_symmetries(*(part[:3] for part in numbers_of(FORMULAS["sin(x0 x1 / x2)"][0])))
    assert symmetry.term == multiply(X[0], X[1], power(X[2], -1))
    difference, _ = find_symmetries(*numbers_of(FORMULAS["distance"][0]))
    assert difference.term == add(X[0], multiply(number(-1), X[1]))


def test_units_decide_what_a_sum_is():
    columns, slopes = numbers_of(FORMULAS["(x0 - x1)^3 + x2"][0])
    # x1 in other units: x0 - 5 x1 is no plain difference
    columns[1] /= 5
    slopes[1] *= 5
    assert find_symmetries(columns[:2], slopes[:2]) == ()


def test_what_is_not_read_is_in_no_quantity():
    columns, slopes = numbers_of(FORMULAS["(x0 - x1)^3 + x2"][0])
    slopes[:2] = 0
    assert all(0 not in dict(each.members) for each in find_symmetries(columns, slopes))
