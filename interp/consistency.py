"""Do the seeds of a task fall apart in the same way? Partitions of inputs and outputs, compared between seeds."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any, NamedTuple

import pandas as pd
from rich.console import Group, RenderableType
from rich.text import Text

from bimt.messages import printable
from bimt.tasks.base import Task
from interp.graph import to_graph
from interp.parts import Vertex, find_parts, find_vertices
from interp.rand_index import adjusted_rand
from interp.sparse import Neuron, SparseNet
from interp.tables import frame_table

FEWEST = 5
"""Of fewer seeds nothing is said: even if all agree, that could be chance."""
CONFIDENCE = 0.95
_MOST_SHOWN = 10
"""Of more partitions the most frequent are shown in the table."""


class Partition(NamedTuple):
    """How the inputs and outputs of one seed hang together; hidden neurons cannot be compared between seeds."""

    groups: tuple[int, ...]
    """For every input and output, in the task's order, the number of its group, counted from 0 as they come up: an
    independent part is a group, and so is every input or output without a connection, by itself."""
    parts: tuple[str, ...]
    """Every independent part by its inputs and outputs, "x1 x3 -> y1", in the order of their first ends."""


@dataclass(frozen=True)
class Shared:
    """One partition and the seeds that have it."""

    parts: tuple[str, ...]
    """As in `Partition`."""
    seeds: tuple[int, ...]
    """Labels, in order."""
    share: float
    """Of all seeds."""
    low: float
    """Lower end of the share's 95 % confidence interval (Wilson 1927, doi:10.1080/01621459.1927.10502953)."""
    high: float
    """Its upper end."""


@dataclass(frozen=True)
class Consistency:
    """What the seeds of one checkpoint have in common."""

    seeds: int
    """How many were compared."""
    partitions: tuple[Shared, ...]
    """The distinct ones, the most frequent first; of equals that of the lowest label."""
    mean_adjusted_rand: float | None
    """Over all pairs of seeds (Hubert & Arabie 1985, doi:10.1007/BF01908075): 1 if all partitions are the same, about 0
    if they agree as by chance; None for a single seed."""
    is_consistent: bool | None
    """Whether the task has a consistent structure; None where there are too few seeds to say."""
    verdict: str
    """The same in a sentence, with why."""

    def to_json(self) -> dict[str, Any]:
        """Returns what docs/json.md describes under `rank`."""
        return asdict(self)

    def to_frame(self) -> pd.DataFrame:
        """Returns one row per distinct partition."""
        rows = [
            {
                "partition": " | ".join(each.parts) or "nothing connected",
                "seeds": len(each.seeds),
                "share": each.share,
                "low": each.low,
                "high": each.high,
            }
            for each in self.partitions
        ]
        return pd.DataFrame(rows, columns=["partition", "seeds", "share", "low", "high"])

    def __rich__(self) -> RenderableType:
        """Draws the most frequent partitions and the verdict."""
        frame = self.to_frame()
        count = f"{len(frame)} distinct partition{'s' * (len(frame) != 1)} of inputs and outputs"
        if self.mean_adjusted_rand is not None:
            count += f", mean adjusted Rand index {self.mean_adjusted_rand:.3f}"
        if len(frame) > _MOST_SHOWN:
            count += f"; the {_MOST_SHOWN} most frequent"
        shown = frame.head(_MOST_SHOWN).set_index("partition")
        return Group(Text(count), frame_table(shown), Text(printable(self.verdict, limit=1000)))


def partition_of(sparse: SparseNet, task: Task) -> Partition:
    """Groups the inputs and outputs of a pruned seed by its independent parts.

    Look-ups (tokens) are in no part and are left out: of nets on tokens the outputs alone are compared.
    """
    graph = to_graph(sparse, task)
    vertices = find_vertices(graph)
    part_of = {vertex: number for number, part in enumerate(find_parts(vertices)) for vertex in part.vertices}
    numbers: dict[object, int] = {}
    members: dict[int, tuple[list[str], list[str]]] = {}
    groups = []
    for column, role in enumerate(("inputs", "outputs")):
        ends: list[Neuron] = [end for end in graph.graph[role] if not graph.nodes[end]["look_up"]]
        for end in ends:
            vertex = Vertex(graph.nodes[end]["population"], end.index)
            number = numbers.setdefault(part_of.get(vertex, vertex), len(numbers))
            groups.append(number)
            if vertex in part_of:
                members.setdefault(number, ([], []))[column].append(graph.nodes[end]["label"])
    parts = (f"{' '.join(inputs)} -> {' '.join(outputs)}".strip() for inputs, outputs in members.values())
    return Partition(tuple(groups), tuple(parts))


def compare_seeds(partitions: Mapping[int, Partition]) -> Consistency:
    """Says whether the seeds agree on how the inputs and outputs fall apart.

    The task has a consistent structure if the most frequent partition has at least two independent parts, and the
    share of seeds that have it is above one half with 95 % confidence (lower end of the Wilson interval).

    Args:
        partitions: Of the same inputs and outputs, by the labels of the seeds.

    Raises:
        ValueError: If there is none, or they are not of the same inputs and outputs.
    """
    if not partitions:
        raise ValueError("`partitions` must hold at least one seed, got none")
    sizes = {len(partition.groups) for partition in partitions.values()}
    if len(sizes) > 1:
        raise ValueError(f"`partitions` must be of the same inputs and outputs, got {sorted(sizes)} of them")
    holders: dict[Partition, list[int]] = {}
    for label in sorted(partitions):
        holders.setdefault(partitions[label], []).append(label)
    count = len(partitions)
    found = []
    for partition, labels in sorted(holders.items(), key=lambda item: (-len(item[1]), item[1])):
        found.append(Shared(partition.parts, tuple(labels), len(labels) / count, *_wilson(len(labels), count)))
    answer, verdict = _judge(found, count)
    return Consistency(count, tuple(found), _mean_adjusted_rand(holders), answer, verdict)


def _wilson(hits: int, count: int) -> tuple[float, float]:
    """Returns the ends of the confidence interval of a share."""
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    share, doubt = hits / count, z * z / count
    middle = (share + doubt / 2) / (1 + doubt)
    reach = z * math.sqrt(share * (1 - share) / count + doubt / count / 4) / (1 + doubt)
    return 0.0 if hits == 0 else middle - reach, 1.0 if hits == count else middle + reach


def _judge(found: list[Shared], count: int) -> tuple[bool | None, str]:
    first = found[0]
    if count < FEWEST:
        return None, f"No verdict on the task's structure: {count} of at least {FEWEST} seeds."
    low, high = math.floor(100 * first.low), math.ceil(100 * first.high)
    having = f"{len(first.seeds)} of {count} seeds (with 95 % confidence more than {low} % of all)"
    if first.low <= 0.5:
        return False, (
            f"No consistent structure: even the most frequent partition is that of {len(first.seeds)} of {count} seeds "
            f"only, and a share above one half is not certain ({low} to {high} %)."
        )
    if len(first.parts) < 2:
        kind = "one part: nothing falls apart" if first.parts else "without a connection"
        return False, f"No consistent structure: {having} are {kind}."
    return True, f"The task has a consistent structure: {having} fall into {' | '.join(first.parts)}."


def _mean_adjusted_rand(holders: Mapping[Partition, list[int]]) -> float | None:
    """Averages over all pairs of seeds; every two distinct partitions are compared once."""
    counts = [(partition.groups, len(labels)) for partition, labels in holders.items()]
    count = sum(number for _, number in counts)
    if count < 2:
        return None
    total = sum(number * (number - 1) / 2 for _, number in counts)
    for rank, (one, number) in enumerate(counts):
        for other, times in counts[:rank]:
            total += number * times * adjusted_rand(one, other)
    return total / (count * (count - 1) / 2)
