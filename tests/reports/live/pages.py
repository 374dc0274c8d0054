"""Pages with nets to be played with, and what a hand does on them."""

from dataclasses import replace

import torch

from bimt.wiring import Link, Site, Wiring
from interp.ablation import ablate
from interp.events import tell
from interp.graph import to_graph
from interp.modules import independent_parts
from interp.select import select
from reports.content import make_page
from reports.html import render_page, to_html
from reports.live.model import Player
from reports.live.view import lively
from reports.nets.page import NetsPage
from reports.report import build_report
from tests.nets import task_of
from tests.reports.checkpoints import small_checkpoint, small_task
from tests.wired import bare, population

CLICKED = """() => {
  const found = {}, metric = document.querySelector("[data-metric]");
  const press = (kind, name) => document.querySelector(`[data-${kind}="${name}"]`)
    .dispatchEvent(new MouseEvent("click", {bubbles: true}));
  for (const kind of ["neuron", "connection", "module"]) {
    const all = [...document.querySelectorAll(`[data-${kind}]`)];
    for (const name of all.map(each => each.getAttribute(`data-${kind}`))) {
      if (kind === "module") document.querySelector(`[data-module="${name}"]`).click(); else press(kind, name);
      found[`${kind} ${name}`] = Number(metric.getAttribute("data-metric"));
      if (kind === "module") document.querySelector(`[data-module="${name}"]`).click(); else press(kind, name);
      found[""] = Number(metric.getAttribute("data-metric"));
    }
  }
  return found;
}"""
"""Clicks everything twice; returns the metric after each first click, and under "" what it ends with."""


def page_of(*players, is_gallery=False):
    """The HTML of a page that holds only these players."""
    page = NetsPage("Test", "nets", "none", (), lively(list(players)), is_gallery, (), ())
    return render_page("nets.html.j2", page=page, is_live=True)


def written(folder, *players, **options):
    """The path of such a page."""
    path = folder / "page.html"
    path.write_text(page_of(*players, **options), encoding="utf-8")
    return path


def metric(page):
    """The live metric, all digits."""
    return float(page.get_attribute("[data-metric]", "data-metric"))


def address(page):
    """What stands behind the page's address, once it has been written."""
    page.wait_for_timeout(300)
    return page.evaluate("location.hash")


def go(page, fragment):
    """Changes the fragment of a page that is open, as a link does."""
    page.evaluate(
        """fragment => new Promise(done => {
          window.addEventListener("hashchange", () => done(), {once: true});
          location.hash = fragment;
        })""",
        fragment,
    )


def filmed_player(task=None, **options):
    """A small net with all that a report hands over: modules, ablations, the net as trained, its film."""
    chosen = select(small_checkpoint(task or small_task(), seeds=1, **options), tolerance=1e-3)
    sparse, checkpoint = chosen.sparse, chosen.checkpoint
    modules = independent_parts(to_graph(sparse, checkpoint.task.to(torch.float64)))
    members = {module.name: module.neurons for module in modules}
    zero, mean = (ablate(sparse, checkpoint.task, modules=members, method=method) for method in ("zero", "mean"))
    return Player(
        name="net", sparse=sparse, task=checkpoint.task, modules=modules, dense=chosen.dense, zero=zero, mean=mean,
        checkpoint=checkpoint, story=tell(checkpoint, chosen.label),
    )  # fmt: skip


def silent_checkpoint():
    """A checkpoint whose net does not say what its sites compute."""
    wiring = Wiring(
        populations=(population("in", 3), population("h", 6), population("out", 2)),
        sites=(Site("in", "in", "input"), Site("h", "h"), Site("out", "out", "output")),
        links=(Link("h", "in", "first"), Link("out", "h", "last")),
    )
    net = bare(wiring, {"first": (6, 3), "last": (2, 6)})
    return replace(small_checkpoint(small_task(), seeds=1), net=net, task=task_of(net), snapshots={})


def report_page(checkpoint, path):
    """Writes only the page of a report, not its pictures."""
    path.write_text(to_html(make_page(build_report(checkpoint))), encoding="utf-8")
    return path


def nets_page(page, path):
    """Writes only the page of several nets."""
    path.write_text(render_page("nets.html.j2", page=page, is_live=True), encoding="utf-8")
    return path
