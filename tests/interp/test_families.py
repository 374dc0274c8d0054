"""Pruning, graphs and ablation of every family of nets: each one loop over the wiring."""

import pytest
import torch

from bimt.checkpoint import Checkpoint
from bimt.config import make_config
from bimt.nets.build import make_net
from bimt.seeds import make_generators
from bimt.train import train
from interp.ablation import ablate
from interp.candidates import cuttable
from interp.export import save_pruned
from interp.graph import to_graph
from interp.prune import prune, shrink
from interp.select import select
from interp.sparse import Neuron, masked, on_path, whole
from tests.families import FAMILIES, answered, config_of, made


@pytest.mark.parametrize("family", FAMILIES)
def test_the_smaller_net_equals_the_masked_one(family):
    net, task = made(family, live=0.35)
    sparse = prune(net, task, tolerance=0.5)
    assert 0 < sparse.connections < sparse.dense_connections
    small = shrink(sparse)
    x = task.test.inputs[None]
    assert torch.allclose(small.run(x), sparse.net.run(x), atol=1e-12, rtol=1e-12)
    assert sum(map(torch.numel, small.parameters.values())) < sum(map(torch.numel, net.parameters.values()))
    assert torch.equal(masked(sparse.net, sparse.kept).run(x), sparse.net.run(x))


@pytest.mark.parametrize("family", FAMILIES)
def test_folding_constants_changes_no_output(family):
    net, task = made(family, live=0.35)
    dense = whole(net, task)
    x = task.train.inputs[None]
    for tolerance in (1e-9, 0.5):
        sparse = prune(net, task, tolerance=tolerance)
        assert 0 < sparse.connections < dense.connections
        cut = {name: net.parameters[name].abs() >= sparse.threshold for name in cuttable(net)}
        assert torch.allclose(sparse.net.run(x), masked(net, cut).run(x), atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("family", FAMILIES)
def test_edges_are_kept_connections_skips_and_gates(family):
    net, task = made(family, live=0.4)
    sparse = prune(net, task, tolerance=0.3)
    graph = to_graph(sparse, task)
    kinds = [kind for *_, kind in graph.edges(data="kind")]
    live = on_path(net.wiring, sparse.kept)
    ends = {site.name: live[site.name] | (site.role != "hidden") for site in net.wiring.sites}
    links = sum(
        int((link.view(sparse.kept[link.parameter])[0] & live[link.target][:, None] & live[link.source]).sum())
        for link in net.wiring.links
    )
    single = [link for link in net.wiring.links if not net.wiring.is_look_up(link)]
    assert sum(int(link.view(sparse.kept[link.parameter]).sum()) for link in single) == sum(
        data["link"] in {link.name for link in single} and data["kind"] == "connection"
        for *_, data in graph.edges(data=True)
    )
    assert all("position" in data for _, data in graph.nodes(data=True))
    skips = sum(int((ends[skip.source] & ends[skip.target]).sum()) for skip in net.wiring.skips)
    gates = 0
    for gate in net.wiring.gates:
        blocks = net.wiring.population_of(gate.target).blocks
        sources, targets = (ends[end].view(blocks, -1).sum(1) for end in (gate.source, gate.target))
        gates += int((sources * targets).sum())
    assert (kinds.count("connection"), kinds.count("skip"), kinds.count("gate")) == (links, skips, gates)


@pytest.mark.parametrize("family", FAMILIES)
def test_ablating_nothing_is_the_baseline_and_zero_is_editing_by_hand(family):
    net, task = made(family, live=0.5)
    sparse = prune(net, task, tolerance=0.3)
    for method in ("zero", "mean", "resample"):
        generator = torch.Generator().manual_seed(0)
        table = ablate(sparse, task, modules={}, method=method, donors=5, generator=generator)
        assert table.baseline.metric == pytest.approx(sparse.metric, abs=1e-12)
    zero = ablate(sparse, task, modules={}, method="zero")
    assert len(zero.of("connection")) == sparse.connections
    for row in zero.of("connection")[::7]:
        source, target = row.name.split("->")
        by_hand = sparse.net.copies(1)
        for link in net.wiring.links:
            if (link.source, link.target) == (source.split("[")[0], target.split("[")[0]):
                ends = (int(end.split("[")[1][:-1]) for end in (target, source))
                by_hand.weight(link)[(0, *ends)] = 0.0
        outputs = by_hand.run(task.test.inputs[None])
        assert row.metric == pytest.approx(task.metric(outputs, task.test.targets[None]).item(), abs=1e-9)


def test_the_mean_is_taken_moment_by_moment():
    net, task = made("transformer")
    sparse = whole(net, task)
    table = ablate(sparse, task, modules={}, method="mean", sites="each")
    train = net.activations(task.train.inputs[None])["mlp.0"][0].unflatten(0, (len(task.train), task.moments)).mean(0)

    def edit(value):
        other = value.clone()
        other.unflatten(1, (-1, task.moments))[..., 2] = train[:, 2]
        return other

    expected = task.metric(net.run(task.test.inputs[None], {"mlp.0": edit}), task.test.targets[None]).item()
    row = next(row for row in table.of("neuron") if row.name == "mlp.0[2]")
    assert row.metric == pytest.approx(expected, abs=1e-12)


def test_a_hand_made_transformer_gives_the_graph_that_was_built():
    config = make_config("in_context", settings=["net.width=2", "net.layers=1", "net.mlp=[1]", "task.sequences=40"])
    task = config.task.load()
    net = make_net(config, task=task, generators=make_generators([0]))
    for tensor in net.parameters.values():
        tensor.zero_()
    wiring = {link.name: link for link in net.wiring.links}
    built = {
        ("resid.0<-in", 0, 0): 1.0,  # resid[0] carries y
        ("resid.0<-in", 1, 1): 1.5,  # resid[1] carries x
        ("q.0<-resid.0", 0, 1): 0.5,
        ("k.0<-resid.0", 0, 1): -0.5,
        ("v.0<-resid.0", 1, 0): 2.0,
        ("resid.1<-z.0", 0, 1): 0.7,
        ("mlp.0<-resid.1", 0, 1): 0.3,
        ("resid.2<-mlp.0", 0, 0): 0.9,
        ("out<-resid.2", 0, 0): 1.1,
    }
    for (name, target, source), value in built.items():
        net.weight(wiring[name])[0, target, source] = value
    task = answered(task, net)
    graph = to_graph(prune(net, task), task)
    edges = {kind: set() for kind in ("connection", "skip", "gate")}
    for source, target, kind in graph.edges(data="kind"):
        edges[kind].add((str(source), str(target)))
    connections = {(*reversed(name.split("<-")), source, target) for (name, target, source) in built}
    assert edges["connection"] == {(f"{a}[{i}]", f"{b}[{j}]") for a, b, i, j in connections}
    # both numbers of the stream go on to resid.1; after it only resid[0] is read
    assert edges["skip"] == {
        ("v.0[1]", "z.0[1]"),
        ("resid.0[0]", "resid.1[0]"),
        ("resid.0[1]", "resid.1[1]"),
        ("resid.1[0]", "resid.2[0]"),
    }
    assert edges["gate"] == {("q.0[0]", "z.0[1]"), ("k.0[0]", "z.0[1]")}
    assert graph.nodes[Neuron("resid.2", 0)]["population"] == "resid"


def test_a_mixture_of_constants_is_constant():
    net, _ = made("transformer")
    value = next(link for link in net.wiring.links if link.name == "v.0<-resid.0")
    net.weight(value)[0, 2] = 0.0  # v.0[2] is its bias at every moment
    task = answered(made("transformer")[1], net)
    sparse = prune(net, task, tolerance=1e-12)
    assert not sparse.live()["z.0"][2]
    assert sparse.live()["z.0"][[0, 1, 3]].all()
    assert sparse.live()["q.0"][:4].all(), "the gate still weighs the other neurons of the head"
    x = task.test.inputs[None]
    assert torch.allclose(sparse.net.run(x), net.run(x), atol=1e-12)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_pruned_net_is_saved_and_read_back(family, tmp_path, unchecked):
    checkpoint = train(config_of(family, "steps=60", "swaps.every=20", "log_every=30"))
    chosen = select(checkpoint, tolerance=0.3)
    saved = save_pruned(chosen, tmp_path / "pruned")
    assert isinstance(saved, Checkpoint)
    x = saved.task.test.inputs[None]
    assert torch.allclose(saved.net.run(x), chosen.sparse.net.run(x), atol=1e-12, rtol=1e-12)
    again = select(tmp_path / "pruned", tolerance=1e-6)
    assert again.sparse.connections <= chosen.sparse.connections


@pytest.mark.parametrize("alive", [[[3], [3]], [[0, 5], [2, 6]], [[1], []], [[], []], [[0, 1, 4], [7]]])
def test_heads_die_until_one_neuron_or_none_is_left(alive):
    net, task = made("transformer")
    wiring = {link.name: link for link in net.wiring.links}
    for layer, neurons in enumerate(alive):
        dead = torch.tensor([index not in neurons for index in range(8)])
        for end in ("q", "k", "v"):
            net.weight(wiring[f"{end}.{layer}<-resid.{2 * layer}"])[:, dead] = 0.0
            net.bias(f"{end}.{layer}")[:, dead] = 0.0
        net.weight(wiring[f"resid.{2 * layer + 1}<-z.{layer}"])[:, :, dead] = 0.0
    task = answered(task, net)
    sparse = prune(net, task, tolerance=1e-9)
    small = shrink(sparse)
    for layer, neurons in enumerate(alive):
        heads = {index // 4 for index in neurons}
        most = max((sum(index // 4 == head for index in neurons) for head in heads), default=0)
        population = small.wiring.population(f"head.{layer}")
        assert (population.size, population.blocks) == (most * len(heads), max(len(heads), 1))
    x = task.test.inputs[None]
    assert torch.allclose(small.run(x), sparse.net.run(x), atol=1e-12, rtol=1e-12)
    assert torch.allclose(small.copies(3).run(x), small.run(x), atol=1e-12, rtol=1e-12)
