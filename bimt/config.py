"""Every setting of a training run, as one strict model."""

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, Discriminator, Field, Tag, ValidationError, field_validator, model_validator

from bimt.messages import UserError, explain_validation, printable, suggestion
from bimt.nets.embedding_mlp import EmbeddingMLPConfig
from bimt.nets.mlp import MLPConfig
from bimt.nets.token_transformer import TokenTransformerConfig
from bimt.nets.transformer import TransformerConfig
from bimt.strict import StrictModel
from bimt.tasks.formulas import FORMULAS, FormulaTask
from bimt.tasks.images import SETTINGS as IMAGES_SETTINGS
from bimt.tasks.images import ImagesTask
from bimt.tasks.in_context import SETTINGS as IN_CONTEXT_SETTINGS
from bimt.tasks.in_context import InContextTask
from bimt.tasks.modular_addition import SETTINGS as MODULAR_ADDITION_SETTINGS
from bimt.tasks.modular_addition import ModularAdditionTask
from bimt.tasks.parts import SETTINGS as PARTS_SETTINGS
from bimt.tasks.parts import PartsTask
from bimt.tasks.permutation_group import SETTINGS as PERMUTATION_GROUP_SETTINGS
from bimt.tasks.permutation_group import PermutationGroupTask
from bimt.tasks.sparse_parity import SETTINGS as SPARSE_PARITY_SETTINGS
from bimt.tasks.sparse_parity import SparseParityTask
from bimt.tasks.table import SETTINGS as TABLE_SETTINGS
from bimt.tasks.table import TableTask
from bimt.tasks.three_moons import SETTINGS as THREE_MOONS_SETTINGS
from bimt.tasks.three_moons import ThreeMoonsTask
from bimt.tasks.two_moons import SETTINGS as TWO_MOONS_SETTINGS
from bimt.tasks.two_moons import TwoMoonsTask

TaskConfig = Annotated[
    FormulaTask
    | TwoMoonsTask
    | TableTask
    | ModularAdditionTask
    | PermutationGroupTask
    | InContextTask
    | ImagesTask
    | PartsTask
    | SparseParityTask
    | ThreeMoonsTask,
    Field(discriminator="name"),
]


def _family_of(value: Any) -> Any:
    """Returns the name of a net's family; None where there can be none."""
    return value.get("family", "mlp") if isinstance(value, dict) else getattr(value, "family", None)


NetConfig = Annotated[
    Annotated[MLPConfig, Tag("mlp")]
    | Annotated[EmbeddingMLPConfig, Tag("embedding_mlp")]
    | Annotated[TransformerConfig, Tag("transformer")]
    | Annotated[TokenTransformerConfig, Tag("token_transformer")],
    Discriminator(
        _family_of,
        custom_error_type="net_family",
        custom_error_message="Input should be settings of the family mlp, embedding_mlp, transformer or "
        "token_transformer",
    ),
]
"""The families of nets; an MLP where none is named."""

_FAMILIES: dict[str, type[BaseModel]] = {
    "mlp": MLPConfig,
    "embedding_mlp": EmbeddingMLPConfig,
    "transformer": TransformerConfig,
    "token_transformer": TokenTransformerConfig,
}
_TASKS: dict[str, type[BaseModel]] = {
    name: model
    for model in get_args(get_args(TaskConfig)[0])
    for name in get_args(model.model_fields["name"].annotation)
}

TASK_SETTINGS: dict[str, dict[str, Any]] = {
    **{name: formula.settings for name, formula in FORMULAS.items()},
    "two_moons": TWO_MOONS_SETTINGS,
    "table": TABLE_SETTINGS,
    "modular_addition": MODULAR_ADDITION_SETTINGS,
    "permutation_group": PERMUTATION_GROUP_SETTINGS,
    "in_context": IN_CONTEXT_SETTINGS,
    "images": IMAGES_SETTINGS,
    "parts": PARTS_SETTINGS,
    "sparse_parity": SPARSE_PARITY_SETTINGS,
    "three_moons": THREE_MOONS_SETTINGS,
}
"""For every task, what differs from the defaults below: the published settings."""


class CostConfig(StrictModel):
    """What connections cost while training (DESIGN: strength * |w| * (distance_scale * length + offset))."""

    strength: tuple[tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0)]], ...] = (
        (0.0, 1e-3),
        (0.25, 1e-2),
        (0.75, 1e-3),
    )
    """The published lambda as (fraction of training from which it holds, value); one number holds throughout."""
    distance_scale: float = Field(default=1.0, ge=0)
    """Price per unit length; 0 is plain L1."""
    offset: float = Field(default=0.1, ge=0)
    """Price of a connection of length zero (the published l0)."""
    reduce: Literal["sum", "mean"] = "sum"
    """Whether a link's prices are summed or averaged over its weights."""
    bias_from: Annotated[float, Field(ge=0, le=1)] | None = 0.75
    """Fraction of training from which biases cost |b| * offset; null prices them never."""
    last_link_distance: bool = True
    """False leaves the links into outputs free of distance."""

    @field_validator("strength", mode="before")
    @classmethod
    def _one_number(cls, value: Any) -> Any:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return ((0.0, value),)
        return (
            tuple(tuple(part) if isinstance(part, list) else part for part in value)
            if isinstance(value, list)
            else value
        )

    @field_validator("strength")
    @classmethod
    def _ascending(cls, value: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
        fractions = [fraction for fraction, _ in value]
        if not value or fractions[0] != 0 or fractions != sorted(set(fractions)):
            raise ValueError(f"must list fractions of training that start at 0 and rise, got {fractions}")
        return value

    def strength_at(self, step: int, steps: int) -> float:
        """Returns the strength that holds in a step, counted from 0."""
        return [value for fraction, value in self.strength if step >= int(fraction * steps)][-1]

    def changes(self, steps: int) -> tuple[int, ...]:
        """Returns the steps in which a price changes, counted from 0."""
        fractions = [fraction for fraction, _ in self.strength]
        return tuple(int(fraction * steps) for fraction in (*fractions, *filter(None, [self.bias_from])))

    def prices_bias_at(self, step: int, steps: int) -> bool:
        """Tells whether biases cost something in a step, counted from 0."""
        return self.bias_from is not None and step >= int(self.bias_from * steps)


class SwapsConfig(StrictModel):
    """How neurons move to cheaper places."""

    method: Literal["none", "pairs", "assignment", "spectral"] = "spectral"
    """See docs/swaps.md for what each is worth."""
    every: Annotated[int, Field(ge=1)] | Literal["never"] = 200
    """Neurons move after every so many steps."""
    proposals_every: int = Field(default=10, ge=1)
    """Spectral only: the first of every so many moves makes global proposals, the others are assignments."""
    top_k: int = Field(default=5, ge=1)
    """Pairs only: how many neurons of a population are tried."""
    rounds: int = Field(default=5, ge=1)
    """Assignment and spectral: how often the populations are gone round at most."""
    pinned: tuple[str, ...] = ()
    """Populations whose neurons stay where they are, such as "in" and "out"."""


class TrainConfig(StrictModel):
    """Everything that decides the result of a training run."""

    task: TaskConfig
    net: NetConfig = MLPConfig()
    cost: CostConfig = CostConfig()
    swaps: SwapsConfig = SwapsConfig()
    steps: int = Field(default=20_000, ge=1)
    learning_rate: float = Field(default=2e-3, gt=0)
    weight_decay: float = Field(default=0.0, ge=0)
    """AdamW's: before each step every parameter loses learning_rate * weight_decay of itself, biases too."""
    batch: Annotated[int, Field(ge=1)] | Literal["full"] = "full"
    """Rows drawn (with replacement) for every step, or all of them."""
    dtype: Literal["float32", "float64"] = "float32"
    engine: Literal["auto", "plain", "compiled"] = "auto"
    """What takes the steps: torch ("plain"), native code made for the net ("compiled"), or ("auto") the latter wherever
    it can be made and 1,000 steps or more repay it. They differ in the last bits."""
    threads: int = Field(default=1, ge=1, le=1024)
    """Threads of torch while training: a setting, for it changes the last bits. One is fastest for small nets."""
    seeds: int = Field(default=1, ge=1, le=10_000)
    first_seed: int = Field(default=0, ge=0, lt=2**63)
    """Seeds are labelled first_seed, first_seed + 1, ..."""
    log_every: int = Field(default=200, ge=1)
    """Losses are written down, and a snapshot taken, after every so many steps."""
    save_every: int = Field(default=2_000, ge=1)
    """The checkpoint is written after every so many steps, and at the end."""

    @property
    def labels(self) -> tuple[int, ...]:
        """The seeds' labels."""
        return tuple(range(self.first_seed, self.first_seed + self.seeds))

    @model_validator(mode="after")
    def _makes_sense(self) -> "TrainConfig":
        every = self.swaps.every
        if self.swaps.method != "none" and every != "never" and every > self.steps:
            raise ValueError(
                f"swaps every {every:,} in {self.steps:,} steps: no swap would ever happen; "
                'set swaps.every lower or to "never"'
            )
        populations = self.net.populations
        placed = *populations, *(("hidden",) if "hidden" not in populations else ())
        for key, names, known in (
            ("net.geometry", self.net.geometry, placed),
            ("swaps.pinned", self.swaps.pinned, populations),
        ):
            for name in names:
                if name not in known:
                    raise ValueError(f"{key} must name populations among {', '.join(known)}, got {name!r}")
        return self


def make_config(
    task: str | None = None,
    *,
    file: Path | None = None,
    settings: Sequence[str] = (),
    **values: Any,
) -> TrainConfig:
    """Builds a configuration: the task's published settings, then a file's, then `key=value` texts, then values.

    Args:
        task: Name of a task; None where the file names it.
        file: A .json or .toml file with the keys of TrainConfig.
        settings: Texts such as "cost.offset=0.2"; the value is JSON, or text where it is not JSON.
        values: Dotted keys (with "." as "__") to set unless None.

    Returns:
        The complete configuration.

    Raises:
        UserError: If a text is not key=value, a file cannot be read, a key is unknown or a value does not fit.

    Example:
        >>> make_config("independence", settings=["steps=5000", "cost.offset=0.2"]).cost.offset
        0.2
    """
    given: dict[str, Any] = {} if file is None else _read(file)
    for text in settings:
        key, sign, value = text.partition("=")
        if not sign or not key:
            raise UserError(f"--set must be key=value, got {printable(text)}")
        _put_(given, key, _parsed(value))
    for key, value in values.items():
        if value is not None:
            _put_(given, key.replace("__", "."), value)
    if task is not None:
        named = given.get("task")
        other = named.get("name", task) if isinstance(named, dict) else named
        if isinstance(other, str) and other != task:
            raise UserError(f"the task is {printable(task)}, but the settings say {printable(other)}; name one of them")
        _put_(given, "task.name", task)
    name = given["task"].get("name") if isinstance(given.get("task"), dict) else given.get("task")
    if name is None:
        raise UserError(f"a task must be named, one of {', '.join(TASK_SETTINGS)}")
    if not isinstance(name, str) or name not in TASK_SETTINGS:
        raise UserError(f"unknown task {printable(name)}{suggestion(str(name), TASK_SETTINGS)}")
    _put_(given, "task.name", name)
    document = _merged(_settings_for(name, given.get("net")), given)
    try:
        return TrainConfig.model_validate_json(json.dumps(document))
    except (TypeError, RecursionError) as error:
        raise UserError(f"a setting holds what no setting can be: {error}") from error
    except ValidationError as error:
        raise UserError(_explained(error, name, document)) from error


def _settings_for(task: str, net: Any) -> dict[str, Any]:
    """Returns a task's published settings, less those of its net where another family is asked for."""
    settings = TASK_SETTINGS[task]
    family = net.get("family") if isinstance(net, dict) else None
    if family is None or family == settings.get("net", {}).get("family", "mlp"):
        return settings
    return {key: value for key, value in settings.items() if key != "net"}


def known_keys(task: str, family: str | None = None) -> list[str]:
    """Returns every dotted key that a configuration of a task may hold, with nets of its usual or another family."""
    family = family or TASK_SETTINGS[task].get("net", {}).get("family", "mlp")
    return _keys(TrainConfig, "") + _keys(_TASKS[task], "task.") + _keys(_FAMILIES.get(family, MLPConfig), "net.")


def _explained(error: ValidationError, task: str, document: Mapping[str, Any]) -> str:
    """Says what is wrong; pydantic puts the branches of unions into a key's path: task.independence.rows."""
    net = document.get("net")
    family = str(net.get("family", "mlp")) if isinstance(net, dict) else "mlp"
    known = known_keys(task, family)
    for group, branch in (("task.", task), ("net.", family)):
        known = [key.replace(group, f"{group}{branch}.", 1) if key.startswith(group) else key for key in known]
    return explain_validation(error, known).replace(f"task.{task}", "task").replace(f"net.{family}", "net")


def _keys(model: type[BaseModel], prefix: str) -> list[str]:
    keys = []
    for name, info in model.model_fields.items():
        keys.append(prefix + name)
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            keys += _keys(info.annotation, f"{prefix}{name}.")
    return keys


def _read(file: Path) -> dict[str, Any]:
    """Reads a config file into a document."""
    shown = printable(file)
    if file.suffix not in (".json", ".toml"):
        raise UserError(f"the config file must end in .json or .toml, got {shown}")
    try:
        text = file.read_text(encoding="utf-8")
        document = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
    except FileNotFoundError:
        raise UserError(f"there is no config file {shown}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"the config file {shown} cannot be read: {printable(error)}") from error
    if not isinstance(document, dict):
        raise UserError(f"the config file {shown} must hold keys and values, got {type(document).__name__}")
    return document


def _parsed(value: str) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _put_(document: dict[str, Any], key: str, value: Any) -> None:
    """Sets a dotted key in nested dicts; a task given by its name alone becomes a group."""
    *parents, last = key.split(".")
    for parent in parents:
        if parent == "task" and isinstance(document.get(parent), str):
            document[parent] = {"name": document[parent]}
        document = document.setdefault(parent, {})
        if not isinstance(document, dict):
            raise UserError(f"{printable(key)} cannot be set: {printable(parent)} is not a group of settings")
    document[last] = value


def _merged(defaults: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Lays settings over defaults, group by group."""
    result = dict(defaults)
    for key, value in given.items():
        known = result.get(key)
        result[key] = _merged(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return result
