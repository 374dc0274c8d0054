"""The film in the page is the training: which snapshots are taken, weights within their rounding, places exactly."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interp.detectors import Event
from interp.events import tell
from interp.replay import replay
from reports.live import snapshots
from reports.live.snapshots import MOST_FRAMES, chosen_frames, view_film
from tests.reports.checkpoints import small_checkpoint, small_task
from tests.reports.live.test_arrays import unpacked


@given(st.integers(2, 3000), st.data())
def test_frames_are_few_in_order_and_hold_every_event(count, data):
    events = data.draw(st.lists(st.integers(0, count - 1), max_size=5))
    found = chosen_frames(count, events)
    assert found == sorted(set(found))
    assert len(found) <= MOST_FRAMES + len(set(events))
    assert {0, count - 1, *events} <= set(found)
    assert found == list(range(count)) or max(np.diff(found)) <= np.ceil((count - 1) / (MOST_FRAMES - 1))


@pytest.fixture(scope="module")
def checkpoint():
    return small_checkpoint(small_task(outputs=("y1", "y2")), seeds=2, steps=120)


@pytest.mark.parametrize("label", [0, 1])
def test_the_film_is_the_replay(label, checkpoint):
    story = tell(checkpoint, label)
    film = view_film(checkpoint, story)
    frames = list(replay(checkpoint, label))
    assert unpacked(film["steps"]).tolist() == [frame.step for frame in frames]
    assert unpacked(film["connections"]).tolist() == [frame.cut.connections for frame in frames]
    assert unpacked(film["metric"]) == pytest.approx(story.evolution.metric, rel=1e-6)
    assert film["is_whole"]
    for number, frame in enumerate(frames):
        for population, places in frame.net.places.items():
            assert np.array_equal(unpacked(film["places"][population])[number], places[0].numpy())
        for link in frame.net.wiring.links:
            described = next(each for each in film["links"] if each["name"] == link.name)
            shown = np.zeros(frame.net.weight(link).shape[1:])
            steps = unpacked(described["values"])[number].astype(float)
            at = unpacked(described["targets"]), unpacked(described["sources"])
            shown[at] = np.sign(steps) * (steps / 127) ** 2 * film["largest"]
            whole = np.zeros_like(shown)
            whole[frame.cut.edges[link.name]] = frame.net.weight(link)[0].numpy()[frame.cut.edges[link.name]]
            assert np.array_equal(shown != 0, whole != 0)
            roots = np.sqrt(np.abs([shown, whole]) / film["largest"])
            assert np.abs(roots[0] - roots[1]).max() <= 1 / 127
            assert (shown * whole >= 0).all()


def test_of_large_films_the_strongest_connections_are_kept(checkpoint, monkeypatch):
    whole = view_film(checkpoint, tell(checkpoint, 0))
    frames = len(unpacked(whole["steps"]))
    monkeypatch.setattr(snapshots, "_MOST_NUMBERS", 4 * frames)
    film = view_film(checkpoint, tell(checkpoint, 0))
    assert not film["is_whole"]
    kept = np.concatenate([np.abs(unpacked(each["values"])).max(0) for each in film["links"]])
    every = np.concatenate([np.abs(unpacked(each["values"])).max(0) for each in whole["links"]])
    assert len(kept) == 4
    assert sorted(kept) == sorted(every)[-4:]


def test_events_stand_at_the_frames_that_are_shown(checkpoint, monkeypatch):
    monkeypatch.setattr(snapshots, "MOST_FRAMES", 3)
    story = tell(checkpoint, 0)
    event = Event("jump", 5, int(story.evolution.steps[5]), int(story.evolution.steps[4]), "jumps", "y1 jumps", {})
    film = view_film(checkpoint, replace(story, events=(event,)))
    (shown,) = film["events"]
    assert unpacked(film["steps"])[shown["frame"]] == shown["step"] == event.step
    assert len(unpacked(film["steps"])) == 4
