import pytest

from bimt.commands import _wanted
from bimt.commands import train as command
from bimt.config import make_config
from bimt.retrace import command_line


@pytest.mark.parametrize(
    ("task", "settings", "values"),
    [
        ("independence", [], {}),
        ("independence", ["steps=700", "cost.bias_from=null", "swaps.every=never"], {"seeds": 3, "first_seed": 5}),
        ("two_moons", ["net.hidden=[3]", 'net.geometry={"in":"ring"}', "net.activation=tanh"], {}),
        ("compositionality", ["cost.strength=0.5", 'swaps.pinned=["in","out"]', "batch=20"], {}),
        ("table", ["task.split_seed=4"], {"task__data": "a b.csv", "task__targets": ["run time", "-p", "ü"]}),
        ("images", ["task.rows=50"], {"task__data": "mnist", "task__data_dir": "my digits"}),
        ("table", [], {"task__data": "x.tsv", "task__targets": ["y"], "task__features": ["1", "true", "null"]}),
    ],
)
def test_the_command_line_leads_back_to_the_configuration(task, settings, values, tmp_path):
    from bimt.cli import parser

    config = make_config(task, settings=settings, **values)
    words = command_line(config)
    assert words[:2] == ("bimt", "train")
    context = parser(command).make_context("bimt train", [*words[2:], "--out", str(tmp_path)])
    given = dict(context.params)
    named = {
        "seeds": given["seeds"],
        "first_seed": given["first_seed"],
        "task__data": given["data"],
        "task__data_dir": given["data_dir"],
        "task__targets": list(given["targets"] or []) or None,
        "task__features": list(given["features"] or []) or None,
        "task__kind": given["kind"],
    }
    assert _wanted(given["task"], tmp_path, None, list(given["set"] or []), named, resume=False) == config


def test_what_is_published_is_not_repeated():
    assert command_line(make_config("feature_sharing")) == ("bimt", "train", "feature_sharing")
