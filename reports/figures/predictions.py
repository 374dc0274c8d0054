"""What the pruned net says against what is true: scatter plots, or a table of confusions."""

import numpy as np

from bimt.messages import printable
from reports.figures.axes import Frame, span
from reports.figures.drawing import Area, Box, Curve, Dots, Drawing, Figure, Floats, Mark, Words, fitted

MOST_OUTPUTS = 12
_SIZE, _FRAME = 340.0, Frame(64, 40, 328, 284)


def draw_scatter(
    name: str, output: str, train: tuple[Floats, Floats], test: tuple[Floats, Floats], r_squared: float
) -> Figure:
    """Draws predictions of one output over its true values, in the table's units.

    Args:
        name: As in `Figure`.
        output: The output's name, as it comes.
        train: True values and predictions of the training split, (rows,).
        test: The same of the test split.
        r_squared: Of the test split.
    """
    shown = printable(output, limit=40)
    low, high = span(*train, *test)
    x, y = _FRAME.x(low, high), _FRAME.y(low, high)
    marks = _FRAME.axes(x, y, x_label=f"true {shown}", y_label=f"predicted {shown}")
    marks.append(Curve(((_FRAME.left, _FRAME.bottom), (_FRAME.right, _FRAME.top)), "muted", 1, 1, True))
    for (true, said), tone, radius, opacity in ((train, "faint", 2.2, 0.6), (test, "positive", 2.8, 0.8)):
        good = np.isfinite(true) & np.isfinite(said)
        marks.append(Dots(np.stack([x(true[good]), y(said[good])], axis=1), tone, radius, opacity))
    score = f"{r_squared:.4f}" if np.isfinite(r_squared) else "undefined"
    marks += [
        Words(_FRAME.left + 8, _FRAME.top + 18, f"test R² {score}".replace("-", "−"), 12, "ink", "start", True),
        *_legend(),
    ]
    caption = (
        "Points on the dashed line are predicted exactly; a bend away from it is a shape that the net has not learned."
    )
    alt = f"Scatter plot of predicted over true {shown}: {len(test[0])} test rows, test R squared {score}."
    return Figure(name, shown, caption, alt, Drawing(_SIZE, _SIZE - 10, tuple(marks)))


def draw_confusions(name: str, classes: tuple[str, ...], counts: Floats) -> Figure:
    """Draws how often each true class (row) was taken for each class (column)."""
    shown = [printable(label, limit=40) for label in classes]
    size = max(len(shown), 1)
    left, top, side = 96.0, 40.0, min(60.0, 320.0 / size)
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1)]) * (side - 2) + 1
    places = [(left + column * side, top + row * side) for row, column in np.ndindex(size, size)]
    marks: list[Mark] = [Area(tuple(corners + np.array(place) for place in places), "grid", 0.6)]
    for row in range(size):
        for column in range(size):
            x, y, part = left + column * side, top + row * side, float(share[row, column])
            tone = "positive" if row == column else "negative"
            title = f"{shown[row]} taken for {shown[column]}: {int(counts[row, column])}"
            if part > 0:
                marks.append(Box(x + 1, y + 1, side - 2, side - 2, tone, 0.08 + 0.5 * part, title))
            if side >= 18:
                text = f"{int(counts[row, column])}"
                marks.append(Words(x + side / 2, y + side / 2 + 4, text, min(13.0, side / 3), "ink", "middle"))
        if side >= 11:
            text = fitted(shown[row], left - 12, 11)
            marks.append(Words(left - 8, top + row * side + side / 2 + 4, text, 11, "ink", "end"))
    bottom = top + size * side
    if side >= 30:
        for column, label in enumerate(shown):
            text = fitted(label, side - 4, 11)
            marks.append(Words(left + column * side + side / 2, bottom + 16, text, 11, "ink", "middle"))
    marks += [
        Words(left, top - 12, "true class by row, predicted by column", 11, "muted"),
    ]
    right = int(np.trace(counts))
    caption = "Blue: recognised; vermilion: taken for another class. Each row is shaded by its share."
    alt = f"Confusion matrix of {size} classes: {right} of {int(counts.sum())} test rows recognised."
    return Figure(
        name, "Confusions", caption, alt, Drawing(max(left + size * side + 12, 330), bottom + 30, tuple(marks))
    )


def _legend() -> list[Mark]:
    right = _FRAME.right
    return [
        Dots(np.array([[right - 92, 25.0]]), "positive", 3),
        Words(right - 85, 29, "test", 11, "muted"),
        Dots(np.array([[right - 46, 25.0]]), "faint", 3),
        Words(right - 39, 29, "train", 11, "muted"),
    ]
