import dataclasses
import json
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import sympy
import torch

from bimt.config import make_config
from bimt.messages import UserError
from bimt.nets.activations import ACTIVATIONS
from bimt.tasks.base import Scaling
from bimt.train import train
from bimt.wiring import Gate
from interp.circuit import to_circuit
from interp.expressions import WRITTEN_OUT, text
from interp.prune import prune
from interp.sparse import whole
from interp.symbolic import extract_formulas
from tests.interp.test_expressions import HOSTILE
from tests.nets import mlp, random_mlp, task_of, two_parts


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "ind"
    config = make_config("independence", settings=["steps=400", "net.hidden=[5,4]", "swaps.every=100"], seeds=2)
    return train(config, out=folder)


def random_scaling(inputs, outputs, *, seed=0):
    random = torch.Generator().manual_seed(seed)
    draw = lambda count, size: torch.randn(count, generator=random, dtype=torch.float64) * size  # noqa: E731
    return Scaling(draw(inputs, 10), draw(inputs, 3).exp(), draw(outputs, 100), draw(outputs, 3).exp())


def read_back(formulas):
    """Turns the JSON's texts into one function, with sympy's standard functions alone."""
    document = json.loads(json.dumps(formulas.to_json()))
    symbols = [sympy.Symbol(name) for name in document["variables"]]
    exprs = [sympy.sympify(formula["expr"]) for formula in document["formulas"]]
    assert set().union(*(expr.free_symbols for expr in exprs)) <= set(symbols)
    function = sympy.lambdify(symbols, exprs)
    return lambda table: np.stack([np.broadcast_to(value, len(table)) for value in function(*table.T)], axis=1)


def assert_equals_net(formulas, net, task, *, within=1e-10):
    """Checks formulas, from their text, on the test split and on points of the domain that they have not seen."""
    low, high = np.array([formulas.formulas[0].domain[column] for column in task.inputs]).T
    points = np.random.default_rng(99).uniform(low, high, (10_000, len(task.inputs)))
    points = np.concatenate([points, task.scaling.inputs_to_table(task.test.inputs).numpy()])
    expected = task.scaling.to_table(net.run(task.scaling.to_net(torch.from_numpy(points))[None])[0]).numpy()
    found = read_back(formulas)(points)
    assert np.abs(found - expected).max() <= within * np.abs(expected).max()


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_text_read_back_equals_the_net(activation):
    net = random_mlp([3, 2, 2, 2], seed=2, activation=activation)
    task = task_of(net, scaling=random_scaling(3, 2))
    formulas = extract_formulas(whole(net, task), task)
    assert_equals_net(formulas, net, task)
    for formula in formulas.formulas:
        assert formula.relative_error < 1e-12
        assert formula.r_squared == pytest.approx(1)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.filterwarnings("error")
def test_an_activation_written_out_is_safe_everywhere(activation):
    z = sympy.Symbol("z")
    values = np.concatenate([np.linspace(-40, 40, 801), [-1e300, -800.0, 800.0, 1e5]])
    expected = ACTIVATIONS[activation](torch.from_numpy(values)).numpy()
    for expr in (WRITTEN_OUT[activation](z), sympy.sympify(text(WRITTEN_OUT[activation](z)))):
        found = sympy.lambdify(z, expr)(values)
        assert np.all(np.abs(found - expected) <= 1e-14 * np.maximum(np.abs(values), 1))


def test_a_hand_made_net_gives_its_formula():
    net = mlp([[[2.0, -1.0]], [[3.0]]], [[0.5], [-1.0]], activation="relu")
    formulas = extract_formulas(whole(net, task := task_of(net)), task)
    x1, x2 = sympy.symbols("x1 x2")
    expected = 3 * sympy.Max(0, 2 * x1 - x2 + sympy.Float(0.5)) - 1
    assert sympy.sympify(formulas.formulas[0].text) == expected
    assert formulas.variables == {"x1": "x1", "x2": "x2"}


def test_scaling_is_folded_into_a_linear_net():
    net = mlp([[[2.0, -1.0]]], [[0.5]])
    scaling = Scaling(*(torch.tensor(values, dtype=torch.float64) for values in ([1.0, 2.0], [4.0, 2.0], [3.0], [8.0])))
    task = task_of(net, scaling=scaling)
    (formula,) = extract_formulas(whole(net, task), task).formulas
    # 8 (2 (x1 - 1)/4 - (x2 - 2)/2 + 1/2) + 3
    x1, x2 = sympy.symbols("x1 x2")
    assert sympy.sympify(formula.text) == 4 * x1 - 4 * x2 + 11
    low, high = formula.domain["x1"]
    assert -3 <= low < high <= 5


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_column_of_years_neither_overflows_nor_cancels(activation):
    net = random_mlp([2, 4, 1], seed=2, activation=activation)
    scaling = Scaling(*(torch.tensor(v, dtype=torch.float64) for v in ([2003.47, 1.6e6], [0.7, 90.0], [0.0], [1.0])))
    task = task_of(net, scaling=scaling)
    exact = extract_formulas(whole(net, task), task)
    assert_equals_net(exact, net, task)
    assert "x1 - 2003.5" in exact.formulas[0].text
    readable = extract_formulas(whole(net, task), task, form="readable", points=500)
    assert_equals_net_within_range(readable, net, task, 0.01)


def assert_equals_net_within_range(formulas, net, task, error):
    table = task.scaling.inputs_to_table(task.test.inputs)
    expected = task.scaling.to_table(net.run(task.test.inputs[None])[0]).numpy()
    found = formulas.evaluate(table.numpy())
    assert np.all(np.abs(found - expected).max(0) <= error * np.ptp(expected, axis=0))


def test_pruned_outputs_name_only_what_they_read():
    net = two_parts()
    task = task_of(net)
    y1, y2 = extract_formulas(prune(net, task), task).formulas
    assert {str(symbol) for symbol in y1.expr.free_symbols} == {"x1"}
    assert {str(symbol) for symbol in y2.expr.free_symbols} == {"x2"}
    assert [str(name) for name, _ in y2.layers] == ["y2"]  # short: one equation
    assert y2.latex.count(r"\operatorname{SiLU}{") == 2
    assert r"\operatorname{SiLU}(z) &= \frac{z}{1 + e^{- z}}" in y2.latex


@pytest.mark.parametrize("unread", ["x0", "x1", "x2", "x3", "run time"])
def test_an_input_that_is_not_read_does_not_stand_in_for_a_common_part(unread):
    # common parts of the outputs would be called x0, x1, ..., and so may a column that no output reads
    net = mlp([[[0.7, -0.4, 0.0], [0.3, 0.8, 0.0]], [[1.1, -0.9], [0.6, 0.5]], [[1.2, -0.7], [-1.5, 0.4]]])
    task = dataclasses.replace(task_of(net), inputs=("a", "b", unread))
    formulas = extract_formulas(whole(net, task), task)
    assert_equals_net(formulas, net, task)
    assert all(formula.relative_error < 1e-12 for formula in formulas.formulas)
    assert formulas.metric == pytest.approx(1, abs=1e-12)


def test_large_formulas_are_shown_neuron_by_neuron():
    net = random_mlp([3, 3, 2], seed=3)
    task = task_of(net)
    formula = extract_formulas(whole(net, task), task).formulas[1]
    assert [str(name) for name, _ in formula.layers] == ["h1_0", "h1_1", "h1_2", "y2"]
    assert "h_{1,2} &=" in formula.latex
    # put together again they are the formula
    definitions = {}
    for name, expr in formula.layers:
        silu = expr.replace(
            lambda part: getattr(part.func, "__name__", "") == "SiLU", lambda f: WRITTEN_OUT["silu"](*f.args)
        )
        definitions[name] = silu.xreplace(definitions)
    values = {f"x{index + 1}": value for index, value in enumerate((0.3, -0.8, 0.1))}
    assert float(definitions["y2"].evalf(subs=values)) == pytest.approx(
        float(formula.expr.evalf(subs=values)), rel=1e-12
    )


def test_a_constant_output_is_a_number():
    net = mlp([[[1.0], [0.0]], [[1.0, 0.0], [0.0, 2.0]]], [[0.0, 0.3], [0.0, 0.1]])
    task = task_of(net)
    for form in ("exact", "readable"):
        constant = extract_formulas(prune(net, task), task, form=form).formulas[1]
        expected = 0.1 + 2 * torch.nn.functional.silu(torch.tensor(0.3, dtype=torch.float64)).item()
        assert not constant.expr.free_symbols
        assert float(constant.expr) == pytest.approx(expected, rel=1e-12 if form == "exact" else 0.01)
        assert constant.r_squared is None
        ET.fromstring(constant.mathml)


def test_classes_give_logits():
    net = random_mlp([2, 4, 3], seed=5)
    task = task_of(net, kind="classification", scaling=random_scaling(2, 3))
    plain = Scaling.none(2, 3)
    task = dataclasses.replace(
        task,
        scaling=dataclasses.replace(task.scaling, output_shift=plain.output_shift, output_scale=plain.output_scale),
    )
    formulas = extract_formulas(whole(net, task), task)
    assert_equals_net(formulas, net, task)
    assert [formula.r_squared for formula in formulas.formulas] == [None] * 3
    assert formulas.metric == formulas.net_metric == 1


def test_a_dense_net_takes_seconds():
    net = random_mlp([10, 12, 12, 1], seed=6)
    task = task_of(net)
    (formula,) = extract_formulas(whole(net, task), task).formulas
    assert formula.relative_error < 1e-10
    assert len(formula.text) > 40_000
    assert len(formula.layers) == 25


def test_a_formula_beyond_any_reader_is_refused():
    net = random_mlp([4, 20, 20, 20, 20, 1], seed=7)
    task = task_of(net)
    with pytest.raises(UserError, match=r"would mention [\d,]+ constants, more than 50,000; prune further"):
        extract_formulas(whole(net, task), task)


@pytest.mark.parametrize("error", [0.2, 0.01, 1e-9])
def test_the_readable_form_keeps_its_promise(error):
    net = random_mlp([3, 4, 2], seed=8)
    task = task_of(net, scaling=random_scaling(3, 2, seed=1))
    sparse = whole(net, task)
    exact, readable = (
        extract_formulas(sparse, task, form=form, error=error, points=500) for form in ("exact", "readable")
    )
    for formula, original in zip(readable.formulas, exact.formulas, strict=True):
        assert original.relative_error < formula.relative_error <= error
        assert len(formula.text) < len(original.text)
    assert_equals_net_within_range(readable, net, task, 1.5 * error)


def test_tiny_terms_are_dropped_and_round_numbers_found():
    net = mlp([[[0.50001, 1e-6]], [[2.0000003]]], [[1e-7], [0.3]], activation="tanh")
    task = task_of(net)
    (formula,) = extract_formulas(whole(net, task), task, form="readable", error=1e-3).formulas
    assert formula.text == "2*tanh(0.5*x1) + 0.3"
    assert 0 < formula.max_error < 1e-3


def test_hostile_names_go_nowhere():
    net = random_mlp([len(HOSTILE), 3, 2], seed=9)
    task = dataclasses.replace(task_of(net), inputs=tuple(HOSTILE), outputs=tuple(HOSTILE[:2]))
    formulas = extract_formulas(whole(net, task), task)
    assert list(formulas.variables) == [f"x{index + 1}" for index in range(len(HOSTILE))]
    assert list(formulas.variables.values()) == HOSTILE
    assert_equals_net(formulas, net, task)
    for formula in formulas.formulas:
        assert set(formula.domain) == set(HOSTILE)
        assert "<" not in formula.latex
        assert "script" not in formula.text
        assert "script" not in {element.tag for element in ET.fromstring(formula.mathml).iter()}


def test_mathml_is_xml_with_the_same_layers():
    net = random_mlp([3, 3, 1], seed=10, activation="gelu")
    task = dataclasses.replace(task_of(net), inputs=("crowbar", "x2", "größe"), outputs=("a < b & c",))
    (formula,) = extract_formulas(whole(net, task), task, form="readable").formulas
    root = ET.fromstring(formula.mathml)
    space = "{http://www.w3.org/1998/Math/MathML}"
    assert root.tag == f"{space}math"
    texts = [element.text for element in root.iter()]
    assert {"a < b & c", "crowbar", "größe", "GELU"} <= set(texts)
    assert "style" not in formula.mathml


def test_a_net_of_another_kind_is_refused():
    class Gated(type(random_mlp([1, 1]))):
        def nonlinearity(self, site):
            return super(type(self).__mro__[1], self).nonlinearity(site)

    net = random_mlp([2, 2, 1])
    task = task_of(net)
    strange = Gated(net.wiring, net.parameters, net.activation)
    with pytest.raises(UserError, match="Gated does not say what site 'h1' applies"):
        extract_formulas(whole(strange, task), task)
    gated = net.rewired(dataclasses.replace(net.wiring, gates=(Gate("out", "in"),)), net.parameters)
    with pytest.raises(UserError, match="also joins in to out without a weight"):
        extract_formulas(whole(gated, task), task)


def test_a_net_with_nan_is_refused():
    net = random_mlp([2, 2, 1])
    task = task_of(net)
    broken = net.replaced(parameters=net.parameters | {"bias.h1": torch.full((1, 2), torch.nan, dtype=torch.float64)})
    with pytest.raises(UserError, match="finite weights, got NaN"):
        extract_formulas(whole(broken, task), task)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"form": "pretty"}, 'form must be "exact", "readable" or "discovered", got pretty'),
        ({"error": 0.0}, "between 0 and 1, got 0.0"),
        ({"error": 1.5}, "between 0 and 1, got 1.5"),
        ({"points": 0}, "points must be at least 1, got 0"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    net = random_mlp([1, 1])
    extract = getattr(extract_formulas, "__wrapped__", extract_formulas)  # without the types' own check
    with pytest.raises(UserError, match=message):
        extract(whole(net, task_of(net)), task_of(net), **options)


def test_the_trained_net_is_its_formula(trained):
    task = trained.task
    sparse = prune(trained.net.seed(0), task)
    formulas = extract_formulas(sparse, task.to(torch.float64))
    assert_equals_net(formulas, sparse.net, task.to(torch.float64))
    assert formulas.metric == pytest.approx(sparse.metric, abs=1e-9)
    assert formulas.net_metric == pytest.approx(sparse.metric, abs=1e-9)


def test_a_frame_has_a_row_for_every_output():
    net = two_parts()
    frame = extract_formulas(whole(net, task := task_of(net)), task).to_frame()
    assert list(frame.output) == ["y1", "y2"]
    assert list(frame.columns) == ["output", "expr", "latex", "length", "max_error", "relative_error", "r_squared"]


def test_the_readable_form_stays_close_where_the_data_are():
    net = mlp([[[1.01237], [0.70713]], [[3.03131, -1.31717]]], [[0.0171, 0.4137], [0.1]], activation="tanh")
    task = task_of(net)
    # one training row far out makes the box, and the range over it, a hundred times what the test rows see
    inputs = task.train.inputs.clone()
    inputs[0] = 30.0
    task = dataclasses.replace(
        task,
        train=dataclasses.replace(task.train, inputs=inputs),
        test=dataclasses.replace(
            task.test, inputs=task.test.inputs / 100, targets=net.run(task.test.inputs[None] / 100)[0]
        ),
    )
    formulas = extract_formulas(prune(net, task, tolerance=1e-9), task, form="readable", error=0.02)
    rows = task.test.inputs.numpy()
    truth = net.run(task.test.inputs[None])[0].numpy()
    off = abs(formulas.evaluate(rows) - truth).max()
    assert 1e-9 < off <= 0.02 * (truth.max() - truth.min())


def test_a_net_with_an_empty_layer_is_a_number():
    net = random_mlp([2, 3, 1])
    empty = net.take({"h1": torch.tensor([], dtype=torch.long)}).to(torch.float64)
    circuit = to_circuit(empty, Scaling.none(2, 1))
    constants = circuit.constants()
    table = torch.zeros(4, 2, dtype=torch.float64)
    assert torch.equal(circuit.with_constants(constants.repeat(3, 1)).run(table)[2], circuit.run(table)[0])
    task = task_of(net)
    (formula,) = extract_formulas(whole(empty, task), task, form="readable").formulas
    assert not formula.expr.free_symbols
