"""A device that this machine does not have: memory of its own, which the CPU's tensors cannot be mixed with.

Its tensors hold a CPU tensor each, so it computes, to the bit, what the CPU does; but to torch they are elsewhere. As
on a GPU, an operation takes tensors of this device only, besides single numbers (not in lists), and nothing but a copy
brings one back; unlike on a GPU, indices are no exception, for there they are copied in every step, unnoticed.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

ELSEWHERE = torch.device("meta")
"""The name it goes by: a device that torch knows without having it."""
_COPIES = ("aten::_to_copy", "aten::copy_")


class Distant(torch.Tensor):
    """A tensor on the other device."""

    held: torch.Tensor

    @staticmethod
    def __new__(cls, held: torch.Tensor) -> "Distant":
        """Shows torch a tensor's shape and type, and another device."""
        return torch.Tensor._make_wrapper_subclass(
            cls, held.shape, strides=held.stride(), storage_offset=held.storage_offset(), dtype=held.dtype,
            device=ELSEWHERE,
        )  # fmt: skip

    def __init__(self, held: torch.Tensor) -> None:
        """Keeps the numbers."""
        self.held = held

    def tolist(self) -> list:
        """Copies the numbers back, as on any device; torch asks subclasses to say so."""
        return self.cpu().tolist()

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        """Refuses: there is nobody to compute it."""
        raise RuntimeError(f"{function} was called on the other device when it was not there")


class _Driver(TorchDispatchMode):
    """Computes for the other device, and counts how much."""

    count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        is_distant = any(isinstance(each, Distant) for each in tensors)
        target = kwargs.pop("device", None)
        if target is not None and torch.device(target) == torch.device("cpu"):
            return function(*tree_map(_opened, args), **tree_map(_opened, kwargs), device="cpu")
        name = function.name().partition(".")[0]
        if any(each.device == ELSEWHERE and not isinstance(each, Distant) for each in tensors):
            raise RuntimeError(f"{name}: got a tensor without numbers, which was made past this device")
        if not is_distant and target is None:
            return function(*args, **kwargs)
        self.count += 1
        if name not in _COPIES:
            numbers = [part for part in (*args, *kwargs.values()) if isinstance(part, torch.Tensor) and not part.ndim]
            _refuse_a_mixture(name, tensors, numbers)
        if target is not None:
            kwargs["device"] = "cpu"
        result = function(*tree_map(_opened, args), **tree_map(_opened, kwargs))
        if function._schema.is_mutable:
            return _given_back(result, args, kwargs)
        return tree_map(lambda part: Distant(part) if isinstance(part, torch.Tensor) else part, result)


def _opened(part: object) -> object:
    return part.held if isinstance(part, Distant) else part


def _given_back(result: object, args: tuple, kwargs: dict) -> object:
    """An operation in place returns the tensor it has changed, wherever that is."""
    if not isinstance(result, torch.Tensor):
        return None
    return kwargs["out"] if "out" in kwargs else args[0]


def _refuse_a_mixture(name: str, tensors: list[torch.Tensor], free: list[torch.Tensor]) -> None:
    """Raises if a tensor is here, other than those that may be anywhere."""
    for each in tensors:
        if isinstance(each, Distant) or any(each is other for other in free):
            continue
        raise RuntimeError(f"{name}: expected all tensors on one device, got one of shape {tuple(each.shape)} here")


class _Maker(TorchFunctionMode):
    """Turns Python's numbers into tensors of the other device: torch itself would make some without numbers there."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if function is torch.tensor and kwargs.get("device") == ELSEWHERE:
            del kwargs["device"]
            return function(*args, **kwargs).to(ELSEWHERE)
        if function in (torch.Tensor.__getitem__, torch.Tensor.__setitem__) and isinstance(args[0], Distant):
            args = (args[0], _listed(args[1]), *args[2:])
        return function(*args, **kwargs)


def _listed(index: object) -> object:
    """Makes tensors of the lists in an index."""
    if isinstance(index, tuple):
        return tuple(map(_listed, index))
    return torch.tensor(index, dtype=torch.long).to(ELSEWHERE) if isinstance(index, list) else index


@contextmanager
def elsewhere() -> Iterator[_Driver]:
    """Lends the other device."""
    with _Maker(), _Driver() as driver:
        yield driver
