import pytest
import sympy

from benchmarks.formulas.reading import read_formula

X = sympy.Symbol("x")


def test_signs_functions_and_brackets():
    wanted = -2 * X**2 + sympy.sqrt(X) / 3 + 0.5 * sympy.exp(X)
    assert read_formula(" -2*x**2 + sqrt(x)/3 - (-.5)*exp(+x) ", {"x": X}) == wanted
    assert read_formula("arctan(x)", {"x": X}) == sympy.atan(X)
    assert read_formula("1.5e-3*x", {"x": X}) == sympy.Float(1.5e-3) * X


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "x.diff()",
        "y",
        "eval('x')",
        "sqrt(x, x)",
        "sqrt(x=x)",
        "[x][0]",
        "lambda: x",
        "x if x else x",
        "x % 2",
        "x @ x",
        "True",
        "'x'",
        "1j*x",
        "x < 2",
        "(x := 2)",
        "f'{x}'",
    ],
)
def test_nothing_else_is_read(text):
    with pytest.raises(ValueError, match="formulas may not hold"):
        read_formula(text, {"x": X})


@pytest.mark.parametrize("text", ["", "x +", "x\n= 2", "(" * 300 + "x", "\0"])
def test_what_is_no_formula_is_said(text):
    with pytest.raises(ValueError, match="no formula"):
        read_formula(text, {"x": X})


@pytest.mark.parametrize("text", ["9**9**9", "2**(10**9)", "2**-1e9"])
def test_numbers_are_not_raised_to_large_numbers(text):
    with pytest.raises(ValueError, match="exponents of numbers may be up to 100"):
        read_formula(text, {})


def test_a_formula_may_not_be_endless():
    with pytest.raises(ValueError, match="20,000 characters, got 20,002"):
        read_formula("x+" * 10_001, {"x": X})
