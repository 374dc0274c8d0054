"""The published experiment on images: digits on sheets, one, two and three hidden layers (section 3.5)."""

from dataclasses import replace

from interp.signs import NEARLY_ALL, Signs, find_signs
from reports.experiments.arms import Arms, panel_of
from reports.experiments.experiment import Experiment, Fast, Variant, arms
from reports.experiments.results import Results, Trained
from reports.figures.small_nets import draw_nets
from reports.section import Finding, Section
from reports.tables import Table
from reports.words import number

MAIN = "l1-local-swap"
DEPTHS = (1, 2, 3)
CLOSE = 0.02
"""How much test accuracy the price of connections may cost."""
LEARNT = 0.9
"""The accuracy without a price from which there is something to lose."""


class Depths:
    """Makes the section that compares one, two and three hidden layers, each with and without a price."""

    def __call__(self, results: Results) -> Section:
        """Makes the section of some results; depths that were not run are left out."""
        found = {depth: (_priced(results, depth), _free(results, depth)) for depth in DEPTHS}
        pairs = {depth: (one, other) for depth, (one, other) in found.items() if one is not None}
        signs = {depth: find_signs(one.best.sparse) for depth, (one, _) in pairs.items()}
        return Section(
            name="depths",
            title="One, two and three hidden layers",
            words=(
                "Test accuracy with the published price and with none, and the share of the kept weight of each link "
                "that is positive. Published: the second link nearly all negative, the third nearly all positive: "
                "patterns are compared with what they must not be, then with what they must be.",
            ),
            findings=depth_findings(
                {
                    depth: (_accuracy(one), None if other is None else _accuracy(other))
                    for depth, (one, other) in pairs.items()
                },
                signs,
            ),
            panoramas=(
                draw_nets(
                    [panel_of(one, f"hidden layers: {depth}") for depth, (one, _) in pairs.items()],
                    name="depths-nets",
                    title="The net of every depth, with the price and after pruning",
                    caption="The picture at the bottom, the digits at the top, neurons at their places on the sheets.",
                ),
            ),
            tables=(_table(pairs, signs),),
        )


def depth_findings(accuracies: dict[int, tuple[float, float | None]], signs: dict[int, Signs]) -> tuple[Finding, ...]:
    """Judges what a price costs, and the signs of the last two links.

    Args:
        accuracies: For each number of hidden layers the median test accuracy, as trained, with and without a price.
        signs: Those of the best seed.
    """
    findings = []
    for depth, (priced, free) in accuracies.items():
        if free is not None:
            claim = f"Test accuracy with a price within {100 * CLOSE:g} points of that without, hidden layers: {depth}"
            ours = f"{number(priced)} against {number(free)}"
            is_met = free >= LEARNT and priced >= free - CLOSE
            findings.append(Finding(claim, f"within {CLOSE:g}", ours, is_met))
    for depth, each in signs.items():
        shares = [link.positive_weight for link in each.links]
        if depth > 1:
            middle, last = shares[-2:]
            ours = f"{number(middle, 2)}, then {number(last, 2)} of the weight positive"
            claim = f"Pattern mismatch, then match, hidden layers: {depth}"
            is_mismatch = middle is not None and middle <= 1 - NEARLY_ALL
            is_met = is_mismatch and last is not None and last >= NEARLY_ALL
            findings.append(Finding(claim, "nearly all negative, then nearly all positive", ours, is_met))
    return tuple(findings)


def _priced(results: Results, depth: int) -> Trained | None:
    label = MAIN if depth == 2 else f"depth-{depth}"
    return _found(results, label)


def _free(results: Results, depth: int) -> Trained | None:
    label = "none" if depth == 2 else f"depth-{depth}-none"
    return _found(results, label)


def _found(results: Results, label: str) -> Trained | None:
    return next((each for each in results if each.variant.label == label), None)


def _accuracy(trained: Trained) -> float:
    return float(trained.frame["dense_metric"].median())


def _table(pairs: dict[int, tuple[Trained, Trained | None]], signs: dict[int, Signs]) -> Table:
    rows = []
    for depth, (one, other) in pairs.items():
        shares = [number(link.positive_weight, 2) for link in signs[depth].links]
        rows.append(
            (
                str(depth),
                "–" if other is None else number(_accuracy(other)),
                number(_accuracy(one)),
                number(float(one.frame["metric"].median())),
                number(float(one.frame["connections"].median())),
                ", ".join(shares),
            )
        )
    columns = (
        "hidden layers",
        "test accuracy, no price",
        "with the price",
        "pruned",
        "connections",
        "positive weight, link by link",
    )
    return Table(columns, tuple(rows))


def _deep(depth: int, *, is_free: bool) -> Variant:
    settings = (f"net.hidden={[100] * depth}", *(("cost.strength=0", "swaps.method=none") if is_free else ()))
    title = f"{depth} hidden layer{'s' if depth > 1 else ''}" + (", no price" if is_free else "")
    return Variant(f"depth-{depth}" + ("-none" if is_free else ""), title, "images", settings, 1)


IMAGES = Experiment(
    name="images",
    figure="Section 3.5, MNIST on sheets",
    about="Digits on stacked sheets, each pixel in its place: which pixels and patterns does a sparse net look at? "
    "scikit-learn's 8 x 8 digits unless task.data and task.data_dir name others.",
    variants=(
        *(replace(variant, seeds=1) for variant in arms("images", seeds=1)),
        *(_deep(depth, is_free=is_free) for depth in (1, 3) for is_free in (False, True)),
    ),
    sections=(Depths(), Arms()),
    seconds=400,
    fast=Fast(
        ("steps=1200", "net.hidden=[25,25]", "swaps.every=100", "learning_rate=0.004", "log_every=200"),
        seconds=30,
        seeds=1,
        variants=("none", MAIN),
    ),
    explained=MAIN,
)
