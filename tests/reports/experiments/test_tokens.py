"""What is counted in nets of tokens and sequences: findings on hand-made results."""

from dataclasses import replace

import numpy as np
import pytest

from interp.embedding import Dimension, active_dimensions
from interp.modules import Module, Modules
from reports.experiments.sequences import last_errors
from reports.experiments.tokens import dimension_findings, module_findings, module_sizes
from reports.figures.png import to_png
from reports.figures.tokens import Ring, Strip, draw_rings, draw_strips_of
from tests.reports.experiments.forms import short
from tests.reports.test_report import check_picture


def modules_of_sizes(*sizes):
    """Modules that read so many inputs each."""
    parts = tuple(
        Module(
            name=chr(65 + rank),
            neurons=(),
            inputs=tuple(f"embed[{rank}{index}]" for index in range(size)),
            outputs=(),
            shares=(),
            connections=1,
            is_significant=True,
        )
        for rank, size in enumerate(sizes)
    )
    return Modules(
        modules=parts, readout="excluded", parts=len(parts), modularity=0.5, separation=1.0, p_structure=0.002,
        p_space=0.002, persistence=None, bridges=(), constant_outputs=(), unused_inputs=(), connections=9,
        weights="weight",
    )  # fmt: skip


def test_modules_are_counted_seed_by_seed():
    found = {0: modules_of_sizes(3, 2, 2), 1: modules_of_sizes(5, 2), 2: modules_of_sizes(7)}
    assert module_sizes(found[0]) == (2, 2, 3)
    counted, parallel, always, exact = module_findings(found, (2, 2, 3))
    assert counted.ours == "1 in 1 of 3 seeds, 2 in 1 of 3 seeds, 3 in 1 of 3 seeds"
    assert counted.is_met is None
    assert (parallel.ours, parallel.is_met) == ("2 of 3 seeds", True)
    assert (always.ours, always.is_met) == ("1 of 3 seeds", False)
    assert (exact.published, exact.ours, exact.is_met) == ("3 modules on 2, 2, 3 dimensions", "1 of 3 seeds", True)


def test_modules_other_than_published_are_not_met():
    *_, parallel, always, exact = module_findings({0: modules_of_sizes(7)}, (2, 2, 3))
    assert (parallel.is_met, always.is_met, exact.is_met) == (False, False, False)
    *_, always, _ = module_findings(dict.fromkeys(range(9), modules_of_sizes(2, 2, 2)), (2, 2, 3))
    assert always.is_met


def test_the_sign_is_found_among_the_dimensions():
    signs = np.array([1.0, -1.0, -1.0, 1.0])
    sign = Dimension(3, 0.5 - 2 * signs, 1.0)
    other = Dimension(1, np.array([1.0, 0.0, -1.0, 0.3]), 2.0)
    counted, signed = dimension_findings({5: (other, sign)}, signs, published=2)
    assert (counted.ours, counted.is_met) == ("2 (seed 5)", True)
    assert signed.is_met
    counted, signed = dimension_findings({5: (other,)}, signs, published=2)
    assert (counted.is_met, signed.is_met) == (False, False)
    counted, signed = dimension_findings({}, signs, published=2)
    assert (counted.ours, counted.is_met, signed.is_met) == ("no seed has test accuracy 1", False, False)


def test_tokens_are_drawn():
    angles = np.arange(60) * 2 * np.pi / 60
    ring = Ring("A: embed[1, 2]", np.stack([np.cos(angles), 3 * np.sin(angles)], axis=1))
    names = [f"<{index}>" for index in range(60)]
    shared = {"tokens": names, "name": "rings", "title": "Rings", "caption": "Rings."}
    check_picture(
        to_png(draw_rings([ring, Ring("B", ring.values[:, :1]), Ring("<C>", ring.values**3)], **shared).drawing)
    )
    assert draw_rings([], **shared).drawing.marks == ()
    rows = [Strip(f"embed[{index}]", ring.values[:, 0]) for index in range(12)]
    strips = draw_strips_of(rows, marked=[index < 3 for index in range(60)], **shared)
    check_picture(to_png(strips.drawing))


def test_sums_are_learned_in_parallel_modules(tmp_path, unchecked):
    trained, findings = short("modular_addition", "l1-local-swap", tmp_path, seeds=1)
    assert trained.frame["metric"].tolist() == [1.0]
    assert findings["Test accuracy 1.0, as trained"]["met"]
    assert findings["Most nets fall into parallel modules"]["met"]
    page = (tmp_path / "modular_addition" / "report.html").read_text()
    assert "The tokens as each module of seed 0 sees them" in page


def test_products_of_permutations_are_learned_and_dimensions_counted(tmp_path, unchecked):
    trained, findings = short("permutation_group", "l1-local-swap", tmp_path, seeds=1)
    assert trained.frame["dense_metric"].tolist() == [1.0]
    counted = findings["Active embedding dimensions, in one seed at least"]["ours"]
    assert counted == f"{len(active_dimensions(trained.best.sparse))} (seed 0)"
    assert 6 <= len(active_dimensions(trained.best.sparse)) <= 20
    assert findings["One of them is the sign, in one seed at least"]["ours"].endswith("of 1 seeds")


def test_a_line_is_learned_in_context(tmp_path, unchecked):
    trained, findings = short("in_context", "l1-local-swap", tmp_path, seeds=1)
    assert findings["R² of the last answer, pruned"]["met"]
    error = findings["Error on the last token, before the last price"]
    assert error["ours"] == pytest.approx(last_errors(trained)["before"].median())
    outputs = trained.best.sparse.net.run(trained.checkpoint.task.test.inputs[None])[0]
    right = trained.checkpoint.task.test.targets
    pruned = (outputs - right).square().mean(0)[1].item()
    assert last_errors(trained)["pruned"].iloc[0] == pytest.approx(pruned, rel=1e-6)
    config = trained.checkpoint.config
    free = config.model_copy(update={"cost": config.cost.model_copy(update={"strength": ((0.0, 0.0),)})})
    unpriced = replace(trained, checkpoint=replace(trained.checkpoint, config=free))
    assert last_errors(unpriced)["before"].isna().all(), "a price that never changes has no last change"
    assert trained.frame["constant_outputs"].tolist() == [("x",)], "nobody asks for x"
