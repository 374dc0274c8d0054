"""What a sweep knows of every seed: measures and events, taken where it was trained, kept beside the checkpoint."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from bimt.checkpoint import Checkpoint
from bimt.folder import MANIFEST, write_file
from bimt.sweep.blocks import Block, train_block
from bimt.train import Moment
from interp.addition import can_measure, pair_net
from interp.events import tell
from interp.fourier import Metrics, measure_net
from interp.measures import Measures, measure
from interp.select import prune_all

MEASURED = "measures.json"
_FORMAT = 2


@dataclass(frozen=True)
class Happened:
    """An event in few words."""

    kind: str
    step: int
    output: str | None
    """The output it is about."""


@dataclass(frozen=True)
class SeedResult:
    """One seed of a cell."""

    seed: int
    """Its label."""
    measures: Measures | None
    """None where its training stopped."""
    events: tuple[Happened, ...] = ()
    """In the order of their steps."""
    stopped: str = ""
    """Why its training stopped; empty where it did not."""
    addition: Metrics | None = None
    """Clock or pizza, of the net as trained; None where it does not add two numbers, or nobody asks."""


def train_and_measure(
    block: Block, *, watch: Callable[[Moment], None], should_stop: Callable[[], bool]
) -> tuple[SeedResult, ...]:
    """Trains a block of seeds, prunes and measures every one, and writes that beside the checkpoint.

    What is finished already is not done again.

    Raises:
        UserError: If every seed stopped, or the folder cannot be used.
        Interrupted: If `should_stop` said so.
    """
    known = read_results(block)
    if known is not None:
        return known
    results = measure_seeds(train_block(block, watch=watch, should_stop=should_stop), fourier=block.fourier)
    document = {**_head(block), "seeds": [asdict(result) for result in results]}
    write_file(block.folder / MEASURED, _sealed(document))
    return results


def measure_seeds(checkpoint: Checkpoint, *, fourier: bool = True) -> tuple[SeedResult, ...]:
    """Prunes and measures every seed of a checkpoint, in the order of their labels.

    Args:
        checkpoint: With all its seeds.
        fourier: Whether nets that add two numbers are judged: a second each where the numbers are few, a minute where
            they are many.
    """
    is_judged = fourier and can_measure(checkpoint.config.task)
    pruned = {sparse.label: sparse for sparse in prune_all(checkpoint)}
    return tuple(
        SeedResult(
            label,
            measure(checkpoint, pruned[label]),
            tuple(Happened(event.kind, event.step, event.output) for event in tell(checkpoint, label).events),
            addition=_judged(checkpoint, label) if is_judged else None,
        )
        if label in pruned
        else SeedResult(label, None, stopped=checkpoint.stopped[label])
        for label in checkpoint.labels
    )


def read_results(block: Block) -> tuple[SeedResult, ...] | None:
    """Reads what was measured of a block; None where nothing was, or what was is not of the checkpoint beside it."""
    try:
        content = (block.folder / MEASURED).read_bytes()
        document = json.loads(content)
        del document["sha256"]
        head = _head(block)
        if content != _sealed(document) or {key: document.get(key) for key in head} != head:
            return None
        results = tuple(map(_from_document, document["seeds"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return results if tuple(result.seed for result in results) == block.config.labels else None


def _judged(checkpoint: Checkpoint, label: int) -> Metrics:
    return measure_net(pair_net(checkpoint, checkpoint.net.seed(checkpoint.labels.index(label))))


def _head(block: Block) -> dict[str, Any]:
    """Returns what the results of a block must agree with to be believed."""
    return {"format": _FORMAT, "manifest": _manifest(block), "fourier": block.fourier}


def _manifest(block: Block) -> str:
    """Returns what tells a finished checkpoint from every other."""
    content = (block.folder / MANIFEST).read_bytes()
    if not json.loads(content)["finished"]:
        raise ValueError("the checkpoint is not finished")
    return hashlib.sha256(content).hexdigest()


def _sealed(document: Mapping[str, Any]) -> bytes:
    text = json.dumps(document)
    return json.dumps({**document, "sha256": hashlib.sha256(text.encode()).hexdigest()}).encode()


def _from_document(document: Mapping[str, Any]) -> SeedResult:
    measured, judged = document["measures"], document["addition"]
    return SeedResult(
        seed=document["seed"],
        measures=None if measured is None else Measures(**_tupled(measured)),
        events=tuple(Happened(**event) for event in document["events"]),
        stopped=document["stopped"],
        addition=None if judged is None else Metrics(**_tupled(judged)),
    )


def _tupled(document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in document.items()}


MEASURE_NAMES = tuple(item.name for item in fields(Measures) if item.name != "seed")
"""What is measured, in order."""
ADDITION_NAMES = ("verdict", "accuracy", "gradient_symmetricity", "distance_irrelevance", "judged_circularity")
"""What a table has of clock and pizza."""
