"""Findings follow from the numbers: met, not met, or only measured."""

import pandas as pd
import pytest

from reports.experiments.arms import arm_findings
from reports.experiments.claims import at_least, at_most, every, judged, lower, share_of, some
from reports.experiments.published import parts_in_words
from reports.experiments.symbolic import SYMBOLIC
from reports.section import Finding, findings_table, tally

SEPARATE = ("x1 x3 -> y1", "x2 x4 -> y2")


def frame(**columns):
    rows = max(len(values) for values in columns.values())
    return pd.DataFrame(columns, index=pd.RangeIndex(rows, name="seed"))


@pytest.mark.parametrize(
    ("judge", "values", "ours", "is_met"),
    [
        (at_most("c", "loss", 2.0, of="min"), [2.0, 9.0], 2.0, True),
        (at_most("c", "loss", 2.0, of="min"), [2.1, 9.0], 2.1, False),
        (at_most("c", "loss", 2.0, of="median"), [1.0, 2.0, 9.0], 2.0, True),
        (at_most("c", "loss", 2.0, of="median"), [1.0, 2.5, 9.0], 2.5, False),
        (at_least("c", "loss", 2.0, of="max"), [0.0, 2.0], 2.0, True),
        (at_least("c", "loss", 2.0, of="max"), [0.0, 1.9], 1.9, False),
        (at_most("c", "loss", 2.0, of="median"), [float("nan")], None, False),
        (at_most("c", "loss", 2.0, of="min", among=lambda row: row["loss"] > 1), [0.5, 2.0, 9.0], 2.0, True),
        (at_most("c", "loss", 2.0, of="min", among=lambda row: row["loss"] > 10), [0.5, 2.0], None, False),
    ],
)
def test_a_number_against_a_number(judge, values, ours, is_met):
    found = judge(frame(loss=values), 0)
    assert (found.published, found.ours, found.is_met) == (2.0, ours, is_met)


@pytest.mark.parametrize(("values", "is_met"), [([1, 1, 1, 0], True), ([1, 1, 0, 0], False)])
def test_shares_of_seeds(values, is_met):
    found = share_of("c", lambda row: row["x"] == 1, published=(6, 10))(frame(x=values), 0)
    assert (found.published, found.ours, found.is_met) == ("6 of 10 seeds", f"{sum(values)} of 4 seeds", is_met)
    assert every("c", lambda row: row["x"] == 1, published="all")(frame(x=values), 0).is_met is False
    assert some("c", lambda row: row["x"] == 1, published="one")(frame(x=values), 0).is_met is True
    assert some("c", lambda row: row["x"] == 2, published="one")(frame(x=values), 0).is_met is False


def test_seeds_that_stopped_count():
    good = frame(x=[1, 1, 1])
    assert every("c", lambda row: True, published="all")(good, 0).is_met
    assert every("c", lambda row: True, published="all")(good, 1) == Finding("c", "all", "3 of 4 seeds", False)
    assert share_of("c", lambda row: True, published=(4, 5))(good, 1).is_met is False


def test_no_seed_proves_nothing():
    nothing = frame(x=[1]).iloc[:0]
    assert every("c", lambda row: True, published="all")(nothing, 0).is_met is False


@pytest.mark.parametrize(
    ("one", "other", "is_met"),
    [
        ([1, 2, 3], [2, 3, 4], True),
        ([2, 3, 4], [1, 2, 3], False),
        ([1, 2, 3], [1, 2, 3], False),
        ([0, 5, 5, 1], [1, 4, 4, 9], False),
    ],
)
def test_lower_needs_the_median_and_most_seeds(one, other, is_met):
    assert lower("c", "x", frame(x=one), frame(x=other)).is_met is is_met
    assert lower("c", "x", frame(x=one), frame(x=other), is_claimed=False).is_met is None


def test_seeds_are_paired_by_label():
    one, other = frame(x=[1, 2, 3]), frame(x=[2, 3, 4]).iloc[::-1]
    assert lower("c", "x", one, other).ours == "2 against 3; lower in 3 of 3 seeds"


def test_only_seeds_that_both_have_are_compared():
    found = lower("c", "x", frame(x=[5, 1, 1, 1, 1]), frame(x=[4]))
    assert (found.ours, found.is_met) == ("5 against 4; lower in 0 of 1 seeds", None), "one seed proves nothing"


def test_arms_are_compared_by_their_only_difference():
    small, large = (dict.fromkeys(("connections", "length", "crossings", "dense_loss"), values)
                    for values in ([1] * 3, [9] * 3))  # fmt: skip
    frames = {"none": frame(**large), "l1": frame(**small), "l1-local": frame(**large), "l1-local-swap": frame(**small)}
    verdicts = [(finding.claim.partition(":")[0], finding.is_met) for finding in arm_findings(frames)]
    assert verdicts[:4] == [
        ("A price makes nets sparse", True),
        ("Locality shortens the wiring", False),
        ("Swaps shorten it further", True),
        ("Swaps untangle", True),
    ]
    assert [is_met for _, is_met in verdicts[4:]] == [None, None], "nobody claims these for every task"
    frames["l1-local-swap"]["crossings"] = None
    assert len(arm_findings(frames)) == 5, "lines between sheets do not cross"
    del frames["l1"]
    assert len(arm_findings(frames)) == 3, "what was not run is not judged"


def _measured(**changes):
    row = {"dense_loss": 7.4e-3, "live": 21, "dense_metric": 0.999, "groups": SEPARATE, "live_groups": SEPARATE,
           "hidden": ("2 + 2", "3 + 2")}  # fmt: skip
    return pd.DataFrame([row | changes])


@pytest.mark.parametrize(
    ("changes", "missed"),
    [
        ({}, []),
        ({"dense_loss": 8e-3}, [0]),
        ({"dense_loss": 2e-2}, [0, 1]),
        ({"live": 22}, [2]),
        ({"dense_metric": 0.998}, [3]),
        ({"dense_metric": 0.9}, [2, 3]),
        ({"live_groups": ("x1 x2 x3 x4 -> y1 y2",)}, [4]),
        ({"groups": ("x1 x2 x3 x4 -> y1 y2",), "hidden": ("3 + 2",)}, [5, 6]),
        ({"hidden": ("3 + 2", "2 + 2")}, [6]),
    ],
)
def test_the_claims_on_independence_see_what_is_wrong(changes, missed):
    findings = judged(SYMBOLIC[0].sections[0].claims, _measured(**changes))
    assert [rank for rank, finding in enumerate(findings) if not finding.is_met] == missed


@pytest.mark.parametrize("experiment", SYMBOLIC, ids=lambda experiment: experiment.name)
def test_a_net_without_connections_meets_no_claim(experiment):
    scores = {"dense_loss": 2.0, "loss": 2.0, "dense_metric": 0.5, "metric": 0.5}
    sizes = {"live": 0, "connections": 0, "crossings": 0}
    words = dict.fromkeys(("groups", "live_groups", "hidden"), ()) | {"constant_outputs": ("y1", "y2")}
    findings = judged(experiment.sections[0].claims, pd.DataFrame([scores | sizes | words]))
    assert not [finding for finding in findings if finding.is_met]


def test_parts_are_named_and_the_rest_counted():
    assert parts_in_words(pd.Series([("a",), ("a",), (), ("b", "c")])).startswith("{a} in 2; ")
    shown = parts_in_words(pd.Series([*[()] * 2, *((each,) for each in "abcde")]))
    assert shown == "none in 2; {a} in 1; {b} in 1; {c} in 1; others in 2"


def test_six_connections_are_enough_to_exchange_two_numbers():
    (crossing,) = (each for each in SYMBOLIC if each.name == "crossing")
    good = pd.DataFrame([{"crossings": 0, "metric": 0.9999, "connections": 6}])
    assert [each.is_met for each in judged(crossing.sections[0].claims, good)] == [True, True]
    assert [each.is_met for each in judged(crossing.sections[0].claims, good.assign(crossings=1))] == [False, True]
    assert [each.is_met for each in judged(crossing.sections[0].claims, good.assign(connections=7))] == [True, False]


def test_findings_are_shown_and_counted():
    findings = [Finding("a", 0.5, 0.25, True), Finding("b", "yes", "no", False), Finding("c", None, 3.0, None)]
    assert tally(findings) == "1 of 2 claims met"
    assert tally(findings[2:]) == "no claim to be met"
    assert findings_table(findings).rows == (
        ("a", "0.5", "0.25", "met"),
        ("b", "yes", "no", "not met"),
        ("c", "–", "3", "measured"),
    )
    assert findings[0].to_json() == {"claim": "a", "published": 0.5, "ours": 0.25, "met": True}
