"""One random generator per seed, so that the run of a seed never depends on which others run beside it."""

from collections.abc import Sequence

import torch


def make_generators(labels: Sequence[int]) -> tuple[torch.Generator, ...]:
    """Returns a fresh generator for every label, in the state that `torch.manual_seed(label)` would set.

    Args:
        labels: Seed labels, >= 0.

    Raises:
        ValueError: If a label is negative or stands twice.
    """
    if len(set(labels)) != len(labels) or any(label < 0 for label in labels):
        raise ValueError(f"`labels` must be different and at least 0, got {list(labels)}")
    return tuple(torch.Generator().manual_seed(label) for label in labels)


def generator_states(generators: Sequence[torch.Generator]) -> list[str]:
    """Returns the generators' states as hexadecimal text, for a checkpoint."""
    return [bytes(generator.get_state().tolist()).hex() for generator in generators]


def restore_generators(states: Sequence[str]) -> tuple[torch.Generator, ...]:
    """Returns generators in the states that `generator_states` wrote down."""
    generators = []
    for state in states:
        generator = torch.Generator()
        generator.set_state(torch.tensor(list(bytes.fromhex(state)), dtype=torch.uint8))
        generators.append(generator)
    return tuple(generators)
