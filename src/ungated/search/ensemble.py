"""The weighted mean of candidates that errs least, and how sure it may be.

Greedy selection with replacement: begin with the best candidate, then again and again add whichever one (often the same
again) lowers the validation error of the mean most. How often each was taken is its weight. Candidates that err in
different places are taken together; one that only repeats another is not.

Paper: Caruana et al., "Ensemble selection from libraries of models", ICML 2004. Cost: O(steps · candidates · rows).
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from ..core.numbers import Answer, Array, Floats

STEPS = 40
LIBRARY = 25
FEW = 2000  # validation rows below which the single best candidate is too uncertain to begin with alone ...
FEW_START = 4  # ... and this many begin together, as the paper advises
LEAST_GAIN = 0.0005  # a smaller relative gain is not worth another model at prediction


class Judge(Protocol):
    """As much of a task as the ensemble may know."""

    def loss(self, y: Array, answer: Answer) -> float: ...
    def adjust(self, answer: Answer, by: float) -> Answer: ...


def weigh(answers: Sequence[Answer], y: Array, task: Judge) -> Floats:
    """Weights, one for each candidate's validation answers (n, outputs), that add up to 1; most are 0."""
    alone = np.array([task.loss(y, a) for a in answers])
    library = np.argsort(alone, kind="stable")[:LIBRARY]
    taken = np.zeros(len(answers))
    start = library[: FEW_START if len(y) < FEW else 1]
    taken[start], total = 1, np.sum([answers[i] for i in start], axis=0)
    error = task.loss(y, total / len(start))
    best, best_error = taken.copy(), error
    for count in range(len(start) + 1, STEPS + 1):
        errors = [task.loss(y, (total + answers[i]) / count) for i in library]
        chosen = library[int(np.argmin(errors))]
        total += answers[chosen]
        taken[chosen] += 1
        error = min(errors)
        if error < best_error - LEAST_GAIN * abs(best_error):
            best, best_error = taken.copy(), error
        elif count > 8 and error > best_error:
            break
    if alone[library[0]] < best_error:  # no mean errs less than the best candidate does alone
        best = np.eye(len(answers))[library[0]]
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
