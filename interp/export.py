"""Writes the physically smaller net as a checkpoint of its own."""

from pathlib import Path

import torch

from bimt.checkpoint import Checkpoint, save_checkpoint
from bimt.nets.build import net_tensors
from interp.prune import shrink
from interp.select import Selected


def save_pruned(chosen: Selected, path: Path) -> Checkpoint:
    """Writes the pruned seed, without its dead neurons, into a new or empty folder and returns it as read back.

    The outputs equal those of the pruned net; every command reads the result like any other checkpoint.

    Raises:
        UserError: If the folder is not empty or cannot be written.
    """
    before, net = chosen.checkpoint, shrink(chosen.sparse)
    config = before.config.model_copy(
        update={
            "net": before.config.net.resized(net),
            "dtype": "float64",
            "seeds": 1,
            "first_seed": chosen.label,
        }
    )
    frame = {name: tensor for name, tensor in net_tensors(net).items() if not name.startswith("slots.")}
    pruned = Checkpoint(
        path=None,
        config=config,
        net=net,
        task=before.task,
        stopped={},
        history=before.history[before.history["seed"] == chosen.label].reset_index(drop=True),
        snapshots={"step": torch.tensor([config.steps]), **{name: tensor[None] for name, tensor in frame.items()}},
        progress=None,
        command=before.command,
        versions=before.versions,
    )
    return save_checkpoint(pruned, path)
