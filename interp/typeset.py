"""Equations as LaTeX and as MathML, whatever the names hold.

Right-hand sides are sympy expressions whose symbols have safe names; only left-hand sides may be called anything.
"""

import html
import re
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

import sympy
from sympy.core.function import AppliedUndef
from sympy.printing.latex import LatexPrinter
from sympy.printing.mathml import MathMLPresentationPrinter

from bimt.messages import printable
from interp.expressions import legend

Equation = tuple[str | sympy.Symbol, sympy.Expr]
"""What is defined (a symbol, or any text) and what it is."""

_LONGEST_NAME = 60
_TERMS_A_LINE = 5
_ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
}


def to_latex(equations: Sequence[Equation]) -> str:
    r"""Returns equations in one `aligned` environment (of amsmath), long sums on several lines, legend included.

    Example:
        >>> print(to_latex([("price $", 2 * sympy.Symbol("size"))]))
        \begin{aligned}
        \text{price \$} &= 2 \text{size}
        \end{aligned}
    """
    lines = []
    for name, expr in equations:
        left = _latex_symbol(name.name) if isinstance(name, sympy.Symbol) else latex_text(name)
        first, *more = (_latex(part) for part in _pieces(expr))
        lines.append(f"{left} &= {first}")
        lines += [f"&\\quad {part if part.startswith('-') else '+ ' + part}" for part in more]
    lines += [f"\\operatorname{{{name}}}(z) &= {_latex(expr)}" for name, expr in legends(equations)]
    return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"


def to_mathml(equations: Sequence[Equation]) -> str:
    """Returns equations as one `<math>` element: valid XML, no entities, names escaped and shortened.

    Its cells have the classes `left-side` and `right-side`, since browsers differ in what aligns a table of equations;
    there are no style attributes, which a strict content security policy forbids.
    """
    rows = []
    for name, expr in equations:
        left = _mathml_symbol(name.name) if isinstance(name, sympy.Symbol) else _mathml_text(name)
        first, *more = (_mathml(part) for part in _pieces(expr))
        rows.append((left, f"<mo>=</mo>{first}"))
        rows += [("", part if part.startswith("<mrow><mo>-") else f"<mo>+</mo>{part}") for part in more]
    z = "<mo>(</mo><mi>z</mi><mo>)</mo>"
    rows += [(f"<mi>{name}</mi>{z}", f"<mo>=</mo>{_mathml(expr)}") for name, expr in legends(equations)]
    table = "".join(
        f'<mtr><mtd class="left-side"><mrow>{left}</mrow></mtd><mtd class="right-side"><mrow>{right}</mrow></mtd></mtr>'
        for left, right in rows
    )
    opening = '<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">'
    return f'{opening}<mtable columnalign="right left">{table}</mtable></math>'


def latex_text(name: str) -> str:
    r"""Returns any text as `\text{...}`, shortened, with everything that TeX would act on escaped."""
    return f"\\text{{{''.join(_ESCAPES.get(character, character) for character in _shown(name))}}}"


def legends(equations: Sequence[Equation]) -> list[tuple[str, sympy.Expr]]:
    """Returns what the functions that are called by name stand for."""
    applied = {part for _, expr in equations for part in expr.atoms(AppliedUndef)}
    return [(name, legend(name)) for name in sorted({part.func.__name__ for part in applied})]


def _shown(name: str) -> str:
    return printable(name, limit=_LONGEST_NAME)


def _pieces(expr: sympy.Expr) -> list[sympy.Expr]:
    """Cuts a long sum into sums that fit a line."""
    terms = expr.args if expr.is_Add else (expr,)
    chunks = [terms[start : start + _TERMS_A_LINE] for start in range(0, len(terms), _TERMS_A_LINE)]
    return [sympy.Add(*chunk, evaluate=False) if len(chunk) > 1 else chunk[0] for chunk in chunks]


def _latex(expr: sympy.Expr) -> str:
    return str(_Latex({"order": "none"}).doprint(expr))


def _latex_symbol(name: str) -> str:
    parts = _split(name)
    if parts is None:
        return latex_text(name)
    letter, index = parts
    return f"{letter}_{{{index}}}" if index else letter


def _mathml(expr: sympy.Expr) -> str:
    return _without_entities(_MathML({"order": "none"}).doprint(expr))


def _without_entities(markup: str) -> str:
    """Writes named entities as characters: without a DTD, XML knows five of them, and those stay."""
    markup = markup.replace("&ExponentialE;", "e")
    return re.sub(
        r"&(?!(?:amp|lt|gt|quot|apos);)(\w+);", lambda match: html.unescape(match.group()), markup, flags=re.ASCII
    )


def _mathml_symbol(name: str) -> str:
    parts = _split(name)
    if parts is None:
        return _mathml_text(name, "mi")
    letter, index = parts
    return f"<msub><mi>{letter}</mi><mn>{index}</mn></msub>" if index else f"<mi>{letter}</mi>"


def _mathml_text(name: str, element: str = "mtext") -> str:
    return f"<{element}>{escape(_shown(name))}</{element}>"


def _split(name: str) -> tuple[str, str] | None:
    """Takes x12 to x and 12, h1_3 to h and 1,3; None where a name is no letter with an index."""
    found = re.fullmatch(r"([A-Za-z])(\d*)(?:_(\d+))?", name, flags=re.ASCII)
    return None if found is None else (found[1], ",".join(part for part in found.groups()[1:] if part))


class _Latex(LatexPrinter):
    """Leaves symbols' names as they are: sympy would read crowbar as a crow with a bar."""

    def _print_Symbol(self, expr: Any, style: str = "plain") -> str:  # noqa: ARG002
        return _latex_symbol(expr.name)


class _MathML(MathMLPresentationPrinter):
    """Leaves names as they are."""

    def mathml_tag(self, e: Any) -> str:
        """Returns what a function is called; sympy would write silu."""
        return e.func.__name__ if isinstance(e, AppliedUndef) else str(super().mathml_tag(e))

    def _print_Symbol(self, sym: Any, style: str = "plain") -> Any:  # noqa: ARG002
        parts = _split(sym.name) or (_shown(sym.name), "")
        letter = self._element("mi", parts[0])
        if not parts[1]:
            return letter
        both = self.dom.createElement("msub")
        both.appendChild(letter)
        both.appendChild(self._element("mn", parts[1]))
        return both

    def _element(self, name: str, content: str) -> Any:
        element = self.dom.createElement(name)
        element.appendChild(self.dom.createTextNode(content))
        return element
