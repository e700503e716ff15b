"""Say it again from memory: what a network cannot rebuild is what it has not met before.

An autoencoder squeezes each row through a narrow middle and says it again. To err little over all rows it must learn
what they have in common: which values go together, and along which bent surface the rows lie. A row off that surface
comes back changed, and by how much is its score. Errors count in units of what is usual for their column, so that
a noisy column does not drown the others, and each column's share of the error says what was odd.

Cost: O(epochs n (d w + w²)) time for hidden layers of width w, O(n d + d w) memory.
Paper: Sakurada & Yairi, "Anomaly Detection Using Autoencoders with Nonlinear Dimensionality Reduction", MLSDA 2014.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from ...core.algorithm import Algorithm, Card, Cost, Machine, Task, setting
from ...core.clock import Clock
from ...core.numbers import Answer, Array, Floats, Numbers, Shape
from ...engines.autoencoder import Squeezed, schedule, seconds, squeeze
from ...engines.rows import checked
from ...engines.unusual import AT_ONCE, levels_of, share

LEAST_USUAL = 0.01  # of a column's variance: a smaller error counts as this


@dataclass(frozen=True)
class Rebuilt(Squeezed):
    """levels float64 (2, m): see `engines.unusual`. usual float64 (d,): each column's median squared error."""

    levels: Array
    usual: Array

    def scores(self, x: Array) -> Floats:
        """The squared errors of a row's columns, each in units of what is usual for it, on average."""
        errors = np.square(self.said_again(x) - self.standard(x))
        return np.asarray((errors / self.usual).mean(axis=1))

    def answer(self, x: Array) -> Answer:
        parts = [share(self.levels, self.scores(x[i : i + AT_ONCE])) for i in range(0, len(x), AT_ONCE)]
        return np.concatenate(parts) if parts else np.empty((0, 1))


@dataclass(frozen=True)
class AutoencoderDetection(Algorithm):
    card: ClassVar = Card(
        id="autoencoder_detection",
        name="autoencoder reconstruction",
        year=2014,
        paper="Sakurada & Yairi, Anomaly Detection Using Autoencoders with Nonlinear Dimensionality Reduction, "
        "MLSDA (2014)",
        tasks=frozenset({"detect"}),
        extras=("modern",),
        anytime=True,
    )
    fitted: ClassVar = Rebuilt

    middle: float = setting(0.2, "numbers in the middle, times those of a row")
    hidden: int = setting(64, "units of the first hidden layer")
    effort: float = setting(0.3, "how long to train, times the usual")

    def cost(self, job: Shape, on: Machine) -> Cost:
        took = seconds(job, self.hidden, schedule(job.rows, self.effort), on)
        return Cost(took, 3e8 + 24.0 * job.rows * job.width + 48.0 * self.hidden * job.width)

    def fit(self, train: Numbers, task: Task, clock: Clock) -> Rebuilt:
        x = checked(self.card, train, task)[0]
        d = x.shape[1]
        design = {"width": d, "hidden": self.hidden, "middle": max(1, round(self.middle * min(d, self.hidden)))}
        plan = schedule(len(x), self.effort)
        weights, centre, scale = squeeze(train, x, design, plan, task, clock)
        blank = Rebuilt(weights, design, centre, scale, np.zeros((2, 1)), np.ones(d))
        errors = np.square(blank.said_again(x) - blank.standard(x))
        usual = np.maximum(np.median(errors, axis=0), LEAST_USUAL * errors.mean() + 1e-12)
        return replace(blank, levels=levels_of((errors / usual).mean(axis=1)), usual=usual)
