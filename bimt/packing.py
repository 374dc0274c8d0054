"""Numbers as bytes, where nothing is lost by it: the brightness of pixels takes a quarter of the room on disk."""

from collections.abc import Mapping

import torch
from torch import Tensor

_LEVELS = 255, 16
"""What whole numbers may have been divided by: bytes (MNIST), and the levels of scikit-learn's digits."""
_MARK = "/"
"""Between a tensor's name and what its bytes are divided by, and the float type that makes."""


def pack(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Turns float tensors whose every value is a byte over 255 (or over 16) into those bytes.

    Returns:
        The tensors, the packed ones under another name; `unpack` gives back every bit.

    Example:
        >>> pack({"x": torch.tensor([0.0, 0.25]), "y": torch.tensor([0.1])}).keys()
        dict_keys(['x/16/float32', 'y'])
    """
    result = {}
    for name, tensor in tensors.items():
        levels = next((levels for levels in _LEVELS if _fits(tensor, levels)), None)
        if levels is None:
            result[name] = tensor
        else:
            kind = str(tensor.dtype).removeprefix("torch.")
            result[f"{name}{_MARK}{levels}{_MARK}{kind}"] = _bytes(tensor, levels)
    return result


def unpack(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Undoes `pack`.

    Raises:
        ValueError: If the name of a packed tensor makes no sense.
    """
    result = {}
    for name, tensor in tensors.items():
        if _MARK not in name:
            result[name] = tensor
            continue
        plain, *parts = name.split(_MARK)
        levels, kind = parts if len(parts) == 2 else ("", "")
        if kind not in ("float32", "float64") or not levels.isdecimal():
            raise ValueError(f"a packed tensor must be named NAME/LEVELS/TYPE, got {name!r}")
        result[plain] = tensor.to(getattr(torch, kind)).div_(int(levels))
    return result


def _fits(tensor: Tensor, levels: int) -> bool:
    if not tensor.is_floating_point() or tensor.dtype not in (torch.float32, torch.float64) or not tensor.numel():
        return False
    low, high = tensor.aminmax()
    if not (low >= 0 and high * levels <= 255) or tensor.signbit().any():  # minus zero is no byte
        return False
    return torch.equal(_bytes(tensor, levels).to(tensor.dtype).div_(levels), tensor)


def _bytes(tensor: Tensor, levels: int) -> Tensor:
    return (tensor * levels).round_().to(torch.uint8)
