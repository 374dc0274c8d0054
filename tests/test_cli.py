"""The command line that every command shares."""

from __future__ import annotations

import io
import json
import math
import subprocess
import sys
import textwrap
from enum import Enum
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Annotated

import numpy as np
import pytest
import torch
import typer
from hypothesis import given
from hypothesis import strategies as st

from bimt import cli
from bimt.cli import UserError, console, emit, main, run, stdout_console
from tests.bimt.test_messages import refused


class Method(Enum):
    zero = "zero"
    mean = "mean"


def paint(
    checkpoint: Annotated[Path, typer.Argument(metavar="CKPT", help="The folder.")],
    seed: Annotated[int, typer.Option(help="Which seed.")] = 0,
    method: Annotated[Method, typer.Option(help="How.")] = Method.zero,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False,
) -> int | None:
    """Paint a checkpoint.

    Example:
        bimt paint runs/ind --json
    """
    if as_json:
        emit({"checkpoint": checkpoint, "seed": seed, "method": method.value})
    return 3 if str(checkpoint) == "status" else None


def failing(error: BaseException):
    def fail() -> None:
        raise error

    return fail


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """Two installed commands: one that works, one whose module must never be imported."""
    (tmp_path / "good_commands.py").write_text(
        'def paint(name: str) -> None:\n    """Paint it.\n\n    More.\n    """\n    print("painted", name)\n'
    )
    (tmp_path / "bad_commands.py").write_text(
        'def boom() -> None:\n    """Go boom."""\n\nraise RuntimeError("imported")'
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    entries = [
        EntryPoint("paint", "good_commands:paint", cli.GROUP),
        EntryPoint("boom", "bad_commands:boom", cli.GROUP),
        EntryPoint("gone", "no_such_package.commands:gone", cli.GROUP),
    ]
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: entries if group == cli.GROUP else [])
    yield
    sys.modules.pop("good_commands", None)


# Dispatch


def test_hands_over_to_the_command_named_and_imports_no_other(installed, capsys):
    assert main(["paint", "red"]) == 0
    assert capsys.readouterr() == ("painted red\n", "")
    assert "bad_commands" not in sys.modules


@pytest.mark.parametrize("words", [[], ["-h"], ["--help"]])
def test_help_lists_every_command_without_importing_it(installed, capsys, words):
    assert main(words) == 0
    out, err = capsys.readouterr()
    assert "\n  paint        Paint it.\n  boom         Go boom.\n  gone\n" in out
    assert err == ""
    assert not {"good_commands", "bad_commands"} & set(sys.modules)


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("bimt 0.")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["pant"], "bimt: error: unknown command pant; did you mean paint?"),
        (["PAINT"], "bimt: error: unknown command PAINT; did you mean paint?"),
        (["xyzzy"], "bimt: error: unknown command xyzzy; choose from boom, gone, paint"),
        (["--versoin"], "bimt: error: unknown option --versoin; did you mean --version?"),
        (["paint", "--colour"], "bimt paint: error: unknown option --colour; choose from --help"),
        (["a\nb\x1b[31m\u202e"], r"bimt: error: unknown command a\nb\x1b[31m\u202e; choose from boom, gone, paint"),
    ],
)
def test_wrong_names_are_one_line(installed, capsys, words, line):
    assert main(words) == 2
    assert capsys.readouterr() == ("", line + "\n")


def test_says_so_when_nothing_is_installed(monkeypatch, capsys):
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [])
    assert main(["train"]) == 2
    assert capsys.readouterr().err.startswith("bimt: error: no commands are installed; run `pip install -e .`")


# One command


def test_runs_a_command_and_returns_its_status(capsys):
    assert run(paint, ["ckpt", "--json", "--seed", "4"]) == 0
    assert json.loads(capsys.readouterr().out) == {"checkpoint": "ckpt", "seed": 4, "method": "zero"}
    assert run(paint, ["status"]) == 3


def test_reads_the_words_of_the_process_by_default(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["bimt", "ckpt", "--json"])
    assert run(paint) == 0
    assert json.loads(capsys.readouterr().out)["checkpoint"] == "ckpt"


def test_help_keeps_the_example_as_it_is(capsys):
    assert run(paint, ["--help"], prog="python -m paint") == 0
    out = capsys.readouterr().out
    assert out.startswith("Usage: python -m paint [OPTIONS]")
    assert "  Example:\n      bimt paint runs/ind --json\n" in out


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "missing argument 'CKPT'"),
        (["a", "--sed", "3"], "unknown option --sed; did you mean --seed?"),
        (["a", "--seed"], "option '--seed' requires an argument"),
        (["a", "--seed", "many"], "--seed must be a valid integer, got 'many'"),
        (["a", "--method", "men"], "--method 'men' is not one of 'zero', 'mean'"),
        (["a", "--json=yes"], "option '--json' does not take a value"),
        (["a", "b"], "got unexpected extra argument(s) (b)"),
        (["a\0b"], "the command line must not hold NUL characters"),
    ],
)
def test_wrong_usage_is_one_line(capsys, words, line):
    assert run(paint, words) == 2
    assert capsys.readouterr() == ("", f"bimt paint: error: {line}\n")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (UserError("no column 'x'\nin the table"), r"no column 'x'\nin the table"),
        (FileNotFoundError(2, "No such file or directory", "a\x1b.csv"), r"a\x1b.csv: no such file or directory"),
        (FileNotFoundError("no file a.csv"), "no file a.csv"),
        (PermissionError(13, "Permission denied", Path("out")), "out: permission denied"),
        (OSError(36, "File name too long", "x" * 10_000), None),
        (OSError(28, "No space left on device"), "cannot write: no space left on device"),
        (MemoryError(), "not enough memory; ask for a smaller net, fewer seeds or fewer rows"),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"), None),
        (refused(steps="many"), "steps must be a valid integer, got 'many'"),
        (typer.BadParameter("seeds must differ"), "invalid value: seeds must differ"),
    ],
)
def test_the_callers_mistake_is_one_line(capsys, error, line):
    assert run(failing(error), [], prog="bimt paint") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert len(err) < 1100
    if line is not None:
        assert err == f"bimt paint: error: {line}\n"


@pytest.mark.parametrize(
    "error",
    [ValueError("a bug"), RuntimeError("a bug"), OSError("a bug"), ConnectionResetError(104, "reset"), KeyError(1)],
)
def test_a_bug_is_not_hidden(error):
    with pytest.raises(type(error)) as caught:
        run(failing(error), [])
    assert caught.value is error


@pytest.mark.parametrize(("end", "status"), [(KeyboardInterrupt(), 130), (typer.Exit(5), 5), (typer.Exit(), 0)])
def test_other_ends(capsys, end, status):
    assert run(failing(end), []) == status
    assert capsys.readouterr() == ("", "")


@given(st.text() | st.text(st.characters(categories=["Cc", "Cf", "Zl", "Zp", "Cs"])))
def test_hostile_text_stays_on_one_line(text):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stderr", io.StringIO())
        assert run(failing(UserError(text)), [], prog="bimt paint") == 2
        assert run(paint, ["a", f"--{text}=1"]) == 2
        assert main([f"?{text}"]) == 2
        written = sys.stderr.getvalue()
    assert written.count("\n") == 3
    assert len(written.splitlines()) == 3
    assert written.replace("\n", "").isprintable()


def script(body: str, *words: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(body), *words]


def test_a_bug_shows_its_traceback_and_ends_with_one():
    done = subprocess.run(
        script("""
            from bimt.cli import run
            def command() -> None:
                raise ValueError("a bug")
            raise SystemExit(run(command, []))
        """),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback")


PRINTS_A_LOT = """
    from bimt.cli import emit, run
    def command() -> None:
        emit(list(range(100_000)))
    raise SystemExit(run(command, [], prog="bimt lots"))
"""


def test_a_reader_that_goes_away_is_no_error():
    with subprocess.Popen(script(PRINTS_A_LOT), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full device")
def test_a_full_disk_is_one_line():
    with open("/dev/full", "w") as full:
        done = subprocess.run(script(PRINTS_A_LOT), stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.stderr == "bimt lots: error: cannot write: no space left on device\n"
    assert done.returncode == 2


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["trian"], ["train", "--help"], ["modules", "--help"]])
def test_quick_answers_import_nothing_heavy(words):
    done = subprocess.run(
        script(
            """
            import sys
            from bimt.cli import main
            main(sys.argv[1:])
            heavy = set("torch numpy scipy networkx sympy pandas matplotlib sklearn rich pydantic".split())
            print(sorted(heavy & set(sys.modules)), file=sys.stderr)
            """,
            *words,
        ),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.splitlines()[-1] == "[]"


# JSON


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(json_values)
def test_emit_round_trip(document):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", io.StringIO())
        emit(document)
        text = sys.stdout.getvalue()
    assert json.loads(text) == document
    assert text.isascii()


def test_emit_writes_what_json_has_no_word_for(capsys):
    emit(
        {
            "z": [math.nan, math.inf, -math.inf, (1, 2)],
            "a": [np.float32(0.5), np.float64("nan"), np.int64(3), np.bool_(True), np.array([[1.0, np.nan]])],
            "torch": [torch.tensor(2), torch.tensor([0.5, float("inf")]), torch.tensor(True)],
            "path": Path("runs") / "ind",
        }
    )
    out, err = capsys.readouterr()
    document = json.loads(out, parse_constant=pytest.fail)
    assert list(document) == ["z", "a", "torch", "path"]
    assert document["z"] == [None, None, None, [1, 2]]
    assert document["a"] == [0.5, None, 3, True, [[1.0, None]]]
    assert document["torch"] == [2, [0.5, None], True]
    assert document["path"] == "runs/ind"
    assert err == ""


@pytest.mark.parametrize("document", [{1: 2}, {"a": object()}, {"a": {1, 2}}, torch.tensor(1j)])
def test_emit_refuses_what_is_no_json(document, capsys):
    with pytest.raises(TypeError):
        emit(document)
    assert capsys.readouterr().out == ""


# Consoles


def test_consoles_keep_to_their_streams_and_take_no_markup(capsys):
    console().print("[red]log[/red]")
    stdout_console().print("[red]table[/red]")
    assert capsys.readouterr() == ("[red]table[/red]\n", "[red]log[/red]\n")


def test_a_log_line_is_never_broken(capsys):
    console().print("word " * 100)
    assert capsys.readouterr().err.count("\n") == 1
