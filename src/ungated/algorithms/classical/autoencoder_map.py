"""Squeeze each row through two numbers and say it again: what passes is where it lies on the map.

An autoencoder whose middle is as narrow as the map must give rows that differ different places, or it could not tell
them apart on the way out. It is principal components with bent axes. A new row is placed by the network itself. With a
wider middle the numbers in it are vectors to reuse.

Cost: O(epochs n (d w + w²)) time for hidden layers of width w, O(n d + d w) memory.
Paper: Hinton & Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks", Science 313, 2006
(noise in what it reads: Vincent et al. 2008).
"""

from dataclasses import dataclass
from typing import ClassVar

from ...core.algorithm import Algorithm, Card, Cost, Machine, Task, setting
from ...core.clock import Clock
from ...core.numbers import Answer, Array, Numbers, Shape
from ...engines.autoencoder import Squeezed, schedule, seconds, squeeze
from ...engines.rows import checked


@dataclass(frozen=True)
class Middle(Squeezed):
    """The network whose middle is the map."""

    def answer(self, x: Array) -> Answer:
        return self.codes(x)


@dataclass(frozen=True)
class AutoencoderMap(Algorithm):
    card: ClassVar = Card(
        id="autoencoder_map",
        name="autoencoder",
        year=2006,
        paper="Hinton & Salakhutdinov, Reducing the Dimensionality of Data with Neural Networks, Science 313 (2006)",
        tasks=frozenset({"embed"}),
        extras=("modern",),
        anytime=True,
    )
    fitted: ClassVar = Middle

    hidden: int = setting(128, "units of the first hidden layer")
    effort: float = setting(0.3, "how long to train, times the usual")

    def cost(self, job: Shape, on: Machine) -> Cost:
        took = seconds(job, self.hidden, schedule(job.rows, self.effort), on)
        return Cost(took, 3e8 + 24.0 * job.rows * job.width + 48.0 * self.hidden * job.width)

    def fit(self, train: Numbers, task: Task, clock: Clock) -> Middle:
        x, _ = checked(self.card, train, task)
        design = {"width": x.shape[1], "hidden": self.hidden, "middle": task.outputs}
        weights, centre, scale = squeeze(train, x, design, schedule(len(x), self.effort), task, clock)
        return Middle(weights, design, centre, scale)
