import csv
import io
import itertools
import json
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from bimt.checkpoint import save_checkpoint
from bimt.cli import run
from bimt.config import make_config
from bimt.train import train
from interp import ablation as module
from interp import commands, edits
from interp.ablation import ablate
from interp.edits import Connection, Cut, replacements, run_cuts
from interp.prune import prune
from interp.sparse import Neuron, whole
from tests.nets import TwoOperands, mlp, random_mlp, task_of, two_parts

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


# A population at several sites


@pytest.mark.parametrize("method", METHODS)
def test_a_shared_population_goes_at_all_its_sites(method):
    net = TwoOperands()
    task = task_of(net)
    table = table_of(net, task, method=method)
    assert [row.name for row in table.of("neuron")] == [
        *(f"number[{k}]" for k in range(2)),
        *(f"embed[{k}]" for k in range(3)),
    ]
    assert [row.label for row in table.of("neuron")[:3]] == ["x1, x3", "x2, x4", "embed[0]"]
    at = {site: value[0] for site, value in net.activations(task.train.inputs[None]).items()}
    donors = torch.randperm(len(task.train), generator=seeded())[:100]
    values = {
        "zero": lambda site: torch.zeros(1, 3),
        "mean": lambda site: at[site].mean(0, keepdim=True),
        "resample": lambda site: at[site][donors],
    }[method]
    y = task.test.targets
    losses = []
    for a, b in zip(values("embed.a"), values("embed.b"), strict=True):
        by_hand = {"embed.a": a, "embed.b": b}
        changed = {site: put(value, 1) for site, value in by_hand.items()}
        losses.append(task.loss(net.run(task.test.inputs[None], changed), y[None]).item())
    row = by_name(table)["embed[1]"]
    assert row.loss_increase == pytest.approx(sum(losses) / len(losses), rel=1e-10)
    assert row.reference == (0.0 if method == "zero" else None)


def put(value, index):
    """An edit that sets one neuron to what a vector of values says."""

    def edit(found):
        found = found.clone()
        found[..., index] = value[index]
        return found

    return edit


def test_each_site_can_go_by_itself():
    net = TwoOperands()
    task = task_of(net)
    table = table_of(net, task, sites="each", modules={"A": [Neuron("embed.b", 2)]})
    names = [row.name for row in table.of("neuron")]
    assert names[:4] == ["number.a[0]", "number.a[1]", "number.b[0]", "number.b[1]"]
    assert names[4:] == [f"embed.{operand}[{index}]" for operand in "ab" for index in range(3)]
    outputs = net.run(task.test.inputs[None], {"embed.b": put(torch.zeros(3), 2)})
    lost = task.loss(outputs, task.test.targets[None]).item()
    assert by_name(table)["embed.b[2]"].loss_increase == pytest.approx(lost, rel=1e-10)
    assert by_name(table)["A"].loss_increase == by_name(table)["embed.b[2]"].loss_increase


def test_a_module_goes_at_all_sites_of_its_neurons():
    net = TwoOperands()
    rows = by_name(table_of(net, task_of(net), modules={"A": [Neuron("embed.b", 2)]}))
    assert rows["A"].loss_increase == rows["embed[2]"].loss_increase


def test_tied_connections_go_together_and_once():
    net = TwoOperands()
    task = task_of(net)
    table = table_of(net, task)
    names = [row.name for row in table.of("connection")]
    assert len(names) == len(set(names)) == 6 + 12
    by_hand = net.copies(1)
    by_hand.parameters["embed"][0, 2, 1] = 0
    lost = task.loss(by_hand.run(task.test.inputs[None]), task.test.targets[None]).item()
    assert by_name(table)["number.a[1]->embed.a[2]"].loss_increase == pytest.approx(lost, rel=1e-10)
    by_hand = net.copies(1)
    by_hand.parameters["out"][0, 1, 3 + 2] = 0
    lost = task.loss(by_hand.run(task.test.inputs[None]), task.test.targets[None]).item()
    assert by_name(table)["embed.b[2]->out[1]"].loss_increase == pytest.approx(lost, rel=1e-10)


def test_the_mean_of_every_tied_source_flows_on():
    net = TwoOperands()
    task = task_of(net)
    row = by_name(table_of(net, task, method="mean"))["number.a[1]->embed.a[2]"]
    x = task.test.inputs.clone()
    values = net.activations(x[None])
    means = task.train.inputs.mean(0)
    edits = {}
    for operand, column in (("a", 1), ("b", 3)):
        value = values[f"embed.{operand}"].clone()
        weight = net.parameters["embed"][0, 2]
        value[0, :, 2] = torch.tanh(x[:, column - 1] * weight[0] + means[column] * weight[1])
        edits[f"embed.{operand}"] = lambda _, value=value: value
    lost = task.loss(net.run(x[None], edits), task.test.targets[None]).item()
    assert row.loss_increase == pytest.approx(lost, rel=1e-10)
    assert row.reference is None


def test_look_ups_are_not_ablated():
    net = TwoOperands(tokens=True)
    table = table_of(net, task_of(net))
    assert {row.name.partition("[")[0] for row in table.of("neuron")} == {"embed"}
    assert {row.name.partition(".")[0] for row in table.of("connection")} == {"embed"}


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


# Forms


def drawn(table, width=200):
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(table)
    return console.export_text()


def test_print_sorts_by_the_increase_of_the_loss():
    text = drawn(table_of(SIDE_BY_SIDE, task_of(SIDE_BY_SIDE), pairs=True))
    assert text.index("h1[1]->out[1]  h1[1]->y2") < text.index("h1[0]->out[0]  h1[0]->y1")
    assert "the 6 of 6 that interact most" in text
    assert "drop y2" in text


def test_print_names_the_output_that_suffers_most_of_many():
    net = mlp([[[1.0], [-1.0]], [[0.0, 0.0]] * 6 + [[1.0, 0.0]] + [[0.0, 1.0]] * 2], [[0.0, 0.0], [0.1] * 9])
    task = task_of(net, noise=0.01)
    line = next(line for line in drawn(table_of(net, task)).splitlines() if "h1[0]->y7" in line)
    assert line.rstrip(" │").endswith("y7")


def test_the_frame_has_a_line_per_row_and_per_pair():
    table = table_of(SIDE_BY_SIDE, task_of(SIDE_BY_SIDE), pairs=True)
    frame = table.to_frame()
    assert list(frame["kind"]) == ["connection"] * 8 + ["neuron"] * 4 + ["pair"] * 6
    assert list(frame["drop y2"][:12]) == [row.per_output[1] for row in table.rows]
    assert list(frame["interaction"][12:]) == [pair.interaction for pair in table.pairs]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """The two parts, as a checkpoint."""
    net = two_parts()
    base = train(make_config("crossing", settings=["steps=2", "net.hidden=[5]", "swaps.every=1", "dtype=float64"]))
    path = tmp_path_factory.mktemp("ablation") / "run"
    save_checkpoint(replace(base, net=net, task=task_of(net)), path)
    return path


def test_the_commands_document(checkpoint, capsys):
    assert run(commands.ablation, [str(checkpoint), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert list(document) == ["checkpoint", "seed", "baseline", "method", "connections", "rows"]
    assert document["method"] == "zero"
    assert document["baseline"]["metric"] == pytest.approx(1)
    keys = {"kind", "name", "metric", "drop", "loss_increase", "stderr", "n", "reference", "per_output"}
    assert all(set(row) == keys for row in document["rows"])
    assert [row["name"] for row in document["rows"] if row["kind"] == "module"] == ["A", "B"]
    assert document["rows"][-2]["per_output"] == pytest.approx([document["rows"][-2]["drop"] * 2, 0], abs=1e-12)


def test_the_command_with_every_option(checkpoint, capsys, tmp_path):
    options = ["--method", "resample", "--pairs", "--seed", "0", "--tolerance", "0.01"]
    assert run(commands.ablation, [str(checkpoint), *options, "--csv", str(tmp_path / "all.csv")]) == 0
    assert "pairs of neurons" in capsys.readouterr().out
    assert run(commands.ablation, [str(checkpoint), *options, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    with (tmp_path / "all.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == len(document["rows"]) + len(document["pairs"])
    assert set(document["pairs"][0]) == {"first", "second", "interaction", "stderr", "n", "loss_increase", "drop"}
    assert float(lines[0]["drop y1"]) == document["rows"][0]["per_output"][0]


def test_the_command_overwrites_no_file(checkpoint, capsys, tmp_path):
    file = tmp_path / "my.csv"
    file.write_text("mine")
    assert run(commands.ablation, [str(checkpoint), "--csv", str(file)]) == 2
    assert "my.csv is there already; choose another name" in capsys.readouterr().err
    assert file.read_text() == "mine"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--method", "half"], "half"),
        (["--csv", "no/such/folder/file.csv"], "no/such/folder/file.csv: no such file or directory"),
        (["--seed", "7"], "--seed must be a label of the checkpoint"),
    ],
)
def test_the_callers_mistake_is_one_line(checkpoint, options, message, capsys):
    assert run(commands.ablation, [str(checkpoint), *options]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_of_many_connections_the_heaviest_are_ablated():
    net = random_mlp([3, 6, 2])
    sparse, task = whole(net, task_of(net)), task_of(net)
    table = ablate(sparse, task, connections=5)
    rows = table.of("connection")
    assert len(rows) == 5
    assert table.connections == 30
    sizes = torch.cat([net.weight(link)[0].abs().flatten() for link in net.wiring.links]).sort(descending=True).values
    named = {
        f"{link.source}[{source}]->{link.target}[{target}]": abs(net.weight(link)[0, target, source].item())
        for link in net.wiring.links
        for target, source in torch.ones_like(net.weight(link)[0]).nonzero().tolist()
    }
    assert sorted((named[row.name] for row in rows), reverse=True) == pytest.approx(sizes[:5].tolist())
    everything = {row.name: row for row in ablate(sparse, task).of("connection")}
    assert all(everything[row.name] == row for row in rows)
    assert table.share_of("connection") == ", the 5 heaviest of 30"
    assert table.share_of("neuron") == ""
    with pytest.raises(ValueError, match="`connections` must be at least 0, got -1"):
        ablate(sparse, task, connections=-1)
