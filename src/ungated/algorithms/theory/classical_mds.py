"""Draw the map from a table of distances, as one would from those between cities: classical multidimensional scaling.

Given how far every row is from every other, double centring turns squared distances into the products that places
would have, and the strongest directions of that table are the places. Of straight-line distances this is the map of
principal components. So here distances are taken along the streets, column by column (city-block): they mind one
column that is far off less than many that are a little off. For many rows a thousand landmarks are drawn, and every
other row is put where its distances to the landmarks say; so is every new one.

Cost: O(n m d + m² dims) time for m landmarks, at most 1,000; O(m² + m d) memory.
Paper: Torgerson, "Multidimensional Scaling: I. Theory and Method", Psychometrika 17, 1952
(landmarks: de Silva & Tenenbaum, "Sparse multidimensional scaling using landmark points", 2004).
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.algorithm import Algorithm, Card, Cost, Fitted, Machine, Task
from ...core.clock import Clock
from ...core.numbers import Answer, Array, Floats, Numbers, Shape
from ...engines.rows import checked
from ...engines.unusual import some

LANDMARKS = 1000
AT_ONCE = 256


@dataclass(frozen=True)
class Triangles(Fitted):
    """landmarks float32 (m, d); means float64 (m,): of each one's distances; lines float64 (m, dims).

    The distances of a row to the landmarks, less the means, times `lines` are its place.
    """

    landmarks: Array
    means: Array
    lines: Array

    def answer(self, x: Array) -> Answer:
        parts = [
            (self.means - streets(x[i : i + AT_ONCE], self.landmarks)) @ self.lines for i in range(0, len(x), AT_ONCE)
        ]
        return np.concatenate(parts) if parts else np.empty((0, self.lines.shape[1]))


def streets(x: Array, landmarks: Array) -> Floats:
    """City-block distances (n, m). They are squares of straight-line ones in some space of more dimensions."""
    from scipy.spatial.distance import cdist

    return np.asarray(cdist(np.asarray(x, np.float64), landmarks, "cityblock"))


@dataclass(frozen=True)
class ClassicalMDS(Algorithm):
    card: ClassVar = Card(
        id="classical_mds",
        name="classical scaling",
        year=1952,
        paper="Torgerson, Multidimensional Scaling: I. Theory and Method, Psychometrika 17 (1952)",
        tasks=frozenset({"embed"}),
        loads=("scipy.spatial.distance",),
        answers_with=("scipy.spatial.distance",),
    )
    fitted: ClassVar = Triangles

    def cost(self, job: Shape, on: Machine) -> Cost:
        m = min(job.rows, LANDMARKS)
        asked = min(job.rows, 5000)
        seconds = 0.005 + (m + asked) * m * job.width * 0.0015 / (on.scalar * 1e6) + 60.0 * m * m / (on.gflops * 1e9)
        return Cost(
            seconds + 4.0 * job.rows * job.width / on.bandwidth, 2e6 + 24.0 * m * m + 12.0 * job.rows * job.width
        )

    def fit(self, train: Numbers, task: Task, clock: Clock) -> Triangles:
        x, _ = checked(self.card, train, task)
        landmarks = np.asarray(some(x, LANDMARKS, clock.seed))
        far, m = streets(landmarks, landmarks), len(landmarks)
        means = far.mean(axis=0)
        products = -0.5 * (far - means - means[:, None] + means.mean())
        dims = min(task.outputs, m)
        strong, places = np.linalg.eigh(products)
        order = np.argsort(-strong, kind="stable")[:dims]
        strong, places = strong[order], places[:, order]
        places = places * np.where(places[np.abs(places).argmax(axis=0), np.arange(dims)] < 0, -1, 1)
        # A direction that is not real (its strength is not above 0) is left flat.
        real = strong > 1e-9 * max(float(strong[0]), 1e-12)
        lines = np.where(real, 0.5 * places / np.sqrt(np.where(real, strong, 1.0)), 0.0)
        return Triangles(landmarks, means, np.pad(lines, ((0, 0), (0, task.outputs - dims))))
