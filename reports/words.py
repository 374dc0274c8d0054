"""Words and numbers for people: how names, numbers, lists and command lines are written in a report."""

import math
import shlex
from collections.abc import Sequence

from bimt.messages import printable

NAME_LIMIT = 60
_COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def name(text: object) -> str:
    """Writes a name from the data on one line, without control characters, its middle left out if it is long."""
    return printable(text, limit=NAME_LIMIT)


def number(value: float | int | None, digits: int = 4) -> str:
    """Writes a number with so many significant digits, a true minus sign and commas; a dash where there is none.

    Example:
        >>> number(-0.00012345), number(20000), number(None)
        ('−0.0001234', '20,000', '–')
    """
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}".replace("-", "−")
    if abs(value) < 1e-4 or abs(value) >= 1e7:
        mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
        return f"{mantissa}e{int(power)}".replace("-", "−")
    if abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}".replace("-", "−")
    return f"{value:.{digits}g}".replace("-", "−")


def percent(share: float | None, digits: int = 4) -> str:
    """Writes a share in percent, to a hundredth of one at most; a dash where there is none.

    Example:
        >>> percent(0.123456), percent(1.0), percent(None)
        ('12.35 %', '100 %', '–')
    """
    return "–" if share is None else f"{number(round(100 * share, 2), digits)} %"


def signed(value: float | int, digits: int = 3) -> str:
    """Writes a change: with its sign, plus or minus.

    Example:
        >>> signed(0.25), signed(-3.0), signed(0.0)
        ('+0.25', '−3', '0')
    """
    text = number(value, digits)
    return f"+{text}" if value > 0 and math.isfinite(value) else text


def counted(count: int, singular: str, plural: str = "") -> str:
    """Writes a count and its noun: "two modules", "1 connection" from thirteen on as figures.

    Example:
        >>> counted(1, "module"), counted(2, "module"), counted(520, "connection"), counted(2, "class", "classes")
        ('one module', 'two modules', '520 connections', 'two classes')
    """
    amount = _COUNTS[count] if count < len(_COUNTS) else f"{count:,}"
    return f"{amount} {singular if count == 1 else plural or singular + 's'}"


def duration(seconds: float | int) -> str:
    """Writes how long something takes, in the largest unit that fits.

    Example:
        >>> duration(40), duration(100), duration(270), duration(5400)
        ('40 seconds', '2 minutes', '4 minutes', '1.5 hours')
    """
    if seconds < 90:
        return f"{max(round(seconds), 1)} second{'' if round(seconds) <= 1 else 's'}"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} minutes"
    return f"{seconds / 3600:.2g} hours"


def listed(names: Sequence[str], most: int = 8) -> str:
    """Joins names with commas; after the first few says how many more there are.

    Example:
        >>> listed(["a", "b", "c"], most=2)
        'a, b and 1 more'
    """
    shown = ", ".join(name(each) for each in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most:,} more"


def sentence(text: str) -> str:
    """Writes the first letter large.

    Example:
        >>> sentence("two modules")
        'Two modules'
    """
    return text[:1].upper() + text[1:]


def command_line(words: Sequence[str]) -> str:
    """Quotes words for a POSIX shell; characters that would not show as what they are become $'...' escapes.

    Example:
        >>> command_line(["bimt", "train", "two words"])
        "bimt train 'two words'"
    """
    return " ".join(shlex.quote(word) if word.isprintable() else _escaped(word) for word in words)


def _escaped(word: str) -> str:
    parts = []
    for letter in word:
        if letter in "\\'":
            parts.append("\\" + letter)
        elif letter.isprintable():
            parts.append(letter)
        else:
            parts.append("".join(f"\\x{byte:02x}" for byte in letter.encode("utf-8", "surrogateescape")))
    return "$'" + "".join(parts) + "'"
