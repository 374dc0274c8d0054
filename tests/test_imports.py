"""Who may import whom, read from the import statements: `reports -> interp -> bimt`, nothing heavy for --help."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("bimt", "interp", "reports")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))

FORBIDDEN = {
    "bimt": {"interp", "reports", "benchmarks", "tests", "networkx", "sympy", "matplotlib", "jinja2"},
    "interp": {"reports", "benchmarks", "tests", "matplotlib", "jinja2"},
    "reports": {"benchmarks", "tests"},
}

# What a command's file may import at its top, so that `bimt COMMAND --help` answers at once.
LIGHT = {"typer", "bimt.cli", "bimt.messages"}
STANDARD = {
    "__future__", "collections.abc", "contextlib", "enum", "errno", "difflib", "json", "math", "os", "pathlib", "sys",
    "typing",
}  # fmt: skip


def imported(tree: ast.AST, *, at_top: bool = False) -> Iterator[str]:
    """Yields the full names a file imports; `at_top` only those that importing it imports."""
    for node in _top(tree) if at_top else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: relative imports hide who imports whom"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _top(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        for_types_only = isinstance(node, ast.If) and ast.unparse(node.test) in (
            "TYPE_CHECKING",
            "typing.TYPE_CHECKING",
        )
        if not for_types_only and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield node
            yield from _top(node)


def wrong_imports(package: str, source: str) -> set[str]:
    """The packages a file of `package` imports although it must not."""
    return {name.partition(".")[0] for name in imported(ast.parse(source))} & FORBIDDEN[package]


def heavy_imports(source: str) -> set[str]:
    """What a file imports at its top that is not known to be quick."""
    names = set(imported(ast.parse(source), at_top=True))
    known = LIGHT | STANDARD
    return {name for name in names if name not in known and name.rpartition(".")[0] not in known}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_left(path):
    assert not wrong_imports(path.relative_to(ROOT).parts[0], path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("package", PACKAGES)
def test_package_inits_import_nothing(package):
    for path in (ROOT / package).rglob("__init__.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert not list(imported(tree)), f"{path.relative_to(ROOT)} must import nothing"
        assert all(isinstance(node, ast.Expr) for node in tree.body), (
            f"{path.relative_to(ROOT)} must only have its docstring"
        )


@pytest.mark.parametrize(
    "name", [f"{package}/commands.py" for package in PACKAGES] + ["bimt/cli.py", "bimt/messages.py"]
)
def test_commands_import_nothing_heavy_at_the_top(name):
    assert not heavy_imports((ROOT / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_says_its_job(path):
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), "the first line must be a docstring"


@pytest.mark.parametrize(
    ("package", "source", "wrong"),
    [
        ("bimt", "import networkx as nx", {"networkx"}),
        ("bimt", "def f():\n    from interp.graph import to_graph", {"interp"}),
        ("bimt", "if TYPE_CHECKING:\n    import sympy.core", {"sympy"}),
        ("interp", "import os, matplotlib.pyplot", {"matplotlib"}),
        ("interp", "from reports import figures", {"reports"}),
        ("interp", "import networkx, bimt.wiring", set()),
        ("reports", "import matplotlib, interp.graph, bimt.cli", set()),
    ],
)
def test_a_wrong_import_is_seen(package, source, wrong):
    assert wrong_imports(package, source) == wrong


@pytest.mark.parametrize(
    ("source", "heavy"),
    [
        ("import torch", {"torch"}),
        ("from bimt.config import TrainConfig", {"bimt.config", "bimt.config.TrainConfig"}),
        ("try:\n    import numpy as np\nexcept ImportError:\n    np = None", {"numpy"}),
        ("class A:\n    import pandas", {"pandas"}),
        ("def f():\n    import torch", set()),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch", set()),
        ("from pathlib import Path\nimport typer\nfrom bimt.cli import emit", set()),
    ],
)
def test_a_heavy_import_is_seen(source, heavy):
    assert heavy_imports(source) == heavy


def test_a_relative_import_is_seen():
    with pytest.raises(AssertionError, match="relative imports hide"):
        wrong_imports("bimt", "from . import wiring")
