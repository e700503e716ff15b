"""Cut where few lines cross: join each row to its nearest, and part this web where cutting it costs least.

Where a walker who steps from row to row along the web would linger is a group; the slowest waves of the web, the first
eigenvectors of its matrix, are level inside each group and step between them. In these few new columns the groups lie
apart, whatever their shape was, and k-means finds them: rings, moons and written digits alike. Lines are weighed by how
near two rows are for where they are, so that sparse groups hold together as dense ones do. The web is woven of at most
a few thousand rows; a new row goes where the nearest of these is.

Cost: O(n² d) for the web, O(n k² · steps) for its waves.
Paper: Ng, Jordan & Weiss, "On spectral clustering: analysis and an algorithm", NIPS 2001 (local scales: Zelnik-Manor &
Perona, "Self-tuning spectral clustering", NIPS 2004).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.algorithm import Card, Cost, Machine, Task, setting
from ...core.clock import Clock
from ...core.numbers import Array, Floats, Numbers, Shape
from ...engines.centres import k_means
from ...engines.grouping import Grouping, Remembered, chosen, neighbours, remembered, rows_of

MOST_ROWS = 3000
DENSE = 400  # rows up to which all waves are computed at once


@dataclass(frozen=True)
class SpectralClustering(Grouping):
    card: ClassVar = Card(
        id="spectral_clustering",
        name="spectral clustering",
        year=2001,
        paper="Ng, Jordan & Weiss, On spectral clustering: analysis and an algorithm, NIPS (2001)",
        tasks=frozenset({"cluster"}),
        loads=("scipy.sparse.linalg",),
    )
    fitted: ClassVar = Remembered
    variants: ClassVar = ({"near": 6}, {"near": 16})

    near: int = setting(10, "to how many of its nearest each row is joined")

    def cost(self, job: Shape, on: Machine) -> Cost:
        n = min(job.rows, MOST_ROWS)
        web = n * n * (4e-8 + 2 * job.width / on.gflops / 1e9)
        waves = 60 * n * 25 * (40 / on.bandwidth * 25 + 1e-7) + 1e-9 * min(n, DENSE) ** 3
        tried = 25 * (6e-8 * min(n, 2000) ** 2 + 2e-6 * n)
        return Cost(0.05 + web + waves + tried + 1e-9 * job.rows * job.width, 24.0 * n * n + 8e6)

    def fit(self, train: Numbers, task: Task, clock: Clock) -> Remembered:
        rows = rows_of(self.card, train, task, clock.seed).sample(MOST_ROWS, clock.seed)
        if not rows.counts:
            return remembered(rows, np.zeros(len(rows.x), np.int64))
        slow = waves(*neighbours(rows.x, self.near), max(self.counts(rows)), clock.seed)

        def proposals() -> Iterator[tuple[float, Array]]:
            for k in self.counts(rows):
                level = slow[:, :k]
                level = level / np.maximum(np.linalg.norm(level, axis=1, keepdims=True), 1e-12)
                yield k, k_means(level, k, clock)[1]

        return remembered(rows, chosen(proposals(), rows, task, clock, self.groups, self.give))


def waves(near: Array, far: Floats, count: int, seed: int) -> Floats:
    """The slowest waves of the web that joins each row to its nearest (n, k), (n, count), slowest first."""
    from scipy.sparse import coo_array, eye_array
    from scipy.sparse.linalg import eigsh

    n = len(near)
    scale = np.maximum(far[:, min(far.shape[1] - 1, 6)], 1e-12)
    close = np.exp(-np.square(far) / (scale[:, None] * scale[near])).ravel()
    web = coo_array((close, (np.repeat(np.arange(n), near.shape[1]), near.ravel())), shape=(n, n)).tocsr()
    web = (web + web.T) / 2 + 1e-9 * eye_array(n)
    root = 1 / np.sqrt(np.asarray(web.sum(axis=1)).ravel())
    web = coo_array(web)
    even = coo_array((web.data * root[web.row] * root[web.col], (web.row, web.col)), shape=(n, n)).tocsr()
    count = min(count, n - 1)
    if n <= DENSE:
        return np.linalg.eigh(even.toarray())[1][:, ::-1][:, :count]
    start = np.random.default_rng(seed).uniform(0.5, 1.5, n)
    values, found = eigsh(even + eye_array(n), k=count, which="LA", v0=start, tol=1e-4, maxiter=60 * n)
    return found[:, np.argsort(-values)]
