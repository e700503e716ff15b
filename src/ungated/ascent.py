"""From a question and those who may answer it to the summit: rows parted into folds, numbers prepared, the climb led.

The climb itself (`search`) knows neither tables nor modalities; here it is handed what it needs of them.
"""

import contextlib
import dataclasses
import importlib
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from . import algorithms, ledger
from .core.algorithm import Entrant
from .core.numbers import Array, Form
from .core.run import INTERRUPTED, Run
from .engines import state
from .engines.pool import START, Pool
from .journal import Journal
from .listener import Listener, Progress
from .means import Means
from .modalities.views import View
from .prepare import Prepared
from .question import Question
from .refit import learned_from_all
from .samples import Album
from .search import split
from .search.climb import Summit, Terms, climb, quicker
from .search.ladder import Trial
from .search.split import Fold
from .tasks import Unsupervised
from .transfer import Start, told

MANY = 20_000  # rows of pictures, sounds or texts, from which on networks learn from them but once
ANSWERING = 0.03  # of the time that answering the sealed rows may take, if it can be had for less
ANSWERED = 0.05  # of the time that one member may take for it, or it is no member ...
LEAST_ANSWERED = 1.0  # ... but so many seconds are granted: to answer at all takes a moment
REMADE = 2.0  # times that numbers are made after the climb, where it is learned again: to judge, to learn, to explain
MOST_RESERVED = 0.6  # of the time left that may be kept for that
MOST_KEPT = 0.4  # of all time, where others are at work: of a few seconds else too little is left to learn anything
FROM_ALL = 0.08  # of the time in which what weighs words learns once more, from all rows
ATTEMPTS = 5  # whole partings that the time should pay for, when the share of one fit is set


def ascend(
    run: Run,
    listener: Listener,
    question: Question,
    fitting: Sequence[Entrant],
    means: Means,
    pool: Pool,
    candidates: int | None,
    start: Start,
    scratch: Path,
    fixed: Collection[str],
    journal: Journal,
) -> tuple[Summit, Prepared]:
    """Part the rows into folds, and climb."""
    planned = {line.algorithm: line.seconds for line in run.plan}
    folds, how = _parted(question, fitting, planned, means, candidates, run.seed, journal)
    run.split = f"{how}; {run.split}"

    def view(entrant: Entrant) -> View:
        return start.view(entrant, question.view(entrant))

    def begun(entrant: Entrant) -> Path | None:
        folder = scratch / "starts" / entrant.algorithm.card.id
        if (learned := start.state(entrant)) is None:
            return None
        if not folder.exists():
            state.write(folder, learned)
        return folder

    exam = partial(question.task.exam, seed=run.seed) if isinstance(question.task, Unsupervised) else None
    to = scratch / "blocks"
    prepared = Prepared(question.rows, question.y, question.schema, view, folds, to, exam, question.reference)
    y, folds, learned = _answers(question, prepared, folds)
    if journal.resumed:
        pool.get_warm(START)  # libraries were loaded before: it costs this run no time, as reading does not
    means = dataclasses.replace(means, budget=journal.budget(means.budget))
    words = _words(question, fitting)
    from_all = FROM_ALL * means.budget.seconds if words else 0.0
    climbing_seconds = means.budget.left() - _reserve(means, question, prepared.took) - from_all
    deadline = time.monotonic() + climbing_seconds
    share = climbing_seconds * means.workers / (ATTEMPTS * sum(f.repeat == 0 for f in folds))
    least = journal.once("share", share)
    journal.open()
    album = Album(journal.samples)
    terms = Terms(
        task=question.task,
        y=y,
        folds=folds,
        learned=learned,
        blocks=prepared.blocks,
        share=max(share, least),
        deadline=deadline,
        worker_bytes=means.budget.bytes,
        scratch=journal.trials(scratch / "trials"),
        seed=run.seed,
        workers=means.workers,
        threads=means.threads,
        limit=candidates,
        start=begun,
        making=prepared.making,
        fixed=fixed,
        diary=journal.diary(means.budget),
        samples=scratch / "samples",
        seen=_seer(run, listener, prepared, album, means),
        answering=float("inf") if candidates else _answering(question, means),
    )
    _load_meanwhile([m for e in fitting for m in e.algorithm.card.answers_with], after=0.4 * climbing_seconds)
    baseline = algorithms.discover()["baseline"]()
    rest = [e for e in fitting if e.algorithm.card.id != "baseline"]
    summit = climb(rest, planned, baseline, pool, terms, _teller(run, listener, question, terms, pool))
    run.ended = summit.why
    if summit.slow:
        slow = ", ".join(dict.fromkeys(t.entrant.name for t in summit.slow))
        run.notes.append(f"left out of the ensemble, since it would answer too slowly: {slow} (--time gives more)")
    run.figures += album.figures()
    told(summit.trials, start, run)
    run.leaderboard = ledger.leaderboard(summit, y, folds, question.task, run.plan, means.budget.started)
    summit = quicker(summit, folds, question.sealed.height, ANSWERING * means.budget.seconds)
    if words and summit.why != INTERRUPTED:
        budget = dataclasses.replace(means.budget, seconds=means.budget.seconds - _reserve(means, question))
        summit, count = learned_from_all(summit, question, prepared, pool, budget, run.seed, scratch / "all")
        if count:
            run.notes.append(
                f"of what weighs words, {count} learned once more from all {question.rows.height:,} rows: what judged "
                "candidates tells of rare words too"
            )
    return summit, prepared


def _answering(question: Question, means: Means) -> float:
    """Seconds a row that a member of the ensemble may take, so that the sealed ones are answered in time."""
    if isinstance(question.task, Unsupervised):
        return float("inf")
    return max(ANSWERED * means.budget.seconds, LEAST_ANSWERED) / max(1, question.sealed.height)


def _words(question: Question, fitting: Sequence[Entrant]) -> bool:
    """Whether there are texts from which something learns that is to learn from all of them in the end."""
    return question.reference is None and any(question.weighs_words(entrant) for entrant in fitting)


def _parted(
    question: Question,
    fitting: Sequence[Entrant],
    planned: Mapping[str, float],
    means: Means,
    candidates: int | None,
    seed: int,
    journal: Journal,
) -> tuple[list[Fold], str]:
    """The folds by which candidates are judged, and how they were chosen."""
    rows, task = question.rows.height, question.task
    if isinstance(task, Unsupervised):
        if question.judges:
            return split.given(rows, question.judges)
        return split.once(question.strata, rows, seed, task.held, task.most_held, question.groups, question.in_order)
    seconds = means.budget.left() - _reserve(means, question)
    affordable = float("inf") if candidates else seconds * means.workers / _strong(question, fitting, planned)
    return split.choose(question.strata, rows, seed, journal.once("affordable", affordable), question.groups)


def _answers(
    question: Question, prepared: Prepared, folds: list[Fold]
) -> tuple[Array, list[Fold], Callable[[int], Array]]:
    """(what is true, the folds with positions in it, what is true of a fold's rows to learn from)."""
    if question.reference is None:
        return question.y, folds, lambda fold: question.y[folds[fold].train]
    learned, y = prepared.answers(0)
    return y, [Fold(folds[0].train, np.arange(len(y)))], lambda fold: learned


def _strong(question: Question, fitting: Sequence[Entrant], planned: Mapping[str, float]) -> float:
    """Seconds of one fit of what should do well: of boosting on plain tables, else of the entrant in the middle.

    Many pictures, sounds or texts are the networks' to learn from, for as long as there is time: once is all they can.
    """
    if not any(e.tastes for e in fitting):
        return max(planned.get("gradient_boosting") or max(planned.values()), 1e-3)
    return float("inf") if question.rows.height > MANY else max(float(np.median(list(planned.values()))), 1e-3)


def _reserve(means: Means, question: Question, making: float = 0.0) -> float:
    """Seconds kept for choosing the ensemble, saving, opening the seal and the report; more where others work too.

    What the picture, the text and the numbers are each worth is found out by asking the whole ensemble some times more.
    making: seconds that the numbers took to be made; what learns from all rows at the end has them made anew.
    """
    whole, refits = means.budget.seconds, getattr(question.task, "refits", False)
    least = min(6.0, 0.1 * whole) if question.heavy else 0.8  # networks of many folds are to answer
    if refits:  # to learn once more from all rows takes as long as any fit did
        least = 0.2 * whole
    alone = float(np.clip(0.06 * whole, max(least, 0.8), max(least, 20))) + 2e-5 * question.sealed.height
    if getattr(question.task, "form", None) is Form.STREAM:  # by up to two networks, every sealed letter is foretold
        alone += min(5e-5 * question.sealed.estimated_size(), 0.26 * whole)
    again = min(REMADE * making, max(MOST_RESERVED * means.budget.left() - alone, 0.0)) if refits else 0.0
    return min(alone * (1 + means.machine.load), max(alone, MOST_KEPT * whole)) + again


def _teller(run: Run, listener: Listener, question: Question, terms: Terms, pool: Pool) -> Callable[..., None]:
    """What the climb calls: keeps the least error so far and passes it on to the listener."""
    least: list[tuple[float, Trial]] = []
    measure = question.task.guide

    def tell(trial: Trial | None, trials: list[Trial]) -> None:
        if trial and not trial.fate and trial.results:
            error = float(np.mean([r.loss for r in trial.results.values()]))
            if not least or error < least[0][0]:
                least[:] = [(error, trial)]
        words = f"{measure.id} {measure.show(least[0][0])}" if least else ""
        best = str(least[0][1].entrant) if least else ""
        running = tuple(job.algorithm.rpartition(":")[2] for job in pool.running)
        left = terms.deadline - time.monotonic()
        listener.climbing(run, Progress(len(trials), words, best, left, pool.peak_bytes, running, trial))

    return tell


def _seer(run: Run, listener: Listener, prepared: Prepared, album: Album, means: Means) -> Callable[..., None]:
    """What the climb calls with samples: puts them into the album and shows them to the listener."""

    def seen(entrant: Entrant, fold: int, path: Path) -> None:
        if sample := album.add(path, prepared.encoder(entrant, fold), entrant, means.budget.spent()):
            listener.seen(run, sample)

    return seen


def _load_meanwhile(modules: Sequence[str], after: float) -> None:
    """Import what the finished model will answer with, amid the climb, in which this process has little to do."""

    def load() -> None:
        for module in modules:
            with contextlib.suppress(Exception):  # whoever needs it will be told
                importlib.import_module(module)

    timer = threading.Timer(after, load)
    timer.daemon = True
    timer.start()
