"""What came of each candidate, as lines of the leaderboard: trials in, entries of the run's record out."""

from collections.abc import Sequence

import numpy as np

from .core.algorithm import plain
from .core.numbers import Array
from .core.run import Entry, PlanLine
from .search.climb import Summit, whole_answer
from .search.ladder import Trial
from .search.split import Fold
from .tasks import Task


def leaderboard(
    summit: Summit, y: Array, folds: Sequence[Fold], task: Task, plan: Sequence[PlanLine], started: float
) -> list[Entry]:
    """Every candidate and the final ensemble: those judged on all rows first, and of those the least error first.

    y: the development rows' answers. started: time.time() at the run's beginning.
    """
    planned = {line.algorithm: line for line in plan}
    weights = {m.trial.key: m.weight for m in summit.members}
    entries = [_entry(t, y, folds, task, planned[t.id], weights.get(t.key, 0.0), started) for t in summit.trials]
    if len(summit.members) > 1:
        entries.append(_ensemble(summit, y, task, entries, started))
    whole = sum(f.repeat == 0 for f in folds)
    return sorted(entries, key=lambda e: (e.folds < whole, np.inf if e.guide is None else e.guide))


def _entry(
    trial: Trial, y: Array, folds: Sequence[Fold], task: Task, line: PlanLine, weight: float, started: float
) -> Entry:
    entrant, results = trial.entrant, trial.results
    card = entrant.algorithm.card
    entry = Entry(
        algorithm=str(entrant),
        id=entrant.key,
        name=entrant.name,
        era=card.era,
        year=card.year,
        error=None,
        low=None,
        high=None,
        guide=None,
        seconds=sum(r.seconds for r in results.values()),
        peak_bytes=max((r.peak_bytes for r in results.values()), default=0),
        planned_seconds=line.seconds * max(len(results), 1),
        planned_bytes=line.bytes,
        folds=len(results),
        weight=weight,
        finished_at=trial.finished_at - started if trial.finished_at else 0.0,
        settings=plain(entrant.algorithm.settings()),
        fate=trial.fate,
    )
    if results:
        answer, rows = _judged(trial, folds, len(y))
        entry.guide = task.loss(y[rows], answer)
        entry.rows = len(rows)
        entry.error = task.measure(y[rows], answer)
        entry.low, entry.high = task.measure.interval(y[rows], answer)
        judged = sum(len(folds[k].valid) for k in results)
        entry.predict_us = 1e6 * sum(r.predict_seconds for r in results.values()) / judged
        entry.size_bytes = sum(r.size_bytes for r in results.values())
        entry.curve = next(iter(results.values())).curve
    return entry


def _judged(trial: Trial, folds: Sequence[Fold], rows: int) -> tuple[Array, Array]:
    """A trial's validation answers and the rows they answer: a whole parting's where it got so far, else one fold's."""
    if whole := whole_answer(trial, folds, rows):
        judged = np.unique(np.concatenate([folds[k].valid for k in whole[1]]))
        return whole[0][judged], judged
    first = next(iter(trial.results))
    return trial.results[first].answer, folds[first].valid


def _ensemble(summit: Summit, y: Array, task: Task, entries: Sequence[Entry], started: float) -> Entry:
    """The final ensemble as an entry; its time and size are its members'."""
    y, answer = y[summit.rows], summit.answer
    members = [e for e in entries if e.weight > 0]
    low, high = task.measure.interval(y, answer)
    return Entry(
        algorithm=f"ensemble of {len(members)}",
        id="ensemble",
        name=f"ensemble of {len(members)}",
        era="classical",
        year=2004,
        error=task.measure(y, answer),
        low=low,
        high=high,
        guide=task.loss(y, answer),
        seconds=sum(e.seconds for e in members),
        peak_bytes=max(e.peak_bytes for e in members),
        planned_seconds=sum(e.planned_seconds for e in members),
        planned_bytes=max(e.planned_bytes for e in members),
        predict_us=sum(e.predict_us * e.folds for e in members),
        size_bytes=sum(e.size_bytes for e in members),
        folds=max(e.folds for e in members),
        rows=len(summit.rows),
        weight=1.0,
        finished_at=max(e.finished_at for e in members),
    )
