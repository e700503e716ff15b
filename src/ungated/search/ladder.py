"""Which candidate to try next, and which has earned more folds: successive halving over algorithms and settings.

A trial starts on the first rung, one fold. Of the algorithms, judged by their best trial, the better half climbs to
the second rung, the rest of the folds; and within an algorithm the better half of its settings. On small data the
best quarter climbs to the third, the rows parted anew. Whoever is far behind climbs only if that costs next to nothing.
Whenever nothing has earned a promotion, a candidate begins: another setting of an algorithm that is not far behind.
A network on pixels or tokens would swallow all the time there is: each first has a taste, a course on a part of one
fold's rows, as many for each; the one that errs least after it runs the long course, all folds, for as long as there is
time.
These are pure decisions from what is known: no process and no clock here, so that they can be tested and repeated.

Paper: Li et al., "A system for massively parallel hyperparameter tuning" (asynchronous successive halving), MLSys 2020.
"""

import contextlib
import dataclasses
import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..core.algorithm import Algorithm, Entrant
from ..core.errors import ModelError
from ..core.numbers import Answer
from .split import Fold

PATIENCE = 100  # trials without progress after which the climb ends
NEAR = 0.08  # of the least error, or of its way to the baseline's if shorter: who is within may yet help the ensemble
NOISE = 1.5  # over the root of the rows that judge: on few rows nobody is far behind for sure
NEARER = 0.03  # the same for who may try more settings
SATED = 0.7  # of the seconds given: who took less had learned what it could
LEARNED = 0.97  # of the baseline's error: who errs less after its taste has learned something
HOPELESS = 4  # times the time left: a network whose whole course is longer would get nowhere ...
WORTHWHILE = 8.0  # ... but where it learns to generate, seconds from which on it does: each step makes it better
PROMISING = 2.5  # times the least error: who is within it after a mere taste may come to be the best
CHEAPER = 0.05  # of the time left: what costs no more goes before a second long course
CHEAP = 0.02  # of the time left: what costs no more is not asked whether it is near
DEAR = 0.25  # of the time left: to part the rows anew for one candidate is worth no more, while others wait
DRAWS = 8  # of settings, until some come that were not tried yet
PROGRESS = 0.001  # the share by which the best error must fall to count as progress


@dataclass
class Result:
    """What one fit came to: its validation answer and error in the guide's measure, and what it took."""

    answer: Answer
    loss: float
    seconds: float
    peak_bytes: int
    predict_seconds: float
    size_bytes: int
    curve: list[tuple[float, float]]


@dataclass
class Trial:
    """A candidate and how far it has come.

    rung: the highest it has been sent to. fate: why it ended, if it did. given: seconds that its last fit was allowed.
    sampled: whether that was on a part of the rows alone. course: seconds that each of its fits may take, where it runs
    the long course. alone: whether nothing else is fitted beside it.
    """

    key: int
    entrant: Entrant
    rung: int = 0
    results: dict[int, Result] = field(default_factory=dict)
    fate: str = ""
    finished_at: float = 0.0
    given: float = math.inf
    sampled: bool = False
    course: float = 0.0
    alone: bool = False

    @property
    def cut_short(self) -> bool:
        """Whether it has had a mere taste: few rows, or the time was up before it had learned what it could."""
        taken = max((r.seconds for r in self.results.values()), default=0.0)
        return self.entrant.tastes and not self.course and (self.sampled or taken > SATED * self.given)

    @property
    def id(self) -> str:
        return self.entrant.key

    def loss(self, folds: Sequence[int]) -> float:
        """Mean error over those folds; infinite while one of them is missing."""
        if self.fate or any(k not in self.results for k in folds):
            return math.inf
        return float(np.mean([self.results[k].loss for k in folds]))


@dataclass(frozen=True)
class Step:
    """One fit to be made: a trial on a fold."""

    trial: Trial
    fold: int


class Ladder:
    """The state of the climb.

    The first trial that begins is the baseline's. entrants: defaults, cheap first. planned: an entrant's key ->
    seconds of one fit on one fold. folds: as the split made them. width: how many unfinished trials there may be on
    the first rung. limit: the most candidates, or None. fixed: names of settings that a person has set. task: its id.
    making: seconds that the numbers of an entrant on a fold will take to be made; those of several folds add up.
    """

    def __init__(
        self,
        entrants: Sequence[Entrant],
        planned: dict[str, float],
        folds: Sequence[Fold],
        *,
        seed: int,
        width: int,
        limit: int | None = None,
        fixed: Collection[str] = (),
        task: str = "",
        making: Callable[[Entrant, int], float] = lambda entrant, fold: 0.0,
    ) -> None:
        first = [k for k, fold in enumerate(folds) if fold.repeat == 0]
        later = [k for k, fold in enumerate(folds) if fold.repeat > 0]
        self.rungs = [part for part in ([first[0]], first[1:], later) if part]
        self.trials: list[Trial] = []
        self._noise = NOISE / math.sqrt(len(folds[first[0]].valid))
        self._waiting = list(entrants)
        self._variants = {
            e.key: [_with(e, **v) for v in e.algorithm.variants if not set(v) & set(fixed)] for e in entrants
        }
        self._planned = planned
        self._slower = dict.fromkeys(planned, 1.0)
        self._queue: list[Step] = []
        self._under_way: set[tuple[int, int]] = set()  # trials and folds of steps that were given and not heard of yet
        self._one_course = len(self.rungs) == 1 and any(
            e.tastes and e.algorithm.card.tasks == {"generate"} for e in entrants
        )
        self._width, self._limit, self._fixed, self._task = width, limit, set(fixed), task
        self._making = making
        self._rng = np.random.default_rng([seed, 3])
        self._best, self._stale = math.inf, 0

    # -- what has happened ---------------------------------------------------------------------------------------------

    def record(self, step: Step, result: Result) -> None:
        """Note the result of a step."""
        trial = step.trial
        self._under_way.discard((trial.key, step.fold))
        trial.results[step.fold] = result
        if (planned := self._planned.get(trial.id)) and step.fold == self.rungs[0][0]:
            self._slower[trial.id] = 0.5 * self._slower[trial.id] + 0.5 * result.seconds / max(planned, 1e-3)
            self._stale += 1
        reached = self._upto(min(1, len(self.rungs) - 1))
        if all(k in trial.results for k in reached) and trial.loss(reached) < self._best - PROGRESS * abs(self._best):
            self._best, self._stale = trial.loss(reached), 0

    def abandon(self, trial: Trial, fate: str) -> None:
        """Note that a trial ended before its time; its remaining steps are dropped."""
        trial.fate = trial.fate or fate
        self._forget(trial)

    def again(self, step: Step) -> bool:
        """Note that memory ran out in a step that had others beside it: it is made once more, alone.

        False where it was alone already, or where what is beside it runs the long course and is not to be waited for.
        """
        beside = self._under_way - {(step.trial.key, step.fold)}
        hopeless = step.trial.alone or not beside or any(self.trials[key].course for key, _ in beside)
        if hopeless or self._limit is not None:
            return False
        self._under_way.discard((step.trial.key, step.fold))
        step.trial.alone = True
        self._queue.append(step)
        return True

    def drop(self, trial: Trial) -> None:
        """Note that there is no time for the rest of a trial; what it has come to so far stays."""
        self._forget(trial)
        if not trial.results:
            trial.fate = "no time left for it"

    def _forget(self, trial: Trial) -> None:
        self._queue = [s for s in self._queue if s.trial is not trial]
        self._under_way = {(key, fold) for key, fold in self._under_way if key != trial.key}

    @property
    def settled(self) -> bool:
        """Whether more candidates no longer help."""
        return not self._waiting and self._stale >= PATIENCE

    # -- what is next --------------------------------------------------------------------------------------------------

    def next(self, left: float, workers: int) -> Step | None:
        """The next fit to make with `left` seconds to go, or None while it is better to wait for results."""
        if any(self.trials[key].alone for key, _ in self._under_way):
            return None
        step = self._next(left, workers)
        if step and step.trial.alone and self._under_way:
            self._queue.insert(0, step)
            return None
        if step:
            self._under_way.add((step.trial.key, step.fold))
        return step

    def _next(self, left: float, workers: int) -> Step | None:
        while self._queue:
            step = self._queue.pop(0)
            if not step.trial.fate:
                return step
        if len(self.rungs) == 1 and (trial := self._long_course(left, workers)):
            return self._send(trial, self.rungs[0], left, workers)
        while self._waiting and self._room():
            entrant = self._waiting.pop(0)
            if self._hopeful(entrant, left):
                return self.begin(entrant)
        if trial := self._promotable(left, workers):
            trial.rung += 1
            return self._send(trial, self.rungs[trial.rung], left, workers)
        if len(self.rungs) > 1 and (trial := self._long_course(left, workers)):
            return self._send(trial, self._upto(1), left, workers)
        if self._room() and not self.settled and (fresh := self._fresh(left)):
            return self.begin(fresh)
        if trial := self._long_course(left, workers, idle=True):
            return self._send(trial, self._upto(min(1, len(self.rungs) - 1)), left, workers)
        return None

    def pending(self) -> list[Step]:
        """What was decided and is not begun; the queue is then empty."""
        queued, self._queue = self._queue, []
        return [step for step in queued if not step.trial.fate]

    def _send(self, trial: Trial, folds: Sequence[int], left: float, workers: int) -> Step | None:
        """Queue the trial's fits on these folds; the first of them."""
        self._queue = [Step(trial, k) for k in folds]
        return self._next(left, workers)

    def expected(self, trial: Trial) -> float:
        """Seconds that one more fold of the trial should take."""
        if trial.results:
            return float(np.mean([r.seconds for r in trial.results.values()]))
        return self._expected(trial.id)

    def _expected(self, key: str) -> float:
        return self._planned.get(key, 1.0) * self._slower.get(key, 1.0)

    def _hopeful(self, entrant: Entrant, left: float) -> bool:
        """Whether an entrant comes to anything in the time left."""
        card = entrant.algorithm.card
        if card.tasks == {"generate"} and (entrant.tastes or card.ends):
            return card.ends or left > WORTHWHILE
        return self._expected(entrant.key) < left * (HOPELESS if entrant.tastes else 1)

    def _upto(self, rung: int) -> list[int]:
        return [k for part in self.rungs[: rung + 1] for k in part]

    def _room(self) -> bool:
        started = sum(1 for t in self.trials if not t.fate and self.rungs[0][0] not in t.results)
        return started < self._width and (self._limit is None or len(self.trials) < self._limit)

    def begin(self, entrant: Entrant) -> Step:
        """A new trial of that entrant, on the first rung."""
        trial = Trial(len(self.trials), entrant)
        self.trials.append(trial)
        return Step(trial, self.rungs[0][0])

    def _long_course(self, left: float, workers: int, idle: bool = False) -> Trial | None:
        """A trial that takes all the time left: of the entrants that had but a taste, the one that errs least.

        Where one fold judges, it gets one worker at once. The other workers follow with other settings of it, and where
        there are more folds all of them follow, where it is about as good as the best already or better, once nothing
        that is cheap waits. idle: nothing else is left to do, so that it costs nothing whatever its taste came to.
        Of what generates, one alone runs it, on all threads: to be learned well is worth more there than to differ.
        """
        done, first = self.rungs[0], self.rungs[0][0]
        tasting = any(t.entrant.tastes and first not in t.results and not t.fate for t in self.trials)
        course = 0.95 * left / math.ceil(len(self._upto(min(1, len(self.rungs) - 1))) / workers)
        tasting = tasting or any(e.tastes for e in self._waiting)
        if self._limit is not None or tasting or not self.trials or not math.isfinite(left):
            return None
        ranked = sorted((t for t in self.trials if t.loss(done) < math.inf), key=lambda t: t.loss(done))
        most = math.inf if idle else LEARNED * self.trials[0].loss(done)
        short = [t for t in ranked if t.cut_short and t.loss(done) < most]
        running = sum(bool(t.course) and not (t.fate and self._one_course) for t in self.trials)
        if not short or course < 1.5 * short[0].given or running >= (1 if self._one_course else workers):
            return None
        if self._one_course and self._waiting:
            return None
        promising = short[0].loss(done) < PROMISING * ranked[0].loss(done)
        cheap = any(self._expected(e.key) < CHEAPER * left for e in self._waiting)
        if not idle and (running or len(self.rungs) > 1) and (cheap or not promising):
            return None
        best = short[0].entrant
        entrant = self._variants[best.key].pop(0) if running and self._variants.get(best.key) else best
        trial = self.begin(entrant if not running or entrant is not best else self._vary(best)).trial
        trial.rung, trial.course, trial.alone = min(1, len(self.rungs) - 1), course, self._one_course
        return trial

    def _promotable(self, left: float, workers: int) -> Trial | None:
        """The best trial that has earned the next rung and can still finish it."""
        for rung in range(len(self.rungs) - 2, -1, -1):
            done = self._upto(rung)
            ranked = sorted((t for t in self.trials if t.loss(done) < math.inf), key=lambda t: t.loss(done))
            for trial in self._earned(ranked, rung):
                folds = self.rungs[rung + 1]
                need = self.expected(trial) * math.ceil(len(folds) / workers)
                need += sum(self._making(trial.entrant, k) for k in folds)
                able = trial.rung == rung and not trial.cut_short and need < (DEAR if rung else 0.9) * left
                if able and (self._near(trial, NEAR) or need < CHEAP * left):
                    return trial
        return None

    def _earned(self, ranked: list[Trial], rung: int) -> list[Trial]:
        """Of trials ranked on a rung, those in the better half of algorithms and the better half of settings."""
        if rung > 0:
            return ranked[: math.ceil(len(ranked) / 4)]
        champions = _champions(ranked)
        kept = set(list(champions)[: math.ceil(len(champions) / 2)])
        earned, seen = [], dict.fromkeys(kept, 0)
        for trial in ranked:
            if trial.id in kept:
                share = math.ceil(sum(t.id == trial.id for t in ranked) / 2)
                seen[trial.id] += 1
                if seen[trial.id] <= share:
                    earned.append(trial)
        return earned

    def _near(self, trial: Trial, margin: float) -> bool:
        """Whether a trial's error on the first rung is near the least there. The baseline's trial is the first."""
        done = self.rungs[0]
        losses = [loss for t in self.trials if (loss := t.loss(done)) < math.inf]
        least = min(losses)
        way = max(losses[0] - least, 0.0)
        return trial.loss(done) <= least + margin * min(least, way) + self._noise * math.sqrt(abs(least) * way)

    def _fresh(self, left: float) -> Entrant | None:
        """A new candidate: an entrant drawn by the rank of its best trial, with settings that were not tried yet."""
        done = self.rungs[0]
        ranked = sorted((t for t in self.trials if t.loss(done) < math.inf), key=lambda t: t.loss(done))
        champions = _champions(ranked)
        able = [i for i, t in champions.items() if self._can_vary(t) and self._expected(i) < 0.7 * left]
        open_ids = [i for i in able if self._near(champions[i], NEARER)] or able[:1]
        if not open_ids:
            return None
        weights = 0.5 ** np.arange(len(open_ids))
        tried = [(t.id, t.entrant.algorithm) for t in self.trials]
        for _ in range(DRAWS):
            chosen = open_ids[self._rng.choice(len(open_ids), p=weights / weights.sum())]
            left_over = self._variants.get(chosen)
            entrant = left_over.pop(0) if left_over else self._vary(champions[chosen].entrant)
            if (chosen, entrant.algorithm) not in tried:
                return entrant
        return None

    def _can_vary(self, champion: Trial) -> bool:
        return bool(self._variants.get(champion.id) or self._open(champion.entrant.algorithm))

    def _open(self, algorithm: Algorithm) -> set[str]:
        """Names of the settings to draw."""
        return algorithm.searchable(self._task) - self._fixed

    def _vary(self, best: Entrant) -> Entrant:
        """Half of the time drawn anew, else the best with about half of its settings drawn anew."""
        settings = best.algorithm
        new = settings.draw(self._rng)
        drawn = dataclasses.replace(settings, **{name: getattr(new, name) for name in sorted(self._open(settings))})
        if self._rng.random() < 0.5:
            return dataclasses.replace(best, algorithm=drawn)
        kept = {f.name: getattr(settings, f.name) for f in dataclasses.fields(settings) if self._rng.random() < 0.5}
        return dataclasses.replace(best, algorithm=dataclasses.replace(drawn, **kept))

    # -- what is written down ------------------------------------------------------------------------------------------

    def snapshot(self) -> dict[str, Any]:
        """Where the climb stands, as JSON values, but for what fits came to: of these only the folds are named."""
        trials = [
            _words(t.entrant)
            | {f: getattr(t, f) for f in ("rung", "fate", "finished_at", "given", "sampled", "course", "alone")}
            | {"folds": list(t.results)}
            for t in self.trials
        ]
        return {
            "trials": trials,
            "waiting": [_words(e) for e in self._waiting],
            "variants": {key: [_words(e) for e in left] for key, left in self._variants.items()},
            "slower": self._slower,
            "queue": [[s.trial.key, s.fold] for s in self._queue],
            "rng": self._rng.bit_generator.state,
            "best": self._best,
            "stale": self._stale,
        }

    def restore(
        self, kept: dict[str, Any], entrant: Callable[[dict[str, Any]], Entrant], result: Callable[[int, int], Result]
    ) -> None:
        """Stand where a `snapshot` stood; what was under way is to be done again, first.

        entrant: from its words. result: of a trial's key and a fold; it raises ModelError where it is lost, and then
        that fit is made again. The baseline's trial is begun and is not taken from the snapshot.
        """
        for key, told in enumerate(kept["trials"][1:], start=1):
            trial = Trial(key, entrant(told), told["rung"], fate=told["fate"], finished_at=told["finished_at"])
            trial.given, trial.sampled, trial.course = told["given"], told["sampled"], told["course"]
            trial.alone = told["alone"]
            for fold in told["folds"]:
                with contextlib.suppress(ModelError):
                    trial.results[fold] = result(key, fold)
            self.trials.append(trial)
        self._waiting = [entrant(told) for told in kept["waiting"]]
        self._variants = {key: [entrant(told) for told in left] for key, left in kept["variants"].items()}
        self._slower |= kept["slower"]
        queued = [Step(self.trials[key], fold) for key, fold in kept["queue"]]
        known = {(s.trial.key, s.fold) for s in queued}
        under_way = [
            Step(t, fold)
            for t in self.trials[1:]
            if not t.fate
            for fold in self._upto(t.rung)
            if fold not in t.results and (t.key, fold) not in known
        ]
        self._queue = under_way + queued
        self._rng.bit_generator.state = kept["rng"]
        self._best, self._stale = kept["best"], kept["stale"]

    def lengthen(self, left: float, workers: int) -> None:
        """There is more time than was thought: whoever runs the long course runs on, also who had come to its end."""
        steps = [Step(t, fold) for t in self.trials if t.course and not t.fate for fold in self._upto(t.rung)]
        queued = [s for s in self._queue if not s.trial.course]
        for step in steps:
            step.trial.course = 0.95 * left / math.ceil(len(steps) / workers)
        self._queue = steps + queued


def _words(entrant: Entrant) -> dict[str, Any]:
    """An entrant as JSON values."""
    return {"key": entrant.key, "settings": entrant.algorithm.settings()}


def _with(entrant: Entrant, **settings: Any) -> Entrant:
    return dataclasses.replace(entrant, algorithm=dataclasses.replace(entrant.algorithm, **settings))


def _champions(ranked: list[Trial]) -> dict[str, Trial]:
    """Each algorithm's best trial, best algorithm first."""
    best: dict[str, Trial] = {}
    for trial in ranked:
        best.setdefault(trial.id, trial)
    return best
