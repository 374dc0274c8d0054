"""Attention heads: where they look, what is lost without them, in nets made by hand and of every family."""

import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from bimt.cli import run, stdout_console
from bimt.config import make_config
from bimt.messages import UserError
from bimt.nets.transformer import Transformer, TransformerConfig
from bimt.tasks.base import Scaling, Split, Task
from bimt.train import train
from interp.commands import heads as command
from interp.heads import find_heads, has_heads
from interp.looks import ALIKE, in_words
from interp.sparse import Neuron, whole
from tests.families import FAMILIES, made

MOMENTS, FAR = 4, 1000.0
"""Moments of the net made by hand, and a product so large that its moment gets all attention."""


def by_hand(*, is_causal=True, rate=1.0):
    """Three heads on the numbers x1 ... x4 and their places: the one before, all alike, always the second.

    Behind them 1 * the first + 2 * the second + 3 * the third is the answer, at every moment but the first.
    """
    reads = tuple((moment, 0) for moment in range(1, MOMENTS))
    random = np.random.RandomState(0)
    rows = np.zeros((2, 30, MOMENTS, 1 + MOMENTS))
    rows[..., 0] = random.randn(2, 30, MOMENTS)
    rows[..., 1:] = np.eye(MOMENTS)
    inputs = torch.from_numpy(rows.reshape(2, 30, -1))
    names = ("x", *(f"is {moment + 1}" for moment in range(MOMENTS)))
    answers = tuple(f"y{moment + 1}" for moment, _ in reads)
    splits = [Split(part, torch.zeros(30, len(reads), dtype=torch.float64)) for part in inputs]
    scaling = Scaling.none(inputs.shape[2], len(reads))
    task = Task(
        "hand", "regression", names, ("y",), *splits, scaling, moments=MOMENTS, reads=reads, answer_names=answers
    )
    config = TransformerConfig(width=2 + MOMENTS, layers=1, heads=3, attention=(3 * MOMENTS,), mlp=(1,), scale=1.0)
    slots = {name: torch.linspace(0, 1, size)[:, None] for name, size in config.sizes(task).items()}
    wiring = config.wiring(slots, task)
    drawn = config.draw(wiring, torch.Generator().manual_seed(0), torch.float64)
    net = Transformer(
        wiring,
        {name: torch.zeros_like(tensor)[None] for name, tensor in drawn.items()},
        activation="relu",
        scale=1.0,
        moments=MOMENTS,
        reads=reads,
        is_causal=is_causal,
        attention_rate=rate,
    )
    links = {link.name: net.weight(link)[0] for link in wiring.links}
    places = range(MOMENTS)
    links["resid.0<-in"][range(1 + MOMENTS), range(1 + MOMENTS)] = 1
    for place in places[1:]:
        links["q.0<-resid.0"][place - 1, 1 + place] = FAR
    for place in places:
        links["k.0<-resid.0"][place, 1 + place] = 1
    net.bias("q.0")[0, 2 * MOMENTS + 1] = FAR
    links["k.0<-resid.0"][2 * MOMENTS + 1, 2] = 1
    for head, weight in enumerate((1.0, 2.0, 3.0)):
        links["v.0<-resid.0"][head * MOMENTS, 0] = 1
        links["resid.1<-z.0"][1 + MOMENTS, head * MOMENTS] = weight
    links["out<-resid.2"][0, 1 + MOMENTS] = 1
    task = replace(
        task,
        train=Split(inputs[0], net.run(inputs[:1])[0]),
        test=Split(inputs[1], net.run(inputs[1:])[0]),
    )
    sparse = whole(net, task)
    return replace(sparse, kept={name: net.parameters[name] != 0 for name in sparse.kept}), task


def numbers_of(split):
    return split.inputs.view(-1, MOMENTS, 1 + MOMENTS)[..., 0].numpy()


def test_heads_made_by_hand_look_where_they_were_told_to():
    before, even, second = find_heads(*by_hand()).heads
    assert (before.name, even.name, second.name) == ("head.0.0", "head.0.1", "head.0.2")
    np.testing.assert_allclose(before.attention[1:], np.eye(MOMENTS, k=-1)[1:], atol=1e-12)
    np.testing.assert_allclose(even.attention, np.tril(np.ones((4, 4))) / np.arange(1, 5)[:, None], atol=1e-12)
    np.testing.assert_allclose(second.attention[1:], np.eye(MOMENTS)[[1, 1, 1]], atol=1e-12)
    names = ("w", "x", "y", "z")
    assert before.says(names) == "always one moment back (100 %)"
    assert second.says(names) == "always at x (100 %)"
    assert even.says(names) == "at every moment it sees alike: no kept connection into its queries or keys matters"
    assert [head.is_even for head in (before, even, second)] == [False, True, False]
    for head in (before, even, second):
        assert head.asking == (1, 2, 3)
        assert head.variation == pytest.approx(0, abs=1e-12)
        assert head.seen == 3
    assert before.looked == second.looked == pytest.approx(1)
    assert even.looked == pytest.approx((2 + 3 + 4) / 3)


def test_what_is_lost_without_a_head_made_by_hand():
    sparse, task = by_hand()
    found = find_heads(sparse, task)
    x, known = numbers_of(task.test), numbers_of(task.train)

    def mixed(x):
        means = np.stack([x[:, : moment + 1].mean(1) for moment in (1, 2, 3)], axis=1)
        return np.stack([x[:, :3], 2 * means, 3 * np.repeat(x[:, 1:2], 3, axis=1)])

    assert found.baseline.loss == pytest.approx(0, abs=1e-20)
    assert found.baseline.metric == pytest.approx(1)
    for head, part, trained in zip(found.heads, mixed(x), mixed(known), strict=True):
        for loss, gone in ((head.zero, part), (head.mean, part - trained.mean(0))):
            assert loss.loss_increase == pytest.approx((gone**2).mean())
            assert loss.stderr == pytest.approx((gone**2).mean(1).std(ddof=1) / 30**0.5)
            assert loss.metric == pytest.approx((1 - (gone**2).sum(0) / task.test.targets.numpy().var(0) / 30).mean())
            assert loss.drop == pytest.approx(1 - loss.metric)


def test_connections_and_modules_of_a_head():
    sparse, task = by_hand()
    modules = {"A": [Neuron("q.0", 0), Neuron("z.0", 0)], "B": [Neuron("k.0", 0), Neuron("z.0", 1), Neuron("in", 0)]}
    before, even, second = find_heads(sparse, task, modules=modules).heads
    assert tuple(before.connections) == (3, 4, 1, 1)
    assert tuple(even.connections) == (0, 0, 1, 1)
    assert tuple(second.connections) == (0, 1, 1, 1)
    assert [tuple(share) for share in before.shares] == [("A", 2), ("B", 1)]  # nothing reads z.0[1]
    assert even.shares == ()
    assert before.neurons == 1


def test_a_head_that_nothing_reads_leads_nowhere():
    sparse, task = by_hand()
    sparse.net.parameters["weight.resid.1"][0, :, :MOMENTS] = 0
    sparse = replace(sparse, kept={name: sparse.net.parameters[name] != 0 for name in sparse.kept})
    head = find_heads(sparse, task).heads[0]
    assert not head.is_live
    assert head.says("wxyz") == "leads nowhere"
    assert head.zero.drop == 0


def test_without_a_mask_and_with_less_attention():
    sparse, task = by_hand(is_causal=False, rate=0.25)
    head = find_heads(sparse, task).heads[0]
    np.testing.assert_allclose(head.weights[1:], 0.25 * np.eye(MOMENTS, k=-1)[1:] + 0.75, atol=1e-12)
    assert head.seen == MOMENTS
    none = find_heads(*by_hand(is_causal=False, rate=0.0)).heads[0]
    assert none.says("wxyz") == "adds all moments up, whatever its queries and keys"


@pytest.mark.parametrize("family", [family for family in FAMILIES if "transformer" in family])
def test_attention_of_every_family_against_loops(family):
    net, task = made(family)
    sparse = whole(net, task)
    net, task = sparse.net, task.to(torch.float64)
    found = find_heads(sparse, task)
    values = net.activations(task.test.inputs[None])
    for head in found.heads:
        mixture, block = net.mixture(head.site), int(head.name.rpartition(".")[2])
        size = values[mixture.query].shape[-1] // mixture.heads
        q, k = (
            values[site][0].view(-1, net.moments, mixture.heads, size)[:, :, block]
            for site in (mixture.query, mixture.key)
        )
        rows = np.zeros((len(q), net.moments, net.moments))
        for row in range(len(q)):
            for moment in range(net.moments):
                seen = moment + 1 if mixture.is_causal else net.moments
                scores = [mixture.scale * float(q[row, moment] @ k[row, other]) for other in range(seen)]
                shares = [math.exp(score - max(scores)) for score in scores]
                rows[row, moment, :seen] = np.array(shares) / sum(shares)
        np.testing.assert_allclose(head.attention, rows.mean(0), rtol=1e-9)
        choosing = [moment for moment in head.asking if moment or not mixture.is_causal]
        far = [np.abs(row - rows.mean(0))[choosing].sum(1) / 2 for row in rows]
        assert head.variation == pytest.approx(np.mean(far))
        looked = [math.exp(-sum(s * math.log(s) for s in row[m] if s > 0)) for row in rows for m in choosing]
        assert head.looked == pytest.approx(np.mean(looked))
    last = found.heads[-1]
    assert last.asking == (tuple(sorted({moment for moment, _ in task.reads})) or (net.moments - 1,))
    assert found.moments == (("a", "b") if family == "token_transformer" else tuple("12345"))


@pytest.mark.parametrize("family", [family for family in FAMILIES if "transformer" not in family])
def test_a_net_without_attention_is_refused(family):
    net, task = made(family)
    assert not has_heads(net)
    with pytest.raises(UserError, match=r"the net must have attention .* got one without; bimt modules and"):
        find_heads(whole(net, task), task)


def test_words():
    turned = np.array([[0.5, 0.5], [0.5, 0.5]])
    assert in_words(turned, "ab", asking=(0, 1), is_causal=False, variation=0.3) == "at moments that depend on the data"
    assert in_words(turned, "ab", asking=(0, 1), is_causal=False, variation=0.0) == f"nearly {ALIKE}"
    uneven = np.array([[0.4, 0.6], [0.6, 0.4]])
    assert in_words(uneven, "ab", asking=(0, 1), is_causal=False, variation=0.0) == "at several moments"
    assert (
        in_words(np.eye(2), "ab", asking=(0, 1), is_causal=False, variation=0.0) == "always at the same moment (100 %)"
    )
    assert in_words(np.eye(2), "ab", asking=(0,), is_causal=True, variation=0.0) == "at itself, all it sees"
    hostile = in_words(np.array([[1.0, 0.0]] * 2), ("a\nb\x1b[31m", "c"), asking=(1,), is_causal=True, variation=0.0)
    assert hostile == "always at a\\nb\\x1b[31m (100 %)"


def test_the_command(tmp_path, capsys):
    settings = [
        "task.sequences=40",
        "net.width=4",
        "net.heads=2",
        "net.mlp=[3,3]",
        "steps=20",
        "swaps.every=never",
        "batch=8",
    ]
    train(make_config("in_context", settings=settings), out=tmp_path / "run")
    assert run(command, [str(tmp_path / "run"), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [head["name"] for head in document["heads"]] == ["head.0.0", "head.0.1", "head.1.0", "head.1.1"]
    assert all(share["module"] == "A" for head in document["heads"] for share in head["modules"])
    assert run(command, [str(tmp_path / "run"), "--no-modules"]) == 0
    assert "head.1.1, at 3" in capsys.readouterr().out


def test_the_command_refuses_a_net_without_attention(tmp_path, capsys):
    train(
        make_config("independence", settings=["steps=2", "net.hidden=[3]", "swaps.every=never"]), out=tmp_path / "run"
    )
    assert run(command, [str(tmp_path / "run")]) == 2
    assert re.fullmatch(r"bimt heads: error: the net must have attention .*\n", capsys.readouterr().err)


def test_as_a_table():
    frame = find_heads(*by_hand()).to_frame()
    assert frame.loc["head.0.1", "out of z"] == 1
    assert list(frame.index) == ["head.0.0", "head.0.1", "head.0.2"]
    stdout_console().print(find_heads(*by_hand()))
