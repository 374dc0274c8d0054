"""Pictures as a film: GIF and WebP by Pillow, MP4 by the program ffmpeg."""

import io
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, features

from bimt.messages import UserError, printable
from reports.figures.palette import PALETTE

_SHADES = 16
"""Between white and each tone: what thin and pale lines are made of."""
_APART = 8
"""So far two colours of the palette differ in red, green or blue."""


class Picture(NamedTuple):
    """One frame, and how long it stands."""

    pixels: NDArray[np.uint8]  # (height, width, 3)
    seconds: float


def check_suffix(suffix: str) -> None:
    """Makes sure, before anything is drawn, that such a film can be written.

    Raises:
        UserError: If not: the format is unknown, or what writes it is not installed.
    """
    if suffix not in _ENCODERS:
        raise UserError(f"--out must end in {', '.join(_ENCODERS)}, got {printable(suffix) or 'no suffix'}")
    if suffix == ".mp4" and shutil.which("ffmpeg") is None:
        raise UserError("for .mp4 the program ffmpeg must be installed (apt install ffmpeg); or let --out end in .gif")
    if suffix == ".webp" and not features.check("webp"):
        raise UserError("for .webp Pillow must have been built with WebP; let --out end in .gif")


def encode(pictures: Iterable[Picture], *, suffix: str, fps: int) -> bytes:
    """Turns pictures into a film; the same pictures give the same bytes (.mp4: with the same ffmpeg).

    Args:
        pictures: All of one size, at least one.
        suffix: ".gif", ".webp" or ".mp4".
        fps: Frames per second of an .mp4, in which a picture that stands longer is repeated.

    Raises:
        UserError: As `check_suffix`, or if ffmpeg fails.
    """
    check_suffix(suffix)
    return _ENCODERS[suffix](pictures, fps)


def _gif(pictures: Iterable[Picture], _: int) -> bytes:
    palette = _palette()
    return _by_pillow(pictures, lambda image: image.quantize(palette=palette, dither=Image.Dither.NONE), "GIF", tick=10)


def _webp(pictures: Iterable[Picture], _: int) -> bytes:
    return _by_pillow(pictures, lambda image: image, "WEBP", tick=1, lossless=True, quality=60, method=2)


def _by_pillow(
    pictures: Iterable[Picture],
    change: Callable[[Image.Image], Image.Image],
    kind: str,
    *,
    tick: int,
    **options: object,
) -> bytes:
    seconds: list[float] = []

    def images() -> Iterator[Image.Image]:
        for picture in pictures:
            seconds.append(picture.seconds)
            yield change(Image.fromarray(picture.pixels))

    frames = list(images())
    file = io.BytesIO()
    # a format counts in ticks of so many milliseconds: what one picture is too short, the next ones make up for
    ends = (np.cumsum(seconds) * 1000 / tick).round().astype(int) * tick
    durations = np.diff(ends, prepend=0).tolist()
    frames[0].save(file, kind, save_all=True, append_images=frames[1:], duration=durations, loop=0, **options)
    return file.getvalue()


def _palette() -> Image.Image:
    """Returns an image whose palette holds every tone, where lines cross their mixtures, and shades down to white.

    So all frames share colours. Pillow looks colours up to a few steps: a shade that near to another one would take its
    place.
    """
    tones, white = [_rgb(colour.light) for colour in PALETTE.values()], np.full(3, 255.0)
    ends = [_rgb(PALETTE[name].light) for name in ("positive", "negative")]
    crossed = [ends[0] + share * (ends[1] - ends[0]) for share in (0.25, 0.5, 0.75)]
    depths = np.linspace(0, 1, _SHADES + 1)[1:]
    shades = [white + depth * (tone - white) for depth in depths for tone in (*tones, *crossed)]
    table: list[NDArray[np.float64]] = []
    for colour in (*tones, *shades):
        if all(np.abs(colour - other).max() >= _APART for other in table) and len(table) < 256:
            table.append(colour)
    image = Image.new("P", (1, 1))
    image.putpalette(np.stack(table + [white] * (256 - len(table))).round().astype(np.uint8).tobytes())
    return image


def _rgb(colour: str) -> NDArray[np.float64]:
    return np.array([int(colour[start : start + 2], 16) for start in (1, 3, 5)], dtype=np.float64)


def _mp4(pictures: Iterable[Picture], fps: int) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "film.mp4"
        first, *rest = pictures
        height, width = (side // 2 * 2 for side in first.pixels.shape[:2])  # the usual codecs take even sides only
        command = ["ffmpeg", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}"]
        command += ["-r", str(fps), "-i", "-", "-pix_fmt", "yuv420p", "-movflags", "+faststart", str(file)]
        content = b"".join(
            np.ascontiguousarray(picture.pixels[:height, :width]).tobytes() * max(round(picture.seconds * fps), 1)
            for picture in (first, *rest)
        )
        done = subprocess.run(command, input=content, capture_output=True, check=False)
        if done.returncode or not file.is_file():
            said = done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
            raise UserError(f"ffmpeg failed: {printable(said[-1])}; let --out end in .gif")
        return file.read_bytes()


_ENCODERS: dict[str, Callable[[Iterable[Picture], int], bytes]] = {".gif": _gif, ".webp": _webp, ".mp4": _mp4}
