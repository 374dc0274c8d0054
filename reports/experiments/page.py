"""The page of an experiment: the same words, tables and figures for HTML and for markdown."""

from collections.abc import Iterator
from dataclasses import dataclass

from reports.content import Fact
from reports.experiments.results import Results
from reports.figures.drawing import Figure
from reports.section import Finding, Section, findings_table, tally
from reports.tables import Table
from reports.words import command_line, duration, name, number

_TONES = {True: "module0", False: "negative", None: "faint"}


@dataclass(frozen=True)
class Link:
    """A page beside this one."""

    text: str
    target: str


@dataclass(frozen=True)
class ExperimentPage:
    """An experiment, in words; the templates only arrange it."""

    title: str
    figure: str
    about: str
    headline: str
    note: str
    """What has to be known before any number is believed; may be empty."""
    facts: tuple[Fact, ...]
    findings: Table
    finding_tones: tuple[str, ...]
    """The hue of each row of `findings`."""
    sections: tuple[Section, ...]
    runs: Table
    links: tuple[Link, ...]
    commands: tuple[str, ...]

    @property
    def figures(self) -> Iterator[Figure]:
        """All figures, in order."""
        for section in self.sections:
            yield from section.panoramas
            yield from section.figures


def make_experiment_page(results: Results) -> ExperimentPage:
    """Puts the results of an experiment into words, tables and figures."""
    experiment = results.experiment
    made = (make(results) for make in experiment.sections)
    sections = tuple(section for section in made if section is not None)
    findings = findings_of(sections)
    return ExperimentPage(
        title=experiment.name,
        figure=experiment.figure,
        about=experiment.about,
        headline=_headline(findings),
        note=_note(results),
        facts=_facts(results, findings),
        findings=findings_table(findings),
        finding_tones=tuple(_TONES[finding.is_met] for finding in findings),
        sections=sections,
        runs=_runs(results),
        links=_links(results),
        commands=(command_line(_reproduced(results)),),
    )


def findings_of(sections: tuple[Section, ...]) -> tuple[Finding, ...]:
    """Returns the findings of all sections."""
    return tuple(finding for section in sections for finding in section.findings)


def _note(results: Results) -> str:
    """Says in which way the numbers are not those of the experiment; nothing where they are."""
    parts = []
    if results.is_fast:
        parts.append(
            "This is the short form, with few steps and small nets: its numbers are not those of the experiment."
        )
    if results.experiment.changed:
        changed = ", ".join(name(text) for text in results.experiment.changed)
        parts.append(f"Settings were given by hand: {changed}.")
    return " ".join(parts)


def _headline(findings: tuple[Finding, ...]) -> str:
    missed = sum(finding.is_met is False for finding in findings)
    return tally(findings).capitalize() + (f", {missed} not" if missed else "")


def _facts(results: Results, findings: tuple[Finding, ...]) -> tuple[Fact, ...]:
    judged = [finding for finding in findings if finding.is_met is not None]
    met = sum(bool(finding.is_met) for finding in judged)
    nets = sum(len(each.pruned) for each in results)
    return (
        Fact(f"{met} of {len(judged)}", "claims met"),
        Fact(f"{len(results.trained):,}", "training run" if len(results.trained) == 1 else "training runs"),
        Fact(f"{nets:,}", "nets trained, pruned and measured"),
        Fact(duration(sum(each.seconds for each in results)), "of training"),
    )


def _runs(results: Results) -> Table:
    """Lists every training run with its command."""
    rows = []
    for each in results:
        stopped = f", {len(each.checkpoint.stopped)} stopped" if each.checkpoint.stopped else ""
        rows.append(
            (
                each.variant.title,
                command_line(each.checkpoint.command),
                f"{len(each.checkpoint.labels)}{stopped}",
                number(round(each.seconds), 3),
            )
        )
    return Table(("run", "the same by hand", "seeds", "seconds"), tuple(rows), frozenset((0, 1)))


def _links(results: Results) -> tuple[Link, ...]:
    label = results.experiment.explained
    if label not in results:
        return ()
    best = results[label]
    text = f"Seed {best.best.label} of {best.variant.title}, the best after pruning, explained in full"
    return (Link(text, f"{label}/report.html"),)


def _reproduced(results: Results) -> list[str]:
    seeds = {variant.seeds for variant in results.experiment.variants}
    words = ["bimt", "reproduce", results.experiment.name, *(["--fast"] if results.is_fast else [])]
    words += ["--seeds", str(seeds.pop())] if len(seeds) == 1 else []
    return [*words, *(word for text in results.experiment.changed for word in ("--set", text))]
