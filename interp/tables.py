"""Results as tables on a terminal."""

import math
from numbers import Integral, Real

import pandas as pd
from rich.table import Table

from bimt.messages import printable


def frame_table(frame: pd.DataFrame, *, title: str = "", limit: int = 60) -> Table:
    """Returns a DataFrame as a rich table: its index first, numbers to five digits, names on one line.

    Args:
        frame: Its index is shown as the first column.
        title: Stands above.
        limit: Longest text of a cell, in characters.
    """
    table = Table(title=title or None, title_justify="left", title_style="bold")
    table.add_column(printable(frame.index.name or "", limit=limit))
    for name in frame.columns:
        number = pd.api.types.is_numeric_dtype(frame[name])
        table.add_column(printable(name, limit=limit), justify="right" if number else "left")
    for index, row in zip(frame.index, frame.itertuples(index=False), strict=True):
        table.add_row(*(cell(value, limit=limit) for value in (index, *row)))
    return table


def cell(value: object, *, limit: int = 60) -> str:
    """Writes one value for a table: numbers to five digits, nothing for None and NaN, names on one line.

    Example:
        >>> cell(0.123456789), cell(12), cell(None)
        ('0.12346', '12', '')
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, Real) and not isinstance(value, Integral):
        return f"{float(value):.5g}"
    return printable(value, limit=limit)
