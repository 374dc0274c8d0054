"""Circuits as sympy expressions: safe symbols, numbers that survive being printed, activations written out."""

import builtins
import keyword
import math
import re
import types
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

import numpy as np
import sympy
from jaxtyping import Float
from sympy.core.function import UndefinedFunction
from sympy.printing.str import StrPrinter
from torch import Tensor

from interp.circuit import Circuit, Layer

_LONGEST_SYMBOL = 64
_CALLED_BY_LAMBDIFY = {"reduce", "maximum", "minimum", "numpy", "scipy"}
"""What code that sympy writes for our formulas calls without being a name of sympy's own."""
_SELU_SCALE, _SELU_ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717


def _silu(z: sympy.Expr) -> sympy.Expr:
    """Z / (1 + exp(-z)), as z (1 + tanh(z/2)) / 2: the same, and no exponential that overflows.

    (sympy rewrites exp(a + x) for a number a as exp(a) exp(x), which is infinity times zero for an offset beyond 709:
    a column of years is enough.)
    """
    return _halved(z, sympy.Add(1, _tanh(_halved(z))))


def _gelu(z: sympy.Expr) -> sympy.Expr:
    return _halved(z, sympy.Add(1, sympy.erf(_halved(sympy.sqrt(2), z), evaluate=False)))


def _gelu_tanh(z: sympy.Expr) -> sympy.Expr:
    """The approximation that transformers use, z (1 + tanh(sqrt(2/pi) (z + 0.044715 z^3))) / 2 (arXiv:1606.08415).

    Inside the tanh z stays within +-10, where it is 1 to the last bit: the cube of a larger number may overflow.
    """
    bounded = sympy.Max(-10, sympy.Min(10, z, evaluate=False), evaluate=False)
    cube = sympy.Mul(number(0.044715), sympy.Pow(bounded, 3, evaluate=False), evaluate=False)
    inner = sympy.Add(bounded, cube, evaluate=False)
    return _halved(z, sympy.Add(1, _tanh(sympy.Mul(number(math.sqrt(2 / math.pi)), inner, evaluate=False))))


def _relu(z: sympy.Expr) -> sympy.Expr:
    return sympy.Max(0, z, evaluate=False)


def _selu(z: sympy.Expr) -> sympy.Expr:
    """Scale (max(0, z) + alpha (exp(min(0, z)) - 1)); (Klambauer et al. 2017, arXiv:1706.02515)."""
    below = sympy.exp(sympy.Min(0, z, evaluate=False), evaluate=False) - 1
    return number(_SELU_SCALE) * _relu(z) + sympy.Mul(number(_SELU_SCALE * _SELU_ALPHA), below, evaluate=False)


def _tanh(z: sympy.Expr) -> sympy.Expr:
    """Unevaluated, as all of these: sympy takes seconds to look for a sign or a zero in a sum of sums."""
    return sympy.tanh(z, evaluate=False)


def _halved(*factors: sympy.Expr) -> sympy.Expr:
    """Half of a product, as it stands: sympy would halve every number of a sum, and have two sums to compute."""
    return sympy.Mul(*factors, sympy.Rational(1, 2), evaluate=False)


WRITTEN_OUT: dict[str | None, Callable[[sympy.Expr], sympy.Expr]] = {
    None: lambda z: z,
    "silu": _silu,
    "selu": _selu,
    "relu": _relu,
    "gelu": _gelu,
    "gelu_tanh": _gelu_tanh,
    "tanh": _tanh,
}
"""Every activation in sympy's standard functions alone, safe in float64 wherever the activation is."""

NAMED: dict[str | None, Callable[[sympy.Expr], sympy.Expr]] = {
    **WRITTEN_OUT,
    "silu": sympy.Function("SiLU"),
    "selu": sympy.Function("SELU"),
    "relu": sympy.Function("ReLU"),
    "gelu": sympy.Function("GELU"),
    "gelu_tanh": sympy.Function("GELU_tanh"),
}
"""Every activation by its name, for people to read; `LEGEND` says what the names mean."""


def legend(name: str) -> sympy.Expr:
    """Returns what a named function is, of z.

    Example:
        >>> legend("SiLU")
        z/(1 + exp(-z))
    """
    z = sympy.Symbol("z")
    if name == "SiLU":
        return z / (1 + sympy.exp(-z))
    expr = WRITTEN_OUT[name.lower()](z)
    return expr.xreplace({constant: sympy.Float(constant, 5) for constant in expr.atoms(sympy.Float)})


def number(value: float) -> sympy.Expr:
    """Returns a sympy number that prints, and is read back, as exactly this float64.

    Example:
        >>> x = sympy.Symbol("x")
        >>> number(0.1) * x, number(1 / 3) * x, number(2.0) * x
        (0.1*x, 0.33333333333333331*x, 2*x)
    """
    if value.is_integer() and abs(value) < 1e15:
        return sympy.Integer(int(value))
    # Digits of a short decimal are kept as they are; Float(0.1, 17) would print 0.10000000000000001.
    short = sympy.Float(f"{value:.15g}", 17)
    return short if float(f"{value:.15g}") == value == float(short) else sympy.Float(value, 17)


def text(expr: sympy.Expr, *, digits: int | None = None) -> str:
    """Returns the expression as text that `sympy.sympify` reads back, in time linear in its distinct parts.

    Args:
        expr: Any expression.
        digits: Write numbers to so many significant digits, for a glance; None writes them as they are.
    """
    return str(_Printer({"order": "none", "full_prec": False}, digits).doprint(expr))


def size(circuit: Circuit, functions: Mapping[str | None, Callable[[Any], Any]]) -> list[int]:
    """Returns how many constants the expression of each output mentions, without building it."""
    z = sympy.Symbol("z")
    mentions = {name: functions[name](z).count(z) for name in {layer.function for layer in circuit.layers}}
    sizes = {site: [1] * (last - first) for site, (first, last) in circuit.inputs.items()}
    for layer in circuit.layers:
        sizes[layer.site] = [
            mentions[layer.function] * (1 + sum(sizes[source][index] for source, index, _ in _terms(layer, target)))
            for target in range(layer.bias.shape[1])
        ]
    return [count for site in circuit.outputs for count in sizes[site]]


def compose(
    circuit: Circuit, symbols: Sequence[sympy.Symbol], functions: Mapping[str | None, Callable[..., Any]] = WRITTEN_OUT
) -> list[sympy.Expr]:
    """Returns every output as one expression of the inputs.

    Args:
        circuit: One copy.
        symbols: One per input.
        functions: How activations are written.
    """
    values = _read_inputs(circuit, symbols)
    for layer in circuit.layers:
        values[layer.site] = [
            functions[layer.function](_weighted_sum(layer, target, values)) if _is_read(circuit, layer, target) else 0
            for target in range(layer.bias.shape[1])
        ]
    return [expr for site in circuit.outputs for expr in values[site]]


def layered(circuit: Circuit, symbols: Sequence[sympy.Symbol]) -> list[list[tuple[sympy.Symbol, sympy.Expr]]]:
    """Returns every output as a list of equations: the hidden neurons it needs in forward order, last the output.

    Neurons are symbols named by site and index (`h1_3`), activations are called by name.
    """
    values = name_neurons(circuit, symbols)
    equations: dict[sympy.Symbol, sympy.Expr] = {}
    needs: dict[sympy.Symbol, set[sympy.Symbol]] = {}
    for layer in circuit.layers:
        for target, name in enumerate(values[layer.site]):
            equations[name] = NAMED[layer.function](_weighted_sum(layer, target, values))
            read = {values[source][index] for source, index, _ in _terms(layer, target)}
            needs[name] = {name}.union(*(needs[symbol] for symbol in read if symbol in needs))
    outputs = [symbol for site in circuit.outputs for symbol in values[site]]
    return [[(name, expr) for name, expr in equations.items() if name in needs[output]] for output in outputs]


def evaluate_all(
    exprs: Sequence[sympy.Expr], names: Sequence[str], table: Float[np.ndarray, "rows inputs"]
) -> Float[np.ndarray, "rows outputs"]:
    """Computes expressions with numpy.

    Args:
        exprs: In symbols of these names.
        names: One per column of the table.
        table: What to put in.
    """
    function = _to_numpy(tuple(exprs), tuple(names))
    with np.errstate(all="ignore"):  # beyond the rows that it was fitted to a formula need not be defined
        values = function(*table.T)
    return np.stack([np.broadcast_to(value, len(table)) for value in values], axis=1).astype(np.float64)


@lru_cache(maxsize=8)  # to write takes longer than to compute, and the same formulas are asked about many tables
def _to_numpy(exprs: tuple[sympy.Expr, ...], names: tuple[str, ...]) -> Callable[..., Sequence[Any]]:
    function: Callable[..., Sequence[Any]] = sympy.lambdify(
        [sympy.Symbol(name) for name in names], list(exprs), cse=_shared, dummify=True
    )
    return function


def _shared(exprs: Sequence[sympy.Expr]) -> tuple[list[tuple[sympy.Symbol, sympy.Expr]], list[sympy.Expr]]:
    """Names common parts by symbols that are nobody else's.

    sympy's own x0, x1, ... avoid the symbols of the expressions, not those of columns that no expression reads.
    """
    names = sympy.numbered_symbols(cls=sympy.Dummy)
    found: tuple[list[tuple[sympy.Symbol, sympy.Expr]], list[sympy.Expr]] = sympy.cse(exprs, names, list=False)
    return found


def name_neurons(circuit: Circuit, symbols: Sequence[sympy.Symbol]) -> dict[str, list[Any]]:
    """Returns what readers of every site see, by site: inputs less their centres, other neurons as symbols (`h1_3`)."""
    taken = {symbol.name for symbol in symbols}
    names = _read_inputs(circuit, symbols)
    for layer in circuit.layers:
        names[layer.site] = [_neuron_symbol(layer.site, target, taken) for target in range(layer.bias.shape[1])]
    return names


def weighted_sum(terms: Iterable[tuple[float, sympy.Expr]], constant: float = 0.0) -> sympy.Expr:
    """Returns the constant plus every weight times its expression, as it stands: sympy would multiply brackets out.

    Example:
        >>> x, y = sympy.symbols("x y")
        >>> weighted_sum([(1.0, x), (0.5, y)], -2.0)
        x + 0.5*y - 2
    """
    parts = [_weighted(weight, expr) for weight, expr in terms]
    if constant or not parts:
        parts.append(number(constant))
    return sympy.Add(*parts, evaluate=False) if len(parts) > 1 else parts[0]


def choose_symbols(columns: Sequence[str]) -> dict[str, str]:
    """Returns a symbol for every column: its own name where that is safe, else x1, x2, ... by position.

    Safe is an identifier that neither Python nor sympy reads as anything but a new name, at most 64 characters long.

    Example:
        >>> choose_symbols(["age", "run time", "E"])
        {'age': 'age', 'x2': 'run time', 'x3': 'E'}
    """
    own = {name for name in columns if is_safe(name)}
    chosen: dict[str, str] = {}
    for position, column in enumerate(columns, start=1):
        symbol = column if column in own else f"x{position}"
        while symbol in chosen or (symbol in own and symbol != column):
            position += len(columns)  # noqa: PLW2901
            symbol = f"x{position}"
        chosen[symbol] = column
    return chosen


def is_safe(name: str) -> bool:
    """Tells whether text may be a symbol's name: sympy reads it back as that symbol and as nothing else."""
    return (
        len(name) <= _LONGEST_SYMBOL
        and name.isidentifier()
        and name == unicodedata.normalize("NFKC", name)  # Python would read another name
        and not keyword.iskeyword(name)
        and name not in _reserved()
    )


@cache
def _reserved() -> frozenset[str]:
    called = {name for name, value in vars(builtins).items() if isinstance(value, types.BuiltinFunctionType)}
    activations = {str(function) for function in NAMED.values() if isinstance(function, UndefinedFunction)}
    return frozenset({*sympy.__all__, *called, "max", "min", *_CALLED_BY_LAMBDIFY, *activations})


def _neuron_symbol(site: str, index: int, taken: set[str]) -> sympy.Symbol:
    name = f"{re.sub(r'[^0-9A-Za-z]', '', site)}_{index}"
    while name in taken:
        name += "_"
    taken.add(name)
    return sympy.Symbol(name)


def _read_inputs(circuit: Circuit, symbols: Sequence[sympy.Symbol]) -> dict[str, list[Any]]:
    seen = [
        sympy.Add(symbol, number(-centre), evaluate=False) if centre else symbol
        for symbol, centre in zip(symbols, circuit.centres.tolist(), strict=True)
    ]
    return {site: seen[first:last] for site, (first, last) in circuit.inputs.items()}


def _weighted_sum(layer: Layer, target: int, values: Mapping[str, Sequence[Any]]) -> sympy.Expr:
    terms = [(weight, values[source][index]) for source, index, weight in _terms(layer, target)]
    return weighted_sum(terms, layer.bias[0, target].item())


def _weighted(weight: float, value: sympy.Expr) -> sympy.Expr:
    """Weight times value, as it stands: sympy would multiply 0.3*(year - 2003) out."""
    return value if weight == 1 else sympy.Mul(number(weight), value, evaluate=False)


def _terms(layer: Layer, target: int) -> list[tuple[str, int, float]]:
    """Returns source site, source index and weight of every connection into a neuron."""
    return [
        (source, index, weight)
        for source, weights in layer.weights.items()
        for index, weight in enumerate(weights[0, target].tolist())
        if weight
    ]


def _is_read(circuit: Circuit, layer: Layer, target: int) -> bool:
    weights: list[Tensor] = [later.weights[layer.site] for later in circuit.layers if layer.site in later.weights]
    return layer.site in circuit.outputs or any(bool(weight[0, :, target].any()) for weight in weights)


class _Printer(StrPrinter):
    """Remembers what it has printed: formulas of nets repeat their parts exponentially often in their depth."""

    def __init__(self, settings: dict[str, Any], digits: int | None) -> None:
        super().__init__(settings)
        self._digits = digits
        self._printed: dict[Any, str] = {}

    def _print(self, expr: Any, **options: Any) -> str:
        if options or not isinstance(expr, sympy.Basic):
            return str(super()._print(expr, **options))
        if expr not in self._printed:
            self._printed[expr] = str(super()._print(expr))
        return self._printed[expr]

    def _print_Float(self, expr: sympy.Float) -> str:
        return str(super()._print_Float(expr)) if self._digits is None else f"{float(expr):.{self._digits}g}"
