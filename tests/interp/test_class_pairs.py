"""Which classes neurons tell apart."""

from dataclasses import replace

import numpy as np
import pytest

from bimt.messages import UserError
from interp.class_pairs import PairDrops, compare_class_pairs, hidden_modules, hidden_neurons
from interp.graph import to_graph
from interp.modules import find_modules
from interp.prune import prune
from interp.sparse import Neuron, whole
from tests.nets import mlp, task_of

PAIRS = ("y1 or y2", "y1 or y3", "y2 or y3")


def classifier(outputs, biases=(0.1, 0.0, 0.0)):
    """Three classes from two inputs: the first half of the hidden neurons read x1, the others x2."""
    hidden = np.kron(np.eye(2), np.ones((len(outputs[0]) // 2, 1)))
    net = mlp([hidden.tolist(), outputs], [[0.0] * len(hidden), list(biases)], activation="relu")
    task = task_of(net, kind="classification", rows=200)
    assert set(task.test.targets.tolist()) == {0, 1, 2}
    return whole(net, task), task


def pair_accuracy(logits, targets):
    """The definition, row by row."""
    found = []
    for one, other in ((0, 1), (0, 2), (1, 2)):
        scores = [
            0.5 if row[one] == row[other] else float((row[one] > row[other]) == (target == one))
            for row, target in zip(logits, targets, strict=True)
            if target in (one, other)
        ]
        found.append(sum(scores) / len(scores))
    return np.array(found)


@pytest.mark.parametrize("method", ["zero", "mean"])
def test_drops_are_those_of_edits_by_hand(method):
    sparse, task = classifier([[0.0, 0.1, 0.0, 0.2], [1.0, 0.3, -1.0, -0.1], [-1.0, 0.1, 0.7, 0.5]])
    found = compare_class_pairs(sparse, hidden_neurons(sparse), task, method=method)
    inputs, targets = task.test.inputs[None], task.test.targets.tolist()
    baseline = pair_accuracy(sparse.net.run(inputs)[0].tolist(), targets)
    assert found.pairs == PAIRS
    assert found.baseline == pytest.approx(baseline)
    assert [row.name for row in found.rows] == ["h1[0]", "h1[1]", "h1[2]", "h1[3]"]
    means = sparse.net.activations(task.train.inputs[None])["h1"][0].mean(0)
    for index, row in enumerate(found.rows):

        def edit(value, index=index):
            value = value.clone()
            value[..., index] = 0.0 if method == "zero" else means[index]
            return value

        after = pair_accuracy(sparse.net.run(inputs, {"h1": edit})[0].tolist(), targets)
        assert row.drops == pytest.approx(baseline - after)
    assert max(map(max, (row.drops for row in found.rows))) > 0.1


def test_a_neuron_of_one_logit_does_not_touch_the_other_two():
    sparse, task = classifier([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    one, two = compare_class_pairs(sparse, hidden_neurons(sparse), task).rows
    assert one.drops[1] == two.drops[0] == 0.0
    assert min(one.drops[0], one.drops[2], two.drops[1], two.drops[2]) > 0.1


def test_ties_count_half_and_pairs_without_rows_have_no_accuracy():
    net = mlp([[[1.0]], [[1.0], [-1.0], [-1.0]]], activation="relu")
    task = task_of(net, kind="classification")  # where the neuron is off, all are equal and the first is said
    found = compare_class_pairs(whole(net, task), {"h1": (Neuron("h1", 0),)}, task)
    assert task.test.targets.tolist() == [0] * 64
    off = float((task.test.inputs < 0).double().mean())
    assert found.baseline[:2] == pytest.approx((1 - off / 2,) * 2)
    assert found.rows[0].drops[:2] == pytest.approx(((1 - off) / 2,) * 2)
    assert np.isnan([found.baseline[2], found.rows[0].drops[2]]).all()
    assert found.rows[0].focus == pytest.approx(0.5)


def test_removing_nothing_changes_nothing():
    sparse, task = classifier([[0.0, 0.0], [1.0, -1.0], [-1.0, 1.0]])
    (row,) = compare_class_pairs(sparse, {"nothing": ()}, task).rows
    assert row == PairDrops("nothing", (0.0, 0.0, 0.0))
    assert row.focus == 0.0


def test_focus_is_the_share_of_the_worst_pair():
    assert PairDrops("a", (0.3, 0.1, -0.2)).focus == pytest.approx(0.75)
    assert PairDrops("a", (0.0, 0.2, 0.0)).focus == 1.0


def test_modules_are_removed_by_their_hidden_neurons():
    net = mlp([[[2.0, 0.0], [0.0, 2.0]], [[1.0, 0.0], [0.0, 1.0]]])
    task = task_of(net)
    sparse = prune(net, task)
    modules = find_modules(to_graph(sparse, task), generator=np.random.default_rng(0))
    assert hidden_modules(sparse, modules) == {"A": (Neuron("h1", 0),), "B": (Neuron("h1", 1),)}


def test_a_table_has_a_column_per_pair():
    sparse, task = classifier([[0.0, 0.0], [1.0, -1.0], [-1.0, 1.0]])
    found = compare_class_pairs(sparse, hidden_neurons(sparse), task)
    frame = found.to_frame()
    assert list(frame) == ["name", *found.pairs, "focus"]
    assert frame.loc[1, found.pairs[2]] == found.rows[1].drops[2]


def test_numbers_have_no_classes():
    net = mlp([[[1.0]], [[1.0]]])
    task = replace(task_of(net), name="t")
    with pytest.raises(UserError, match="classes must be told apart in a classification, got the regression t"):
        compare_class_pairs(whole(net, task), {}, task)
