"""How unusual a row is, told so that any two ways of telling can be averaged: the share of known rows that are less so.

Every detector measures in units of its own: a distance, a density, the length of a path in a tree. `Levels` remembers
what the rows it learned from came to, and turns a score into the share of them that lie below it. The mean of such
shares over detectors is an ensemble of ranks.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..core.algorithm import Card, Fitted, Task
from ..core.clock import Clock
from ..core.numbers import Answer, Array, Floats, Numbers
from .rows import checked

MOST_LEVELS = 2048  # scores kept of the rows learned from: enough for any share that a person asks for
AT_ONCE = 2048  # rows scored at a time, so that a clock can be asked between


def learned_rows(card: Card, train: Numbers, task: Task) -> Array:
    """The rows to learn what is usual from, float32 (n, d). Raises InputError as `checked`."""
    return np.asarray(checked(card, train, task)[0])


def some(rows: Array, most: int, seed: int) -> Array:
    """The rows, or a random sample of `most` of them: what compares all with all cannot have more."""
    if len(rows) <= most:
        return rows
    return rows[np.sort(np.random.default_rng(seed).permutation(len(rows))[:most])]


def levels_of(scores: Floats) -> Floats:
    """What `share` needs of the scores of the rows that were learned from: sorted, thinned in the middle."""
    found = np.sort(np.nan_to_num(np.asarray(scores, np.float64), posinf=1e300, neginf=-1e300))
    n = len(found)
    if n <= MOST_LEVELS:
        return np.stack([found, (np.arange(n) + 0.5) / n])
    tail = MOST_LEVELS // 4  # every one of the most unusual, and even steps through the rest
    kept = np.unique(np.concatenate([np.linspace(0, n - 1 - tail, MOST_LEVELS - tail).astype(int), np.arange(n - tail, n)]))
    return np.stack([found[kept], (kept + 0.5) / n])


def share(levels: Floats, scores: Floats) -> Answer:
    """The share of the rows that were learned from which scored less, float64 (n, 1), within 0 and 1.

    Between two remembered scores it rises evenly; beyond the last it nears 1 without end, so that of two rows that are
    stranger than any known the stranger one still says more.
    """
    known, below = levels
    value, first, count = np.unique(known, return_index=True, return_counts=True)
    middle = np.add.reduceat(below, first) / count  # of scores that are the same
    score = np.nan_to_num(np.asarray(scores, np.float64), posinf=1e300, neginf=-1e300)
    found = np.interp(score, value, middle)
    width = max(float(value[-1] - np.interp(0.5, middle, value)), 1e-12 * max(abs(float(value[-1])), 1.0))
    over = np.maximum(score - value[-1], 0.0) / width
    found = 1 - (1 - found) / (1 + over)
    return found[:, None]


def scores_in_parts(x: Array, score: Callable[[Array], Floats], clock: Clock) -> Floats:
    """The scores of x in a random order, part by part, as many as the clock allows and at least one part."""
    order = np.random.default_rng(clock.seed).permutation(len(x))
    found: list[Floats] = []
    for i in range(0, len(x), AT_ONCE):
        found.append(np.asarray(score(x[order[i : i + AT_ONCE]]), np.float64))
        if clock.expired:
            break
    return np.concatenate(found)


@dataclass(frozen=True)
class Unusual(Fitted):
    """A detector: subclasses say `scores`. levels float64 (2, m): scores of known rows, and the share below each."""

    levels: Array

    def scores(self, x: Array) -> Floats:
        """How unusual each row is, in the detector's own units, (n,)."""
        raise NotImplementedError

    def answer(self, x: Array) -> Answer:
        x = np.asarray(x, np.float32)
        parts = [share(self.levels, self.scores(x[i : i + AT_ONCE])) for i in range(0, len(x), AT_ONCE)]
        return np.concatenate(parts) if parts else np.empty((0, 1))
