"""Films: every format is read back, every frame shows its step, mistakes are one line."""

import io
import json
import os
import stat

import numpy as np
import pytest
from PIL import Image

from bimt.cli import run
from bimt.config import make_config
from bimt.messages import UserError
from bimt.train import train
from interp.commands import prune
from interp.events import tell
from interp.replay import replay
from reports import encode as encoding
from reports.commands import film
from reports.encode import Picture, check_suffix, encode
from reports.figures.drawing import Area, Dots, Drawing, Lines, Words
from reports.figures.palette import PALETTE
from reports.figures.png import Painter, to_png
from reports.film import draw_frames, make_film
from tests.families import FAMILIES, config_of
from tests.nets import TwoOperands, random_mlp
from tests.reports.checkpoints import HOSTILE, saved, small_checkpoint, small_task
from tests.snapshots import checkpoint_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A checkpoint with five snapshots on disk."""
    return saved(small_checkpoint(small_task()), tmp_path_factory.mktemp("runs") / "run").path


def squares(count):
    """Pictures of one tone each, by turns, for a tenth of a second; the last stands longer."""
    for number in range(count):
        tone = PALETTE["positive" if number % 2 else "paper"].light
        pixels = np.full((31, 41, 3), [int(tone[at : at + 2], 16) for at in (1, 3, 5)], dtype=np.uint8)
        yield Picture(pixels, 0.7 if number == count - 1 else 0.1)


# Encoding


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_what_pillow_writes_is_read_back(suffix):
    image = Image.open(io.BytesIO(encode(squares(5), suffix=suffix, fps=10)))
    assert (image.size, image.n_frames, image.info["loop"]) == ((41, 31), 5, 0)
    durations = []
    for number, picture in enumerate(squares(5)):
        image.seek(number)
        np.testing.assert_array_equal(np.asarray(image.convert("RGB")), picture.pixels)
        durations.append(image.info["duration"])
    assert durations == [100, 100, 100, 100, 700]


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_a_film_is_as_long_as_its_pictures_together(suffix):
    pictures = [picture._replace(seconds=1 / 15) for picture in squares(30)]
    image = Image.open(io.BytesIO(encode(pictures, suffix=suffix, fps=15)))
    durations = []
    for number in range(image.n_frames):
        image.seek(number)
        image.load()
        durations.append(image.info["duration"])
    assert sum(durations) == 2000
    assert max(durations) - min(durations) <= 10


def test_the_same_pictures_give_the_same_bytes():
    assert encode(squares(3), suffix=".gif", fps=10) == encode(squares(3), suffix=".gif", fps=10)


@pytest.fixture
def ffmpeg(tmp_path, monkeypatch):
    """A stand-in for ffmpeg that writes its arguments and the number of bytes that it was fed into the film."""

    def install(script):
        program = tmp_path / "bin" / "ffmpeg"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(program.stat().st_mode | stat.S_IEXEC)
        monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")

    return install


def test_ffmpeg_is_fed_every_frame(ffmpeg):
    ffmpeg('for last; do :; done; { echo "$@"; wc -c; } > "$last"')
    words, fed = encode(squares(5), suffix=".mp4", fps=20).decode().strip().splitlines()
    assert "-s 40x30" in words
    assert "-r 20" in words
    assert int(fed) == 40 * 30 * 3 * (4 * 2 + 14), "a frame that stands longer is repeated"


def test_what_ffmpeg_complains_of_is_one_line(ffmpeg):
    ffmpeg("echo one >&2; echo no encoder >&2; exit 1")
    with pytest.raises(UserError, match=r"^ffmpeg failed: no encoder; let --out end in .gif$"):
        encode(squares(2), suffix=".mp4", fps=10)


def test_without_ffmpeg_there_is_no_mp4(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError, match=r"ffmpeg must be installed .* or let --out end in .gif"):
        check_suffix(".mp4")


def test_without_webp_there_is_no_webp(monkeypatch):
    monkeypatch.setattr(encoding.features, "check", lambda _: False)
    with pytest.raises(UserError, match="Pillow must have been built with WebP"):
        check_suffix(".webp")


# Painting


def test_a_painter_paints_what_a_whole_drawing_shows():
    below, above = (Words(3, 20, "below", 12), Dots(np.array([[9.0, 9.0]]), "ink")), (Dots(np.ones((1, 2)), "ink"),)
    painter = Painter(Drawing(40, 30, below), 2.0)
    first = painter.paint(above)
    whole = Image.open(io.BytesIO(to_png(Drawing(40, 30, (*below, *above))))).convert("RGB")
    np.testing.assert_array_equal(first, np.asarray(whole))
    assert (painter.paint(()) != first).any(), "the next frame starts from the background"


# Frames


def marks_of(checkpoint, kind):
    story = tell(checkpoint, checkpoint.labels[0])
    return [[mark for mark in marks if isinstance(mark, kind)] for marks in draw_frames(checkpoint, story)]


def test_every_frame_shows_its_connections_and_its_step():
    nets = [random_mlp([2, 3, 1], seed=seed) for seed in range(3)]
    nets[1].parameters["weight.h1"][:, 0] = 0.0
    checkpoint = checkpoint_of(nets)
    counts = [sum(len(mark.ends) for mark in marks) for marks in marks_of(checkpoint, Lines)]
    assert counts == [9, 6, 9], "the neuron without inputs leaves no path"
    for step, marks in zip((0, 100, 200), marks_of(checkpoint, Words), strict=True):
        assert f"step {step}" in [mark.text for mark in marks]


def test_neurons_are_drawn_where_they_sat():
    net = random_mlp([2, 3, 1])
    place = {**net.places, "h1": net.places["h1"].flip(1)}
    (first,), (second,) = (
        [mark for mark in marks if mark.tone == "muted" and len(mark.centres) > 1]
        for marks in marks_of(checkpoint_of([net, net.replaced(places=place)]), Dots)
    )
    np.testing.assert_allclose(first.centres[2:5], second.centres[4:1:-1])


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_told_and_drawn(family, unchecked):
    checkpoint = train(config_of(family, "steps=20", "log_every=10", "swaps.every=10"))
    assert len(tell(checkpoint, 0).evolution.steps) == 3
    film = make_film(checkpoint, suffix=".gif")
    assert film.frames == 3
    (last,) = replay(checkpoint, 0, numbers=[2])
    links = [link for link in last.net.wiring.links if not last.net.wiring.is_look_up(link)]
    skips = sum(last.net.wiring.population_of(skip.source).size for skip in last.net.wiring.skips)
    shown = sum(len(mark.ends) for mark in marks_of(checkpoint, Lines)[-1])
    assert shown == skips + sum(len(last.cut.edges[link.name][0]) for link in links) > 0


def test_look_ups_and_tied_weights_are_drawn_once():
    for tokens in (False, True):
        checkpoint = checkpoint_of([TwoOperands(tokens=tokens, seed=seed) for seed in range(2)])
        (lines, _) = marks_of(checkpoint, Lines)
        assert sum(len(mark.ends) for mark in lines) == (12 if tokens else 24)


def test_sheets_are_drawn_in_oblique_projection():
    geometry = 'net.geometry={"in":"grid","h1":"grid","out":"ring"}'
    task = small_task(inputs=tuple("abcdefghi"), outputs=tuple("0123"))
    settings = ["steps=20", "log_every=10", "swaps.every=10", "net.hidden=[16]", geometry]
    checkpoint = train(make_config("independence", settings=settings), task=task)
    (areas, *_), (dots, *_) = marks_of(checkpoint, Area), marks_of(checkpoint, Dots)
    assert len(areas) == 3
    inside = np.concatenate([mark.centres for mark in dots])
    corners = np.concatenate([np.concatenate(area.rings) for area in areas])
    assert (inside.min(0) >= corners.min(0)).all()
    assert (inside.max(0)[0] <= corners.max(0)[0]).all()
    assert {"0", "1", "2", "3"} <= {mark.text for mark in marks_of(checkpoint, Words)[0]}
    assert make_film(checkpoint, suffix=".gif").frames == 3


def test_any_name_can_be_filmed():
    checkpoint = small_checkpoint(small_task(inputs=HOSTILE[:3], outputs=HOSTILE[3:5]), seeds=1, steps=20)
    assert make_film(checkpoint, suffix=".gif").frames == 3


# The command


def test_the_command_writes_a_film(folder, tmp_path, capsys):
    out = tmp_path / "film.gif"
    assert run(film, [str(folder), "--out", str(out), "--seed", "1", "--fps", "20", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["seed"], document["frames"], document["fps"]) == (1, 5, 20)
    assert document["bytes"] == out.stat().st_size
    durations = []
    with Image.open(out) as image:
        for number in range(image.n_frames):
            image.seek(number)
            durations.append(image.info["duration"])
    assert len(durations) == 5
    assert sum(durations) / 1000 == pytest.approx(document["seconds"], abs=0.01)
    assert run(film, [str(folder), "--out", str(out)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert run(film, [str(folder), "--out", str(out), "--force"]) == 0
    assert str(out) in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["{run}", "--out", "{here}/film.avi"], "--out must end in .gif, .webp, .mp4, got .avi"),
        (["{run}", "--out", "{here}/film"], "--out must end in .gif, .webp, .mp4, got no suffix"),
        (["{run}", "--out", "{here}/none/film.gif"], "cannot be written"),
        (["{run}", "--out", "{here}/folder.gif", "--force"], "is there already"),
        (["{run}", "--out", "{here}/film.gif", "--seed", "9"], "--seed must be a label"),
        (["{run}", "--out", "{here}/film.gif", "--fps", "0"], "--fps"),
        (["{run}-none", "--out", "{here}/film.gif"], "there is no checkpoint"),
        (["{here}/pruned", "--out", "{here}/film.gif"], "holds one snapshot only"),
    ],
)
def test_mistakes_are_one_line(folder, tmp_path, capsys, words, complaint):
    (tmp_path / "folder.gif").mkdir()
    if "pruned" in words[0]:
        assert run(prune, [str(folder), "--out", str(tmp_path / "pruned")]) == 0
        capsys.readouterr()
    assert run(film, [word.format(run=folder, here=tmp_path) for word in words]) == 2
    error = capsys.readouterr().err
    assert complaint in error
    assert error.count("\n") == 1
    assert not (tmp_path / "film.gif").exists()
