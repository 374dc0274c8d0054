"""What nets know of a group: hand-made ones whose dimensions, neurons and logits are known."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from bimt.checkpoint import save_checkpoint
from bimt.cli import run
from bimt.config import make_config
from bimt.messages import UserError
from bimt.opening import open_checkpoint
from bimt.train import train
from interp.commands import group as command
from interp.group import find_representations, group_of
from interp.irreps import find_irreps
from interp.pair_parts import character_shares, explain_logits, irrep_pairs, take_apart
from interp.readings import coset_families, read_neurons, subgroup_name
from interp.sparse import whole
from interp.subgroups import find_subgroups
from tests.bimt.foreign.files import transformer, written
from tests.groups import group_named, look_up_net, net_of

SETTINGS = [
    *("task.group=S3", "net.embedding=4", "net.hidden=[8]"),
    *("steps=200", "learning_rate=0.02", "cost.strength=0.01", "swaps.every=never"),
]


def read(net, task, group, *, draws=199):
    return find_representations(whole(net, task), task, group, draws=draws, generator=np.random.default_rng(0))


def parity():
    return find_irreps(group_named("S4"))[1].character


# Dimensions


def test_a_dimension_that_is_the_sign_is_said_to_be():
    random = np.random.default_rng(0)
    found = read(*net_of("S4", np.stack([parity() + 0.5, random.normal(size=24)], axis=1)))
    sign, other = sorted(found.dimensions, key=lambda each: each.number)
    assert sign.name == "embed[0]"
    assert sign.energies[0] == pytest.approx(0.25 / 1.25)
    assert sign.energies[1] == pytest.approx(1 / 1.25)
    assert found.sign_share(sign) == pytest.approx(1.0)
    assert found.sign_share(other) < 0.5
    assert found.says(sign.reading.irrep, is_cosets=False) == "sign"
    assert sign.reading.cosets is not None
    assert found.families[sign.reading.cosets.concept].subgroup.order == 12
    assert found.says(other.reading.irrep, is_cosets=False) == ""
    assert found.says(other.reading.cosets, is_cosets=True) == ""
    assert next(each for each in found.uses if each.name == "sign").dimensions == ("embed[0]",)
    frame = found.to_frame()
    assert frame.loc["embed[0]", "sign share"] == pytest.approx(1.0)
    assert frame.loc["embed[0]", "irrep"] == "sign"
    assert frame.loc["embed[1]", ["share", "coset share"]].isna().all()


@pytest.mark.parametrize("name", ["S3", "S4"])
def test_an_exact_irrep_is_found_whatever_its_coordinates(name):
    group = group_named(name)
    irrep = find_irreps(group, generator=np.random.default_rng(5))[-1]
    found = read(*net_of(name, irrep.matrices.reshape(len(group), -1)))
    assert found.uses[-1].embedding == pytest.approx(1.0)
    for dimension in found.dimensions:
        assert dimension.shares[-1] == pytest.approx(1.0)
        assert dimension.reading.irrep is not None
        assert found.irreps[dimension.reading.irrep.concept].name == irrep.name


def test_an_exact_coset_indicator_is_named_with_its_subgroup():
    group = group_named("S4")
    families = coset_families(group, find_subgroups(group).chosen)
    family = next(each for each in families if each.subgroup.order == 6 and each.side == "right")
    indicator = np.isin(np.arange(24), family.classes[1]).astype(float)
    (dimension,) = (found := read(*net_of("S4", indicator[:, None]))).dimensions
    expected = f"right cosets of {subgroup_name(group, family.subgroup)}"
    assert found.says(dimension.reading.cosets, is_cosets=True) == expected
    assert dimension.reading.cosets is not None
    assert dimension.reading.cosets.share == pytest.approx(1.0)
    (entry,) = found.to_json()["dimensions"]
    assert entry["cosets"]["side"] == "right"
    assert entry["cosets"]["subgroup"]["order"] == 6
    assert set(entry["cosets"]["subgroup"]["generators"]) <= set(group.elements)


def test_a_random_embedding_gives_no_claim():
    found = read(*net_of("S4", np.random.default_rng(1).normal(size=(24, 6))))
    assert len(found.dimensions) == 6
    for dimension in found.dimensions:
        assert dimension.energies.sum() == pytest.approx(1.0)
        assert dimension.energies[1:].sum() == pytest.approx(1 - dimension.energies[0])
        assert dimension.shares.sum() == pytest.approx(1.0)
        assert found.says(dimension.reading.irrep, is_cosets=False) == ""
        assert found.says(dimension.reading.cosets, is_cosets=True) == ""
    assert found.irrep_basis is not None
    assert found.irrep_basis.p > 0.01


def test_taking_out_an_irrep_that_is_not_there_costs_nothing():
    found = read(*net_of("S4", parity()[:, None]))
    increases = {each.name: each.loss_increase for each in found.uses}
    assert increases["sign"] != 0
    assert [increases[name] for name in ("trivial", "(2,2)", "standard (3,1)")] == pytest.approx([0, 0, 0], abs=1e-12)


# Functions on pairs


def test_a_function_on_pairs_is_taken_apart_exactly():
    group, random = group_named("S4"), np.random.default_rng(2)
    parts = [each - each.mean() for each in random.normal(size=(3, 24))]
    values = 7 + parts[0][:, None] + 2 * parts[1] + 3 * parts[2][group.table]
    found = take_apart(values, group)
    variances = np.array([np.square(scale * each).mean() for scale, each in zip((1, 2, 3), parts, strict=True)])
    assert np.abs(found.means - np.stack([parts[0], 2 * parts[1], 3 * parts[2]])).max() < 1e-12
    assert found.shares == pytest.approx(variances / variances.sum())
    assert not take_apart(np.full((24, 24), 0.1), group).shares.any()


def test_pairs_of_irreps_carry_what_they_must():
    group = group_named("S4")
    irreps = find_irreps(group)
    values = np.random.default_rng(3).normal(size=(24, 24))
    assert irrep_pairs(values, irreps).sum() == pytest.approx(1.0)
    assert irrep_pairs(np.zeros((24, 24)), irreps).sum() == 0
    standard, other = irreps[3].matrices[:, 0, 1], irreps[2].matrices[:, 1, 1]
    assert irrep_pairs(np.outer(standard, other), irreps)[3, 2] == pytest.approx(1.0)
    assert irrep_pairs(np.outer(standard, np.ones(24)), irreps)[3, 0] == pytest.approx(1.0)
    assert irrep_pairs(standard[group.table], irreps)[3, 3] == pytest.approx(1.0)


def test_hidden_neurons_are_read():
    group = group_named("S4")
    net, task, _ = net_of("S4", parity()[:, None], hidden=2)
    net.parameters["weight.h1"][0] = torch.tensor([[1.0, 0.0], [3.0, 3.0]])
    found = read(net, task, group)
    of_a, of_both = found.neurons
    assert (of_a.name, of_both.name) == ("h1[0]", "h1[1]")
    assert of_a.parts == pytest.approx([1.0, 0.0, 0.0], abs=1e-12)
    assert of_a.rest == pytest.approx(0.0, abs=1e-12)
    assert of_a.readings[1:] == (None, None)
    assert of_both.parts[0] == pytest.approx(of_both.parts[1])
    assert of_both.parts.sum() == pytest.approx(1.0)  # of two signs: one, the other, or their product, which is of ab
    assert of_both.pairs[0, 1] + of_both.pairs[1, 0] + of_both.pairs[1, 1] == pytest.approx(1.0)
    for neuron in found.neurons:
        assert neuron.irrep is not None
        assert neuron.irrep.share == pytest.approx(1.0)
        assert found.says(neuron.irrep, is_cosets=False) == "sign"
        assert neuron.coset_share == pytest.approx(1.0, abs=0.5)
    assert of_a.coset_share == pytest.approx(1.0)


def test_what_depends_on_both_elements_only_is_the_rest():
    group = group_named("S4")
    irreps = find_irreps(group)
    families = coset_families(group, find_subgroups(group).chosen)
    values = np.outer(parity(), irreps[3].matrices[:, 0, 0])
    named = [("h1[0]", values), ("h1[1]", np.full((24, 24), 0.3))]
    both, still = read_neurons(named, group, irreps, families, draws=99, generator=np.random.default_rng(0))
    assert (both.rest, both.coset_share) == (pytest.approx(1.0), 0.0)
    assert both.pairs[1, 3] == pytest.approx(1.0)
    assert (still.rest, still.coset_share, still.irrep) == (0.0, 0.0, None)


# Logits


def test_logits_that_are_a_character_are_explained():
    group = group_named("S3")
    irreps = find_irreps(group)
    quotients = group.table[group.table][:, :, group.inverses]
    logits = 2 * irreps[2].character[quotients] + irreps[1].character[quotients]
    net = look_up_net("S3", logits)[0]
    found = explain_logits(net, group, irreps)
    assert found.r_squared == pytest.approx(1.0)
    assert found.shares == pytest.approx([0, 0.2, 0.8])
    shifted = character_shares(logits + np.random.default_rng(0).normal(size=(6, 6, 1)), group, irreps)
    assert shifted.shares == pytest.approx(found.shares)  # what all classes share is not seen
    noise = np.random.default_rng(0).normal(size=logits.shape)
    assert character_shares(noise, group, irreps).r_squared < 0.1
    assert character_shares(0 * noise, group, irreps).r_squared == 0


def test_a_whole_net_is_read_and_ranked():
    group = group_named("S3")
    quotients = group.table[group.table][:, :, group.inverses]
    net, task, _ = look_up_net("S3", find_irreps(group)[2].character[quotients])
    found = read(net, task, group)
    assert found.logits.r_squared == pytest.approx(1.0)
    assert {each.name for each in found.first} == {each.name for each in (*found.dimensions, *found.neurons)}
    scores = [each.explained * max(each.loss_increase, 0) for each in found.first]
    assert scores == sorted(scores, reverse=True)
    assert len(found.to_frame()) == 6
    assert len(found.neurons_frame()) == 36
    assert found.to_frame()[[each.name for each in found.irreps]].to_numpy().sum(1) == pytest.approx(np.ones(6))
    assert "characters explain 1.000 of the logits" in found.in_words()
    again = read(net, task, group)
    assert json.dumps(again.to_json()) == json.dumps(found.to_json())


def test_a_dead_net_has_nothing_to_read():
    net, task, group = net_of("S3", np.zeros((6, 2)))
    for name in ("weight.h1", "weight.out"):
        net.parameters[name].zero_()
    sparse = whole(net, task)
    sparse = replace(sparse, kept={name: torch.zeros_like(mask) for name, mask in sparse.kept.items()})
    found = find_representations(sparse, task, group, draws=99, generator=np.random.default_rng(0))
    assert (found.dimensions, found.neurons, found.first, found.irrep_basis) == ((), (), (), None)
    assert json.loads(json.dumps(found.to_json()))["basis"] == {"irreps": None, "cosets": None}
    assert list(found.to_frame().index) == []


def test_a_group_without_subgroups_says_so():
    found = read(*net_of("C5", np.random.default_rng(0).normal(size=(5, 2))))
    assert found.families == ()
    assert found.coset_basis is None
    assert "There are no subgroups" in found.in_words()


def test_subgroups_that_are_left_out_are_said(monkeypatch):
    found = read(*net_of("S3", np.random.default_rng(0).normal(size=(6, 2))))
    partly = replace(found, subgroups=found.subgroups._replace(is_complete=False))
    assert "Subgroups: 4 with up to 3 cosets, of those that 3 elements generate; there are more." in partly.in_words()


def test_another_task_is_refused():
    net, task, _ = net_of("S3", np.zeros((6, 2)))
    with pytest.raises(ValueError, match="must have two tokens and as many classes as tokens, 24"):
        read(net, task, group_named("S4"))


# Tasks and the command


def test_addition_is_a_cyclic_group():
    group = group_of(make_config("modular_addition", task__modulus=6))
    group.check()
    assert (group.name, group.elements[5], group.table[4, 5]) == ("C6", "5", 3)


@pytest.mark.parametrize(
    ("task", "values"),
    [
        ("independence", {}),
        ("modular_addition", {"task__operation": "-"}),
        ("modular_addition", {"task__operation": "x"}),
        ("modular_addition", {"task__operands": 3, "task__modulus": 5}),
        ("modular_addition", {"task__own_tokens": True}),
        ("modular_addition", {"net__own_embeddings": True}),
        ("modular_addition", {"task__equals_sign": True}),
    ],
)
def test_tasks_without_a_group_are_refused(task, values):
    with pytest.raises(UserError, match=f"the task {task} must ask for the product of two elements"):
        group_of(make_config(task, **values))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("group") / "run"
    save_checkpoint(train(make_config("permutation_group", settings=SETTINGS)), path)
    return str(path)


def test_the_command_prints_tables_or_json(checkpoint, capsys):
    assert run(command, [checkpoint]) == 0
    out = capsys.readouterr().out
    assert "S3: 6 elements, 3 real irreps" in out
    assert "look here first" in out
    assert run(command, [checkpoint, "--json", "--seed", "0", "--tolerance", "0.01"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["group"], document["order"], document["tolerance"]) == ("S3", 6, 0.01)
    assert [each["name"] for each in document["irreps"]] == ["trivial", "sign", "standard (2,1)"]


def test_positions_are_no_elements(tmp_path, capsys):
    """A transformer looks positions up too, in the same stream as the tokens."""
    path = written(tmp_path, *transformer())
    assert run(command, [str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["group"] == "C5"
    net = open_checkpoint(path).net.to(torch.float64)
    task = open_checkpoint(path).task
    found = read(net, task, group_of(open_checkpoint(path).config))
    assert len(found.dimensions) == 9
    for each in found.dimensions:
        assert np.array_equal(each.values, net.parameters["weight.embed"][0, each.number].numpy())


def test_the_command_refuses_other_tasks_in_one_line(tmp_path, capsys):
    settings = ["steps=2", "net.hidden=[3]", "swaps.every=never"]
    save_checkpoint(train(make_config("independence", settings=settings)), tmp_path / "run")
    assert run(command, [str(tmp_path / "run")]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert re.fullmatch(r"bimt group: error: the task independence must ask for the product .*\n", captured.err)
