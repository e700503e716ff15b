"""Lay a flat sheet through the rows and measure how far off it a row lies: the principal component classifier.

Columns that go together leave a cloud of rows thin in most directions: it lies along a few principal components. What
a row has beyond those is what the others do not have, and its length is the score: small for a row that is extreme the
way others are, large for one that breaks the pattern, however little.

Cost: O(n d² + d³) time, O(n d + d²) memory.
Paper: Shyu, Chen, Sarinnapakorn & Chang, "A Novel Anomaly Detection Scheme Based on Principal Component Classifier",
ICDM Foundation and New Direction of Data Mining Workshop, 2003 (the distance to the sheet: Jackson & Mudholkar 1979).
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.algorithm import Card, Cost, Machine, setting
from ...core.clock import Clock
from ...core.numbers import Array, Floats, Shape
from ...engines import unusual
from ...engines.unusual import Detector, Unusual


@dataclass(frozen=True)
class Sheet(Unusual):
    """middle float64 (d,); off float64 (d, r): directions that leave the sheet."""

    middle: Array
    off: Array

    def scores(self, x: Array) -> Floats:
        return np.asarray(np.square((x - self.middle) @ self.off).sum(axis=1))


@dataclass(frozen=True)
class PrincipalComponentDetection(Detector):
    card: ClassVar = Card(
        id="principal_component_detection",
        name="distance to the principal components",
        year=2003,
        paper="Shyu et al., A Novel Anomaly Detection Scheme Based on Principal Component Classifier, ICDM (2003)",
        tasks=frozenset({"detect"}),
    )
    fitted: ClassVar = Sheet

    kept: float = setting(0.9, "share of the variance that lies along the sheet")
    second: float = setting(0.2, "share of the rows, the most unusual, that a second look leaves out")

    def cost(self, job: Shape, on: Machine) -> Cost:
        n, d = min(job.rows, unusual.MOST_ROWS), job.width
        seconds = 0.002 + (12.0 * n * d * d + 40.0 * d**3) / (on.gflops * 1e9) + 80.0 * n * d / on.bandwidth
        return Cost(self.looks * seconds, 2e6 + 24.0 * n * d + 40.0 * d * d)

    def learned(self, x: Array, blank: dict[str, Array], clock: Clock) -> Sheet:
        offset = x.astype(np.float64)
        middle = offset.mean(axis=0)
        offset -= middle
        squares, directions = np.linalg.eigh(offset.T @ offset / len(x))
        along = np.cumsum(np.maximum(squares[::-1], 0)) >= float(np.clip(self.kept, 0, 1)) * squares.sum()
        sheet = min(int(along.argmax()) + 1, max(len(squares) - 1, 1)) if len(squares) > 1 else 0
        return Sheet(**blank, middle=middle, off=directions[:, : len(squares) - sheet])
