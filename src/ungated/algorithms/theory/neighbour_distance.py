"""Ask how far the neighbours are: a row that has none near it is unlike the rest.

For each row the distances to its k nearest known rows are averaged. In a crowd that is little, on its edge more, far
from everything a lot; what shape the crowd has does not matter. The mean of the k distances wavers less than the k-th
alone. A row that was learned from does not count itself, so that its score means what a new row's means.

Cost: O(n log n d) time in few columns, O(n² d) in many, of at most 20,000 known rows; O(n d) memory, kept in the model.
Paper: Loftsgaarden & Quesenberry, "A Nonparametric Estimate of a Multivariate Density Function", Annals of Mathematical
Statistics 36, 1965 (as a score of outliers: Ramaswamy, Rastogi & Shim, SIGMOD 2000; the mean: Angiulli & Pizzuti 2002).
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


@dataclass(frozen=True)
class Distances(Unusual):
    """known float32 (n, d). k: how many neighbours are asked."""

    known: Array
    k: int

    @cached_property
    def _neighbours(self) -> Neighbours:
        return Neighbours(self.known)

    def scores(self, x: Array) -> Floats:
        return np.asarray(self._neighbours.of(x, self.k)[1].mean(axis=1))


@dataclass(frozen=True)
class NeighbourDistance(Detector):
    card: ClassVar = Card(
        id="neighbour_distance",
        name="distance to neighbours",
        year=1965,
        paper="Loftsgaarden & Quesenberry, A Nonparametric Estimate of a Multivariate Density Function, "
        "Ann. Math. Stat. 36 (1965)",
        tasks=frozenset({"detect"}),
        loads=("sklearn.neighbors",),
        answers_with=("sklearn.neighbors",),
    )
    fitted: ClassVar = Distances
    variants: ClassVar = ({"k": 40, "second": 0.2},)

    k: int = setting(10, "how many neighbours are asked")
    second: float = setting(0.0, "share of the rows, the most unusual, that a second look leaves out")

    def cost(self, job: Shape, on: Machine) -> Cost:
        n, d, told = min(job.rows, MOST_KNOWN), job.width, min(job.rows, unusual.MOST_ROWS)
        return Cost(
            0.01 + self.looks * neighbours.seconds(n, told, d, self.k + 1, on), 2e6 + 12.0 * n * d + 16.0 * self.k * n
        )

    def learned(self, x: Array, blank: dict[str, Array], clock: Clock) -> Distances:
        return Distances(**blank, known=some(x, MOST_KNOWN, clock.seed), k=max(1, int(self.k)))
