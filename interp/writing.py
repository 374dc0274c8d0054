"""One or all forms of a net's formulas as somebody asked for them, each worked out in a process of its own."""

import time
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from bimt.cli import stdout_console
from bimt.messages import UserError
from bimt.tasks.base import Task
from interp.apart import apart
from interp.formula import Form
from interp.python_source import to_source
from interp.sparse import SparseNet
from interp.symbolic import extract_formulas

Style = Literal["table", "json", "latex", "python"]

_BOXES = 50_000
"""How many boxes are looked at to prove how far an output is from the net; for no longer than a tenth of the time."""
_SPARE = 3.0
"""Seconds that a process may take longer than it was told: for what cannot be interrupted."""

_LONGEST = 1e6
"""Seconds that may be asked for: eleven days, and what a process can be waited for is not much more."""


@dataclass(frozen=True)
class Wish:
    """What is asked for."""

    forms: tuple[Form, ...]
    style: Style
    error: float
    """As in `extract_formulas`."""
    seconds: float
    """For all forms together, from when the net is pruned."""
    outputs: tuple[str, ...] = ()
    """Python only: which outputs; empty means all."""


def write(sparse: SparseNet, task: Task, wish: Wish) -> tuple[dict[Form, Any], dict[Form, str]]:
    """Works out the forms, one after the other.

    Returns:
        What was made of each form (text; a dict for JSON; a `Source` for Python), and why others were not.

    Raises:
        UserError: If there is none at all.
    """
    if not 0 < wish.seconds <= _LONGEST:
        raise UserError(f"--seconds must be more than 0 and at most {_LONGEST:g}, got {wish.seconds:g}")
    until = time.monotonic() + wish.seconds
    made: dict[Form, Any] = {}
    refused: dict[Form, str] = {}
    for form in wish.forms:
        left = until - time.monotonic()
        if left <= 0:
            refused[form] = f"the {wish.seconds:g} seconds were over; give more with --seconds"
            continue
        work = partial(_one, sparse, task, wish, form, left)
        try:
            made[form] = apart(work, seconds=left + _SPARE, what=f"the {form} form")
        except UserError as error:
            refused[form] = str(error)
    if not made:
        raise UserError("; ".join(dict.fromkeys(refused.values())))
    return made, refused


def _one(sparse: SparseNet, task: Task, wish: Wish, form: Form, seconds: float) -> Any:
    proving = seconds / 10
    formulas = extract_formulas(
        sparse,
        task,
        form=form,
        error=wish.error,
        seconds=seconds - proving,
        proof=_BOXES,
        proof_seconds=proving,
    )
    if wish.style == "json":
        return formulas.to_json()
    if wish.style == "latex":
        return "\n\n".join(formula.latex for formula in formulas.formulas)
    if wish.style == "python":
        suffix = f"_{form}" if len(wish.forms) > 1 else ""
        return to_source(formulas, wish.outputs or task.outputs, suffix=suffix)
    console = stdout_console()
    with console.capture() as shown:
        console.print(formulas)
    return shown.get()
