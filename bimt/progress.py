"""What long work shows on stderr: a bar on a terminal; of training, about ten plain lines anywhere else."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bimt.messages import printable
from bimt.train import Moment

_LINES = 10


@contextmanager
def shown(console: Console, *, quiet: bool) -> Iterator[Callable[[Moment], None]]:
    """Lends a function that shows the moments of one run; seeds that stopped are named even if quiet.

    Example:
        with shown(console(), quiet=False) as watch:
            train(config, watch=watch)
    """
    if quiet:
        yield lambda moment: _tell_news(console, moment)
    elif console.is_terminal:
        with _bar(console) as watch:
            yield watch
    else:
        yield _lines(console)


@contextmanager
def counted(console: Console, what: str) -> Iterator[Callable[[int, int], None]]:
    """Lends a function that shows on a terminal how many of something are done; anywhere else nothing is shown.

    Example:
        with counted(console(), "seeds") as watch:
            watch(3, 100)
    """
    columns = BarColumn(), MofNCompleteColumn(), TextColumn(what), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("", total=None)
        yield lambda done, count: progress.update(bar, completed=done, total=count)


@contextmanager
def _bar(console: Console) -> Iterator[Callable[[Moment], None]]:
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        bar = None

        def watch(moment: Moment) -> None:
            nonlocal bar
            if bar is None:
                bar = progress.add_task("", total=moment.steps, completed=moment.step)
            progress.update(bar, completed=moment.step, description=_reached(moment))
            _tell_news(console, moment)

        yield watch


def _lines(console: Console) -> Callable[[Moment], None]:
    shown_tenths = 0

    def watch(moment: Moment) -> None:
        nonlocal shown_tenths
        tenths = moment.step * _LINES // moment.steps
        if tenths > shown_tenths:
            shown_tenths = tenths
            console.print(f"step {moment.step:,} of {moment.steps:,}: {_reached(moment)}")
        _tell_news(console, moment)

    return watch


def _reached(moment: Moment) -> str:
    return f"loss {moment.loss:.2e}, cost {moment.cost:.3g}, {moment.connections:.0f} connections"


def _tell_news(console: Console, moment: Moment) -> None:
    for line in moment.news:
        console.print(printable(line, limit=500))
