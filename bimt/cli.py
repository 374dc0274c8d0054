"""What every command shares: dispatch by name, one line for the caller's mistake, JSON on stdout, the console.

A command is a plain function with typer annotations, in a file that imports nothing heavy; it is found by its name in
the entry-point group `bimt.commands`, so that only the module of the command asked for is ever imported.
"""

from __future__ import annotations

import errno
import json
import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from bimt.messages import UserError, explain_validation, nearest, printable, suggestion

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from rich.console import Console

__all__ = [
    "UserError",
    "console",
    "emit",
    "explain_validation",
    "main",
    "nearest",
    "parser",
    "printable",
    "run",
    "seed_label",
    "stdout_console",
    "suggestion",
]

GROUP = "bimt.commands"
DISTRIBUTION = "bimt-toolkit"


def main(argv: Sequence[str] | None = None) -> int:
    """The console script `bimt`: hands over to the command named first.

    Args:
        argv: The words after `bimt`; None for those of this process.

    Returns:
        The exit status: 0, 2 for the caller's mistake, 130 after Ctrl-C.

    Example:
        >>> main(["no-such-command"])  # and one line on stderr
        2
    """
    words = list(sys.argv[1:] if argv is None else argv)
    return _guard("bimt", lambda: _dispatch(words))


def run(command: Callable[..., Any], argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs one command function on a command line: the same for `bimt NAME` and for `python -m`.

    Whatever the caller did wrong (an unknown option, a `UserError`, a config that pydantic refuses, a file that is not
    there) is one line on stderr and status 2. Any other exception is a bug here: it is not caught.

    Args:
        command: A function with typer annotations. Its docstring is the help; it returns None or an exit status.
        argv: The words after the command's name; None for those of this process.
        prog: What the command is called in its help and its errors; by default `bimt` and the function's name.

    Returns:
        The exit status: the command's own or 0; 2 for the caller's mistake, 130 after Ctrl-C, 141 if the reader of
        stdout went away.

    Example:
        >>> def greet(name: str):
        ...     print("Hello", name)
        >>> run(greet, ["Ada"])
        Hello Ada
        0
    """
    words = list(sys.argv[1:] if argv is None else argv)
    called = prog or f"bimt {command.__name__}"
    return _guard(called, lambda: _call(command, words, called))


def parser(command: Callable[..., Any]) -> Any:
    """The command as typer's parser, with help in plain text, indented examples kept as they are.

    Example:
        >>> def greet(name: str):
        ...     print("Hello", name)
        >>> parser(greet).make_context("greet", ["Ada"]).params
        {'name': 'Ada'}
    """
    import inspect

    import typer
    from typer.main import get_command

    paragraphs = (inspect.getdoc(command) or "").split("\n\n")
    text = "\n\n".join(f"\b\n{part}" if "\n " in f"\n{part}" else part for part in paragraphs)
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command(help=text, context_settings={"help_option_names": ["-h", "--help"]})(command)
    return get_command(app)


def seed_label(text: str) -> int | None:
    """Reads what `--seed` is given: a label, or "best", which is None and the same as no `--seed`.

    Raises:
        UserError: If it is neither.

    Example:
        >>> seed_label("3"), seed_label("best")
        (3, None)
    """
    if text == "best":
        return None
    try:
        return int(text)
    except ValueError:
        raise UserError(f"--seed must be the label of a seed, or best, got {printable(text)}") from None


def emit(document: object) -> None:
    """Writes one JSON document on stdout: NaN and infinities as null, arrays and tensors as lists, keys as they come.

    Args:
        document: Mappings with text keys, sequences, paths, text, numbers and None; anything with `tolist` (a numpy or
            torch scalar, array or tensor) counts as what that returns.

    Raises:
        TypeError: If it holds something else.

    Example:
        >>> emit({"seed": 3, "metric": float("nan")})
        {
          "seed": 3,
          "metric": null
        }
    """
    print(json.dumps(_plain(document), indent=2, allow_nan=False), flush=True)


def console() -> Console:
    """The console for progress and log lines, on stderr. Make one and pass it down: a live display must own them all.

    Markup is off, so that brackets in names stay what they are; control characters are not: use `printable` on names.
    """
    from rich.console import Console

    return Console(stderr=True, markup=False, emoji=False, highlight=False, soft_wrap=True)


def stdout_console() -> Console:
    """The console for tables, on stdout; as wide as a table needs where no terminal bounds it."""
    from rich.console import Console

    width = None if sys.stdout is not None and sys.stdout.isatty() else 200
    return Console(markup=False, emoji=False, highlight=False, width=width)


def _dispatch(words: list[str]) -> int:
    first = words[0] if words else "--help"
    if first in ("-h", "--help"):
        print(_help(_commands()))
        return 0
    if first == "--version":
        from importlib.metadata import version

        print(f"bimt {version(DISTRIBUTION)}")
        return 0
    if first.startswith("-"):
        raise UserError(f"unknown option {printable(first)}{suggestion(first, ['--help', '--version'])}")
    commands = _commands()
    if first not in commands:
        raise UserError(f"unknown command {printable(first)}{suggestion(first, commands)}")
    return run(commands[first].load(), words[1:], prog=f"bimt {first}")


def _commands() -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points

    found = {entry.name: entry for entry in entry_points(group=GROUP)}
    if not found:
        raise UserError(f"no commands are installed; run `pip install -e .` where {DISTRIBUTION}'s pyproject.toml is")
    return found


def _help(commands: Mapping[str, EntryPoint]) -> str:
    lines = [f"  {name:<12} {_summary(entry)}".rstrip() for name, entry in commands.items()]
    return "\n".join(
        [
            "Usage: bimt COMMAND [OPTIONS]",
            "",
            "Trains nets whose wiring has a price, and explains what they learned.",
            "",
            "Commands:",
            *lines,
            "",
            "Options:",
            "  --version    Show the version and exit.",
            "  -h, --help   Show this message and exit; bimt COMMAND --help shows a command's options.",
        ]
    )


def _summary(entry: EntryPoint) -> str:
    """The first docstring line of a command, read from its source: importing every command for it would be slow."""
    import ast
    from importlib.util import find_spec

    with suppress(ImportError, OSError, SyntaxError):
        spec = find_spec(entry.module)
        if spec is not None and spec.origin is not None:
            with open(spec.origin, encoding="utf-8") as source:
                tree = ast.parse(source.read())
            for node in tree.body:
                if isinstance(node, ast.FunctionDef) and node.name == entry.attr:
                    return (ast.get_docstring(node) or "").partition("\n")[0]
    return ""


def _call(command: Callable[..., Any], words: list[str], prog: str) -> int:
    """Parses and calls, without typer's own `main`: that one ends the process and wraps a broken pipe."""
    import typer

    if any("\0" in word for word in words):
        raise UserError("the command line must not hold NUL characters")
    try:
        typed = parser(command)
        with typed.make_context(prog, words) as context:
            status = typed.invoke(context)
    except typer.Exit as end:
        status = end.exit_code
    print(end="", flush=True)
    return status if isinstance(status, int) else 0


def _guard(prog: str, action: Callable[[], int]) -> int:
    """Turns what the caller did wrong into one line and a status; lets bugs through."""
    try:
        return action()
    except KeyboardInterrupt:
        return 128 + 2
    except BrokenPipeError:
        _abandon_stdout()
        return 128 + 13
    except Exception as error:
        complaint = _complaint(error)
        if complaint is None:
            raise
        print(f"{prog}: error: {printable(complaint, limit=1000)}", file=sys.stderr)
        return 2


def _complaint(error: Exception) -> str | None:
    """What to tell the caller; None if the error is not theirs but a bug."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, OSError):
        return _file_complaint(error)
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and "can't allocate memory" in str(error)):
        return "not enough memory; ask for a smaller net, fewer seeds or fewer rows"
    from typer.exceptions import TyperException

    if isinstance(error, TyperException):
        return _usage_complaint(error)
    from pydantic import ValidationError

    return explain_validation(error) if isinstance(error, ValidationError) else None


def _usage_complaint(error: Any) -> str:
    """Typer's message in this project's words; what typer does not say is read off the exception's attributes."""
    if hasattr(error, "possibilities"):
        names = [
            name for parameter in error.ctx.command.params for name in (*parameter.opts, *parameter.secondary_opts)
        ]
        known = ["--help", *(name for name in names if name.startswith("--"))]
        return f"unknown option {printable(error.option_name)}{suggestion(error.option_name, known)}"
    if hasattr(error.__cause__, "errors") and getattr(error, "param", None) is not None:
        name = max(error.param.opts, key=len) if error.param.param_type_name == "option" else error.param.name
        return f"{name} {explain_validation(error.__cause__)}"
    message = " ".join(error.format_message().split()).rstrip(".")
    return message[:1].lower() + message[1:]


def _file_complaint(error: OSError) -> str | None:
    """A file the caller named, or a full disk; any other error of the system is a bug."""
    if error.filename is not None:
        return f"{printable(os.fsdecode(error.filename))}: {(error.strerror or type(error).__name__).lower()}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        _abandon_stdout()
        return f"cannot write: {os.strerror(error.errno).lower()}"
    of_a_file = (FileNotFoundError, PermissionError, FileExistsError, IsADirectoryError, NotADirectoryError)
    return str(error) if isinstance(error, of_a_file) else None


def _abandon_stdout() -> None:
    """Points stdout at nothing: what is still buffered would fail again, noisily, when the process ends."""
    with suppress(OSError, ValueError):
        stdout = sys.stdout.fileno()
        os.dup2(os.open(os.devnull, os.O_WRONLY), stdout)


def _plain(value: object) -> Any:
    """The value in JSON's own types; what cannot be one is left for `json` to refuse."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("`document` must have text keys only")
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return os.fspath(value) if isinstance(value, os.PathLike) else value
