"""Climb to the peaks: every row walks uphill to where rows are denser, and rows that reach the same peak are a group.

Each step moves a point to the mean of the rows around it, the near ones counting most; that is uphill in the density.
How many groups there are need not be said: it is how many peaks. It hangs on how far a point looks around: near, and
every ripple is a peak; far, and all is one hill. Several widths are tried, and the one that errs least is kept.
Walks are made by at most a thousand rows; a new row goes where the nearest of these went.

Cost: O(n² d) a step, for each width.
Paper: Comaniciu & Meer, "Mean shift: a robust approach toward feature space analysis", IEEE Transactions on Pattern
Analysis and Machine Intelligence 24 (2002).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.algorithm import Card, Cost, Machine, Task, setting
from ...core.clock import Clock
from ...core.numbers import Array, Floats, Numbers, Shape
from ...engines.grouping import Grouping, Remembered, chosen, nearest, remembered, rows_of, squared

MOST_ROWS = 1000
WIDTHS = 8
STEPS = 60
SMALLEST = 0.02  # of the rows: a peak that fewer reach is a ripple, and its rows go to the nearest peak


@dataclass(frozen=True)
class MeanShift(Grouping):
    card: ClassVar = Card(
        id="mean_shift",
        name="mean shift",
        year=2002,
        paper="Comaniciu & Meer, Mean shift: a robust approach toward feature space analysis, TPAMI 24 (2002)",
        tasks=frozenset({"cluster"}),
        loads=("scipy.sparse.csgraph",),
        anytime=True,
    )
    fitted: ClassVar = Remembered

    width: float = setting(0.0, "how far a point looks around, in scaled units; 0 chooses")

    def cost(self, job: Shape, on: Machine) -> Cost:
        n = min(job.rows, MOST_ROWS)
        step = n * n * (1.2e-8 + 4 * job.width / on.gflops / 1e9)
        return Cost(0.03 + WIDTHS * (STEPS / 2 * step + 6e-8 * n * n) + 1e-9 * job.rows * job.width, 32.0 * n * n + 8e6)

    def fit(self, train: Numbers, task: Task, clock: Clock) -> Remembered:
        rows = rows_of(self.card, train, task, clock.seed).sample(MOST_ROWS, clock.seed)
        if not rows.counts:
            return remembered(rows, np.zeros(len(rows.x), np.int64))
        far = np.sqrt(squared(rows.x, rows.x))
        few = np.linspace(np.log(max(5, len(far) / 100)), np.log(0.4 * len(far)), WIDTHS)
        reached = np.sort(far, axis=1)[:, np.round(np.exp(few)).astype(int)].mean(axis=0)
        widths = [self.width] if self.width else reached[::-1] / np.sqrt(rows.x.shape[1]) / 1.5

        def proposals() -> Iterator[tuple[float, Array]]:
            for width in widths:
                yield float(width), peaks(rows.x, float(width), clock)

        return remembered(rows, chosen(proposals(), rows, task, clock, self.groups, self.give))


def peaks(x: Floats, width: float, clock: Clock) -> Array:
    """The peak that each row reaches, (n,)."""
    from scipy.sparse.csgraph import connected_components

    width = max(width, 1e-9)
    at = x.copy()
    for _ in range(STEPS):
        pull = np.exp(-squared(at, x) / (2 * width**2)) + 1e-300
        moved = (pull @ x) / pull.sum(axis=1, keepdims=True)
        still = float(np.square(moved - at).sum(axis=1).max()) < (1e-3 * width) ** 2
        at = moved
        if still or clock.expired:
            break
    groups = connected_components(squared(at, at) < width**2, directed=False)[1]
    count = np.bincount(groups)
    large = np.flatnonzero(count >= max(2, SMALLEST * len(x)))
    if not len(large):
        return np.zeros(len(x), np.int64)
    tops = np.stack([at[groups == g].mean(axis=0) for g in large])
    return nearest(at, tops)
