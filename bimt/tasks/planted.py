"""What a task was put together from, so that the modules found can be held against it."""

from typing import NamedTuple


class Subtask(NamedTuple):
    """One piece of a task that could be solved by itself."""

    name: str
    inputs: tuple[str, ...]
    """Names of the task's inputs that it reads."""
    outputs: tuple[str, ...]
    """Names of the task's outputs that it alone decides; empty where all subtasks share them."""
