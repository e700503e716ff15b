"""Join the nearest, again and again: every row begins as a group of its own, and the two most alike become one.

The joins make a tree, and every number of groups is a cut through it. What "alike" means decides what is found: Ward
joins the two whose union raises the squared distances least, which likes round groups; the mean distance is milder; the
least distance (single linkage) follows any chain, which finds rings and is fooled by a few rows between two groups.
The tree is grown from at most a few thousand rows; a new row goes where the nearest of these is.

Cost: O(n² d) time, O(n²) memory.
Paper: Ward, "Hierarchical grouping to optimize an objective function", Journal of the American Statistical
Association 58 (1963).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.algorithm import Card, Cost, Machine, Task, setting
from ...core.clock import Clock
from ...core.numbers import Array, Numbers, Shape
from ...engines.grouping import Grouping, Remembered, chosen, remembered, rows_of

MOST_ROWS = 3000
LINKS = ("ward", "average", "single", "complete")


@dataclass(frozen=True)
class Agglomerative(Grouping):
    card: ClassVar = Card(
        id="agglomerative",
        name="agglomerative clustering",
        year=1963,
        paper="Ward, Hierarchical grouping to optimize an objective function, JASA 58 (1963)",
        tasks=frozenset({"cluster"}),
        loads=("scipy.cluster.hierarchy",),
    )
    fitted: ClassVar = Remembered
    variants: ClassVar = ({"link": "average"}, {"link": "single"})

    link: str = setting("ward", "which two groups are most alike", choices=LINKS, drawn=False)

    def cost(self, job: Shape, on: Machine) -> Cost:
        n = min(job.rows, MOST_ROWS)
        seconds = 0.03 + n * n * (6e-8 + job.width / on.gflops / 1e9) + 25 * (6e-8 * min(n, 2000) ** 2 + 1e-3)
        return Cost(seconds + 1e-9 * job.rows * job.width, 24.0 * n * n + 16.0 * job.rows * job.width + 8e6)

    def fit(self, train: Numbers, task: Task, clock: Clock) -> Remembered:
        from scipy.cluster.hierarchy import fcluster, linkage

        rows = rows_of(self.card, train, task, clock.seed).sample(MOST_ROWS, clock.seed)
        if len(rows.x) < 2:
            return remembered(rows, np.zeros(len(rows.x), np.int64))
        tree = linkage(rows.x, self.link)

        def proposals() -> Iterator[tuple[float, Array]]:
            for k in self.counts(rows):
                yield k, fcluster(tree, k, "maxclust") - 1

        return remembered(rows, chosen(proposals(), rows, task, clock, self.groups, self.give))
