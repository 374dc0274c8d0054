"""The tail of every family: what speaks into it decides the outputs by constant slopes."""

import pytest
import torch

from interp.linear_tail import linear_tail
from tests.families import FAMILIES, made


@pytest.mark.parametrize("family", FAMILIES)
def test_outputs_follow_the_sites_before_the_tail_by_constant_slopes(family):
    net, task = made(family)
    x = task.test.inputs[None]
    values, slopes = net.activations(x), linear_tail(net)
    ends = torch.cat([values[site.name] for site in net.wiring.outputs], dim=-1)[0]
    said = sum(values[site][0] @ slope.T for site, slope in slopes.items())
    constant = ends - said
    assert torch.allclose(constant, constant[:1].expand_as(constant), atol=1e-12)
    assert set(slopes).isdisjoint(site.name for site in net.wiring.outputs), "their outputs are sums"


def test_a_stream_speaks_past_its_last_layer_and_through_it():
    net, _ = made("token_transformer")
    slopes = linear_tail(net)
    assert list(slopes) == ["mlp.0", "resid.1"]
    unembedding, last = net.parameters["weight.out"][0], net.parameters["weight.resid.2"][0]
    assert torch.equal(slopes["resid.1"], unembedding)
    assert torch.allclose(slopes["mlp.0"], unembedding @ last)


def test_outputs_that_nothing_is_known_of_stand_for_themselves(monkeypatch):
    net, _ = made("mlp")

    def unknown(site: str) -> str | None:
        raise NotImplementedError(site)

    monkeypatch.setattr(net, "nonlinearity", unknown)
    assert torch.equal(linear_tail(net)["out"], torch.eye(2, dtype=net.dtype))
