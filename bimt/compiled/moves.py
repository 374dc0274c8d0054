"""Moves the neurons of all seeds in one native call: prices, assignments, proposals and their comparison.

The arithmetic is that of `bimt/swaps.py`, sums taken in the same order: layouts are the same without a compiler.
"""

import ctypes
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from bimt.compiled.assignments import LARGE
from bimt.compiled.compiler import load
from bimt.cores import available_cores, threads
from bimt.layout import TiedLink
from bimt.nets.base import Net
from bimt.wiring import Population, Wiring

_WIDE = 8
_PROPOSALS = 7
_FEWEST = 16
"""Fewer layouts are not worth waking the other cores."""


class _Population(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_long) for name in ("size", "padded", "start", "blocks", "dims", "is_movable", "is_sink")),
        ("slots", ctypes.c_void_p),
        ("places", ctypes.c_void_p),
    )


class _Tie(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_long) for name in ("target", "source", "is_double")),
        ("strides", ctypes.c_long * 3),
        ("weight", ctypes.c_void_p),
        ("factor", ctypes.c_double),
    )


class _Net(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_long) for name in ("populations", "ties", "total", "largest", "rounds", "cuts", "flips")),
        *((name, ctypes.c_void_p) for name in ("population", "tie", "lengths")),
    )


def can_move(populations: Mapping[str, Population], ties: list[TiedLink]) -> bool:
    """Tells from the wiring alone whether neurons move natively: some do, none in recurrent or huge populations."""
    sizes = [population.size for population in populations.values()]
    dims = [0 if population.slots is None else population.slots.shape[1] for population in populations.values()]
    most = max((population.size for population in populations.values() if population.movable), default=0)
    is_recurrent = any(tie.target == tie.source for tie in ties)
    return not is_recurrent and 1 < most < LARGE and max(dims) <= 2 and min(sizes) > 0


class NativeMoves:
    """The native moves of one wiring."""

    def __init__(
        self, wiring: Wiring, populations: Mapping[str, Population], ties: list[TiedLink], *, rounds: int
    ) -> None:
        """Writes down the wiring as the native code reads it.

        Args:
            wiring: Whose neurons move.
            populations: Those with slots, by name, of which `can_move` is true.
            ties: The links between them.
            rounds: How often the populations are gone round at most.

        Raises:
            NoCompiler: If nothing can build the native code here.
        """
        self._library = _native()
        self._ties, self._names = ties, list(populations)
        self._lengths = {
            pair: _padded(wiring.lengths(*pair))
            for tie in ties
            for pair in ((tie.target, tie.source), (tie.source, tie.target))
        }
        self._slots = {name: wiring.slots_of(name).contiguous() for name in populations}
        sinks = {tie.target for tie in ties} - {tie.source for tie in ties}
        numbers = {name: number for number, name in enumerate(populations)}
        self._population = (_Population * len(populations))()
        start = 0
        for entry, (name, item) in zip(self._population, populations.items(), strict=True):
            entry.size, entry.padded, entry.start, entry.blocks = item.size, _up(item.size), start, item.blocks
            entry.dims, entry.slots = self._slots[name].shape[1], self._slots[name].data_ptr()
            entry.is_movable, entry.is_sink = item.movable, name in sinks
            start += item.size
        self._tie = (_Tie * len(ties))()
        for entry, tie in zip(self._tie, ties, strict=True):
            entry.target, entry.source, entry.factor = numbers[tie.target], numbers[tie.source], tie.factor
        addresses = [[self._lengths.get((a, b)) for b in populations] for a in populations]
        flat = [None if table is None else table.ctypes.data for row in addresses for table in row]
        self._tables = (ctypes.c_void_p * len(flat))(*flat)
        self._net = _Net(
            populations=len(populations),
            ties=len(ties),
            total=start,
            largest=max(item.size for item in populations.values() if item.movable),
            rounds=rounds,
            cuts=2 if sinks else 1,
            flips=1 if all(item.movable for item in populations.values()) else 2,
            population=ctypes.addressof(self._population),
            tie=ctypes.addressof(self._tie),
            lengths=ctypes.addressof(self._tables),
        )
        self._room: int = self._library.room_of(ctypes.byref(self._net))
        self._rooms: list[np.ndarray] = []

    def move_(self, net: Net, *, proposes: bool, axes: Float[np.ndarray, "seeds cuts axes all"] | None = None) -> bool:
        """Moves the neurons of every seed, in place; places in which nothing moved stay the same tensors.

        Args:
            net: Its weights are float32 or float64.
            proposes: Whether whole layouts are proposed too.
            axes: What proposals order neurons by; None to work it out here.

        Returns:
            False if a weight is no finite number: then nothing has moved.
        """
        weights = [net.weight(tie.link).detach().cpu() for tie in self._ties]
        for entry, weight in zip(self._tie, weights, strict=True):
            entry.weight, entry.is_double = weight.data_ptr(), weight.dtype == torch.float64
            entry.strides[:] = weight.stride()
        places = {name: net.places[name].clone(memory_format=torch.contiguous_format) for name in self._names}
        for entry, place in zip(self._population, places.values(), strict=True):
            entry.places = place.data_ptr()
        if not self._move_all(net.seeds, proposes, axes):
            return False
        for name, place in places.items():
            if not torch.equal(place, net.places[name]):
                net.places[name] = place
        return True

    def _move_all(self, seeds: int, proposes: bool, axes: np.ndarray | None) -> bool:
        axes = None if axes is None else np.ascontiguousarray(axes)
        where = None if axes is None else axes.ctypes.data
        is_worth_it = seeds * (_PROPOSALS if proposes else 1) >= _FEWEST
        cores = min(available_cores(), seeds) if is_worth_it else 1
        while len(self._rooms) < cores:
            self._rooms.append(np.empty(self._room))

        def move_some(core: int) -> bool:
            first, end = seeds * core // cores, seeds * (core + 1) // cores
            room = self._rooms[core].ctypes.data
            done: int = self._library.move(ctypes.byref(self._net), first, end - first, proposes, where, room)
            return done == end - first

        if cores == 1:
            return move_some(0)
        # all of them are waited for: they write to tensors that the caller gives back if one has failed
        return all(list(threads(available_cores()).map(move_some, range(cores))))


def _up(size: int) -> int:
    return -(-size // _WIDE) * _WIDE


def _padded(lengths: Tensor) -> Float[np.ndarray, "slots padded"]:
    table = np.zeros((lengths.shape[0], _up(lengths.shape[1])))
    table[:, : lengths.shape[1]] = lengths.numpy()
    return table


@lru_cache(maxsize=1)
def _native() -> ctypes.CDLL:
    """Builds the native code; every product is rounded before it is added, as numpy does.

    Raises:
        NoCompiler: If nothing can build it here.
    """
    library = load((Path(__file__).parent / "moves.c").read_text(encoding="utf-8"), "-ffp-contract=off")
    pointer, long = ctypes.c_void_p, ctypes.c_long
    library.move.argtypes = [pointer, long, long, long, pointer, pointer]
    library.room_of.argtypes = [pointer]
    library.move.restype = library.room_of.restype = long
    return library
