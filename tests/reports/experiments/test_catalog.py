"""Every entry of the catalog can be run: names, configurations, sections."""

import re

import pytest

from bimt.messages import UserError
from reports.experiments.catalog import EVENING, catalog, evening, get_experiment
from reports.experiments.experiment import ARMS, arms, check_settings, shortened, with_seeds, with_settings

EXPERIMENTS = list(catalog().values())
LABEL = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda experiment: experiment.name)
@pytest.mark.parametrize("form", [lambda each: each, shortened], ids=["full", "fast"])
def test_every_form_has_valid_configurations(experiment, form):
    ready = form(experiment)
    assert re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", ready.name)
    assert ready.variants
    assert ready.sections
    labels = [variant.label for variant in ready.variants]
    assert len(set(labels)) == len(labels)
    assert all(LABEL.fullmatch(label) for label in labels)
    assert not experiment.explained or experiment.explained in labels
    for variant in ready.variants:
        config = variant.config()
        assert config.task.name == variant.task
        assert config.seeds == variant.seeds
    assert ready.about.endswith((".", "?", ":"))
    assert 0 < shortened(experiment).seconds < experiment.seconds


def test_the_arms_differ_in_what_they_are_named_after():
    found = {variant.label: variant.config() for variant in arms("two_moons", ["steps=300"], seeds=2)}
    assert list(found) == list(ARMS)
    assert {config.steps for config in found.values()} == {300}
    assert [max(value for _, value in config.cost.strength) > 0 for config in found.values()] == [False] + [True] * 4
    assert [config.cost.distance_scale for label, config in found.items() if label != "none"] == [0, 1, 0, 1]
    swaps = [config.swaps.method for config in found.values()]
    assert swaps == ["none", "none", "none", "spectral", "spectral"]
    assert found["l1-local-swap"].cost.offset == 0.2, "the task's published settings hold"


def test_arms_of_several_tasks_have_their_own_labels():
    assert [each.label for each in arms("crossing", prefix="crossing-")][:2] == ["crossing-none", "crossing-l1"]


def test_seeds_can_be_chosen():
    experiment = get_experiment("independence")
    assert {variant.seeds for variant in with_seeds(experiment, 3).variants} == {3}
    assert with_seeds(experiment, 3).seconds < experiment.seconds
    assert with_seeds(experiment, 20).seconds == experiment.seconds
    mixed = get_experiment("modular_addition")
    assert with_seeds(mixed, 1).seconds < mixed.seconds < with_seeds(mixed, 5).seconds, "one variant has five already"


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("independence", "swaps.method=pairs"),
        ("independence", 'swaps={"method": "pairs"}'),
        ("crossing", "cost.strength=1"),
        ("extrapolation", "net.activation=tanh"),
        ("parts", "task.parts=2"),
        ("sparse_parity", "task.subtasks=3"),
        ("images", "net.hidden.0=5"),
    ],
)
def test_what_the_runs_are_named_after_cannot_be_set(name, setting):
    key = setting.partition("=")[0]
    with pytest.raises(UserError, match=f"--set must leave {re.escape(key)} as it is, for the runs of {name}"):
        check_settings(get_experiment(name), [setting])


def test_other_settings_reach_every_run_and_are_remembered():
    check_settings(get_experiment("independence"), ["steps=400", "swaps.every=50", "cost.strengths=1"])
    with pytest.raises(UserError, match="leave seeds to --seeds"):
        check_settings(get_experiment("independence"), ["seeds=3"])
    form = with_settings(shortened(get_experiment("independence")), ["steps=400", "swaps.every=50"])
    assert {variant.config().steps for variant in form.variants} == {400}, "they win over the short form's"
    assert form.changed == ("steps=400", "swaps.every=50")


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(UserError, match=r"unknown experiment independance; did you mean independence\?"):
        get_experiment("independance")


def test_an_evening_takes_the_quickest_first():
    from dataclasses import replace

    base = EXPERIMENTS[0]
    hours = [replace(base, name=name, seconds=hours * 3600) for name, hours in (("c", 5), ("b", 2), ("a", 1))]
    fits, others = evening(hours)
    assert [each.name for each in fits] == ["a", "b"]
    assert [each.name for each in others] == ["c"]
    assert sum(each.seconds for each in fits) <= EVENING
