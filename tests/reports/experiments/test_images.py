"""What is claimed of image nets: findings on hand-made signs and accuracies."""

import torch

from interp.signs import LinkSigns, Signs
from reports.experiments.images import depth_findings
from tests.reports.experiments.forms import short


def signs(*shares):
    """Signs of links of which so much of the weight is positive; None where no connection is left."""
    weights = [([], []) if share is None else ([share], [1 - share]) for share in shares]
    links = [LinkSigns(f"h{depth}", *map(torch.tensor, both)) for depth, both in enumerate(weights)]
    return Signs(tuple(links))


def test_a_price_may_cost_two_points():
    accuracies = {1: (0.94, 0.955), 2: (0.93, 0.96), 3: (0.9, None)}
    close, far = depth_findings(accuracies, {})
    assert (close.is_met, far.is_met) == (True, False)
    assert close.ours == "0.94 against 0.955"
    assert close.claim.endswith("hidden layers: 1")


def test_mismatch_comes_before_match():
    found = depth_findings({}, {1: signs(0.4, 0.9), 2: signs(0.4, 0.05, 0.92), 3: signs(0.5, 0.05, 0.1, 0.8)})
    assert [each.is_met for each in found] == [True, False]
    assert found[0].ours == "0.05, then 0.92 of the weight positive"
    assert not depth_findings({}, {2: signs(0.4, 0.44, 0.95)})[0].is_met, "mixed is not nearly all"
    (empty,) = depth_findings({}, {2: signs(0.4, None, 0.95)})
    assert (empty.ours, empty.is_met) == ("–, then 0.95 of the weight positive", False), "no weight has no sign"


def test_digits_are_told_apart_on_sheets(tmp_path, unchecked):
    trained, findings = short("images", "l1-local-swap", tmp_path, seeds=1)
    (row,) = trained.frame.to_dict("records")
    assert row["metric"] > 0.85
    assert row["connections"] < 0.3 * sum(tensor[0].numel() for tensor in trained.checkpoint.net.parameters.values())
    net = trained.checkpoint.net
    assert net.places["in"].tolist() == [list(range(64))], "pixels are pinned"
    assert net.places["h1"].tolist() != [list(range(25))]
    assert findings["Pattern mismatch, then match, hidden layers: 2"]["ours"].endswith("of the weight positive")
