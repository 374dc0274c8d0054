"""What can be measured on a pruned seed at once: how good, how large, how long, how modular, without any null model."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace

import networkx as nx
import pandas as pd

from bimt.checkpoint import Checkpoint
from bimt.train import LIVE
from interp.communities import find_communities
from interp.graph import crossings, to_graph
from interp.parts import Part, Vertex, find_parts, find_vertices, to_wires
from interp.score import kept_lengths
from interp.sparse import SparseNet, above, live_hidden, masked, whole


@dataclass(frozen=True)
class Measures:
    """One seed, as trained and pruned; first the numbers."""

    seed: int
    """Its label."""
    dense_loss: float
    """Test loss as trained, in the net's units."""
    loss: float
    """Test loss after pruning."""
    dense_metric: float
    """Test R^2 or accuracy as trained."""
    metric: float
    """Test R^2 or accuracy after pruning."""
    live: int
    """Weights above 0.01 in size as trained (the published cut)."""
    connections: int
    """Connections kept by pruning; tied ones once."""
    neurons: int
    """Hidden neurons on a path from an input to an output after pruning; once, at however many sites."""
    length: float
    """Sum of the lengths of the kept connections; those from populations without slots have none."""
    wiring: float
    """Sum of |w| times length over the kept connections."""
    modularity: float
    """Q, link by link, of the communities that the Louvain method finds in the pruned net; not held against chance."""
    parts: int
    """Independent parts of the pruned net: no connection joins them."""
    crossings: int | None
    """Pairs of kept connections of one link whose ends lie in reversed order."""
    groups: tuple[str, ...]
    """The inputs and outputs of every independent part, such as "x1 x3 -> y1", sorted."""
    hidden: tuple[str, ...]
    """Hidden neurons of every independent part, layer by layer, in the order of `groups`: "3 + 2"."""
    constant_outputs: tuple[str, ...]
    """Labels of the outputs without a connection."""
    live_groups: tuple[str, ...]
    """As `groups`, where the net as trained is cut at the published 0.01 instead of pruned."""


def measure(checkpoint: Checkpoint, sparse: SparseNet) -> Measures:
    """Measures one pruned seed of a checkpoint; a net of ten thousand kept connections takes about a second.

    Args:
        checkpoint: Where the seed is from: it has the net as trained, and the data.
        sparse: The seed, pruned.

    Returns:
        Its measures.
    """
    task = checkpoint.task
    dense = whole(checkpoint.net.seed(checkpoint.labels.index(sparse.label)), task, label=sparse.label)
    graph = to_graph(sparse, task)
    vertices = find_vertices(graph)
    parts = find_parts(vertices)
    cut, live = cut_at(dense, LIVE)
    cut_graph = to_graph(cut, task)
    cut_vertices = find_vertices(cut_graph)
    named = _groups(parts, vertices, graph)
    length, wiring = kept_lengths(sparse)
    return Measures(
        seed=sparse.label,
        dense_loss=sparse.dense_loss,
        loss=sparse.loss,
        dense_metric=sparse.dense_metric,
        metric=sparse.metric,
        live=live,
        connections=sparse.connections,
        neurons=sum(int(mask.sum()) for mask in live_hidden(sparse).values()),
        length=length,
        wiring=wiring,
        modularity=_modularity(vertices, parts),
        parts=len(parts),
        crossings=crossings(graph),
        groups=tuple(name for name, _ in named),
        hidden=tuple(sizes for _, sizes in named),
        constant_outputs=tuple(graph.nodes[end]["label"] for end in graph.graph["outputs"] if not graph.degree(end)),
        live_groups=tuple(name for name, _ in _groups(find_parts(cut_vertices), cut_vertices, cut_graph)),
    )


def measures_frame(measures: Iterable[Measures]) -> pd.DataFrame:
    """Returns one row per seed, with the seed's label as the index."""
    return pd.DataFrame([asdict(row) for row in measures]).set_index("seed")


def cut_at(dense: SparseNet, threshold: float) -> tuple[SparseNet, int]:
    """Cuts every connection of a net that is not above a threshold, whatever that costs.

    Returns:
        The net with only the connections on a path from an input to an output (its scores are still the old ones), and
        how many connections are above the threshold, on a path or not.
    """
    larger = {name: dense.net.parameters[name].abs() > threshold for name in dense.kept}
    kept, _ = above(dense.net, threshold)
    cut = replace(dense, net=masked(dense.net, kept), kept=kept, threshold=threshold)
    return cut, replace(dense, kept=larger).connections


def _modularity(vertices: nx.MultiDiGraph, parts: Sequence[Part]) -> float:
    members: list[Vertex] = [vertex for part in parts for vertex in part.vertices]
    if not members:
        return 0.0
    return float(find_communities(to_wires(vertices, members).connections)[1][0])


def _groups(parts: Sequence[Part], vertices: nx.MultiDiGraph, graph: nx.DiGraph) -> list[tuple[str, str]]:
    """Writes the inputs and outputs of every part by their labels, and its hidden neurons layer by layer; sorted."""

    def labels(ends: tuple[Vertex, ...]) -> str:
        return " ".join(graph.nodes[vertices.nodes[end]["neurons"][0]]["label"] for end in ends)

    def sizes(part: Part) -> str:
        layers = Counter(each.population for each in part.vertices if vertices.nodes[each]["role"] == "hidden")
        return " + ".join(map(str, layers.values()))

    return sorted((f"{labels(part.inputs)} -> {labels(part.outputs)}", sizes(part)) for part in parts)
