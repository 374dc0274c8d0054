"""Voting: how the modules of a net come to an answer together, and which rows each gets right alone.

Run as `python -m interp.voting CKPT`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from rich.console import Group, RenderableType
from rich.text import Text

from bimt.messages import UserError
from bimt.nets.base import Net
from bimt.tasks.base import Task
from interp.ablation import Row, ablate
from interp.ballots import Ballots, can_meet, cast_ballots, explained_by, margins_of
from interp.contributions import knocked_out, readers
from interp.modules import Modules
from interp.pairs import MirrorSplit, Pairs, find_pairs, split_by_mirror
from interp.rows import run_rows
from interp.sparse import SparseNet
from interp.tables import frame_table
from interp.tally import Tally, count_votes

MOST_NEURONS = 10


class Shares(NamedTuple):
    """A share of the rows that are right."""

    rows: float
    """Of all rows, training and test split together."""
    test: float
    """Of the test split."""


class Member(NamedTuple):
    """One module among the others."""

    name: str
    alone: Shares
    """By its contribution c_m = W_out,m h_m alone: no bias of the outputs, the others silent."""
    among_means: Shares
    """By its contribution, the others at their mean over all rows, with the bias."""
    reading: Shares | None
    """By the net that is blind to the others' inputs: biases stay; None for a module without inputs."""
    knocked_out: Shares | None
    """By the net that is blind to this module's inputs; None for a module without inputs."""
    others: Shares
    """By the sum of all other modules."""
    others_predicted: Shares
    """The same if they were independent: their contributions dealt anew among rows with the same answer."""
    votes_predicted: Shares
    """By the plurality of the others, likewise: what independent voting would give."""
    only: float
    """Share of all rows that it alone gets right alone."""
    leads: float
    """Share of all rows in which its margin for the right answer is the largest of all modules'."""
    by_answer: float
    """Share of the variance of its contributions over all rows that the right answer explains."""
    by_difference: float | None
    """Share of the variance of its margin that what the answer leaves open explains (a - b where a + b is asked);
    None for other tasks."""


class Cause(NamedTuple):
    """A neuron that the test loss depends on."""

    name: str
    module: str
    """Empty where it is in none."""
    loss_increase: float
    """When it is set to its training mean, on the test split."""
    stderr: float
    """Over test rows."""
    drop: float
    """Of the accuracy."""

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the loss increase."""
        return self.loss_increase - 1.96 * self.stderr, self.loss_increase + 1.96 * self.stderr


@dataclass(frozen=True, eq=False)
class Voting:
    """Everything that is measured of modules that meet in the outputs."""

    members: tuple[Member, ...]
    rows: Tally
    """Over all rows, training and test split together."""
    test: Tally
    """Over the test split; contributions are dealt among its rows only."""
    causes: tuple[Cause, ...]
    """The neurons with the largest effect on the test loss, the largest first."""
    mirrors: tuple[MirrorSplit, ...]
    """Empty unless the task is one of two operands that may be exchanged."""
    pairs: Pairs | None
    """Where the rows lie, of two operands."""
    right: Bool[np.ndarray, "modules rows"]
    """Which rows each module gets right alone."""
    margins: Float[np.ndarray, "modules rows"]
    """By how much each prefers the right answer to its best wrong one."""

    @property
    def leader(self) -> np.ndarray:
        """Returns for each row which module has the largest margin."""
        return self.margins.argmax(0)

    @property
    def words(self) -> str:
        """Says the verdict over all rows, and what it rests on."""
        return f"{_MEANING[self.rows.verdict]} {_numbers(self.rows)}"

    def to_json(self) -> dict[str, Any]:
        """Returns what docs/json.md describes under `voting`, less what the command knows of the checkpoint."""
        return {
            "verdict": self.rows.verdict,
            "modules": [_member_json(member) for member in self.members],
            "rows": self.rows.to_json(),
            "test": self.test.to_json(),
            "causes": [{**cause._asdict(), "interval": list(cause.interval)} for cause in self.causes],
            "mirrors": [split._asdict() for split in self.mirrors] or None,
            "map": None if self.pairs is None else self._map(self.pairs),
        }

    def to_frame(self) -> pd.DataFrame:
        """Returns one row per module."""
        rows = []
        for member in self.members:
            row: dict[str, Any] = {"module": member.name}
            for column, shares in _columns(member).items():
                row[column] = None if shares is None else shares.rows
                row[f"{column}, test"] = None if shares is None else shares.test
            rows.append(row | {"only": member.only, "leads": member.leads, "by answer": member.by_answer,
                               "by difference": member.by_difference})  # fmt: skip
        return pd.DataFrame(rows).set_index("module")

    def __rich__(self) -> Group:
        """Draws the tables, the verdict first."""
        parts: list[RenderableType] = [
            Text(f"{self.rows.verdict}. {self.words}"),
            frame_table(self.to_frame().T.rename_axis("share of rows"), title="modules, one at a time"),
            frame_table(votes_frame(self), title="together"),
            frame_table(sizes_frame(self.rows), title="share of all rows wrong, by the number of modules"),
            frame_table(overlaps_frame(self.rows), title="wrong together, of all rows"),
            frame_table(causes_frame(self), title="neurons by the test loss without them (by mean)"),
        ]
        if self.mirrors:
            frame = pd.DataFrame(self.mirrors).rename(columns={"kind": "test rows with"}).set_index("test rows with")
            parts.append(frame_table(frame, title="accuracy by mirror"))
        return Group(*parts)

    def _map(self, pairs: Pairs) -> dict[str, Any]:
        """Writes who answers which pair: a line for each a, a character or number for each b."""
        marks = [pairs.square(np.where(each, "1", "0"), empty="-") for each in self.right]
        return {
            "right": {
                member.name: ["".join(line) for line in square.tolist()]
                for member, square in zip(self.members, marks, strict=True)
            },
            "leader": pairs.square(self.leader, empty=-1).tolist(),
        }


def find_voting(
    sparse: SparseNet, modules: Modules, task: Task, *, permutations: int = 200, generator: np.random.Generator
) -> Voting:
    """Measures how the modules of a net come to an answer together.

    The contribution of module m to the logits is c_m = W_out,m h_m, centred over classes; with the bias they add up to
    the net. To make modules independent, each module's contributions are dealt anew among the rows with the same
    answer. Then cooperation = sum - sum of independent modules, and soft information = sum - plurality of independent
    modules: independent modules that are right on 46 % of all rows can sum to 92 % where their plurality gives 57 %, so
    that a sum better than the vote is no cooperation. (Kuncheva & Whitaker 2003, doi:10.1023/A:1022859003006.)

    Args:
        sparse: The net.
        modules: Of its graph.
        task: Its rows.
        permutations: How often contributions are dealt, at least 100: fewer cannot tell anything from chance.
        generator: Deals.

    Raises:
        UserError: If the net does not classify, no two of its modules meet in an output, or there are too few
            permutations.
    """
    if task.kind != "classification":
        raise UserError("modules vote for classes, got a task with numbers for answers")
    if permutations < 100:
        raise UserError(f"--permutations must be at least 100, got {permutations}")
    net, task = sparse.net, task.to(sparse.net.dtype)
    splits = [task.test] if _is_same(task) else [task.train, task.test]
    inputs = torch.cat([split.inputs for split in splits])
    targets = torch.cat([split.targets for split in splits])
    trained = len(inputs) - len(task.test)
    ballots = cast_ballots(net, modules, inputs, targets)
    is_test = np.arange(len(inputs)) >= trained
    tallies = [count_votes(each, permutations=permutations, generator=generator)
               for each in (ballots, ballots.rows(is_test))]  # fmt: skip
    pairs = find_pairs(task, trained=trained, tokens=inputs.numpy(), answers=ballots.targets) if task.tokens else None
    nets = {"reading": readers(net, modules), "knocked_out": knocked_out(net, modules)}
    blind = {
        kind: {name: _shares(_right(each, inputs, ballots), is_test) for name, each in found.items()}
        for kind, found in nets.items()
    }
    together = ballots.by_sum(range(len(ballots.modules)))
    return Voting(
        members=_members(ballots, tallies, pairs, is_test, blind),
        rows=tallies[0],
        test=tallies[1],
        causes=_causes(sparse, modules, task),
        mirrors=() if pairs is None else split_by_mirror(pairs, together),
        pairs=pairs,
        right=ballots.right,
        margins=ballots.margins,
    )


def can_vote(net: Net, modules: Modules, task: Task) -> bool:
    """Tells whether a net classifies and at least two of its modules speak to the same output."""
    return task.kind == "classification" and can_meet(net, modules)


def votes_frame(voting: Voting) -> pd.DataFrame:
    """Returns what all modules get right together, by every way of counting, over all rows and the test split."""
    columns: dict[str, list[float | None]] = {}
    for name, tally in (("all rows", voting.rows), ("test", voting.test)):
        whole = tally.whole
        values: dict[str, tuple[float, float | None]] = {
            "right in at least one module": (tally.union, None),
            "plurality (ties count 1/k)": (whole.plurality, None),
            "plurality, independent": (whole.permuted_plurality.mean, whole.permuted_plurality.stderr),
            "sum = the net": (whole.sum, None),
            "sum without bias": (tally.sum_without_bias, None),
            "sum, independent": (whole.permuted_sum.mean, whole.permuted_sum.stderr),
            "cooperation": (tally.cooperation, whole.permuted_sum.stderr),
            "soft information": (tally.soft_information, None),
        }
        values |= {f"right in {count} alone": (share, None) for count, share in enumerate(tally.right_in)}
        columns[name] = [value for value, _ in values.values()]
        columns[f"±, {name}"] = [error for _, error in values.values()]
    return pd.DataFrame(columns, index=pd.Index(list(values), name="share of rows"), dtype=float)


def sizes_frame(tally: Tally) -> pd.DataFrame:
    """Returns the error against the number of modules."""
    names = ("modules", "sum", "plurality", "sum, independent", "plurality, independent")
    return pd.DataFrame([tuple(size) for size in tally.sizes], columns=names).set_index("modules")


def overlaps_frame(tally: Tally) -> pd.DataFrame:
    """Returns how often every two modules are wrong together."""
    names = ("one", "other", "both wrong", "if independent", "phi")
    frame = pd.DataFrame([tuple(each) for each in tally.overlaps], columns=names)
    return frame.assign(modules=frame.pop("one") + ", " + frame.pop("other")).set_index("modules")


def causes_frame(voting: Voting) -> pd.DataFrame:
    """Returns the neurons that the test loss depends on most."""
    rows = [(each.name, each.module, each.loss_increase, *each.interval, each.drop) for each in voting.causes]
    names = ["neuron", "module", "loss increase", "from", "to (95 %)", "drop of accuracy"]
    return pd.DataFrame(rows, columns=names).set_index("neuron")


def _members(
    ballots: Ballots,
    tallies: list[Tally],
    pairs: Pairs | None,
    is_test: Bool[np.ndarray, " rows"],
    blind: Mapping[str, Mapping[str, Shares]],
) -> tuple[Member, ...]:
    right, margins = ballots.right, ballots.margins
    means = ballots.contributions.mean(1, keepdims=True)
    among = ballots.rest.mean(0) + ballots.bias + means.sum(0)
    open_ = None if pairs is None else pairs.differences
    found = []
    for which, name in enumerate(ballots.modules):
        said = ballots.contributions[which] - means[which] + among
        lesser = [tally.without(name) for tally in tallies]
        found.append(
            Member(
                name=name,
                alone=Shares(*(tally.alone[which] for tally in tallies)),
                among_means=_shares(margins_of(said, ballots.targets) > 0, is_test),
                reading=blind["reading"].get(name),
                knocked_out=blind["knocked_out"].get(name),
                others=Shares(*(each.sum for each in lesser)),
                others_predicted=Shares(*(each.permuted_sum.mean for each in lesser)),
                votes_predicted=Shares(*(each.permuted_plurality.mean for each in lesser)),
                only=float((right[which] & (right.sum(0) == 1)).mean()),
                leads=float((margins.argmax(0) == which).mean()),
                by_answer=tallies[0].by_answer[which],
                by_difference=None if open_ is None else explained_by(margins[which][:, None], open_),
            )
        )
    return tuple(found)


def _causes(sparse: SparseNet, modules: Modules, task: Task) -> tuple[Cause, ...]:
    """Ranks the neurons by the test loss when each is set to its training mean."""
    rows = ablate(sparse, task, method="mean", connections=0).rows
    populations = {site.name: site.population for site in sparse.net.wiring.sites}
    members: dict[tuple[str, int], str] = {}
    for module in modules.modules:
        for site, index in module.neurons:
            members[populations[site], index] = module.name

    def module_of(row: Row) -> str:
        group, _, index = row.name[:-1].rpartition("[")
        return members.get((populations.get(group, group), int(index)), "")

    most = sorted(rows, key=lambda row: -row.loss_increase)[:MOST_NEURONS]
    return tuple(Cause(row.name, module_of(row), row.loss_increase, row.stderr, row.drop) for row in most)


def _right(net: Net, inputs: torch.Tensor, ballots: Ballots) -> Bool[np.ndarray, " rows"]:
    return margins_of(run_rows(net, inputs)[0].numpy(), ballots.targets) > 0


def _shares(right: Bool[np.ndarray, " rows"], is_test: Bool[np.ndarray, " rows"]) -> Shares:
    return Shares(float(right.mean()), float(right[is_test].mean()))


def _is_same(task: Task) -> bool:
    """Tells whether the net is tested on the rows that it was trained on."""
    return torch.equal(task.train.inputs, task.test.inputs)


def _columns(member: Member) -> dict[str, Shares | None]:
    return {
        "alone, by its contribution": member.alone,
        "alone, others at their mean": member.among_means,
        "alone, others' inputs cut": member.reading,
        "net without its inputs": member.knocked_out,
        "sum of the others": member.others,
        "sum of the others, independent": member.others_predicted,
        "votes of the others, independent": member.votes_predicted,
    }


def _member_json(member: Member) -> dict[str, Any]:
    return {name: value._asdict() if isinstance(value, Shares) else value for name, value in member._asdict().items()}


_MEANING = {
    "cooperating": "The modules fit together: the sum makes fewer errors than independent modules would.",
    "independent": "The modules are right or wrong independently of each other, given the answer: their sum does what "
    "a repetition code does.",
    "joint code": "Each module's contribution depends on the right answer and little else, and the answer takes all of "
    "them: they spell it together, like digits, and dealing their contributions anew changes little. This is no vote.",
    "redundant copies": "The modules repeat each other: they are wrong on the same rows, or each is enough.",
    "not accurate": "All modules together are wrong on most rows: how they do it says little.",
    "carried by one": "One module is as good as all together; the others add nothing.",
}


def _numbers(tally: Tally) -> str:
    whole = tally.whole
    alone = ", ".join(f"{100 * share:.1f}" for share in tally.alone)
    return (
        f"Right alone, % of {tally.rows:,} rows: {alone}; at least one of them: {100 * tally.union:.1f}. Plurality "
        f"{100 * whole.plurality:.1f}, sum {100 * whole.sum:.2f}, sum if independent "
        f"{100 * whole.permuted_sum.mean:.2f} ± {100 * whole.permuted_sum.stderr:.2g}: cooperation "
        f"{100 * tally.cooperation:.2f} and soft information {100 * tally.soft_information:.1f} points."
    )


if __name__ == "__main__":
    from bimt.cli import run
    from interp.commands import voting as command

    raise SystemExit(run(command))
