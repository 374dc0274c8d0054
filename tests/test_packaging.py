"""What surrounds the code: versions, pins, the citation, the Makefile and the README's commands."""

from __future__ import annotations

import datetime
import importlib.util
import json
import re
import shlex
import tomllib
from importlib.metadata import entry_points, version
from pathlib import Path

import jsonschema
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from typer.exceptions import TyperException

from bimt import cli

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DIRECT = [Requirement(line) for line in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
# Of the Citation File Format project (doi:10.5281/zenodo.5171937), CC BY 4.0.
SCHEMA = json.loads((ROOT / "tests/data/cff-1.2.0.schema.json").read_text(encoding="utf-8"))
PROGRAMS = {
    "bimt",
    "make",
    "python",
    "python3",
    ".venv/bin/python",
    ".venv/bin/pip",
    "git",
    "cd",
    "pip",
    "source",
    ".",
    "head",
}


def citation_errors(citation: dict) -> list[str]:
    plain = json.loads(json.dumps(citation, default=datetime.date.isoformat))
    return [error.message for error in jsonschema.Draft7Validator(SCHEMA).iter_errors(plain)]


def pins() -> dict[str, Version]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    split = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): Version(pin) for name, pin in split}


def shell_blocks(text: str) -> list[str]:
    """The command lines of a markdown text's shell blocks, continued lines joined, comments gone."""
    commands = []
    for language, block in re.findall(r"^```(\w+)\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL):
        if language not in ("console", "sh", "bash", "shell"):
            continue
        lines = block.replace("\\\n", " ").splitlines()
        prompted = [line[2:] for line in lines if line.startswith("$ ")]
        commands += [line for line in (prompted if language == "console" else lines) if line.split("#")[0].strip()]
    return commands


def simple_commands(line: str) -> list[list[str]]:
    """The words of each command in a line of shell: split at pipes and the like, redirections dropped."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    commands: list[list[str]] = [[]]
    words = iter(lexer)
    for word in words:
        if set(word) <= set("|&;"):
            commands.append([])
        elif set(word) <= set("<>"):
            next(words)
        else:
            commands[-1].append(word)
    return [command for command in commands if command]


def command_name(words: list[str]) -> tuple[str, list[str]] | None:
    """Which of this project's commands the words call, and with what; None for other programs."""
    if words[0] == "bimt":
        return words[1], words[2:]
    if words[0].endswith(("python", "python3")) and words[1] == "-m" and words[2].split(".")[0] in cli_packages():
        name = words[2].rpartition(".")[2]
        return {"reports": "report"}.get(name, name), words[3:]
    return None


def cli_packages() -> set[str]:
    return {entry.module.split(".")[0] for entry in entry_points(group=cli.GROUP)}


def check_command(words: list[str]) -> None:
    """Fails unless the words could be run: the command exists, its options exist, their values can be read."""
    assert words[0] in PROGRAMS, f"{words[0]} is no program that a fresh machine has"
    if words[0] == "make":
        targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
        assert {word for word in words[1:] if "=" not in word} <= set(targets)
    called = command_name(words)
    if called is None:
        return
    name, arguments = called
    if name.startswith("-"):
        assert name in ("--help", "-h", "--version")
        return
    if words[0] != "bimt":
        assert importlib.util.find_spec(words[2]) is not None, f"there is no module {words[2]}"
    found = [entry for entry in entry_points(group=cli.GROUP) if entry.name == name]
    if not found and words[0] != "bimt":
        return  # a module of its own, such as reports.demo, that is no command
    assert found, f"there is no command {name}"
    if "--help" not in arguments:
        cli.parser(found[0].load()).make_context(name, arguments)


def test_citation_is_valid():
    assert citation_errors(CITATION) == []


def test_an_invalid_citation_is_seen():
    assert citation_errors(CITATION | {"authors": []})
    assert citation_errors(CITATION | {"date-released": "today"})
    assert citation_errors(CITATION | {"unknown": 1})
    assert citation_errors(CITATION | {"date-released": datetime.date(2026, 1, 1)}) == []


def test_versions_agree():
    assert PROJECT["version"] == str(CITATION["version"]) == version(PROJECT["name"])
    assert PROJECT["name"] == cli.DISTRIBUTION


def test_every_direct_dependency_is_pinned_within_its_bounds():
    pinned = pins()
    for requirement in DIRECT:
        name = canonicalize_name(requirement.name)
        assert name in pinned, f"constraints.txt must pin {name}"
        assert pinned[name] in requirement.specifier, f"{name}=={pinned[name]} is not {requirement}"


def test_every_direct_dependency_has_a_lower_bound():
    for requirement in DIRECT:
        assert [specifier.operator for specifier in requirement.specifier] == [">="], requirement


def test_every_command_is_there_and_says_what_it_does():
    commands = PROJECT["entry-points"][cli.GROUP]
    installed = {entry.name: entry.value for entry in entry_points(group=cli.GROUP)}
    assert commands.items() <= installed.items(), "run `pip install -e .` again"
    for entry in entry_points(group=cli.GROUP):
        command = entry.load()
        assert command.__doc__, f"{entry.value} must have a docstring"
        assert "Example:\n" in command.__doc__, f"the docstring of {entry.value} must have an example"
        for words in map(shlex.split, re.findall(r"^ +(bimt .*)$", command.__doc__, flags=re.MULTILINE)):
            check_command(words)


def test_changelog_has_an_unreleased_section():
    assert "\n## [Unreleased]\n" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


README = shell_blocks((ROOT / "README.md").read_text(encoding="utf-8"))


def test_readme_shows_commands():
    assert any(line.startswith("bimt ") for line in README)


@pytest.mark.parametrize("line", README)
def test_readme_commands_can_be_run(line):
    for words in simple_commands(line):
        check_command(words)


@pytest.mark.parametrize(
    "line",
    ["bimt trian x", "bimt train x --no-such-option", "make no_such_target", "python -m interp.no_such", "curl x"],
)
def test_a_wrong_command_is_seen(line):
    with pytest.raises((AssertionError, TyperException)):
        check_command(shlex.split(line))


def test_reads_shell_blocks():
    text = "```console\n$ bimt a \\\n  --b\noutput\n```\n\n```python\nbimt no\n```\n"
    text += "```sh\n# comment\nbimt c | head > out\n```\n"
    lines = shell_blocks(text)
    assert [line.split() for line in lines] == [["bimt", "a", "--b"], ["bimt", "c", "|", "head", ">", "out"]]
    assert simple_commands(lines[1]) == [["bimt", "c"], ["head"]]
    assert simple_commands('bimt train table --targets "run time" && bimt x # why') == [
        ["bimt", "train", "table", "--targets", "run time"],
        ["bimt", "x"],
    ]
