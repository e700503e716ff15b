"""Crowds: a row with enough others within reach is in a crowd, crowds that touch are one, and the rest belong nowhere.

So a group may have any shape, and what lies between groups is left out as noise. Everything hangs on the reach: too
short and there is nothing but noise, too long and all is one crowd. Here several reaches are tried, from those at which
few rows are in a crowd to those at which nearly all are, and the one that errs least by the task's own error is kept.

Cost: O(n² d) for the distances, O(n²) a reach.
Paper: Ester, Kriegel, Sander & Xu, "A density-based algorithm for discovering clusters in large spatial databases with
noise", KDD 1996.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.algorithm import Card, Cost, Machine, Task, setting
from ...core.clock import Clock
from ...core.numbers import Array, Floats, Numbers, Shape
from ...engines.grouping import Grouping, Remembered, chosen, remembered, rows_of, squared

MOST_ROWS = 3000
REACHES = 16


@dataclass(frozen=True)
class DBSCAN(Grouping):
    card: ClassVar = Card(
        id="dbscan",
        name="DBSCAN",
        year=1996,
        paper="Ester, Kriegel, Sander & Xu, A density-based algorithm for discovering clusters, KDD (1996)",
        tasks=frozenset({"cluster"}),
        loads=("scipy.sparse.csgraph",),
    )
    fitted: ClassVar = Remembered
    variants: ClassVar = ({"crowd": 10}, {"crowd": 4})

    crowd: int = setting(6, "how many rows within reach make a crowd")
    reach: float = setting(0.0, "how far a row reaches, in scaled units; 0 chooses")

    def cost(self, job: Shape, on: Machine) -> Cost:
        n = min(job.rows, MOST_ROWS)
        seconds = 0.03 + n * n * (3e-8 + 2 * job.width / on.gflops / 1e9) + REACHES * (2e-8 * n * n + 6e-8 * n * n)
        return Cost(seconds + 1e-9 * job.rows * job.width, 32.0 * n * n + 8e6)

    def fit(self, train: Numbers, task: Task, clock: Clock) -> Remembered:
        rows = rows_of(self.card, train, task, clock.seed).sample(MOST_ROWS, clock.seed)
        if not rows.counts:
            return remembered(rows, np.zeros(len(rows.x), np.int64))
        far = np.sqrt(squared(rows.x, rows.x))
        needed = np.partition(far, min(self.crowd, len(far) - 1), axis=1)[:, min(self.crowd, len(far) - 1)]
        reaches = [self.reach] if self.reach else np.unique(np.quantile(needed, np.linspace(0.98, 0.2, REACHES)))[::-1]

        def proposals() -> Iterator[tuple[float, Array]]:
            for reach in reaches:
                yield float(reach), crowds(far, needed <= reach, reach)

        return remembered(rows, chosen(proposals(), rows, task, clock, self.groups, self.give))


def crowds(far: Floats, core: Array, reach: float) -> Array:
    """The crowd of each row (n,), -1 for none. far: (n, n) distances. core: (n,) who has enough others within reach."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    groups, inside = np.full(len(far), -1), np.flatnonzero(core)
    if not len(inside):
        return groups
    groups[inside] = connected_components(csr_array(far[np.ix_(inside, inside)] <= reach), directed=False)[1]
    edge = np.flatnonzero(~core)
    if len(edge):
        near = far[np.ix_(edge, inside)]
        within = near.min(axis=1) <= reach
        groups[edge[within]] = groups[inside[near.argmin(axis=1)[within]]]
    return groups
