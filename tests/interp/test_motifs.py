"""Motifs planted in hand-made nets are read back, and nothing else is."""

import json

import numpy as np
import pytest
import sympy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from bimt.nets.activations import ACTIVATIONS
from bimt.tasks.base import Scaling
from interp.circuit import Circuit, Layer, to_circuit
from interp.motifs import Motifs, find_motifs
from interp.sparse import Neuron
from tests.gardens import ADDED, CURVED, assert_errors_are_true, ends, evaluate, grow, search
from tests.nets import mlp


@pytest.mark.parametrize("activation", CURVED)
@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("square",), ()),
        (("product",), ()),
        (("sums",), ("square",)),
        (("square", "square", "product"), ("product", "square")),
        (("square",) * 3 + ("product",) * 2 + ("sums",), ("square", "square", "product", "sums")),
    ],
)
def test_planted_squares_and_products_are_read_back_and_nothing_else(activation, first, second):
    for seed in range(2):
        garden, planted = grow(activation, seed, first, second, size=(0.1, 0.4)[seed])
        assert len(planted) == len(first) + len(second)
        circuit = garden.circuit()
        found = search(circuit, garden.table)
        assert ends(found) == {each[:3] for each in planted}
        assert_errors_are_true([motif for motif in found if motif.kind in ADDED], circuit, garden.table)
        by_target = {motif.target: motif for motif in found if motif.kind in ADDED}
        for each in planted:
            motif = by_target[each.target]
            span = each.value.max() - each.value.min()
            off = (evaluate(motif.formula, circuit, garden.table) - each.value).abs().max() / span
            assert off < (0.005, 0.05)[seed]
            assert motif.error < (0.005, 0.05)[seed] + 0.001


@pytest.mark.parametrize("activation", CURVED)
def test_a_product_of_two_sources_is_written_so(activation):
    garden, planted = grow(activation, 7, ("product",), ("product",))
    found = search(garden.circuit(), garden.table)
    for each in planted:
        (motif,) = (motif for motif in found if motif.target == each.target)
        assert [len(part.free_symbols) for part in motif.parts] == [1, 1]
        prefix = "x" if each.target.site == "h2" else "h1_"
        assert all(str(symbol).startswith(prefix) for symbol in motif.formula.free_symbols)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_planted_lines_and_constants_are_read_back(activation):
    line = {"tanh": (0.05, 0.01)}.get(activation, (2.0, 40.0))
    low = (0.7, -40.0)
    weights = [[[line[0], 0.0], [low[0], 0.3], [0.0, 0.0], [1.5, -2.0]], [[1.0, 1.0, 1.0, 1.0]]]
    net = mlp(weights, [[line[1], low[1], 0.4, 0.1], [0.0]], activation=activation)
    circuit = to_circuit(net, Scaling.none(2, 1))
    table = torch.randn(400, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = {motif.neurons[0].index: motif for motif in search(circuit, table)}
    function = ACTIVATIONS[activation]
    middle = torch.tensor(line[1], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(function(middle), middle)
    assert {index: motif.kind for index, motif in found.items()} == {0: "linear", 1: "saturated", 2: "saturated"}
    assert all(motif.target is None for motif in found.values())
    assert found[0].scale == pytest.approx(slope.item(), rel=0.01)
    assert found[0].parts[0].free_symbols == {sympy.Symbol("x1")}
    assert found[1].offset == pytest.approx(function(torch.tensor(low[1], dtype=torch.float64)).item(), abs=1e-12)
    assert found[2].offset == pytest.approx(function(torch.tensor(0.4, dtype=torch.float64)).item(), abs=1e-15)
    assert found[2].error == 0
    assert_errors_are_true(found.values(), circuit, table)


def test_a_dead_neuron_is_zero():
    circuit = to_circuit(mlp([[[1.0]], [[1.0]]], [[-9.0], [0.0]], activation="relu"), Scaling.none(1, 1))
    (motif,) = search(circuit, torch.linspace(-1, 1, 20, dtype=torch.float64)[:, None])
    assert (motif.kind, motif.formula, motif.error) == ("saturated", 0, 0)


def test_unread_neurons_are_called_nothing():
    circuit = to_circuit(mlp([[[1.0], [0.1]], [[1.0, 0.0]]], activation="tanh"), Scaling.none(1, 1))
    assert search(circuit, torch.linspace(-3, 3, 20, dtype=torch.float64)[:, None]) == ()


def test_two_relus_are_an_absolute_value_and_no_square():
    net = mlp(
        [[[2.0, 1.0], [-2.0, -1.0], [0.3, -0.8]], [[1.5, 1.5, 1.0]]], [[-0.5, 0.5, 0.1], [0.0]], activation="relu"
    )
    circuit = to_circuit(net, Scaling.none(2, 1))
    table = torch.randn(400, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    (motif,) = (motif for motif in search(circuit, table) if motif.kind in ADDED)
    assert (motif.kind, motif.neurons) == ("absolute", (Neuron("h1", 0), Neuron("h1", 1)))
    expected = 1.5 * (2 * table[:, 0] + table[:, 1] - 0.5).abs()
    torch.testing.assert_close(evaluate(motif.formula, circuit, table), expected, atol=1e-6, rtol=0)


def pair_net(biases, outward, *, weights=(1.0, -1.0), activation="silu"):
    net = mlp([[[each] for each in weights], [list(outward)]], [list(biases), [0.0]], activation=activation)
    return to_circuit(net, Scaling.none(1, 1)), torch.linspace(-1, 1, 201, dtype=torch.float64)[:, None]


def test_a_parabola_that_turns_outside_its_range_is_no_square():
    turning = search(*pair_net([0.0, 0.0], [1.0, 0.5]))  # slope 1/4, bend 3/8: it turns at -1/3
    assert [motif.kind for motif in turning] == ["square"]
    outside = search(*pair_net([0.0, 0.0], [1.0, 0.05]))  # it turns at -0.9, too near the end to see it
    assert not ends(outside)
    assert not ends(search(*pair_net([0.0, 0.0], [1.0, -0.5])))


def test_one_neuron_is_no_square_even_where_it_turns():
    circuit, table = pair_net([-1.28, 0.0], [1.0, 1e-6])
    assert not ends(search(circuit, table))
    assert not ends(search(*pair_net([-1.28], [1.0], weights=[0.5])))


def with_squares(squares, *, sources=3, seed=0):
    """One target of squares (direction, scale) made by pairs of silu, and the table."""
    weights, outward = [], []
    for direction, scale in squares:
        for sign in (1, -1):
            weights.append([sign * 0.1 * each for each in direction])
            outward.append(scale * 200)  # silu(z) + silu(-z) = z^2 / 2 + ...
    table = torch.randn(300, sources, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return to_circuit(mlp([weights, [outward]]), Scaling.none(sources, 1)), table


def test_squares_of_opposite_sign_stay_squares_where_the_product_says_no_less():
    circuit, table = with_squares([((1, 0, 0), 1.0), ((0, 1, 0), -1.0)])
    assert sorted(motif.kind for motif in search(circuit, table)) == ["square", "square"]


def test_a_product_and_a_square_of_one_target_are_told_apart():
    circuit, table = with_squares([((1, 1, 0), 0.25), ((1, -1, 0), -0.25), ((0, 0, 1), -0.7), ((1, 0, 0), 0.4)])
    found = search(circuit, table)
    assert ends(found) == {
        ("product", Neuron("out", 0), tuple(Neuron("h1", each) for each in range(4))),
        ("square", Neuron("out", 0), (Neuron("h1", 4), Neuron("h1", 5))),
        ("square", Neuron("out", 0), (Neuron("h1", 6), Neuron("h1", 7))),
    }
    assert_errors_are_true(found, circuit, table)


def test_three_squares_of_one_plane_are_a_product():
    circuit, table = with_squares([((1, 1, 0), 0.5), ((1, 0, 0), -0.5), ((0, 1, 0), -0.5)])
    (motif,) = search(circuit, table)
    assert (motif.kind, len(motif.neurons)) == ("product", 6)
    expected = table[:, 0] * table[:, 1]
    torch.testing.assert_close(
        evaluate(motif.formula, circuit, table), expected, atol=0.01 * expected.abs().max().item(), rtol=0
    )
    assert {part.free_symbols.pop().name for part in motif.parts} == {"x1", "x2"}


def test_dense_weighted_sums_are_a_product_unless_it_could_be_another():
    alone = [((1.0, 2.0, -1.0), 0.3), ((0.5, -1.0, 2.0), -0.3)]
    assert [motif.kind for motif in search(*with_squares(alone))] == ["product"]
    ambiguous = [*alone, ((0.7, 1.5, 1.2), -0.3)]
    assert [motif.kind for motif in search(*with_squares(ambiguous))] == ["square"] * 3


def test_three_neurons_multiply():
    """Silu of p + q and of p - q, and a line that takes off what is of first order."""
    net = mlp([[[0.3, 0.3], [0.3, -0.3], [0.0, -0.3]], [[1.0, -1.0, 1.0]]], [[0.0, 0.0, 20.0], [0.0]])
    circuit = to_circuit(net, Scaling.none(2, 1))
    table = torch.rand(300, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2 - 1
    (motif,) = search(circuit, table)
    assert (motif.kind, len(motif.neurons)) == ("product", 3)
    assert motif.scale == pytest.approx(0.09, rel=0.05)
    assert motif.error < 0.03
    assert_errors_are_true([motif], circuit, table)


def test_no_neuron_is_in_two_products():
    """The line of x1 could complete either product, and is in one."""
    bent = [[0.3, 0.3, 0], [0.3, -0.3, 0], [0.3, 0, 0.3], [0.3, 0, -0.3]]
    lines = [[0.0, -0.3, 0], [0, 0, -0.3], [0.05, 0.0, 0.0]]
    outward = [1.0, -1.0, 1.0, -1.0, 1.0, 1.0, 0.05]
    net = mlp([[*bent, *lines], [outward]], [[0.0] * 4 + [20.0] * 3, [0.0]])
    table = torch.rand(300, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2 - 1
    found = [motif for motif in search(to_circuit(net, Scaling.none(3, 1)), table) if motif.kind in ADDED]
    assert [motif.kind for motif in found] == ["product", "product"]
    neurons = [neuron for motif in found for neuron in motif.neurons]
    assert sorted(neurons) == [Neuron("h1", index) for index in range(7)]


def test_a_square_may_take_two_layers_and_skip_one():
    """h2 reads h1 alone, and the output reads h2, or the first layer over its head."""
    inputs = {"in": torch.tensor([[[0.4, 0.2], [-0.4, -0.2], [0.3, -0.6], [-0.3, 0.6]]], dtype=torch.float64)}
    first = Layer("h1", "silu", inputs, torch.zeros(1, 4, dtype=torch.float64))
    through = torch.tensor([[[1.5, 0, 0, 0], [0, 1.5, 0, 0]]], dtype=torch.float64)
    second = Layer("h2", "silu", {"h1": through}, torch.zeros(1, 2, dtype=torch.float64))
    outward = {
        "h1": torch.tensor([[[0, 0, 2.0, 2.0]]], dtype=torch.float64),
        "h2": torch.tensor([[[3.0, 3.0]]], dtype=torch.float64),
    }
    last = Layer("out", None, outward, torch.zeros(1, 1, dtype=torch.float64))
    circuit = Circuit({"in": (0, 2)}, torch.zeros(2, dtype=torch.float64), (first, second, last), ("out",))
    table = torch.rand(300, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2 - 1
    found = search(circuit, table)
    assert ends(found) == {
        ("square", Neuron("out", 0), (Neuron("h1", 2), Neuron("h1", 3))),
        ("square", Neuron("out", 0), (Neuron("h2", 0), Neuron("h2", 1))),
    }
    symbols = set().union(*(motif.formula.free_symbols for motif in found if motif.kind == "square"))
    assert {str(symbol) for symbol in symbols} == {"x1", "x2"}
    assert_errors_are_true(found, circuit, table)


def test_what_is_nearly_parallel_counts_in_the_error():
    exact, table = with_squares([((1.0, 0.5, 0.2), 1.0)])
    (square,) = search(exact, table)
    first = exact.layers[0]
    turned = first.weights["in"].clone()
    turned[0, 0] += 1e-3 * torch.tensor([-0.5, 1.0, 0.0], dtype=torch.float64)
    near = Circuit(
        exact.inputs, exact.centres, (Layer("h1", "silu", {"in": turned}, first.bias), exact.layers[1]), ("out",)
    )
    (found,) = search(near, table)
    assert found.kind == "square"
    assert 2 * square.error < found.error < 0.1
    assert_errors_are_true([found], near, table)


@settings(max_examples=10, deadline=None)
@given(st.permutations(range(14)), st.integers(0, 3))
def test_relabelling_neurons_relabels_the_motifs(order, seed):
    garden, _ = grow("silu", seed, ("square", "product"))
    circuit, table = garden.circuit(), garden.table
    first, second, last = circuit.layers
    order = list(order)
    moved = Layer("h1", "silu", {"in": first.weights["in"][:, order]}, first.bias[:, order])
    reader = Layer("h2", "silu", {"h1": second.weights["h1"][:, :, order]}, second.bias)
    other = Circuit(circuit.inputs, circuit.centres, (moved, reader, last), circuit.outputs)
    place = {old: new for new, old in enumerate(order)}

    def rename(neuron):
        return Neuron("h1", place[neuron.index]) if neuron is not None and neuron.site == "h1" else neuron

    before, after = search(circuit, table), search(other, table)
    renamed = {(each.kind, each.target, tuple(sorted(map(rename, each.neurons)))): each for each in before}
    found = {(each.kind, each.target, each.neurons): each for each in after}
    assert renamed.keys() == found.keys()
    for key, motif in found.items():
        assert motif.error == pytest.approx(renamed[key].error, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_units_change_nothing_but_numbers(seed):
    garden, _ = grow("gelu", seed, ("square", "sums", "product"), ("square",))
    circuit, table = garden.circuit(), garden.table
    units = 10 ** (garden.draw(5) * 3)
    first = circuit.layers[0]
    scaled = Layer("h1", "gelu", {"in": first.weights["in"] / units}, first.bias)
    other = Circuit(circuit.inputs, circuit.centres, (scaled, *circuit.layers[1:]), circuit.outputs)
    before, after = search(circuit, table), search(other, table * units)
    assert [(each.kind, each.target, each.neurons) for each in before] == [
        (each.kind, each.target, each.neurons) for each in after
    ]
    for one, two in zip(before, after, strict=True):
        assert one.error == pytest.approx(two.error, rel=1e-6, abs=1e-9)
        values = evaluate(one.formula, circuit, table), evaluate(two.formula, other, table * units)
        torch.testing.assert_close(*values, rtol=1e-7, atol=1e-9 * values[0].abs().max().item())


def test_far_columns_are_read_in_the_tables_units():
    """A column of years is written less its centre."""
    random = torch.Generator().manual_seed(0)
    years = 2003 + 5 * torch.randn(300, 1, generator=random, dtype=torch.float64)
    values = [torch.tensor(each, dtype=torch.float64) for each in ([2003.0], [5.0], [0.0], [1.0])]
    circuit = to_circuit(mlp([[[0.2], [-0.2]], [[1.0, 1.0]]]), Scaling(*values))
    (motif,) = search(circuit, years)
    assert motif.kind == "square"
    assert sympy.solve(motif.parts[0], sympy.Symbol("x1"))[0] == pytest.approx(2003, abs=0.1)
    assert_errors_are_true([motif], circuit, years)


def test_squares_that_turn_where_no_row_is_still_make_a_product():
    """Where p and q grow together p - q hardly varies: its square turns outside its range, the product does not."""
    circuit, _ = with_squares([((1, 1), 0.25), ((1, -1), -0.25)], sources=2)
    first = circuit.layers[0]
    shift = first.weights["in"][..., 0] * 0.5 + first.weights["in"][..., 1] * -0.5  # (x1 + 0.5) (x2 - 0.5)
    moved = Layer("h1", "silu", {"in": first.weights["in"]}, first.bias + shift)
    circuit = Circuit(circuit.inputs, circuit.centres, (moved, circuit.layers[1]), ("out",))
    random = torch.Generator().manual_seed(0)
    both = torch.randn(300, 1, generator=random, dtype=torch.float64)
    table = both + 0.1 * torch.randn(300, 2, generator=random, dtype=torch.float64)
    (motif,) = search(circuit, table)
    assert (motif.kind, len(motif.neurons)) == ("product", 4)
    centres = sorted(-motif.parts[place].subs(sympy.Symbol(f"x{place + 1}"), 0) for place in range(2))
    assert centres == pytest.approx([-0.5, 0.5], abs=0.01)


def test_results_show_themselves():
    circuit, table = with_squares([((1, 1, 0), 0.25), ((1, -1, 0), -0.25)])
    motifs = Motifs(search(circuit, table))
    (entry,) = json.loads(json.dumps(motifs.to_json()))
    assert entry["neurons"] == ["h1[0]", "h1[1]", "h1[2]", "h1[3]"]
    assert (entry["kind"], entry["target"]) == ("product", "out[0]")
    assert sympy.sympify(entry["formula"]).free_symbols == {sympy.Symbol("x1"), sympy.Symbol("x2")}
    frame = motifs.to_frame()
    assert list(frame.columns) == ["kind", "neurons", "target", "formula", "error"]
    assert frame["formula"][0] == entry["formula"]
    console = Console(width=200)
    with console.capture() as capture:
        console.print(motifs)
    assert "product" in capture.get()
    assert "h1[0], h1[1], h1[2], h1[3]" in capture.get()
    assert Motifs(()).to_frame().empty


def test_a_column_that_never_changes_is_no_part_of_a_direction():
    circuit, table = with_squares([((1, 0.5, 3.0), 1.0)])
    table[:, 2] = 0.25
    (motif,) = search(circuit, table)
    assert {str(symbol) for symbol in motif.formula.free_symbols} == {"x1", "x2"}
    assert_errors_are_true([motif], circuit, table)


def test_nets_without_hidden_neurons_hold_nothing():
    table = torch.randn(20, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert search(to_circuit(mlp([[[1.0, 2.0]]]), Scaling.none(2, 1)), table) == ()
    assert search(to_circuit(mlp([np.zeros((0, 2)), np.zeros((1, 0))]), Scaling.none(2, 1)), table) == ()


@pytest.mark.parametrize("option", ["error", "shape_error"])
@pytest.mark.parametrize("value", [0.0, 1.0, float("nan")])
def test_errors_must_be_shares(option, value):
    with pytest.raises(ValueError, match=f"`{option}` must be a share between 0 and 1"):
        search(*pair_net([0.0, 0.0], [1.0, 1.0]), **{option: value})


def test_there_must_be_rows_and_one_copy():
    circuit, table = pair_net([0.0, 0.0], [1.0, 1.0])
    with pytest.raises(ValueError, match="at least 10 rows, got 9"):
        search(circuit, table[:9])
    with pytest.raises(ValueError, match="one copy, got 2"):
        search(circuit.with_constants(circuit.constants().repeat(2, 1)), table)


def test_rounding_of_a_constant_is_no_error():
    # 0.1 u + 0.2 u - 0.3 u is 0 but for rounding, of the drive and of the value
    net = mlp([[[1.0]] * 3, [[0.1, 0.2, -0.3]], [[1.0]]], [[3.0] * 3, [0.2], [0.0]], activation="selu")
    table = torch.linspace(-1, 1, 50, dtype=torch.float64)[:, None]
    motifs = find_motifs(to_circuit(net, Scaling.none(1, 1)), table, sympy.symbols("x1,"))
    assert [motif.error for motif in motifs if motif.kind == "saturated"] == [0.0]
