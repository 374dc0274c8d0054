"""The section that holds one variant's seeds against the published numbers."""

from collections.abc import Sequence

import pandas as pd

from reports.experiments.claims import Judge, judged
from reports.experiments.results import Results
from reports.section import Section
from reports.tables import Table
from reports.words import counted, name, number

_COLUMNS = (
    ("dense_loss", "test loss, as trained"),
    ("loss", "test loss, pruned"),
    ("dense_metric", "test metric, as trained"),
    ("metric", "test metric, pruned"),
    ("live", "weights above 0.01, as trained"),
    ("connections", "connections, pruned"),
    ("neurons", "hidden neurons, pruned"),
)
_MOST = 4
"""So many ways of falling into parts are named."""


class Published:
    """Makes the section: the seeds' numbers, and every claim held against them."""

    def __init__(self, label: str, claims: Sequence[Judge], *, note: str = "") -> None:
        """Takes the variant's label, the claims, and a sentence on where the published numbers are from."""
        self.label, self.claims, self.note = label, tuple(claims), note

    def __call__(self, results: Results) -> Section:
        """Makes the section of some results."""
        trained = results[self.label]
        frame = trained.frame
        rows = []
        for column, title in _COLUMNS:
            values = frame[column]
            shown = (values.median(), values.min(), values.max(), values[trained.best.label])
            shared = title.replace("metric", trained.metric_name)
            rows.append((shared, *(number(float(value)) for value in shown)))
        words = [self.note] if self.note else []
        seeds = f"{counted(len(frame), 'seed').capitalize()} of {trained.variant.title}."
        words.append(f"{seeds} Independent parts after pruning: {parts_in_words(frame['groups'])}.")
        return Section(
            name="published",
            title="Published and ours",
            words=tuple(words),
            findings=judged(self.claims, frame, stopped=len(trained.checkpoint.stopped)),
            tables=(Table(("", "median", "smallest", "largest", f"seed {trained.best.label}, the best"), tuple(rows)),),
        )


def parts_in_words(groups: pd.Series) -> str:
    """Says in how many seeds a net falls into which parts, the most frequent first; of nets in one piece only that.

    Example:
        >>> parts_in_words(pd.Series([("x1 -> y1", "x2 -> y2"), (), ("x1 -> y1", "x2 -> y2")]))
        '{x1 → y1 | x2 → y2} in 2; none in 1'
    """
    if (groups.map(len) == 1).all() and len(groups) > 0:
        return f"one, the whole net, in all {len(groups)}"
    counts = groups.map(" | ".join).value_counts()
    shown = [
        f"{{{name(parts.replace('->', '→'))}}} in {count}" if parts else f"none in {count}"
        for parts, count in counts.head(_MOST).items()
    ]
    others = [f"others in {counts.iloc[_MOST:].sum()}"] if len(counts) > _MOST else []
    return "; ".join(shown + others)
