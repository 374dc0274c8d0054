"""Reads as much of a PDF as tests ask for, by its table of objects."""

import re
import zlib
from dataclasses import dataclass

_STRING = re.compile(rb"\(((?:\\.|[^\\)])*)\)", re.DOTALL)
_TEXT = re.compile(
    rb"([-\d.]+)\s([-\d.]+)\s([-\d.]+)\s([-\d.]+)\s([-\d.]+)\s([-\d.]+)\scm\s+BT\s(.*?)\sET\s", re.DOTALL
)
_ESCAPED = {b"n": b"\n", b"r": b"\r"}


@dataclass(frozen=True)
class Text:
    """A line of text: where it begins, in points from the lower left corner, and how it is turned."""

    x: float
    y: float
    cosine: float
    sine: float
    words: str


class Pdf:
    """A file of one page."""

    def __init__(self, content: bytes) -> None:
        assert content.startswith(b"%PDF-1.4\n")
        start = int(re.search(rb"startxref\n(\d+)\n%%EOF\n$", content)[1])
        head, size, *entries = content[start:].split(b"\n")
        assert head == b"xref"
        self.objects = {}
        for number, entry in enumerate(entries[: int(size.split()[1])]):
            if entry.endswith(b"n "):
                offset = int(entry[:10])
                assert content.startswith(b"%d 0 obj" % number, offset)
                self.objects[number] = content[offset : content.index(b"endobj", offset)]
        (self.page,) = (each for each in self.objects.values() if re.search(rb"/Type /Page\b", each))
        self.size = tuple(map(float, re.search(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", self.page).groups()))
        number = int(re.search(rb"/Contents (\d+) 0 R", self.page)[1])
        self.drawn = zlib.decompressobj().decompress(self.objects[number].partition(b"stream\n")[2])

    def has(self, pattern: bytes) -> bool:
        """Tells whether an object, what is drawn aside, holds a pattern."""
        return any(re.search(pattern, each.partition(b"stream\n")[0]) for each in self.objects.values())

    def texts(self) -> list[Text]:
        """All lines of text."""
        found = []
        for *numbers, shown in _TEXT.findall(self.drawn):
            cosine, sine, _, _, x, y = map(float, numbers)
            letters = b"".join(map(_unescaped, _STRING.findall(shown)))
            found.append(Text(x, y, cosine, sine, letters.decode("utf-16-be")))
        return found


def _unescaped(text: bytes) -> bytes:
    return re.sub(rb"\\(.)", lambda found: _ESCAPED.get(found[1], found[1]), text, flags=re.DOTALL)
