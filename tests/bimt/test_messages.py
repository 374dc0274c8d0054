"""Messages to the person at the keyboard: short, printable, with the nearest name and what is wrong."""

from __future__ import annotations

import types
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bimt.messages import explain_validation, nearest, printable, suggestion


class Cost(BaseModel):
    model_config = ConfigDict(extra="forbid")
    offset: float = Field(0.1, ge=0)


class Config(BaseModel):
    model_config = ConfigDict(extra="forbid")
    steps: int = 10
    every: int | Literal["never"] = 5
    method: Literal["pairs", "spectral"] = "pairs"
    hidden: list[int] = [20]
    cost: Cost = Cost()

    @model_validator(mode="after")
    def _swaps_happen(self) -> Config:
        if isinstance(self.every, int) and self.every > self.steps:
            raise ValueError(f"swaps every {self.every} in {self.steps} steps: no swap would ever happen")
        return self


KEYS = ["steps", "every", "method", "hidden", "cost", "cost.offset"]


def refused(**values: object) -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        Config(**values)
    return caught.value


@given(st.text(), st.integers(40, 300))
def test_printable_is_short_and_printable(text, limit):
    shown = printable(text, limit)
    assert shown.isprintable()
    assert len(shown) <= limit


@given(st.text(st.characters(categories=["L", "N", "P"]), max_size=40))
def test_printable_leaves_plain_text_alone(text):
    assert printable(text) == text


def test_printable_keeps_the_ends_of_what_is_too_long():
    shown = printable("from" + "x" * 10_000 + "to", limit=60)
    assert shown.startswith("from")
    assert " [...] " in shown
    assert shown.endswith("to")
    assert len(shown) == 60


def test_printable_needs_room():
    with pytest.raises(ValueError, match="`limit` must be at least 40, got 5"):
        printable("x", limit=5)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("indepedence", "independence"),
        ("INDEPENDENCE", "independence"),
        ("offset", "cost.offset"),
        ("cost.ofset", "cost.offset"),
        ("xyzzy", None),
        ("", None),
        ("x" * 10_000, None),
    ],
)
def test_nearest(name, expected):
    assert nearest(name, {"independence", "crossing", "cost.offset"}) == expected


def test_suggestion_without_anything_to_suggest():
    assert suggestion("a", []) == ""


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"step": 3}, "unknown key step; did you mean steps?"),
        ({"cost": {"ofset": 3}}, "unknown key cost.ofset; did you mean cost.offset?"),
        ({"offset": 3}, "unknown key offset; did you mean cost.offset?"),
        ({"steps": "many"}, "steps must be a valid integer, got 'many'"),
        ({"steps": 1.5}, "steps must be a valid integer, got 1.5"),
        ({"cost": {"offset": -1}}, "cost.offset must be greater than or equal to 0, got -1"),
        ({"hidden": [3, "x"]}, "hidden[1] must be a valid integer, got 'x'"),
        ({"method": "pears"}, "method must be 'pairs' or 'spectral', got 'pears'"),
        ({"every": "nevr"}, "every must be a valid integer or 'never', got 'nevr'"),
        ({"every": 1000}, "swaps every 1000 in 10 steps: no swap would ever happen"),
        ({"steps": "a\u202eb"}, r"steps must be a valid integer, got 'a\u202eb'"),
        (
            {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5},
            "; ".join(f"unknown key {key}{suggestion(key, KEYS)}" for key in "abc") + "; and 2 more",
        ),
    ],
)
def test_explain_validation(values, line):
    assert explain_validation(refused(**values), KEYS) == line


def test_explain_validation_names_what_is_missing():
    with pytest.raises(ValidationError) as caught:
        types.new_class("Needs", (BaseModel,), exec_body=lambda body: body.update(__annotations__={"task": str}))()
    assert explain_validation(caught.value) == "task is missing"
