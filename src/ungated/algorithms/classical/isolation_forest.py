"""Count the cuts it takes to part a row from all others: the isolation forest.

Cut the rows at random: a random column, a random place within its range, again and again. A row far from the crowd is
soon alone; one inside it needs many cuts. The mean number over a few hundred random trees is the score. Each tree sees
only 256 rows, which is enough for outliers to be few and far in it, so that a million rows take hardly longer to learn
from than a thousand. Cuts run along the columns: unlike the distances it feels neither their scale nor, much, columns
that say nothing; but it is blind to rows that are odd only aslant.

Cost: O(trees · 256 log 256) time to learn, O(trees log 256) to answer a row; O(trees · 256) memory.
Paper: Liu, Ting & Zhou, "Isolation Forest", ICDM 2008.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from ...core.algorithm import Card, Cost, Machine, setting
from ...core.clock import Clock
from ...core.numbers import Array, Floats, Shape
from ...engines import unusual
from ...engines.trees import AT_ONCE, Forest, packed
from ...engines.unusual import Detector, Unusual

TREES = ("feature", "threshold", "left", "right", "value", "starts", "depth", "fill")  # of a forest, its arrays
AT_A_TIME = 50  # trees between two looks at the clock


@dataclass(frozen=True)
class Cuts(Unusual):
    """Trees as `engines.trees.Forest` holds them; at its leaves stand the cuts that lead there."""

    feature: Array
    threshold: Array
    left: Array
    right: Array
    value: Array
    starts: Array
    depth: Array
    fill: Array

    @cached_property
    def _forest(self) -> Forest:
        return Forest(**{name: getattr(self, name) for name in TREES}, outputs=1, level=0.0, spread=1.0)

    def scores(self, x: Array) -> Floats:
        """Less the mean number of cuts."""
        return -self._forest.answer(x)[:, 0]


def cuts(inner: Any) -> Array:
    """Of each leaf of a scikit-learn tree: its depth, and the cuts that the rows still in it would take on average."""
    depth = np.zeros(inner.node_count)
    for node in range(inner.node_count):  # parents stand before their children
        for child in (inner.children_left[node], inner.children_right[node]):
            if child >= 0:
                depth[child] = depth[node] + 1
    ends = inner.children_left < 0
    return np.asarray(depth[ends] + more_cuts(inner.n_node_samples[ends]))


def more_cuts(rows: Array) -> Floats:
    """How many random cuts part one of so many rows from the others, on average (of a search that fails in a tree)."""
    n = np.asarray(rows, np.float64)
    many = 2 * (np.log(np.maximum(n - 1, 1)) + np.euler_gamma) - 2 * (n - 1) / np.maximum(n, 1)
    return np.where(n > 2, many, np.where(n == 2, 1.0, 0.0))


@dataclass(frozen=True)
class IsolationForest(Detector):
    card: ClassVar = Card(
        id="isolation_forest",
        name="isolation forest",
        year=2008,
        paper="Liu, Ting & Zhou, Isolation Forest, ICDM (2008)",
        tasks=frozenset({"detect"}),
        loads=("sklearn.ensemble",),
        anytime=True,
    )
    fitted: ClassVar = Cuts

    trees: int = setting(200, "most trees")
    rows: int = setting(256, "rows that each tree sees")
    second: float = setting(0.2, "share of the rows, the most unusual, that a second look leaves out")

    def cost(self, job: Shape, on: Machine) -> Cost:
        rows, n = min(self.rows, job.rows), min(job.rows, unusual.MOST_ROWS)
        told = n * self.trees * np.log2(rows + 2) * 0.05 / (on.scalar * 1e6)
        grown = self.trees * (1.5e-3 + rows * 8e-6) + 2e-9 * n * self.trees + 1e-9 * job.rows * job.width
        size = 4e6 + self.trees * rows * 40.0 + 300.0 * AT_ONCE + 8.0 * n * job.width
        return Cost(0.05 + self.looks * (grown + told), size)

    def learned(self, x: Array, blank: dict[str, Array], clock: Clock) -> Cuts:
        from sklearn.ensemble import IsolationForest as Grower

        grower = Grower(
            n_estimators=0, max_samples=min(int(self.rows), len(x)), random_state=clock.seed, warm_start=True
        )
        while grower.n_estimators < self.trees:
            grower.n_estimators = min(int(self.trees), grower.n_estimators + (10 if clock.expired else AT_A_TIME))
            grower.fit(x)
            if clock.expired:
                break
        forest = packed(grower.estimators_, cuts, x.shape[1])
        return Cuts(**blank, **{name: getattr(forest, name) for name in TREES})
