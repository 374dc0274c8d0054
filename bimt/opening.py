"""Opens what a person names: a checkpoint folder, or a file of another project."""

from pathlib import Path

from bimt.checkpoint import Checkpoint, load_checkpoint
from bimt.foreign.pizza import read_pizza


def open_checkpoint(path: Path | str) -> Checkpoint:
    """Reads a checkpoint, whoever wrote it.

    Args:
        path: The folder of a checkpoint; or a file `model_RUN.pt` of the clock-and-pizza code, with its
            `config_RUN.json` beside it.

    Raises:
        UserError: If it is neither, or damaged.

    Example:
        open_checkpoint("model_p99zdpze5l.pt").task.name
    """
    path = Path(path)
    return load_checkpoint(path) if path.is_dir() or path.suffix != ".pt" else read_pizza(path)
