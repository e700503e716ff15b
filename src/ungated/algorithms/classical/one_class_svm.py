"""Draw the tightest line around the crowd: the one-class support vector machine.

Likeness to a row is exp(-gamma · squared distance). The machine looks for a weighted sum of likenesses to some of the
known rows that is large where rows are and small elsewhere, held as far above zero as most rows allow; a share nu of
them may fall below. What the sum comes to says how usual a row is: with nu at a half about half of the rows carry
weight, and the sum is a smooth density of the crowd in which outliers count for no more than others.

Cost: O(n² d) time of at most 6,000 rows; O(n d) memory and a cache of likenesses.
Paper: Schölkopf, Platt, Shawe-Taylor, Smola & Williamson, "Estimating the Support of a High-Dimensional Distribution",
Neural Computation 13, 2001.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.algorithm import Card, Cost, Machine, setting
from ...core.clock import Clock
from ...core.numbers import Array, Floats, Shape
from ...engines import unusual
from ...engines.unusual import AT_ONCE, Detector, Unusual, some

MOST_ROWS, FEWEST_ROWS = 6000, 100  # the few where the time is up already
CACHE = 200  # megabytes of likenesses kept


@dataclass(frozen=True)
class Support(Unusual):
    """remembered float32 (m, d) and weights float64 (m,): the score is less the sum of likenesses, each by its weight.

    gamma: likeness is exp(-gamma · squared distance).
    """

    remembered: Array
    weights: Array
    gamma: float

    def scores(self, x: Array) -> Floats:
        squares = np.square(self.remembered, dtype=np.float64).sum(axis=1)
        found = np.empty(len(x))
        for i in range(0, len(x), AT_ONCE):
            block = np.asarray(x[i : i + AT_ONCE], np.float64)
            far = np.square(block).sum(axis=1, keepdims=True) - 2 * block @ self.remembered.T + squares
            found[i : i + AT_ONCE] = -np.exp(-self.gamma * np.maximum(far, 0)) @ self.weights
        return found


@dataclass(frozen=True)
class OneClassSVM(Detector):
    card: ClassVar = Card(
        id="one_class_svm",
        name="one-class support vectors",
        year=2001,
        paper="Schölkopf et al., Estimating the Support of a High-Dimensional Distribution, "
        "Neural Computation 13 (2001)",
        tasks=frozenset({"detect"}),
        loads=("sklearn.svm",),
    )
    fitted: ClassVar = Support

    nu: float = setting(0.5, "share of the rows that may lie outside the line")
    reach: float = setting(1.0, "how far likeness reaches, times the usual")
    second: float = setting(0.2, "share of the rows, the most unusual, that a second look leaves out")

    def cost(self, job: Shape, on: Machine) -> Cost:
        n, d, told = min(job.rows, MOST_ROWS), job.width, min(job.rows, unusual.MOST_ROWS)
        learned = 1.2 * self.nu * n * n * (d + 8) * 1e-9 * 50 / on.gflops
        told_by = told * self.nu * n * (4.0 * d / (on.gflops * 1e9) + 0.1 / (on.scalar * 1e6))
        return Cost(
            0.005 + self.looks * (learned + told_by), 1e6 * CACHE * min(1.0, 8e-6 * n * n / CACHE) + 2e6 + 24.0 * n * d
        )

    def learned(self, x: Array, blank: dict[str, Array], clock: Clock) -> Support:
        from sklearn.svm import OneClassSVM as Machinery

        x = some(x, FEWEST_ROWS if clock.expired else MOST_ROWS, clock.seed)
        gamma = 1 / max(x.shape[1] * float(x.var(dtype=np.float64)), 1e-9) / self.reach**2
        made = Machinery(nu=float(np.clip(self.nu, 0.01, 0.99)), gamma=gamma, cache_size=CACHE).fit(x)
        return Support(**blank, remembered=x[made.support_], weights=made.dual_coef_[0].astype(np.float64), gamma=gamma)
