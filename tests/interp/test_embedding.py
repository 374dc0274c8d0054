"""Active dimensions of embeddings of hand-made nets."""

import numpy as np
import pytest
import torch

from interp.embedding import active_dimensions, members, variance_explained
from interp.prune import prune
from interp.sparse import Neuron
from tests.families import answered, made


def test_dimensions_that_lead_nowhere_are_not_active():
    net, task = made("embedding_mlp")
    width = net.wiring.population("embed").size
    first = net.parameters["weight.h1"]
    first.zero_()
    first[0, 0, 2] = 1.0  # embed.a[2]
    first[0, 1, width + 4] = -3.0  # embed.b[4]
    first[0, 2, width + 2] = 0.5  # embed.b[2]
    sparse = prune(net, answered(task, net), tolerance=1e-9)
    found = active_dimensions(sparse)
    assert [(each.number, each.weight) for each in found] == [(4, 3.0), (2, 1.5)]
    assert np.array_equal(found[0].values, net.parameters["weight.embed"][0, :, 4])
    inside = members(found, (Neuron("embed.b", 4), Neuron("h1", 2)), "embed")
    assert [each.number for each in inside] == [4]


def test_a_net_of_numbers_has_no_embedding():
    net, task = made("mlp")
    assert active_dimensions(prune(net, task)) == ()


def test_variance_explained_is_a_squared_correlation():
    generator = np.random.default_rng(0)
    one, other = generator.normal(size=(2, 30))
    assert variance_explained(one, other) == pytest.approx(np.corrcoef(one, other)[0, 1] ** 2)
    assert variance_explained(one, -3 * one + 2) == pytest.approx(1.0)
    assert variance_explained(one, np.ones(30)) == 0.0
    assert torch.tensor(variance_explained(np.zeros(3), one[:3])).item() == 0.0
