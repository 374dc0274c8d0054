"""The two sweeps: what they train, what they conclude from numbers, and that a high price kills."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from bimt.tasks.formulas import FORMULAS
from interp.front import on_front
from interp.sparse import whole
from reports.experiments.catalog import get_experiment
from reports.experiments.experiment import shortened
from reports.experiments.extrapolation import SHELLS, activations, errors_outside, outside_findings
from reports.experiments.running import reproduce
from reports.experiments.strength import strengths, sweep_findings
from tests.nets import mlp, random_mlp, task_of
from tests.reports.experiments.test_running import check_experiment


def frame(connections, loss=None, metric=None):
    rows = len(connections)
    return pd.DataFrame(
        {"connections": connections, "loss": loss or [0.1] * rows, "metric": metric or [0.9] * rows},
        index=pd.RangeIndex(rows, name="seed"),
    )


def test_the_price_is_scaled_and_keeps_its_schedule():
    found = [variant.config().cost.strength for variant in strengths("compositionality", [0.0, 1.0, 10.0])]
    assert found[0] == ((0.0, 0.0), (0.25, 0.0), (0.75, 0.0))
    assert found[1] == ((0.0, 0.001), (0.25, 0.003), (0.75, 0.001)), "the published one"
    assert found[2] == ((0.0, 0.01), (0.25, 0.03), (0.75, 0.01))


def test_the_front_is_what_nothing_beats():
    random = np.random.default_rng(0)
    sizes, errors = random.integers(0, 9, 60).astype(float), random.integers(0, 9, 60).astype(float)
    for mine, size, error in zip(on_front(sizes, errors), sizes, errors, strict=True):
        others = zip(sizes, errors, strict=True)
        assert mine == (not any((a, b) != (size, error) and a <= size and b <= error for a, b in others))


@pytest.mark.parametrize(
    ("unpriced", "cheap", "dear", "verdicts"),
    [
        ([60, 61], [0.01, 0.02, 0.01], [0, 0], [True, True, True, None]),
        ([20, 20], [0.1, 0.2, 0.2], [0, 1], [False, False, False, None]),
    ],
)
def test_findings_of_the_sweep(unpriced, cheap, dear, verdicts):
    frames = {0.0: frame(unpriced), 0.1: frame([20] * 3, cheap), 1.0: frame([9] * 3, [0.1] * 3), 9.0: frame(dear)}
    assert [finding.is_met for finding in sweep_findings("t", frames)] == verdicts
    assert [finding.is_met for finding in sweep_findings("t", {1.0: frame([9, 9])})] == [False, None]


def test_the_sweep_names_the_prices_on_the_front():
    frames = {0.1: frame([20, 30], metric=[0.99, 0.98]), 1.0: frame([10], metric=[0.9]), 3.0: frame([12], metric=[0.9])}
    assert sweep_findings("t", frames)[-1].ours == "× 0.1, × 1"


def test_every_activation_is_tried_with_nothing_else_changed():
    configs = [variant.config() for variant in activations("feature_sharing")]
    assert {config.net.activation for config in configs} == {"silu", "selu", "relu", "gelu", "tanh"}
    plain = {config.model_copy(update={"net": configs[0].net}).model_dump_json() for config in configs}
    assert len(plain) == 1


def test_the_exact_formula_has_no_error_anywhere():
    exact = mlp([[[0.0, 1.0], [1.0, 0.0]]])
    wrong = mlp([[[0.0, 0.0], [0.0, 0.0]]])
    half = mlp([[[0.0, 0.5], [0.5, 0.0]]])
    nets = [whole(net, task_of(net)) for net in (exact, wrong, half)]
    errors = errors_outside("crossing", nets, points=500)
    assert errors.shape == (3, len(SHELLS))
    np.testing.assert_allclose(errors[0], 0.0, atol=1e-12)
    # the constant is the truth's own mean but for the draw
    np.testing.assert_allclose(errors[1], 1.0, atol=0.01)
    np.testing.assert_allclose(errors[2], 0.5, atol=0.01)


def test_shells_lie_where_they_are_said_to():
    from reports.experiments.extrapolation import _in_shell

    for inner, outer in SHELLS.values():
        reach = np.abs(_in_shell(np.random.RandomState(0), 3, 300, inner, outer)).max(1)
        assert reach.min() > inner - 1e-12
        assert outer * 0.97 < reach.max() <= outer


def test_errors_are_those_of_a_loop():
    net = random_mlp([4, 3, 2])
    (errors,) = errors_outside("independence", [whole(net, task_of(net))], points=50)
    inputs = np.random.RandomState(0).rand(50, 4) * 2 - 1
    truth = np.stack(FORMULAS["independence"].evaluate(inputs.T), axis=1)
    said = net.run(torch.from_numpy(inputs)[None])[0].numpy()
    share = [np.mean((said[:, k] - truth[:, k]) ** 2) / np.var(truth[:, k]) for k in range(2)]
    assert errors[0] == pytest.approx(np.sqrt(np.mean(share)))


@pytest.mark.parametrize(("outside", "is_met"), [(0.5, True), (0.4, False)])
def test_findings_of_the_extrapolation(outside, is_met):
    errors = {"SiLU": np.array([[0.05, 0.1, 0.2, outside]]), "ReLU": np.array([[0.1, 0.1, 0.2, 0.3]])}
    findings = outside_findings("t", errors, {name: frame([1]) for name in errors})
    assert findings[0].is_met is is_met
    assert [finding.ours for finding in findings[2:]] == ["SiLU, 0.05", "ReLU, 0.3"]
    assert len(outside_findings("t", {"tanh": errors["SiLU"]}, {"tanh": frame([1])})) == 2, "SiLU was not run"


def test_at_a_high_price_everything_dies(tmp_path):
    experiment = shortened(get_experiment("strength_sweep"))
    experiment = replace(experiment, variants=experiment.variants[1:3], sections=experiment.sections[:1])
    reproduce(experiment, tmp_path / "sweep", is_fast=True)
    document = check_experiment(tmp_path / "sweep")
    (dies,) = (each for each in document["findings"] if "everything dies" in each["claim"])
    assert (dies["ours"], dies["met"]) == ("2 of 2 seeds at × 300", True)
    seeds = {each["label"]: each["seeds"] for each in document["variants"]}
    assert all(row["parts"] == 0 and row["metric"] < 0.01 for row in seeds["independence-300"])
    assert all(row["connections"] > 10 for row in seeds["independence-1"])


def test_outside_the_box_nets_are_worse(tmp_path):
    experiment = shortened(get_experiment("extrapolation"))
    outcome = reproduce(replace(experiment, variants=experiment.variants[:2]), tmp_path / "outside", is_fast=True)
    check_experiment(tmp_path / "outside")
    for trained in outcome.results:
        errors = errors_outside("independence", trained.pruned)
        assert (errors[:, 0] < errors[:, -1]).all()
    assert json.dumps(outcome.to_json())
