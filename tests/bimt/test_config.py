"""Settings: every option there and back, every refusal."""

import json

import pytest

from bimt.config import TASK_SETTINGS, TrainConfig, known_keys, make_config
from bimt.messages import UserError
from bimt.tasks.formulas import FORMULAS

# for every option a value that is not its default
OPTIONS = {
    "task.rows": 50,
    "task.data_seed": 7,
    "net.hidden": [5, 6, 7],
    "net.activation": "gelu",
    "net.geometry": {"h1": "ring"},
    "cost.strength": [[0.0, 0.5], [0.5, 0.25]],
    "cost.distance_scale": 2.0,
    "cost.offset": 0.3,
    "cost.reduce": "mean",
    "cost.bias_from": None,
    "cost.last_link_distance": False,
    "swaps.method": "pairs",
    "swaps.every": "never",
    "swaps.proposals_every": 3,
    "swaps.top_k": 7,
    "swaps.rounds": 2,
    "swaps.pinned": ["in", "out"],
    "steps": 5000,
    "learning_rate": 1e-3,
    "weight_decay": 2.0,
    "engine": "plain",
    "batch": 16,
    "dtype": "float64",
    "threads": 2,
    "seeds": 3,
    "first_seed": 4,
    "log_every": 10,
    "save_every": 100,
}
OTHER_TASKS = {
    "two_moons": {"task.rows": 20, "task.noise": 0.3, "task.data_seed": 2},
    "table": {
        "task.data": "b.tsv",
        "task.targets": ["price", "run time"],
        "task.features": ["x"],
        "task.kind": "classification",
        "task.test_fraction": 0.4,
        "task.split_seed": 9,
    },
    "modular_addition": {
        "task.modulus": 7,
        "task.operands": 3,
        "task.operation": "-",
        "task.own_tokens": True,
        "task.equals_sign": True,
        "task.train_fraction": 0.5,
        "task.data_seed": 3,
        "net.embedding": 8,
        "net.hidden": [9],
        "net.join": "add",
        "net.own_embeddings": True,
        "net.output_bias": False,
        "net.activation": "relu",
        "net.geometry": {"embed": "ring"},
    },
    "permutation_group": {"task.group": "D5", "task.train_fraction": 0.5, "task.data_seed": 3},
    "in_context": {
        "task.sequences": 100,
        "task.examples": 3,
        "task.train_fraction": 0.5,
        "task.data_seed": 3,
        "net.width": 16,
        "net.layers": 1,
        "net.heads": 2,
        "net.attention": [8],
        "net.blocks": [1],
        "net.mlp": [20, 10],
        "net.scale": 0.5,
        "net.activation": "silu",
        "net.geometry": {"resid": "ring"},
    },
    "parts": {"task.parts": 5, "task.rows": 20, "task.data_seed": 2},
    "sparse_parity": {
        "task.subtasks": 5,
        "task.subset": 4,
        "task.bits": 30,
        "task.rows": 20,
        "task.data_seed": 2,
    },
    "three_moons": {"task.rows": 20, "task.noise": 0.3, "task.data_seed": 2},
}
OTHER_TASKS["images"] = {
    "task.data": "fashion",
    "task.data_dir": "idx",
    "task.rows": 100,
    "task.test_rows": 50,
    "task.test_fraction": 0.4,
    "task.split_seed": 9,
}
TOKEN_TRANSFORMER = {
    "net.width": 16,
    "net.layers": 2,
    "net.heads": 2,
    "net.attention": [8],
    "net.blocks": [1],
    "net.mlp": [20],
    "net.scale": 0.5,
    "net.attention_rate": 0.25,
    "net.activation": "silu",
    "net.geometry": {"resid": "ring"},
}
TABLE = ["task.data=a.csv", 'task.targets=["y"]']


def value_of(config, key):
    document = config.model_dump(mode="json")
    for part in key.split("."):
        document = document[part]
    return document


def test_every_option_is_listed_here():
    groups = {"task", "net", "cost", "swaps", "task.name", "net.family"}
    assert set(OPTIONS) == set(known_keys("independence")) - groups
    assert {"independence", *OTHER_TASKS} | set(FORMULAS) == set(TASK_SETTINGS)
    families = {"mlp"}  # its options are those of independence
    for task, options in OTHER_TASKS.items():
        family = make_config(task, settings=TABLE if task == "table" else []).net.family
        prefixes = ("task.",) if family in families else ("task.", "net.")
        families.add(family)
        assert set(options) == {key for key in known_keys(task) if key.startswith(prefixes)} - groups
    known = known_keys("modular_addition", "token_transformer")
    assert set(TOKEN_TRANSFORMER) == {key for key in known if key.startswith("net.")} - groups


@pytest.mark.parametrize(
    ("task", "key", "value"),
    [("independence", *item) for item in OPTIONS.items()]
    + [(task, *item) for task, options in OTHER_TASKS.items() for item in options.items()]
    + [("token_transformer", *item) for item in TOKEN_TRANSFORMER.items()],
)
def test_every_option_goes_there_and_back(task, key, value, tmp_path):
    base = TABLE if task == "table" else []
    if task == "token_transformer":
        task, base = "modular_addition", ["net.family=token_transformer"]
    default = make_config(task, settings=base)
    config = make_config(task, settings=[*base, f"{key}={json.dumps(value)}"])
    assert value_of(config, key) == value != value_of(default, key)
    assert TrainConfig.model_validate_json(config.model_dump_json()) == config
    (tmp_path / "c.json").write_text(config.model_dump_json())
    assert make_config(file=tmp_path / "c.json") == config


def test_later_settings_win(tmp_path):
    file = tmp_path / "c.toml"
    file.write_text('task = "two_moons"\nsteps = 10\nseeds = 2\nfirst_seed = 3\nswaps.every = "never"\n')
    config = make_config(file=file, settings=["steps=20", "seeds=4"], seeds=5, first_seed=None)
    assert (config.task.name, config.steps, config.seeds, config.labels) == ("two_moons", 20, 5, (3, 4, 5, 6, 7))
    assert config.cost.offset == 0.2  # two_moons' own


@pytest.mark.parametrize("other", ["task=crossing", "task.name=crossing"])
def test_two_tasks_are_refused(other):
    assert make_config("crossing", settings=[other]).task.name == "crossing"
    with pytest.raises(UserError, match="the task is independence, but the settings say crossing"):
        make_config("independence", settings=[other])


def test_the_published_settings_are_the_defaults():
    config = make_config("independence")
    assert (config.steps, config.learning_rate, config.net.hidden, config.net.activation) == (
        20000,
        2e-3,
        (20, 20),
        "silu",
    )
    assert config.cost.strength == ((0.0, 1e-3), (0.25, 1e-2), (0.75, 1e-3))
    assert (config.cost.offset, config.cost.distance_scale, config.cost.bias_from) == (0.1, 1.0, 0.75)
    assert (config.swaps.every, config.swaps.top_k, config.batch, config.dtype) == (200, 5, "full", "float32")
    deep = make_config("compositionality")
    assert deep.net.hidden == (20,) * 4
    assert deep.cost.strength == ((0.0, 1e-3), (0.25, 3e-3), (0.75, 1e-3))
    moons = make_config("two_moons")
    assert (moons.steps, moons.swaps.top_k, moons.cost.bias_from) == (10001, 10, 0.0)
    images = make_config("images")
    assert (images.steps, images.batch, images.learning_rate, images.dtype) == (40_000, 100, 1e-3, "float32")
    assert images.cost.strength == ((0.0, 0.01), (0.25, 0.1), (0.5, 1.0))
    assert (images.cost.distance_scale, images.cost.offset, images.cost.last_link_distance) == (2.0, 0.5, False)
    assert (images.net.hidden, images.swaps.every, images.swaps.pinned) == ((100, 100), 500, ("in",))


@pytest.mark.parametrize("task", TASK_SETTINGS)
def test_every_task_has_settings_that_fit(task):
    assert make_config(task, settings=TABLE if task == "table" else []).task.name == task


def test_the_strength_switches_at_the_published_steps():
    cost = make_config("independence").cost
    assert [cost.strength_at(step, 20_000) for step in (0, 4_999, 5_000, 14_999, 15_000)] == [
        1e-3,
        1e-3,
        1e-2,
        1e-2,
        1e-3,
    ]
    assert [cost.prices_bias_at(step, 20_000) for step in (14_999, 15_000)] == [False, True]
    moons = make_config("two_moons")
    assert [moons.cost.strength_at(step, moons.steps) for step in (4_999, 5_000, 10_000)] == [1e-3, 1e-2, 1e-2]
    assert moons.cost.prices_bias_at(0, moons.steps)


def test_one_number_is_a_strength():
    assert make_config("crossing", settings=["cost.strength=0.5"]).cost.strength == ((0.0, 0.5),)


def test_never_prices_biases():
    cost = make_config("crossing", settings=["cost.bias_from=null"]).cost
    assert not cost.prices_bias_at(10**9, 10**9)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["steps"], "--set must be key=value, got steps"),
        (["=3"], "--set must be key=value, got =3"),
        (["stepz=3"], "unknown key stepz; did you mean steps?"),
        (["offset=3"], "unknown key offset; did you mean cost.offset?"),
        (["task.row=3"], "unknown key task.row; did you mean task.rows?"),
        (["task.data=3"], "unknown key task.data"),
        (["steps=many"], "steps must be a valid integer, got 'many'"),
        (["steps=0"], "steps must be greater than or equal to 1, got 0"),
        (["steps.more=1"], "steps"),
        (["steps=5", "steps.more=1"], "steps.more cannot be set: steps is not a group of settings"),
        (["learning_rate=NaN"], "learning_rate"),
        (["learning_rate=Infinity"], "learning_rate"),
        (["cost=3"], "cost must be"),
        (["cost.offset=-1"], "cost.offset must be greater than or equal to 0, got -1"),
        (["cost.reduce=max"], "cost.reduce must be 'sum' or 'mean', got 'max'"),
        (["cost.strength=[]"], "cost.strength: must list fractions of training that start at 0 and rise"),
        (["cost.strength=[[0.5,1]]"], r"cost.strength: must list fractions .* got \[0.5\]"),
        (["cost.strength=[[0,1],[0.5,1],[0.5,2]]"], "cost.strength: must list fractions"),
        (["cost.strength=true"], "cost.strength"),
        (["net.activation=swish"], "net.activation must be 'silu'"),
        (["net.geometry.h9=ring"], "net.geometry must name populations among in, h1, h2, out, hidden, got 'h9'"),
        (['swaps.pinned=["hidden"]'], "swaps.pinned must name populations among in, h1, h2, out, got 'hidden'"),
        (["net.geometry.h1=cube"], "net.geometry must be 'line', .* got 'cube'"),
        (['swaps.pinned=["h3"]'], "swaps.pinned must name populations among in, h1, h2, out, got 'h3'"),
        (["swaps.every=1000000", "steps=40000"], "swaps every 1,000,000 in 40,000 steps: no swap would ever happen"),
        (["seeds=0"], "seeds must be greater"),
        (["first_seed=-1"], "first_seed must be greater"),
        (["batch=half"], "batch must be a valid integer or 'full', got 'half'"),
        (["task=[1]"], "task.name cannot be set: task is not a group of settings"),
        (["a" + ".a" * 5000 + "=1"], "a"),
        (["\x00\u202e=1"], r"unknown key \\x00\\u202e"),
        (["x" * 10_000 + "=1"], "unknown key x"),
    ],
)
def test_refusals(settings, message):
    with pytest.raises(UserError, match=message) as caught:
        make_config("independence", settings=settings)
    assert len(str(caught.value)) < 1200


def test_swaps_that_never_happen_may_be_asked_for():
    assert make_config("independence", settings=["steps=10", "swaps.every=never"]).steps == 10
    assert make_config("independence", settings=["steps=10", "swaps.method=none"]).steps == 10


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ("indepedence", "unknown task indepedence; did you mean independence?"),
        ("xyz", "unknown task xyz; choose from compositionality, crossing"),
        (None, "a task must be named, one of independence, feature_sharing"),
        ("../../x", "unknown task ../../x"),
    ],
)
def test_unknown_tasks(task, message):
    with pytest.raises(UserError, match=message):
        make_config(task)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("c.json", "{", "the config file .* cannot be read: Expecting"),
        ("c.json", "[1]", "must hold keys and values, got list"),
        ("c.json", '{"task": 3}', "unknown task 3"),
        ("c.json", '{"task": "independence", "stepz": 1}', "unknown key stepz; did you mean steps"),
        ("c.json", "[" * 100_000, "cannot be read"),
        ("c.toml", "task = ", "cannot be read"),
        ("c.toml", 'task = "independence"\nsteps = 2020-01-01', "a setting holds what no setting can be"),
        ("c.yaml", "", "must end in .json or .toml"),
        ("c.json", b"\xff\xfe", "cannot be read"),
    ],
)
def test_config_files_that_cannot_be_used(tmp_path, name, content, message):
    file = tmp_path / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError, match=message):
        make_config(file=file)


def test_a_config_file_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match="there is no config file"):
        make_config(file=tmp_path / "no.json")
