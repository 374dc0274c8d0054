"""A sweep's folder: what it remembers, and what it refuses."""

import json
import re

import pytest

from bimt.messages import UserError
from bimt.sweep.grid import parse_axis
from bimt.sweep.plan import Plan, blocks_of, claim, load_tasks, read_plan


def plan_of(*grid, **changes):
    usual = {"tasks": ("crossing",), "settings": ("steps=300",), "seeds": 5, "first_seed": 2, "block": 2}
    return Plan(axes=tuple(map(parse_axis, grid or ("cost.offset=0.1,0.2",))), **(usual | changes))


def test_a_plan_is_read_back(tmp_path):
    plan = plan_of("net.hidden=[5],[5,5]", "swaps.every=never,100")
    claim(tmp_path / "run", plan, resume=False)
    assert read_plan(tmp_path / "run") == plan
    claim(tmp_path / "run", plan, resume=True)


def test_a_plan_remembers_what_is_not_measured_and_one_that_does_not_say_measures_it(tmp_path):
    claim(tmp_path, plan_of(fourier=False), resume=False)
    assert read_plan(tmp_path) == plan_of(fourier=False)
    document = json.loads((tmp_path / "sweep.json").read_bytes())
    del document["fourier"]
    (tmp_path / "sweep.json").write_text(json.dumps(document))
    assert read_plan(tmp_path) == plan_of()


def test_seeds_are_divided_into_blocks(tmp_path):
    cell = plan_of().cells()[0]
    blocks = blocks_of(cell, tmp_path, block=2)
    assert [block.config.labels for block in blocks] == [(2, 3), (4, 5), (6,)]
    assert [block.folder.name for block in blocks] == ["seeds-2-3", "seeds-4-5", "seeds-6-6"]
    assert blocks[0].folder.parent == tmp_path / "cells" / cell.name
    assert [block.fourier for block in blocks] == [True] * 3
    assert not any(block.fourier for block in blocks_of(cell, tmp_path, block=2, fourier=False))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tasks": ()}, "a sweep must name at least one task"),
        ({"tasks": ("crossing", "")}, "a task has no name; write names between commas, none of them empty"),
        ({"tasks": ("crossing", "crossing")}, "task crossing is named twice"),
        ({"settings": ("cost.offset=1",)}, "cost.offset is both swept and set; drop one of --grid and --set"),
        ({"settings": ("seeds=3",)}, "--set seeds cannot be given in a sweep: give --seeds"),
        ({"block": 0}, "--block must be at least 1, got 0"),
    ],
)
def test_a_plan_that_contradicts_itself_is_refused(changes, message):
    with pytest.raises(UserError, match=re.escape(message)):
        plan_of(**changes)


def test_a_key_is_swept_once():
    with pytest.raises(UserError, match=r"--grid cost.offset is named twice; name it once, with all its values"):
        plan_of("cost.offset=1", "cost.offset=2")


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (plan_of("cost.offset=0.1,0.3"), "--grid cost.offset=0.1,0.2, now cost.offset=0.1,0.3"),
        (plan_of("cost.offset=0.1,0.2", "steps=5,6", settings=()), "--grid none, now steps=5,6"),
        (plan_of(seeds=6), "seeds 5, now 6"),
        (plan_of(block=5), "block 2, now 5"),
        (plan_of(settings=()), "settings steps=300, now none"),
        (plan_of(tasks=("two_moons",)), "tasks crossing, now two_moons"),
        (plan_of(fourier=False), "fourier True, now False"),
    ],
)
def test_another_sweep_is_not_resumed(tmp_path, other, message):
    claim(tmp_path, plan_of(), resume=False)
    with pytest.raises(UserError, match=re.escape(f"{tmp_path} holds another sweep ({message}); resume it as")):
        claim(tmp_path, other, resume=True)
    assert read_plan(tmp_path) == plan_of()


def test_a_folder_is_claimed_once_and_never_somebody_elses(tmp_path):
    claim(tmp_path / "run", plan_of(), resume=False)
    with pytest.raises(UserError, match="holds a sweep; go on with --resume, or choose another folder"):
        claim(tmp_path / "run", plan_of(), resume=False)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").touch()
    for resume in (False, True):
        with pytest.raises(UserError, match=r"must be empty, found thesis.tex; choose another folder"):
            claim(tmp_path / "mine", plan_of(), resume=resume)
    with pytest.raises(UserError, match="must be a folder, but there is a file of that name"):
        claim(tmp_path / "mine" / "thesis.tex", plan_of(), resume=False)


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"format": 2}', "\ud800", '{"format": 1, "axes": 3}'])
def test_a_damaged_plan_is_named(tmp_path, text):
    (tmp_path / "sweep.json").write_bytes(text.encode(errors="surrogatepass"))
    with pytest.raises(UserError, match=r"sweep.json is damaged; restore it from a copy, or choose another folder"):
        read_plan(tmp_path)


def test_a_plan_written_by_hand_is_held_to_the_same(tmp_path):
    claim(tmp_path, plan_of(), resume=False)
    document = json.loads((tmp_path / "sweep.json").read_bytes())
    (tmp_path / "sweep.json").write_text(json.dumps(document | {"block": 0}))
    with pytest.raises(UserError, match="--block must be at least 1, got 0"):
        read_plan(tmp_path)


def test_a_cell_that_cannot_be_built_is_named_with_its_reason():
    cells = plan_of("net.geometry.h1=line,grid", settings=("steps=300", "net.hidden=[5]")).cells()
    with pytest.raises(
        UserError, match=r"^cell crossing,net.geometry.h1=grid: net.geometry does not fit .* a grid must hold a square"
    ):
        load_tasks(cells)


def test_data_are_read_once_for_all_cells(monkeypatch):
    tasks = load_tasks(plan_of("cost.offset=0.1,0.2", "task.rows=30,40").cells())
    assert [len(task.train) for task in tasks] == [30, 40, 30, 40]
    assert tasks[0] is tasks[2]
