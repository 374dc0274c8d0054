"""Pictures: IDX files and what may be wrong with them, the splits, and nets on sheets."""

import gzip
import re
import tracemalloc
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import sklearn.datasets
import torch

from bimt.config import make_config
from bimt.cost import connection_cost
from bimt.messages import UserError
from bimt.nets.build import make_net
from bimt.predict import predict
from bimt.seeds import make_generators
from bimt.swaps import relocate_
from bimt.tasks.idx import MOST_BYTES
from bimt.tasks.images import ImagesTask
from bimt.train import train
from tests.bimt.images import MNIST, NAMES, idx, needs_mnist, quick_config, write_idx


def load(folder, **options):
    return ImagesTask(name="images", data="mnist", data_dir=str(folder), **options).load()


# Files


@pytest.mark.parametrize("zipped", [True, False])
def test_idx_files_become_numbers_between_0_and_1(tmp_path, zipped):
    arrays = write_idx(tmp_path, zipped=zipped)
    task = load(tmp_path)
    assert (task.kind, task.squared, task.classes) == ("classification", True, tuple("0123456789"))
    assert task.inputs[:5] == ("pixel 0,0", "pixel 0,1", "pixel 0,2", "pixel 0,3", "pixel 1,0")
    for split, name in ((task.train, "train"), (task.test, "t10k")):
        images = arrays[f"{name}-images-idx3-ubyte"]
        assert split.inputs.dtype == torch.float32
        assert np.array_equal(split.inputs.numpy(), images.reshape(len(images), -1).astype(np.float32) / 255)
        assert split.targets.tolist() == arrays[f"{name}-labels-idx1-ubyte"].tolist()


def test_the_other_spelling_of_the_file_names_is_read(tmp_path):
    write_idx(tmp_path, zipped=False)
    for name in NAMES:
        (tmp_path / name).rename(tmp_path / name.replace("-idx", ".idx"))
    assert len(load(tmp_path).train) == 30


IMAGES = np.full((30, 4, 4), 7)
WHOLE = idx(IMAGES)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("train_images_idx3_ubyte", b"", "must be an IDX file of bytes in 3 dimensions: it must start .* got nothing"),
        ("train_images_idx3_ubyte", idx(IMAGES, magic=b"\0\0\x0d\3"), "must start with 00 00 08 03, got 00 00 0d 03"),
        ("train_images_idx3_ubyte", idx(np.zeros(30)), "must start with 00 00 08 03, got 00 00 08 01"),
        ("train_labels_idx1_ubyte", WHOLE, "in 1 dimension: it must start with 00 00 08 01, got 00 00 08 03"),
        ("train_images_idx3_ubyte", WHOLE[:9], "ends before it says how large it is"),
        ("train_images_idx3_ubyte", WHOLE[:16], "says it holds 480 values, but holds only 0"),
        ("train_images_idx3_ubyte", WHOLE[:-1], "says it holds 480 values, but holds only 479"),
        ("train_images_idx3_ubyte", WHOLE + b"x", "says it holds 480 values, but holds more"),
        ("train_images_idx3_ubyte", idx(np.zeros((0, 4, 4))), "must hold something, but says its size is 0 x 4 x 4"),
        ("train_images_idx3_ubyte", b"\0\0\x08\3" + b"\xff" * 12, "must hold at most 134,217,728 values, but says"),
        ("train_images_idx3_ubyte", idx(np.zeros((30, 4, 5))), "images must be square, got 4 x 5"),
        ("train_images_idx3_ubyte", idx(np.zeros((30, 5, 5))), "must have one size, got 5 x 5 and 4 x 4"),
        ("train_images_idx3_ubyte", idx(np.zeros((29, 4, 4))), "holds 29 images, but .* 30 labels"),
        ("t10k_labels_idx1_ubyte", idx(np.arange(20)), "label 11 in .* must be 0 to 9, got 10"),
    ],
)
@pytest.mark.parametrize("zipped", [True, False])
def test_malformed_files_are_refused(tmp_path, file, content, message, zipped):
    write_idx(tmp_path, zipped=zipped, **{file: content})
    with pytest.raises(UserError, match=message) as caught:
        load(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("damage", [lambda whole: whole[:40], lambda whole: b"no gzip" + whole, lambda whole: b""])
def test_damaged_gzip_is_refused(tmp_path, damage):
    write_idx(tmp_path)
    file = tmp_path / f"{NAMES[0]}.gz"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(UserError, match=f"{NAMES[0]}.gz (is damaged|must be an IDX file)"):
        load(tmp_path)


def test_a_bomb_is_not_unpacked(tmp_path):
    write_idx(tmp_path)
    small = idx(np.zeros((3, 4, 4)))
    (tmp_path / f"{NAMES[0]}.gz").write_bytes(gzip.compress(small + bytes(50_000_000)))
    tracemalloc.start()
    with pytest.raises(UserError, match="says it holds 48 values, but holds more"):
        load(tmp_path)
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()
    assert MOST_BYTES >= 2 * 60_000 * 28 * 28


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_file_is_named(tmp_path, name):
    write_idx(tmp_path)
    (tmp_path / f"{name}.gz").unlink()
    with pytest.raises(UserError, match=f"must hold {name}, gzipped or not"):
        load(tmp_path)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(UserError, match=r"there is no folder .*no; --data-dir must name the folder"):
        load(tmp_path / "no")


def test_a_file_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    write_idx(tmp_path)

    def refuse(*_args, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(gzip, "open", refuse)
    with pytest.raises(UserError, match=r"train-images-idx3-ubyte\.gz cannot be read: Permission denied"):
        load(tmp_path)


# Splits


def test_the_digits_are_scikit_learns():
    task = make_config("images").task.load()
    assert (len(task.train), len(task.test), len(task.inputs)) == (1438, 359, 64)
    found = sklearn.datasets.load_digits()
    both = np.concatenate([split.inputs.numpy() * 16 for split in (task.train, task.test)])
    assert sorted(map(tuple, both)) == sorted(map(tuple, found.data.astype(np.float32)))
    other = make_config("images", settings=["task.split_seed=1"]).task.load()
    assert not torch.equal(task.test.inputs, other.test.inputs)


def test_rows_are_drawn_at_random_and_repeatably(tmp_path):
    write_idx(tmp_path)
    whole, some = load(tmp_path), load(tmp_path, rows=12, test_rows=11)
    assert (len(some.train), len(some.test)) == (12, 11)
    assert {*map(tuple, some.train.inputs.tolist())} < {*map(tuple, whole.train.inputs.tolist())}
    assert torch.equal(some.train.inputs, load(tmp_path, rows=12, test_rows=11).train.inputs)
    assert not torch.equal(some.train.inputs, load(tmp_path, rows=12, split_seed=1).train.inputs)
    assert len(load(tmp_path, rows=1000).train) == 30


def test_a_folder_needs_the_name_of_what_is_in_it(tmp_path):
    with pytest.raises(UserError, match="say which with --data mnist or fashion"):
        ImagesTask(name="images", data_dir=str(tmp_path)).load()


def test_what_is_fetched_is_split_as_published(monkeypatch):
    asked = {}

    def fetch(name, **options):
        asked.update(options, name=name)
        images = np.random.RandomState(0).randint(0, 256, (60_012, 4))
        return SimpleNamespace(data=images, target=np.array([str(row % 10) for row in range(60_012)], dtype=object))

    monkeypatch.setattr(sklearn.datasets, "fetch_openml", fetch)
    task = ImagesTask(name="images", data="fashion").load()
    assert (asked["name"], asked["version"]) == ("Fashion-MNIST", 1)
    assert (len(task.train), len(task.test)) == (60_000, 12)
    assert task.test.targets.tolist() == [row % 10 for row in range(60_000, 60_012)]
    assert task.classes[9] == "ankle boot"


@pytest.mark.parametrize("error", [OSError("no route to host"), ValueError("no dataset")])
def test_without_a_network_the_way_out_is_named(monkeypatch, error):
    def fetch(*_args, **_options):
        raise error

    monkeypatch.setattr(sklearn.datasets, "fetch_openml", fetch)
    with pytest.raises(
        UserError, match=f"mnist_784 cannot be fetched .*{error}.*give the folder .* --data-dir"
    ) as caught:
        ImagesTask(name="images", data="mnist").load()
    assert "\n" not in str(caught.value)


# Nets


@pytest.mark.parametrize("hidden", [[], [16], [16, 25], [16, 9, 25]])
def test_every_number_of_hidden_layers_lies_on_sheets(hidden):
    config = make_config("images", settings=[f"net.hidden={hidden}"])
    net = make_net(config, task=config.task.load(), generators=make_generators((0,)))
    assert [len(net.wiring.slots_of(name)[0]) for name in config.net.populations] == [2] * (len(hidden) + 2)
    ring = net.positions("out")[0] - 0.5
    assert torch.allclose(ring.norm(dim=1), torch.full((10,), 0.25, dtype=torch.float64))
    assert not net.wiring.population("in").movable


def test_a_sheet_needs_a_square_number_of_neurons():
    config = make_config("images", settings=["net.hidden=[20]"])
    with pytest.raises(UserError, match="a grid must hold a square number of neurons, got 20; take 16 or 25"):
        make_net(config, task=config.task.load(), generators=make_generators((0,)))


def test_a_layer_can_lie_elsewhere_than_the_other_hidden_ones():
    net = make_config("images", settings=["net.geometry.h2=line"]).net
    assert [net.geometry_of(name) for name in net.populations] == ["grid", "grid", "line", "ring"]
    plain = make_config("independence", settings=["net.geometry.hidden=ring"]).net
    assert [plain.geometry_of(name) for name in plain.populations] == ["line", "ring", "ring", "line"]


@pytest.fixture(scope="module")
def trained():
    return train(quick_config(seeds=2))


def test_digits_are_told_apart_after_a_moment(trained):
    last = trained.history.groupby("seed").last()
    assert (last["metric"] > 0.85).all()  # chance is 0.1


def test_pixels_stay_and_hidden_neurons_move(trained):
    assert torch.equal(trained.net.places["in"], torch.arange(64).repeat(2, 1))
    assert not torch.equal(trained.net.places["h1"], torch.arange(25).repeat(2, 1))
    assert trained.net.places["out"].sort(dim=1).values.tolist() == [list(range(10))] * 2


@pytest.mark.parametrize("method", ["pairs", "assignment", "spectral"])
def test_relocation_shortens_an_image_net_and_changes_no_output(method):
    config = quick_config()
    task = config.task.load()
    net = make_net(config, task=task, generators=make_generators((0,)))
    prices = {"distance_scale": 2.0, "offset": 0.5, "reduce": "mean"}
    before, said = connection_cost(net, **prices), net.run(task.test.inputs[None])
    relocate_(net, method=method, top_k=30, distance_scale=2.0, reduce="mean")
    assert connection_cost(net, **prices) < before
    assert torch.equal(net.run(task.test.inputs[None]), said)


@needs_mnist
def test_real_digits_are_read_and_learned():
    config = make_config(
        "images",
        settings=["steps=300", "net.hidden=[100]", "learning_rate=0.003", "swaps.every=150", "log_every=300"],
        task__data="mnist",
        task__data_dir=MNIST,
    )
    checkpoint = train(config)
    task = checkpoint.task
    assert task.train.inputs.shape[1] == 784
    assert 0 <= task.train.inputs.min() < task.train.inputs.max() <= 1
    corner = [index for index, name in enumerate(task.inputs) if re.fullmatch(r"pixel [01],[01]", name)]
    assert not task.train.inputs[:, corner].any()
    assert checkpoint.history["metric"].iloc[-1] > 0.85


def test_probabilities_of_one_hot_targets_are_the_outputs_themselves(trained):
    task = trained.task
    outputs = torch.tensor([[1.0, 0.0, 0.0], [0.5, -0.2, 0.5], [1.5, 1.0, 0.0], [-1.0, -2.0, -1.0]])
    expected = torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0], [1 / 3, 1 / 3, 1 / 3]])
    assert torch.allclose(task.probabilities(outputs), expected)
    assert torch.equal(replace(task, squared=False).probabilities(outputs), outputs.softmax(-1))
    table = pd.DataFrame(task.test.inputs.numpy(), columns=list(task.inputs))
    found = predict(trained, table, label=0)[list(task.outputs)].to_numpy()
    net = trained.net.seed(0).to(torch.float64)
    said = task.probabilities(net.run(task.test.inputs[None])[0]).numpy()
    assert found == pytest.approx(said, abs=1e-12)
    assert found.sum(1) == pytest.approx(1)
