"""The published experiment on sequences: linear regression in context, by a transformer (section 3.4)."""

import math

import pandas as pd

from reports.experiments.arms import Arms
from reports.experiments.claims import at_least
from reports.experiments.experiment import Experiment, Fast, arms
from reports.experiments.published import Published
from reports.experiments.results import Results, Trained
from reports.section import Finding, Section
from reports.tables import Table
from reports.words import number

MAIN = "l1-local-swap"
WANTED = 1e-3
"""The error on the last token that is asked for, before the price rises for the last time."""


class LastToken:
    """Makes the section on the error of the last answer, through training and at its end."""

    def __call__(self, results: Results) -> Section:
        """Makes the section of some results."""
        errors = {each.variant.title: last_errors(each) for each in results}
        rows = []
        for each in results:
            frame = errors[each.variant.title]
            shown = [number(frame[column].median(), 3) for column in ("before", "trained", "pruned")]
            sizes = [number(each.frame[column].median()) for column in ("live", "connections")]
            rows.append((each.variant.title, *shown, *sizes))
        columns = (
            "", "before the last price", "as trained", "pruned", "weights above 0.01", "connections, pruned",
        )  # fmt: skip
        return Section(
            name="last-token",
            title="The error on the last token",
            words=(
                "Mean squared error of the last answer on the test sequences, the median over seeds. The first answer "
                "cannot be known: its sequence has shown nothing of w yet. The price of connections rises tenfold at "
                "three quarters of the training, after which the net is sparse.",
            ),
            findings=(last_finding(errors[results[MAIN].variant.title]),),
            tables=(Table(columns, tuple(rows)),),
        )


def last_finding(errors: pd.DataFrame) -> Finding:
    """Judges the error before the last price.

    Args:
        errors: As `last_errors` returns them.
    """
    before = float(errors["before"].median())
    claim = "Error on the last token, before the last price"
    return Finding(claim, WANTED, None if math.isnan(before) else before, before <= WANTED)


def last_errors(trained: Trained) -> pd.DataFrame:
    """Returns the mean squared error of the last answer for each seed: `before` the last price, `trained`, `pruned`.

    It is (1 - R^2) times the variance of the last answer, for the metric is the R^2 of that answer. A price that never
    changes has no `before`.
    """
    checkpoint = trained.checkpoint
    last = checkpoint.task.test.targets[:, -1]
    variance = float(last.var(correction=0))
    config = checkpoint.config
    strengths = config.cost.strength
    switch = int(strengths[-1][0] * config.steps) if len(strengths) > 1 else -1
    history = checkpoint.history
    step = history.loc[history["step"] <= switch, "step"].max()
    early = history[history["step"] == step].set_index("seed")["metric"]
    frame = trained.frame
    metric = pd.DataFrame({"before": early.reindex(frame.index), "trained": frame["dense_metric"],
                           "pruned": frame["metric"]})  # fmt: skip
    return (1 - metric) * variance


IN_CONTEXT = Experiment(
    name="in_context",
    figure="Section 3.4, linear regression in context",
    about="A transformer reads x1, y1 = w x1 and x2, and has to say w x2: what is left of two layers of attention when "
    "connections cost?",
    variants=arms("in_context", seeds=1),
    sections=(
        Published(
            MAIN,
            (at_least("R² of the last answer, pruned", "metric", 0.99, of="median"),),
            note="No number is published; the published run never swapped, for its interval was longer than its "
            "training: it is L1 + local here. Its code would have cut attention heads apart. Here neurons trade places "
            "inside a head, heads as a whole, and the residual stream has one place per neuron wherever it is seen.",
        ),
        LastToken(),
        Arms(),
    ),
    seconds=1250,
    fast=Fast(
        (
            "steps=2000",
            "net.width=16",
            "net.mlp=[32,32]",
            "task.sequences=2000",
            "learning_rate=0.003",
            "swaps.every=200",
        ),
        seconds=40,
        seeds=1,
        variants=("l1-local", MAIN),
    ),
    explained=MAIN,
)
