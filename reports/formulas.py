"""Formulas as a report shows them: typeset for the page, as LaTeX for markdown, with what they are worth."""

from dataclasses import dataclass

from markupsafe import Markup

from interp.formula import Formula
from reports.results import Report
from reports.words import name, number

_LONGEST = 120_000
"""No reader and hardly a browser makes sense of more MathML than this."""
_OPEN = 6_000
"""Up to so much MathML a readable formula is shown without being asked for."""


@dataclass(frozen=True)
class FormulaView:
    """One form of one output's formula."""

    output: str
    form: str
    mathml: Markup
    """Empty where the formula is too long."""
    latex: str
    """Empty where the formula is too long."""
    note: str
    """How faithful it is."""
    is_open: bool
    """Whether it is shown without being asked for."""


def view_formulas(report: Report) -> tuple[FormulaView, ...]:
    """Returns the readable and the exact formula of every output."""
    if report.readable is None or report.exact is None:
        return ()
    pairs = zip(report.readable.formulas, report.exact.formulas, strict=True)
    return tuple(
        _view(formula, form) for pair in pairs for formula, form in zip(pair, ("readable", "exact"), strict=True)
    )


def _view(formula: Formula, form: str) -> FormulaView:
    # The typesetter escapes every name, and its other words are its own.
    mathml = Markup(formula.mathml)  # noqa: S704
    fits = len(mathml) <= _LONGEST
    score = "" if formula.r_squared is None else f", test R² {number(formula.r_squared)}"
    share = f" ({number(100 * formula.relative_error, 2)} % of its range)" if form == "readable" else ""
    if formula.bound is not None:
        share += f", proven to be at most {number(formula.bound.proven, 2)} in the box of the training rows"
    return FormulaView(
        output=name(formula.output),
        form=form,
        mathml=mathml if fits else Markup(""),
        latex=formula.latex if fits else "",
        note=f"largest error against the pruned net {number(formula.max_error, 2)}{share}{score}",
        is_open=form == "readable" and len(mathml) <= _OPEN,
    )
