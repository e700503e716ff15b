"""Measure the distance to the middle in steps that fit the cloud: Mahalanobis' distance.

A cloud of rows is rarely round: along some directions it is wide, along others narrow, and columns that move together
stretch it aslant. Divide the distance from its middle by its width in each direction, and a row that breaks the pattern
stands out even where each of its values alone is usual: a tall person is no surprise, nor is a light one, but both at
once is. Outliers spoil the very middle and widths that they are measured by; so where rows allow, middle and widths are
taken from the half of the rows that lie closest together (the minimum covariance determinant).

Cost: O(n d² + d³) time, a few hundred times that for the closest half of at most 5,000 rows; O(n d + d²) memory.
Paper: Mahalanobis, "On the Generalized Distance in Statistics", Proceedings of the National Institute of Sciences of
India 2, 1936 (the closest half: Rousseeuw 1984; quickly: Rousseeuw & Van Driessen, Technometrics 41, 1999).
"""

import warnings
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.algorithm import Card, Cost, Machine, setting
from ...core.clock import Clock
from ...core.numbers import Array, Floats, Shape
from ...engines import unusual
from ...engines.unusual import Detector, Unusual, some

MOST_ROBUST = 5000  # rows among which the closest half is looked for ...
ROWS_A_COLUMN = 5  # ... and how many there must be for each column ...
MOST_COLUMNS = 100  # ... of which there may be so many
LEAST_WIDTH = 1e-2  # of a column's variance: where rows hardly vary, as along columns that repeat others


@dataclass(frozen=True)
class Cloud(Unusual):
    """middle float64 (d,); steps float64 (d, d): from a row's offset to its distance along d directions, in widths."""

    middle: Array
    steps: Array

    def scores(self, x: Array) -> Floats:
        return np.asarray(np.sqrt(np.square((x - self.middle) @ self.steps).sum(axis=1)))


@dataclass(frozen=True)
class Mahalanobis(Detector):
    card: ClassVar = Card(
        id="mahalanobis",
        name="Mahalanobis distance",
        year=1936,
        paper="Mahalanobis, On the Generalized Distance in Statistics, Proc. Natl. Inst. Sci. India 2 (1936)",
        tasks=frozenset({"detect"}),
        loads=("sklearn.covariance",),
    )
    fitted: ClassVar = Cloud
    variants: ClassVar = ({"robust": True, "second": 0.0},)

    robust: bool = setting(False, "whether the closest half of the rows says what is usual")
    second: float = setting(0.2, "share of the rows, the most unusual, that a second look leaves out")

    def cost(self, job: Shape, on: Machine) -> Cost:
        n, d = min(job.rows, unusual.MOST_ROWS), job.width
        seconds = 0.002 + (4.0 * n * d * d + 20.0 * d**3) / (on.gflops * 1e9) + 24.0 * n * d / on.bandwidth
        if self.robust and _enough(n, d):
            few = min(n, MOST_ROBUST)
            seconds += 0.2 + 600 * (3.0 * few * d * d + 30.0 * d**3) / (on.gflops * 1e9) + 5e-6 * few * d
        return Cost(self.looks * seconds, 2e6 + 24.0 * n * d + 40.0 * d * d)

    def learned(self, x: Array, blank: dict[str, Array], clock: Clock) -> Cloud:
        if self.robust and _enough(*x.shape) and not clock.expired:
            middle, spread = _closest_half(some(x, MOST_ROBUST, clock.seed).astype(np.float64), clock.seed)
        else:
            offset = x.astype(np.float64)
            middle = offset.mean(axis=0)
            offset -= middle
            spread = offset.T @ offset / len(x)
        squares, directions = np.linalg.eigh(spread)
        return Cloud(**blank, middle=middle, steps=directions / np.sqrt(np.maximum(squares, LEAST_WIDTH)))


def _enough(n: int, d: int) -> bool:
    return d <= MOST_COLUMNS and n >= ROWS_A_COLUMN * d and n >= 20


def _closest_half(x: Floats, seed: int) -> tuple[Floats, Floats]:
    """Middle (d,) and covariance (d, d) of the half of the rows whose covariance has the least determinant."""
    from sklearn.covariance import MinCovDet

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = MinCovDet(random_state=seed).fit(x)
    return np.asarray(found.location_), np.asarray(found.covariance_)
