"""Names from the data that try to become markup, formulas, paths or terminal commands."""

import pytest

from reports.markdown import escape
from reports.report import build_report, write_report
from tests.reports.checkpoints import HOSTILE, small_checkpoint, small_task
from tests.reports.test_report import check_markdown, check_page


@pytest.fixture(scope="module")
def report():
    """A report in which every name is hostile: inputs, outputs, the task, the command line."""
    task = small_task(inputs=HOSTILE[:6], outputs=HOSTILE[6:])
    return build_report(small_checkpoint(task, steps=40, hidden="[2]", seeds=1, command=("bimt", "train", *HOSTILE)))


@pytest.fixture(scope="module")
def folder(report, tmp_path_factory):
    """Where it is written: two folders deep in an empty one, which must hold nothing else afterwards."""
    base = tmp_path_factory.mktemp("hostile")
    paths = write_report(report, base / "deep" / "report")
    assert {path for path in base.rglob("*") if path.is_file()} == set(paths)
    return base / "deep" / "report"


def test_names_are_only_text(report, folder):
    page = check_page((folder / "report.html").read_text(encoding="utf-8"))
    words = "".join(page.text)
    assert "<script>alert(1)</script>" in words
    assert "{{ 7*7 }}" in words
    assert "nul\\x00nul" in words
    assert "right\\u202eto left" in words
    assert "x" * 200 not in words.replace(report.selected.checkpoint.command[7], "")


@pytest.mark.parametrize("suffix", ["html", "md"])
def test_no_control_character_is_written(folder, suffix):
    text = (folder / f"report.{suffix}").read_text(encoding="utf-8")
    allowed = "\n\u2061\u2062"  # function application and invisible times, in formulas
    assert not [letter for letter in text if not (letter.isprintable() or letter in allowed)]


def test_markdown_shows_names_as_they_are(folder):
    tokens = check_markdown((folder / "report.md").read_text(encoding="utf-8"), folder)
    headings = [tokens[place + 1] for place, token in enumerate(tokens) if token.type == "heading_open"]
    shown = ["".join(child.content for child in heading.children) for heading in headings]
    assert "](javascript:alert(1)) ![i](http://127.0.0.1:9/hit)" in shown
    assert "{{ 7*7 }}{% raw %}" in shown
    assert "&lt;b&gt; é 漢字 שלום" in shown


def test_a_template_that_does_not_escape_would_be_seen(folder):
    text = (folder / "report.html").read_text(encoding="utf-8").replace("&lt;script&gt;", "<script>", 1)
    with pytest.raises(AssertionError):
        check_page(text)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("a|b", "a&#124;b"),
        ("`x`", "\\`x\\`"),
        ("two\nlines", "two lines"),
        ("# no heading", "\\# no heading"),
        ("1. no list", "1\\. no list"),
        ("0.5", "0.5"),
        ("$x$", "&#36;x&#36;"),
        ("@someone", "&#64;someone"),
        ("http://a www.b", "http&#58;//a www&#46;b"),
    ],
)
def test_escape(name, written):
    assert escape(name) == written
