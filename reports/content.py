"""What stands in a report: the same words, tables, figures and formulas for the page and for markdown."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from bimt.checkpoint import Checkpoint
from interp.detectors import Event
from interp.events import strength_switches
from interp.features import on_sheets
from interp.targets import Kind
from reports import verdict
from reports.algorithm import view_algorithm
from reports.figures.bars import Bar, draw_bars
from reports.figures.curves import draw_training
from reports.figures.drawing import Figure
from reports.figures.filmstrip import draw_strip
from reports.figures.net import Groups, draw_net, largest_weight
from reports.figures.palette import module_tone
from reports.formulas import FormulaView, view_formulas
from reports.live.view import Live, view_live
from reports.predictions import draw_boundary, draw_predictions
from reports.ranking import view_ranking
from reports.results import Report
from reports.section import Section
from reports.sheets import SheetsView, draw_stacks, view_sheets
from reports.surfaces import draw_surfaces
from reports.tables import (
    Table,
    ablation_table,
    evidence_table,
    modules_table,
    motif_table,
    prune_table,
    seeds_table,
    stories_table,
)
from reports.votes import VotesView, view_votes
from reports.words import command_line, name

MOST_ROWS, MOST_REST = 20, 500
"""Rows of an ablation table that are always open, and how many more the page shows on request."""
_KINDS: tuple[tuple[Kind, str], ...] = (("module", "modules"), ("neuron", "neurons"), ("connection", "connections"))


@dataclass(frozen=True)
class Fact:
    """One large number and what it says."""

    value: str
    label: str


@dataclass(frozen=True)
class Ablations:
    """One kind of ablation."""

    title: str
    figure: Figure
    table: Table
    rest: Table | None
    """The rows after the first ones; None where there are none."""


@dataclass(frozen=True)
class Page:
    """A report, in words; the templates only arrange it."""

    title: str
    headline: str
    certainty: str
    trained: str
    pruned: str
    facts: tuple[Fact, ...]
    live: Live | None
    """The net to be played with; None where it does not say what it computes."""
    pictures: tuple[Figure, ...]
    modules: Table
    module_tones: tuple[str, ...]
    """The hue of each row of `modules`."""
    modules_note: str
    evidence: Table
    prune: Table
    threshold: str
    evolution: tuple[Figure, ...]
    events: tuple[str, ...]
    """In words, in the order of their numbers in the figures."""
    stories: Table
    """The events of every seed."""
    stories_note: str
    """Where they are, if they are not here."""
    curves: tuple[Figure, ...]
    seeds: Table
    ranking: tuple[Section, ...]
    """All seeds side by side; empty of a few."""
    ablations: tuple[Ablations, ...]
    predictions: tuple[Figure, ...]
    predictions_note: str
    boundary: tuple[Figure, ...]
    votes: VotesView | None
    """None where no two modules meet in an output, or the inputs are no tokens."""
    sheets: SheetsView | None
    """None where no population lies in two dimensions."""
    algorithm: tuple[Section, ...]
    """What the net computes, where its task is one that more can be said of."""
    formulas: tuple[FormulaView, ...]
    formulas_note: str
    motifs: Table
    """Empty where the net has none."""
    no_formulas: str
    """Why there are none."""
    commands: tuple[str, ...]
    versions: Table
    settings: str
    most_rest: int = MOST_REST

    @property
    def figures(self) -> Iterator[Figure]:
        """All figures, in order."""
        yield from self.pictures
        yield from self.boundary
        yield from self.votes.figures if self.votes else ()
        yield from self.sheets.figures if self.sheets else ()
        for section in (*self.algorithm, *self.ranking):
            yield from (*section.panoramas, *section.figures)
        yield from self.predictions
        yield from (part.figure for part in self.ablations)
        yield from self.evolution
        yield from self.curves


def make_page(report: Report) -> Page:
    """Puts the results of a report into words, tables, figures and formulas."""
    figures, note = draw_predictions(report)
    return Page(
        title=_title(report),
        headline=verdict.what_came_out(report.modules),
        certainty=verdict.how_sure(report.modules),
        trained=verdict.what_was_trained(report),
        pruned=verdict.what_pruning_cost(report),
        facts=_facts(report),
        live=view_live(report),
        pictures=_pictures(report),
        modules=modules_table(report),
        module_tones=tuple(map(module_tone, range(len(report.modules.modules)))),
        modules_note=_modules_note(report),
        evidence=evidence_table(report.modules, report.loss_without_bridges),
        prune=prune_table(report),
        threshold=_threshold(report),
        evolution=_evolution(report),
        events=tuple(f"Step {event.step:,}: {event.words}." for event in _events(report)),
        stories=stories_table(report),
        stories_note=_stories_note(report),
        curves=_curves(report),
        seeds=seeds_table(report),
        ranking=view_ranking(report),
        ablations=tuple(part for part in (_ablations(report, *kind) for kind in _KINDS) if part.table.rows),
        predictions=figures,
        predictions_note=note,
        boundary=(*draw_boundary(report), *draw_surfaces(report)),
        votes=view_votes(report.voting),
        sheets=view_sheets(report),
        algorithm=view_algorithm(report),
        formulas=view_formulas(report),
        formulas_note=_formulas_note(report),
        motifs=motif_table(report),
        no_formulas=report.no_formulas,
        commands=_commands(report),
        versions=_versions(report),
        settings=_settings(report.selected.checkpoint),
    )


def _title(report: Report) -> str:
    """Returns the task's name; of a table the name of its file."""
    checkpoint = report.selected.checkpoint
    task, data = checkpoint.task, getattr(checkpoint.config.task, "data", None)
    if data is None:
        return name(task.name)
    return name(str(data).replace("\\", "/").rpartition("/")[2].rpartition(".")[0] or data)


def _facts(report: Report) -> tuple[Fact, ...]:
    before, after, found = report.dense_scores, report.scores, len(report.modules.modules)
    cost = before.test_metric - after.test_metric
    return (
        Fact(f"{after.test_metric:.4f}".replace("-", "−"), f"test {report.metric_name} after pruning"),
        Fact(f"{after.connections:,}", f"of {before.connections:,} connections kept"),
        Fact(f"{after.neurons:,}", f"of {before.neurons:,} hidden neurons kept"),
        Fact(f"{found:,}", "module" if found == 1 else "modules"),
        Fact(f"{abs(cost):.4f}", f"of test {report.metric_name} {'lost' if cost >= 0 else 'gained'} by pruning"),
    )


def _pictures(report: Report) -> tuple[Figure, ...]:
    modules = report.modules.modules
    rank = {neuron: index for index, module in enumerate(modules) for neuron in module.neurons}
    groups, largest = Groups(rank, tuple(module.name for module in modules)), largest_weight(report.before)
    if on_sheets(report.selected.sparse.net):
        return draw_stacks(report, groups)
    shared = "Neurons sit at their places in space, inputs at the bottom."
    return (
        draw_net(
            report.before,
            everyone=report.before,
            groups=groups,
            largest=largest,
            name="net-before",
            title="As trained",
            caption=f"All weights; the weaker, the paler and thinner. {shared}",
        ),
        draw_net(
            report.after,
            everyone=report.before,
            groups=groups,
            largest=largest,
            name="net-after",
            title="After pruning",
            caption="The connections that the training data need, drawn to the same scale; small grey points are "
            "neurons that pruning removed. Follow the lines from an output down: they end at the inputs it depends on.",
        ),
    )


def _threshold(report: Report) -> str:
    sparse = report.selected.sparse
    size = f" smaller than {sparse.threshold:.3g} in size" if math.isfinite(sparse.threshold) else ""
    return (
        f"Every weight{size} was cut: the largest single cut that costs less "
        f"than {sparse.tolerance:g} of what the net explains of the training data. Biases are never cut. This is the "
        "smallest net found, not the sparsest there is. The loss is in the units that the net sees."
    )


def _modules_note(report: Report) -> str:
    note = "Without it: all its hidden neurons set to zero at once, on the test split."
    if not report.compares_outputs:
        return note
    return (
        f"{note} If one output alone suffers, the module has a job of its own; beside it, 200 random sets of as many "
        "neurons from the same layers."
    )


def _evolution(report: Report) -> tuple[Figure, ...]:
    if report.story is None:
        return ()
    tones = {each.name: ["muted"] * each.size for each in report.selected.dense.net.wiring.populations}
    for index, module in enumerate(report.modules.modules):
        for neuron in module.neurons:
            tones[report.before.nodes[neuron]["population"]][neuron.index] = module_tone(index)
    return (draw_strip(report.selected.checkpoint, report.story, tones),)


def _curves(report: Report) -> tuple[Figure, ...]:
    """Draws how training went; nothing for another project's file, which does not say."""
    checkpoint = report.selected.checkpoint
    if checkpoint.history.empty:
        return ()
    strength = strength_switches(checkpoint.config)
    return tuple(
        draw_training(checkpoint.history, label=report.selected.label, strength=strength, events=_events(report))
    )


def _events(report: Report) -> tuple[Event, ...]:
    return () if report.story is None else report.story.events


def _stories_note(report: Report) -> str:
    is_alone = 0 < len(report.stories) < len(report.seeds)
    return "What happened in the other seeds, the command bimt events says." if is_alone else ""


def _ablations(report: Report, kind: Kind, title: str) -> Ablations:
    mean, tones = {row.name: row.drop for row in report.mean.of(kind)}, _tones(report)
    bars = [
        Bar(name(row.label).replace("->", " → "), row.drop, mean.get(row.name), tones.get(row.name, "muted"))
        for row in report.zero.of(kind)
    ]
    table = ablation_table(report, kind)
    rest = Table(table.columns, table.rows[MOST_ROWS:], table.is_text) if len(table.rows) > MOST_ROWS else None
    return Ablations(
        title=title + report.zero.share_of(kind),
        figure=draw_bars(
            bars, name=f"ablation-{title}", title=f"Without one of the {title}", kind=title, metric=report.metric_name
        ),
        table=Table(table.columns, table.rows[:MOST_ROWS], table.is_text),
        rest=rest,
    )


def _formulas_note(report: Report) -> str:
    checkpoint = report.selected.checkpoint
    task = checkpoint.task
    answers = (
        "what is held against 1 for the class and 0 for the others" if task.squared else "logits, before the softmax"
    )
    units = answers if task.kind == "classification" else "the units of the data"
    variables = report.exact.variables if report.exact else {}
    renamed = [f"{symbol} is {name(column)}" for symbol, column in variables.items() if symbol != column]
    named = f" Here {', '.join(renamed[:12])}{' and so on' if len(renamed) > 12 else ''}." if renamed else ""
    return (
        f"The pruned net, written out, in {units}. Readable: constants rounded as far as the stated error allows. "
        f"Exact: with all digits.{named}"
    )


def _tones(report: Report) -> dict[str, str]:
    """Returns the hue of everything that lies in one module, by its name: modules, neurons, connections."""
    tones: dict[str, str] = {}
    for index, module in enumerate(report.modules.modules):
        members, tone = set(module.neurons), module_tone(index)
        names = [module.name, *map(str, module.neurons)]
        names += [f"{source}->{target}" for source, target in report.after.subgraph(members).edges]
        tones |= dict.fromkeys(names, tone)
    return tones


def _commands(report: Report) -> tuple[str, ...]:
    checkpoint, label = report.selected.checkpoint, report.selected.label
    folder = checkpoint.path.name if checkpoint.path is not None else "CHECKPOINT"
    explain = [
        "python",
        "-m",
        "reports",
        folder,
        "--seed",
        str(label),
        "--tolerance",
        f"{report.selected.sparse.tolerance:g}",
    ]
    trained = [command_line([*checkpoint.command, "--out", folder])] if checkpoint.command else []
    return (*trained, command_line(explain))


def _versions(report: Report) -> Table:
    checkpoint = report.selected.checkpoint
    try:
        own = version("bimt-toolkit")
    except PackageNotFoundError:
        own = "not installed"
    labels = checkpoint.labels
    seeds = str(labels[0]) if len(labels) == 1 else f"{labels[0]} to {labels[-1]}"
    rows = [("this toolkit", own), *((key, name(value)) for key, value in (checkpoint.versions or {}).items())]
    rows += [
        ("seeds trained", seeds),
        ("seed explained", str(report.selected.label)),
        ("draws from each null", f"{report.draws:,}"),
    ]
    return Table(("", ""), tuple(rows))


def _settings(checkpoint: Checkpoint) -> str:
    """Returns what is known of the settings: how a net was trained is not, of one trained elsewhere."""
    kept = {"task", "net"} if checkpoint.is_foreign else None
    return json.dumps(checkpoint.config.model_dump(mode="json", include=kept), indent=1)
