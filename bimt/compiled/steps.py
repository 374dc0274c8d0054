"""Runs compiled steps of all seeds, each seed by itself, on all cores."""

import ctypes
import os
from collections.abc import Sequence

import torch
from torch import Tensor

from bimt.compiled.compiler import load
from bimt.compiled.plan import plan_step
from bimt.compiled.program import write_program
from bimt.cores import available_cores, threads
from bimt.nets.base import Net
from bimt.state import Speed, State, Taken
from bimt.tasks.base import Split, Task

_POINTER, _LONG = ctypes.c_void_p, ctypes.c_long
_WORK = 2e9
"""About a second's worth of weights times rows on one core: so soon an interruption is noticed."""
_MOST = 200
"""Steps in one go; their batches are drawn before."""


class CompiledSteps:
    """The native training step of one net on one task."""

    name = "compiled"

    def __init__(self, net: Net, state: State, task: Task, *, batch: int, speed: Speed) -> None:
        """Builds it.

        Args:
            net: Its wiring and seeds.
            state: What is trained.
            task: In the net's type.
            batch: Rows in a batch.
            speed: Learning rate and weight decay.

        Raises:
            NotCompilable: If no step can be made for such a net.
            NoCompiler: If nothing can build it here.
        """
        library = load(write_program(plan_step(net, task, batch)))
        self._train, self._answer = library.train, library.answer
        self._train.argtypes = [_POINTER] * 8 + [_LONG] * 4 + [ctypes.c_double] * 2 + [_POINTER, ctypes.c_int]
        self._answer.argtypes = [_POINTER] * 4 + [_LONG] * 3
        self._train.restype = self._answer.restype = _LONG
        self._state, self._speed, self._seeds = state, speed, net.seeds
        self._outputs = len(task.outputs)
        self._inputs = _readable(task.train.inputs)
        self._targets = _readable(task.train.targets)
        self._cores = available_cores()
        self._pool = threads(self._cores)
        work = state.flat.numel() * batch / self._cores
        self.at_once = min(max(int(_WORK / work), 1), _MOST)

    def take_(
        self, price: Tensor, chosen: Tensor | None, *, rows: Sequence[int], begun: int, steps: int
    ) -> list[Taken]:
        """Takes steps; as in `Steps`."""
        state = (self._state.flat, self._state.first_moment, self._state.second_moment, price)
        fixed = [tensor.data_ptr() for tensor in state] + [*_pointers(self._inputs), self._targets.data_ptr()]
        draws = None if chosen is None else _readable(chosen)
        # cores that have no seed of their own share a large batch, unless others need them
        workers = self._cores // max(len(rows), 1) if os.getloadavg()[0] < self._cores else 1

        def take_one(row: int) -> Taken:
            loss, drawn = ctypes.c_double(0.0), None if draws is None else draws[row].data_ptr()
            ends = self._seeds, row, begun, steps, *self._speed, ctypes.byref(loss), workers
            found = self._train(*fixed, drawn, *ends)
            return Taken(_checked(found), loss.value)

        return list(self._pool.map(take_one, rows))

    def answers(self, split: Split) -> Tensor:
        """Returns what every seed says to a split."""
        inputs = _readable(split.inputs)
        found = torch.empty(self._seeds, len(split), self._outputs, dtype=self._state.flat.dtype)

        def answer_one(row: int) -> None:
            ends = self._state.flat.data_ptr(), *_pointers(inputs), found[row].data_ptr()
            _checked(self._answer(*ends, len(split), self._seeds, row))

        list(self._pool.map(answer_one, range(self._seeds)))
        return found


def _readable(values: Tensor) -> Tensor:
    """Returns numbers as they are, tokens and classes as 32-bit integers."""
    return (values if values.is_floating_point() else values.to(torch.int32)).contiguous()


def _pointers(inputs: Tensor) -> tuple[int | None, int | None]:
    return (inputs.data_ptr(), None) if inputs.is_floating_point() else (None, inputs.data_ptr())


def _checked(found: int) -> int:
    if found < 0:
        raise MemoryError("there is no memory for a training step")
    return found
