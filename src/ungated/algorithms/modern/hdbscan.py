"""Crowds at every reach at once: raise the water, and see which islands last longest before they part or drown.

DBSCAN needs one reach for all; here each row is as far from another as the sparser of both places says, and the tree
of all joins holds the crowds of every reach. Of this tree those branches are kept that persist over the widest span of
densities, so that a dense group and a sparse one are found side by side. Rows that fall off before their branch is one
belong to none; or they go to the nearest group, where that errs less. The smallest size of a group is tried out.

Cost: O(n² d) time, O(n²) memory.
Paper: Campello, Moulavi & Sander, "Density-based clustering based on hierarchical density estimates", PAKDD 2013.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.algorithm import Card, Cost, Machine, Task, setting
from ...core.clock import Clock
from ...core.numbers import Array, Floats, Numbers, Shape
from ...engines.grouping import Grouping, Remembered, chosen, nearest, remembered, rows_of

MOST_ROWS = 3000
SMALLEST = (4, 6, 9, 14, 22, 35, 60, 100)


@dataclass(frozen=True)
class HDBSCAN(Grouping):
    card: ClassVar = Card(
        id="hdbscan",
        name="HDBSCAN",
        year=2013,
        paper="Campello, Moulavi & Sander, Density-based clustering based on hierarchical density estimates (2013)",
        tasks=frozenset({"cluster"}),
        loads=("sklearn.cluster",),
    )
    fitted: ClassVar = Remembered
    variants: ClassVar = ({"keep": "leaf"},)

    smallest: int = setting(0, "rows of the smallest group; 0 chooses")
    keep: str = setting(
        "eom", "which branches: those that last (eom), or the outermost (leaf)", choices=("eom", "leaf"), drawn=False
    )

    def cost(self, job: Shape, on: Machine) -> Cost:
        n = min(job.rows, MOST_ROWS)
        each = n * n * (2.5e-8 + 2 * job.width / on.gflops / 1e9) + 2 * 6e-8 * min(n, 2000) ** 2 + 2e-3
        return Cost(0.05 + len(SMALLEST) * each + 1e-9 * job.rows * job.width, 40.0 * n * n + 4e7)

    def fit(self, train: Numbers, task: Task, clock: Clock) -> Remembered:
        import sklearn.cluster

        rows = rows_of(self.card, train, task, clock.seed).sample(MOST_ROWS, clock.seed)
        if not rows.counts:
            return remembered(rows, np.zeros(len(rows.x), np.int64))

        def proposals() -> Iterator[tuple[float, Array]]:
            for size in [self.smallest] if self.smallest else SMALLEST:
                if self.smallest or 3 * size <= len(rows.x):
                    found = sklearn.cluster.HDBSCAN(
                        min_cluster_size=max(2, size),
                        min_samples=max(2, min(size, 10)),
                        cluster_selection_method=self.keep,
                        copy=True,
                    ).fit(rows.x)
                    yield size, nowhere_left(rows.x, found.labels_)
                    yield size, found.labels_

        return remembered(rows, chosen(proposals(), rows, task, clock, self.groups, self.give))


def nowhere_left(x: Floats, groups: Array) -> Array:
    """The groups (n,), where those who are in none (-1) go where the nearest row that is in one does."""
    inside = np.flatnonzero(groups >= 0)
    if len(inside) in (0, len(groups)):
        return np.maximum(groups, 0)
    return np.where(groups < 0, groups[inside[nearest(x, x[inside])]], groups)
