"""The film of a seed's training: every snapshot as one picture, nothing in between made up.

Run as `python -m reports.film CKPT --out film.gif`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bimt.checkpoint import Checkpoint
from interp.components import find_components
from interp.detectors import Event
from interp.events import Story, tell
from interp.replay import Frame as Snapshot
from interp.replay import logged_steps, replay
from interp.select import select
from reports.encode import Picture, encode
from reports.figures.axes import Frame
from reports.figures.curves import event_marks, strength_marks
from reports.figures.drawing import Curve, Dots, Drawing, Floats, Mark, Words, fitted
from reports.figures.palette import module_tone
from reports.figures.png import Painter
from reports.figures.snapshot import draw_snapshot, make_look
from reports.words import name, number

_WIDTH, _HEIGHT, _SCALE = 520.0, 540.0, 1.25
_NET, _CURVE = Frame(30, 84, 490, 350), Frame(58, 430, 500, 494)
_PAUSE, _LAST = 1.2, 2.5
"""Seconds that a frame with an event stands, and the last one."""


@dataclass(frozen=True)
class Film:
    """A film as it is written."""

    label: int
    """The seed."""
    frames: int
    seconds: float
    content: bytes


def make_film(
    checkpoint: Checkpoint,
    *,
    suffix: str,
    label: int | None = None,
    fps: int = 10,
    watch: Callable[[int, int], None] = lambda *_: None,
) -> Film:
    """Draws every snapshot of a seed and encodes them.

    Args:
        checkpoint: With at least two snapshots.
        suffix: ".gif", ".webp" or ".mp4".
        label: The seed; None takes the best after pruning.
        fps: Snapshots per second; a frame with an event stands longer.
        watch: Told, before each frame, its number and how many there are.

    Raises:
        UserError: If there are fewer than two snapshots, no such seed, or nothing that can write such a film.
    """
    count = len(logged_steps(checkpoint))
    label = select(checkpoint).label if label is None else label
    story = tell(checkpoint, label)
    seconds = [1 / fps] * count
    for event in story.events:
        seconds[event.frame] = max(_PAUSE, 1 / fps)
    seconds[-1] = max(_LAST, 1 / fps)

    def pictures() -> Iterator[Picture]:
        painter = Painter(draw_background(checkpoint, story), _SCALE)
        for frame, marks in enumerate(draw_frames(checkpoint, story)):
            watch(frame, count)
            yield Picture(painter.paint(marks), seconds[frame])

    return Film(label, count, sum(seconds), encode(pictures(), suffix=suffix, fps=fps))


def draw_background(checkpoint: Checkpoint, story: Story) -> Drawing:
    """Draws what every frame shares: what the film is of, and the loss with its events."""
    title = f"{name(checkpoint.task.name)}, seed {story.evolution.label}"
    marks = [
        Words(16, 26, fitted(title, 470, 15), 15, "ink", "start", True),
        *_Loss(checkpoint, story).background(story),
    ]
    return Drawing(_WIDTH, _HEIGHT, tuple(marks))


def draw_frames(checkpoint: Checkpoint, story: Story) -> Iterator[list[Mark]]:
    """Yields what differs from snapshot to snapshot: the net, what can be said of it, the loss up to there."""
    label, loss = story.evolution.label, _Loss(checkpoint, story)
    (last,) = replay(checkpoint, label, numbers=[len(story.evolution.steps) - 1])
    look = make_look(checkpoint, label, _part_tones(last))
    for snapshot in replay(checkpoint, label):
        yield [
            *_facts(story, snapshot, loss.losses[snapshot.number]),
            *draw_snapshot(snapshot, _NET, look),
            *_caption(story.events, snapshot.number),
            *loss.up_to(snapshot.number),
        ]


def _part_tones(snapshot: Snapshot) -> dict[str, list[str]]:
    """Gives each neuron the hue of its part in a snapshot, if there are several."""
    wiring = snapshot.net.wiring
    parts = find_components(wiring, snapshot.cut)
    tones = {each.name: ["muted"] * each.size for each in wiring.populations}
    if parts.before_outputs > 1:
        tones |= {
            population: [module_tone(int(part)) if part >= 0 else "muted" for part in of]
            for population, of in parts.of.items()
        }
    return tones


def _facts(story: Story, snapshot: Snapshot, loss: float) -> list[Mark]:
    evolution, frame = story.evolution, snapshot.number
    metric = "accuracy" if evolution.kind == "classification" else "R²"
    facts = (
        f"step {snapshot.step:,}",
        f"training loss {number(loss, 3)}",
        f"test {metric} {number(round(float(evolution.metric[frame]), 4))}",
        f"{evolution.connections[frame]:,} connections",
    )
    return [Words(x, 48, text, 11.5, "muted") for x, text in zip((16, 108, 256, 392), facts, strict=True)]


def _caption(events: Sequence[Event], frame: int) -> list[Mark]:
    """Writes the latest events below the net, in black while they are new."""
    seen = [event for event in events if event.frame <= frame]
    latest = [event for event in seen if event.frame == seen[-1].frame]
    if not latest:
        return []
    is_new = frame - latest[0].frame < 5
    text = f"step {latest[0].step:,}: {', '.join(event.title for event in latest)}"
    tone = "ink" if is_new else "muted"
    return [Words(_WIDTH / 2, 395, fitted(text, 490, 13), 13, tone, "middle", is_new)]


class _Loss:
    """The training loss, with a marker that moves along it."""

    def __init__(self, checkpoint: Checkpoint, story: Story) -> None:
        """Places the curve."""
        steps = story.evolution.steps.astype(np.float64)
        history = checkpoint.history[checkpoint.history["seed"] == story.evolution.label].set_index("step")
        self.losses = history["train_loss"].reindex(steps).to_numpy(dtype=np.float64)
        positive = self.losses[np.isfinite(self.losses) & (self.losses > 0)]
        low, high = (positive.min() / 1.3, positive.max() * 1.3) if len(positive) else (0.1, 1.0)
        self.x = _CURVE.x(float(steps[0]), float(steps[-1]))
        self.y = _CURVE.y(float(low), float(high), is_log=True)
        self.places = np.stack([self.x(steps), self.y(np.nan_to_num(self.losses, nan=high))], 1)

    def background(self, story: Story) -> list[Mark]:
        """Draws the axes, the whole curve in grey, the switches of the strength and the events."""
        return [
            *_CURVE.axes(self.x, self.y, x_label="step", y_label="training loss", rows=3),
            *strength_marks(self.x, _CURVE, story.switches[1:], word="strength"),
            self._curve(self.places, "faint", 1.2),
            *event_marks(self.x, _CURVE, story.events),
        ]

    def up_to(self, frame: int) -> list[Mark]:
        """Draws the curve up to a frame, and the marker."""
        here = self.places[frame : frame + 1]
        past = [self._curve(self.places[: frame + 1], "positive", 1.8)] if frame else []
        return [*past, Dots(here, "paper", 5.5), Dots(here, "positive", 4)]

    def _curve(self, places: Floats, tone: str, width: float) -> Curve:
        return Curve(tuple((x, y) for x, y in places.tolist()), tone, width)


if __name__ == "__main__":
    from bimt.cli import run
    from reports.commands import film as command

    raise SystemExit(run(command, prog="python -m reports.film"))
