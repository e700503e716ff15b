"""Groups among what a network remembers: squeeze each row through a narrow middle, and look for groups there.

An autoencoder says each row again after squeezing it through a few numbers. What is noise, and what many columns say
alike, does not get through; what tells rows apart does. Distances in the middle are then distances between what rows
mean, and centres (k-means) gather them. The middle is only a few numbers wide, so that it cannot copy. The number of
groups is the one that errs least by the task's own error, on the rows as they are and not in the middle, where
a network could flatter itself.

Cost: O(epochs n (d w + w²)) time for hidden layers of width w, O(n d + d w) memory.
Paper: Xie, Girshick & Farhadi, "Unsupervised deep embedding for clustering analysis", ICML 2016.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from ...core.algorithm import Card, Cost, Machine, Task, setting
from ...core.clock import Clock
from ...core.numbers import Answer, Array, Numbers, Shape
from ...engines.autoencoder import Squeezed, schedule, seconds, squeeze
from ...engines.centres import k_means
from ...engines.grouping import Grouping, chosen, nearest, rows_of, shares

MOST_ROWS = 20_000  # that the network learns from
MOST_TRIED = 5000  # on which the number of groups is chosen
AT_ONCE = 4096


@dataclass(frozen=True)
class Remembrance(Squeezed):
    """centres float64 (k, middle): of the groups, in the middle. spread (middle,): its deviations. columns (d,)."""

    centres: Array
    spread: Array
    columns: Array

    def middle(self, x: Array) -> Array:
        """What the middle holds of weighed rows, each number in its own deviations."""
        return self.codes(x) / self.spread

    def answer(self, x: Array) -> Answer:
        x = (np.asarray(x, np.float64) * self.columns).astype(np.float32)
        return shares(nearest(self.middle(x), self.centres), len(self.centres))


@dataclass(frozen=True)
class AutoencoderClusters(Grouping):
    card: ClassVar = Card(
        id="autoencoder_clusters",
        name="autoencoder and k-means",
        year=2016,
        paper="Xie, Girshick & Farhadi, Unsupervised Deep Embedding for Clustering Analysis, ICML (2016)",
        tasks=frozenset({"cluster"}),
        extras=("modern",),
        anytime=True,
    )
    fitted: ClassVar = Remembrance

    middle: int = setting(8, "numbers in the middle, at most half of the columns")
    hidden: int = setting(64, "units of the first hidden layer")
    effort: float = setting(0.3, "how long to train, times the usual")

    def cost(self, job: Shape, on: Machine) -> Cost:
        few = replace(job, rows=min(job.rows, MOST_ROWS))
        took = seconds(few, self.hidden, schedule(few.rows, self.effort), on)
        tried = 25 * (6e-8 * min(job.rows, 2000) ** 2 + 1e-6 * min(job.rows, MOST_TRIED))
        return Cost(took + tried, 3e8 + 24.0 * job.rows * job.width + 48.0 * self.hidden * job.width)

    def fit(self, train: Numbers, task: Task, clock: Clock) -> Remembrance:
        rows = rows_of(self.card, train, task, clock.seed).sample(MOST_ROWS, clock.seed)
        x, d = rows.x.astype(np.float32), rows.x.shape[1]
        design = {"width": d, "hidden": self.hidden, "middle": max(1, min(self.middle, d // 2))}
        learned = squeeze(train, x, design, schedule(len(x), self.effort), task, clock)
        blank = Remembrance(learned[0], design, *learned[1:], np.zeros((1, 1)), np.ones(1), rows.weights)
        blank = replace(blank, spread=np.maximum(blank.codes(x).std(axis=0), 1e-9))
        some = rows.sample(MOST_TRIED, clock.seed)
        middle = blank.middle(some.x.astype(np.float32))

        def proposals() -> Iterator[tuple[float, Array]]:
            for k in self.counts(some):
                yield k, k_means(middle, min(k, len(middle)), clock)[1]

        groups = chosen(proposals(), some, task, clock, self.groups, self.give)
        return replace(
            blank, centres=np.stack([middle[groups == g].mean(axis=0) for g in range(int(groups.max()) + 1)])
        )
