"""Clouds of one shape: picture each class as a cloud of points, all clouds of the same shape around their own centres.

The shape is the covariance matrix: how far columns spread and how they move together. A new row belongs to the centre
that is nearest once distances are measured along that shape, and because the shape is shared the border between two
classes is a straight line. With few rows the measured shape is unreliable, so it is drawn towards a round one by the
share that Ledoit and Wolf derived: much when rows are scarce, hardly at all when there are plenty.

Cost: O(n d² + d³) time, O(n d + d²) memory. No steps, no choices: one solution of linear equations.
Paper: Fisher, "The Use of Multiple Measurements in Taxonomic Problems", Annals of Eugenics 7, 1936
(shrinkage: Ledoit & Wolf, "A Well-Conditioned Estimator for Large-Dimensional Covariance Matrices", 2004).
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.algorithm import Algorithm, Card, Cost, Machine, Task, setting
from ...core.clock import Clock
from ...core.numbers import Array, Floats, Numbers, Shape
from ...engines.linear import LinearClasses
from ...engines.rows import checked


@dataclass(frozen=True)
class LinearDiscriminant(Algorithm):
    card: ClassVar = Card(
        id="linear_discriminant",
        name="linear discriminant",
        year=1936,
        paper="Fisher, The Use of Multiple Measurements in Taxonomic Problems, Annals of Eugenics 7 (1936)",
        tasks=frozenset({"classify"}),
    )
    fitted: ClassVar = LinearClasses

    shrinkage: float = setting(-1.0, "share of the round shape, 0 to 1; -1 takes Ledoit and Wolf's")

    def cost(self, job: Shape, on: Machine) -> Cost:
        n, d, k = job.rows, job.width, job.outputs
        products = 4.0 * n * d * d + 2.0 * d**3 + 2.0 * n * d * k
        return Cost(0.001 + products / (on.gflops * 1e9) + 150.0 * n * d / on.bandwidth, 12.0 * n * d + 32.0 * d * d)

    def fit(self, train: Numbers, task: Task, clock: Clock) -> LinearClasses:
        x, y = checked(self.card, train, task)
        rows = np.bincount(y, minlength=task.outputs).astype(np.float64)
        middle = x.mean(axis=0, dtype=np.float64)
        centres = np.tile(middle, (task.outputs, 1))  # a class without rows sits in the middle of all
        for c in np.flatnonzero(rows):
            centres[c] = x[y == c].mean(axis=0, dtype=np.float64)
        shape = self._shape(x - centres[y].astype(np.float32), task.outputs)
        weights = np.linalg.solve(shape, (centres - middle).T)  # (d, k)
        share = (rows + 0.5) / (rows + 0.5).sum()
        bias = np.log(share) - 0.5 * np.sum((centres + middle).T * weights, axis=0)
        return LinearClasses(weights.astype(np.float32), bias.astype(np.float32))

    def _shape(self, apart: Array, k: int) -> Floats:
        """The covariance (d, d) of rows about their centres, drawn to a multiple of the identity."""
        n, d = apart.shape
        covariance = (apart.T @ apart).astype(np.float64) / n
        round_size = max(np.trace(covariance) / d, 1e-9)
        distance = np.sum(np.square(covariance)) / d - round_size**2
        noise = (np.square(np.sum(np.square(apart), axis=1, dtype=np.float64)).sum() / n - np.sum(covariance**2)) / (
            n * d
        )
        share = min(max(noise, 0.0) / distance, 1.0) if distance > 1e-12 else 1.0
        if self.shrinkage >= 0:
            share = self.shrinkage
        share = max(share, 1e-4)  # columns that repeat each other leave the measured shape without an inverse
        unbiased = n / max(n - k, 1)
        return unbiased * ((1 - share) * covariance + share * round_size * np.eye(d))
