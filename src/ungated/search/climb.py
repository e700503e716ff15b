"""Carry out the ladder's steps in worker processes until the time is up or nothing errs less any more.

Whatever happens to one candidate (a deadline, an out-of-memory kill, a crash) costs that candidate alone. Ctrl-C ends
the climb with what it has. With a fixed number of candidates, decisions wait for all results, so that the same seed
gives the same result whatever the machine is doing.
"""

import dataclasses
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ..core.algorithm import Algorithm, Entrant
from ..core.clock import Clock
from ..core.numbers import Answer, Array, Floats, Form, Numbers
from ..core.run import INTERRUPTED
from ..engines import interrupt, state
from ..engines.jobs import MEMORY, Done, Job, Shown
from ..engines.pool import Pool
from .diary import Diary
from .ensemble import temperature, weigh
from .ladder import Ladder, Result, Step, Trial
from .split import Fold

TASTE = 0.15  # of a fair share, for the short course of a network on pixels or tokens
MOST_MAKING = 0.3  # of the time left that the numbers for a fit may take to be made, before which nothing else is done
TO_ANSWER = 0.93  # of the time left that a long course may learn for
TO_HAND_IN = 20.0  # seconds for which one waits, after Ctrl-C, for what a long course has learned
LOADING = 1.0  # seconds that the libraries of networks may take to load, about
REPRODUCIBLE_WIDTH = 8  # candidates that begin together where decisions may not depend on timing


class Judge(Protocol):
    """As much of a task as the climb may know."""

    @property
    def id(self) -> str: ...
    @property
    def outputs(self) -> int: ...
    @property
    def mixes(self) -> bool: ...
    def weigh(self, losses: Floats) -> Floats | None: ...
    def blend(self, answers: Sequence[Answer], shares: Floats) -> Answer: ...
    def baseline(self, y: Array) -> Answer: ...
    def loss(self, y: Array, answer: Answer) -> float: ...
    def adjust(self, answer: Answer, by: float) -> Answer: ...
    def to_json(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Terms:
    """What the climb is handed.

    y: the known answers of all development rows, or of the exam that held-out rows became. folds: positions among
    them (`valid`) and among the development rows (`train`). learned: the answers in a fold's numbers to learn from.
    blocks: where the numbers for an entrant on a fold lie, (train, valid). start: the folder of the state that an
    entrant begins from, or None. share: seconds that one fit may take. deadline: time.monotonic() at which the
    climb must end. scratch: where fitted states go. limit: the most candidates (reproducible), or None. taste: the
    share of the rows that a taste is had of. making: seconds that blocks which are not there yet should take to
    make. fixed: names of settings that a person has set. diary: what the climb writes down to be gone on with.
    samples: a folder for what networks would make while they still learn, or None where nobody looks; seen: is told of
    each, as who learns on which fold and the file of the sample. answering: seconds a row that a member of the ensemble
    may take to answer.
    """

    task: Judge
    y: Array
    folds: Sequence[Fold]
    learned: Callable[[int], Array]
    blocks: Callable[[Entrant, int], tuple[Path, Path]]
    share: float
    deadline: float
    worker_bytes: int
    scratch: Path
    seed: int
    workers: int = 1
    threads: int = 1
    limit: int | None = None
    start: Callable[[Entrant], Path | None] = lambda entrant: None
    making: Callable[[Entrant, int], float] = lambda entrant, fold: 0.0
    taste: float = 1.0
    fixed: Collection[str] = ()
    diary: Diary = field(default_factory=Diary)
    samples: Path | None = None
    seen: Callable[[Entrant, int, Path], None] = lambda entrant, fold, path: None
    answering: float = float("inf")


@dataclass(frozen=True)
class Member:
    """A candidate of the final ensemble: its weight and where its fitted states lie, by fold."""

    trial: Trial
    weight: float
    states: dict[int, Path]


@dataclass(frozen=True)
class Summit:
    """How far the climb came.

    answer: the ensemble's validation answers of the rows at `rows`; by: its temperature. slow: trials that may not be
    members, since they would answer too slowly.
    """

    trials: list[Trial]
    members: list[Member]
    answer: Answer
    rows: Array
    by: float
    why: str
    slow: list[Trial] = field(default_factory=list)


def climb(
    entrants: Sequence[Entrant],
    planned: dict[str, float],
    safe: Algorithm,
    pool: Pool,
    terms: Terms,
    tell: Callable[[Trial | None, list[Trial]], None] = lambda trial, trials: None,
) -> Summit:
    """Climb until the deadline.

    entrants: defaults, cheap first. planned: an entrant's key -> seconds of one fit. safe: one that looks at no column,
    learned here and now, so that there is always something to keep. tell: called when a trial's error is known, and
    often with None meanwhile.
    """
    entrants = _in_turn(entrants, planned, TASTE * terms.share)
    width = REPRODUCIBLE_WIDTH if terms.limit else terms.workers + 1
    courses = [planned[e.key] for e in entrants if e.tastes]
    terms = dataclasses.replace(terms, taste=min(1.0, TASTE * terms.share / float(np.median(courses or [1.0]))))
    ladder = Ladder(
        *(entrants, planned, terms.folds),
        seed=terms.seed,
        width=width,
        limit=terms.limit,
        fixed=terms.fixed,
        task=terms.task.id,
        making=terms.making,
    )
    _learn_here(safe, ladder, terms)
    terms.diary.go_on(ladder, entrants, terms.deadline - time.monotonic(), terms.workers)
    steps: dict[str, Step] = {}
    try:
        why = _work(ladder, pool, terms, tell, steps)
    except KeyboardInterrupt:
        why = INTERRUPTED
    interrupt.ignore()
    if why == INTERRUPTED:
        _hand_in(ladder, pool, terms, steps)
    terms.diary.write(ladder, pool.running, now=True)
    for job in list(pool.running):
        pool.kill(job.id, why)
    if why != INTERRUPTED:
        terms.diary.over(ladder)
    return summit(ladder.trials, terms, why)


def _in_turn(entrants: Sequence[Entrant], planned: dict[str, float], taste: float) -> list[Entrant]:
    """Cheap first; but whoever tastes before all others, to know early who gets the long course.

    Where a taste takes less time than a network's libraries take to load, what is cheap goes before it: else there may
    be nothing to keep when the time is up.
    """
    if taste > LOADING:
        return sorted(entrants, key=lambda e: (not e.tastes, planned[e.key]))
    return sorted(entrants, key=lambda e: max(planned[e.key], LOADING) if e.tastes else planned[e.key])


def _learn_here(algorithm: Algorithm, ladder: Ladder, terms: Terms) -> None:
    """Fit an algorithm that looks at no column, and so costs next to nothing, in this process on every fold."""
    step = ladder.begin(Entrant(algorithm))
    step.trial.rung = len(ladder.rungs)
    for k in [k for k, fold in enumerate(terms.folds) if fold.repeat == 0]:
        began, fold = time.perf_counter(), terms.folds[k]
        y = terms.learned(k)
        train = Numbers(Form.ROWS, np.empty((len(y), 0), np.float32), y)
        fitted = algorithm.fit(train, terms.task, Clock(seed=terms.seed))
        answer = fitted.answer(np.empty((len(fold.valid), 0), np.float32))
        state.write(terms.scratch / f"{step.trial.key}-{k}", fitted.state())
        loss = terms.task.loss(terms.y[fold.valid], answer)
        ladder.record(Step(step.trial, k), Result(answer, loss, time.perf_counter() - began, 0, 0.0, 0, []))
    step.trial.finished_at = time.time()


def _hand_in(ladder: Ladder, pool: Pool, terms: Terms, steps: dict[str, Step]) -> None:
    """Let those on the long course hand in what they have learned: for them one waits a moment."""
    late = {name for name, step in steps.items() if step.trial.course}
    until = time.monotonic() + min(TO_HAND_IN, max(0.0, terms.deadline - time.monotonic()))
    for name in late:
        pool.hurry(name)
    while late and time.monotonic() < until:
        for event in pool.wait(0.1):
            if isinstance(event, Done) and event.job.id in late:
                late.remove(event.job.id)
                step = steps.pop(event.job.id)
                _take(event, step, ladder, terms)


def _work(
    ladder: Ladder,
    pool: Pool,
    terms: Terms,
    tell: Callable[[Trial | None, list[Trial]], None],
    steps: dict[str, Step],
) -> str:
    """Run steps until there is no time or nothing left to do; why it ended. steps: those under way, by job."""
    wave = ladder.pending() if terms.limit is not None else []  # of a run that goes on: nothing else is decided before
    while (left := terms.deadline - time.monotonic()) > 0:
        if not wave and (terms.limit is None or not steps):
            wave = _wave(ladder, left, pool, terms, everything=terms.limit is not None)
        while wave and pool.idle:
            step = wave.pop(0)
            left = terms.deadline - time.monotonic()
            if terms.limit is None and terms.making(step.trial.entrant, step.fold) > MOST_MAKING * left:
                ladder.drop(step.trial)
                continue
            job = _job(step, ladder, terms)
            steps[job.id] = step
            pool.submit(job)
            terms.diary.begun(job)
            if step.trial.course:  # what takes so long is known to be under way before it has come far
                terms.diary.write(ladder, pool.running, now=True)
            if terms.limit is None:
                wave += _wave(ladder, left, pool, terms, everything=False)
        if not pool.workers:
            return "workers could not be started"
        if not steps:
            return "nothing more to try" if not ladder.settled else "more candidates no longer err less"
        for event in pool.wait(min(0.1, max(left, 0.001))):
            if isinstance(event, Done) and event.job.id in steps:
                step = steps.pop(event.job.id)
                _take(event, step, ladder, terms)
                tell(step.trial, ladder.trials)
            elif isinstance(event, Shown) and event.job.id in steps and event.job.show:
                step = steps[event.job.id]
                terms.seen(step.trial.entrant, step.fold, event.job.show)
        terms.diary.write(ladder, pool.running)
        tell(None, ladder.trials)
    return "the time is up"


def _wave(ladder: Ladder, left: float, pool: Pool, terms: Terms, everything: bool) -> list[Step]:
    """The next step where a worker waits for one; or everything that can be decided now."""
    if not everything:
        step = ladder.next(left, terms.workers) if pool.idle else None
        return [step] if step else []
    found = []
    while step := ladder.next(float("inf"), terms.workers):
        found.append(step)
    return found


def _job(step: Step, ladder: Ladder, terms: Terms) -> Job:
    trial, algorithm = step.trial, step.trial.entrant.algorithm
    numbers = terms.blocks(trial.entrant, step.fold)
    name = f"{trial.key}-{step.fold}"
    left = terms.deadline - time.monotonic()  # the numbers may have had to be made first
    before = terms.diary.before(name)
    if trial.course:
        left = TO_ANSWER * (before + left) - before  # nothing comes after it, but it has yet to answer
    trial.given = left if terms.limit else max(0.05, min(left, _turn(trial, ladder, terms)))
    taste = trial.entrant.tastes and not trial.course and not terms.limit
    taste = taste and algorithm.card.form is not Form.STREAM  # whose rows are no examples: time alone cuts it short
    rows = round(terms.taste * len(terms.folds[step.fold].train)) if taste else None
    trial.sampled = taste and terms.taste < 1
    return Job.of(
        algorithm,
        terms.task,
        numbers,
        terms.scratch / name,
        seed=terms.seed + 1000 * step.fold,
        threads=terms.threads * (terms.workers if trial.alone and trial.course else 1),
        seconds=trial.given,
        bytes=terms.worker_bytes,
        start=terms.start(trial.entrant),
        rows=rows,
        keep=terms.diary.checkpoint(name) if algorithm.card.anytime else None,
        before=before,
        show=terms.samples / f"{name}.npy" if terms.samples else None,
    )


def _turn(trial: Trial, ladder: Ladder, terms: Terms) -> float:
    """Seconds that a fit may take: a fair share, or as long as one that cannot hand in less may reasonably need."""
    if trial.entrant.tastes:
        least = min(3 * LOADING, 0.1 * (terms.deadline - time.monotonic()))  # the first step of all takes longer
        return trial.course or max(least, 2 * TASTE * terms.share)  # what the rows of a taste take, twice
    card = trial.entrant.algorithm.card
    return terms.share if card.anytime and not card.ends else max(terms.share, 3 * ladder.expected(trial))


def _take(done: Done, step: Step, ladder: Ladder, terms: Terms) -> None:
    """Note what came of a step, and when."""
    step.trial.finished_at = time.time()
    if done.fate:
        if done.fate != MEMORY or not ladder.again(step):
            ladder.abandon(step.trial, done.fate)
        return
    answer = np.load(done.job.out / "answer.npy", allow_pickle=False)
    loss = terms.task.loss(terms.y[terms.folds[step.fold].valid], answer)
    curve = list(done.curve)
    result = Result(answer, loss, done.seconds, done.peak_bytes, done.predict_seconds, done.size_bytes, curve)
    ladder.record(step, result)
    terms.diary.came(done.job, result, over=not step.trial.course)


def quicker(summit: Summit, folds: Sequence[Fold], rows: int, seconds: float) -> Summit:
    """The summit with one parting a member, where all that its members learned would answer `rows` rows too slowly."""

    if rows * sum(_a_row(m.trial, m.states, folds) for m in summit.members) <= seconds:
        return summit
    members = []
    for member in summit.members:
        kept = {k: member.states[k] for k in _first_parting(member.states, folds)}
        members.append(dataclasses.replace(member, states=kept))
    return dataclasses.replace(summit, members=members)


def _a_row(trial: Trial, used: Collection[int], folds: Sequence[Fold]) -> float:
    """Seconds in which what a trial learned of these folds answers a row."""
    return sum(trial.results[k].predict_seconds / len(folds[k].valid) for k in used)


def _first_parting(used: Collection[int], folds: Sequence[Fold]) -> list[int]:
    first = min(folds[k].repeat for k in used)
    return [k for k in used if folds[k].repeat == first]


def whole_answer(trial: Trial, folds: Sequence[Fold], rows: int) -> tuple[Answer, list[int]] | None:
    """The mean of a trial's validation answers for all rows over the partings it finished, and the folds used."""
    used: list[int] = []
    total, count = None, np.zeros(rows)
    for repeat in sorted({f.repeat for f in folds}):
        part = [k for k, f in enumerate(folds) if f.repeat == repeat]
        if any(k not in trial.results for k in part):
            continue
        for k in part:
            answer = trial.results[k].answer
            total = np.zeros((rows, answer.shape[1])) if total is None else total
            total[folds[k].valid] += answer
            count[folds[k].valid] += 1
        used += part
    if total is None:
        return None
    return total / np.maximum(count, 1)[:, None], used


def summit(trials: list[Trial], terms: Terms, why: str) -> Summit:
    """The ensemble of the trials that came through a whole parting, else of those that came through its first fold."""
    rows = np.unique(np.concatenate([f.valid for f in terms.folds]))
    whole = {t.key: w for t in trials if (w := whole_answer(t, terms.folds, len(terms.y)))}
    if len(whole) == 1:  # the time was up before any but the safe one had all its folds: the first fold judges alone
        rows = terms.folds[0].valid
        for t in (t for t in trials if 0 in t.results and not t.fate):
            filled = np.zeros((len(terms.y), t.results[0].answer.shape[1]))
            filled[rows] = t.results[0].answer
            whole[t.key] = filled, [0]
    slow = _slow([t for t in trials if t.key in whole], {k: w[1] for k, w in whole.items()}, terms)
    keys = [k for k in whole if k not in {t.key for t in slow}]
    y = terms.y[rows]
    answers = [whole[k][0][rows] for k in keys]
    by_key = {t.key: t for t in trials}
    weights = weigh(answers, y, terms.task, [by_key[k].id for k in keys])
    mean = terms.task.blend([a for a, w in zip(answers, weights, strict=True) if w], weights[weights > 0])
    by = temperature(mean, y, terms.task) if terms.task.mixes else 1.0
    members = [
        Member(by_key[k], float(w), {f: terms.scratch / f"{k}-{f}" for f in whole[k][1]})
        for k, w in zip(keys, weights, strict=True)
        if w > 0
    ]
    return Summit(trials, members, terms.task.adjust(mean, by), rows, by, why, slow)


def _slow(trials: Sequence[Trial], used: Mapping[int, list[int]], terms: Terms) -> list[Trial]:
    """Those that would answer too slowly, even by one parting; none where nothing but the baseline is quicker."""
    folds = terms.folds
    found = [t for t in trials if _a_row(t, _first_parting(used[t.key], folds), folds) > terms.answering]
    return found if len(found) < len(trials) - 1 else []
