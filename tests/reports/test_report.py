"""What a report holds, for every kind of net and data, and that it is written whole, in place and the same again."""

import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt
from PIL import Image

from bimt.messages import UserError
from reports.content import make_page
from reports.figures.drawing import Lines
from reports.html import to_html
from reports.live.script import digest, playing_script, table_script
from reports.markdown import to_markdown
from reports.report import build_report, prepare_folder, write_report
from reports.verdict import how_sure, what_was_trained
from tests.reports.checkpoints import small_checkpoint, small_task, without_weights

VOID = {"meta", "link", "br", "hr", "img", "input"}


class Reader(HTMLParser):
    """Collects elements, checks that they nest, and keeps the text."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.open, self.text, self.scripts = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs), tuple(name for name, _ in self.open)))
        if tag not in VOID:
            self.open.append((tag, dict(attrs)))

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs), tuple(name for name, _ in self.open)))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        if self.open and self.open[-1][0] == "script":
            self.scripts.append((self.open[-1][1], data))
        else:
            self.text.append(data)

    def all(self, *tags):
        return [(tag, attrs, parents) for tag, attrs, parents in self.elements if tag in tags]


def check_page(text):
    """What must hold for every page; returns what was read."""
    page = Reader(text)
    assert not page.open
    assert not page.all("iframe", "object", "embed", "form", "base")
    ids = [attrs["id"] for _, attrs, _ in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    for tag, attrs, parents in page.elements:
        assert "style" not in attrs, tag
        assert not [key for key in attrs if key.startswith("on")], tag
        for key, value in attrs.items():
            assert key == "xmlns" or not re.search(r"(?i)(https?:)?//|javascript:", value or "") or is_text(key), (
                key,
                value,
            )
        if tag == "svg" and "figure" in parents:
            assert attrs["role"] == "img"
            assert all(reference in ids for reference in attrs["aria-labelledby"].split())
        if tag == "svg" and "figure" not in parents:
            assert attrs["aria-hidden"] == "true"
        if tag == "a":
            assert attrs["href"].startswith("#")
            assert attrs["href"][1:] in ids
    figures = page.all("figure")
    assert figures
    assert len(page.all("figcaption")) == len(figures)
    policies = [attrs["content"] for _, attrs, _ in page.all("meta") if attrs.get("http-equiv")]
    assert len(policies) == 1
    assert policies[0].startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policies[0]
    check_scripts(page)
    assert f"script-src '{digest(page.scripts[-1][1])}'" in policies[0]
    return page


def check_scripts(page):
    """One script of ours, word for word, and before it at most the data that it reads, in which no element can end."""
    assert page.scripts
    assert len(page.scripts) == len(page.all("script"))
    *data, (attributes, script) = page.scripts
    assert attributes == {}
    assert script == (playing_script() if data else table_script())
    for attributes, text in data:
        assert attributes == {"type": "application/json", "id": "model"}
        assert json.loads(text)["nets"]
        assert not set("<>&") & set(text)


def is_text(key):
    """Attributes that are read, not followed."""
    return key in ("aria-label", "content")


def check_markdown(text, folder):
    """What must hold for every report.md; returns its tokens."""
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    inline = [child for token in tokens for child in token.children or ()]
    html = [token.content.strip() for token in [*tokens, *inline] if token.type in ("html_block", "html_inline")]
    assert html == ["<details><summary>Settings</summary>", "</details>"]
    assert not [child for child in inline if child.type == "link_open"]
    images = [child for child in inline if child.type == "image"]
    assert images
    for image in images:
        assert (folder / image.attrs["src"]).is_file()
        assert image.content
    columns = None
    for token in tokens:
        if token.type == "tr_open":
            count = 0
        elif token.type in ("th_open", "td_open"):
            count += 1
        elif token.type == "tr_close":
            columns = columns or count
            assert count == columns
        elif token.type == "table_close":
            columns = None
    return tokens


def check_picture(content):
    """A PNG with something on it."""
    picture = Image.open(io.BytesIO(content)).convert("RGB")
    colours = picture.getcolors(picture.width * picture.height)
    background = max(count for count, _ in colours)
    assert len(colours) > 10
    assert background < 0.99 * picture.width * picture.height
    assert picture.getpixel((0, 0)) == (255, 255, 255)


def check_written(report, folder):
    """Writes a report, checks all of it, and returns its words."""
    paths = write_report(report, folder)
    assert sorted(path for path in folder.rglob("*") if path.is_file()) == sorted(paths)
    for path in paths:
        if path.suffix == ".png":
            check_picture(path.read_bytes())
    check_markdown((folder / "report.md").read_text(encoding="utf-8"), folder)
    page = check_page((folder / "report.html").read_text(encoding="utf-8"))
    return " ".join("".join(page.text).split())


def test_regression_with_two_outputs(tmp_path):
    checkpoint = small_checkpoint(small_task(inputs=("a", "b"), outputs=("p", "q")), steps=100)
    report = build_report(checkpoint)
    words = check_written(report, tmp_path)
    page = make_page(report)
    assert [figure.name for figure in page.predictions] == ["predicted-1", "predicted-2"]
    assert [figure.name for figure in page.boundary][:2] == ["heights-1", "heights-2"]
    assert f"{report.scores.connections} of {report.dense_scores.connections} connections are kept" in words
    assert f"One module: {{a, b → {' and '.join(['p, q'])}}}" in words or "modules" in words
    assert "drop of p" in words
    lines = [mark for mark in page.pictures[-1].drawing.marks if isinstance(mark, Lines)]
    assert sum(len(mark.ends) for mark in lines) == report.scores.connections, "each is drawn"
    kept = [f"{source}->{target}" for source, target in report.after.edges]
    assert {row.name for row in report.zero.of("connection")} == set(kept)


def test_pictures_of_somebody_else_are_left_alone(tmp_path):
    (tmp_path / "figures").mkdir()
    for name in ("apparatus.png", "predicted-7.png", "confusions.png"):
        (tmp_path / "figures" / name).write_bytes(b"")
    write_report(build_report(small_checkpoint(small_task(), seeds=1)), tmp_path)
    there = {path.name for path in (tmp_path / "figures").iterdir()}
    assert "apparatus.png" in there
    assert not {"predicted-7.png", "confusions.png"} & there, "pictures of an earlier report"


def test_focus_is_reported_only_where_there_are_outputs_to_compare(tmp_path):
    for outputs, compared in ((("p",), False), (("p", "q"), True)):
        report = build_report(small_checkpoint(small_task(inputs=("a", "b"), outputs=outputs), seeds=1))
        page = make_page(report)
        assert page.modules.rows
        assert all(len(row) == len(page.modules.columns) for row in page.modules.rows)
        assert ("share of it in one output" in page.modules.columns) == compared
        assert ("If one output alone suffers" in to_html(page)) == compared
        assert ("If one output alone suffers" in to_markdown(page, "figures")) == compared


def test_regression_with_one_output(tmp_path):
    told = []
    report = build_report(small_checkpoint(small_task(), seeds=1), label=0, watch=told.append)
    assert told[0] == "pruning"
    assert told[1] == f"finding modules among {report.scores.connections} connections"
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "heights-1.png").touch()  # of an earlier report
    words = check_written(report, tmp_path)
    assert make_page(report).boundary == ()
    assert "One net of shape 3–5–1 was trained" in words


def test_classification(tmp_path):
    task = small_task(inputs=("a", "b"), outputs=("up", "down", "level"), kind="classification")
    report = build_report(small_checkpoint(task, steps=100))
    words = check_written(report, tmp_path)
    assert [figure.name for figure in make_page(report).figures][2:4] == ["decision-boundary", "confusions"]
    assert "to tell apart up, down, level from a, b" in words
    assert "logits" in words


def test_a_constant_output_is_reported(tmp_path):
    report = build_report(small_checkpoint(small_task(outputs=("p", "q"), constant=(1,))))
    words = check_written(report, tmp_path)
    assert "predicted q" in words
    assert "nan" not in words
    assert "inf" not in words.replace("information", "")


def test_a_net_without_connections_is_reported(tmp_path):
    report = build_report(without_weights(small_checkpoint(small_task(outputs=("p", "q")))))
    assert report.scores.connections == 0
    words = check_written(report, tmp_path)
    assert "Nothing is connected: every output is a constant." in words
    assert "There is nothing to ablate" in words


def test_the_verdict_says_what_rules_chance_out():
    modules = build_report(
        small_checkpoint(small_task(inputs=("a", "b", "c", "d"), outputs=("p", "q")), seeds=1)
    ).modules
    two = replace(modules, modules=modules.modules[:1] * 2, parts=2, p_structure=0.016, p_space=0.002)
    assert how_sure(two).endswith("; only below 0.01 is chance ruled out.")
    assert how_sure(replace(two, p_structure=0.002)).endswith("(degrees and lengths kept).")


def test_stopped_seeds_are_listed():
    checkpoint = small_checkpoint(small_task(), seeds=3)
    stopped = replace(checkpoint, stopped={1: "seed 1: loss became nan at step 3"})
    words = "".join(check_page(to_html(make_page(build_report(stopped)))).text)
    assert "stopped: seed 1: loss became nan at step 3" in words
    assert "one of them stopped" in words


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be made"):
        prepare_folder(tmp_path / "file")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "figures").symlink_to(tmp_path)
    with pytest.raises(UserError, match="must be a folder, got a link"):
        prepare_folder(tmp_path / "run")


@pytest.mark.parametrize(
    "wrong",
    [
        "<p id='a'></p><p id='a'></p>",
        "<p style='x'></p>",
        "<script></script>",
        "<img src='http://example.org'>",
        "<figure><svg role='img'></svg></figure>",
        "<p><b></p>",
        "<p onclick='x'></p>",
    ],
)
def test_the_checks_see_a_wrong_page(wrong):
    with pytest.raises((AssertionError, KeyError)):
        check_page(wrong)


def test_the_checks_see_wrong_markdown(tmp_path):
    for wrong in ("![a](b.png)", "<i>x</i>", "[a](b)"):
        with pytest.raises(AssertionError):
            check_markdown(f"{wrong}\n\n<details><summary>Settings</summary>\n\n</details>\n", tmp_path)


def test_the_best_seed_is_called_so_by_the_rule_that_chose_it():
    report = build_report(small_checkpoint(small_task(outputs=("a", "b"), kind="classification")))
    other = next(sparse for sparse in report.seeds if sparse.label != report.selected.label)
    seeds = (report.selected.sparse, replace(other, explained=2.0))  # it is the training metric that counts
    assert "the best after pruning" in what_was_trained(replace(report, seeds=seeds))
    worse = replace(report, selected=replace(report.selected, label=other.label))
    assert "as asked for" in what_was_trained(worse)
