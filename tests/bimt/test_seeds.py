"""Generators."""

import pytest
import torch

from bimt.seeds import generator_states, make_generators, restore_generators


def test_a_generator_draws_what_manual_seed_would():
    for label, generator in zip((0, 7), make_generators([0, 7]), strict=True):
        torch.manual_seed(label)
        assert torch.equal(torch.rand(5, generator=generator), torch.rand(5))


def test_states_go_there_and_back():
    generators = make_generators([1, 2])
    for generator in generators:
        torch.randn(3, generator=generator)
    restored = restore_generators(generator_states(generators))
    for one, other in zip(generators, restored, strict=True):
        assert torch.equal(torch.randn(9, generator=one), torch.randn(9, generator=other))


@pytest.mark.parametrize("labels", [[1, 1], [-1], [0, 3, 0]])
def test_labels_are_different_and_not_negative(labels):
    with pytest.raises(ValueError, match="`labels` must be different and at least 0, got"):
        make_generators(labels)
