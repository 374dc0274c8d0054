"""A hand-made net on sheets: four pixels, four and two hidden neurons, three outputs on a ring."""

import torch

from bimt.geometry import make_slots
from bimt.nets.mlp import MLP, mlp_wiring
from interp.sparse import SparseNet

FIRST = [[1.0, 0.0, -2.0, 0.0], [0.0, 0.5, 0.0, 0.0], [0.0, 0.0, 0.0, 3.0], [0.0, 0.0, 0.0, 0.0]]
SECOND = [[-4.0, 0.25, 0.0, 0.0], [0.0, -1.0, -0.5, 0.0]]
LAST = [[2.0, 0.0], [0.0, 1.5], [0.0, 0.5]]


def sheet_net() -> MLP:
    """Pixels [[0, 1], [2, 3]] row by row; h1[3] reads nothing and feeds nothing."""
    weights = {"h1": FIRST, "h2": SECOND, "out": LAST}
    parameters = {f"weight.{name}": torch.tensor([rows], dtype=torch.float64) for name, rows in weights.items()}
    biases = {f"bias.{name}": torch.zeros(1, len(rows), dtype=torch.float64) for name, rows in weights.items()}
    slots = [make_slots("grid", 4), make_slots("grid", 4), make_slots("line", 2), make_slots("ring", 3)]
    return MLP(mlp_wiring(slots), parameters | biases, "silu")


def sheet_sparse(net: MLP | None = None) -> SparseNet:
    """The same, with every weight kept that is not zero."""
    net = net or sheet_net()
    kept = {name: tensor != 0 for name, tensor in net.parameters.items() if name.startswith("weight.")}
    scores = dict.fromkeys(("metric", "dense_metric", "explained", "dense_explained", "loss", "dense_loss"), 1.0)
    return SparseNet(net=net, kept=kept, threshold=0.1, tolerance=1e-3, **scores)
