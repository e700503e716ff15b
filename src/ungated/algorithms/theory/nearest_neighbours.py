"""Ask the neighbours: the answer for a new row is that of the k known rows most like it.

There is nothing to train: the known rows are the model. "Like" is the straight-line distance over the prepared columns,
the k nearest vote (or are averaged, for numbers), and nearer ones may count for more. Cover and Hart showed that with
endless data even one neighbour makes at most twice the errors of the best rule there can be. How many to ask is chosen
here by leaving rows out: up to a thousand known rows are answered from all the others, once, for every k at once.

Cost: O(m n d) to answer m rows from n known ones, and to choose k with m = 1000; O(n d) memory, kept in the model.
Paper: Cover & Hart, "Nearest Neighbor Pattern Classification", IEEE Transactions on Information Theory 13, 1967
(first told by Fix & Hodges, 1951).
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.algorithm import Algorithm, Card, Cost, Fitted, Machine, Task, setting
from ...core.clock import Clock
from ...core.numbers import Answer, Array, Floats, Numbers, Shape
from ...engines.rows import checked, one_hot

NEIGHBOURS = (1, 2, 3, 5, 8, 12, 18, 27, 40, 60, 90)
JUDGES = 1000
AT_ONCE = 2**22  # distances held in memory at a time
GROUP = 24


@dataclass(frozen=True)
class Neighbours(Fitted):
    """known float32 (n, d), their answers float64 (n, outputs), and the answers' average (outputs,).

    k: how many are asked. nearer: whether nearer ones count for more. prior: rows' worth of the average added.
    """

    known: Array
    answers: Array
    average: Array
    k: int
    nearer: bool
    prior: float

    def answer(self, x: Array) -> Answer:
        step = max(1, AT_ONCE // len(self.known))
        parts = [self._ask(np.asarray(x[i : i + step], np.float32)) for i in range(0, len(x), step)]
        return np.concatenate(parts) if parts else np.empty((0, len(self.average)))

    def _ask(self, x: Array) -> Floats:
        index, distance = nearest(self.known, x, self.k)
        return self.vote(index, distance, self.k)

    def vote(self, index: Array, distance: Floats, k: int) -> Floats:
        """The weighted mean of the first k neighbours' answers (and of `prior` average ones)."""
        count = distance[:, :k]
        weight = 1 / (count / (count[:, -1:] + 1e-12) + 0.1) if self.nearer else np.ones_like(count)
        total = np.einsum("mk,mko->mo", weight, self.answers[index[:, :k]]) + self.prior * self.average
        return total / (weight.sum(axis=1, keepdims=True) + self.prior)


def nearest(known: Array, x: Array, k: int) -> tuple[Array, Floats]:
    """Indices and distances (m, k) of the k rows of `known` nearest to each row of x, nearest first."""
    square = x @ known.T  # |a - b|² is |a|² - 2ab + |b|²; one matrix product does most of the work
    square *= -2
    square += np.square(known).sum(axis=1)
    index = _least(square, k)
    found = np.take_along_axis(square, index, axis=1) + np.square(x).sum(axis=1, keepdims=True)
    order = np.argsort(found, axis=1, kind="stable")
    distance = np.sqrt(np.maximum(np.take_along_axis(found, order, axis=1), 0)).astype(np.float64)
    return np.take_along_axis(index, order, axis=1), distance


def _least(values: Array, k: int) -> Array:
    """Indices (m, k) of the k least of each row, in no order.

    The k least can only be in the k groups with the least minima, and minima are much quicker than a partition.
    """
    m, n = values.shape
    if k >= n:
        return np.tile(np.arange(n), (m, 1))
    groups = n // GROUP
    if groups < 4 * k:
        return np.argpartition(values, k - 1, axis=1)[:, :k]
    minima = values[:, : groups * GROUP].reshape(m, GROUP, groups).min(axis=1)
    best = np.argpartition(minima, k - 1, axis=1)[:, :k]
    among = (best[:, :, None] + groups * np.arange(GROUP)).reshape(m, -1)
    rest = np.tile(np.arange(groups * GROUP, n), (m, 1))  # what is left over of the last, incomplete group
    among = np.concatenate([among, rest], axis=1)
    inside = np.argpartition(np.take_along_axis(values, among, axis=1), k - 1, axis=1)[:, :k]
    return np.take_along_axis(among, inside, axis=1)


@dataclass(frozen=True)
class NearestNeighbours(Algorithm):
    card: ClassVar = Card(
        id="nearest_neighbours",
        name="nearest neighbours",
        year=1967,
        paper="Cover & Hart, Nearest Neighbor Pattern Classification, IEEE Trans. Inf. Theory 13 (1967)",
        tasks=frozenset({"classify", "regress"}),
    )
    fitted: ClassVar = Neighbours

    k: int = setting(0, "how many neighbours are asked; 0 chooses by leaving rows out")
    nearer: bool = setting(True, "whether nearer neighbours count for more", choices=(True, False))

    def cost(self, job: Shape, on: Machine) -> Cost:
        n, d, judges = job.rows, job.width, min(job.rows, JUDGES)
        one = 40.0 / on.bandwidth if n > 4 * GROUP * NEIGHBOURS[-1] else 0.08 / (on.scalar * 1e6)
        asked = judges + min(n / 5, 5000)  # those who are then asked about wait for it too
        distances = asked * n * (2.0 * d / (on.gflops * 1e9) + one)
        votes = judges * (1.5e-5 + 1e-6 * job.outputs)
        return Cost(0.001 + distances + votes, 8.0 * n * (d + 2 * job.outputs) + 10.0 * min(judges * n, AT_ONCE))

    def fit(self, train: Numbers, task: Task, clock: Clock) -> Neighbours:
        x, y = checked(self.card, train, task)
        answers = one_hot(y, task.outputs) if task.id == "classify" else y[:, None]
        prior = 1.0 if task.id == "classify" else 0.0  # certainty from a few votes is costly when it is wrong
        known = Neighbours(x, answers, answers.mean(axis=0), 1, self.nearer, prior)
        k = min(self.k, len(x)) or self._choose(known, y, task, clock)
        return Neighbours(x, answers, answers.mean(axis=0), k, self.nearer, prior)

    def _choose(self, all_rows: Neighbours, y: Array, task: Task, clock: Clock) -> int:
        """The k whose answers for left-out rows have the least error."""
        n = len(y)
        if n < 3:
            return 1
        judges = np.random.default_rng(clock.seed).permutation(n)[:JUDGES]
        most = min(NEIGHBOURS[-1], n - 1)
        found, step = [], max(1, AT_ONCE // n)
        for i in range(0, len(judges), step):
            found.append(_others(all_rows.known, judges[i : i + step], most))
            if clock.expired:
                break
        index, distance = (np.concatenate(parts) for parts in zip(*found, strict=True))
        losses = {}
        for k in sorted({min(k, most) for k in NEIGHBOURS}):
            losses[k] = task.loss(y[judges[: len(index)]], all_rows.vote(index, distance, k))
            if not clock.tick(k, losses[k]):
                break
        return min(losses, key=lambda k: losses[k])


def _others(known: Array, who: Array, k: int) -> tuple[Array, Floats]:
    """The k nearest of each row `who` among all the other rows."""
    index, distance = nearest(known, known[who], k + 1)
    itself = index == who[:, None]
    itself[~itself.any(axis=1), -1] = True  # among many equal rows a row may not find itself: drop the last then
    keep = ~itself
    return index[keep].reshape(len(who), k), distance[keep].reshape(len(who), k)
