"""Wirings without modules to compare with: one null keeps the degrees, the other the lengths as well."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from interp.communities import Connections, Floats, Ints

_SWEEPS = 8  # proposed exchanges per connection of the largest link
_WINDOW = 4  # exchanges of each link between two looks at whether the wiring still holds together, at least
_LOOKS = 64  # such looks, at most
_BINS = 5  # length classes of a link, at most
_LOOSE = 8  # one connection in so many may change its length class, at least two in each link


@dataclass(frozen=True)
class Wires:
    """One wiring and what its rewirings must respect."""

    connections: Connections  # one wiring
    positions: Floats  # (vertices, dims) where each vertex sits
    ties: Ints  # (pairs, 2) vertices that hang together without a connection (skips, gates); may be empty

    @property
    def components(self) -> int:
        """In how many pieces the vertices are, single ones counted."""
        return int(count_components(self, self.connections.targets)[0])


def draw_structure(wires: Wires, *, batches: Sequence[int], generator: np.random.Generator) -> Iterator[Connections]:
    """Random wirings in which every neuron keeps its number of connections in every link.

    Two connections of one link exchange their targets, many times over; then the weights are shuffled over the
    connections of each link. A wiring in more pieces than the original is never drawn.

    One chain runs from the original to a hidden starting wiring, and from there one chain of the same length to
    each draw. Every step is as likely as its reverse, so original and draws are exchangeable and the p-value is exact
    however slowly the chains mix (Besag & Clifford 1989, doi:10.1093/biomet/76.4.633).

    Args:
        wires: The original.
        batches: How many to draw at a time; nothing is drawn before it is asked for.
        generator: Source of all randomness.

    Yields:
        So many wirings with the links and sources of the original.
    """
    return _draw(wires, keep_lengths=False, batches=batches, generator=generator)


def draw_space(wires: Wires, *, batches: Sequence[int], generator: np.random.Generator) -> Iterator[Connections]:
    """Random wirings that keep the degrees and, in every link, how many connections are how long.

    As `draw_structure`, but an exchange must keep the count of every length class of its link (L1 distance, classes
    by quantiles of the link), give or take two connections or one in eight: with less to spare the chains can
    hardly leave the original, and true modules are missed. Weights are shuffled among connections of the same class.
    Space alone makes band-shaped nets look modular (Expert et al. 2011, doi:10.1073/pnas.1018962108): this null
    has the same bands.
    """
    return _draw(wires, keep_lengths=True, batches=batches, generator=generator)


def count_components(wires: Wires, targets: Ints) -> Ints:
    """In how many pieces the vertices are if the connections end at these targets: (D, edges) -> (D,)."""
    wirings, n, ties = len(targets), wires.connections.vertices, wires.ties
    offset = np.arange(wirings)[:, None] * n
    starts = np.concatenate([(offset + wires.connections.sources).ravel(), (offset + ties[:, 0]).ravel()])
    ends = np.concatenate([(offset + targets).ravel(), (offset + ties[:, 1]).ravel()])
    graph = coo_array((np.ones(len(starts), dtype=np.int8), (starts, ends)), shape=(wirings * n, wirings * n))
    pieces, piece = connected_components(graph, directed=False)
    wiring_of_piece = np.empty(pieces, dtype=np.intp)
    wiring_of_piece[piece] = np.arange(wirings * n) // n
    return np.bincount(wiring_of_piece, minlength=wirings)


@dataclass(frozen=True)
class _Grid:
    """Every connection that could exist has a cell: one block per link, a row per target, a column per source."""

    first: Ints  # (links,) the first connection of each link
    sizes: Ints  # (links,) its number of connections
    columns: Ints  # (links,) how many sources it has
    origins: Ints  # (edges,) the cell of each connection if its target were row 0
    rows: Ints  # (edges,) the row of each connection's target in the original
    vertex_of_row: Ints  # (links, rows) which vertex a row stands for
    classes: Ints  # (cells,) the length class of each cell
    counts: Ints  # (links, classes) how many connections of each class the original has


@dataclass
class _Chains:
    """The state of D chains; the functions that end in _ change it."""

    rows: Ints  # (D, edges)
    filled: NDArray[np.bool_]  # (D, cells)
    counts: Ints  # (D, links, classes)

    def take(self, chosen: Ints) -> "_Chains":
        """Copies of the chosen chains."""
        return _Chains(self.rows[chosen], self.filled[chosen], self.counts[chosen])


def _draw(
    wires: Wires, *, keep_lengths: bool, batches: Sequence[int], generator: np.random.Generator
) -> Iterator[Connections]:
    grid = _lay_out(wires, keep_lengths=keep_lengths)
    filled = np.zeros((1, len(grid.classes)), dtype=bool)
    filled[0, grid.origins + grid.rows * grid.columns[wires.connections.links]] = True
    hidden = _Chains(grid.rows[None].copy(), filled, grid.counts[None].copy())
    _run_(hidden, grid, wires, generator)
    for number in batches:
        chains = hidden.take(np.zeros(number, dtype=np.intp))
        _run_(chains, grid, wires, generator)
        targets = grid.vertex_of_row[wires.connections.links, chains.rows]
        weights = _shuffled_weights(wires.connections, grid, chains, generator)
        yield replace(wires.connections, targets=targets, weights=weights)


def _run_(chains: _Chains, grid: _Grid, wires: Wires, generator: np.random.Generator) -> None:
    """Runs every chain the same number of windows; a window that breaks the wiring apart is taken back."""
    allowed = wires.components
    steps = _SWEEPS * int(grid.sizes.max(initial=0))
    window = max(_WINDOW, -(-steps // _LOOKS))
    for _ in range(-(-steps // window)):
        before = chains.take(np.arange(len(chains.rows)))
        for _ in range(window):
            _exchange_(chains, grid, generator)
        changed = np.flatnonzero((chains.rows != before.rows).any(1))
        if len(changed) == 0:
            continue
        targets = grid.vertex_of_row[wires.connections.links, chains.rows[changed]]
        broken = changed[count_components(wires, targets) > allowed]
        chains.rows[broken] = before.rows[broken]
        chains.filled[broken] = before.filled[broken]
        chains.counts[broken] = before.counts[broken]


def _exchange_(chains: _Chains, grid: _Grid, generator: np.random.Generator) -> None:
    """In every chain and link, two random connections exchange their targets if that is allowed."""
    every = np.arange(len(chains.rows))[:, None]
    picks = grid.first + (generator.random((2, len(every), len(grid.first))) * grid.sizes).astype(np.intp)
    one, two = picks
    row_one, row_two = chains.rows[every, one], chains.rows[every, two]
    old_one, old_two = grid.origins[one] + row_one * grid.columns, grid.origins[two] + row_two * grid.columns
    new_one, new_two = grid.origins[one] + row_two * grid.columns, grid.origins[two] + row_one * grid.columns
    chain, link = np.nonzero(~(chains.filled[every, new_one] | chains.filled[every, new_two]))
    cells = [each[chain, link] for each in (old_one, old_two, new_one, new_two)]
    if grid.counts.shape[1] > 1:
        counts = chains.counts[chain, link]
        for cell, change in zip(cells, (-1, -1, 1, 1), strict=True):
            counts[np.arange(len(chain)), grid.classes[cell]] += change
        fits = np.abs(counts - grid.counts[link]).sum(1) <= 2 * np.maximum(2, grid.sizes[link] // _LOOSE)
        chain, link, cells = chain[fits], link[fits], [each[fits] for each in cells]
        chains.counts[chain, link] = counts[fits]
    for cell, is_filled in zip(cells, (False, False, True, True), strict=True):
        chains.filled[chain, cell] = is_filled
    chains.rows[chain, one[chain, link]] = row_two[chain, link]
    chains.rows[chain, two[chain, link]] = row_one[chain, link]


def _shuffled_weights(connections: Connections, grid: _Grid, chains: _Chains, generator: np.random.Generator) -> Floats:
    """The original weights, shuffled inside each link and, as far as the counts agree, inside each length class."""
    links, shape = connections.links, chains.rows.shape
    cells = grid.origins + chains.rows * grid.columns[links]
    original = grid.classes[grid.origins + grid.rows * grid.columns[links]]
    giver = np.lexsort((generator.random(shape), np.broadcast_to(original, shape), np.broadcast_to(links, shape)))
    taker = np.lexsort((generator.random(shape), grid.classes[cells], np.broadcast_to(links, shape)))
    weights = np.empty(shape)
    np.put_along_axis(weights, taker, connections.weights[0][giver], 1)
    return weights


def _lay_out(wires: Wires, *, keep_lengths: bool) -> _Grid:
    links, sources, targets = wires.connections.links, wires.connections.sources, wires.connections.targets[0]
    number = int(links.max(initial=-1)) + 1
    sizes = np.bincount(links, minlength=number)
    vertex_of_row = np.zeros((number, wires.connections.vertices), dtype=np.intp)
    origins, rows, columns, classes, counts, base = np.empty_like(links), np.empty_like(links), [], [], [], 0
    for link in range(number):
        mine = links == link
        ends, rows[mine] = np.unique(targets[mine], return_inverse=True)
        starts, column = np.unique(sources[mine], return_inverse=True)
        vertex_of_row[link, : len(ends)] = ends
        origins[mine] = base + column
        columns.append(len(starts))
        of_cells = np.zeros(len(ends) * len(starts), dtype=np.intp)
        if keep_lengths:
            lengths = np.abs(wires.positions[ends][:, None] - wires.positions[starts]).sum(2).ravel()
            of_cells = _length_classes(lengths, lengths[rows[mine] * len(starts) + column])
        classes.append(of_cells)
        counts.append(np.bincount(of_cells[rows[mine] * len(starts) + column], minlength=_BINS + 1))
        base += len(of_cells)
    return _Grid(
        first=np.cumsum(sizes) - sizes,
        sizes=sizes,
        columns=np.array(columns, dtype=np.intp),
        origins=origins,
        rows=rows,
        vertex_of_row=vertex_of_row,
        classes=np.concatenate([np.zeros(0, dtype=np.intp), *classes]),
        counts=np.array(counts, dtype=np.intp).reshape(number, -1)[:, : _BINS + 1 if keep_lengths else 1],
    )


def _length_classes(lengths: Floats, of_edges: Floats) -> Ints:
    """The class of each length: up to `_BINS` equally full ones, and one for all that is longer than any edge."""
    bins = min(_BINS, max(1, len(of_edges) // 3))
    borders = np.unique(np.quantile(of_edges, np.arange(1, bins + 1) / bins, method="higher").round(9))
    classes = np.searchsorted(borders, lengths.round(9), side="left")
    return np.where(classes == len(borders), _BINS, classes)
