"""Events in a seed's training: each detector looks at what was measured at every logged step and finds one kind."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np

from bimt.messages import printable
from interp.communities import Floats
from interp.evolution import Evolution

HOLD = 5
"""A state counts once it has held for so many logged steps: what flickers is no event."""
JUMP = 0.1
"""The least change of the metric that is a jump."""
TIMES_TYPICAL = 5
"""It must also be so many times the median change over windows as long."""
JUMP_WINDOW = 1 / 20
"""A jump is over within this share of the logged steps."""
DEAD = 0.01
"""An output whose spread is below this share of the widest output's is constant."""
SOLVED = 0.5
"""The task counts as learned where this share of the training loss is explained, a class where this share of its rows
is recognised."""
ASYMMETRIC = 0.5
"""|(a - b) / (a + b)| of two logits' spreads from which one does the work: three times the other's spread."""

EventKind = Literal["jump", "fall", "dropped output", "asymmetric", "symmetric", "split", "merge", "uncrossed"]


@dataclass(frozen=True)
class Event:
    """Something that happened while a seed trained."""

    kind: EventKind
    frame: int
    """The snapshot in which it is first seen, counted from 0."""
    step: int
    """The step of that snapshot."""
    before: int
    """The last logged step at which it had not happened yet."""
    title: str
    """In a few words, for a picture."""
    words: str
    """In one sentence."""
    numbers: Mapping[str, float]
    """What it is based on."""
    output: str | None = None
    """The output it is about."""


class Change(NamedTuple):
    """A series went from one settled value to another."""

    frame: int  # the first with the new value
    old: int
    new: int


def find_events(evolution: Evolution) -> tuple[Event, ...]:
    """Finds all events, in the order of their steps.

    See docs/evolution.md for each definition; nothing is known of the task beyond what was measured.
    """
    found = [event for detect in _DETECTORS for event in detect(evolution)]
    return tuple(sorted(found, key=lambda event: event.frame))


def settled(values: Sequence[int] | np.ndarray, *, hold: int = HOLD) -> list[Change]:
    """Finds the changes of a series that last: a value is settled where it holds for `hold` entries in a row.

    Example:
        >>> settled([1, 1, 1, 2, 1, 1, 2, 2, 2], hold=3)
        [Change(frame=6, old=1, new=2)]
    """
    values = np.asarray(values)
    starts = np.flatnonzero(np.diff(values, prepend=values[:1] - 1))
    lengths = np.diff(starts, append=len(values))
    runs = [(int(start), int(values[start])) for start in starts[lengths >= hold]]
    changes = []
    for (_, old), (frame, new) in pairwise(runs):
        if new != old:
            changes.append(Change(frame, old, new))
    return changes


def find_jumps(evolution: Evolution) -> Iterator[Event]:
    """Finds lasting jumps of the metric, up or down; below 0 an R^2 counts as 0."""
    metric = np.clip(np.nan_to_num(evolution.metric, nan=0.0), 0.0, 1.0)
    window = max(round(len(metric) * JUMP_WINDOW), 1)
    changes = metric[window:] - metric[:-window]
    least = max(JUMP, TIMES_TYPICAL * float(np.median(np.abs(changes)))) if len(changes) else JUMP
    for sign in (1.0, -1.0):
        for start in _steepest(sign * changes, least, window):
            begin, middle, end = _tightened(sign * metric, start, start + window)
            if _lasts(sign * metric, begin, end):
                yield _jump(evolution, metric, (begin, middle, end))


def find_dropped_outputs(evolution: Evolution) -> Iterator[Event]:
    """Finds the logits that end up constant while their class is still recognised: the others carry the difference."""
    if evolution.kind != "classification" or len(evolution.outputs) < 2:
        return
    spread = evolution.spread
    is_constant = spread <= DEAD * spread.max(1, keepdims=True)
    is_solved = (evolution.explained >= SOLVED)[:, None] & (evolution.per_output >= SOLVED)
    for which, name in enumerate(evolution.outputs):
        frame = _since(is_constant[:, which] & is_solved[:, which])
        if frame is None or is_constant[:frame, which].all():
            continue
        shown, share = printable(name, limit=40), evolution.per_output[-1, which]
        recognised = "all" if share == 1 else f"{100 * share:.0f} %"
        into = int(evolution.incoming[-1, which])
        leads = "no connection" if into == 0 else "one connection" if into == 1 else f"{into} connections"
        yield _event(
            evolution,
            "dropped output",
            frame,
            title=f"{shown} dropped",
            words=f"the logit of {shown} is dropped: it stays at {_signed(evolution.level[-1, which])} whatever the "
            f"input (spread {spread[-1, which]:.2g}, the widest has {spread[-1].max():.2g}, {leads} above the cut into "
            f"it), yet {recognised} of its class's training rows are recognised: the other logits carry the difference",
            numbers={
                "spread": spread[-1, which],
                "widest": spread[-1].max(),
                "level": evolution.level[-1, which],
                "incoming": into,
                "recognised": evolution.per_output[-1, which],
            },
            output=name,
        )


def find_phases(evolution: Evolution) -> Iterator[Event]:
    """Finds where two classes' logits stop sharing the work, or share it again, once the task is learned."""
    if evolution.kind != "classification" or len(evolution.outputs) != 2:
        return
    learned = np.flatnonzero(evolution.explained >= SOLVED)
    asymmetry = evolution.asymmetry
    for change in settled(np.abs(asymmetry[learned]) >= ASYMMETRIC):
        frame, later = (int(learned[change.frame + ahead]) for ahead in (0, HOLD - 1))
        leader = printable(evolution.outputs[int(asymmetry[later] < 0)], limit=40)
        values = f"{_signed(asymmetry[frame])}, and {_signed(asymmetry[later])} by step {evolution.steps[later]:,}"
        meaning = "the asymmetry of the two logits' spreads (0: both alike, ±1: only one is left) is"
        if change.new:
            words = f"from the symmetric to the asymmetric phase: {leader} takes over, {meaning} {values}"
        else:
            words = f"back to a symmetric phase: {meaning} {values}"
        yield _event(
            evolution,
            "asymmetric" if change.new else "symmetric",
            frame,
            title="asymmetric" if change.new else "symmetric again",
            words=words,
            numbers={"asymmetry": asymmetry[frame], "asymmetry_later": asymmetry[later]},
        )


def find_splits(evolution: Evolution) -> Iterator[Event]:
    """Finds where the net falls into more independent parts, or fewer, and stays so.

    While it is one part, its parts before the outputs are followed too.
    """
    before_outputs = np.where(evolution.parts == 1, evolution.parts_before_outputs, 0)
    for series, where in ((evolution.parts, ""), (before_outputs, " before the outputs")):
        for frame, old, new in settled(series):
            if min(old, new) < 1:
                continue
            parts = "one part" if new == 1 else f"{new} parts"
            yield _event(
                evolution,
                "split" if new > old else "merge",
                frame,
                title=f"{parts}{where}",
                words=f"the net {'falls into' if new > old else 'joins up to'} {parts}{where}"
                + (", which meet only there" if where and new > 1 else "")
                + f" (before: {old})",
                numbers={"from": old, "to": new, "connections": evolution.connections[frame]},
            )


def find_uncrossing(evolution: Evolution) -> Iterator[Event]:
    """Finds from where on no two connections cross, up to the end; nothing where crossings are not counted."""
    if evolution.crossings is None:
        return
    frame = _since(evolution.crossings == 0)
    if frame is None or frame == 0 or evolution.connections[-1] < 2:
        return
    count = int(evolution.crossings[frame - 1])
    last = "the last crossing is" if count == 1 else f"the last {count:,} crossings are"
    yield _event(
        evolution,
        "uncrossed",
        frame,
        title="uncrossed",
        words=f"{last} gone: from here on no two connections cross",
        numbers={"before": count, "connections": evolution.connections[frame]},
    )


_DETECTORS: tuple[Callable[[Evolution], Iterator[Event]], ...] = (
    find_jumps,
    find_phases,
    find_dropped_outputs,
    find_splits,
    find_uncrossing,
)


def _event(
    evolution: Evolution,
    kind: EventKind,
    frame: int,
    *,
    title: str,
    words: str,
    numbers: Mapping[str, Any],
    output: str | None = None,
    before: int | None = None,
) -> Event:
    steps = evolution.steps.tolist()
    plain = {name: float(value) for name, value in numbers.items()}
    last = steps[max(frame - 1, 0) if before is None else before]
    return Event(kind, frame, steps[frame], last, title, words, plain, output)


def _signed(value: float) -> str:
    """Writes a number to two places, with a true minus sign and no negative zero."""
    return f"{round(float(value), 2) + 0.0:.2f}".replace("-", "−")


def _since(holds: np.ndarray) -> int | None:
    """Returns from which frame on something holds to the end, if that is at least `HOLD` frames."""
    fails = np.flatnonzero(~holds)
    start = int(fails[-1]) + 1 if len(fails) else 0
    return start if len(holds) - start >= HOLD else None


def _steepest(changes: Floats, least: float, window: int) -> Iterator[int]:
    """Yields the steepest window of every group of overlapping windows that change enough."""
    enough = np.flatnonzero(changes >= least)
    for group in np.split(enough, np.flatnonzero(np.diff(enough) > window) + 1):
        if len(group):
            yield int(group[np.argmax(changes[group])])


def _tightened(metric: Floats, begin: int, end: int) -> tuple[int, int, int]:
    """Narrows a window of a rise to the rise: its last low frame, the first past its middle, its first high frame."""
    low, high = metric[begin], metric[end]
    inside = np.arange(begin, end + 1)
    begin = int(inside[metric[inside] <= low + 0.05 * (high - low)][-1])
    later = np.arange(begin + 1, end + 1)
    middle, end = (int(later[metric[later] >= low + share * (high - low)][0]) for share in (0.5, 0.95))
    return begin, middle, end


def _lasts(metric: Floats, begin: int, end: int) -> bool:
    """Tells whether a rise is no flicker: it holds for `HOLD` frames, and so did, as far as known, what was before."""
    before, after = metric[max(begin - HOLD + 1, 0) : begin + 1], metric[end : end + HOLD]
    middle = (metric[begin] + metric[end]) / 2
    return len(after) == HOLD and bool(before.max() < middle <= after.min())


def _jump(evolution: Evolution, metric: Floats, frames: tuple[int, int, int]) -> Event:
    begin, middle, end = frames
    name = "accuracy" if evolution.kind == "classification" else "R²"
    low, high = (f"{metric[frame]:.2f}" for frame in (begin, end))
    steps = evolution.steps
    rises = metric[end] > metric[begin]
    return _event(
        evolution,
        "jump" if rises else "fall",
        middle,
        before=begin,
        title=f"{name} {low} → {high}",
        words=f"test {name} {'jumps' if rises else 'falls'} from {low} to {high} between steps {steps[begin]:,} "
        f"and {steps[end]:,}",
        numbers={"from": metric[begin], "to": metric[end], "begin": steps[begin], "end": steps[end]},
    )
