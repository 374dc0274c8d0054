"""Published data, losses and metrics, tables."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import make_moons
from sklearn.metrics import accuracy_score, log_loss, r2_score, recall_score

from bimt.config import make_config
from bimt.messages import UserError
from bimt.tasks.base import Scaling, Split, Task
from bimt.tasks.table import TableTask, numeric_columns, read_table

# Published data


@pytest.mark.parametrize(
    ("name", "seed", "inputs", "evaluate"),
    [
        ("independence", 0, 4, lambda a, b, c, d: [(a + c) ** 3, b**2 + np.sin(np.pi * d)]),
        ("feature_sharing", 4, 3, lambda a, b, c: [a**2, a**2 + b**2, a**2 + b**2 + c**2]),
        ("compositionality", 3, 4, lambda a, b, c, d: [np.sqrt((a - b) ** 2 + (c - d) ** 2)]),
        ("crossing", 0, 2, lambda a, b: [b, a]),
    ],
)
def test_formula_data_is_numpys(name, seed, inputs, evaluate):
    np.random.seed(seed)  # noqa: NPY002 - as the notebooks do
    train, test = np.random.rand(100, inputs) * 2 - 1, np.random.rand(100, inputs) * 2 - 1  # noqa: NPY002
    task = make_config(name).task.load()
    assert (task.inputs[0], task.outputs[-1], task.kind) == ("x1", f"y{len(task.outputs)}", "regression")
    for split, rows in ((task.train, train), (task.test, test)):
        assert np.array_equal(split.inputs.numpy(), rows)
        assert np.array_equal(split.targets.numpy(), np.stack(evaluate(*rows.T), axis=1))


def test_data_seed_and_rows_can_be_set():
    task = make_config("crossing", settings=["task.data_seed=5", "task.rows=3"]).task.load()
    assert np.array_equal(task.train.inputs.numpy(), np.random.RandomState(5).rand(3, 2) * 2 - 1)
    assert len(task.test) == 3


def test_two_moons_are_scikit_learns():
    task = make_config("two_moons").task.load()
    np.random.seed(1)  # noqa: NPY002
    for split in (task.train, task.test):
        inputs, labels = make_moons(200, noise=0.1)
        assert np.array_equal(split.inputs.numpy(), inputs)
        assert np.array_equal(split.targets.numpy(), labels)
    assert task.classes == ("0", "1")


# Losses and metrics


def small(kind, outputs=2):
    names = tuple(f"y{index}" for index in range(outputs))
    empty = Split(torch.zeros(1, 1), torch.zeros(1, outputs))
    return Task("t", kind, ("x",), names, empty, empty, Scaling.none(1, outputs), names)


def test_regression_is_judged_as_scikit_learn_does():
    task, random = small("regression"), np.random.RandomState(0)
    outputs, targets = random.randn(3, 9, 2), random.randn(1, 9, 2)
    said = [torch.from_numpy(part) for part in (outputs, targets)]
    for row in range(3):
        assert task.loss(*said)[row] == pytest.approx(((outputs[row] - targets[0]) ** 2).mean())
        assert task.metric(*said)[row] == pytest.approx(r2_score(targets[0], outputs[row]))
        each = r2_score(targets[0], outputs[row], multioutput="raw_values")
        assert task.per_output(*said)[row].numpy() == pytest.approx(each)
    assert torch.equal(task.explained(*said), task.metric(*said))


def test_classification_is_judged_as_scikit_learn_does():
    task, random = small("classification", 3), np.random.RandomState(0)
    outputs, targets = random.randn(2, 12, 3), np.arange(12) % 3
    said = torch.from_numpy(outputs), torch.from_numpy(targets)[None]
    shares = np.bincount(targets) / 12
    for row in range(2):
        chances = np.exp(outputs[row]) / np.exp(outputs[row]).sum(1, keepdims=True)
        loss = log_loss(targets, chances)
        assert task.loss(*said)[row] == pytest.approx(loss)
        assert task.metric(*said)[row] == pytest.approx(accuracy_score(targets, outputs[row].argmax(1)))
        each = recall_score(targets, outputs[row].argmax(1), average=None)
        assert task.per_output(*said)[row].numpy() == pytest.approx(each)
        assert task.explained(*said)[row] == pytest.approx(1 + loss / (shares * np.log(shares)).sum())


def test_a_target_that_never_changes_has_an_r_squared():
    task = small("regression")
    targets = torch.tensor([[[1.0, 2.0], [1.0, 3.0]]])
    assert task.per_output(targets, targets).tolist() == [[1.0, 1.0]]
    assert task.per_output(targets + 1, targets)[0, 0] == 0.0


# Tables


def table(tmp_path, text, name="t.csv", **options):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return TableTask(**{"name": "table", "data": str(path), "targets": ("y",), **options})


def rows(count=10, extra=""):
    random = np.random.RandomState(0)
    return "a,b,y\n" + "".join("{:.6f},{:.6f},{:.6f}\n".format(*row) for row in random.randn(count, 3)) + extra


def test_a_table_is_split_scaled_and_scaled_back(tmp_path):
    task = table(tmp_path, rows(50)).load()
    frame = pd.read_csv(tmp_path / "t.csv")
    assert (task.inputs, task.outputs, len(task.train), len(task.test)) == (("a", "b"), ("y",), 40, 10)
    assert task.train.inputs.mean(0).abs().max() < 1e-12
    assert task.train.targets.std(0, correction=0).item() == pytest.approx(1)
    inputs = torch.cat([task.scaling.inputs_to_table(split.inputs) for split in (task.train, task.test)])
    targets = torch.cat([task.scaling.to_table(split.targets) for split in (task.train, task.test)])
    found = torch.cat([inputs, targets], 1).numpy()
    expected = frame.to_numpy()
    assert found[found[:, 0].argsort()] == pytest.approx(expected[expected[:, 0].argsort()])
    assert torch.allclose(task.scaling.to_net(task.scaling.inputs_to_table(task.test.inputs)), task.test.inputs)


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_a_blank_line_is_a_missing_value_only_between_rows(tmp_path, suffix):
    file = tmp_path / f"data{suffix}"
    file.write_text("\n\na\n1\n2\n\n\n")
    assert read_table(file)["a"].tolist() == ["1", "2"]
    file.write_text("a\n1\n\n3\n")
    with pytest.raises(UserError, match="row 2 of column a must be a finite number, got ''"):
        numeric_columns(read_table(file), ["a"])
    file.write_text("\n\n")
    with pytest.raises(UserError, match="cannot be read"):
        read_table(file)


def test_the_split_follows_its_seed(tmp_path):
    loaded = [table(tmp_path, rows(50), split_seed=seed).load().test.inputs for seed in (0, 0, 1)]
    assert torch.equal(loaded[0], loaded[1])
    assert not torch.equal(loaded[0], loaded[2])
    assert len(table(tmp_path, rows(50), test_fraction=0.5).load().test) == 25


def test_every_format_reads_the_same(tmp_path):
    expected = table(tmp_path, rows()).load()
    frame = pd.read_csv(tmp_path / "t.csv")
    frame.to_parquet(tmp_path / "t.parquet")
    tsv = table(tmp_path, rows().replace(",", "\t"), "t.TSV").load()
    parquet = TableTask(name="table", data=str(tmp_path / "t.parquet"), targets=("y",)).load()
    bom = table(tmp_path, b"\xef\xbb\xbf" + rows().replace("\n", "\r\n").encode()).load()
    for task in (tsv, parquet, bom):
        assert task.inputs == expected.inputs
        assert torch.equal(task.train.inputs, expected.train.inputs)
        assert torch.equal(task.test.targets, expected.test.targets)


def test_targets_and_features_are_chosen_by_name(tmp_path):
    text = rows().replace("a,b,y", "run time,note,y").replace(",0.", ",text0.")
    text = "run time,note,y,z\n" + "".join(f"{i * i},text {i},{i},{-i}\n" for i in range(9))
    task = table(tmp_path, text, targets=("y", "z"), features=("run time",)).load()
    assert (task.inputs, task.outputs) == (("run time",), ("y", "z"))
    assert torch.allclose(task.train.targets[:, 0], -task.train.targets[:, 1])


def test_classes_are_sorted_as_numbers_where_they_are(tmp_path):
    text = "a,y\n" + "".join(f"{i},{label}\n" for i, label in enumerate(["10", "9", "b", "nan", "a"] * 8))
    task = table(tmp_path, text, kind="classification").load()
    assert task.classes == ("9", "10", "a", "b", "nan")
    assert task.outputs == ("y=9", "y=10", "y=a", "y=b", "y=nan")
    assert task.train.targets.dtype == torch.long
    assert task.scaling.output_scale.tolist() == [1.0] * 5


HOSTILE = [
    "<script>alert(1)</script>",
    "$\\frac{",
    "../../x",
    "a\u202eb",
    "\u0000nul",
    "x" * 10_000,
    "=1+1",
    "a\nb",
    '"',
]


def test_hostile_names_are_names(tmp_path):
    frame = pd.DataFrame(np.random.RandomState(0).randn(8, len(HOSTILE)), columns=HOSTILE)
    frame.to_csv(tmp_path / "h.csv", index=False)
    task = TableTask(name="table", data=str(tmp_path / "h.csv"), targets=(HOSTILE[0],)).load()
    assert task.inputs == tuple(HOSTILE[1:])


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_in_messages_stay_on_one_line(tmp_path, name):
    with pytest.raises(UserError) as caught:
        table(tmp_path, rows(), targets=(name,)).load()
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1000


BAD = "1,2,3\n"


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", {}, "t.csv is empty; expected a line of column names"),
        ("\n\n", {}, "cannot be read as CSV"),
        ("a,b,y\n", {}, "must have at least 4 rows of data, got 0"),
        ("a,b,y\n" + BAD, {}, "must have at least 4 rows of data, got 1"),
        ("a,a,y\n" + BAD * 5, {}, "two columns named a; every column must have its own name"),
        ("a,b,y\n" + BAD * 5 + "1,2,3,4\n", {}, "cannot be read as CSV: .*Expected 3 fields in line 7, saw 4"),
        (b"a,b,y\n\xff,2,3\n", {}, "cannot be read as CSV"),
        (rows(), {"targets": ("z",)}, "target z is not a column of the table; choose from a, b, y"),
        (rows(), {"targets": ("Y",)}, "target Y is not a column of the table; did you mean y?"),
        (rows(), {"features": ("c",)}, "feature c is not a column of the table"),
        (rows(), {"features": ("a", "y")}, "column y is a target and a feature"),
        (rows(), {"features": ("a", "a")}, "feature a is named twice"),
        (rows(), {"targets": ("y", "y")}, "target y is named twice"),
        (rows(), {"targets": ("a", "b", "y")}, "no column is left to predict from"),
        (rows(), {"features": ()}, "no column is left to predict from"),
        (rows(), {"kind": "classification", "targets": ("a", "y")}, "takes exactly one target column, got 2"),
        (rows(extra="1,text,3\n"), {}, "row 11 of column b must be a finite number, got 'text'"),
        (rows(extra="1,,3\n"), {}, "row 11 of column b must be a finite number, got ''"),
        (rows(extra="1,2\n"), {}, "row 11 of column y must be a finite number, got ''"),
        (rows(extra="nan,2,3\n"), {}, "row 11 of column a must be a finite number, got 'nan'"),
        (rows(extra="1,inf,3\n"), {}, "row 11 of column b must be a finite number, got 'inf'"),
        (rows(extra="1,2,1e999\n"), {}, "row 11 of column y must be a finite number, got '1e999'"),
        ("a,b,y\n" + "".join(f"{i},5,{i}\n" for i in range(9)), {}, r"column b is constant in the training rows \(5\)"),
        ("a,b,y\n" + "".join(f"{i},{-i},5\n" for i in range(9)), {}, "column y is constant"),
        ("a,b,y\n" + "".join(f"{i},{i}e300,{i}\n" for i in range(9)), {}, "column b holds numbers too large to scale"),
        (rows(), {"kind": "classification"}, "has 10 different values in 10 rows, too many to be classes"),
        (
            "a,y\n" + "".join(f"{i},k\n" for i in range(9)),
            {"kind": "classification"},
            "at least two classes, got only k",
        ),
        (
            "a,y\n" + "".join(f"{i},k\n" for i in range(9)) + "9,\n",
            {"kind": "classification"},
            "row 10 of column y must nam",
        ),
    ],
)
def test_bad_tables_get_one_clear_line(tmp_path, text, options, message):
    with pytest.raises(UserError, match=message) as caught:
        table(tmp_path, text, **options).load()
    assert str(caught.value).isprintable()


def test_a_class_must_be_seen_in_training(tmp_path):
    text = "a,y\n" + "".join(f"{i},{'rare' if i == 3 else i % 2}\n" for i in range(20))
    messages = []
    for seed in range(20):
        try:
            table(tmp_path, text, kind="classification", split_seed=seed).load()
        except UserError as error:
            messages.append(str(error))
    assert 0 < len(messages) < 20
    assert messages[0] == "class rare of column y is only in the test split; use more rows"


@pytest.mark.parametrize(
    ("name", "message"),
    [("no.csv", "there is no file"), ("f.csv", "got a folder"), ("t.xlsx", "must end in .csv, .tsv or .parquet")],
)
def test_files_that_are_no_tables(tmp_path, name, message):
    (tmp_path / "f.csv").mkdir()
    (tmp_path / "t.xlsx").write_text("x")
    with pytest.raises(UserError, match=message):
        read_table(tmp_path / name)


def test_a_parquet_file_that_is_none_and_columns_of_dates(tmp_path):
    with pytest.raises(UserError, match="cannot be read as PARQUET"):
        table(tmp_path, "PAR1 no", "t.parquet").load()
    frame = pd.DataFrame({"a": pd.date_range("2020-01-01", periods=9), "y": range(9)})
    frame.to_parquet(tmp_path / "d.parquet")
    with pytest.raises(UserError, match=r"column a must hold numbers, got datetime64\[.*\]"):
        TableTask(name="table", data=str(tmp_path / "d.parquet"), targets=("y",)).load()
