"""Checks the types at every call of the project's functions, and the shapes where there are some.

Three calls in four take and return nothing that has a shape, and a run takes the same step hundreds of times: to treat
them all alike, as jaxtyping does, took a third of the time of all tests.
"""

import contextlib
import functools
import inspect
import typing
from collections.abc import Callable, Iterator
from typing import Any

import jaxtyping
from jaxtyping import AbstractArray, _decorator

_shaped = jaxtyping.jaxtyped


def install() -> None:
    """Lets jaxtyping's import hook decorate with `checked` whatever is imported from now on."""
    jaxtyping.jaxtyped = _decorator.jaxtyped = checked


def checked(fn: Any = None, *, typechecker: Callable) -> Any:
    """Decorates as `jaxtyping.jaxtyped` does, but a function without shapes by the type checker alone."""
    if fn is None:
        return functools.partial(checked, typechecker=typechecker)
    if inspect.isfunction(fn) and not has_shapes(fn):
        return typechecker(fn)
    return _shaped(fn, typechecker=typechecker)


def has_shapes(fn: Callable) -> bool:
    """Says whether anything that a function takes or returns may have one; yes where its types cannot be read.

    The name of the class that a method belongs to means nothing yet when the method is decorated, and is no shape.
    """
    try:
        hints = typing.get_type_hints(fn, include_extras=True)
    except NameError:
        own = fn.__qualname__.split(".")[-2:-1]
        hints = {name: hint for name, hint in inspect.get_annotations(fn).items() if [hint] != own}
    return any(map(_is_shaped, hints.values()))


def _is_shaped(hint: Any) -> bool:
    if isinstance(hint, str):
        return True
    if isinstance(hint, list | tuple):  # what a Callable takes
        return any(map(_is_shaped, hint))
    if isinstance(hint, type) and issubclass(hint, AbstractArray):
        return True
    return any(map(_is_shaped, typing.get_args(hint)))


def check_first_steps(steps: type, *, count: int) -> None:
    """Checks shapes in so many steps of each run, and types alone in the rest: its batches all have one size."""
    take = steps.take_

    @functools.wraps(take)
    def take_(self: Any, *arguments: Any, **options: Any) -> Any:
        self.steps_taken = getattr(self, "steps_taken", 0) + 1
        with unchecked() if self.steps_taken > count else contextlib.nullcontext():
            return take(self, *arguments, **options)

    steps.take_ = take_


@contextlib.contextmanager
def unchecked() -> Iterator[None]:
    """Leaves shapes alone for a while."""
    before = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        yield
    finally:
        jaxtyping.config.update("jaxtyping_disable", before)
