"""The trivial baseline: answer the same whatever the row says.

Classes get the probabilities with which they were seen; amounts get their mean. It learns nothing from the columns, so
whoever errs no less than this has found no pattern. It always runs, first, and stands beside every error reported.

Cost: O(n) time, O(1) memory.
Paper: Laplace, "Mémoire sur la probabilité des causes par les événements", 1774.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.algorithm import Algorithm, Card, Cost, Fitted, Machine, Task
from ...core.clock import Clock
from ...core.numbers import Answer, Array, Floats, Numbers, Shape, Takes


@dataclass(frozen=True)
class Constant(Fitted):
    """value (outputs,): the answer to every row."""

    value: Floats

    def answer(self, x: Array) -> Answer:
        return np.tile(self.value, (x.shape[0], 1))


@dataclass(frozen=True)
class Baseline(Algorithm):
    card: ClassVar = Card(
        id="baseline",
        name="trivial baseline",
        year=1774,
        paper="Laplace, Mémoire sur la probabilité des causes par les événements (1774)",
        tasks=frozenset({"classify", "regress", "cluster", "associate", "detect", "embed", "generate"}),
        takes=frozenset({Takes.MISSING, Takes.CATEGORIES, Takes.RAW_SCALE}),
        skips={"beats the baseline": "it is the baseline", "refuses bad input": "it looks at no column"},
    )
    fitted: ClassVar = Constant

    def cost(self, job: Shape, on: Machine) -> Cost:
        return Cost(0.001 + 2e-8 * job.rows, 1e5 + 16.0 * job.rows)

    def fit(self, train: Numbers, task: Task, clock: Clock) -> Constant:
        return Constant(task.baseline(train.y)[0])
