"""How well a fresh classifier tells made pictures from real ones, and how far apart the two are on average.

Both look at pictures through the same thousands of features. Small squares cut from the pictures themselves serve as
filters; each is laid everywhere on a picture (how like the square is it here, beyond a threshold?), and what it finds
is averaged over a few regions. Such filters, which nobody trained, are nearly as good as trained ones where pictures
are few (Coates, Lee & Ng 2011). Frequencies of levels are added: a black that is not quite black gives a maker away.

The classifier is ridge regression on these, its strength chosen by leave-one-out. Each half of the pictures is told by
one that learned from the other half. 50% right is a perfect maker; 100% one that is always found out (Lopez-Paz &
Oquab, "Revisiting Classifier Two-Sample Tests", ICLR 2017). The distance is Fréchet's between two Gaussians with the
means and spreads of the features (Heusel et al., "GANs Trained by a Two Time-Scale Update Rule", 2017).
"""

from collections.abc import Iterator
from functools import cache
from itertools import product

import numpy as np
from threadpoolctl import threadpool_limits

from ..core.numbers import Array, Floats
from .ridge import ridge

SQUARES = ((3, 80), (5, 112), (7, 48))  # pixels a side of a filter, and how many such filters
WIDEST = 64  # pixels a side; larger pictures are averaged down before they are looked at
AT_ONCE = 16  # pictures looked at together, so that what is found of them stays in the processor's cache
REGIONS = 3  # along a side, in each of which a filter's finds are averaged
LEVELS = (0, 1, 2, 4, 8, 16, 32, 64, 96, 128, 160, 192, 224, 240, 248, 252, 254, 255, 256)  # edges of a histogram
PATTERNS = 48  # principal components of the features on which the distance is measured


class Looks:
    """Filters cut from these pictures: uint8 (n, channels, height, width)."""

    def __init__(self, pictures: Array, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        few = _small(pictures[rng.permutation(len(pictures))[:500]])
        self.filters: list[tuple[int, Array, Array]] = []
        for side, count in SQUARES:
            side = min(side, *few.shape[2:])
            cut = _squares(few, side, rng, 4 * count)
            busy = np.argsort(-cut.std(axis=1), kind="stable")[: 3 * count]  # plain ground says nothing
            chosen = cut[rng.permutation(busy)[:count]]
            centred = chosen - chosen.mean(axis=1, keepdims=True)
            filters = centred / (np.linalg.norm(centred, axis=1, keepdims=True) + 1e-6)
            found = cut @ filters.T
            self.filters.append((side, filters, np.quantile(found, 0.6, axis=0).astype(np.float32)))

    def features(self, pictures: Array) -> Array:
        """float32 (n, features) of uint8 pictures."""
        return np.concatenate(list(self.parts(pictures)))

    def parts(self, pictures: Array) -> Iterator[Array]:
        """As `features`, some pictures at a time."""
        for i in range(0, max(1, len(pictures)), AT_ONCE):
            part = pictures[i : i + AT_ONCE]
            small = _small(part)
            found = [self._found(small, *filters) for filters in self.filters]
            yield np.concatenate([*found, _histograms(part)], axis=1)

    def _found(self, x: Array, side: int, filters: Array, least: Array) -> Array:
        """What filters (k, c side²) find in float32 x (n, c, h, w) beyond `least`, in each region: (n, regions² k)."""
        n = len(x)
        windows = np.lib.stride_tricks.sliding_window_view(x, (side, side), axis=(2, 3))
        high, wide = windows.shape[2:4]
        flat = np.ascontiguousarray(windows.transpose(0, 2, 3, 1, 4, 5)).reshape(n * high * wide, -1)
        found = flat @ filters.T
        found -= least
        np.maximum(found, 0, out=found)
        regions = _regions(high, wide)
        return np.matmul(regions, found.reshape(n, high * wide, -1)).reshape(n, -1)


def scores(real: Array, made: Array, seed: int = 0) -> tuple[Floats, Floats]:
    """How real each real and each made picture looks to the classifier, above 0 for real: float64 (n,) each.

    real, made: uint8 (n, channels, height, width), as many of each.
    """
    with threadpool_limits(1):  # many small products: threads that wait for one another beside busy workers take longer
        n, rng = len(real), np.random.default_rng(seed)
        half, said = rng.permutation(n) % 2, np.zeros((2, n))
        if n < 4:
            return np.ones(n), -np.ones(n)  # too few to learn from: told, for all that is known
        for which in (0, 1):
            learn, test = np.flatnonzero(half != which), np.flatnonzero(half == which)
            both = np.concatenate([real[learn], made[learn]])
            looks = Looks(both, seed)
            x, target = looks.features(both), np.repeat([1.0, -1.0], len(learn))[:, None]
            fit = ridge([x], target, x.shape[1], lambda tries, error: True, rng)
            for k, pictures in enumerate((real, made)):
                said[k, test] = looks.features(pictures[test]) @ fit.weights[:, 0] + fit.bias[0]
        return said[0], said[1]


def rightly_told(scores_: tuple[Floats, Floats]) -> Floats:
    """Of each pair of a real and a made picture, the share that is told rightly, float64 (n,): none, half or all."""
    real, made = scores_
    return np.mean([real > 0, made <= 0], axis=0)


def separation(scores_: tuple[Floats, Floats]) -> float:
    """How many deviations lie between the mean scores of real and of made pictures; 0 where they are alike.

    Known as d' (Green & Swets, "Signal Detection Theory", 1966). It still moves where nearly all are told.
    """
    real, made = scores_
    spread = np.sqrt((real.var() + made.var()) / 2)
    return float((real.mean() - made.mean()) / max(spread, 1e-9))


def distance(real: Array, made: Array) -> float:
    """Fréchet's distance between real and made uint8 pictures, on the features' principal components among real ones.

    Components are scaled so that those of the real pictures vary by 1 in all: twice the share that does not fit.
    """
    with threadpool_limits(1):
        return _distance(real, made)


def _distance(real: Array, made: Array) -> float:
    looks = Looks(real)
    a, b = looks.features(real).astype(np.float64), looks.features(made).astype(np.float64)
    centre, scale = a.mean(axis=0), a.std(axis=0) + 1e-3 * a.std()
    a, b = (a - centre) / scale, (b - centre) / scale
    k = min(PATTERNS, len(a) - 1, a.shape[1])
    found, sides = np.linalg.eigh(a @ a.T)
    axes = a.T @ sides[:, -k:] / np.sqrt(np.maximum(found[-k:], 1e-12))
    axes *= np.sqrt(len(a) / max(float(found[-k:].sum()), 1e-9))
    a, b = a @ axes, b @ axes
    apart = float(np.square(a.mean(axis=0) - b.mean(axis=0)).sum())
    here, there = np.cov(a, rowvar=False).reshape(k, k), np.cov(b, rowvar=False).reshape(k, k)
    values, vectors = np.linalg.eigh(here)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    shared = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ there @ root), 0)).sum()
    return max(0.0, apart + float(np.trace(here) + np.trace(there) - 2 * shared))


@cache
def _regions(high: int, wide: int) -> Array:
    """float32 (regions, high wide): what each place counts for in the mean of each region."""
    down, across = (np.array_split(np.arange(side), min(REGIONS, side)) for side in (high, wide))
    regions = np.zeros((len(down) * len(across), high, wide), np.float32)
    for k, (rows, columns) in enumerate(product(down, across)):
        regions[k, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = 1 / (len(rows) * len(columns))
    return regions.reshape(len(regions), -1)


def _small(pictures: Array) -> Array:
    """float32, -1 to 1, large pictures averaged down by a whole number."""
    by = -(-max(pictures.shape[2:]) // WIDEST)
    x = pictures.astype(np.float32) / 127.5 - 1
    if by == 1:
        return x
    n, c, height, width = x.shape
    x = x[:, :, : max(by, height // by * by), : max(by, width // by * by)]
    high, wide = min(by, height), min(by, width)
    return x.reshape(n, c, x.shape[2] // high, high, x.shape[3] // wide, wide).mean(axis=(3, 5))


def _squares(x: Array, side: int, rng: np.random.Generator, count: int) -> Array:
    """`count` squares cut from anywhere in pictures: (count, channels side²)."""
    windows = np.lib.stride_tricks.sliding_window_view(x, (side, side), axis=(2, 3))
    n, _, high, wide = windows.shape[:4]
    at = rng.integers(n, size=count), rng.integers(high, size=count), rng.integers(wide, size=count)
    return windows.transpose(0, 2, 3, 1, 4, 5)[at].reshape(count, -1)


def _histograms(pictures: Array) -> Array:
    """How frequent each range of levels is in each picture and channel: float32 (n, channels ranges)."""
    n, channels = pictures.shape[:2]
    ranges = np.searchsorted(np.array(LEVELS), np.arange(256), side="right") - 1
    flat = ranges[pictures.reshape(n * channels, -1)]
    wide = len(LEVELS) - 1
    counts = np.bincount((flat + wide * np.arange(n * channels)[:, None]).ravel(), minlength=n * channels * wide)
    return (counts / flat.shape[1]).astype(np.float32).reshape(n, -1)
