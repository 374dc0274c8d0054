"""Attention heads in reports: the section, and the maps."""

import re
from dataclasses import replace

import numpy as np
import pytest

from bimt.config import make_config
from bimt.train import train
from interp.heads import find_heads
from reports.content import make_page
from reports.figures.drawing import Area, Box, Words
from reports.figures.heads import MOST_HEADS, draw_heads
from reports.figures.png import to_png
from reports.figures.svg import to_svg
from reports.heads import sum_up
from reports.html import to_html
from reports.markdown import to_markdown
from reports.report import build_report
from tests.interp.test_heads import by_hand
from tests.reports.checkpoints import small_checkpoint, small_task

HOSTILE = ('<script>alert("1")</script>', "a\nb\x1b[31m", "", "ein sehr langer Name " * 9)


def boxes(figure, name):
    """The boxes of one head that say what they stand for, by their titles."""
    return {mark.title: mark for mark in figure.drawing.marks if isinstance(mark, Box) and mark.title.startswith(name)}


def test_a_map_is_as_strong_as_attention():
    found = find_heads(*by_hand())
    figure = draw_heads(found.heads, "wxyz", tones={"head.0.0": "module3"})
    before = boxes(figure, "head.0.0")
    assert set(before) == {f"head.0.0: {now} looks at {then}: 1" for now, then in ("ww", "xw", "yx", "zy")}
    even = boxes(figure, "head.0.1")
    assert len(even) == 1 + 2 + 3 + 4
    strengths = [
        even[f"head.0.1: {name} looks at w: {weight}"].opacity
        for name, weight in zip("xyz", ("0.5", "0.333", "0.25"), strict=True)
    ]
    assert strengths == sorted(strengths, reverse=True)
    assert even["head.0.1: w looks at w: 1"].tone == "muted"  # what is mixed there changes no answer
    assert even["head.0.1: x looks at w: 0.5"].tone == "positive"
    across = [before[f"head.0.0: {now} looks at {then}: 1"].x for now, then in ("xw", "yx", "zy")]
    assert np.diff(across) == pytest.approx([37.5, 37.5])
    assert "head.0.2: always at x (100 %)" in figure.alt


def test_names_from_the_data_stay_words():
    found = find_heads(*by_hand())
    figure = draw_heads(found.heads, HOSTILE, tones={})
    svg = str(to_svg(figure))
    assert "<script>" not in svg
    assert "\x1b" not in svg
    assert to_png(figure.drawing) == to_png(draw_heads(found.heads, HOSTILE, tones={}).drawing)
    assert all("\n" not in mark.text for mark in figure.drawing.marks if isinstance(mark, Words))


def test_long_sequences_and_many_heads():
    size = 64
    first = find_heads(*by_hand()).heads[0]
    lower = np.tril(np.ones((size, size)))
    long = replace(first, attention=lower / lower.sum(1, keepdims=True), asking=tuple(range(size)))
    figure = draw_heads([long] * (MOST_HEADS + 1), [str(moment + 1) for moment in range(size)], tones={})
    assert f"The first {MOST_HEADS} of 17 heads." in figure.caption
    assert len(figure.drawing.marks) < 100 * MOST_HEADS
    filled = [mark for mark in figure.drawing.marks if isinstance(mark, Area)]
    assert sum(len(mark.rings) for mark in filled) == MOST_HEADS * size * (size + 1) // 2


def test_a_rate_below_one_is_drawn_as_the_net_applies_it():
    sparse, task = by_hand(is_causal=False, rate=0.25)
    figure = draw_heads(find_heads(sparse, task).heads, "wxyz", tones={})
    assert "head.0.0: x looks at z: 0.75" in boxes(figure, "head.0.0")
    assert "0.25 times the softmax plus 0.75" in figure.caption


def test_every_net_with_attention_has_the_section(unchecked):
    settings = [
        "task.sequences=40",
        "net.width=4",
        "net.heads=2",
        "net.mlp=[3,3]",
        "steps=20",
        "swaps.every=never",
        "batch=8",
    ]
    report = build_report(train(make_config("in_context", settings=settings)))
    page = make_page(report)
    (section,) = page.algorithm
    assert section.name == "heads"
    assert [row[0] for row in section.tables[0].rows] == ["head.0.0", "head.0.1", "head.1.0", "head.1.1"]
    assert section.words[0].startswith("Four attention heads, as pruned, on the test split.")
    html, text = to_html(page), to_markdown(page, "figures")
    assert '<a href="#heads">Attention heads</a>' in html
    assert "## Attention heads" in text
    assert "figures/heads.png" in text


def test_what_is_said_of_all_heads():
    sparse, task = by_hand()
    assert sum_up(find_heads(sparse, task)).endswith(
        "where they are their training means. No kept connection tells moments apart for head.0.1: there a moment "
        "mixes all that it sees alike."
    )
    assert re.search(r"The loss, 0, changes most without head\.0\.2: \+\d", sum_up(find_heads(sparse, task)))
    for name in ("weight.resid.1", "bias.out"):
        sparse.net.parameters[name][0] = 0
    nothing = replace(sparse, kept={name: sparse.net.parameters[name] != 0 for name in sparse.kept})
    assert sum_up(find_heads(nothing, task)) == (
        "Three attention heads, as pruned, on the test split. Pruning left nothing behind head.0.0, head.0.1, head.0.2."
    )


def test_a_net_without_attention_has_none(unchecked):
    assert make_page(build_report(small_checkpoint(small_task()))).algorithm == ()
