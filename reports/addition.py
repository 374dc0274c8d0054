"""What a report says of a net that adds two numbers modulo p: clock or pizza, its circles, its modules."""

import math

import numpy as np

from interp.addition import PairNet, can_measure, pair_net
from interp.circles import Circle, principal_components
from interp.fourier import ACCURATE, CIRCULAR, RELEVANT, SYMMETRIC, Spectrum, find_spectrum
from interp.stages import module_metrics
from reports.figures.addition import Shape, draw_logit_map, draw_plane, draw_shapes, draw_spectrum
from reports.figures.drawing import Figure
from reports.figures.palette import module_tone
from reports.figures.tokens import Ring, draw_rings
from reports.results import Report
from reports.section import Section
from reports.tables import Table
from reports.words import number

_MOST = 4
_SAYS = {
    "clock": "By the published measures this net is a clock: the sum of the two numbers decides its right logit, their "
    "difference hardly does.",
    "pizza": "By the published measures this net is a pizza: both numbers act on a logit in the same way, and their "
    "difference decides how sure it is.",
    "unclear": "This net lies between clock and pizza: it meets neither's conditions.",
    "not circular": "Neither clock nor pizza can be said of this net: its embedding is not made of circles.",
    "not accurate": "Neither clock nor pizza can be said of this net: it is wrong on some pairs.",
}


def view_addition(report: Report) -> tuple[Section, ...]:
    """Returns the section; none for another task, or too large a modulus."""
    chosen = report.selected
    task = chosen.checkpoint.config.task
    if not can_measure(task):
        return ()
    pairs = pair_net(chosen.checkpoint, chosen.dense.net)
    found = find_spectrum(pairs, module_metrics(chosen, report.modules))
    right = np.take_along_axis(pairs.logits, _answers(found.modulus)[..., None], axis=-1)[..., 0]
    return (
        Section(
            name="algorithm",
            title="Clock or pizza",
            words=(_verdict(found), _circles_words(found)),
            panoramas=(*_rings(pairs, found), *_modules(pairs, report, found)),
            figures=(_plane(found), draw_logit_map(right), draw_spectrum(found.powers, found.logit_powers)),
            tables=(_metrics_table(found), _circles_table(found)),
        ),
    )


def _answers(p: int) -> np.ndarray:
    return np.add.outer(np.arange(p), np.arange(p)) % p


def _verdict(found: Spectrum) -> str:
    metrics = found.metrics
    words = (
        f"{_SAYS[metrics.verdict]} As trained, on all {found.modulus**2:,} pairs: accuracy {number(metrics.accuracy)}, "
        f"gradient symmetricity {number(metrics.gradient_symmetricity, 3)}, distance irrelevance "
        f"{number(metrics.distance_irrelevance, 3)}, circularity {number(metrics.judged_circularity)}. A verdict takes "
        f"accuracy {number(ACCURATE)} and circularity {number(CIRCULAR)}; a pizza symmetricity above {SYMMETRIC} and "
        f"irrelevance below {RELEVANT}, a clock neither (Zhong et al. 2023, arXiv:2306.17844)."
    )
    if metrics.sees_only_sums:
        words += " It sees only the sum of both embeddings: gradient symmetricity is 1 by architecture."
    return words


def _circles_words(found: Spectrum) -> str:
    fit = "" if found.joint_r2 is None else (
        f" One sum of the clocks' and pizzas' formulas of all circles explains {number(100 * found.joint_r2, 3)} % of "
        "the logits."
    )  # fmt: skip
    return (
        f"The embedding's frequencies are {', '.join(map(str, found.frequencies)) or 'none'}.{fit} With only these in "
        f"the logits the loss is {number(found.restricted_loss, 3)}, without them {number(found.excluded_loss, 3)} (of "
        f"the whole net {number(found.loss, 3)}); that is so for clocks and pizzas alike."
    )


def _rings(pairs: PairNet, found: Spectrum) -> tuple[Figure, ...]:
    parts = principal_components(pairs.vocabulary)
    circles = [circle for circle in found.circles if circle.components is not None][:_MOST]
    rings = []
    for circle in circles:
        first, last = circle.components or (1, 2)
        title = f"frequency {circle.frequency}: {number(100 * circle.power, 2)} % of the embedding"
        rings.append(Ring(title, parts.scores[: found.modulus, first - 1 : last], "positive"))
    if not rings:
        return ()
    return (
        draw_rings(
            rings,
            tokens=[str(token) for token in range(found.modulus)],
            name="circles",
            title="The circles of the embedding",
            caption=f"Every number{_of_first(pairs)} along two principal components of the embedding, as trained.",
        ),
    )


def _modules(pairs: PairNet, report: Report, found: Spectrum) -> tuple[Figure, ...]:
    """Draws the numbers as every module sees them, flat, and in space where it has three dimensions or more."""
    members = {module.name: module.neurons for module in report.modules.modules}
    site, p = pairs.tables[0].target, found.modulus
    rings, shapes = [], []
    for rank, module in enumerate(found.modules):
        dims = sorted(index for at, index in members[module.name] if at == site)
        title, values = f"{module.name}: dimensions {', '.join(map(str, dims))}", pairs.halves[0][:, dims]
        if dims:
            rings.append(Ring(title, values, module_tone(rank)))
        if len(dims) >= 3 and module.frequencies:
            main = module.frequencies[0]
            shapes.append(Shape(title, values, pow(main, -1, p) if math.gcd(main, p) == 1 else 1, module_tone(rank)))
    said = f"Every number{_of_first(pairs)} at the first"
    flat = draw_rings(
        rings[:_MOST],
        tokens=[str(token) for token in range(p)],
        name="module-circles",
        title="The numbers as each module sees them",
        caption=f"{said} two principal components of a module's embedding dimensions.",
    )
    space = draw_shapes(
        shapes[:_MOST],
        caption=f"{said} three principal components of a module's embedding dimensions; nearer points are larger. "
        "Lines lead round the circle of its main frequency.",
    )
    return *((flat,) if rings else ()), *((space,) if shapes else ())


def _of_first(pairs: PairNet) -> str:
    return "" if len(pairs.halves) == 1 else " of the first operand"


def _plane(found: Spectrum) -> Figure:
    rows = {"the net": found.metrics} | {f"module {module.name}": module.metrics for module in found.modules}
    return draw_plane(
        {label: (row.gradient_symmetricity, row.distance_irrelevance) for label, row in rows.items()},
        symmetric=SYMMETRIC,
        relevant=RELEVANT,
        tones={f"module {module.name}": module_tone(rank) for rank, module in enumerate(found.modules)},
    )


def _metrics_table(found: Spectrum) -> Table:
    rows = [("the net", found.metrics, found.frequencies)]
    rows += [(f"module {module.name}", module.metrics, module.frequencies) for module in found.modules]
    columns = (
        "", "verdict", "accuracy on all pairs", "gradient symmetricity", "of 100 triples", "distance irrelevance",
        "of the largest wrong logit", "circularity", "frequencies",
    )  # fmt: skip
    cells = tuple(
        (
            label,
            row.verdict,
            number(row.accuracy),
            number(row.gradient_symmetricity, 3),
            number(row.gradient_symmetricity_100, 3),
            number(row.distance_irrelevance, 3),
            number(row.distance_irrelevance_largest_wrong, 3),
            number(row.judged_circularity),
            ", ".join(map(str, frequencies)),
        )
        for label, row, frequencies in rows
    )
    return Table(columns, cells, frozenset((0, 1, 8)))


def _circles_table(found: Spectrum) -> Table:
    rows = [_circle_row(circle) for circle in (*found.circles, *found.frequency_circles)]
    columns = ("circle", "frequency", "share of the embedding", "FVE clock", "FVE pizza", "FVE accompanying")
    return Table(columns, tuple(rows), frozenset((0, 5)))


def _circle_row(circle: Circle) -> tuple[str, ...]:
    where = "by frequency" if circle.components is None else "components {}, {}".format(*circle.components)
    double = "–" if circle.main is None else f"{number(circle.fve.accompanying, 3)}, of {circle.main}"
    return (
        where,
        str(circle.frequency),
        number(circle.power, 3),
        number(circle.fve.clock, 3),
        number(circle.fve.pizza, 3),
        double,
    )
