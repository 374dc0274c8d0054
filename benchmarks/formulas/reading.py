"""Reads formulas that other programs wrote as text: a whitelist of signs and functions, and nothing is evaluated."""

import ast
from collections.abc import Callable, Mapping
from typing import Any

import sympy

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sqrt": sympy.sqrt,
    "exp": sympy.exp,
    "log": sympy.log,
    "sin": sympy.sin,
    "cos": sympy.cos,
    "tan": sympy.tan,
    "asin": sympy.asin,
    "acos": sympy.acos,
    "atan": sympy.atan,
    "arctan": sympy.atan,
    "tanh": sympy.tanh,
    "abs": sympy.Abs,
}
"""What may be called, each with one argument."""

_SIGNS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.Pow: lambda a, b: a**b,
}
_LONGEST = 20_000
_LARGEST_EXPONENT = 100


def read_formula(text: str, names: Mapping[str, sympy.Expr]) -> sympy.Expr:
    """Reads a formula in Python's notation.

    Args:
        text: Numbers, names, + - * / **, brackets and the functions of `FUNCTIONS`.
        names: What each name stands for.

    Raises:
        ValueError: If anything else stands there, or a number is raised to a number beyond 100.

    Example:
        >>> read_formula("2*cos(x1)**2", {"x1": sympy.Symbol("x")})
        2*cos(x)**2
    """
    if len(text) > _LONGEST:
        raise ValueError(f"a formula may have {_LONGEST:,} characters, got {len(text):,}")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"no formula: {text[:80]!r}") from error
    return _read(tree.body, names)


def _read(node: ast.expr, names: Mapping[str, sympy.Expr]) -> sympy.Expr:
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return sympy.Integer(value) if isinstance(value, int) else sympy.Float(value)
        case ast.Name(id=name) if name in names:
            return names[name]
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -_read(inner, names)
        case ast.UnaryOp(op=ast.UAdd(), operand=inner):
            return _read(inner, names)
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _SIGNS:
            one, other = _read(left, names), _read(right, names)
            if isinstance(sign, ast.Pow) and one.is_number:
                _check_exponent(other)
            return _SIGNS[type(sign)](one, other)
        case ast.Call(func=ast.Name(id=name), args=[inner], keywords=[]) if name in FUNCTIONS:
            return FUNCTIONS[name](_read(inner, names))
    raise ValueError(f"formulas may not hold {ast.unparse(node)[:80]!r}")


def _check_exponent(exponent: sympy.Expr) -> None:
    """Refuses powers of numbers that sympy would write out digit by digit for hours."""
    if exponent.is_number and not abs(exponent) <= _LARGEST_EXPONENT:
        raise ValueError(f"exponents of numbers may be up to {_LARGEST_EXPONENT}, got {exponent}")
