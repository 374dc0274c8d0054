"""The colours of every figure: a tone has one name, one colour on paper and one in the dark.

Positive and negative differ for every kind of colour vision (blue and vermilion); the hues of modules are
those of Okabe and Ito, without these two.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Colour(NamedTuple):
    """One tone, as hexadecimal colours."""

    light: str
    dark: str


PALETTE = {
    "paper": Colour("#ffffff", "#16191d"),
    "ink": Colour("#1b1f24", "#e8eaed"),
    "muted": Colour("#5d6670", "#a3acb6"),
    "faint": Colour("#b4bcc5", "#4d5661"),
    "grid": Colour("#e4e7eb", "#2b3138"),
    "positive": Colour("#1a66b3", "#64aef2"),
    "negative": Colour("#cf4a0a", "#ff8b4d"),
    "module0": Colour("#009e73", "#2cc79b"),
    "module1": Colour("#b8569a", "#e08fc6"),
    "module2": Colour("#c99700", "#f0c63d"),
    "module3": Colour("#2a9fd0", "#72cbf2"),
    "module4": Colour("#7a5bb5", "#b49be6"),
    "module5": Colour("#7f6a3c", "#c9b27c"),
    "module6": Colour("#b3424a", "#ef8a91"),
    "module7": Colour("#4c7a34", "#9acb7f"),
}

MODULES = tuple(name for name in PALETTE if name.startswith("module"))


def module_tone(index: int) -> str:
    """Returns the hue of a module, counted from 0; after the last it starts again."""
    return MODULES[index % len(MODULES)]


def style_sheet() -> str:
    """Writes the tones as CSS variables, light, dark and on paper, and the classes that the SVG uses."""
    light = "".join(f"--{name}:{colour.light};" for name, colour in PALETTE.items())
    dark = "".join(f"--{name}:{colour.dark};" for name, colour in PALETTE.items())
    return (
        f":root{{color-scheme:light dark;{light}}}"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}"
        f"{_classes({name: f'var(--{name})' for name in PALETTE})}"
    )


def light_classes() -> str:
    """Writes the same classes with the light tones, for a file without variables: not every program knows them."""
    return _classes({name: colour.light for name, colour in PALETTE.items()})


def _classes(colours: Mapping[str, str]) -> str:
    """Writes what strokes and fills of each tone are."""
    return "".join(f".s-{name}{{stroke:{colour}}}.f-{name}{{fill:{colour}}}" for name, colour in colours.items())
