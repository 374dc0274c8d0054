"""The equations behind a readable formula, neuron by neuron, typeset."""

import re

import sympy
from markupsafe import Markup

from bimt.wiring import Wiring
from interp.formula import Formulas
from interp.sparse import Neuron
from interp.typeset import to_mathml

_LONGEST = 20_000
"""No reader makes sense of more MathML for one neuron."""


def view_pieces(formulas: Formulas | None, wiring: Wiring) -> dict[str, Markup]:
    """Returns MathML for every hidden or output neuron that a readable formula names, by the neuron's name."""
    if formulas is None:
        return {}
    neurons = _by_symbol(wiring)
    pieces: dict[str, Markup] = {}
    for number, formula in enumerate(formulas.formulas):
        for name, expr in formula.layers:
            neuron = neurons.get(name.name.rstrip("_")) if isinstance(name, sympy.Symbol) else _output(wiring, number)
            if neuron is None or str(neuron) in pieces:
                continue
            # The typesetter escapes every name, and its other words are its own.
            mathml = Markup(to_mathml([(name, expr)]))  # noqa: S704
            if len(mathml) <= _LONGEST:
                pieces[str(neuron)] = mathml
    return pieces


def _by_symbol(wiring: Wiring) -> dict[str, Neuron]:
    """Returns the neurons by what formulas call them: `h1_3`."""
    return {
        f"{re.sub(r'[^0-9A-Za-z]', '', site.name)}_{index}": Neuron(site.name, index)
        for site in wiring.sites
        if site.role == "hidden"
        for index in range(wiring.population_of(site.name).size)
    }


def _output(wiring: Wiring, number: int) -> Neuron | None:
    ends = [
        Neuron(site.name, index) for site in wiring.outputs for index in range(wiring.population_of(site.name).size)
    ]
    return ends[number] if number < len(ends) else None
