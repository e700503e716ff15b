"""Centres of gravity: put k centres among the rows, give each row to the nearest, move each amid its rows, again.

Each step lowers the sum of squared distances, so it comes to rest after a few dozen. Where it rests depends on where it
began: k-means++ draws the first centres far apart, each by its squared distance from those before it, and a few starts
are tried. Boundaries are straight lines halfway between centres: round groups of like width are found, rings are not.
k is not known either: few groups and many are tried, and the number that errs least by the task's own error is kept.

Cost: O(n d k) a step, for each k; O(k d) to keep.
Paper: Lloyd, "Least squares quantization in PCM", Bell Labs 1957, published in IEEE Transactions on Information
Theory 28 (1982); Arthur & Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.algorithm import Card, Cost, Machine, Task
from ...core.clock import Clock
from ...core.numbers import Array, Numbers, Shape
from ...engines.centres import k_means, settled
from ...engines.grouping import MOST_GROUPS, Centred, Grouping, chosen, rows_of

MOST_TRIED = 5000  # rows on which the number of groups is chosen


@dataclass(frozen=True)
class KMeans(Grouping):
    card: ClassVar = Card(
        id="k_means",
        name="k-means",
        year=1982,
        paper="Lloyd, Least squares quantization in PCM, IEEE Transactions on Information Theory 28 (1982)",
        tasks=frozenset({"cluster"}),
        anytime=True,
    )
    fitted: ClassVar = Centred

    def cost(self, job: Shape, on: Machine) -> Cost:
        n = min(job.rows, MOST_TRIED)
        steps = 3 * 15 * MOST_GROUPS * (2.0 * n * job.width * MOST_GROUPS / 2 / on.gflops / 1e9 + 2e-4)
        whole = 15 * 2.0 * job.rows * job.width * MOST_GROUPS / on.gflops / 1e9
        return Cost(0.05 + 2 * (steps + whole), 24.0 * job.rows * job.width + 8e6)

    def fit(self, train: Numbers, task: Task, clock: Clock) -> Centred:
        whole = rows_of(self.card, train, task, clock.seed)
        rows = whole.sample(MOST_TRIED, clock.seed)

        def proposals() -> Iterator[tuple[float, Array]]:
            for k in self.counts(rows):
                yield k, k_means(rows.x, min(k, len(rows.x)), clock)[1]

        groups = chosen(proposals(), rows, task, clock, self.groups, self.give)
        centres = np.stack([rows.x[groups == c].mean(axis=0) for c in range(int(groups.max()) + 1)])
        return Centred(settled(whole.x, centres, clock)[0], whole.weights)
