"""A training run in TensorBoard: every number of the history, seed by seed, as it is written down."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bimt.messages import UserError
from bimt.train import Moment

_NOT_CURVES = ("step", "seed")


@contextmanager
def tracked(folder: Path | None) -> Iterator[Callable[[Moment], None]]:
    """Lends a function that writes the moments of one run into a folder for TensorBoard; nothing where there is none.

    Args:
        folder: Where event files go, one writer for each seed.

    Raises:
        UserError: If the package tensorboard is missing.
    """
    if folder is None:
        yield lambda _moment: None
        return
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise UserError(
            "--tensorboard needs the package tensorboard: pip install 'bimt-toolkit[tracking]', or leave the option out"
        ) from None
    writers: dict[int, SummaryWriter] = {}

    def watch(moment: Moment) -> None:
        for row in moment.latest:
            seed, step = int(row["seed"]), int(row["step"])
            if seed not in writers:
                writers[seed] = SummaryWriter(str(folder / f"seed-{seed}"))
            for name, value in row.items():
                if name not in _NOT_CURVES:
                    writers[seed].add_scalar(name, value, step)

    try:
        yield watch
    finally:
        for writer in writers.values():
            writer.close()
