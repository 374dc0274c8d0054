"""Short forms of experiments, one variant each."""

from dataclasses import replace

from reports.experiments.catalog import get_experiment
from reports.experiments.experiment import shortened
from reports.experiments.running import reproduce


def short(name, label, folder, seeds=2):
    """Runs one variant of an experiment's short form."""
    form = shortened(get_experiment(name))
    variant = replace(form.variant(label), seeds=seeds)
    outcome = reproduce(replace(form, variants=(variant,), explained=""), folder / name, is_fast=True)
    return outcome.results[label], {finding["claim"]: finding for finding in outcome.to_json()["findings"]}
