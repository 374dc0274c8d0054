"""What must hold of every family of nets, and what each computes."""

import math
import re
from functools import partial

import pandas as pd
import pytest
import torch
from torch import nn

from bimt.checkpoint import load_checkpoint
from bimt.config import make_config
from bimt.cost import connection_cost
from bimt.layout import Layout
from bimt.messages import UserError
from bimt.nets.build import make_net, net_tensors, restore_net
from bimt.nets.embedding_mlp import EmbeddingMLP
from bimt.nets.transformer import Transformer
from bimt.predict import predict
from bimt.seeds import make_generators
from bimt.swaps import relocate_
from bimt.train import Interrupted, train
from tests.families import FAMILIES, config_of, made


def shuffled(net, seed):
    """The net with random places; blocks stay together."""
    generator = torch.Generator().manual_seed(seed)
    places = {}
    for item in net.wiring.populations:
        if item.slots is not None:
            cells = torch.arange(item.size).view(item.blocks, -1)
            inside = [cell[torch.randperm(cells.shape[1], generator=generator)] for cell in cells]
            order = torch.randperm(item.blocks, generator=generator).tolist()
            places[item.name] = torch.cat([inside[block] for block in order])[None]
    return net.replaced(places=places)


@pytest.mark.parametrize("family", FAMILIES)
def test_moving_places_changes_the_cost_and_no_bit_of_the_outputs(family):
    net, task = made(family)
    moved = shuffled(net, seed=3)
    assert torch.equal(moved.run(task.test.inputs[None]), net.run(task.test.inputs[None]))
    prices = {"distance_scale": 1.0, "offset": 0.1, "reduce": "mean"}
    assert connection_cost(moved, **prices).item() != pytest.approx(connection_cost(net, **prices).item(), rel=1e-6)


@pytest.mark.parametrize("method", ["pairs", "assignment", "spectral"])
@pytest.mark.parametrize("family", FAMILIES)
def test_relocation_never_raises_the_cost_and_keeps_heads_together(family, method):
    net, _ = made(family, live=0.4)
    for seed in range(4):
        moved = shuffled(net, seed)
        before = Layout(moved, reduce="mean").cost()
        relocate_(moved, method=method, reduce="mean")
        assert Layout(moved, reduce="mean").cost() <= before + 1e-12
        for item in net.wiring.populations:
            if item.blocks > 1:
                blocks = moved.places[item.name][0].view(item.blocks, -1) // (item.size // item.blocks)
                assert (blocks == blocks[:, :1]).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_nobody_watching_changes_nothing(family):
    net, task = made(family, seeds=2)
    watched = net.activations(task.test.inputs[None])
    outputs = net.run(task.test.inputs[None])
    last = watched[net.wiring.outputs[0].name]
    if net.moments > 1:
        moments, neurons = zip(*net.reads, strict=True)
        last = last.unflatten(1, (len(task.test), net.moments))[:, :, list(moments), list(neurons)]
    assert torch.allclose(outputs, last, atol=1e-13, rtol=0)
    for site, value in watched.items():
        assert value.shape == (2, len(task.test) * net.moments, net.wiring.population_of(site).size)


def mixed_by_hand(net, values, mixture):
    """What attention gives, head by head, moment by moment, row by row."""
    q, k, v = (
        values[site][0].view(-1, net.moments, mixture.heads, values[site].shape[-1] // mixture.heads)
        for site in (mixture.query, mixture.key, mixture.value)
    )
    mixed = torch.empty_like(v)
    for row in range(len(v)):
        for moment in range(net.moments):
            seen = moment + 1 if mixture.is_causal else net.moments
            for head in range(mixture.heads):
                weights = torch.zeros(net.moments, dtype=v.dtype)
                products = k[row, :seen, head] @ q[row, moment, head]
                weights[:seen] = torch.softmax(mixture.scale * products, 0)
                weights = mixture.rate * weights + 1 - mixture.rate
                mixed[row, moment, head] = weights @ v[row, :, head]
    return mixed.flatten(0, 1).flatten(1)[None]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_net_says_how_its_sites_mix_moments(family):
    net, task = made(family)
    net = net.to(torch.float64)
    values = net.activations(task.test.inputs[None, :5])
    mixtures = {site.name: found for site in net.wiring.sites if (found := net.mixture(site.name)) is not None}
    assert list(mixtures) == [site.name for site in net.wiring.sites if site.name.startswith("z.")]
    assert (len(mixtures) > 0) == ("transformer" in family)
    for site, mixture in mixtures.items():
        assert mixture.heads == 2
        torch.testing.assert_close(values[site], mixed_by_hand(net, values, mixture), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_site_and_link_can_be_edited(family):
    net, task = made(family)
    x = task.test.inputs[None]
    plain = net.run(x)
    for link in net.wiring.links:
        same = net.run(x, {link.name: lambda part, source: part.clone()})
        assert torch.allclose(same, plain, atol=1e-13, rtol=0)
        without = net.replaced(parameters={name: tensor.clone() for name, tensor in net.parameters.items()})
        if [other.stored for other in net.wiring.links].count(link.stored) == 1:
            without.weight(link)[:] = 0.0
            cut = net.run(x, {link.name: lambda part, source: torch.zeros_like(part)})
            assert torch.allclose(cut, without.run(x), atol=1e-13, rtol=0)
    for site in net.wiring.sites:
        assert not torch.allclose(net.run(x, {site.name: lambda value: 1 - 1.5 * value}), plain)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_net_is_restored_from_its_tensors(family):
    config = config_of(family, seeds=2)
    task = config.task.load()
    net = make_net(config, task=task, generators=make_generators(config.labels))
    other = restore_net(config, task, net_tensors(net))
    assert type(other) is type(net)
    assert other.wiring.links == net.wiring.links
    assert torch.equal(other.run(task.test.inputs[None]), net.run(task.test.inputs[None]))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_seed_is_the_same_alone_and_among_others_and_after_an_interruption(family, tmp_path, unchecked):
    settings = ["steps=40", "swaps.every=10", "log_every=20", "save_every=20"]
    together = train(config_of(family, *settings, seeds=2))
    flat = config_of(family, *settings).model_copy(update={"first_seed": 1})
    alone = train(flat)
    x = together.task.test.inputs[None]
    assert torch.allclose(together.net.seed(1).run(x), alone.net.run(x), atol=1e-9, rtol=0)
    stops = iter([False] * 25 + [True] * 100)
    with pytest.raises(Interrupted):
        train(flat, out=tmp_path / "run", should_stop=lambda: next(stops))
    again = train(flat, out=tmp_path / "run", resume=True)
    assert again.net.parameters.keys() == alone.net.parameters.keys()
    assert all(torch.equal(again.net.parameters[name], alone.net.parameters[name]) for name in alone.net.parameters)
    task = load_checkpoint(tmp_path / "run").task
    for name in ("inputs", "outputs", "classes", "tokens", "moments", "reads", "answers", "judged"):
        assert getattr(task, name) == getattr(alone.task, name)


def test_an_embedding_mlp_is_what_torch_would_build():
    config = make_config("modular_addition", settings=["task.modulus=7", "net.embedding=6", "net.hidden=[5,4]"])
    task = config.task.load()
    net = make_net(config, task=task, generators=make_generators([0]))
    assert isinstance(net, EmbeddingMLP)
    torch.manual_seed(0)
    embedding = nn.Embedding(7, 6, dtype=torch.float64)
    layers = [nn.Linear(a, b, dtype=torch.float64) for a, b in ((12, 5), (5, 4), (4, 7))]
    chain = nn.Sequential(nn.Flatten(), layers[0], nn.SiLU(), layers[1], nn.SiLU(), layers[2])
    with torch.no_grad():
        expected = chain(embedding(task.train.inputs))
    assert torch.allclose(net.run(task.train.inputs[None])[0], expected, atol=1e-13, rtol=0)


class Block(nn.Module):
    """A textbook layer of a transformer, without layer normalisation."""

    def __init__(self, width, heads, hidden):
        super().__init__()
        self.heads = heads
        linear = partial(nn.Linear, dtype=torch.float64)
        self.qkv, self.proj = linear(width, 3 * width), linear(width, width)
        self.up, self.down = linear(width, hidden), linear(hidden, width)

    def forward(self, x):
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.qkv(x).chunk(3, dim=-1))
        z = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.proj(z.transpose(1, 2).flatten(2))
        return x + self.down(nn.functional.gelu(self.up(x), approximate="tanh"))


@pytest.mark.parametrize("heads", [1, 2])
def test_a_transformer_is_what_torch_would_build(heads):
    config = config_of("transformer", f"net.heads={heads}", "net.mlp=[32,32]")
    task = config.task.load()
    net = make_net(config, task=task, generators=make_generators([0]))
    assert isinstance(net, Transformer)
    assert net.scale == pytest.approx(1 / math.sqrt(8 / heads))
    torch.manual_seed(0)
    first = nn.Linear(2, 8, dtype=torch.float64)
    blocks = [Block(8, heads, 32) for _ in range(2)]
    last = nn.Linear(8, 2, dtype=torch.float64)
    with torch.no_grad():
        expected = nn.Sequential(first, *blocks, last)(task.train.inputs.unflatten(-1, (5, 2)))[:, ::2, 0]
    assert torch.allclose(net.run(task.train.inputs[None])[0], expected, atol=1e-13, rtol=0)


def test_published_sizes():
    sizes = {
        "modular_addition": (8650, 10697),
        "permutation_group": (6900, 7792),
        "in_context": (24704, 25314),
    }
    for task, (weights, everything) in sizes.items():
        config = make_config(task)
        net = make_net(config, task=config.task.load(), generators=make_generators([0]))
        wiring = net.wiring
        connections = [net.weight(link).numel() for link in wiring.distinct_links() if not wiring.is_look_up(link)]
        assert sum(connections) == weights
        assert sum(tensor.numel() for tensor in net.parameters.values()) == everything


@pytest.mark.parametrize(
    ("task", "settings", "message"),
    [
        ("independence", ["net.family=transformer"], r"net\.family of the task independence must not be transformer"),
        ("independence", ["net.family=embedding_mlp"], r"must not be embedding_mlp: its inputs are no tokens"),
        ("in_context", ["net.heads=5"], r"net\.heads must divide the attention's neurons \[32, 32\], got 5"),
        ("in_context", ["net.mlp=[3]"], r"net\.mlp must give each of 2 layers at least one neuron, got \[3\]"),
        ("in_context", ["net.attention=[0,4]"], r"net\.attention must give each of 2 layers at least one neuron"),
        (
            "in_context",
            ["net.attention=[]"],
            r"net\.attention must give each of 2 layers at least one neuron, got \[\]",
        ),
        ("in_context", ["net.mlp=[]"], r"net\.mlp must give each of 2 layers at least one neuron, got \[\]"),
        ("in_context", ["net.blocks=[]"], r"net\.blocks must give each of 2 layers at least one head, got \[\]"),
        ("in_context", ["net.blocks=[1]"], r"net\.blocks must give each of 2 layers at least one head, got \[1\]"),
        (
            "in_context",
            ["net.blocks=[2,3]"],
            r"net\.blocks must divide the attention's neurons \[32, 32\], got \[2, 3\]",
        ),
        ("in_context", ["net.width=0"], r"net\.width must be at least 1, got 0"),
        ("modular_addition", ["net.hidden=[0]"], r"net\.hidden must give every layer at least one neuron, got \[0\]"),
        ("modular_addition", ["net.embedding=0"], r"net\.embedding must be at least 1, got 0"),
    ],
)
def test_a_net_that_cannot_learn_the_task_is_refused(task, settings, message):
    config = make_config(task, settings=settings)
    with pytest.raises(UserError, match=message):
        make_net(config, task=config.task.load(), generators=make_generators([0]))


def test_a_wrong_key_of_another_family_is_named():
    with pytest.raises(UserError, match=r"unknown key net\.hiden; did you mean net\.hidden\?"):
        make_config("modular_addition", settings=["net.hiden=[3]"])
    with pytest.raises(UserError, match=r"unknown key net\.hidden; did you mean net\.width\?"):
        make_config("in_context", settings=["net.hidden=[3]"])


@pytest.mark.parametrize("net", ["net.family=cnn", "net.family=null", "net=7", "net=null", "net=[]"])
def test_a_net_of_no_family_is_refused(net):
    message = "^net must be settings of the family mlp, embedding_mlp, transformer or token_transformer, got "
    with pytest.raises(UserError, match=message):
        make_config("in_context", settings=[net])


@pytest.mark.parametrize(
    ("task", "key"),
    [
        ("independence", "task.rows"),
        ("two_moons", "task.rows"),
        ("three_moons", "task.rows"),
        ("parts", "task.rows"),
        ("sparse_parity", "task.rows"),
        ("in_context", "task.sequences"),
        ("modular_addition", "task.modulus"),
        ("modular_addition", "net.embedding"),
        ("in_context", "net.width"),
        ("in_context", "net.heads"),
        ("in_context", "net.layers"),
        ("in_context", "net.mlp[0]"),
        ("in_context", "net.attention[0]"),
        ("in_context", "net.blocks[0]"),
        ("independence", "net.hidden[0]"),
        ("modular_addition", "net.hidden[0]"),
    ],
)
def test_counts_that_no_library_takes_are_refused(task, key):
    plain, listed, _ = key.partition("[0]")
    count = "1" + "0" * 4000
    with pytest.raises(UserError, match=f"^{re.escape(key)} must be less than or equal to 10"):
        make_config(task, settings=[f"{plain}=[{count}]" if listed else f"{plain}={count}"])


def test_predictions_for_named_tokens(tmp_path, unchecked):
    checkpoint = train(config_of("embedding_mlp", "steps=20", "swaps.every=never"))
    table = pd.DataFrame({"b": ["4", "0"], "a": ["1", "3"]})
    found = predict(checkpoint, table)
    outputs = checkpoint.net.run(torch.tensor([[[1, 4], [3, 0]]]))[0]
    assert found["class"].tolist() == [str(index) for index in outputs.argmax(1).tolist()]
    with pytest.raises(UserError, match="row 2 of column b must be one of 0, 1, 2, 3, 4, got 5"):
        predict(checkpoint, pd.DataFrame({"a": ["0", "0"], "b": ["0", "5"]}))
    with pytest.raises(UserError, match="feature b is not a column"):
        predict(checkpoint, pd.DataFrame({"a": ["0"]}))


def test_sequences_are_not_predicted_from_a_table(unchecked):
    checkpoint = train(config_of("transformer", "steps=20"))
    with pytest.raises(UserError, match="the rows of in_context are sequences"):
        predict(checkpoint, pd.DataFrame({"x": [1.0], "y": [2.0]}))
