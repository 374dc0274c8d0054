"""Numbers, counts and command lines as people read them."""

import math
import subprocess

import pytest

from reports.words import command_line, counted, listed, number, percent, signed


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (math.nan, "–"),
        (-math.inf, "−∞"),
        (0.0, "0"),
        (-3.0, "−3"),
        (20_000.0, "20,000"),
        (12_345.6, "12,346"),
        (0.000012345, "1.234e−5"),
        (0.99736, "0.9974"),
    ],
)
def test_number(value, text):
    assert number(value) == text


def test_signed():
    assert [signed(value) for value in (0.5, -0.5, 0.0, math.nan)] == ["+0.5", "−0.5", "0", "–"]


def test_counted():
    assert counted(0, "module") == "no modules"
    assert counted(1_200, "connection") == "1,200 connections"


def test_percent():
    assert [percent(share) for share in (0.123456, 1.0, -0.05, 1e-6, None)] == ["12.35 %", "100 %", "−5 %", "0 %", "–"]
    assert percent(0.123456, 3) == "12.3 %"


def test_listed():
    assert listed([]) == ""
    assert listed(["a"] * 10) == "a, a, a, a, a, a, a, a and 2 more"


@pytest.mark.parametrize("word", ["plain", "two words", "it's", "a\u202eb", "new\nline", "é漢", "back\\slash'\x01"])
def test_a_shell_reads_the_command_line_back(word):
    written = command_line(["printf", "%s", word])
    assert written.isprintable()
    assert subprocess.run(["bash", "-c", written], capture_output=True, check=True).stdout == word.encode()
