"""Everything that a report shows, before any of it is written."""

from dataclasses import dataclass

import networkx as nx

from interp.ablation import AblationTable
from interp.events import Story
from interp.formula import Formulas
from interp.modules import Modules
from interp.rank import Ranking
from interp.representations import Representations
from interp.select import Selected
from interp.selectivity import Selectivity
from interp.sparse import SparseNet
from interp.voting import Voting


@dataclass(frozen=True)
class Scores:
    """How large a net is and how good."""

    connections: int
    neurons: int
    """Hidden ones on a path from an input to an output."""
    train_metric: float
    test_metric: float
    train_loss: float
    test_loss: float


@dataclass(frozen=True, eq=False)
class Report:
    """One seed of a checkpoint, explained."""

    selected: Selected
    """The seed, as trained and pruned, and the checkpoint it is from."""
    seeds: tuple[SparseNet, ...]
    """Every seed that did not stop, pruned."""
    dense_scores: Scores
    """Of the seed as trained."""
    scores: Scores
    """Of the pruned seed."""
    before: nx.DiGraph
    """The graph of the seed as trained."""
    after: nx.DiGraph
    """The graph of the pruned seed."""
    modules: Modules
    selectivity: tuple[Selectivity, ...]
    """Each module beside random sets of neurons; empty where no module has hidden neurons."""
    loss_without_bridges: float | None
    """Test loss of the net as trained with only the connections between modules cut; None for fewer than two."""
    zero: AblationTable
    """Everything replaced by zero, one at a time."""
    mean: AblationTable
    """Everything replaced by its training mean, one at a time."""
    exact: Formulas | None
    """None where no formula describes the net; then `no_formulas` says why."""
    readable: Formulas | None
    """The same with rounded constants."""
    no_formulas: str
    voting: Voting | None
    """How the modules come to an answer together; None where no two meet in an output, or the inputs are no tokens."""
    stories: tuple[Story, ...]
    """How training went, snapshot by snapshot: of every seed, or of the explained one alone where there are very many
    snapshots; empty where there are fewer than two."""
    draws: int
    """Nets drawn from each null behind the modules."""
    representations: Representations | None = None
    """What the pruned net knows of its task's group; None where the task has none."""

    ranking: Ranking | None = None
    """All seeds side by side; None of fewer than five."""

    @property
    def story(self) -> Story | None:
        """How the explained seed's training went; None where there are fewer than two snapshots."""
        return next((each for each in self.stories if each.evolution.label == self.selected.label), None)

    @property
    def compares_outputs(self) -> bool:
        """Whether there are several outputs, so that a part can matter to one of them alone."""
        return len(self.zero.outputs) > 1

    @property
    def metric_name(self) -> str:
        """What the metric is called."""
        return "accuracy" if self.selected.checkpoint.task.kind == "classification" else "R²"
