"""Trends: how medians change over a few stages, one line per group, several plots side by side."""

from collections.abc import Mapping, Sequence

import numpy as np

from reports.figures.axes import span, tick_text
from reports.figures.bends import BENDS, bent_ticks
from reports.figures.drawing import Curve, Disc, Drawing, Figure, Floats, Length, Mark, Words, fitted, text_width
from reports.figures.palette import module_tone

_LEFT, _TOP, _WIDTH, _HEIGHT, _GAP = 52.0, 66.0, 310.0, 230.0, 58.0
_DODGE = 5.0
"""How far apart the groups stand at one stage."""


def draw_trends(
    plots: Mapping[str, Mapping[str, Floats]],
    stages: Sequence[str],
    *,
    axis: str,
    name: str,
    title: str,
    caption: str,
) -> Figure:
    """Draws medians over seeds, with a stroke from the smallest to the largest, on a logarithmic axis.

    Args:
        plots: By the plot's title, then by the group's name: (seeds, stages), above 0.
        stages: What the columns are called.
        axis: What is measured.
        name: As in `Figure`.
        title: As in `Figure`.
        caption: As in `Figure`.
    """
    every = np.concatenate([values.ravel() for groups in plots.values() for values in groups.values()])
    low, high = span(BENDS["log"](every[every > 0]), margin=0.05)
    marks: list[Mark] = [Words(4, 14, axis, 12, "ink")]
    names = list(dict.fromkeys(group for groups in plots.values() for group in groups))
    marks += _legend(names, _LEFT + text_width(axis, 12) + 20)
    for rank, (heading, groups) in enumerate(plots.items()):
        left = _LEFT + rank * (_WIDTH + _GAP)
        marks += _axes(left, (low, high), heading, stages)
        for number, (group, values) in enumerate(groups.items()):
            tone = module_tone(names.index(group))
            marks += _line(values, left, (low, high), tone, _DODGE * (number - (len(groups) - 1) / 2))
    width = _LEFT + len(plots) * (_WIDTH + _GAP) - _GAP + 12
    alt = "; ".join(
        f"{heading}, {group}: {', '.join(f'{value:.3g}' for value in np.median(values, axis=0))}"
        for heading, groups in plots.items()
        for group, values in groups.items()
    )
    drawing = Drawing(width, _TOP + _HEIGHT + 34, tuple(marks))
    return Figure(name, title, caption, f"Medians at {', '.join(stages)}. {alt}.", drawing)


def _line(values: Floats, left: Length, ends: tuple[float, float], tone: str, dodge: Length) -> list[Mark]:
    stages = values.shape[1]
    across = [left + _WIDTH * (stage + 0.5) / stages + dodge for stage in range(stages)]
    rows = [_down(reduce(values, axis=0), ends) for reduce in (np.median, np.min, np.max)]
    marks: list[Mark] = [
        Curve(((x, float(low)), (x, float(high))), tone, 1.2, 0.55)
        for x, low, high in zip(across, rows[1], rows[2], strict=True)
    ]
    marks.append(Curve(tuple((x, float(y)) for x, y in zip(across, rows[0], strict=True)), tone, 2))
    return marks + [Disc(x, float(y), 3.8, tone, "paper") for x, y in zip(across, rows[0], strict=True)]


def _down(values: Floats, ends: tuple[float, float]) -> Floats:
    return _TOP + _HEIGHT * (1 - (BENDS["log"](values) - ends[0]) / max(ends[1] - ends[0], 1e-12))


def _axes(left: Length, ends: tuple[float, float], heading: str, stages: Sequence[str]) -> list[Mark]:
    marks: list[Mark] = [Words(left, _TOP - 14, fitted(heading, _WIDTH, 13), 13, "ink", is_bold=True)]
    for tick in bent_ticks("log", *ends):
        down = float(_down(np.array([tick]), ends)[0])
        marks += [
            Curve(((left, down), (left + _WIDTH, down)), "grid", 1),
            Words(left - 7, down + 4, tick_text(tick), 11, "muted", "end"),
        ]
    for rank, stage in enumerate(stages):
        x = left + _WIDTH * (rank + 0.5) / len(stages)
        marks.append(Words(x, _TOP + _HEIGHT + 20, stage, 11, "muted", "middle"))
    return marks


def _legend(names: Sequence[str], left: Length) -> list[Mark]:
    marks: list[Mark] = []
    for rank, name in enumerate(names):
        marks += [Disc(left + 5, 10, 4.5, module_tone(rank)), Words(left + 14, 14, name, 11, "muted")]
        left += text_width(name, 11) + 34
    return marks
