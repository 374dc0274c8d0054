"""Grids: how they are written, which cells follow, what the cells' folders are called."""

import re

import pytest

from bimt.messages import UserError
from bimt.sweep.grid import Axis, make_cells, parse_axis


def cells_of(*grid, tasks=("crossing",), settings=()):
    return make_cells(tasks, tuple(map(parse_axis, grid)), settings, seeds=2, first_seed=0)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("cost.offset=0.1", ("0.1",)),
        ("swaps.every=never, 100 ,200", ("never", "100", "200")),
        ("net.hidden=[20,20],[40]", ("[20,20]", "[40]")),
        ("cost.strength=[[0,0.1],[0.5,1]],0.2", ("[[0,0.1],[0.5,1]]", "0.2")),
        ('task.data="a,b.csv",c.csv', ('"a,b.csv"', "c.csv")),
        ('net.geometry={"in":"line","h1":"ring"},{}', ('{"in":"line","h1":"ring"}', "{}")),
        ('task.data="a\\",b",c', ('"a\\",b"', "c")),
    ],
)
def test_values_are_split_at_commas_outside_brackets_and_quotes(text, values):
    assert parse_axis(text) == Axis(text.partition("=")[0], values)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cost.offset", "--grid must be key=value,value,..., got cost.offset"),
        ("=1,2", "--grid must be key=value,value,..., got =1,2"),
        ("cost.offset=", "--grid cost.offset must list values between commas, got none; leave no value empty"),
        ("cost.offset=1,,2", "--grid cost.offset must list values between commas, got 1,,2; leave no value empty"),
        ("seeds=1,2", "--grid seeds cannot be given in a sweep: give --seeds"),
        ("task=a,b", "--grid task cannot be given in a sweep: name tasks as arguments"),
    ],
)
def test_what_is_no_axis_is_refused(text, message):
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        parse_axis(text)


def test_cells_are_the_product_and_the_last_axis_changes_fastest():
    cells = cells_of("cost.offset=0.1,0.2", "swaps.every=never,100", tasks=("crossing", "two_moons"))
    assert len(cells) == 8
    assert [cell.values for cell in cells[:4]] == [("0.1", "never"), ("0.1", "100"), ("0.2", "never"), ("0.2", "100")]
    assert [cell.task for cell in cells] == ["crossing"] * 4 + ["two_moons"] * 4
    assert [(cell.config.cost.offset, cell.config.swaps.every) for cell in cells[1:3]] == [(0.1, 100), (0.2, "never")]
    assert all(cell.config.seeds == 2 for cell in cells)


def test_names_are_readable_where_values_are():
    names = [cell.name for cell in cells_of("cost.offset=1e-3,0.5", "swaps.every=never,100")]
    assert names[0] == "crossing,cost.offset=1e-3,swaps.every=never"
    assert names[3] == "crossing,cost.offset=0.5,swaps.every=100"


def test_names_tell_all_cells_apart_and_stay_inside_the_folder():
    tables = [f"{word}.csv" for word in ("A", "a", "../a", "a b", "a_b", "x" * 300, "é", "a/b", "..")]
    axis = f"task.data={','.join(tables)}"
    cells = cells_of(axis, tasks=("table",), settings=['task.targets=["y"]'])
    names = [cell.name for cell in cells]
    assert len({name.casefold() for name in names}) == len(tables)
    assert all(re.fullmatch(r"[a-z0-9_.,=+-]{1,140}", name) for name in names)
    assert names == [cell.name for cell in cells_of(axis, tasks=("table",), settings=['task.targets=["y"]'])]
    assert [cell.config.task.data for cell in cells] == tables


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        (["cost.offse=1"], "cell crossing, cost.offse=1: unknown key cost.offse; did you mean cost.offset?"),
        (["cost.offset=0.1,-1"], "cell crossing, cost.offset=-1: cost.offset must be"),
        (["cost.offset=0.1,much"], "cell crossing, cost.offset=much: cost.offset must be a valid number, got 'much'"),
        (["swaps.every=100,90000"], "cell crossing, swaps.every=90000: swaps every 90,000 in 20,000 steps"),
        (["cost.offset=0.1,0.10"], "cells crossing, cost.offset=0.1 and crossing, cost.offset=0.10 are the same"),
    ],
)
def test_a_cell_that_cannot_be_configured_is_named(grid, message):
    with pytest.raises(UserError, match=f"^{re.escape(message)}"):
        cells_of(*grid)


def test_too_many_cells_are_refused_before_they_are_built():
    values = ",".join(map(str, range(1, 201)))
    with pytest.raises(UserError, match="at most 10,000 cells, got 40,000; name fewer values"):
        cells_of(f"learning_rate={values}", f"cost.offset={values}")
