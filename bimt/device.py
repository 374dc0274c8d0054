"""Where the steps of training are computed: on the CPU or, if asked for, on a GPU."""

import re
import warnings

import torch

from bimt.messages import UserError, printable

CPU = torch.device("cpu")


def choose_device(asked: str, *, engine: str) -> torch.device:
    """Returns the device that a run computes on.

    Args:
        asked: "cpu", "cuda" (the first GPU), "cuda:1" (the second) or "auto": a GPU if there is one, else the CPU.
        engine: The run's; compiled steps are native code for the CPU, so there "auto" is the CPU.

    Raises:
        UserError: If it is none of these, is not there, or cannot take the engine's steps.

    Example:
        >>> choose_device("cpu", engine="auto")
        device(type='cpu')
    """
    if not re.fullmatch(r"cpu|auto|cuda(:(0|[1-9][0-9]{0,3}))?", asked):
        raise UserError(f"device must be cpu, cuda, cuda:N (a GPU, counted from 0) or auto, got {printable(asked)}")
    if asked == "cpu" or (asked == "auto" and (engine == "compiled" or not _count_gpus())):
        return CPU
    if engine == "compiled":
        raise UserError(f'engine "compiled" makes code for the CPU, got device {asked}; set engine to "auto"')
    number = int(asked.partition(":")[2] or 0)
    if number >= _count_gpus():
        raise UserError(f"device {asked} must be a GPU that torch can use here, {_found()}; --device cpu does without")
    return torch.device("cuda", number)


def describe_device(device: torch.device) -> str:
    """Returns what a device is called, of a GPU with the name of its kind, for the record."""
    return f"{device}, {torch.cuda.get_device_name(device)}" if device.type == "cuda" else str(device)


def _count_gpus() -> int:
    with warnings.catch_warnings():  # of a driver that is too old: what was found says as much
        warnings.simplefilter("ignore")
        return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _found() -> str:
    """Says what there is instead of the GPU that was asked for, and what would help."""
    count, version = _count_gpus(), torch.__version__
    if count:
        return f"found {count}, counted from cuda:0"
    if torch.version.cuda is None and torch.version.hip is None:
        return f"found torch {version}, which is built for the CPU alone: install a build for your GPU"
    return f"found torch {version}, which sees none: check the driver (nvidia-smi)"
