"""The commands that write formulas. Nothing heavy is imported until one of them runs."""

from typing import Annotated, Literal

import typer

from interp.commands import AsJson, CheckpointPath, Seed, Tolerance

Form = Literal["exact", "readable", "discovered"]
FORMS: tuple[Form, ...] = ("exact", "readable", "discovered")

Error = Annotated[float, typer.Option("--error", help="How far an output may be off, as a share of its range.")]
Seconds = Annotated[
    float, typer.Option("--seconds", help="How long writing all of this may take; mostly spent on discovered forms.")
]


def symbolic(
    checkpoint: CheckpointPath,
    *,
    form: Annotated[
        Form | None,
        typer.Option("--form", help="Exact, with constants rounded, or a short law of the data; all if not given."),
    ] = None,
    error: Error = 0.01,
    seconds: Seconds = 60.0,
    seed: Seed = None,
    tolerance: Tolerance = 1e-3,
    latex: Annotated[bool, typer.Option("--latex", help="Print LaTeX only.")] = False,
    python: Annotated[bool, typer.Option("--python", help="Print an importable module of numpy functions.")] = False,
    json: AsJson = False,
) -> None:
    """Writes every output of the pruned net as a formula of the inputs, in the table's units.

    The exact form equals the net; the readable one is as short as --error allows, with what it is off by proven on the
    whole box of the training rows. The discovered one is a short law of the data in the shape that the net suggests; it
    is refused if it is off by more than --error on the test rows.

    Example:
        bimt symbolic runs/ind
        bimt symbolic runs/ind --form readable --error 0.02
        bimt symbolic runs/ind --python
    """
    from bimt.cli import UserError, console, emit
    from bimt.messages import printable
    from interp.python_source import module
    from interp.select import select
    from interp.writing import Wish, write

    styles: dict[Literal["json", "latex", "python"], bool] = {"json": json, "latex": latex, "python": python}
    asked = [style for style, is_asked in styles.items() if is_asked]
    if len(asked) > 1:
        raise UserError(f"--{asked[0]} and --{asked[1]} exclude each other; choose one")
    chosen = select(checkpoint, seed, tolerance=tolerance)
    wish = Wish(FORMS if form is None else (form,), asked[0] if asked else "table", error, seconds)
    made, refused = write(chosen.sparse, chosen.checkpoint.task, wish)
    if json:
        emit({"forms": list(made.values()), "refused": refused} if form is None else made[form])
        return
    if python:
        title = f"Formulas of {printable(checkpoint.name)}, seed {chosen.label}, written by bimt symbolic."
        print(module(list(made.values()), title), end="")
    elif latex:
        print("\n\n".join(made.values() if form else (f"% {each} form\n{text}" for each, text in made.items())))
    else:
        print("\n".join(made.values()), end="")
    for each, why in refused.items():
        console().print(f"no {each} form: {why}")


def formula(
    checkpoint: CheckpointPath,
    *,
    output: Annotated[str | None, typer.Option("--output", help="Which output; needed if there are several.")] = None,
    form: Annotated[
        Form, typer.Option("--form", help="Exact, with constants rounded, or a short law of the data.")
    ] = "readable",
    error: Error = 0.01,
    seconds: Seconds = 60.0,
    seed: Seed = None,
    tolerance: Tolerance = 1e-3,
) -> None:
    """Writes one output as an importable Python function of numpy arrays, its error bound in the docstring.

    Example:
        bimt formula runs/ind --output y1
        bimt formula runs/ind --output y1 --form discovered
    """
    from bimt.cli import UserError
    from bimt.messages import printable, suggestion
    from interp.python_source import module
    from interp.select import select
    from interp.writing import Wish, write

    chosen = select(checkpoint, seed, tolerance=tolerance)
    outputs = chosen.checkpoint.task.outputs
    if output is None and len(outputs) > 1:
        raise UserError(f"--output must say which of {printable(', '.join(outputs))} to write")
    name = outputs[0] if output is None else output
    if name not in outputs:
        raise UserError(f"there is no output {printable(name)}{suggestion(name, outputs)}")
    wish = Wish((form,), "python", error, seconds, outputs=(name,))
    made, _ = write(chosen.sparse, chosen.checkpoint.task, wish)
    title = f"{printable(name)} of {printable(checkpoint.name)}, seed {chosen.label}, written by bimt formula."
    print(module([made[form]], title), end="")
