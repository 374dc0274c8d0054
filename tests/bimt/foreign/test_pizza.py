"""The clock-and-pizza files: what is read answers as plain numpy does, and what is damaged is refused in one line."""

import csv
import json
import pickle
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bimt.config import make_config
from bimt.messages import UserError
from bimt.opening import open_checkpoint
from bimt.train import train
from interp.addition import pair_net
from tests.bimt.foreign.files import linear, linear_logits, transformer, transformer_logits, written

SHARED = Path(__file__).parents[4] / "shared" / "data" / "pizza"
PUBLIC = sorted(SHARED.glob("model_*.pt"))


def logits(path):
    checkpoint = open_checkpoint(path)
    return pair_net(checkpoint, checkpoint.net).logits


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"attn_coeff": 0},
        {"attn_coeff": 0.3, "act_fn": "GeLU"},
        {"n_layers": 3, "act_fn": "Tanh"},
        {"diff_vocab": 1},
        {"eqn_sign": True},
        {"diff_vocab": True, "eqn_sign": True, "attn_coeff": 0.5},
    ],
)
def test_a_transformer_answers_as_written(changes, tmp_path):
    config, tensors = transformer(**changes)
    expected = transformer_logits(config, tensors)
    assert np.abs(logits(written(tmp_path, config, tensors)) - expected).max() < 1e-10 * np.abs(expected).max()


@pytest.mark.parametrize("kind", "ABCDX")
def test_a_linear_model_answers_as_written(kind, tmp_path):
    config, tensors = linear(kind)
    expected = linear_logits(config, tensors)
    assert np.abs(logits(written(tmp_path, config, tensors)) - expected).max() < 1e-10 * np.abs(expected).max()


@pytest.mark.parametrize("made", [transformer(), linear("D")], ids=["transformer", "linear"])
def test_parameters_look_at_the_tensors_of_the_file(made, tmp_path):
    net = open_checkpoint(written(tmp_path, *made)).net
    assert all(tensor.dtype == torch.float32 for tensor in net.parameters.values())
    total = sum(tensor.numel() for name, tensor in made[1].items() if not name.endswith("mask"))
    assert sum(tensor.numel() for tensor in net.parameters.values()) == total


def test_every_pair_is_in_both_splits(tmp_path):
    checkpoint = open_checkpoint(written(tmp_path, *transformer(diff_vocab=True, eqn_sign=True)))
    assert len(checkpoint.task.train) == len(checkpoint.task.test) == 25
    assert checkpoint.task.tokens == ("a", "b", "=")
    assert checkpoint.task.test.inputs[7].tolist() == [1, 7, 10]
    assert checkpoint.task.classes[5:] == ("0'", "1'", "2'", "3'", "4'", "=")


@pytest.mark.parametrize("path", PUBLIC or [None], ids=lambda path: path.stem if path else "absent")
def test_public_checkpoints_answer_as_written(path):
    if path is None:
        pytest.skip("the public checkpoints are not here")
    config = json.loads(path.with_name(path.name.replace("model", "config")).with_suffix(".json").read_text())
    tensors = torch.load(path, weights_only=True, map_location="cpu")
    reference = linear_logits if "model_type" in config else transformer_logits
    expected = reference(config, tensors)
    found = logits(path)
    assert np.abs(found - expected).max() < 1e-10 * np.abs(expected).max()
    with (SHARED / "reference_values.csv").open() as file:
        row = next(row for row in csv.DictReader(file) if row["runid"] in path.name)
    answers = np.add.outer(np.arange(59), np.arange(59)) % 59
    assert (found.argmax(-1) == answers).mean() == float(row["accuracy"])


class Evil:
    """Unpickled, it would leave a mark."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def test_nothing_in_a_file_is_run(tmp_path):
    config, tensors = transformer()
    mark = tmp_path / "was-here"
    with pytest.raises(UserError, match=r"model_abc123\.pt is no file of tensors, or damaged"):
        open_checkpoint(written(tmp_path, config, tensors | {"embed.W_E": Evil(mark)}))
    config["funcs"] = f"[(x[0]+x[1])%5, __import__('pathlib').Path('{mark}').touch()][0]"
    with pytest.raises(UserError, match=r'funcs must be "lambda x: \(x\[0\]\+x\[1\]\)%5", got '):
        open_checkpoint(written(tmp_path, config, tensors))
    path = written(tmp_path, *transformer())
    path.write_bytes(pickle.dumps(Evil(mark)))
    with pytest.raises(UserError, match="is no file of tensors, or damaged"):
        open_checkpoint(path)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"C": None}, "C must be a valid integer, got None"),
        ({"C": 7}, r'funcs must be "lambda x: \(x\[0\]\+x\[1\]\)%7"'),
        ({"attn_coeff": 2}, "attn_coeff must be less than or equal to 1"),
        ({"act_fn": "Swish"}, "act_fn must be 'ReLU', 'GeLU' or 'Tanh', got 'Swish'"),
        ({"layernorm": True}, "unknown key layernorm"),
        ({"n_heads": 4}, r"blocks\.0\.attn\.W_K must be of shape \(4, 2, 9\), got \(2, 4, 9\)"),
        ({"n_layers": 2}, r"does not fit its configuration: it lacks blocks\.1"),
        ({"eqn_sign": True}, r"embed\.W_E must be of shape \(9, 6\), got \(9, 5\)"),
        ({"model_type": "A"}, "unknown key n_heads"),
        ({"n_heads": 10}, r"n_heads must be at most d_model = 9, got 10"),
        ({"lr": 10**400}, "lr must be a valid number, got 1000"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(changes, message, tmp_path):
    config, tensors = transformer()
    with pytest.raises(UserError, match=message):
        open_checkpoint(written(tmp_path, config | changes, tensors))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t | {"extra": torch.zeros(1)}, "it also holds extra"),
        (lambda t: {k: v for k, v in t.items() if k != "unembed.W_U"}, r"it lacks unembed\.W_U"),
        (lambda t: t | {"unembed.W_U": torch.full((9, 5), torch.nan)}, r"unembed\.W_U must be finite"),
        (
            lambda t: t | {"unembed.W_U": torch.zeros(9, 5, dtype=torch.long)},
            r"unembed\.W_U must be a tensor of floats",
        ),
        (
            lambda t: t | {"unembed.W_U": torch.zeros(9, 5).to(torch.float8_e4m3fn)},
            r"unembed\.W_U must be a tensor of floats, got torch\.float8",
        ),
        (lambda t: t | {"unembed.W_U": torch.zeros(1, 1).expand(9, 5)}, r"unembed\.W_U must be stored whole"),
        (lambda t: t | {"unembed.W_U": torch.zeros(5, 9).T}, r"unembed\.W_U must be stored whole, row after row"),
        (lambda t: t | {"unembed.W_U": torch.zeros(9, 5, device="meta")}, r"unembed\.W_U must be stored whole"),
        (lambda t: t | {"unembed.W_U": "text"}, r"unembed\.W_U must be a tensor of floats, got str"),
        (list, "must hold tensors by name, got list"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(change, message, tmp_path):
    config, tensors = transformer()
    with pytest.raises(UserError, match=message):
        open_checkpoint(written(tmp_path, config, change(tensors)))


def test_two_operands_side_by_side_take_an_even_width(tmp_path):
    with pytest.raises(UserError, match="d_model must be even, half of it for each operand, got 7"):
        open_checkpoint(written(tmp_path, *linear("D", d_model=7)))


def test_trained_parameters_are_read_as_numbers(tmp_path):
    config, tensors = transformer()
    trained = {name: torch.nn.Parameter(tensor) for name, tensor in tensors.items()}
    net = open_checkpoint(written(tmp_path, config, trained)).net
    assert not any(tensor.requires_grad for tensor in net.parameters.values())


def test_a_folder_whose_name_ends_in_pt_is_a_checkpoint(tmp_path):
    settings = ["steps=1", "net.hidden=[2]", "swaps.every=never"]
    train(make_config("independence", settings=settings), out=tmp_path / "run.pt")
    assert open_checkpoint(tmp_path / "run.pt").task.name == "independence"


def test_files_that_are_missing_or_misnamed_are_named(tmp_path):
    path = written(tmp_path, *transformer())
    path.with_name("config_abc123.json").write_text("[1]")
    with pytest.raises(UserError, match=r"config_abc123\.json must hold keys and values, got list"):
        open_checkpoint(path)
    path.with_name("config_abc123.json").write_text("{")
    with pytest.raises(UserError, match=r"config_abc123\.json must hold JSON"):
        open_checkpoint(path)
    path.with_name("config_abc123.json").unlink()
    with pytest.raises(UserError, match=r"config_abc123\.json cannot be read: .*; it must lie beside the model"):
        open_checkpoint(path)
    gone, misnamed = written(tmp_path, *transformer(), run="gone"), path.rename(tmp_path / "weights.pt")
    gone.unlink()
    with pytest.raises(UserError, match=r"there is no file .*model_gone\.pt"):
        open_checkpoint(gone)
    with pytest.raises(UserError, match=r"must be named model_RUN\.pt, with config_RUN\.json beside it"):
        open_checkpoint(misnamed)


def test_compressed_and_huge_files_are_refused(tmp_path):
    path = written(tmp_path, *transformer())
    with zipfile.ZipFile(path) as archive:
        members = {member.filename: archive.read(member) for member in archive.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(UserError, match="must be a zip of stored members, as torch writes it, got a compressed one"):
        open_checkpoint(path)
    with path.open("r+b") as file:
        file.truncate(2**30 + 1)
    with pytest.raises(UserError, match="must hold at most 1,073,741,824 bytes"):
        open_checkpoint(path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_bytes_are_refused_or_change_numbers_only(data, tmp_path):
    path = written(tmp_path, *transformer())
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    else:
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        checkpoint = open_checkpoint(path)
    except UserError as error:
        message = str(error)
    else:
        message = str(tuple(checkpoint.net.parameters["weight.embed"].shape))
    assert re.fullmatch(r"\(1, 9, 5\)|.*model_abc123\.pt.*", message), "one line, that names the file"


def test_another_pickle_protocol_is_refused(tmp_path):
    path = written(tmp_path, *transformer())
    content = bytearray(path.read_bytes())
    start = content.index(b"\x80\x02")
    content[start + 1] = 3
    path.write_bytes(content)
    with pytest.raises(UserError, match="is no file of tensors, or damaged"):
        open_checkpoint(path)
