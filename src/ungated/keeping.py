"""From the summit to the model that is kept, and the opening of the sealed rows, once."""

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from . import explain
from .core.algorithm import Algorithm, State
from .core.clock import Budget
from .core.numbers import Array
from .core.run import Run
from .engines import state
from .engines.pool import Pool
from .means import Means
from .modalities.broken import Broken
from .model import Model, Scores, build
from .prepare import Prepared
from .question import Question
from .refit import refit
from .search.climb import Summit
from .tasks import Supervised, Unsupervised

NO_TIME = (
    "there was no time to learn from all rows once more, with those that had judged it: what is shown is of the others "
    "alone"
)
MAKING = 1.3  # times as long as before that the numbers of all rows take to be made, the sealed ones among them
MOST_OF = 0.7  # of the ensemble, by shares, that must have learned again for it to stand for the first


def settled(question: Question, summit: Summit, prepared: Prepared) -> Question:
    """The question with its task as it is once the summit's answers to the exam are known."""
    if not isinstance(question.task, Unsupervised):
        return question
    y = prepared.answers(0)[1][summit.rows]
    return dataclasses.replace(question, task=question.task.settled(y, summit.answer))


def built(run: Run, question: Question, summit: Summit, prepared: Prepared) -> Model:
    """A model from the ensemble's members, with each encoder once."""
    encoders: dict[int, tuple[int, Any]] = {}  # by identity: its place, and itself
    members = []
    for member in summit.members:
        fits = []
        for fold, path in member.states.items():
            encoder = prepared.encoder(member.trial.entrant, fold)
            place, _ = encoders.setdefault(id(encoder), (len(encoders), encoder))
            fits.append((place, state.read(path)))
        members.append((member.trial.entrant.algorithm, member.weight, fits))
    found = [encoder for _, encoder in encoders.values()]
    return _assembled(run, question, found, members, prepared, summit.by)


def _assembled(
    run: Run,
    question: Question,
    encoders: Sequence[Any],
    members: Sequence[tuple[Algorithm, float, Sequence[tuple[int, State]]]],
    prepared: Prepared,
    by: float = 1.0,
) -> Model:
    """A model of this question from its encoders and what read through them."""
    return build(
        task=question.task,
        target=question.target,
        schema=question.schema,
        features=question.features,
        encoders=encoders,
        members=members,
        temperature=by,
        baseline=question.task.baseline(question.y if question.reference is None else prepared.answers(0)[0]),
        sample=question.rows,
        run=run,
    )


def learned_again(
    run: Run, question: Question, summit: Summit, prepared: Prepared, pool: Pool, means: Means, folder: Path
) -> tuple[Model, "Judged | None"]:
    """The model learned from all rows, and how the one that was learned without the sealed ones did on these."""
    model = built(run, question, summit, prepared)
    judged = judge(model, question, run.seed) if question.sealed.height else None
    budget = dataclasses.replace(means.budget, seconds=0.9 * means.budget.seconds)  # what is found is yet to be told
    if MAKING * prepared.took > budget.left():
        run.notes.append(NO_TIME)
        return model, judged
    again = [m.algorithm.settled(m.fits[0][1].state()) for m in model.members]
    views = [question.view(m.trial.entrant) for m in summit.members]
    found = refit(question, list(zip(again, views, strict=True)), pool, budget, run.seed, folder / "again")
    kept = sum(m.weight for m, f in zip(model.members, found, strict=True) if f)
    if kept < MOST_OF:
        run.notes.append(NO_TIME)
        return model, judged
    first = "once the sealed rows had judged it" if judged else "once it was chosen"
    run.notes.append(f"{first}, it learned from all rows: what is shown is of all")
    encoders = {id(f[0]): f[0] for f in found if f}
    place = {k: i for i, k in enumerate(encoders)}
    members = [
        (algorithm, m.weight / kept, [(place[id(f[0])], f[1])])
        for algorithm, m, f in zip(again, model.members, found, strict=True)
        if f
    ]
    return _assembled(run, question, list(encoders.values()), members, prepared), judged


@dataclass(frozen=True)
class Judged:
    """The sealed rows, opened: what is true, what was answered, how well, and the seconds that answering took."""

    y: Array
    answer: Array
    scores: Scores
    took: float


def judge(model: Model, question: Question, seed: int) -> Judged:
    began = time.monotonic()
    y, answer = model.examined(question.sealed, seed)
    took = time.monotonic() - began
    return Judged(y, answer, model.judge(y, answer), took)


def open_seal(run: Run, model: Model, question: Question, budget: Budget, judged: Judged) -> None:
    """Tell what the sealed rows showed, which were opened once: the error, its figures, what mattered, the mistakes."""
    y, answer, scores = judged.y, judged.answer, judged.scores
    run.error, run.metrics = scores.error, scores.metrics
    if isinstance(question.task, Supervised):
        allowance = _allowance(question, budget)
        run.figures = question.task.figures(y, answer)
        run.figures += explain.explained(model, question.sealed, y, answer, allowance, judged.took)
        if len(question.features) > 1 and not any(f["kind"] == "importance" for f in run.figures):
            run.notes.append(
                "what mattered is not in the report: there was no time left to find out (--time gives more)"
            )
    tell_found(run, model, question, budget)


def tell_found(run: Run, model: Model, question: Question, budget: Budget) -> None:
    """Tell what there is in rows without answers, be any sealed or not, and which files were left out."""
    if isinstance(question.task, Unsupervised):
        about = (model, question.rows, question.sealed, question.truth, _allowance(question, budget), run)
        found = explain.discovered(*about, budget.left() - 0.5)
        run.figures = found + run.figures  # how it learned is there already
    if skipped := explain.skipped([Broken(*b) for b in run.broken], question.rows.height + len(run.broken)):
        run.figures.append(skipped)


def _allowance(question: Question, budget: Budget) -> float:
    """Seconds for the figures that take time. Somewhat less than what is left: the last question may take longer."""
    most = (0.1 if question.mixed else 0.05) * budget.seconds + 0.5
    return float(np.clip(budget.left() - 0.5 - 0.02 * budget.seconds, 0.3, most))
