"""Count, then multiply: how common is each class, and within it how common is each value? Bayes' rule does the rest.

"Naive" is the belief that columns have nothing to do with each other once the class is known. Then the probability of
a whole row in a class is the product of the probabilities of its values: for a number the height of a bell curve with
the class's mean and spread, for a 0/1 column the share of ones in the class. One pass over the data learns everything.
Columns do overlap, so evidence is counted twice and the answers come out too sure; a scale fitted on watched rows
(Platt's squash) takes that back, and keeps the classes' order nearly as it was.

Cost: O(n d) time, O(d k) memory beyond the data.
Paper: Maron, "Automatic Indexing: An Experimental Inquiry", Journal of the ACM 8, 1961.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.algorithm import Algorithm, Card, Cost, Fitted, Machine, Task, setting, watch_split
from ...core.clock import Clock
from ...core.numbers import Answer, Array, Floats, Numbers, Shape
from ...engines.linear import platt, softmax
from ...engines.rows import checked, one_hot


@dataclass(frozen=True)
class Evidence(Fitted):
    """Log-probability of each class as a parabola in each column, all added up.

    square, line: float32 (d, k); level: float32 (k,).
    """

    square: Array
    line: Array
    level: Array

    def scores(self, x: Array) -> Floats:
        x = np.asarray(x, np.float32)
        return (np.square(x) @ self.square + x @ self.line + self.level).astype(np.float64)

    def answer(self, x: Array) -> Answer:
        return softmax(self.scores(x))


@dataclass(frozen=True)
class NaiveBayes(Algorithm):
    card: ClassVar = Card(
        id="naive_bayes",
        name="naive Bayes",
        year=1961,
        paper="Maron, Automatic Indexing: An Experimental Inquiry, JACM 8 (1961)",
        tasks=frozenset({"classify"}),
    )
    fitted: ClassVar = Evidence

    smoothing: float = setting(1.0, "rows of average evidence added to each class", low=0.1, high=30.0, log=True)

    def cost(self, job: Shape, on: Machine) -> Cost:
        n, d, k = job.rows, job.width, job.outputs
        moved = n * (250.0 * d + 450.0 * k + 6000.0)  # most of it for the squash's steps
        return Cost(0.002 + moved / on.bandwidth + 16.0 * n * d * k / (on.gflops * 1e9), 10.0 * n * (d + k))

    def fit(self, train: Numbers, task: Task, clock: Clock) -> Evidence:
        x, y = checked(self.card, train, task)
        found = self._count(x, y, task.outputs)
        if len(x) < 10:
            return found
        part, watched = watch_split(train, task, clock.seed, share=0.25)
        scale, bias = platt(self._count(part.x, part.y, task.outputs).scores(watched.x), watched.y)
        level = (scale * found.level + bias).astype(np.float32)
        return Evidence(np.float32(scale) * found.square, np.float32(scale) * found.line, level)

    def _count(self, x: Array, y: Array, k: int) -> Evidence:
        hot = one_hot(y, k).astype(np.float32)
        rows = hot.sum(axis=0)
        overall, spread = x.mean(axis=0), x.var(axis=0) + 1e-3  # the floor keeps a constant column harmless
        added = self.smoothing
        mean = (x.T @ hot + added * overall[:, None]) / (rows + added)  # (d, k), drawn to that of all rows
        second = (np.square(x).T @ hot + added * (np.square(overall) + spread)[:, None]) / (rows + added)
        var = np.maximum(second - np.square(mean), 1e-3 * spread[:, None])
        square, line = -0.5 / var, mean / var
        level = -0.5 * (np.square(mean) / var + np.log(var))
        binary = ((x == 0) | (x == 1)).all(axis=0)
        ones = np.clip(mean[binary], 1e-4, 1 - 1e-4)
        square[binary], line[binary], level[binary] = 0, np.log(ones / (1 - ones)), np.log(1 - ones)
        prior = np.log((rows + 0.5) / (rows + 0.5).sum())
        return Evidence(*(a.astype(np.float32) for a in (square, line, level.sum(axis=0) + prior)))
