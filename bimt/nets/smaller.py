"""A wiring and its tensors with only some of the neurons left; stored tensors may hold several links."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import torch
from einops import rearrange
from jaxtyping import Int
from torch import Tensor

from bimt.wiring import Bias, Link, Population, Wiring

Span = tuple[int, int] | None
Kept = Mapping[str, Int[Tensor, " kept"]]


def take_neurons(
    wiring: Wiring, parameters: Mapping[str, Tensor], populations: tuple[Population, ...], kept: Kept
) -> tuple[Wiring, dict[str, Tensor]]:
    """Returns a smaller wiring and the tensors it describes.

    Args:
        wiring: Of the whole net.
        parameters: Its stored tensors, (1, ...).
        populations: As they are to be, of the same names.
        kept: For every population the neurons that stay, in their new order.
    """
    neurons = {site.name: kept[site.population] for site in wiring.sites}
    tensors = dict(parameters)
    links: dict[str, Link] = {}
    biases: dict[str, Bias] = {}
    for name in dict.fromkeys(link.parameter for link in wiring.links):
        mine = [link for link in wiring.links if link.parameter == name]
        rows = _spans((link.rows, neurons[link.target]) for link in mine)
        cols = _spans((link.cols, neurons[link.source]) for link in mine)
        tensors[name] = _taken(parameters[name], mine[0].layout, _indices(rows), _indices(cols))
        new_rows, new_cols = _shifted(rows), _shifted(cols)
        links |= {link.name: replace(link, rows=new_rows[link.rows], cols=new_cols[link.cols]) for link in mine}
    for name in dict.fromkeys(bias.parameter for bias in wiring.biases):
        own = [bias for bias in wiring.biases if bias.parameter == name]
        rows = _spans((bias.rows, neurons[bias.site]) for bias in own)
        tensors[name] = parameters[name][:, _indices(rows)].clone()
        new_rows = _shifted(rows)
        biases |= {bias.site: replace(bias, rows=new_rows[bias.rows]) for bias in own}
    smaller = Wiring(
        populations,
        wiring.sites,
        tuple(links[link.name] for link in wiring.links),
        tuple(biases[bias.site] for bias in wiring.biases),
        wiring.skips,
        wiring.gates,
    )
    return smaller, tensors


def _spans(parts: Iterable[tuple[Span, Tensor]]) -> dict[Span, Tensor]:
    """Returns the different spans of one axis in order, each with the indices that stay, counted inside the span."""
    found: dict[Span, Tensor] = {}
    for span, stay in parts:
        if not torch.equal(found.setdefault(span, stay), stay):
            raise ValueError(f"links that share the rows or columns {span} must keep the same neurons")
    return dict(sorted(found.items(), key=lambda item: item[0] or (0, 0)))


def _indices(spans: Mapping[Span, Tensor]) -> Tensor:
    """Returns the indices that stay, counted along the whole axis."""
    return torch.cat([stay + (0 if span is None else span[0]) for span, stay in spans.items()])


def _shifted(spans: Mapping[Span, Tensor]) -> dict[Span, Span]:
    """Returns for each old span the new one."""
    result: dict[Span, Span] = {}
    start = 0
    for span, stay in spans.items():
        result[span] = None if span is None else (start, start + len(stay))
        start += len(stay)
    return result


def _taken(tensor: Tensor, layout: str, rows: Tensor, cols: Tensor) -> Tensor:
    oriented = rearrange(tensor, f"seeds {layout} -> seeds target source")[:, rows][:, :, cols]
    return rearrange(oriented, f"seeds target source -> seeds {layout}").clone()
