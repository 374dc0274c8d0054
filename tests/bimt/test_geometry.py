"""Slots and distances."""

import math

import pytest
import torch

from bimt.geometry import distances, make_slots


def test_a_line_is_spaced_as_published():
    assert make_slots("line", 20)[:, 0].tolist() == pytest.approx([(i + 0.5) / 20 for i in range(20)], abs=0)


def test_folds_share_coordinates():
    assert make_slots("folded", 6, folds=2)[:, 0].tolist() == [*make_slots("line", 3)[:, 0].tolist()] * 2


def test_a_grid_is_a_sheet():
    assert make_slots("grid", 4).tolist() == [[0.25, 0.25], [0.25, 0.75], [0.75, 0.25], [0.75, 0.75]]


def test_a_ring_has_the_published_radius():
    ring = make_slots("ring", 10) - 0.5
    assert torch.allclose(ring.norm(dim=1), torch.full((10,), 0.25, dtype=torch.float64))
    step = 2 * 0.25 * math.sin(math.pi / 10)
    assert torch.allclose((ring - ring.roll(1, 0)).norm(dim=1), torch.full((10,), step, dtype=torch.float64))


@pytest.mark.parametrize("geometry", ["line", "folded", "grid", "ring"])
@pytest.mark.parametrize("size", [0, 4, 16])
def test_every_geometry_lies_in_the_unit_cube(geometry, size):
    slots = make_slots(geometry, size)
    assert slots.shape[0] == size
    assert ((slots > 0) & (slots < 1)).all()


def test_distances_are_l1_and_a_line_runs_through_the_middle_of_a_sheet():
    sheet, line = torch.tensor([[0.0, 0.0], [1.0, 0.25]]), torch.tensor([[0.5], [0.75]])
    assert distances(sheet, line).tolist() == [[1.0, 1.25], [0.75, 0.5]]
    assert distances(line, sheet).tolist() == distances(sheet, line).T.tolist()


def test_distances_keep_leading_axes():
    points = torch.rand(3, 5, 2, generator=torch.Generator().manual_seed(0))
    expected = torch.stack([torch.cdist(part, part, p=1) for part in points])
    assert torch.allclose(distances(points, points), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("geometry", "size", "options", "message"),
    [
        ("grid", 10, {}, "a grid must hold a square number of neurons, got 10; take 9 or 16"),
        ("folded", 5, {}, "`folds` must divide the population's size 5, got 2"),
        ("folded", 4, {"folds": 0}, "`folds` must divide"),
        ("line", -1, {}, "`size` must be at least 0, got -1"),
    ],
)
def test_refusals(geometry, size, options, message):
    with pytest.raises(ValueError, match=message):
        make_slots(geometry, size, **options)
