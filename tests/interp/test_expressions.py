"""Numbers, symbols and names of formulas: what is printed is read back as itself, and nothing of it is obeyed."""

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from bimt.tasks.base import Scaling
from interp.circuit import to_circuit
from interp.expressions import WRITTEN_OUT, choose_symbols, is_safe, number, size, text
from interp.typeset import latex_text
from tests.nets import mlp

HOSTILE = [
    "<script>alert(1)</script>",
    r"$\frac{",
    "../../x",
    "a\0b",
    "\u202egnp.exe",
    "x" * 10_000,
    "",
    "__import__('os')",
]


def test_the_size_is_counted_without_building():
    net = mlp([[[1.5, 2.5]], [[3.5]]], [[0.5], [0.25]])
    circuit = to_circuit(net, Scaling.none(2, 1))
    # bias, and the neuron twice: 1 + 2 * (1 + 2)
    assert size(circuit, WRITTEN_OUT) == [7]


@settings(max_examples=60)
@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e200, max_value=1e200))
def test_numbers_survive_being_printed(value):
    assert float(number(value)) == value
    assert float(sympy.Float(text(number(value)))) == value
    assert float(sympy.sympify(text(number(value) * sympy.Symbol("x"))).subs("x", 1)) == value


def test_symbols_are_the_columns_where_they_are_identifiers():
    assert choose_symbols(["bmi", "run time", "größe", "s1"]) == {
        "bmi": "bmi",
        "x2": "run time",
        "größe": "größe",
        "s1": "s1",
    }


def test_made_up_symbols_avoid_the_columns():
    assert choose_symbols(["x3", "run time", "E", "x2"]) == {"x3": "x3", "x6": "run time", "x7": "E", "x2": "x2"}


@pytest.mark.parametrize(
    "name",
    [
        *("E", "I", "pi", "S", "N", "O", "Q", "beta", "gamma", "zeta", "lambda", "None", "Max", "tanh", "re", "test"),
        *("sum", "id", "abs", "min", "ﬁ", "µ", "x y", "2x", "a.b", "maximum", *HOSTILE),
    ],
)
def test_names_that_mean_something_are_not_symbols(name):
    assert not is_safe(name)


@pytest.mark.parametrize(
    "name", ["age", "type", "size", "alpha", "crowbar", "_", "__class__", "match", "height_m", "x1", "e", "i"]
)
def test_safe_names_are_read_back_as_themselves(name):
    assert is_safe(name)
    assert sympy.sympify(f"2*{name} + 1") == 2 * sympy.Symbol(name) + 1


@settings(max_examples=40)
@given(st.from_regex(r"\A[A-Za-z_]\w{0,8}\Z"))
def test_whatever_is_called_safe_is_read_back_as_itself(name):
    if is_safe(name):
        assert sympy.sympify(f"2*{name} + 1") == 2 * sympy.Symbol(name) + 1


@pytest.mark.parametrize("name", HOSTILE)
def test_typeset_names_are_inert(name):
    latex = latex_text(name)
    bare = latex.removeprefix(r"\text{").removesuffix("}")
    for escaped in (r"\textbackslash{}", r"\textless{}", r"\textgreater{}", r"\$", r"\{", r"\}", r"\_"):
        bare = bare.replace(escaped, "")
    assert not set(bare) & set("\\{}$&#%_^~<>")
    assert bare.isprintable()
    assert len(latex) < 1_000
