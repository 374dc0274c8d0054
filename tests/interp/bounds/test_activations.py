import mpmath
import numpy as np
import pytest
import torch

from bimt.nets.activations import ACTIVATIONS
from interp.bounds.activations import SHAPES, Curve
from interp.bounds.intervals import Interval

mpmath.mp.dps = 50
HALF = mpmath.mpf(1) / 2
SELU = mpmath.mpf("1.0507009873554804934193349852946"), mpmath.mpf("1.6732632423543772848170429916717")
EXACT = {
    None: lambda z: z,
    "silu": lambda z: z / (1 + mpmath.exp(-z)),
    "selu": lambda z: SELU[0] * z if z > 0 else SELU[0] * SELU[1] * mpmath.expm1(z),
    "relu": lambda z: max(z, mpmath.mpf(0)),
    "gelu": lambda z: z * mpmath.ncdf(z),
    "gelu_tanh": lambda z: z / 2 * (1 + mpmath.tanh(mpmath.sqrt(2 / mpmath.pi) * (z + mpmath.mpf("0.044715") * z**3))),
    "tanh": mpmath.tanh,
}
NAMES = sorted(SHAPES, key=str)
POINTS = [-700.0, -37.3, -12.0, -5.0, -2.3993, -1.2785, -0.75, -0.3, -1e-9, 1e-9, 0.4, 1.1, 2.0, 3.43, 8.0, 41.0, 690.0]


def test_every_activation_has_its_shape():
    assert set(SHAPES) == {None, *ACTIVATIONS}


@pytest.mark.parametrize("name", NAMES)
def test_values_slopes_and_curvatures_are_those_of_the_function(name):
    for order, curve in enumerate((SHAPES[name].value, SHAPES[name].slope, SHAPES[name].curvature)):
        for point in POINTS:
            exact = mpmath.diff(EXACT[name], mpmath.mpf(point), order) if order else EXACT[name](mpmath.mpf(point))
            # a twentieth of what intervals are widened by
            assert abs(curve.at(np.array([point]))[0] - float(exact)) <= 5e-16 * max(1, abs(exact)), (order, point)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_torch_computes_the_same_function(name):
    values = np.linspace(-30, 30, 1001)
    ours = SHAPES[name].value.at(values)
    np.testing.assert_allclose(ours, ACTIVATIONS[name](torch.from_numpy(values)).numpy(), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", NAMES)
def test_no_value_lies_outside_and_the_ends_are_reached(name):
    random = np.random.default_rng(0)
    low = random.standard_normal(300) * random.choice([0.1, 1.0, 4.0], 300)
    drive = Interval(low, low + random.random(300) * random.choice([1e-3, 0.5, 3.0, 12.0], 300))
    inside = drive.low + (drive.high - drive.low) * np.linspace(0, 1, 2001)[:, None]
    inside = np.clip(inside, drive.low, drive.high)
    for curve in (SHAPES[name].value, SHAPES[name].slope, SHAPES[name].curvature):
        found, values = curve.over(drive), curve.at(inside)
        assert (found.low <= values).all()
        assert (values <= found.high).all()
        smooth = np.isfinite(found.low) & (np.zeros(300) == 0)
        if name not in ("relu", "selu"):  # those jump: between two samples there may be a value of its own
            reach = values.max(0) - values.min(0)
            assert (found.high - values.max(0))[smooth].max() <= 1e-4 * max(1.0, reach.max())
            assert (values.min(0) - found.low)[smooth].max() <= 1e-4 * max(1.0, reach.max())


@pytest.mark.parametrize("name", NAMES)
def test_changes_lie_within_what_slopes_allow(name):
    random = np.random.default_rng(1)
    low, near = random.standard_normal((2, 400)) * 2
    drive = Interval(low, low + random.random(400))
    change = Interval(near * 0.1, near * 0.1 + random.random(400) * 0.1)
    shape = SHAPES[name]
    changed, slope_changed = shape.changed(drive, change), shape.slope_changed(drive, change)
    for first, second in random.random((30, 2)):
        z = drive.low + first * (drive.high - drive.low)
        d = change.low + second * (change.high - change.low)
        for found, at in ((changed, shape.value.at), (slope_changed, shape.slope.at)):
            exact = at(z + d) - at(z)
            assert (found.low - 1e-15 <= exact).all()
            assert (exact <= found.high + 1e-15).all()


def test_small_changes_have_small_bounds():
    drive, change = Interval(np.array([-1.0]), np.array([1.0])), Interval(np.array([1e-6]), np.array([2e-6]))
    for name in ("silu", "gelu", "tanh"):
        found = SHAPES[name].changed(drive, change)
        assert found.magnitude[0] < 4e-6


def test_values_below_the_floor_are_widened_as_if_they_were_there():
    tiny = Interval(np.array([1e-20]), np.array([2e-20]))
    assert Curve(lambda x: x).over(tiny).low[0] < 0 < Curve(lambda x: x, floor=0.0).over(tiny).low[0]
