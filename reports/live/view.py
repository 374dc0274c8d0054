"""What a report hands to its page to be played with."""

from dataclasses import dataclass

from markupsafe import Markup

from reports.live.model import Player, make_model
from reports.live.net import is_runnable
from reports.live.pieces import view_pieces
from reports.results import Report


@dataclass(frozen=True)
class Live:
    """The live part of a page."""

    model: Markup
    """JSON, safe inside a script element."""
    nets: tuple[str, ...]
    """What the nets are called, in the order of their numbers in the model."""
    pieces: dict[str, Markup]
    """MathML by the name of the neuron."""


def view_live(report: Report) -> Live | None:
    """Returns the explained net to be played with; None where it does not say what its sites compute."""
    chosen = report.selected
    if not is_runnable(chosen.sparse.net):
        return None
    player = Player(
        name=f"seed {chosen.label}",
        sparse=chosen.sparse,
        task=chosen.checkpoint.task,
        modules=report.modules.modules,
        dense=chosen.dense,
        zero=report.zero,
        mean=report.mean,
        checkpoint=chosen.checkpoint,
        story=report.story,
    )
    return lively([player], view_pieces(report.readable, chosen.sparse.net.wiring))


def lively(players: list[Player], pieces: dict[str, Markup] | None = None) -> Live:
    """Returns players to be played with."""
    # make_model writes no character that could end a script element.
    model = Markup(make_model(players))  # noqa: S704
    return Live(model, tuple(player.name for player in players), pieces or {})
