"""Transfer: what an earlier model has learned, as a beginning for the next one.

Networks learn features first and answers last. Features of one set of pictures serve another, or a spectrogram; those
of one language's texts other texts. So each algorithm of the earlier model that can start from what it learned enters
the climb once more, from there; beside it the same algorithm starts from nothing, and the errors say what helped.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path

from .core.algorithm import Algorithm, Entrant, State
from .core.errors import UsageError
from .core.numbers import Form
from .core.run import Run
from .modalities.views import Encoder, View
from .model import Model
from .search.ladder import Trial


@dataclass(frozen=True)
class Start:
    """What an earlier model brings. learned: by algorithm id, the algorithm, its state, and how it read its column."""

    name: str = ""
    learned: dict[str, tuple[Algorithm, State, Encoder]] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: str | Path) -> "Start":
        """From a model's folder. Raises ModelError, and UsageError where nothing in it can be built upon."""
        model = Model.load(folder)
        learned: dict[str, tuple[Algorithm, State, Encoder]] = {}
        for member in sorted(model.members, key=lambda m: -m.weight):
            if member.algorithm.card.transfers:
                encoder, fitted = member.fits[0]
                learned.setdefault(
                    member.algorithm.card.id, (member.algorithm, fitted.state(), model.encoders[encoder])
                )
        if not learned:
            has = ", ".join(m.algorithm.card.name for m in model.members)
            raise UsageError(
                f"{folder}: nothing in this model can be built upon. It holds: {has}.\n"
                "Features are learned by the networks that eat pixels or tokens."
            )
        return cls(Path(folder).name, learned)

    def entrants(self, scratch: Sequence[Entrant]) -> list[Entrant]:
        """Those who start from nothing, and after them those who start from here."""
        begun = [
            replace(e, algorithm=self.learned[e.algorithm.card.id][0], start=self.name)
            for e in scratch
            if e.algorithm.card.id in self.learned
        ]
        return [*scratch, *begun]

    def view(self, entrant: Entrant, view: View) -> View:
        """What an entrant sees: one that starts from here reads texts in the tokens that it knows."""
        if not entrant.start or view.form is not Form.TOKENS:
            return view
        return replace(view, given=self.learned[entrant.algorithm.card.id][2], giver=self.name)

    def state(self, entrant: Entrant) -> State | None:
        """What an entrant starts from, None where from nothing."""
        return self.learned[entrant.algorithm.card.id][1] if entrant.start else None


def told(trials: Sequence[Trial], start: Start, run: Run) -> None:
    """Note whether it helped: the least error of each algorithm from the earlier model and from nothing."""
    for id_, (algorithm, _, _) in start.learned.items():
        same = [t for t in trials if t.entrant.algorithm.card.id == id_]
        best = {b: min((t.loss([0]) for t in same if bool(t.entrant.start) is b), default=inf) for b in (True, False)}
        if inf in best.values():
            continue
        helped = "helped" if best[True] < best[False] else "did not help"
        run.notes.append(
            f"{algorithm.card.name}: to start from {start.name} {helped}: "
            f"{best[True]:.4g} with it, {best[False]:.4g} from nothing (validation, first fold)"
        )
