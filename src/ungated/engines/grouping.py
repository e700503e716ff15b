"""What algorithms that find groups share: how columns weigh, where new rows go, and the choice of how many groups.

It knows no algorithm and no task beyond its error: whoever finds groups proposes several partings of the same rows,
few groups and many, and the one that errs least by the task's own error is kept.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from ..core.algorithm import Algorithm, Card, Fitted, State, Task, setting
from ..core.clock import Clock
from ..core.numbers import Answer, Array, Floats, Numbers
from .rows import checked

MOST_GROUPS = 25
FEWEST = 3  # rows of a group, on average, where the most groups are tried
PATIENCE = 6  # proposals without a smaller error after which no more are asked for
FEW_VALUES = 30  # distinct values up to which a column is taken to be rounded, or a category
GIVE = 5  # of so many groups one more or less may be found where more rows are learned from
PICTURE_SIDE = 16  # to which pictures are shrunk where groups among them are judged
CHUNK = 2000  # rows placed at a time


def weights(x: Array) -> Floats:
    """How much each column counts, float64 (d,): 1 for numbers; for 0/1 columns their standard deviation.

    Numbers come with a deviation of about one. So a level that half of the rows have weighs half as much as a number
    does, and one that few have weighs little: groups are looked for in what is measured first.
    """
    least, most = x.min(axis=0), x.max(axis=0)
    two = (most > least) & ((x == least) | (x == most)).all(axis=0)
    share = (x == most).mean(axis=0)
    scale = np.sqrt(share * (1 - share)) / np.where(two, most - least, 1)
    return np.where(two, scale, 1.0)


def unrounded(x: Array, seed: int) -> Floats:
    """float64 (n, d): columns of few values spread evenly, each value over its half of the gaps to its neighbours.

    A value that stands for an interval, or for one of two sides, is a gap in the numbers and none in what they say.
    Left as they are, rows with equal values would be groups whatever the other columns hold.
    """
    x, rng = np.array(x, np.float64), np.random.default_rng(seed)
    for j in range(x.shape[1]):
        values, place = np.unique(x[:, j], return_inverse=True)
        if 1 < len(values) <= max(2, min(FEW_VALUES, len(x) // 8)):
            gaps = np.diff(values)
            below, above = np.r_[gaps[0], gaps] / 2, np.r_[gaps, gaps[-1]] / 2
            side = rng.random(len(x)) < 0.5
            x[:, j] += np.where(side, -below[place], above[place]) * rng.random(len(x))
    return x


def squared(x: Floats, to: Floats) -> Floats:
    """Squared distances (n, m)."""
    far = np.square(x).sum(axis=1)[:, None] + np.square(to).sum(axis=1) - 2 * (x @ to.T)
    return np.maximum(far, 0)


def nearest(x: Floats, to: Floats) -> Array:
    """The place in `to` (m, d) of the row nearest to each of x, (n,)."""
    parts = [squared(x[i : i + CHUNK], to).argmin(axis=1) for i in range(0, len(x), CHUNK)]
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def neighbours(x: Floats, k: int) -> tuple[Array, Floats]:
    """The k rows nearest to each, but for itself, nearest first: places (n, k) and distances (n, k)."""
    far = squared(x, x)
    np.fill_diagonal(far, -1.0)
    k = min(k, len(x) - 1)
    found = np.argpartition(far, k, axis=1)[:, : k + 1] if k + 1 < len(x) else np.tile(np.arange(len(x)), (len(x), 1))
    away = np.take_along_axis(far, found, axis=1)
    order = np.argsort(away, axis=1, kind="stable")[:, 1:]
    return np.take_along_axis(found, order, axis=1), np.sqrt(np.take_along_axis(away, order, axis=1))


def shares(groups: Array, count: int | None = None) -> Answer:
    """Group codes (n,), -1 for none, as float64 (n, count) with a 1 in the column of each row's group."""
    count = max(1, int(groups.max(initial=0)) + 1) if count is None else count
    said = np.zeros((len(groups), count))
    inside = np.flatnonzero(groups >= 0)
    said[inside, groups[inside]] = 1.0
    return said


def in_order(groups: Array) -> Array:
    """The same groups coded 0, 1, ... by falling size; -1 stays -1."""
    found, count = np.unique(groups[groups >= 0], return_counts=True)
    code = np.full(int(groups.max(initial=-1)) + 2, -1)
    code[found[np.argsort(-count, kind="stable")]] = np.arange(len(found))
    return code[groups]


@dataclass(frozen=True)
class Rows:
    """Training rows as those who find groups see them.

    x: float64 (n, d), weighed and unrounded, of which groups are made. raw: float32, as they came. weights: (d,).
    """

    x: Floats
    raw: Array
    weights: Floats

    def sample(self, most: int, seed: int) -> "Rows":
        """At most so many of the rows, drawn at random."""
        if len(self.x) <= most:
            return self
        kept = np.sort(np.random.default_rng(seed).permutation(len(self.x))[:most])
        return Rows(self.x[kept], self.raw[kept], self.weights)

    @property
    def counts(self) -> range:
        """Numbers of groups worth trying on so many rows."""
        return range(2, max(2, min(MOST_GROUPS, len(self.x) // FEWEST)) + 1) if len(self.x) >= 2 * FEWEST else range(0)


def rows_of(card: Card, train: Numbers, task: Task, seed: int) -> Rows:
    """The rows, checked. Raises InputError."""
    raw, _ = checked(card, train, task)
    scale = weights(raw)
    return Rows(unrounded(raw * scale, seed), raw, scale)


def chosen(
    proposals: Iterable[tuple[float, Array]],
    rows: Rows,
    task: Task,
    clock: Clock,
    wanted: int = 0,
    give: int = 0,
) -> Array:
    """Of partings of `rows`, the groups (n,) that err least; one group where nothing is proposed.

    proposals: (what distinguishes it, such as how many groups; groups (n,), -1 for none). They are made one by one,
    and no more once several in turn have not erred less. wanted: how many groups there are to be, give or take so many,
    or as nearly as one of the proposals has it; 0 for as many as err least.
    """
    best, least, stale = np.zeros(len(rows.x), np.int64), (np.inf, np.inf), 0
    for step, groups in proposals if wanted != 1 else ():
        count = len(np.unique(groups[groups >= 0]))
        error = task.loss(rows.raw, shares(groups)) if count > 1 else 1.0
        off = (max(0, abs(count - wanted) - give) if wanted else 0, error)
        stale += 1
        if off < least:
            best, least, stale = groups, off, 0
        if not clock.tick(step, error) or stale >= PATIENCE:
            break
    return in_order(best)


@dataclass(frozen=True)
class Grouping(Algorithm):
    """What all that find groups have in common: their number, which is chosen unless a person sets it."""

    groups: int = setting(0, "how many groups; 0 chooses the number that errs least", low=0, high=10_000, drawn=False)
    give: int = setting(
        0, "by how many groups that number may be missed where it errs less so", low=0, high=10_000, drawn=False
    )

    def counts(self, rows: Rows) -> range:
        """The numbers of groups to try on these rows."""
        if not self.groups:
            return rows.counts
        most = max(1, len(rows.x))
        return range(min(max(1, self.groups - self.give), most), min(self.groups + self.give, most) + 1)

    def settled(self, learned: State) -> Self:
        count = learned.values["count"] if "count" in learned.values else len(learned.arrays["centres"])
        return replace(self, groups=count, give=count // GIVE)


@dataclass(frozen=True)
class Centred(Fitted):
    """Groups by their centres: a new row belongs to the nearest. centres: (k, d), weights: (d,)."""

    centres: Array
    weights: Array

    def answer(self, x: Array) -> Answer:
        return shares(nearest(np.asarray(x, np.float64) * self.weights, self.centres), len(self.centres))


@dataclass(frozen=True)
class Remembered(Fitted):
    """Groups by rows that are in them: a new row belongs where the nearest of these does.

    rows: (m, d), weighed. groups: (m,), -1 for none. count: of groups. weights: (d,).
    """

    rows: Array
    groups: Array
    count: int
    weights: Array

    def answer(self, x: Array) -> Answer:
        near = nearest(np.asarray(x, np.float64) * self.weights, self.rows)
        return shares(self.groups[near], self.count)


def remembered(rows: Rows, groups: Array) -> Remembered:
    """What places new rows by these."""
    return Remembered(rows.x, groups, max(1, int(groups.max(initial=0)) + 1), rows.weights)


def shrunk(x: Array) -> Array:
    """Pictures as rows, float32 (n, d), their sides shrunk to about PICTURE_SIDE by means of blocks."""
    n, channels, height, width = x.shape
    down, across = max(1, height // PICTURE_SIDE), max(1, width // PICTURE_SIDE)
    cut = x[:, :, : height // down * down, : width // across * across].astype(np.float32)
    blocks = cut.reshape(n, channels, height // down, down, width // across, across)
    rows = blocks.mean(axis=(3, 5)).reshape(n, -1)
    return np.ascontiguousarray(rows / max(float(rows.std()), 1e-6), np.float32)
