"""The checkpoints of "The Clock and the Pizza" (Zhong et al. 2023, arXiv:2306.17844): transformers and linear models.

A file `model_RUN.pt` is a zip of stored tensors behind a pickle, which torch reads without running any code; the file
`config_RUN.json` beside it says how they belong together. Nothing in either is ever executed.
"""

import json
import pickle
import re
import struct
import warnings
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import pandas as pd
import torch
from pydantic import BeforeValidator, Field, ValidationError
from torch import Tensor

from bimt.checkpoint import HISTORY, Checkpoint
from bimt.config import TrainConfig, make_config
from bimt.messages import UserError, explain_validation, printable
from bimt.nets.build import fresh_wiring
from bimt.strict import StrictModel

MOST_BYTES = 2**30
"""No file may hold more."""
_FUNCTION = re.compile(r"lambda x: ?\(x\[0\] ?\+ ?x\[1\]\) ?% ?([0-9]{1,6})")
_ACTIVATIONS = {"ReLU": "relu", "GeLU": "gelu", "Tanh": "tanh"}
_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
_DAMAGE = (
    pickle.UnpicklingError, zipfile.BadZipFile, struct.error, RuntimeError, ValueError, TypeError, LookupError,
    AttributeError, EOFError, OSError, OverflowError, MemoryError, AssertionError,
    Warning,
)  # fmt: skip
"""What a damaged file makes torch and zipfile raise."""


def _same(tensor: Tensor) -> Tensor:
    return tensor


def _doubled(tensor: Tensor) -> Tensor:
    return 2 * tensor


def _heads_joined(tensor: Tensor) -> Tensor:
    return tensor.flatten(0, 1)


class Stored(NamedTuple):
    """What a tensor of the file is."""

    parameter: str
    """The net's name for it."""
    shape: tuple[int, ...]
    look: Callable[[Tensor], Tensor] = _same
    """How it is looked at as that parameter."""


Layout = dict[str, Stored | None]
"""For every tensor of a file what it is; None for what nothing reads."""


def _as_flag(value: Any) -> Any:
    return bool(value) if value in (0, 1) else value


def _as_float(value: Any) -> Any:
    """Takes whole numbers too; one that no float holds is left to be refused."""
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return float(value) if is_whole and abs(value) < 2**1023 else value


Flag = Annotated[bool, BeforeValidator(_as_flag)]
Number = Annotated[float, BeforeValidator(_as_float)]


class _Settings(StrictModel):
    """What both kinds of configuration hold; what only training reads is not used."""

    C: int = Field(ge=2, le=10_000)
    """The modulus."""
    d_model: int = Field(ge=1, le=100_000)
    name: str | None = None
    func: str | None = None
    funcs: str | None = None
    epoch: int | None = None
    batch_size: int | None = None
    lr: Number | None = None
    weight_decay: Number | None = None
    frac: Number | None = None
    runid: str | None = None


class TransformerSettings(_Settings):
    """The configuration of a transformer."""

    n_heads: int = Field(ge=1, le=10_000)
    d_head: int | None = Field(default=None, ge=1, le=100_000)
    n_layers: int = Field(ge=1, le=100)
    attention_dir: str | None = None
    """Never read: there is no causal mask."""
    act_fn: Literal["ReLU", "GeLU", "Tanh"]
    attn_coeff: Annotated[Number, Field(ge=0, le=1)]
    diff_vocab: Flag = False
    eqn_sign: Flag = False

    @property
    def head(self) -> int:
        """Neurons of one head."""
        return self.d_model // self.n_heads if self.d_head is None else self.d_head

    @property
    def tokens(self) -> int:
        """Size of the vocabulary."""
        return self.C * (1 + self.diff_vocab) + self.eqn_sign

    def values(self) -> dict[str, Any]:
        """Returns the same as settings of a `TrainConfig`."""
        return {
            "task__own_tokens": self.diff_vocab,
            "task__equals_sign": self.eqn_sign,
            "net": {
                "family": "token_transformer",
                "activation": _ACTIVATIONS[self.act_fn],
                "width": self.d_model,
                "layers": self.n_layers,
                "heads": self.n_heads,
                "attention": [self.n_heads * self.head] * self.n_layers,
                "mlp": [4 * self.d_model] * self.n_layers,
                "scale": self.head**-0.5,
                "attention_rate": self.attn_coeff,
            },
        }

    def layout(self) -> Layout:
        """Returns for every tensor of the file which parameter it is; None for the mask, which nothing reads."""
        width, size, count = self.d_model, self.n_heads * self.head, 2 + self.eqn_sign
        found: Layout = {
            "embed.W_E": Stored("weight.embed", (width, self.tokens)),
            "pos_embed.W_pos": Stored("weight.position", (count, width), torch.t),
            "unembed.W_U": Stored("weight.out", (width, self.tokens), torch.t),
        }
        for layer in range(self.n_layers):
            attended, mixed = f"resid.{2 * layer + 1}", f"resid.{2 * layer + 2}"
            block = f"blocks.{layer}"
            found |= {
                f"{block}.attn.W_{letter.upper()}": Stored(
                    f"weight.{letter}.{layer}", (self.n_heads, self.head, width), _heads_joined
                )
                for letter in "kqv"
            }
            found |= {
                f"{block}.attn.W_O": Stored(f"weight.{attended}", (width, size)),
                f"{block}.attn.mask": None,
                f"{block}.mlp.W_in": Stored(f"weight.mlp.{layer}", (4 * width, width)),
                f"{block}.mlp.b_in": Stored(f"bias.mlp.{layer}", (4 * width,)),
                f"{block}.mlp.W_out": Stored(f"weight.{mixed}", (width, 4 * width)),
                f"{block}.mlp.b_out": Stored(f"bias.{mixed}", (width,)),
            }
        return found


class LinearSettings(_Settings):
    """The configuration of a linear model: A, B, C, D or X (alpha, beta, gamma, delta and alpha')."""

    model_type: Literal["A", "B", "C", "D", "X"]
    n_vocab: int = Field(ge=2, le=10_000)
    d_hidden: int = Field(ge=1, le=100_000)

    @property
    def is_joined(self) -> bool:
        """Whether embeddings stand side by side, half as wide each, instead of being added up."""
        return self.model_type == "D"

    @property
    def width(self) -> int:
        """Of the embedding."""
        return self.d_model // 2 if self.is_joined else self.d_model

    def values(self) -> dict[str, Any]:
        """Returns the same as settings of a `TrainConfig`."""
        return {
            "net": {
                "family": "embedding_mlp",
                "activation": "relu",
                "embedding": self.width,
                "hidden": [self.d_hidden] * (2 if self.model_type in "BC" else 1),
                "join": "concatenate" if self.is_joined else "add",
                "own_embeddings": self.model_type == "X",
                "output_bias": False,
            }
        }

    def layout(self) -> Layout:
        """Returns for every tensor of the file which parameter it is."""
        tables = (
            {"embed1.weight": "weight.embed.a", "embed2.weight": "weight.embed.b"}
            if self.model_type == "X"
            else {"embed.weight": "weight.embed"}
        )
        first = _doubled if self.model_type == "C" else _same  # C adds both operands' drives, so its bias enters twice
        found: Layout = {name: Stored(parameter, (self.n_vocab, self.width)) for name, parameter in tables.items()}
        found |= {
            "unembed.weight": Stored("weight.out", (self.n_vocab, self.d_hidden)),
            "l1.weight": Stored("weight.h1", (self.d_hidden, self.d_model)),
            "l1.bias": Stored("bias.h1", (self.d_hidden,), first),
        }
        if self.model_type in "BC":
            found |= {
                "l2.weight": Stored("weight.h2", (self.d_hidden, self.d_hidden)),
                "l2.bias": Stored("bias.h2", (self.d_hidden,)),
            }
        return found


def read_pizza(path: Path) -> Checkpoint:
    """Reads a transformer or a linear model A, B, C, D or X.

    The rows that it was trained on are not written down in such files: both splits of its task are all pairs.

    Args:
        path: A file `model_RUN.pt` with `config_RUN.json` beside it.

    Returns:
        A checkpoint of one seed, in memory: its weights look at the tensors as they are stored. There is no history.

    Raises:
        UserError: If a file is missing, damaged, too large or not of this format.
    """
    settings = _read_settings(path)
    tensors = _checked(_read_tensors(path), settings.layout(), path)
    config = _config(settings, path)
    task = config.task.load()
    parameters = {}
    for name, stored in settings.layout().items():
        if stored is not None:
            parameters[stored.parameter] = stored.look(tensors[name].detach())[None]
    net = config.net.assemble(fresh_wiring(config, task), parameters, task)
    return Checkpoint(
        path=path,
        config=config,
        net=net,
        task=task,
        stopped={},
        history=pd.DataFrame(columns=list(HISTORY)),
        snapshots={},
        progress=None,
    )


def _read_settings(path: Path) -> TransformerSettings | LinearSettings:
    match = re.fullmatch(r"model_(.+)", path.stem)
    if match is None:
        raise UserError(
            f"{printable(path)} must be named model_RUN.pt, with config_RUN.json beside it, as the clock-and-pizza "
            "checkpoints are"
        )
    file = path.with_name(f"config_{match[1]}.json")
    shown = printable(file)
    try:
        if file.stat().st_size > 2**20:
            raise UserError(f"{shown} must be a small JSON file, got {file.stat().st_size:,} bytes")
        document = json.loads(file.read_bytes())
    except OSError as error:
        raise UserError(f"{shown} cannot be read: {error.strerror}; it must lie beside the model") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{shown} must hold JSON: {printable(error)}") from error
    if not isinstance(document, dict):
        raise UserError(f"{shown} must hold keys and values, got {type(document).__name__}")
    model = LinearSettings if "model_type" in document else TransformerSettings
    try:
        settings = model.model_validate(document)
    except ValidationError as error:
        raise UserError(f"{shown}: {explain_validation(error, list(model.model_fields))}") from error
    _check_settings(settings, shown)
    return settings


def _check_settings(settings: TransformerSettings | LinearSettings, shown: str) -> None:
    """Refuses sizes that make no net, and a task that is not a + b modulo C.

    The configuration holds the task as source code, which is never run.
    """
    if settings.funcs is not None:
        match = _FUNCTION.fullmatch(settings.funcs)
        if match is None or int(match[1]) != settings.C:
            raise UserError(
                f'{shown}: funcs must be "lambda x: (x[0]+x[1])%{settings.C}", got {printable(settings.funcs)}'
            )
    if isinstance(settings, LinearSettings) and settings.n_vocab != settings.C:
        raise UserError(f"{shown}: n_vocab must be C = {settings.C}, got {settings.n_vocab}")
    if isinstance(settings, LinearSettings) and settings.is_joined and settings.d_model % 2:
        raise UserError(f"{shown}: d_model must be even, half of it for each operand, got {settings.d_model}")
    if isinstance(settings, TransformerSettings) and settings.head < 1:
        raise UserError(f"{shown}: n_heads must be at most d_model = {settings.d_model}, got {settings.n_heads}")


def _config(settings: TransformerSettings | LinearSettings, path: Path) -> TrainConfig:
    try:
        return make_config("modular_addition", task__modulus=settings.C, task__train_fraction=1.0, dtype="float32",
                           **settings.values())  # fmt: skip
    except UserError as error:
        raise UserError(f"the configuration beside {printable(path)} makes no net: {error}") from error


def _read_tensors(path: Path) -> Mapping[str, Tensor]:
    """Reads a file of stored tensors without running what a pickle might hold."""
    shown = printable(path)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UserError(f"{shown} must hold at most {MOST_BYTES:,} bytes, got {path.stat().st_size:,}")
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
        if any(member.compress_type != zipfile.ZIP_STORED for member in members):
            raise UserError(f"{shown} must be a zip of stored members, as torch writes it, got a compressed one")
        if sum(member.file_size for member in members) > MOST_BYTES:
            raise UserError(f"{shown} must hold at most {MOST_BYTES:,} bytes of tensors")
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # torch warns of what no good file holds, such as another pickle protocol
            tensors = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise UserError(f"there is no file {shown}") from error
    except _DAMAGE as error:
        raise UserError(f"{shown} is no file of tensors, or damaged: {printable(_first_line(error))}") from error
    if not isinstance(tensors, dict) or not all(isinstance(name, str) for name in tensors):
        raise UserError(f"{shown} must hold tensors by name, got {type(tensors).__name__}")
    return tensors


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _checked(tensors: Mapping[str, Tensor], layout: Layout, path: Path) -> Mapping[str, Tensor]:
    """Refuses tensors that the configuration does not describe."""
    shown = printable(path)
    missing, extra = sorted(layout.keys() - tensors.keys()), sorted(tensors.keys() - layout.keys())
    if missing or extra:
        said = f"lacks {printable(missing[0])}" if missing else f"also holds {printable(extra[0])}"
        raise UserError(f"{shown} does not fit its configuration: it {said}")
    for name, stored in layout.items():
        if stored is None:
            continue
        tensor, shape = tensors[name], stored.shape
        if not isinstance(tensor, Tensor) or tensor.layout != torch.strided or tensor.dtype not in _FLOATS:
            found = tensor.dtype if isinstance(tensor, Tensor) else type(tensor).__name__
            raise UserError(f"{shown}: {name} must be a tensor of floats, got {printable(found)}")
        if tuple(tensor.shape) != shape:
            raise UserError(f"{shown}: {name} must be of shape {shape}, got {tuple(tensor.shape)}")
        if tensor.is_meta or not tensor.is_contiguous():
            raise UserError(f"{shown}: {name} must be stored whole, row after row, as torch saves new tensors")
        if not tensor.isfinite().all():
            raise UserError(f"{shown}: {name} must be finite, got NaN or infinity")
    return tensors
