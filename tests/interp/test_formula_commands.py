import json
import runpy

import numpy as np
import pytest

from bimt.cli import run
from bimt.config import make_config
from bimt.train import train
from interp.formula_commands import formula, symbolic
from interp.select import select
from interp.symbolic import extract_formulas

KEYS = ["output", "expr", "latex", "length", "max_error", "proven_error", "reached_error", "r_squared"]
KEYS += ["fidelity", "domain", "law"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "crossing"
    config = make_config("crossing", settings=["steps=400", "net.hidden=[5]", "swaps.every=100"], seeds=2)
    return train(config, out=folder)


def test_one_form_prints_the_documented_json(trained, capsys):
    assert run(symbolic, [str(trained.path), "--seed", "1", "--form", "exact", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert list(document) == ["form", "variables", "formulas", "motifs"]
    assert document["form"] == "exact"
    assert document["variables"] == {"x1": "x1", "x2": "x2"}
    for found, output in zip(document["formulas"], ["y1", "y2"], strict=True):
        assert list(found) == KEYS
        assert found["output"] == output
        assert found["max_error"] < 1e-10
        assert found["proven_error"] is None
        assert [len(ends) for ends in found["domain"].values()] == [2] * 2
        assert [each["region"] for each in found["fidelity"]] == ["train", "test", "box", "+10 %", "+50 %"]


def test_all_forms_come_from_one_command(trained, capsys):
    assert run(symbolic, [str(trained.path), "--json", "--error", "0.05", "--seconds", "12"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert list(document) == ["forms", "refused"]
    assert document["refused"] == {}
    exact, readable, discovered = document["forms"]
    assert [form["form"] for form in document["forms"]] == ["exact", "readable", "discovered"]
    for found in readable["formulas"]:
        box = next(each for each in found["fidelity"] if each["region"] == "box")
        assert 0 < box["net_error"] <= found["reached_error"] <= found["proven_error"] < 2 * found["reached_error"]
    assert [found["expr"] for found in discovered["formulas"]] == ["x2", "x1"]
    assert [found["length"] for found in discovered["formulas"]] == [1, 1]
    lengths = [[found["length"] for found in form["formulas"]] for form in (exact, readable)]
    assert all(longer >= shorter for longer, shorter in zip(*lengths, strict=True))


def test_tables_and_latex_are_printed(trained, capsys):
    assert run(symbolic, [str(trained.path), "--seed", "0", "--form", "readable", "--error", "0.1"]) == 0
    shown = capsys.readouterr().out
    assert "readable formulas" in shown
    assert "R^2 by region" in shown
    assert "SiLU(z) = z/(1 + exp(-z))" in shown
    assert run(symbolic, [str(trained.path), "--seed", "0", "--form", "readable", "--error", "0.1", "--latex"]) == 0
    shown = capsys.readouterr().out
    assert shown.count(r"\begin{aligned}") == shown.count(r"\end{aligned}") == 2


def test_the_latex_of_all_forms_says_which_is_which(trained, capsys):
    assert run(symbolic, [str(trained.path), "--seed", "0", "--latex", "--seconds", "12"]) == 0
    comments = [line for line in capsys.readouterr().out.splitlines() if line.startswith("%")]
    assert comments == ["% exact form", "% readable form", "% discovered form"]


def test_no_time_is_no_formula(trained, capsys):
    assert run(symbolic, [str(trained.path), "--seed", "0", "--seconds", "1e-9"]) == 2
    assert "seconds were over; give more with --seconds" in capsys.readouterr().err


def test_the_module_computes_what_the_library_computes(trained, tmp_path, capsys):
    assert run(symbolic, [str(trained.path), "--seed", "0", "--python", "--seconds", "12"]) == 0
    file = tmp_path / "all.py"
    file.write_text(capsys.readouterr().out)
    functions = runpy.run_path(str(file))
    chosen = select(trained.path, 0)
    table = np.random.default_rng(0).uniform(-1, 1, (50, 2))
    for form in ("exact", "readable"):
        expected = extract_formulas(chosen.sparse, trained.task, form=form).evaluate(table)
        for index, output in enumerate(("y1", "y2")):
            function = functions[f"{output}_{form}"]
            read = function.__code__.co_varnames[: function.__code__.co_argcount]
            found = function(*(table[:, int(name[1]) - 1] for name in read))
            np.testing.assert_allclose(found, expected[:, index], rtol=1e-12, atol=1e-12)
    assert functions["y2_discovered"](0.25) == 0.25


def test_one_output_is_one_function_with_its_bound(trained, tmp_path, capsys):
    assert run(formula, [str(trained.path), "--output", "y1"]) == 0
    file = tmp_path / "y1.py"
    file.write_text(capsys.readouterr().out)
    module = runpy.run_path(str(file))
    assert [name for name in module if name.startswith("y")] == ["y1"]
    assert "off the pruned net wherever all columns are in their ranges (proven;" in module["y1"].__doc__
    assert "in the training rows" in module["y1"].__doc__
    assert isinstance(module["y1"](*[0.5] * module["y1"].__code__.co_argcount), float)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--json", "--latex"], "--json and --latex exclude each other"),
        (["--latex", "--python"], "--latex and --python exclude each other"),
        (["--form", "readable", "--error", "2"], "error must be a share of the output's range between 0 and 1, got 2"),
        (["--form", "discovered", "--seconds", "-1"], "seconds must be more than 0 and at most 1e+06, got -1"),
        (["--form", "exact", "--seconds", "inf"], "seconds must be more than 0 and at most 1e+06, got inf"),
        (["--form", "exact", "--seconds", "1e300"], "seconds must be more than 0 and at most 1e+06, got 1e+300"),
        (["--form", "exact", "--seconds", "nan"], "seconds must be more than 0 and at most 1e+06, got nan"),
        (["--form", "pretty"], "'pretty'"),
    ],
)
def test_symbolic_says_what_is_wrong(trained, capsys, options, message):
    assert run(symbolic, [str(trained.path), *options]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [([], "--output must say which of y1, y2"), (["--output", "y3"], "there is no output y3; choose from y1, y2")],
)
def test_formula_says_what_is_wrong(trained, capsys, options, message):
    assert run(formula, [str(trained.path), *options]) == 2
    assert message in capsys.readouterr().err
