"""The story of a seed: on hand-made snapshots, on a net that is really trained, and on the command line."""

import json
from dataclasses import replace

import pytest

from bimt.checkpoint import save_checkpoint
from bimt.cli import run
from bimt.config import make_config
from bimt.messages import UserError
from bimt.train import train
from interp.commands import events as command
from interp.commands import prune
from interp.events import seeds_frame, tell, tell_all
from tests.checked import unchecked
from tests.nets import mlp
from tests.snapshots import checkpoint_of

QUICK = (
    *("steps=1500", "log_every=50", "net.hidden=[10,10]", "learning_rate=0.01", "swaps.every=100"),
    "cost.strength=[[0,0.001],[0.4,0.02]]",
)


def crossed(bridge):
    """x1 and x2 each lead to one output; the second is the other's, or not."""
    return mlp([[[1.0, bridge], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]]])


def test_a_split_of_hand_made_snapshots_is_told():
    story = tell(checkpoint_of([crossed(0.5)] * 6 + [crossed(0.005)] * 6), 0)
    assert [(event.kind, event.step) for event in story.events] == [("split", 600)]
    assert story.to_frame()["words"].tolist() == ["the net falls into 2 parts (before: 1)"]


def test_a_logit_dropped_by_hand_is_told():
    shared, alone = ([[1.0]], [[-50.0], [50.0]]), ([[1.0]], [[0.0], [100.0]])
    story = tell(checkpoint_of([mlp(shared)] * 7 + [mlp(alone)] * 7, kind="classification"), 0)
    assert [(event.kind, event.step, event.output) for event in story.events] == [
        ("asymmetric", 700, None),
        ("dropped output", 700, "y1"),
    ]


@pytest.fixture(scope="module")
def moons(tmp_path_factory):
    """Two moons as published but quicker, several seeds."""
    with unchecked():
        checkpoint = train(make_config("two_moons", settings=QUICK, seeds=2))
    path = tmp_path_factory.mktemp("moons") / "run"
    return save_checkpoint(checkpoint, path), str(path)


def test_the_dropped_logit_of_a_trained_net_is_found(moons):
    stories = tell_all(moons[0])
    dropped = {story.evolution.label: event for story in stories for event in story.events if event.output}
    assert dropped
    for story in stories:
        one_is_dead = story.evolution.spread[-1].min() < 0.01 * story.evolution.spread[-1].max()
        assert (story.evolution.label in dropped) == one_is_dead
    for label, event in dropped.items():
        (story,) = (story for story in stories if story.evolution.label == label)
        phase = next(each for each in story.events if each.kind == "asymmetric")
        assert phase.step <= event.step < 1500
        which = story.evolution.outputs.index(event.output)
        assert story.evolution.incoming[-1, which] == 0
        assert story.evolution.metric[-1] > 0.95


def test_the_command_tells_the_best_seed_and_lists_all(moons, capsys):
    assert run(command, [moons[1]]) == 0
    out = capsys.readouterr().out
    assert "every seed" in out
    assert "dropped" in out
    assert run(command, [moons[1], "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [each["seed"] for each in document["seeds"]] == [0, 1]
    own = next(each for each in document["seeds"] if each["seed"] == document["seed"])
    assert [event["kind"] for event in document["events"]] == [event["kind"] for event in own["events"]]
    assert len(document["steps"]) == len(document["spread"]) == 31


def test_one_seed_can_be_asked_for(moons, capsys):
    assert run(command, [moons[1], "--seed", "1", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["seed"], [each["seed"] for each in document["seeds"]]) == (1, [1])


def test_switches_are_context(moons):
    story = tell(moons[0], 0)
    assert [tuple(switch) for switch in story.switches] == [(0, 0.001), (600, 0.02)]
    assert list(seeds_frame([story]).index) == [0]


def test_a_seed_without_events_says_so(capsys):
    from rich.console import Console

    console = Console(width=120)
    console.print(tell(checkpoint_of([crossed(0.0)] * 2), 0))
    assert "nothing that counts as an event" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "complaint"),
    [(["{run}", "--seed", "9"], "--seed must be a label"), (["{none}"], "there is no checkpoint")],
)
def test_mistakes_are_one_line(moons, capsys, words, complaint):
    assert run(command, [word.format(run=moons[1], none=moons[1] + "-none") for word in words]) == 2
    error = capsys.readouterr().err
    assert complaint in error
    assert error.count("\n") == 1


def test_a_pruned_checkpoint_has_no_story(moons, tmp_path, capsys):
    assert run(prune, [moons[1], "--out", str(tmp_path / "pruned")]) == 0
    capsys.readouterr()
    assert run(command, [str(tmp_path / "pruned")]) == 2
    assert "holds one snapshot only" in capsys.readouterr().err


def test_where_every_seed_stopped_there_is_nothing_to_tell(moons):
    with pytest.raises(UserError, match=r"every seed of .* stopped"):
        tell_all(replace(moons[0], stopped=dict.fromkeys(range(2), "why")))
