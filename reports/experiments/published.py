"""The section that holds one variant's seeds against the published numbers."""

from collections.abc import Sequence

import pandas as pd

from reports.experiments.claims import Judge, judged
from reports.experiments.results import Results
from reports.experiments.section import Section
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
        seeds = f"{counted(len(frame), 'seed').capitalize()} of {trained.variant.title}"
        words = [*([self.note] if self.note else []), f"{seeds}. Independent parts after pruning: {_parts(frame)}."]
        return Section(
            name="published",
            title="Published and ours",
            words=tuple(words),
            findings=judged(self.claims, frame),
            tables=(Table(("", "median", "smallest", "largest", f"seed {trained.best.label}, the best"), tuple(rows)),),
        )


def _parts(frame: pd.DataFrame) -> str:
    """Says which inputs and outputs hang together in how many seeds; of nets in one piece only that."""
    if (frame["parts"] <= 1).all():
        return f"the whole net is one, in {len(frame)} of {len(frame)}"
    parts = frame["groups"].map(" | ".join).value_counts()
    return "; ".join(f"{{{name(each.replace('->', '→'))}}} in {count}" for each, count in parts.head(4).items())
