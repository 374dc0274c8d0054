"""What happened while a net trained: a dropped logit, a split, a jump, each with its step.

Run as `python -m interp.events CKPT`.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bimt.checkpoint import Checkpoint
from bimt.config import TrainConfig
from bimt.messages import UserError, printable
from interp.detectors import Event, find_events
from interp.evolution import Evolution, measure_snapshots
from interp.tables import frame_table


class Switch(NamedTuple):
    """A change of the settings that was planned: context, not an event."""

    step: int  # from which it holds
    strength: float  # of the connection cost


@dataclass(frozen=True, eq=False)
class Story:
    """One seed's training, told."""

    evolution: Evolution
    events: tuple[Event, ...]
    """In the order of their steps."""
    switches: tuple[Switch, ...]
    """Where the strength of the connection cost changes, the start included."""

    def to_json(self) -> dict[str, Any]:
        """Returns what docs/json.md describes under `events`, less the checkpoint and the other seeds."""
        measured = {
            name: getattr(self.evolution, name)
            for name in (
                "steps",
                "metric",
                "explained",
                "connections",
                "parts",
                "parts_before_outputs",
                "crossings",
                "spread",
            )
        }
        return {
            "events": [{key: value for key, value in asdict(event).items() if key != "frame"} for event in self.events],
            "switches": [switch._asdict() for switch in self.switches],
            "outputs": list(self.evolution.outputs),
            **measured,
        }

    def in_short(self) -> dict[str, Any]:
        """Returns the seed, and of each event its kind, step and output."""
        short = [{"kind": event.kind, "step": event.step, "output": event.output} for event in self.events]
        return {"seed": self.evolution.label, "events": short}

    def to_frame(self) -> pd.DataFrame:
        """Returns one row per event."""
        columns = ["step", "before", "kind", "words"]
        return pd.DataFrame([{key: getattr(event, key) for key in columns} for event in self.events], columns=columns)

    def __rich__(self) -> RenderableType:
        """Draws a table with one row per event."""
        table = Table("step", "event", "what happened", title=f"seed {self.evolution.label}", title_justify="left")
        for event in self.events:
            table.add_row(f"{event.step:,}", event.kind, Text(printable(event.words, limit=500)))
        return table if self.events else Group(table, Text("nothing that counts as an event, see docs/evolution.md"))


def tell(checkpoint: Checkpoint, label: int) -> Story:
    """Looks at every snapshot of a seed and finds what happened.

    Raises:
        UserError: If there are fewer than two snapshots, or no such seed.

    Example:
        tell(load_checkpoint("runs/moons"), 3).events
    """
    evolution = measure_snapshots(checkpoint, label)
    return Story(evolution, find_events(evolution), strength_switches(checkpoint.config))


def tell_all(checkpoint: Checkpoint) -> tuple[Story, ...]:
    """Tells the story of every seed that did not stop.

    Raises:
        UserError: If all of them stopped, or there are fewer than two snapshots.
    """
    if not checkpoint.running:
        raise UserError(f"every seed of {printable(checkpoint.path)} stopped; train again with a lower learning_rate")
    return tuple(tell(checkpoint, label) for label in checkpoint.running)


def strength_switches(config: TrainConfig) -> tuple[Switch, ...]:
    """Returns from which step each strength of the connection cost holds."""
    return tuple(Switch(int(fraction * config.steps), value) for fraction, value in config.cost.strength)


def seeds_frame(stories: Sequence[Story]) -> pd.DataFrame:
    """Returns one row per seed: at which steps which kinds of events happened."""
    return pd.DataFrame(
        [{"events": "; ".join(f"{event.title} ({event.step:,})" for event in story.events)} for story in stories],
        index=pd.Index([story.evolution.label for story in stories], name="seed"),
        columns=["events"],
    )


def seeds_table(stories: Sequence[Story]) -> Table:
    """Returns one row per seed, with its events in a few words."""
    return frame_table(seeds_frame(stories), title="every seed: event (step)", limit=400)


if __name__ == "__main__":
    from bimt.cli import run
    from interp.commands import events as command

    raise SystemExit(run(command))
