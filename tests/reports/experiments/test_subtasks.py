"""Tasks made of known subtasks: short runs end to end, and what is concluded from the numbers."""

import pandas as pd
import pytest

from reports.experiments.catalog import get_experiment
from reports.experiments.subtasks import found_frame, leave_aside, subtask_findings
from reports.experiments.three_moons import class_focus, moon_findings, neuron_frame, seed_frame
from tests.reports.experiments.forms import short

pytestmark = pytest.mark.usefixtures("unchecked")


def test_three_functions_are_three_modules(tmp_path):
    trained, findings = short("parts", "parts-3", tmp_path)
    frame = found_frame(trained)
    assert (frame["metric"] > 0.98).all()
    assert frame["is_exact"].all()
    assert frame["modules"].tolist() == frame["parts"].tolist() == frame["planted"].tolist() == [3, 3]
    assert frame["adjusted_rand"].tolist() == [1.0, 1.0]
    assert findings["As many modules as subtasks, median over seeds"]["met"]


def test_parities_are_learned_and_their_modules_compared(tmp_path):
    trained, findings = short("sparse_parity", "subtasks-2", tmp_path, seeds=1)
    assert (trained.frame["metric"] > 0.99).all()
    (row,) = found_frame(trained, readout="exclude", aside="c").to_dict("records")
    assert row["planted"] == 2
    assert row["is_exact"] == (row["adjusted_rand"] == 1.0 and row["modules"] == 2)
    assert row["is_exact_aside"] >= row["is_exact"]
    assert findings["As many modules as subtasks, median over seeds"]["published"] == "2"


def test_three_moons_are_told_apart(tmp_path):
    trained, findings = short("three_moons", "three-moons", tmp_path)
    seeds, neurons = seed_frame(trained), neuron_frame(trained)
    assert (seeds["metric"] > 0.97).all()
    assert set(neurons["layer"]) == {"h1", "h2"}
    assert (neurons.loc[neurons["layer"] == "h1", "logits"] == 0).all()
    assert (neurons.loc[neurons["layer"] == "h2", "logits"] >= 1).all()
    assert neurons.groupby("seed").size().tolist() == trained.frame["neurons"].tolist()
    assert findings["Median test accuracy, pruned"]["ours"] == pytest.approx(seeds["metric"].median())


def test_inputs_are_left_aside_by_the_start_of_their_names():
    planted = get_experiment("sparse_parity").variant("subtasks-2").config().task.planted()
    assert leave_aside(planted, "") == planted
    (one, two) = leave_aside(planted, "c")
    assert sorted((*one.inputs, *two.inputs)) == ["b1", "b2", "b3", "b4", "b5", "b6"]


def found(*, planted, modules, exact):
    scores = [1.0 if each else 0.4 for each in exact]
    return pd.DataFrame({"planted": planted, "modules": modules, "is_exact": exact, "adjusted_rand": scores})


def test_more_than_half_of_the_seeds_must_have_exactly_the_subtasks():
    frames = {
        "two": found(planted=2, modules=[2, 2, 2], exact=[True, True, False]),
        "four": found(planted=4, modules=[4, 1], exact=[True, False]),
    }
    two, four, counts, score = subtask_findings(frames)
    assert (two.ours, two.is_met) == ("2 of 3 seeds", True)
    assert (four.ours, four.is_met) == ("1 of 2 seeds", False)
    assert (counts.published, counts.ours, counts.is_met) == ("2, 4", "2, 2.5", False)
    assert (score.ours, score.is_met) == (1.0, None)
    assert subtask_findings({"two": frames["two"]})[1].is_met is True


def test_what_is_concluded_from_three_moons():
    seeds = pd.DataFrame(
        {
            "metric": [1.0, 0.9, 0.8],
            "modules": [2, 3, 1],
            "modules_excluded": [1, 3, 1],
            "constant": [(), ("moon_0",), ("moon_0", "moon_1", "moon_2")],
        }
    )
    neurons = pd.DataFrame(
        {
            "drop": [0.5, 0.02, 0.3, 0.001, 0.2],
            "focus": [1.0, 0.95, 0.6, 1.0, 0.4],
            "class_focus": [1.0, 1.0, 0.95, 1.0, 0.8],
        }
    )
    metric, modules, pairs, moons, excluded, constant = moon_findings(seeds, neurons)
    assert metric.ours == pytest.approx(0.9)
    assert (modules.ours, modules.is_met) == ("2 of 3 seeds", True)
    assert (pairs.ours, pairs.is_met) == ("2 of 4 hidden neurons that are missed", False)
    assert (moons.ours, moons.is_met) == ("1 of 4", None)
    assert (excluded.ours, excluded.is_met) == ("1 of 3 seeds", None)
    assert (constant.ours, constant.is_met) == ("1 of 3 seeds", None)
    assert moon_findings(seeds, neurons.iloc[:3])[2].is_met is True
    assert moon_findings(seeds.assign(modules=1), neurons)[1].is_met is False


def test_class_focus_is_the_share_of_one_classs_pairs():
    nothing = float("nan")  # a pair without rows
    assert class_focus([0.3, 0.1, 0.0], classes=3) == (1.0, 0)
    assert class_focus([0.1, -0.5, 0.3], classes=3) == (1.0, 1)
    assert class_focus([0.1, 0.2, 0.3], classes=3) == (pytest.approx(5 / 6), 2)
    assert class_focus([nothing, 0.2, 0.1], classes=3) == (pytest.approx(1.0), 2)
    assert class_focus([0.0, 0.0, 0.0], classes=3)[0] == 0.0
