"""The functions that hidden neurons may apply to their drive, by name."""

from collections.abc import Callable
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn

Activation = Literal["silu", "selu", "relu", "gelu", "gelu_tanh", "tanh"]
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "silu": nn.functional.silu,
    "selu": nn.functional.selu,
    "relu": nn.functional.relu,
    "gelu": nn.functional.gelu,
    "gelu_tanh": partial(nn.functional.gelu, approximate="tanh"),
    "tanh": torch.tanh,
}
