"""Nearest centroid: a class is the mean of its rows; a new row belongs to the class whose mean is nearest.

The whole of an algorithm in one file, as an example. Put it on a shelf of `src/ungated/algorithms`, or name its class
by an entry point of your own package: it then stands in the plan, the search, the leaderboard and the report.

Cost: O(n d). Paper: Tibshirani et al., "Diagnosis of multiple cancer types by shrunken centroids", PNAS 99, 2002.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ungated.core.algorithm import Algorithm, Card, Cost, Fitted, setting


@dataclass(frozen=True)
class Centroids(Fitted):
    means: np.ndarray  # (classes, d)
    sharpness: float

    def answer(self, x):
        far = np.square(x[:, None, :] - self.means).mean(axis=2, dtype=np.float64)
        near = np.exp(-self.sharpness * (far - far.min(axis=1, keepdims=True)))
        return near / near.sum(axis=1, keepdims=True)


@dataclass(frozen=True)
class NearestCentroid(Algorithm):
    card: ClassVar = Card(
        "nearest_centroid", "nearest centroid", 2002, "Tibshirani et al., PNAS 99 (2002)", frozenset({"classify"})
    )
    fitted: ClassVar = Centroids
    sharpness: float = setting(3.0, "how quickly doubt falls with distance", low=0.1, high=30.0, log=True)

    def cost(self, job, on):
        return Cost(0.002 + 8.0 * job.rows * job.width / on.bandwidth, 8.0 * job.rows * job.width)

    def fit(self, train, task, clock):
        rows = [train.x[train.y == c] for c in range(task.outputs)]
        means = [r.mean(axis=0) if len(r) else np.full(train.x.shape[1], 1e3) for r in rows]
        return Centroids(np.array(means, np.float32), self.sharpness)
