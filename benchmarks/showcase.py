"""Makes docs/gallery: trains its nets, writes their pages, and takes a picture of each in a browser.

Run as `make gallery`; it takes about three minutes on two cores. The same nets and the same versions give the same
pages; pictures may differ from browser to browser. Needs chromium.
"""

import io
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from benchmarks.browser import chromium
from bimt.checkpoint import Checkpoint
from bimt.cli import run
from bimt.commands import train
from bimt.opening import open_checkpoint
from interp.select import select
from interp.stages import ablations_of, modules_of
from reports.live.model import Player
from reports.live.view import lively
from reports.nets.gallery import make_gallery
from reports.nets.page import NetsPage, write_nets_page
from reports.report import build_report, write_report

FOLDER = Path(__file__).parents[1] / "docs" / "gallery"


class Exhibit(NamedTuple):
    """One page of the gallery."""

    training: tuple[str, ...]
    """Words of `bimt train`."""
    kind: str
    """ "report", "gallery" of all seeds, or "net": the net alone, where a whole report would be large."""
    address: str
    """The state in which its picture is taken."""
    shown: str
    """What is on the picture, as a selector."""
    clicked: str = ""
    """What is clicked before, as a selector."""


EXHIBITS = {
    "independence": Exhibit(
        ("independence", "--seeds", "8"), "report", "", "#net .stage", '[data-neuron^="h2"]',
    ),
    "two-moons": Exhibit(("two_moons", "--seeds", "8"), "net", "#play?x=0.4;0.1", "#net .stage"),
    "modular-addition": Exhibit(("modular_addition",), "net", "#play?row=5&colour=activation", "#net .board"),
    "digits": Exhibit(("images", "--data", "digits"), "net", "#play?row=3&colour=activation", "#net .stage"),
    "forty-seeds": Exhibit(("independence", "--seeds", "40"), "gallery", "", "#net .cards-small"),
}  # fmt: skip


def main() -> None:
    """Writes every page and picture."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, exhibit in EXHIBITS.items():
            out = Path(folder) / name
            status = run(train, [*exhibit.training, "--out", str(out), "--quiet"])
            if status:
                raise SystemExit(status)
            made = _write(name, exhibit.kind, open_checkpoint(out), Path(folder) / f"{name}-page")
            shutil.copyfile(made, FOLDER / f"{name}.html")
    take_pictures(EXHIBITS)


def _write(name: str, kind: str, checkpoint: Checkpoint, folder: Path) -> Path:
    """Returns the path of the page."""
    if kind == "report":
        return write_report(build_report(checkpoint), folder)[0]
    page = make_gallery(checkpoint) if kind == "gallery" else _alone(name, checkpoint)
    return write_nets_page(page, folder, name)[0]


def _alone(name: str, checkpoint: Checkpoint) -> NetsPage:
    """Makes a page of the best seed without its training, in which it can be played with."""
    chosen = select(checkpoint)
    modules = modules_of(chosen)
    zero, mean = ablations_of(chosen, modules)
    player = Player(name, chosen.sparse, checkpoint.task, modules.modules, zero=zero, mean=mean)
    return NetsPage(
        kicker="One net",
        title=name.replace("-", " "),
        headline=f"{chosen.sparse.connections:,} connections of {chosen.sparse.dense_connections:,} are left",
        words=("Cut neurons and connections, change the inputs, colour it by what flows.",),
        live=lively([player]),
        is_gallery=False,
        sections=(),
        commands=(" ".join(checkpoint.command),) if checkpoint.command else (),
    )


def take_pictures(exhibits: Mapping[str, Exhibit]) -> None:
    """Photographs pages that are in the folder already."""
    with chromium() as browser:
        for name, exhibit in exhibits.items():
            window = {"width": 1180, "height": 900}
            context = browser.new_context(viewport=window, device_scale_factor=1.5, offline=True)
            page = context.new_page()
            page.goto((FOLDER / f"{name}.html").as_uri() + exhibit.address)
            page.wait_for_selector("html[data-ready]")
            if exhibit.clicked:
                page.locator(exhibit.clicked).first.dispatch_event("click")
                page.locator(exhibit.clicked).first.evaluate("each => each.focus({preventScroll: true})")
            box = page.locator(exhibit.shown).first.bounding_box()
            around = {"x": box["x"] - 12, "y": box["y"] - 12, "width": box["width"] + 24, "height": box["height"] + 24}
            (FOLDER / f"{name}.png").write_bytes(_small(page.screenshot(full_page=True, clip=around)))
            context.close()


def _small(picture: bytes) -> bytes:
    """Returns a picture in 256 colours, a third of the size."""
    file = io.BytesIO()
    Image.open(io.BytesIO(picture)).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(
        file, "PNG", optimize=True
    )
    return file.getvalue()


if __name__ == "__main__":
    main()
