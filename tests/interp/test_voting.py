"""Votes of planted modules: who is right alone, together, and what dealing anew makes of it."""

import io
import itertools
import json

import numpy as np
import pytest
import torch
from rich.console import Console

from bimt.cli import run
from bimt.config import make_config
from bimt.messages import UserError
from bimt.tasks.modular_addition import ModularAdditionTask
from bimt.tasks.permutation_group import PermutationGroupTask
from bimt.train import train
from interp import commands
from interp.ballots import Ballots, cast_ballots, explained_by
from interp.pairs import find_pairs, split_by_mirror
from interp.tally import count_votes
from interp.voting import find_voting
from tests.planted_votes import (
    CLASSES,
    ROWS,
    TARGETS,
    contributions,
    planted_modules,
    planted_net,
    planted_sparse,
    planted_task,
    voting_of_family,
)

INPUTS = torch.eye(ROWS, dtype=torch.float64)


def ballots_of(said, bias=None) -> Ballots:
    return cast_ballots(planted_net(said, bias), planted_modules(len(said)), INPUTS, torch.from_numpy(TARGETS))


def tally_of(said, permutations=100):
    return count_votes(ballots_of(said), permutations=permutations, generator=np.random.default_rng(0))


def independent(share, *, modules=3, seed=0):
    return np.random.RandomState(seed).rand(modules, ROWS) < share


def disjoint():
    """Three modules, each wrong on a third of the rows of every answer: no row is wrong in two."""
    third = (np.arange(ROWS) // CLASSES) % 3
    return np.stack([third != which for which in range(3)])


def voting_of_disjoint():
    return find_voting(
        planted_sparse(contributions(disjoint())),
        planted_modules(3),
        planted_task(),
        permutations=100,
        generator=np.random.default_rng(0),
    )


def test_three_copies_that_are_wrong_on_disjoint_rows_cooperate():
    found = tally_of(contributions(disjoint()))
    assert found.verdict == "cooperating"
    assert found.alone == pytest.approx((2 / 3,) * 3)
    assert found.union == 1.0
    assert found.right_in == (0.0, 0.0, 1.0, 0.0)
    assert found.whole.plurality == found.whole.sum == 1.0
    assert all(overlap.both_wrong == 0.0 and overlap.phi == pytest.approx(-0.5) for overlap in found.overlaps)
    assert all(overlap.expected == pytest.approx(1 / 9) for overlap in found.overlaps)
    # all three right (2/3)^3, two of them right 3 (2/3)^2 (1/3), and one right among three answers that differ: 1/3
    lone = 3 * (2 / 3) * (1 / 3) ** 2 * (3 / 4)
    assert found.whole.permuted_plurality.mean == pytest.approx(20 / 27 + lone / 3, abs=0.01)
    assert found.cooperation > 0.1


def test_independent_modules_vote_like_a_repetition_code():
    found = tally_of(contributions(independent(0.8), right_size=2.0))
    assert found.verdict == "independent"
    assert abs(found.cooperation) < 0.02
    assert all(abs(overlap.phi) < 0.1 for overlap in found.overlaps)
    assert [size.modules for size in found.sizes] == [1, 2, 3]
    errors = [size.error_sum for size in found.sizes]
    assert errors == sorted(errors, reverse=True)
    assert found.sizes[2].error_permuted_plurality == pytest.approx(found.sizes[2].error_plurality, abs=0.02)


def test_redundant_copies_are_wrong_together():
    right = independent(0.7, modules=1)
    said = contributions(right, wrong_size=1.0)
    found = tally_of(np.concatenate([said] * 3))
    assert found.verdict == "redundant copies"
    assert found.whole.sum == found.union == found.alone[0]
    assert found.cooperation < -0.05
    assert all(overlap.phi == pytest.approx(1.0) for overlap in found.overlaps)


def test_copies_that_differ_now_and_then_are_still_redundant():
    shared, own = independent(0.7, modules=1)[0], independent(0.9, seed=1)
    found = tally_of(contributions(shared & own, right_size=1.0))
    assert found.whole.sum > max(found.alone) + 0.01
    assert found.verdict == "redundant copies"


def test_a_single_good_module_carries_the_others():
    said = contributions(np.stack([np.ones(ROWS, bool), independent(0.3, modules=1)[0]]))
    said[0] *= 3
    assert tally_of(said).verdict == "carried by one"


def test_modules_that_know_one_digit_each_are_a_joint_code():
    """Answers 0, 1, 2, 3, 4: one module tells halves, the other tells parity and is not sure."""
    said = np.zeros((2, ROWS, CLASSES))
    said[0, :, :] = (TARGETS[:, None] // 2 == np.arange(CLASSES) // 2) * 2.0
    said[1, :, :] = (TARGETS[:, None] % 2 == np.arange(CLASSES) % 2) * 1.5
    said += 1e-3 * np.random.RandomState(0).rand(*said.shape)
    found = tally_of(said)
    assert found.verdict == "joint code"
    assert found.whole.sum == 1.0
    assert max(found.alone) < 0.8
    assert min(found.by_answer) > 0.99


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_contributions_and_bias_add_up_to_the_net(seed):
    said, bias = np.random.RandomState(seed).randn(3, ROWS, CLASSES), [0.5, -1.0, 0.0, 2.0, 0.25]
    ballots, net = ballots_of(said, bias), planted_net(said, bias)
    logits = net.run(INPUTS[None])[0].numpy()
    total = ballots.contributions.sum(0) + ballots.rest + ballots.bias
    assert np.allclose(total, logits - logits.mean(1, keepdims=True), atol=1e-12)
    assert not ballots.rest.any()
    assert np.array_equal(ballots.by_sum(range(3)), logits.argmax(1) == TARGETS)
    assert (ballots.by_sum(range(3)) != ballots.by_sum(range(3), with_bias=False)).any()


def test_dealing_anew_keeps_each_module_and_answer():
    ballots = ballots_of(np.random.RandomState(0).randn(3, ROWS, CLASSES))
    dealt = ballots.shuffled(np.random.default_rng(0))
    for member, answer in itertools.product(range(3), range(CLASSES)):
        rows = answer == TARGETS
        before, after = (np.sort(each.contributions[member, rows], axis=0) for each in (ballots, dealt))
        assert np.array_equal(before, after)
        assert ballots.right[member, rows].mean() == dealt.right[member, rows].mean()
    assert not np.array_equal(dealt.contributions, ballots.contributions)
    counted = count_votes(ballots, permutations=3, generator=np.random.default_rng(0))
    for single in counted.subsets[:3]:
        assert single.permuted_sum == pytest.approx((single.sum, 0.0))


def test_plurality_counts_ties_fractionally_and_silence_not_at_all():
    said = np.full((3, 4, 3), 0.0)
    for member, row, answer in [(0, 0, 0), (1, 0, 0), (2, 0, 1), (0, 1, 0), (1, 1, 1), (2, 1, 2), (0, 2, 1), (0, 3, 0)]:
        said[member, row, answer] = 1.0
    said[1, 3, 2] = 1.0
    ballots = Ballots(("A", "B", "C"), said, np.zeros((4, 3)), np.zeros((4, 3)), np.array([0, 0, 1, 0]))
    assert ballots.by_plurality([0, 1, 2]).tolist() == pytest.approx([1.0, 1 / 3, 1.0, 0.5])
    assert ballots.by_plurality([2]).tolist() == pytest.approx([0.0, 0.0, 1 / 3, 1 / 3])
    assert ballots.answers[2].tolist() == [1, 2, -1, -1]


def test_subsets_are_what_their_modules_sum_to():
    said = np.random.RandomState(0).randn(4, ROWS, CLASSES)
    found = tally_of(said, permutations=2)
    assert len(found.subsets) == 15
    for subset in found.subsets:
        total = sum(said["ABCD".index(name)] for name in subset.modules)
        assert subset.sum == (total.argmax(1) == TARGETS).mean()
    assert found.without("B").modules == ("A", "C", "D")


def test_of_many_modules_some_subsets_are_counted():
    found = tally_of(np.random.RandomState(0).randn(8, ROWS, CLASSES), permutations=2)
    counts = np.bincount([len(subset.modules) for subset in found.subsets])
    assert counts[[1, 7, 8]].tolist() == [8, 8, 1]
    assert (counts[2:7] <= 20).all()
    assert (counts[2:7] > 5).all()


def test_a_net_that_says_nothing_is_never_right():
    """All its logits are alike: the first class is no answer, however a module is heard."""
    said = contributions(disjoint())
    said[1:] = 0.0
    voting = find_voting(
        planted_sparse(said), planted_modules(3), planted_task(), permutations=100, generator=np.random.default_rng(0)
    )
    silent = voting.members[1]
    assert silent.alone.rows == silent.reading.rows == 0
    assert voting.members[0].knocked_out.rows == voting.members[0].others.rows == 0


def test_a_module_is_heard_both_ways_and_missed():
    """Biases stay where the others' inputs are cut, and are silent in a module's own contribution."""
    said = contributions(disjoint())
    bias = [0.0, 0.0, 0.0, 0.0, 5.0]
    voting = find_voting(
        planted_sparse(said, bias),
        planted_modules(3),
        planted_task(),
        permutations=100,
        generator=np.random.default_rng(0),
    )
    first = voting.members[0]
    assert first.alone.rows == pytest.approx(2 / 3)
    assert first.reading.rows == pytest.approx((TARGETS == 4).mean())
    assert first.knocked_out.rows == first.others.rows
    assert first.only == 0.0
    assert sum(member.leads for member in voting.members) == pytest.approx(1.0)
    assert voting.pairs is None
    assert voting.mirrors == ()
    assert len(voting.causes) == 10
    assert voting.causes[0].loss_increase >= voting.causes[-1].loss_increase
    low, high = voting.causes[0].interval
    assert low < voting.causes[0].loss_increase < high


def test_the_others_are_worse_than_independent_ones_where_modules_cooperate():
    """Two modules that are wrong on disjoint rows leave one vote each there; the third decides."""
    voting = voting_of_disjoint()
    member = voting.members[0]
    assert member.votes_predicted.rows == pytest.approx(2 / 3, abs=0.01)  # two ninths of the rows tie and count half
    assert member.others_predicted.rows == pytest.approx(2 / 3, abs=0.1)
    assert voting.rows.rows == ROWS
    assert voting.test.rows == 200


def rows_of(task):
    loaded = task.load()
    tokens = torch.cat([loaded.train.inputs, loaded.test.inputs]).numpy()
    answers = torch.cat([loaded.train.targets, loaded.test.targets]).numpy()
    return find_pairs(loaded, trained=len(loaded.train), tokens=tokens, answers=answers)


@pytest.mark.parametrize("options", [{}, {"own_tokens": True}, {"equals_sign": True}])
def test_mirrors_of_test_rows_are_told_apart(options):
    pairs = rows_of(ModularAdditionTask(name="modular_addition", modulus=7, **options))
    trained = {(a, b) for a, b, known in zip(pairs.a, pairs.b, pairs.is_trained, strict=True) if known}
    test = [(a, b) for a, b in itertools.product(range(7), repeat=2) if (a, b) not in trained]
    right = np.array([(b, a) in trained for a, b in zip(pairs.a, pairs.b, strict=True)])
    known, unknown, same = split_by_mirror(pairs, right)
    assert known.rows == sum((b, a) in trained for a, b in test if a != b)
    assert unknown.rows == sum((b, a) not in trained for a, b in test if a != b)
    assert same.rows == sum(a == b for a, b in test)
    assert known.accuracy == 1.0
    assert unknown.accuracy == 0.0


def test_what_the_answer_leaves_open_is_the_difference_or_the_sum():
    plus, minus = (rows_of(ModularAdditionTask(name="modular_addition", modulus=5, operation=sign)) for sign in "+-")
    assert np.array_equal(plus.differences, (plus.a - plus.b) % 5)
    assert np.array_equal(minus.differences, (minus.a + minus.b) % 5)
    assert plus.is_commutative
    assert not minus.is_commutative
    assert split_by_mirror(minus, np.ones(25, bool)) == ()
    group = rows_of(PermutationGroupTask(name="permutation_group", group="S3"))
    assert group.differences is None
    assert not group.is_commutative
    square = plus.square(plus.answers, empty=-1)
    assert square[3, 4] == 2
    assert rows_of(ModularAdditionTask(name="modular_addition", modulus=3, operands=3)) is None


@pytest.mark.parametrize("family", ["embedding_mlp", "added", "token_transformer"])
def test_random_nets_of_pairs_are_measured(family):
    voting, net, task = voting_of_family(family)
    inputs = torch.cat([task.train.inputs, task.test.inputs])
    logits = net.run(inputs[None])[0]
    right = logits.argmax(1).numpy() == torch.cat([task.train.targets, task.test.targets]).numpy()
    assert voting.rows.whole.sum == right.mean()
    assert voting.test.whole.sum == right[len(task.train) :].mean()
    assert sum(split.rows for split in voting.mirrors) == len(task.test)
    lines = voting.to_json()["map"]["right"]["A"]
    assert [len(line) for line in lines] == [5] * 5
    assert sum(line.count("1") for line in lines) == voting.right[0].sum()
    assert all(0 <= member.by_difference <= 1 for member in voting.members)


def test_explained_by_is_the_share_between_groups():
    values = np.random.RandomState(0).randn(60, 2)
    groups = np.arange(60) % 4
    means = np.stack([values[groups == group].mean(0) for group in range(4)])[groups]
    assert explained_by(values, groups) == pytest.approx(
        np.square(means - values.mean(0)).sum() / np.square(values - values.mean(0)).sum()
    )
    assert explained_by(np.ones((4, 1)), np.array([0, 1, 0, 1])) == 0.0


def test_nets_whose_modules_do_not_vote_are_refused():
    said = contributions(disjoint())
    with pytest.raises(UserError, match="modules vote where at least two speak to the outputs, got 1"):
        cast_ballots(planted_net(said[:1]), planted_modules(1), INPUTS, torch.from_numpy(TARGETS))
    net = planted_net(said[:2])
    apart = net.replaced(parameters={name: tensor.clone() for name, tensor in net.parameters.items()})
    apart.parameters["readout"][0, 2:, :CLASSES] = 0.0
    apart.parameters["readout"][0, :2, CLASSES:] = 0.0
    with pytest.raises(UserError, match="modules vote where they meet in the same outputs"):
        cast_ballots(apart, planted_modules(2), INPUTS, torch.from_numpy(TARGETS))
    options = {"generator": np.random.default_rng(0)}
    with pytest.raises(UserError, match="--permutations must be at least 100, got 7"):
        find_voting(planted_sparse(said), planted_modules(3), planted_task(), permutations=7, **options)
    with pytest.raises(ValueError, match="`permutations` must be at least 2, got 1"):
        tally_of(said, permutations=1)


def test_the_command_refuses_what_cannot_vote(tmp_path, capsys):
    train(make_config("independence", settings=["steps=200", "net.hidden=[5]"]), out=tmp_path / "run")
    assert run(commands.voting, [str(tmp_path / "run")]) == 2
    assert "modules vote for classes, got a task with numbers for answers" in capsys.readouterr().err


def test_results_print_and_turn_into_frames_and_json():
    voting = voting_of_disjoint()
    document = json.loads(json.dumps(voting.to_json()))
    assert document["verdict"] == "cooperating"
    assert document["map"] is None
    assert [member["name"] for member in document["modules"]] == ["A", "B", "C"]
    assert voting.to_frame().shape[0] == 3
    assert "fit together" in voting.words
    console = Console(width=150, record=True, file=io.StringIO())
    console.print(voting)
    assert "soft information" in console.export_text()


def test_nothing_is_said_of_modules_that_are_wrong_together():
    wrong = contributions(np.zeros((2, ROWS), bool))
    assert tally_of(wrong).verdict == "not accurate"
