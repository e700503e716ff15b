"""Compare a row's crowd with its neighbours' crowds: the local outlier factor.

Crowds differ: two steps from a dense cluster is stranger than ten steps within a thin one, and a distance alone cannot
know. So each row's density (one over the mean distance to its k neighbours) is divided into that of its neighbours.
About 1 is a row like those around it; 2 is one with half the company that they have. Distances shorter than a
neighbour's own reach (the distance to its k-th neighbour) count as that reach, so that chance gaps inside a cluster do
not make outliers.

Cost: O(n log n d) time in few columns, O(n² d) in many, of at most 20,000 known rows; O(n (d + k)) memory.
Paper: Breunig, Kriegel, Ng & Sander, "LOF: Identifying Density-Based Local Outliers", SIGMOD 2000.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from ...core.algorithm import Card, Cost, Machine, setting
from ...core.clock import Clock
from ...core.numbers import Array, Floats, Shape
from ...engines import neighbours, unusual
from ...engines.neighbours import Neighbours
from ...engines.unusual import Detector, Unusual, some

MOST_KNOWN = 20_000
LEAST = 1e-10  # added to distances, so that the density of rows that repeat stays finite


@dataclass(frozen=True)
class LocalDensities(Unusual):
    """known float32 (n, d); reach, density float64 (n,): each one's distance to its k-th neighbour, and its density."""

    known: Array
    reach: Array
    density: Array
    k: int

    @cached_property
    def _neighbours(self) -> Neighbours:
        return Neighbours(self.known)

    def scores(self, x: Array) -> Floats:
        index, distance = self._neighbours.of(x, self.k)
        return factor(index, distance, self.reach, self.density)


def dense(index: Array, distance: Floats, reach: Floats) -> Floats:
    """One over the mean distance to the neighbours, none counted as nearer than the neighbour's own reach."""
    return 1 / (np.maximum(distance, reach[index]).mean(axis=1) + LEAST)


def factor(index: Array, distance: Floats, reach: Floats, density: Floats) -> Floats:
    """How many times denser it is around a row's neighbours than around the row."""
    return np.asarray(density[index].mean(axis=1) / dense(index, distance, reach))


@dataclass(frozen=True)
class LocalOutlierFactor(Detector):
    card: ClassVar = Card(
        id="local_outlier_factor",
        name="local outlier factor",
        year=2000,
        paper="Breunig, Kriegel, Ng & Sander, LOF: Identifying Density-Based Local Outliers, SIGMOD (2000)",
        tasks=frozenset({"detect"}),
        loads=("sklearn.neighbors",),
        answers_with=("sklearn.neighbors",),
    )
    fitted: ClassVar = LocalDensities

    k: int = setting(20, "how many neighbours are a crowd")
    second: float = setting(0.0, "share of the rows, the most unusual, that a second look leaves out")

    def cost(self, job: Shape, on: Machine) -> Cost:
        n, d, told = min(job.rows, MOST_KNOWN), job.width, min(job.rows, unusual.MOST_ROWS)
        seconds = neighbours.seconds(n, n + told, d, self.k + 1, on) + 4e-7 * self.k * told
        return Cost(0.012 + self.looks * seconds, 2e6 + 12.0 * n * d + 48.0 * self.k * n)

    def learned(self, x: Array, blank: dict[str, Array], clock: Clock) -> LocalDensities:
        known = some(x, MOST_KNOWN, clock.seed)
        index, distance = Neighbours(known).of(known, max(1, int(self.k)))
        reach = distance[:, -1]
        return LocalDensities(**blank, known=known, reach=reach, density=dense(index, distance, reach), k=int(self.k))
