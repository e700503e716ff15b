"""Pictures as mixtures of a few patterns, drawn from a few clouds a class.

The pictures of a class differ mostly in a few dozen ways. Principal components find them: patterns of pixels, each at
right angles to those before it, that explain as much of what differs as any pattern could. A picture is then a short
list of amounts, one a pattern. Such lists form clouds, and each cloud is taken for a Gaussian with an ellipsoid of its
own (EM: every list is shared out among the clouds by how likely each would have made it; each cloud moves to the lists
that it got; and again). To make a picture, draw a cloud, draw a list from it, add up the patterns, and for what the
patterns left unexplained add noise of the right strength, pixel by pixel (Tipping & Bishop 1999).

What is made has the right strokes in the right places, blurred: sums of patterns cannot say "either here or there".

Cost: O(n d k + iterations n c k²) time for n pictures of d pixels, k patterns and c clouds, O(n k + d k) memory beyond
the pictures.
Paper: Tipping & Bishop, "Mixtures of Probabilistic Principal Component Analysers", Neural Computation 11, 1999.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.algorithm import Algorithm, Card, Cost, Machine, Maker, Task, setting
from ...core.clock import Clock
from ...core.numbers import Answer, Array, Form, Numbers, Shape
from ...engines.made import checked_pictures, levels_like, proportional, relevelled, rounded, straight

MOST = 6000  # pictures of a class that are learned from: clouds do not need more
LEAST_EACH = 4  # pictures for each pattern and cloud, at least
BENT = 512  # pictures made to see how frequent their levels are
ROUNDS = 60  # of EM, at most


@dataclass(frozen=True)
class Clouds(Maker):
    """For each class its patterns and clouds, one after another.

    shape: (c, h, w). shares float64 (classes,). means float32 (classes, d), pixels from -1 to 1. patterns float32
    (p, d): `patterned` (classes,) int64 of each class. weights float64 (clouds,): `clouded` (classes,) of each class.
    centres float64 (sum of clouds x patterns,) and roots float64 (sum of clouds x patterns²,): each cloud's mean and a
    matrix whose product with a list of standard normal numbers has its spread. noise float32 (classes, d): deviation of
    what was left. levels: see `relevelled`.
    """

    shape: list[int]
    shares: Array
    means: Array
    patterns: Array
    patterned: Array
    weights: Array
    clouded: Array
    centres: Array
    roots: Array
    noise: Array
    levels: Array

    def answer(self, x: Array) -> Answer:
        made = relevelled(self.raw(proportional(self.shares, len(x)), seed=0), self.levels)
        return made.reshape(len(x), -1).astype(np.float64)

    def make(self, labels: Array, seed: int) -> Array:
        return rounded(relevelled(self.raw(labels, seed), self.levels))

    def raw(self, labels: Array, seed: int) -> Array:
        """As `make` before the levels are bent: float32, about -1 to 1."""
        made = np.empty((len(labels), self.means.shape[1]), np.float32)
        for label in np.unique(labels):
            patterns, weights, centres, roots = self._of(int(label))
            here = np.flatnonzero(labels == label)
            rng = np.random.default_rng([seed, int(label)])
            cloud = rng.choice(len(weights), size=len(here), p=weights)
            drawn = rng.standard_normal((len(here), len(patterns)))
            lists = centres[cloud] + np.einsum("nij,nj->ni", roots[cloud], drawn)
            rest = rng.standard_normal((len(here), made.shape[1]), np.float32)
            made[here] = self.means[label] + lists.astype(np.float32) @ patterns + self.noise[label] * rest
        return made.reshape(len(labels), *self.shape)

    def _of(self, label: int) -> tuple[Array, Array, Array, Array]:
        """(patterns (k, d), weights (c,), centres (c, k), roots (c, k, k)) of a class."""
        k, c = self.patterned, self.clouded
        pattern, cloud = int(k[:label].sum()), int(c[:label].sum())
        centre, root = int((c * k)[:label].sum()), int((c * k * k)[:label].sum())
        kk, cc = int(k[label]), int(c[label])
        return (
            self.patterns[pattern : pattern + kk],
            self.weights[cloud : cloud + cc],
            self.centres[centre : centre + cc * kk].reshape(cc, kk),
            self.roots[root : root + cc * kk * kk].reshape(cc, kk, kk),
        )


@dataclass(frozen=True)
class PCAMixture(Algorithm):
    card: ClassVar = Card(
        id="pca_mixture",
        name="principal components and clouds",
        year=1999,
        paper="Tipping & Bishop, Mixtures of Probabilistic Principal Component Analysers (1999)",
        tasks=frozenset({"generate"}),
        form=Form.PIXELS,
        loads=("sklearn.mixture", "scipy.linalg"),
    )
    fitted: ClassVar = Clouds
    variants: ClassVar = ({"patterns": 80, "clouds": 10}, {"patterns": 25, "clouds": 5})

    patterns: int = setting(50, "patterns of pixels for each class, at most")
    clouds: int = setting(8, "Gaussians for each class, at most")

    def cost(self, job: Shape, on: Machine) -> Cost:
        n, d, k = float(job.rows), float(job.width), float(min(self.patterns, job.width))
        found = 2 * n * d * (k + 30) * 4 + 2 * min(n, d) ** 2 * max(n, d)
        clouds = 30 * 4 * n * self.clouds * k**2
        return Cost(0.3 + 4 * (found + clouds) / (on.gflops * 1e9), 1.2e8 + 12.0 * min(n, MOST) * d + 8 * n * k)

    def fit(self, train: Numbers, task: Task, clock: Clock) -> Clouds:
        x, y = checked_pictures(self.card, train)
        classes = int(y.max()) + 1
        rng = np.random.default_rng(clock.seed)
        parts = [self._learned(x[rows], clock) for rows in _rows_of(y, classes, rng)]
        fitted = Clouds(
            shape=list(x.shape[1:]),
            shares=np.bincount(y, minlength=classes) / len(y),
            means=np.stack([p[0] for p in parts]),
            noise=np.stack([p[1] for p in parts]),
            patterns=np.concatenate([p[2] for p in parts]),
            patterned=np.array([len(p[2]) for p in parts]),
            weights=np.concatenate([p[3] for p in parts]),
            clouded=np.array([len(p[3]) for p in parts]),
            centres=np.concatenate([p[4].ravel() for p in parts]),
            roots=np.concatenate([p[5].ravel() for p in parts]),
            levels=straight(x.shape[1]),
        )
        made = fitted.raw(proportional(fitted.shares, BENT), clock.seed)
        return Clouds(**{**vars(fitted), "levels": levels_like(made, x)})

    def _learned(self, pictures: Array, clock: Clock) -> tuple[Array, Array, Array, Array, Array, Array]:
        """(mean (d,), deviation of the rest (d,), patterns (k, d), weights (c,), centres (c, k), roots (c, k, k))."""
        import warnings

        from sklearn.decomposition import PCA
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import GaussianMixture

        n = len(pictures)
        x = pictures.reshape(n, -1).astype(np.float32) / 127.5 - 1
        mean = x.mean(axis=0)
        x -= mean
        k = max(0, min(self.patterns, x.shape[1] - 1, n // LEAST_EACH, n - 2))
        if not k or float(np.abs(x).max()) < 1e-6:
            return mean, x.std(axis=0), np.zeros((1, x.shape[1]), np.float32), np.ones(1), *_one_cloud(np.zeros((1, 1)))
        found = PCA(k, svd_solver="randomized" if k < 0.5 * min(x.shape) else "full", random_state=clock.seed).fit(x)
        patterns = found.components_.astype(np.float32)
        lists = x @ patterns.T
        rest = (x - lists @ patterns).std(axis=0)
        clouds = 1 if clock.expired else max(1, min(self.clouds, n // (LEAST_EACH * k)))
        mixture = GaussianMixture(
            clouds, reg_covar=1e-4, max_iter=ROUNDS, random_state=clock.seed, init_params="kmeans"
        )
        scaled = lists.std(axis=0) + 1e-6
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # ROUNDS are enough for clouds to be drawn from
            mixture.fit(lists / scaled)
        centres = mixture.means_ * scaled
        roots = np.linalg.cholesky(mixture.covariances_) * scaled[:, None]
        return mean, rest, patterns, mixture.weights_ / mixture.weights_.sum(), centres, roots


def _one_cloud(root: Array) -> tuple[Array, Array]:
    return np.zeros((1, len(root))), root[None]


def _rows_of(y: Array, classes: int, rng: np.random.Generator) -> Iterator[Array]:
    """Rows of each class, MOST at most; of a class without rows, any."""
    for label in range(classes):
        rows = np.flatnonzero(y == label)
        rows = rows if len(rows) else np.arange(len(y))
        yield np.sort(rng.permutation(rows)[:MOST])
