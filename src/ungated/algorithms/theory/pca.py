"""Turn the cloud of rows until its widest sides face you: principal component analysis.

Of all directions in which rows could be looked at, take the one along which they vary most, then the one at right
angles to it along which they vary most of what is left, and so on. Two of them make the flat map that loses least of
the distances; more of them are vectors that stand for the row with far fewer numbers. It is one multiplication, so a
new row has its place at once. What is bent or in clumps a flat view lays over itself.

Cost: O(n d min(n, d)) time, O(n d) memory.
Paper: Pearson, "On Lines and Planes of Closest Fit to Systems of Points in Space", Philosophical Magazine 2, 1901.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.algorithm import Algorithm, Card, Cost, Fitted, Machine, Task
from ...core.clock import Clock
from ...core.numbers import Answer, Array, Numbers, Shape
from ...engines.placing import turned
from ...engines.rows import checked


@dataclass(frozen=True)
class Components(Fitted):
    """middle float32 (d,); axes float32 (d, dims), the widest first; columns of 0 where there are no more."""

    middle: Array
    axes: Array

    def answer(self, x: Array) -> Answer:
        return np.asarray((np.asarray(x, np.float64) - self.middle) @ self.axes.astype(np.float64))


@dataclass(frozen=True)
class PCA(Algorithm):
    card: ClassVar = Card(
        id="pca",
        name="principal components",
        year=1901,
        paper="Pearson, On Lines and Planes of Closest Fit to Systems of Points in Space, Phil. Mag. 2 (1901)",
        tasks=frozenset({"embed"}),
        loads=("scipy.sparse.linalg",),
    )
    fitted: ClassVar = Components

    def cost(self, job: Shape, on: Machine) -> Cost:
        n, d = job.rows, job.width
        products = 2.0 * min(n, 20_000) * d * min(n, d) + 30.0 * min(n, d) ** 2 * job.outputs + 4.0 * n * d
        return Cost(
            0.003 + products / (on.gflops * 1e9) + 30.0 * n * d / on.bandwidth, 2e6 + 24.0 * n * d + 16.0 * d * d
        )

    def fit(self, train: Numbers, task: Task, clock: Clock) -> Components:
        x, _ = checked(self.card, train, task)
        _, middle, axes = turned(x, task.outputs, clock.seed)
        return Components(middle, np.pad(axes, ((0, 0), (0, task.outputs - axes.shape[1]))))
