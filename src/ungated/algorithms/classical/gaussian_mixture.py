"""Clouds of any slant: describe the rows as drawn from k Gaussian clouds, and ask of each row which cloud it came from.

Expectation and maximisation take turns: how likely is each row from each cloud, and which centre, width and slant would
make its rows likeliest? Each turn raises the likelihood of all rows. So groups that are long, slanted or of unlike
widths are told apart where k-means cuts them. With many columns a slant has more numbers than there are rows to tell
them; there the columns are taken one by one (diagonal). The number of clouds is chosen by the task's own error.

Cost: O(n k d²) a turn and O(k d³), for each k; O(k d²) to keep.
Paper: Fraley & Raftery, "How many clusters? Which clustering method? Answers via model-based cluster analysis", The
Computer Journal 41 (1998); the turns: Dempster, Laird & Rubin, Journal of the Royal Statistical Society B 39 (1977).
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...core.algorithm import Card, Cost, Fitted, Machine, Task
from ...core.clock import Clock
from ...core.numbers import Answer, Array, Floats, Numbers, Shape
from ...engines.centres import k_means
from ...engines.grouping import MOST_GROUPS, Grouping, chosen, in_order, rows_of

MOST_ROWS = 5000
SLANTED = 25  # columns up to which every cloud has a slant of its own
TURNS = 100


@dataclass(frozen=True)
class Clouds(Fitted):
    """centres: (k, d). shapes: (k, d, d), or (k, d) where columns are taken one by one: the roots of their precisions.

    common: (k,) log shares. weights: (d,) of the columns.
    """

    centres: Array
    shapes: Array
    common: Array
    weights: Array

    def answer(self, x: Array) -> Answer:
        x = np.asarray(x, np.float64) * self.weights
        logs = np.empty((len(x), len(self.centres)))
        for c, (centre, shape) in enumerate(zip(self.centres, self.shapes, strict=True)):
            away = x - centre
            turned, wide = (away @ shape, np.diag(shape)) if shape.ndim == 2 else (away * shape, shape)
            logs[:, c] = self.common[c] + np.log(wide).sum() - np.square(turned).sum(axis=1) / 2
        powers = np.exp(logs - logs.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)


@dataclass(frozen=True)
class GaussianMixture(Grouping):
    card: ClassVar = Card(
        id="gaussian_mixture",
        name="Gaussian mixture",
        year=1998,
        paper="Fraley & Raftery, How many clusters? Which clustering method?, The Computer Journal 41 (1998)",
        tasks=frozenset({"cluster"}),
        loads=("sklearn.mixture",),
        anytime=True,
    )
    fitted: ClassVar = Clouds

    def cost(self, job: Shape, on: Machine) -> Cost:
        n, d = min(job.rows, MOST_ROWS), job.width
        each = n * d * (d if d <= SLANTED else 4) * 4 / on.gflops / 1e9 + 3e-4
        seconds = 0.1 + MOST_GROUPS * 30 * (MOST_GROUPS / 2 * each) + 25 * 6e-8 * min(n, 2000) ** 2
        return Cost(seconds + 1e-8 * job.rows * d, 24.0 * job.rows * d + 64.0 * n * MOST_GROUPS + 4e7)

    def fit(self, train: Numbers, task: Task, clock: Clock) -> Clouds:
        whole = rows_of(self.card, train, task, clock.seed)
        rows = whole.sample(MOST_ROWS, clock.seed)
        found: dict[bytes, Any] = {}

        def proposals() -> Iterator[tuple[float, Array]]:
            for k in self.counts(rows):
                k = min(k, len(rows.x))
                mixture = self._mixed(rows.x, k_means(rows.x, k, clock, starts=2)[0], clock)
                groups = mixture.predict(rows.x)
                found[in_order(groups).tobytes()] = mixture
                yield k, groups

        groups = chosen(proposals(), rows, task, clock, self.groups, self.give)
        mixture = found.get(groups.tobytes())
        if mixture is None:
            mixture = self._mixed(rows.x, rows.x.mean(axis=0, keepdims=True), clock)
        order = np.argsort(-np.bincount(mixture.predict(rows.x), minlength=len(mixture.means_)), kind="stable")
        shapes = np.asarray(mixture.precisions_cholesky_)[order]
        return Clouds(mixture.means_[order], shapes, np.log(mixture.weights_[order] + 1e-300), whole.weights)

    def _mixed(self, x: Floats, centres: Floats, clock: Clock) -> Any:
        """The clouds that settle when they begin at these centres."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import GaussianMixture as Mixture

        kind = "full" if x.shape[1] <= SLANTED else "diag"
        least = 1e-3 * float(x.var()) + 1e-9  # a cloud is no thinner, or it would close around a single row
        turns = TURNS if not clock.expired else 1
        mixture = Mixture(len(centres), covariance_type=kind, reg_covar=least, max_iter=turns, means_init=centres)
        mixture.set_params(random_state=clock.seed % 2**32, init_params="random_from_data")
        x = x if len(x) > 1 else np.repeat(x, 2, axis=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return mixture.fit(x)
