import itertools
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from interp import ablation as module
from interp import edits
from interp.ablation import ablate
from interp.edits import Connection, Cut, replacements, run_cuts
from interp.prune import prune
from interp.sparse import Neuron, whole
from tests.nets import mlp, random_mlp, task_of, two_parts

METHODS = ("zero", "mean", "resample")
SIDE_BY_SIDE = mlp([[[1.0, 0.0], [0.0, 1.0]], [[2.0, 0.0], [0.0, 3.0]]])
"""y1 = 2 silu(x1), y2 = 3 silu(x2)."""


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def table_of(net, task, **options):
    return ablate(whole(net, task), task, generator=seeded(), **options)


def by_name(table):
    return {row.name: row for row in table.rows}


def silu(x):
    return torch.nn.functional.silu(x)


def variance(values):
    return values.var(correction=0).item()


# Oracles


def test_by_zero_an_output_loses_all_that_its_only_neuron_gave():
    task = task_of(SIDE_BY_SIDE)
    table = table_of(SIDE_BY_SIDE, task)
    y = task.test.targets
    assert table.baseline == (1.0, 0.0, (1.0, 1.0))
    row = by_name(table)["h1[0]"]
    lost = y[:, 0].square() / 2
    assert row.loss_increase == pytest.approx(lost.mean().item(), rel=1e-12)
    assert row.stderr == pytest.approx(lost.std().item() / len(y) ** 0.5, rel=1e-12)
    assert row.per_output == pytest.approx((y[:, 0].square().mean().item() / variance(y[:, 0]), 0.0), rel=1e-12)
    assert row.drop == pytest.approx(sum(row.per_output) / 2, rel=1e-12)
    assert row.metric == pytest.approx(1 - row.drop, rel=1e-12)
    assert (row.kind, row.label, row.n, row.reference) == ("neuron", "h1[0]", len(y), 0.0)


def test_by_mean_the_training_mean_stands_in():
    task = task_of(SIDE_BY_SIDE)
    rows = by_name(table_of(SIDE_BY_SIDE, task, method="mean"))
    mean = silu(task.train.inputs[:, 0]).mean().item()
    lost = (task.test.targets[:, 0] - 2 * mean).square().mean().item() / 2
    for name in ("h1[0]", "h1[0]->out[0]"):
        assert rows[name].loss_increase == pytest.approx(lost, rel=1e-12)
        assert rows[name].reference == pytest.approx(mean, rel=1e-12)
    lost = (task.test.targets[:, 0] - 2 * silu(task.train.inputs[:, 0].mean())).square().mean().item() / 2
    assert rows["in[0]"].loss_increase == pytest.approx(lost, rel=1e-12)


def test_by_resample_one_training_row_at_a_time_stands_in():
    task = task_of(SIDE_BY_SIDE)
    row = by_name(table_of(SIDE_BY_SIDE, task, method="resample", donors=10))["h1[0]"]
    y = task.test.targets[:, 0]
    donors = torch.randperm(len(task.train), generator=seeded())[:10]
    lost = torch.stack([(y - 2 * silu(task.train.inputs[donor, 0])).square().mean() / 2 for donor in donors])
    assert row.n == 10
    assert row.loss_increase == pytest.approx(lost.mean().item(), rel=1e-12)
    assert row.stderr == pytest.approx(lost.std().item() / 10**0.5, rel=1e-12)
    assert row.per_output[0] == pytest.approx(2 * lost.mean().item() / variance(y), rel=1e-12)


def test_one_donor_row_serves_all_neurons_of_a_set():
    # h1[0] = h1[1]: with the same donor they still agree, with two donors y = h1[0] - h1[1] would move
    net = mlp([[[1.0], [1.0], [1.0]], [[1.0, -1.0, 1.0]]])
    table = table_of(net, task_of(net), method="resample", pairs=True)
    both = {(pair.first, pair.second): pair.both.loss_increase for pair in table.pairs}
    assert both["h1[0]", "h1[1]"] == pytest.approx(0, abs=1e-12)
    assert both["h1[0]", "h1[2]"] > 0.1


def test_accuracy_and_the_share_of_every_class():
    net = mlp([[[1.0], [-1.0]], [[1.0, 0.0], [0.0, 1.0]]], [[0.0, 0.0], [0.0, 0.1]], activation="relu")
    task = task_of(net, kind="classification", rows=200)
    rows = by_name(table_of(net, task))
    counts = torch.bincount(task.test.targets, minlength=2)
    # without h1[0] the first output is always 0, so the second class is said for every row
    assert rows["h1[0]"].metric == pytest.approx(counts[1].item() / 200)
    assert rows["h1[0]"].per_output == (1.0, 0.0)
    assert rows["h1[0]"].drop == pytest.approx(counts[0].item() / 200)


def test_neurons_that_add_up_in_one_output_interact_by_twice_their_product():
    net = mlp([[[1.0, 0.0], [0.0, 1.0]], [[2.0, 3.0]]])
    task = task_of(net)
    pair = next(pair for pair in table_of(net, task, pairs=True).pairs if pair[:2] == ("h1[0]", "h1[1]"))
    product = 2 * 2 * silu(task.test.inputs[:, 0]) * 3 * silu(task.test.inputs[:, 1])
    assert pair.interaction == pytest.approx(product.mean().item(), abs=1e-12)
    assert pair.stderr == pytest.approx(product.std().item() / len(product) ** 0.5, rel=1e-12)
    assert pair.both.loss_increase == pytest.approx(task.test.targets.square().mean().item(), rel=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_neurons_of_separate_outputs_do_not_interact(method):
    task = task_of(SIDE_BY_SIDE)
    pairs = table_of(SIDE_BY_SIDE, task, method=method, pairs=True).pairs
    assert len(pairs) == 6
    for pair in pairs:
        apart = pair.first[-2] != pair.second[-2]
        assert (abs(pair.interaction) < 1e-14) == apart


@pytest.mark.parametrize("method", METHODS)
def test_an_interaction_is_the_losses_of_both_of_each_and_of_none(method):
    net = random_mlp([2, 3, 2])
    table = table_of(net, task_of(net, noise=0.1), method=method, pairs=True)
    rows = by_name(table)
    assert len(table.pairs) == 10
    for pair in table.pairs:
        alone = rows[pair.first].loss_increase + rows[pair.second].loss_increase
        assert pair.interaction == pytest.approx(pair.both.loss_increase - alone, abs=1e-12)


@pytest.mark.parametrize("kind", ["regression", "classification"])
def test_zeroing_a_connection_is_editing_its_weight_by_hand(kind):
    net = random_mlp([2, 3, 4, 3])
    task = task_of(net, kind=kind, noise=0.3)
    rows = by_name(table_of(net, task))
    for link in net.wiring.links:
        for target, source in itertools.product(*map(range, net.weight(link).shape[1:])):
            by_hand = net.copies(1)
            by_hand.weight(link)[0, target, source] = 0
            cut = Cut(connections=(Connection(link, target, source),))
            zeros = replacements(net, task.train.inputs, method="zero")
            outputs = by_hand.run(task.test.inputs[None])
            assert torch.equal(next(run_cuts(net, task.test.inputs, [cut], zeros)), outputs)
            row = rows[f"{link.source}[{source}]->{link.target}[{target}]"]
            assert row.metric == pytest.approx(task.metric(outputs, task.test.targets[None]).item(), abs=1e-12)
            gained = task.loss(outputs, task.test.targets[None]) - task.loss(
                net.run(task.test.inputs[None]), task.test.targets[None]
            )
            assert row.loss_increase == pytest.approx(gained.item(), abs=1e-12)
    assert sum(row.kind == "connection" for row in rows.values()) == 6 + 12 + 12


def test_zeroing_a_neuron_is_replacing_its_value_by_hand():
    net = random_mlp([3, 4, 5, 2])
    task = task_of(net, noise=0.3)
    for row in table_of(net, task).of("neuron"):
        site, index = row.name[:-1].split("[")
        mask = torch.ones(net.wiring.population_of(site).size)
        mask[int(index)] = 0
        outputs = net.run(task.test.inputs[None], {site: mask.mul})
        assert row.metric == pytest.approx(task.metric(outputs, task.test.targets[None]).item(), abs=1e-12)


def test_a_module_loses_its_hidden_neurons_at_once():
    net = two_parts()
    task = task_of(net)
    members = [Neuron("in", 1), Neuron("h1", 1), Neuron("h1", 2), Neuron("out", 1)]
    table = ablate(prune(net, task), task, modules={"B": members, "readout": [Neuron("out", 0)]})
    rows = by_name(table)
    outputs = net.run(task.test.inputs[None], {"h1": torch.tensor([1.0, 0.0, 0.0, 1.0, 1.0]).mul})
    assert rows["B"].metric == pytest.approx(task.metric(outputs, task.test.targets[None]).item(), abs=1e-12)
    assert rows["B"].per_output[0] == pytest.approx(0, abs=1e-12)
    assert [row.kind for row in table.rows[-2:]] == ["module", "module"]
    assert rows["readout"].loss_increase == pytest.approx(0, abs=1e-12)


def test_a_module_of_inputs_only_loses_its_inputs():
    net = mlp([[[1.0, 0.0], [0.0, 1.0]]])
    rows = by_name(table_of(net, task_of(net), modules={"A": [Neuron("in", 0), Neuron("out", 0)]}))
    assert rows["A"].loss_increase == rows["in[0]"].loss_increase > 0.1


# Invariants


@settings(max_examples=20, deadline=None)
@given(
    method=st.sampled_from(METHODS),
    sizes=st.lists(st.integers(1, 4), min_size=2, max_size=4),
    seed=st.integers(0, 99),
    kind=st.sampled_from(["regression", "classification"]),
)
def test_ablating_nothing_is_the_baseline(method, sizes, seed, kind):
    net = random_mlp(sizes, seed=seed)
    task = task_of(net, kind=kind, noise=0.3, rows=20)
    sparse = whole(net, task)
    table = ablate(sparse, task, method=method, generator=seeded(), modules={"nothing": [Neuron("out", 0)]})
    row = table.rows[-1]
    zeros = [0.0] * len(task.outputs)
    assert [row.drop, row.loss_increase, *row.per_output] == pytest.approx([0, 0, *zeros], abs=1e-12)
    assert table.baseline.metric == pytest.approx(sparse.metric, abs=1e-12)
    assert table.baseline.loss == pytest.approx(sparse.loss, abs=1e-12)


@settings(max_examples=20, deadline=None)
@given(method=st.sampled_from(METHODS), seed=st.integers(0, 99), neuron=st.sampled_from(["in", "h1", "h2"]))
def test_a_neuron_is_all_connections_that_read_it(method, seed, neuron):
    net = random_mlp([3, 4, 3, 2], seed=seed)
    task = task_of(net, rows=12)
    values = replacements(net, task.train.inputs, method=method, donors=5, generator=seeded())
    link = next(link for link in net.wiring.links if link.source == neuron)
    targets = net.wiring.population_of(link.target).size
    cuts = [Cut((Neuron(neuron, 1),)), Cut(connections=tuple(Connection(link, k, 1) for k in range(targets)))]
    outputs = torch.cat(list(run_cuts(net, task.test.inputs, cuts, values)))
    one, other = outputs.split(len(outputs) // 2)
    assert torch.allclose(one, other, rtol=0, atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_how_many_copies_run_together_does_not_matter(method, monkeypatch):
    net = random_mlp([2, 3, 2])
    task = task_of(net, noise=0.1, rows=20)
    options = {"method": method, "donors": 3, "pairs": True, "modules": {"A": [Neuron("h1", 1), Neuron("h1", 2)]}}
    together = table_of(net, task, **options)
    for numbers in (1, 1_000):
        monkeypatch.setattr(edits, "_TOGETHER", numbers)
        monkeypatch.setattr(module, "_BLOCK", 3)
        apart = table_of(net, task, **options)
        assert [row[:3] for row in apart.rows] == [row[:3] for row in together.rows]
        assert len(apart.pairs) == 10
        for one, other in zip(apart.rows, together.rows, strict=True):
            assert one[3:8] == pytest.approx(other[3:8], abs=1e-12)
            assert one.per_output == pytest.approx(other.per_output, abs=1e-12)
        for one, other in zip(apart.pairs, together.pairs, strict=True):
            assert one[:2] == other[:2]
            assert one[2:4] == pytest.approx(other[2:4], abs=1e-12)


@pytest.mark.parametrize("method", ["mean", "resample"])
def test_a_constant_neuron_is_its_own_mean_and_its_own_donor(method):
    net = two_parts()
    task = task_of(net)
    row = by_name(table_of(net, task, method=method))["h1[3]"]
    assert (row.drop, row.loss_increase) == pytest.approx((0, 0), abs=1e-12)
    assert row.reference == pytest.approx(silu(torch.tensor(0.7, dtype=torch.float64)).item())
    assert by_name(table_of(net, task))["h1[3]"].loss_increase > 0.01


def test_the_generator_decides_the_donors():
    net = random_mlp([3, 4, 2])
    task = task_of(net, rows=50)
    sparse = whole(net, task)
    tables = [ablate(sparse, task, method="resample", donors=9, generator=seeded(seed)) for seed in (1, 1, 2)]
    assert tables[0] == tables[1]
    assert tables[0].rows != tables[2].rows


def test_with_few_training_rows_each_is_a_donor_once():
    net = random_mlp([3, 4, 2])
    task = task_of(net, rows=20)
    sparse = whole(net, task)
    one, other = (ablate(sparse, task, method="resample", donors=500, generator=seeded(seed)) for seed in (1, 2))
    for first, second in zip(one.rows, other.rows, strict=True):
        assert first.n == 20
        assert first[3:7] == pytest.approx(second[3:7], abs=1e-12)


def test_the_mean_over_outputs_is_the_drop():
    net = random_mlp([3, 4, 3])
    for row in table_of(net, task_of(net, noise=0.2), method="mean").rows:
        assert row.drop == pytest.approx(sum(row.per_output) / 3, abs=1e-12)


def test_rows_stand_in_forward_order():
    net = two_parts()
    table = ablate(prune(net, task_of(net)), task_of(net), modules={"B": [], "A": []})
    assert [row.name for row in table.rows] == [
        "in[0]->h1[0]", "in[1]->h1[1]", "in[1]->h1[2]", "h1[0]->out[0]", "h1[1]->out[1]", "h1[2]->out[1]",
        "in[0]", "in[1]", "h1[0]", "h1[1]", "h1[2]", "B", "A",
    ]  # fmt: skip
    assert table.rows[0].label == "x1->h1[0]"
    assert table.rows[3].label == "h1[0]->y1"


def test_a_net_without_connections_has_an_empty_table():
    net = mlp([[[0.0]], [[0.0]]], [[0.0], [0.5]])
    task = task_of(mlp([[[1.0]], [[1.0]]]))
    sparse = prune(net, task)
    assert sparse.connections == 0
    for method in METHODS:
        table = ablate(sparse, task, method=method, generator=seeded(), pairs=True)
        assert table.rows == table.pairs == ()
        assert len(table.to_frame()) == 0


def test_a_single_test_row_has_no_standard_error():
    task = task_of(SIDE_BY_SIDE, kind="classification")
    task = replace(task, test=task.test.rows(torch.tensor([0])))
    table = table_of(SIDE_BY_SIDE, task)
    assert all(row.n == 1 and row.stderr != row.stderr for row in table.rows)


def test_nothing_given_is_changed():
    net = random_mlp([2, 3, 2])
    task = task_of(net)
    sparse = whole(net, task)
    before = {name: tensor.clone() for name, tensor in sparse.net.parameters.items()}
    for method in METHODS:
        ablate(sparse, task, method=method, generator=seeded(), pairs=True)
    assert all(torch.equal(before[name], tensor) for name, tensor in sparse.net.parameters.items())


# Messages


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "half"}, r"`method` must be zero, mean or resample, got 'half'"),
        ({"sites": "some"}, r"`sites` must be together or each, got 'some'"),
        ({"method": "resample"}, r"`generator` must be a torch.Generator for method 'resample', got None"),
        ({"method": "resample", "generator": seeded(), "donors": 0}, r"`donors` must be at least 1, got 0"),
        ({"modules": {"A": [Neuron("h9", 0)]}}, r"must hold neurons of the net, got h9\[0\] in module 'A'"),
        ({"modules": {"A": [Neuron("h1", 2)]}}, r"must hold neurons of the net, got h1\[2\] in module 'A'"),
    ],
)
def test_a_wrong_option_is_named(options, message):
    task = task_of(SIDE_BY_SIDE)
    # by hand, past the type checker that tests run under
    with pytest.raises(ValueError, match=message):
        getattr(ablate, "__wrapped__", ablate)(whole(SIDE_BY_SIDE, task), task, **options)


def test_weights_that_are_no_numbers_are_refused():
    task = task_of(SIDE_BY_SIDE)
    sparse = whole(SIDE_BY_SIDE.copies(1), task)
    sparse.net.parameters["weight.h1"][0, 0, 0] = torch.nan
    with pytest.raises(ValueError, match="`sparse` must have finite weights, got NaN"):
        ablate(sparse, task)
