"""Messages to the person at the keyboard: one clear line, whatever their names and files hold."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import ValidationError


class UserError(Exception):
    """The caller's mistake: `bimt.cli` prints its text as one line and ends with status 2, without a traceback."""


def printable(text: object, limit: int = 200) -> str:
    r"""Writes any text on one line, harmless to a terminal and short enough to read.

    Characters that are not printable (control characters, line ends, right-to-left marks, lone surrogates) become
    their Python escapes; what is too long loses its middle.

    Args:
        text: What to show; anything but a string is shown as `str` shows it.
        limit: The most characters to return, >= 40.

    Returns:
        At most `limit` printable characters.

    Raises:
        ValueError: If the limit is too small to show anything.

    Example:
        >>> printable("two\nlines")
        'two\\nlines'
        >>> len(printable("x" * 10_000, limit=50))
        50
    """
    if limit < 40:
        raise ValueError(f"`limit` must be at least 40, got {limit}")
    return _shorten("".join(map(_escape, _shorten(str(text), limit))), limit)


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Finds the name that was probably meant.

    Args:
        name: What was written.
        names: What could have been written. Of dotted names the last part alone also counts.

    Returns:
        The most similar name, whatever the case of its letters; None if none is similar.

    Example:
        >>> nearest("indepedence", ["crossing", "independence"])
        'independence'
        >>> nearest("offset", ["cost.offset", "steps"])
        'cost.offset'
    """
    known = sorted(names)
    spellings = {known_name.rpartition(".")[2].casefold(): known_name for known_name in known}
    spellings |= {known_name.casefold(): known_name for known_name in known}
    found = difflib.get_close_matches(name.casefold()[:200], spellings, n=1)
    return spellings[found[0]] if found else None


def suggestion(name: str, names: Iterable[str]) -> str:
    """The end of an "unknown ..." message: `; did you mean ...?`, or all the names if none is similar.

    Example:
        >>> "unknown task crosing" + suggestion("crosing", ["crossing", "table"])
        'unknown task crosing; did you mean crossing?'
    """
    known = sorted(names)
    meant = nearest(name, known)
    if meant is not None:
        return f"; did you mean {printable(meant)}?"
    return f"; choose from {printable(', '.join(known))}" if known else ""


def explain_validation(error: ValidationError, known_keys: Sequence[str] = ()) -> str:
    """Says in one line what is wrong with a config.

    Args:
        error: What pydantic raised.
        known_keys: Every key there is, dotted ("cost.offset"): the source of suggestions, and what tells a key from
            the name of one branch of a union.

    Returns:
        For each wrong key its path, what was expected and what was found; at most three of them.

    Example:
        >>> from pydantic import BaseModel, ValidationError
        >>> class Config(BaseModel):
        ...     steps: int
        >>> try:
        ...     Config(steps="many")
        ... except ValidationError as error:
        ...     print(explain_validation(error))
        steps must be a valid integer, got 'many'
    """
    wrong: dict[str, list[Any]] = {}
    for problem in error.errors(include_url=False):
        wrong.setdefault(_path(problem, known_keys), []).append(problem)
    lines = [_explain_key(path, problems, known_keys) for path, problems in wrong.items()]
    more = f"; and {len(lines) - 3} more" if len(lines) > 3 else ""
    return printable("; ".join(lines[:3]), limit=1000) + more


def _escape(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")


def _shorten(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    mark = " [...] "
    tail = (limit - len(mark)) // 3
    return text[: limit - len(mark) - tail] + mark + text[-tail:]


def _path(problem: Any, known_keys: Sequence[str]) -> str:
    """Writes ("hidden", 0) as hidden[0], without the names of union branches that pydantic appends to a key's path."""
    paths = [""]
    for part in problem["loc"]:
        separator = "." if paths[-1] else ""
        paths.append(paths[-1] + (f"[{part}]" if isinstance(part, int) else f"{separator}{part}"))
    if problem["type"] in ("extra_forbidden", "missing"):
        return paths[-1]
    return next((path for path in reversed(paths) if path.partition("[")[0] in known_keys), paths[-1])


def _explain_key(path: str, problems: list[Any], known_keys: Sequence[str]) -> str:
    name, first = printable(path, limit=100), problems[0]
    if first["type"] == "extra_forbidden":
        return f"unknown key {name}{suggestion(path, known_keys)}"
    if first["type"] == "missing":
        return f"{name} is missing"
    if first["type"] in ("value_error", "assertion_error"):
        message = first["msg"].partition(", ")[2].rstrip(".")
        return f"{name}: {message}" if name else message
    found = printable(repr(first["input"]), limit=80)
    if not first["msg"].startswith("Input should be "):
        return f"{name}: {first['msg']}, got {found}".removeprefix(": ")
    expected = " or ".join(dict.fromkeys(map(_expectation, problems)))
    return f"{name} must be {expected}, got {found}".lstrip()


def _expectation(problem: Any) -> str:
    """Takes pydantic's "Input should be a valid integer, unable to parse ..." down to "a valid integer"."""
    message: str = problem["msg"].removeprefix("Input should be ")
    return message.partition(", ")[0] if problem["type"].endswith(("_parsing", "_type", "_from_float")) else message
