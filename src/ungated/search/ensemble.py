"""The weighted mean of candidates that errs least, and how sure it may be.

Greedy selection with replacement: begin with the best candidate, then again and again add whichever one (often the same
again) lowers the validation error of the mean most. How often each was taken is its weight. Candidates that err in
different places are taken together; one that only repeats another is not. Few rows cannot tell chance from skill: there
the selection is made on many small random parts of them, and the weights are averaged (bagging).

Paper: Caruana et al., "Ensemble selection from libraries of models", ICML 2004.
Cost: O(steps · candidates · rows), on few rows six times that.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from ..core.numbers import Answer, Array, Floats

STEPS = 40
LIBRARY = 25
FEW = 2000  # validation rows below which the single best candidate is too uncertain to begin with alone ...
FEW_START = 4  # ... so that this many begin together, as the paper advises ...
BAGS = 20  # ... and weights are the mean over so many random parts of the rows ...
BAG_SHARE = 0.3  # ... each of this share of them
LEAST_WEIGHT = 0.02  # of a mean over parts: less is not worth another model at prediction
LEAST_GAIN = 0.0005  # a smaller relative gain is not worth another model at prediction


class Judge(Protocol):
    """As much of a task as the ensemble may know."""

    @property
    def mixes(self) -> bool: ...
    def weigh(self, losses: Floats) -> Floats | None: ...
    def loss(self, y: Array, answer: Answer) -> float: ...
    def adjust(self, answer: Answer, by: float) -> Answer: ...


def weigh(answers: Sequence[Answer], y: Array, task: Judge, kinds: Sequence[str] = ()) -> Floats:
    """Weights, one for each candidate's validation answers (n, outputs), that add up to 1; most are 0.

    kinds: what each candidate is a setting of. The best of each kind is always looked at: many settings of one, all but
    alike, would else leave no place for what errs differently.
    """
    alone = np.array([task.loss(y, a) for a in answers])
    if not task.mixes:
        return np.eye(len(answers))[int(np.argmin(alone))]
    if (told := task.weigh(alone)) is not None:
        return told
    ranked = np.argsort(alone, kind="stable").tolist()
    champions = {kinds[i]: i for i in reversed(ranked)} if kinds else {}
    library = [*ranked[:LIBRARY], *(i for i in ranked[LIBRARY:] if i in champions.values())]
    picked = [answers[i] for i in library]
    weights = np.zeros(len(answers))
    weights[library] = _bagged(picked, y, task) if len(y) < FEW else _greedy(picked, y, task, start=1)
    mean = np.einsum(
        "i,ino->no", weights[weights > 0], np.stack([answers[i] for i in np.flatnonzero(weights).tolist()])
    )
    if alone[library[0]] < task.loss(y, mean):  # no mean errs less than the best candidate does alone
        weights = np.eye(len(answers))[library[0]]
    return weights


def _bagged(answers: Sequence[Answer], y: Array, task: Judge) -> Floats:
    """The mean of the weights that random parts of the rows would give, without the least of them."""
    rng, size = np.random.default_rng(0), max(1, round(BAG_SHARE * len(y)))
    parts = [rng.permutation(len(y))[:size] for _ in range(BAGS)]
    weights = np.mean([_greedy([a[part] for a in answers], y[part], task, FEW_START) for part in parts], axis=0)
    weights[weights < min(LEAST_WEIGHT, weights.max())] = 0
    return np.asarray(weights / weights.sum())


def _greedy(answers: Sequence[Answer], y: Array, task: Judge, start: int) -> Floats:
    """Weights of candidates from greedy selection that begins with the `start` best."""
    first = np.argsort([task.loss(y, a) for a in answers], kind="stable")[:start].tolist()
    taken = np.zeros(len(answers))
    taken[first], total = 1, np.sum([answers[i] for i in first], axis=0)
    error = task.loss(y, total / len(first))
    best, best_error = taken.copy(), error
    for count in range(len(first) + 1, STEPS + 1):
        errors = [task.loss(y, (total + a) / count) for a in answers]
        chosen = int(np.argmin(errors))
        total += answers[chosen]
        taken[chosen] += 1
        error = min(errors)
        if error < best_error - LEAST_GAIN * abs(best_error):
            best, best_error = taken.copy(), error
        elif count > 8 and error > best_error:
            break
    return best / best.sum()


def temperature(answer: Answer, y: Array, task: Judge) -> float:
    """How much less sure (above 1) or surer (below 1) the answers should be; 1 unless that errs clearly less.

    Golden-section search over the logarithm of the temperature.
    """

    def error(log_by: float) -> float:
        return task.loss(y, task.adjust(answer, float(np.exp(log_by))))

    ratio, low, high = (np.sqrt(5) - 1) / 2, -0.7, 0.7
    for _ in range(14):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (low, right) if error(left) < error(right) else (left, high)
    middle = (low + high) / 2
    return float(np.exp(middle)) if error(middle) < error(0.0) * (1 - 0.001) else 1.0
