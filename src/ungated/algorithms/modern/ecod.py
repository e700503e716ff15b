"""Add up how far out each value lies in its own column: outliers by empirical cumulative distributions (ECOD).

For each column, what share of the known values is as small as this one or smaller, and as large or larger? A value in
the tail has a tiny share, and minus its logarithm is large. Summed over columns as if they knew nothing of one another,
that is how unlikely the row is: on its low sides, on its high sides, and on the side towards which each column is
skewed, whichever is largest. There is nothing to set and nothing to tune, a million rows take seconds, and every
column's part of the sum says why. What it cannot see is a row whose values are usual one by one and odd together.

Cost: O(n d log n) time, O(n d) memory; at most 2,000 values of each column are kept.
Paper: Li, Zhao, Hu, Botta, Ionescu & Chen, "ECOD: Unsupervised Outlier Detection Using Empirical Cumulative
Distribution Functions", IEEE Transactions on Knowledge and Data Engineering, 2022.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.algorithm import Card, Cost, Machine, setting
from ...core.clock import Clock
from ...core.numbers import Array, Floats, Shape
from ...engines import unusual
from ...engines.unusual import Detector, Unusual

MOST_KEPT = 2000


@dataclass(frozen=True)
class Tails(Unusual):
    """values float32 (d, m): some values of each column, sorted; place int64 (m,): of each among all, from 0.

    skewed bool (d,): whether to the left. rows: how many were learned from; no share is less than half of one.
    """

    values: Array
    place: Array
    skewed: Array
    rows: int

    def scores(self, x: Array) -> Floats:
        low, high, likely = np.zeros((3, len(x)))
        counted = np.concatenate([[0], self.place + 1])
        for known, left, column in zip(self.values, self.skewed, np.asarray(x, np.float32).T, strict=True):
            below = counted[np.searchsorted(known, column, "right")] / self.rows
            above = 1 - counted[np.searchsorted(known, column, "left")] / self.rows
            small, large = (-np.log(np.maximum(s, 0.5 / self.rows)) for s in (below, above))
            low, high, likely = low + small, high + large, likely + (small if left else large)
        return np.maximum(likely, np.maximum(low, high))


@dataclass(frozen=True)
class ECOD(Detector):
    card: ClassVar = Card(
        id="ecod",
        name="empirical tails (ECOD)",
        year=2022,
        paper="Li et al., ECOD: Unsupervised Outlier Detection Using Empirical Cumulative Distribution Functions, "
        "IEEE TKDE (2022)",
        tasks=frozenset({"detect"}),
    )
    fitted: ClassVar = Tails

    second: float = setting(0.2, "share of the rows, the most unusual, that a second look leaves out")

    def cost(self, job: Shape, on: Machine) -> Cost:
        n, d = min(job.rows, unusual.MOST_ROWS), job.width
        seconds = n * d * 3.0 / (on.scalar * 1e6) + 40.0 * n * d / on.bandwidth
        return Cost(0.001 + self.looks * seconds, 1e6 + 8.0 * n * d)

    def learned(self, x: Array, blank: dict[str, Array], clock: Clock) -> Tails:
        n = len(x)
        place = np.arange(n)
        if n > MOST_KEPT:  # all of the tails, where a row more or less counts, and even steps between them
            tail = MOST_KEPT // 4
            middle = np.linspace(tail, n - 1 - tail, MOST_KEPT - 2 * tail).astype(int)
            place = np.unique(np.concatenate([place[:tail], middle, place[-tail:]]))
        values = np.ascontiguousarray(np.sort(x, axis=0)[place].T)
        skewed = np.power(x - x.mean(axis=0, dtype=np.float64), 3).mean(axis=0) < 0
        return Tails(**blank, values=values, place=place, skewed=skewed, rows=n)
