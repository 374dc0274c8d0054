"""A page of several nets: words and tables above them, and the nets to be played with."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bimt.folder import write_file
from reports.figures.drawing import Figure
from reports.figures.png import to_png
from reports.html import render_page
from reports.live.view import Live
from reports.markdown import render_markdown
from reports.report import FIGURES, prepare_folder
from reports.section import Section


@dataclass(frozen=True)
class NetsPage:
    """What stands on it; the templates only arrange it."""

    kicker: str
    title: str
    headline: str
    words: tuple[str, ...]
    live: Live | None
    """None where a net does not say what its sites compute: then there are tables and pictures only."""
    is_gallery: bool
    """Whether one net is chosen among many, rather than all shown side by side."""
    sections: tuple[Section, ...]
    commands: tuple[str, ...]
    """What makes the page again."""

    @property
    def figures(self) -> Iterator[Figure]:
        """All figures, in order."""
        for section in self.sections:
            yield from (*section.panoramas, *section.figures)


def write_nets_page(page: NetsPage, folder: Path, name: str) -> list[Path]:
    """Writes NAME.html, NAME.md and the pictures of the latter, replacing earlier ones; returns their paths.

    Raises:
        UserError: If the folder cannot be written.
    """
    prepare_folder(folder)
    files = {f"{FIGURES}/{figure.name}.png": to_png(figure.drawing) for figure in page.figures}
    files |= {
        f"{name}.md": render_markdown("nets.md.j2", FIGURES, page=page).encode(),
        f"{name}.html": render_page("nets.html.j2", page=page, is_live=page.live is not None).encode(),
    }
    for file, content in files.items():
        write_file(folder / file, content)
    return [folder / f"{name}.html", folder / f"{name}.md", *sorted(folder / file for file in files if "/" in file)]
