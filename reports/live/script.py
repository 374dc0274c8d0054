"""The script of a page: plain JavaScript from the folder scripts/, one file after the other in a scope of its own."""

import base64
import hashlib
from functools import cache
from importlib.resources import files

_TABLES = ("dom.js", "save.js")
_PLAYING = (
    *("arrays.js", "activations.js", "net.js", "cuts.js", "scores.js", "views.js", "scene.js", "layout.js"),
    *("player.js", "painter.js", "details.js", "picture.js", "charts.js", "image.js", "probe.js", "filmbar.js"),
    *("board.js", "stage.js", "gallery.js", "address.js"),
)


@cache
def table_script() -> str:
    """Returns the script of a page without nets: its tables can be taken away."""
    return _joined((*_TABLES, "tables.js"))


@cache
def playing_script() -> str:
    """Returns the script of a page with nets to play with."""
    return _joined((*_TABLES, *_PLAYING, "main.js"))


def digest(text: str) -> str:
    """Returns what a content security policy calls a text inside an element: `sha256-...`."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _joined(names: tuple[str, ...]) -> str:
    folder = files("reports.live") / "scripts"
    parts = "\n".join((folder / name).read_text(encoding="utf-8") for name in names)
    return f'(() => {{\n"use strict";\n{parts}}})();\n'
