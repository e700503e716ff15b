"""How unusual a row is, told so that any two ways of telling can be put together: the share of rows that are less so.

Every detector measures in units of its own: a distance, a density, the length of a path in a tree. `Unusual` remembers
what the rows it learned from came to, and turns a score into the share of them that lie below it. Rows come in their
own units and are centred and scaled here. Outliers spoil the very picture of what is usual that they are measured by;
so a detector may look twice, the second time without the share of rows that seemed most unusual the first time.
"""

import abc
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.algorithm import Algorithm, Fitted, Task
from ..core.clock import Clock
from ..core.numbers import Answer, Array, Floats, Numbers
from .rows import checked

MOST_ROWS = 50_000  # a random sample of more says what is usual as well as all
MOST_LEVELS = 2048  # scores kept of the rows learned from: enough for any share that a person asks for
AT_ONCE = 2048  # rows scored at a time, so that memory stays bounded and a clock can be asked
FEWEST = 10  # rows from which on a second look may leave some out
FARTHEST = 1e6  # standard deviations: what is further out is only very far out


@dataclass(frozen=True)
class Unusual(Fitted):
    """A detector: subclasses say `scores`.

    levels float64 (2, m): scores of rows learned from, and the share of them that lies below each. centre, scale
    float32 (d,): of the columns.
    """

    levels: Array
    centre: Array
    scale: Array

    def scores(self, x: Array) -> Floats:
        """How unusual each row is, in the detector's own units, (n,). x: float32, centred and scaled."""
        raise NotImplementedError

    def answer(self, x: Array) -> Answer:
        parts = [share(self.levels, self.scores(self.standard(x[i : i + AT_ONCE]))) for i in range(0, len(x), AT_ONCE)]
        return np.concatenate(parts) if parts else np.empty((0, 1))

    def standard(self, x: Array) -> Array:
        """Rows centred and scaled."""
        found = (np.asarray(x, np.float32) - self.centre) / self.scale
        return np.clip(found, -FARTHEST, FARTHEST).astype(np.float32)


class Detector(Algorithm):
    """An algorithm of detection: subclasses say what they learn of rows that are centred and scaled."""

    @abc.abstractmethod
    def learned(self, x: Array, blank: dict[str, Array], clock: Clock) -> Unusual:
        """What is usual of rows x, float32 (n, d). blank: the fields of `Unusual`, to be handed on as they are."""

    @property
    def looks(self) -> int:
        """How often it learns."""
        return 2 if self.trim > 0 else 1

    @property
    def trim(self) -> float:
        """The share of the rows that the second look leaves out; 0 for one look."""
        return float(getattr(self, "second", 0.0))

    def fit(self, train: Numbers, task: Task, clock: Clock) -> Unusual:
        x = some(np.asarray(checked(self.card, train, task)[0]), MOST_ROWS, clock.seed)
        found, scores = self._look(x, x, clock)
        if self.trim > 0 and len(x) >= FEWEST and not clock.expired:
            usual = x[scores <= np.quantile(scores, 1 - min(self.trim, 0.5))]
            found, scores = self._look(usual, x, clock)
        return dataclasses.replace(found, levels=levels_of(scores))

    def _look(self, usual: Array, x: Array, clock: Clock) -> tuple[Unusual, Floats]:
        """What is learned of the usual rows, and the scores of x by it: of as many rows as the clock allows."""
        centre = usual.mean(axis=0, dtype=np.float64).astype(np.float32)
        scale = usual.std(axis=0, dtype=np.float64)
        scale = np.maximum(scale, 1e-2 * x.std(axis=0, dtype=np.float64))  # a column may be constant but for outliers
        scale = np.where(scale > 1e-9 * np.maximum(np.abs(centre), 1), scale, 1.0).astype(np.float32)
        blank = {"levels": np.zeros((2, 1)), "centre": centre, "scale": scale}
        standard = np.clip((usual - centre) / scale, -FARTHEST, FARTHEST).astype(np.float32)
        found = self.learned(standard, blank, clock)
        return found, _in_parts(x, lambda part: found.scores(found.standard(part)), clock)


def _in_parts(x: Array, score: Callable[[Array], Floats], clock: Clock) -> Floats:
    """The scores of all of x; where the clock runs out, of its first rows, and their middle for the others."""
    found = np.empty(len(x))
    for i in range(0, len(x), AT_ONCE):
        found[i : i + AT_ONCE] = score(x[i : i + AT_ONCE])
        if clock.expired and i + AT_ONCE < len(x):
            rest = len(x) - i - AT_ONCE
            found[i + AT_ONCE :] = np.quantile(found[: i + AT_ONCE], (np.arange(rest) + 0.5) / rest)
            break
    return np.nan_to_num(found, nan=0.0, posinf=1e300, neginf=-1e300)


def some(rows: Any, most: int, seed: int) -> Any:
    """The rows, or a random sample of `most` of them: what compares all with all cannot have more."""
    if len(rows) <= most:
        return rows
    return rows[np.sort(np.random.default_rng(seed).permutation(len(rows))[:most])]


def levels_of(scores: Floats) -> Floats:
    """What `share` needs of the scores of the rows that were learned from: sorted, thinned in the middle."""
    found, n = np.sort(scores), len(scores)
    kept = np.arange(n)
    if n > MOST_LEVELS:  # every one of the most unusual, and even steps through the rest
        tail = MOST_LEVELS // 4
        kept = np.unique(np.concatenate([np.linspace(0, n - 1 - tail, MOST_LEVELS - tail).astype(int), kept[-tail:]]))
    return np.stack([found[kept], (kept + 0.5) / n])


def share(levels: Floats, scores: Floats) -> Answer:
    """The share of the rows that were learned from which scored less, float64 (n, 1), within 0 and 1.

    Between two remembered scores it rises evenly; beyond the last it nears 1 without end, so that of two rows that are
    stranger than any known the stranger one still says more.
    """
    known, below = levels
    value, first, count = np.unique(known, return_index=True, return_counts=True)
    middle = np.add.reduceat(below, first) / count  # of scores that are the same
    score = np.nan_to_num(np.asarray(scores, np.float64), nan=0.0, posinf=1e300, neginf=-1e300)
    found = np.interp(score, value, middle)
    width = max(float(value[-1] - np.interp(0.5, middle, value)), 1e-12 * max(abs(float(value[-1])), 1.0))
    over = np.maximum(score - value[-1], 0.0) / width
    return np.asarray(1 - (1 - found) / (1 + over))[:, None]
