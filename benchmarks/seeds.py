"""What became of every seed of a run: its losses, connections, crossings and parts, before pruning and after."""

import networkx as nx
import pandas as pd
import torch

from bimt.checkpoint import Checkpoint
from bimt.config import make_config
from bimt.cost import connection_cost
from bimt.train import LIVE, train
from interp.graph import crossings, to_graph
from interp.select import prune_all
from interp.sparse import masked, on_path, test_scores, whole


def run(task: str, *, seeds: int, first_seed: int = 0, settings: tuple[str, ...] = ()) -> Checkpoint:
    """Trains so many seeds of a task in memory."""
    return train(make_config(task, settings=settings, seeds=seeds, first_seed=first_seed))


def seed_frame(checkpoint: Checkpoint) -> pd.DataFrame:
    """Returns one row per seed; `cut` columns are at the published |w| > 0.01, `pruned` ones after pruning."""
    task, rows = checkpoint.task, []
    costs = connection_cost(checkpoint.net, distance_scale=1.0, offset=0.1, bias=False)
    for sparse in prune_all(checkpoint):
        row = checkpoint.labels.index(sparse.label)
        dense = whole(checkpoint.net.seed(row), task)
        kept = {name: dense.net.parameters[name].abs() > LIVE for name in dense.kept}
        graph, pruned = _live_graph(dense, kept, task), to_graph(sparse, task)
        _, loss = test_scores(masked(dense.net, kept), task)
        rows.append(
            {
                "seed": sparse.label,
                "cost": costs[row].item(),
                "test_loss": sparse.dense_loss,
                "test_metric": sparse.dense_metric,
                "cut_loss": loss,
                "cut_connections": sum(int(mask.sum()) for mask in kept.values()),
                "cut_parts": _parts(graph),
                "pruned_loss": sparse.loss,
                "pruned_metric": sparse.metric,
                "pruned_connections": sparse.connections,
                "pruned_crossings": crossings(pruned),
                "pruned_parts": _parts(pruned),
            }
        )
    return pd.DataFrame(rows).set_index("seed")


def _live_graph(dense, kept, task) -> nx.DiGraph:
    from dataclasses import replace

    live = on_path(dense.net.wiring, kept)
    kept = {name: mask.clone() for name, mask in kept.items()}
    for link in dense.net.wiring.links:
        link.view(kept[link.parameter])[:] &= live[link.target][:, None] & live[link.source]
    return to_graph(replace(dense, net=masked(dense.net, kept), kept=kept), task)


def _parts(graph: nx.DiGraph) -> str:
    """Writes the independent parts as text: "x1 x3 -> y1 | x2 x4 -> y2"."""
    parts = []
    for members in nx.weakly_connected_components(graph):
        ends = [
            [graph.nodes[node]["label"] for node in graph if node in members and graph.nodes[node]["role"] == role]
            for role in ("input", "output")
        ]
        if all(ends):
            parts.append(" -> ".join(" ".join(names) for names in ends))
    return " | ".join(sorted(parts))


torch.set_num_threads(1)
